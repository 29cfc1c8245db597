"""``dialer campaign list`` and ``status``: where campaigns stand. They only look, and load no more than that takes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialer.campaigns.definition import parse_definition
from dialer.cli.context import Context, context_of
from dialer.cli.forecast import forecast_line, forecast_of
from dialer.cli.planning import outlook

if TYPE_CHECKING:
    from dialer.results.records import CampaignRow
    from dialer.store.glance import Glance


def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Every campaign and how far it is.

    Example: dialer campaign list
    """
    from rich.table import Table

    context = context_of(ctx)
    statuses = _statuses(context, None, forecasts=False)
    if as_json:
        context.print_json(statuses)
        return
    table = Table("campaign", "state", "contacts", "finished", "waiting", "next due", box=None)
    for each in statuses:
        due = f"{each['next_due']:%Y-%m-%d %H:%M} UTC" if each["next_due"] else ""
        table.add_row(
            each["name"], each["state"], str(each["contacts"]), str(each["finished"]), str(each["waiting"]), due
        )
    context.out.print(table if statuses else "No campaigns yet: `dialer campaign create FILE --list NAME` makes one.")


def status(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The campaign; default: the one there is, or all.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Where a campaign stands: contacts, outcomes, refusals, why it is paused; when it will end, and how many reached.

    Example: dialer campaign status "Appointment reminders" --json
    """
    context = context_of(ctx)
    statuses = _statuses(context, name or None, forecasts=True)
    if as_json:
        context.print_json(statuses)
        return
    for each in statuses:
        _print_status(context, each, context.clock.now())


def _print_status(context: Context, status: dict[str, Any], now: datetime) -> None:
    out = context.out
    out.print(f"[bold]{status['name']}[/] is {status['state']}")
    if status["pause_reason"]:
        out.print(f"  paused: {status['pause_reason']}", markup=False)
    next_at = status["next_call_at"]
    due = f", nobody may be called before {next_at:%Y-%m-%d %H:%M} UTC" if next_at and next_at > now else ""
    out.print(
        f"  {status['contacts']} contacts: {status['finished']} finished, {status['dialing']} being called, "
        f"{status['waiting']} waiting{due}"
    )
    out.print(f"  pace: {status['cps']:g} calls a second, {status['channels']} channels")
    for each in status["overdue"]:
        out.print(f"  OVERDUE: {each['number']} is {each['state']} since {each['since']:%Y-%m-%d %H:%M} UTC")
    for title, counts in (("outcomes", status["outcomes"]), ("finished because", status["finished_because"])):
        if counts:
            words = ", ".join(f"{key.replace('_', ' ')} {number}" for key, number in counts.items())
            out.print(f"  {title}: {words}", markup=False)
    if line := forecast_line(status):
        out.print(line, markup=False, soft_wrap=True)
    caller = status["caller_id"]
    if caller["network_blocked"] or caller["unwanted"]:
        out.print(
            f"  caller ID {caller['number']}: of {caller['calls']} calls {caller['network_blocked']} were blocked on "
            f"the way (603+, 608) and {caller['unwanted']} called unwanted (607); `dialer logs` has the redress",
            markup=False,
        )
    for each in status["refusals"]:
        until = f"deferred until {each['next_due']:%Y-%m-%d %H:%M} UTC" if each["next_due"] else "never"
        out.print(f"  {each['contacts']} refused by {each['check']}: {each['reason']} ({until})", markup=False)


def _statuses(context: Context, name: str | None, *, forecasts: bool) -> list[dict[str, Any]]:
    with context.glance() as store:
        return [
            _status(context, store, row, forecasts=forecasts)
            for row in ([store.campaign(name)] if name else store.campaigns())
        ]


def _status(context: Context, store: Glance, row: CampaignRow, *, forecasts: bool) -> dict[str, Any]:
    progress = store.progress(row.id)
    queue = progress.queue
    definition = parse_definition(row.definition, row.name)
    caller = store.caller_id_count(definition.campaign.caller_id)
    now = context.clock.now()
    ahead = outlook(context, store.waiting(row.id), definition.policy(row.id), now)
    longest = timedelta(seconds=definition.longest_call_s)
    return {
        "name": row.name,
        "state": row.state.value,
        "pause_reason": row.pause_reason,
        "contacts": queue.waiting + queue.claimed + queue.dialing + queue.finished,
        "waiting": queue.waiting + queue.claimed,
        "dialing": queue.dialing,
        "finished": queue.finished,
        "next_due": queue.next_due,
        "next_call_at": ahead.next_at,
        "cps": row.cps or definition.pacing.cps,
        "channels": row.channels or definition.pacing.channels,
        "overdue": [
            {"number": each.e164, "state": each.state.value, "since": each.since, "deadline": each.deadline}
            for each in store.overdue(row.id, longest, now)
        ],
        "outcomes": {outcome.value: number for outcome, number in progress.outcomes.items()},
        "finished_because": progress.finished_because,
        "forecast": forecast_of(context, store, row, definition, progress) if forecasts else None,
        "caller_id": {
            "number": caller.caller_id,
            "calls": caller.calls,
            "network_blocked": caller.network_blocked,
            "unwanted": caller.unwanted,
        },
        "refusals": [
            {
                "check": each.check,
                "reason": each.reason,
                "contacts": each.contacts,
                "next_due": each.next_due if each.deferred else None,
            }
            for each in (*store.refusal_counts(row.id), *ahead.shut)
        ],
    }
