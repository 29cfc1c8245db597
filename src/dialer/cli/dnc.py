"""``dialer dnc``: the operator's own do-not-call list, which binds every campaign at once, and loaded registries."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from dialer.cli import dnc_registries
from dialer.cli.context import Exit, context_of, run_async
from dialer.cli.numbers import moment_of, number_of, numbers_in
from dialer.compliance.policy import DncEntry
from dialer.contacts.numbers import NumberProblem
from dialer.errors import DialerError

app = typer.Typer(
    help="Who must not be called: the operator's own list, which binds at once, and registries that others keep.\n\n"
    "Example: dialer dnc add +13055550123 --reason 'asked in writing'",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

for command in (dnc_registries.load, dnc_registries.registries, dnc_registries.verify, dnc_registries.scrub):
    app.command()(command)


@app.command()
def add(
    ctx: typer.Context,
    numbers: Annotated[list[str], typer.Argument(help="Numbers in international form.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    source: Annotated[str, typer.Option(help="Who says so.")] = "operator",
    expires: Annotated[str, typer.Option(help="Only until then: 2027-05-01T00:00-05:00. Nearly never right.")] = "",
) -> None:
    """Never call these numbers again.

    Example: dialer dnc add +13055550123 --reason "asked at the counter"
    """
    context = context_of(ctx)
    now = context.clock.now()
    until = moment_of(expires) if expires else None
    entries = [DncEntry(number_of(each).e164, now, reason, source, until) for each in numbers]

    async def work() -> int:
        async with context.store() as store:
            return await store.dnc.add(entries)

    context.out.print(f"{run_async(work())} of {len(entries)} numbers added; the others were on the list")


@app.command()
def remove(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The number.")],
    reason: Annotated[str, typer.Option(help="Why, in the operator's words; it is kept.")],
) -> None:
    """Take a number off the list, for a reason that is kept. Revoked consents stay revoked.

    Example: dialer dnc remove +13055550123 --reason "entered by mistake, see ticket 88"
    """
    context = context_of(ctx)
    e164 = number_of(number).e164

    async def work() -> bool:
        async with context.store() as store:
            return await store.dnc.remove(e164, reason, context.clock.now())

    if not run_async(work()):
        raise DialerError(f"{e164} is not on the list")
    context.out.print(f"{e164} taken off the list")


@app.command()
def check(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The number.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Whether a number is on the operator's list, with its history, or in a registry. Exit code 4 when it is.

    Example: dialer dnc check +13055550123
    """
    context = context_of(ctx)
    e164 = number_of(number).e164

    async def work() -> tuple[DncEntry | None, list[dict[str, str | datetime | None]]]:
        async with context.store() as store:
            history = [
                {
                    "added_at": each.entry.added_at,
                    "reason": each.entry.reason,
                    "source": each.entry.source,
                    "removed_at": each.removed_at,
                    "removed_reason": each.removed_reason,
                }
                for each in await store.dnc.history(e164)
            ]
            return await store.dnc.check(e164), history

    entry, history = run_async(work())
    answers = context.registries.answers(e164)
    if as_json:
        told = [
            {"registry": each.registry, "listed": each.listed, "covered": each.covered, "data_date": each.data_date}
            for each in answers
        ]
        context.print_json({"number": e164, "listed": entry is not None, "history": history, "registries": told})
    else:
        context.out.print(f"{e164} is {'on' if entry else 'not on'} the list", markup=False)
        for each in history:
            ended = f", removed {each['removed_at']}: {each['removed_reason']}" if each["removed_at"] else ""
            context.out.print(f"  added {each['added_at']}: {each['reason']} ({each['source']}){ended}", markup=False)
        for answer in answers:
            word = "listed" if answer.listed else "not listed" if answer.covered else "not covered"
            context.out.print(f"  {answer.registry}: {word}, data of {answer.data_date}", markup=False)
    if entry is not None or any(each.listed for each in answers):
        raise typer.Exit(Exit.REFUSED)


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="One number a line; # begins a comment.")],
    reason: Annotated[str, typer.Option(help="Why they must not be called.")],
    region: Annotated[str, typer.Option(help="ISO country of numbers in national form.")] = "",
) -> None:
    """Add a file of numbers, all or none.

    Example: dialer dnc import optouts.txt --reason "opt-outs of the old system" --region US
    """
    context = context_of(ctx)
    now = context.clock.now()
    entries = []
    for line, text, number in numbers_in(file, region.upper() or None):
        if isinstance(number, NumberProblem):
            raise DialerError(f"{file}:{line}: {text}: {number.reason}", hint="nothing was imported")
        entries.append(DncEntry(e164=number.e164, added_at=now, reason=reason, source=str(file)))

    async def work() -> int:
        async with context.store() as store:
            return await store.dnc.add(entries)

    context.out.print(f"{run_async(work())} of {len(entries)} numbers added; the others were on the list")


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(help="The newest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """The newest entries.

    Example: dialer dnc list --limit 10
    """
    context = context_of(ctx)

    async def work() -> tuple[int, list[DncEntry]]:
        async with context.store() as store:
            return await store.dnc.count(), await store.dnc.entries(limit)

    count, entries = run_async(work())
    if as_json:
        fields = ("e164", "added_at", "reason", "source")
        context.print_json({"count": count, "entries": [{key: getattr(e, key) for key in fields} for e in entries]})
        return
    table = Table("number", "added", "reason", "source", box=None)
    for each in entries:
        table.add_row(each.e164, f"{each.added_at:%Y-%m-%d %H:%M} UTC", each.reason, each.source)
    context.out.print(table)
    context.out.print(f"{count} numbers in all")
