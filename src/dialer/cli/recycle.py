"""``dialer campaign recycle``: those whom a campaign did not reach, as a list for a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dialer.calls.outcome import Outcome
from dialer.cli.context import context_of, run_async

if TYPE_CHECKING:
    from dialer.store.recycling import Recycled


def recycle(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The campaign's name, as its file says.")],
    outcomes: Annotated[
        list[Outcome], typer.Option("--outcome", help="The last outcome of those to take; several may be given.")
    ],
    into: Annotated[str, typer.Option(help="The name of the new list.")],
    as_json: Annotated[bool, typer.Option("--json", help="The counts as JSON.")] = False,
) -> None:
    """Make a new list of those finished contacts whose last attempt ended so, to be called by a new campaign.

    Nobody who was reached, declined, opted out, or whose network blocked the call can be taken, nor an invalid number.
    Contacts on the do-not-call list are left out; the gate decides on every other one anew.

    Example: dialer campaign recycle "Flu shots" --outcome busy --outcome no_answer --into "second round"
    """
    context = context_of(ctx)

    async def work() -> Recycled:
        async with context.store() as store:
            row = await store.campaigns.by_name(name)
            return await store.recycling.recycle(row.id, set(outcomes), into, context.clock.now())

    made = run_async(work())
    if as_json:
        context.print_json(
            {
                "campaign": name,
                "list": into,
                "outcomes": sorted(set(outcomes)),
                "contacts": made.contacts,
                "on_dnc": made.on_dnc,
            }
        )
        return
    left_out = f"; {made.on_dnc} on the do-not-call list left out" if made.on_dnc else ""
    context.out.print(f"{into}: {made.contacts} contacts of {name}{left_out}", markup=False)
