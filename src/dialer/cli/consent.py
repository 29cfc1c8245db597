"""``dialer consent``: what people agreed to, and what they took back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from dialer.cli.context import context_of, run_async
from dialer.cli.numbers import moment_of, number_of
from dialer.compliance.consent import missing_from_written
from dialer.compliance.policy import Dealing, DealingKind
from dialer.contacts.contact import Consent, ConsentKind
from dialer.errors import DialerError

app = typer.Typer(
    help="What people agreed to, and what they took back.\n\nExample: dialer consent show +13055550123",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


@app.command()
def add(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="Whose, in international form.")],
    kind: Annotated[ConsentKind, typer.Option(help="express (PEC) or written (PEWC).")],
    given: Annotated[str, typer.Option(help="When: 2026-05-01T10:00-05:00")],
    source: Annotated[str, typer.Option(help="Where: the form, recording or contract that proves it.")],
    text: Annotated[str, typer.Option(help="The exact wording that was shown or read out.")] = "",
    seller: Annotated[str, typer.Option(help="In whose favour; empty: not said.")] = "",
    expires: Annotated[str, typer.Option(help="When it ends by itself: 2027-05-01T00:00-05:00.")] = "",
    signature: Annotated[str, typer.Option(help="How it was signed.")] = "",
    recorded: Annotated[bool, typer.Option("--recorded", help="Its words authorise recorded sales messages.")] = False,
    free: Annotated[bool, typer.Option("--free", help="Its words say that buying does not depend on it.")] = False,
    evidence: Annotated[str, typer.Option(help="What proves it: a file's hash, an IP address, a recording.")] = "",
) -> None:
    """Put a consent on file. A written one needs all of it, else it counts as express (47 CFR 64.1200(f)(9)).

    Example: dialer consent add +13055550123 --kind express --given 2026-05-01T10:00-05:00 --source "intake form 4711"
    """
    context = context_of(ctx)
    now = context.clock.now()
    consent = Consent(
        kind=kind,
        given_at=moment_of(given),
        source=source.strip(),
        text=text,
        seller=seller,
        expires_at=moment_of(expires) if expires else None,
        signature=signature,
        authorises_recorded=recorded,
        not_a_condition=free,
        evidence=evidence,
    )
    if consent.given_at > now:
        raise DialerError(f"{given} has not come yet")
    if not consent.source:
        raise DialerError("a consent needs its source", hint="what would you show a judge?")
    e164 = number_of(number).e164

    async def work() -> bool:
        async with context.store() as store:
            return await store.consents.add(e164, consent, now)

    context.out.print(f"{e164}: {'put on file' if run_async(work()) else 'was on file already'}")
    missing = missing_from_written(consent) if kind is ConsentKind.WRITTEN else ()
    if missing:
        context.err.print(f"It counts as express only: it lacks {', '.join(missing)}.", markup=False)


@app.command()
def dealing(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="Whose, in international form.")],
    kind: Annotated[DealingKind, typer.Option(help="purchase (18 months) or inquiry (3 months).")],
    at: Annotated[str, typer.Option(help="When: 2026-05-01T10:00-05:00")],
    seller: Annotated[str, typer.Option(help="With whom.")],
    source: Annotated[str, typer.Option(help="Where it is on record.")],
) -> None:
    """Put on file what makes an established business relationship. It never replaces consent to a recorded message.

    Example: dialer consent dealing +13055550123 --kind inquiry --at 2026-05-01T10:00-05:00 --seller Acme --source mail
    """
    context = context_of(ctx)
    now = context.clock.now()
    had = Dealing(kind, moment_of(at), seller.strip(), source.strip())
    e164 = number_of(number).e164

    async def work() -> bool:
        async with context.store() as store:
            return await store.dealings.add(e164, had, now)

    context.out.print(f"{e164}: {'put on file' if run_async(work()) else 'was on file already'}")


@app.command()
def revoke(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="Whose, in international form.")],
    reason: Annotated[str, typer.Option(help="How it was revoked: a letter, a call, an e-mail.")],
    source: Annotated[str, typer.Option(help="Who took it down.")] = "operator",
    means: Annotated[str, typer.Option(help="By which means: key, letter, call, e-mail, text.")] = "",
    scope: Annotated[str, typer.Option(help="What the person spoke of; for the record only.")] = "",
) -> None:
    """End every consent of a number, for every campaign and purpose, from now on.

    Example: dialer consent revoke +13055550123 --reason "asked at the counter"
    """
    context = context_of(ctx)
    e164 = number_of(number).e164

    async def work() -> int:
        async with context.store() as store:
            return await store.consents.revoke(e164, reason, source, context.clock.now(), means=means, scope=scope)

    context.out.print(f"{e164}: {run_async(work())} consents ended")


@app.command()
def show(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="Whose, in international form.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Every consent on file for a number, revoked ones too.

    Example: dialer consent show +13055550123 --json
    """
    context = context_of(ctx)
    e164 = number_of(number).e164

    async def work() -> tuple[Consent, ...]:
        async with context.store() as store:
            return await store.consents.of(e164)

    found = run_async(work())
    fields = ("kind", "given_at", "source", "text", "seller", "signature", "authorises_recorded", "not_a_condition",
              "evidence", "expires_at", "revoked_at")  # fmt: skip
    if as_json:
        context.print_json([{field: getattr(each, field) for field in fields} for each in found])
        return
    table = Table(*(field.replace("_", " ") for field in fields), box=None)
    for each in found:
        table.add_row(*(str(getattr(each, field) or "") for field in fields))
    context.out.print(table if found else f"{e164}: no consent on file")
