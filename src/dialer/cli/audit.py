"""``dialer audit``: what was done, by whom, and whether the record of it is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dialer.cli.context import Exit, context_of, run_async
from dialer.errors import DialerError

if TYPE_CHECKING:
    from dialer.results.audit import AuditEntry, AuditHead
    from dialer.store.audit import Verification

app = typer.Typer(
    help="What was done, by whom, and whether the record of it is whole.\n\nExample: dialer audit verify",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command()
def verify(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Read the whole chain and every row that it vouches for. Exit code 4: something was changed, removed or moved.

    Example: dialer audit verify
    """
    context = context_of(ctx)

    async def work() -> Verification:
        async with context.store(notes_head=False) as store:
            with context.err.status("reading the chain") as status:
                return await store.audit.verify(lambda done: status.update(f"{done:,} entries hold"))

    found = run_async(work())
    if as_json:
        document = asdict(found)
        document["broken"] = {"seq": found.broken.seq, "why": found.broken.why} if found.broken else None
        document["head"] = {"seq": found.head.seq, "hash": found.head.hash} if found.head else None
        context.print_json(document)
    else:
        context.out.print(f"{found.entries:,} entries and {found.rows:,} rows hold")
        if not found.head_noted:
            context.err.print("The newest entry is noted nowhere else: a chain that was cut short would not show.")
        if found.broken is not None:
            context.err.print(f"BROKEN at entry {found.broken.seq}: {found.broken.why}", markup=False, soft_wrap=True)
    if found.broken is not None:
        raise typer.Exit(Exit.REFUSED)


@app.command("list")
def list_(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(help="The newest so many.")] = 30,
    as_json: AsJson = False,
) -> None:
    """The newest entries.

    Example: dialer audit list --limit 100
    """
    context = context_of(ctx)

    async def work() -> list[AuditEntry]:
        async with context.store(notes_head=False) as store:
            return await store.audit.entries(limit)

    entries = run_async(work())
    if as_json:
        fields = ("seq", "at", "who", "kind", "subject", "body", "hash")
        context.print_json([{field: getattr(each, field) for field in fields} for each in entries])
        return
    table = Table("entry", "at", "who", "what", "of", "details", box=None)
    for each in entries:
        details = each.body if len(each.body) < 80 else f"{each.body[:77]}..."
        table.add_row(str(each.seq), f"{each.at:%Y-%m-%d %H:%M:%S} UTC", each.who, each.kind, each.subject, details)
    context.out.print(table)


@app.command()
def head(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The newest entry's number and hash: note them elsewhere, and no later cut goes unseen.

    Example: dialer audit head
    """
    context = context_of(ctx)

    async def work() -> AuditHead | None:
        async with context.store(notes_head=False) as store:
            return await store.audit.head()

    newest = run_async(work())
    if newest is None:
        raise DialerError("there is no entry yet")
    if as_json:
        context.print_json({"seq": newest.seq, "hash": newest.hash})
    else:
        context.out.print(f"{newest.seq} {newest.hash}")
