"""``dialer campaign``: from a file to a finished list."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dialer.campaigns.definition import Definition, parse_definition
from dialer.cli.context import Context, Exit, context_of, run_async
from dialer.cli.forecast import forecast_line, forecast_of
from dialer.cli.loading import FileCampaignLoader
from dialer.cli.numbers import number_of
from dialer.cli.planning import outlook
from dialer.cli.readiness import (
    is_ready,
    must_not_lack_a_duty,
    readiness_document,
    readiness_in,
    show_readiness,
)
from dialer.cli.recycle import recycle
from dialer.cli.steering import pace, pause, resume, start, stop
from dialer.compliance.policy import CampaignPolicy
from dialer.compliance.readiness import Readiness
from dialer.contacts.contact import Contact
from dialer.engine.ports import LoadedCampaign
from dialer.errors import CampaignError
from dialer.results.records import CampaignRow, CampaignState

app = typer.Typer(
    help="Campaigns: from a file to a finished list.\n\nExample: dialer campaign create campaign.toml --list patients",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(recycle)
Name = Annotated[str, typer.Argument(help="The campaign's name, as its file says.")]


@app.command()
def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The campaign file.")],
    lists: Annotated[
        list[str] | None,
        typer.Option("--list", help="A contact list that it would call: the law of everyone's place is checked."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Read a campaign file, prepare its sounds, and say what it comes to and what the law still asks. Stores nothing.

    Without a list, the law of the caller ID's own country. Exit code 4: something is missing.

    Example: dialer campaign check campaign.toml --list patients
    """
    context = context_of(ctx)
    definition, loaded = _load(context, file)
    ready = run_async(_readiness_of_lists(context, loaded.policy, lists or []))
    document = {
        "name": definition.campaign.name,
        "purpose": definition.campaign.purpose,
        "seller": definition.seller.name,
        "callback": definition.seller.callback,
        "caller_id": definition.campaign.caller_id,
        "trunks": list(loaded.trunks),
        "keys": {key: rule.action for key, rule in loaded.script.keys.items()},
        "machines": loaded.script.machine,
        "cps": loaded.cps,
        "channels": loaded.channels,
        "max_attempts": definition.attempts.max,
        "gap_minutes": definition.attempts.gap_minutes,
        "ring_timeout_s": loaded.limits.ring_timeout_s,
        "sounds": sorted(loaded.sounds.values()),
    }
    if as_json:
        context.print_json(document | {"law": readiness_document(ready)})
    else:
        for key, value in document.items():
            context.out.print(f"{key.replace('_', ' '):>15}  {value}", markup=False)
        show_readiness(context, ready)
    if not is_ready(ready):
        raise typer.Exit(Exit.REFUSED)


@app.command()
def create(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="The campaign file.")],
    lists: Annotated[list[str], typer.Option("--list", help="A contact list; several are called as one.")],
    start: Annotated[bool, typer.Option(help="Start it as well.")] = False,
) -> None:
    """Store a campaign and queue the contacts of its lists, each number once.

    Example: dialer campaign create campaign.toml --list patients --start
    """
    context = context_of(ctx)
    definition, loaded = _load(context, file)
    text = file.read_text(encoding="utf-8-sig")

    async def work() -> None:
        async with context.store() as store:
            now = context.clock.now()
            base = str(file.resolve().parent)
            made = await store.campaigns.create(definition.campaign.name, text, base, lists, now)
            if start:
                must_not_lack_a_duty(context, loaded.policy, await store.campaigns.places(made.row.id))
                await store.campaigns.set_state(made.row.id, CampaignState.RUNNING, now)
        repeated = f"; {made.duplicates} were the same number again" if made.duplicates else ""
        context.out.print(f"{made.row.name}: {made.contacts} contacts queued{repeated}", markup=False)
        if not made.contacts:
            context.err.print("The lists are empty: there is nobody to call.")

    run_async(work())


for command in (start, resume, pause, stop, pace):
    app.command()(command)


@app.command("list")
def list_(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Every campaign and how far it is.

    Example: dialer campaign list
    """
    context = context_of(ctx)
    statuses = run_async(_statuses(context, None, forecasts=False))
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


@app.command()
def status(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The campaign; default: the one there is, or all.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Where a campaign stands: contacts, outcomes, refusals, why it is paused; when it will end, and how many reached.

    Example: dialer campaign status "Appointment reminders" --json
    """
    context = context_of(ctx)
    statuses = run_async(_statuses(context, name or None, forecasts=True))
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


async def _statuses(context: Context, name: str | None, *, forecasts: bool) -> list[dict[str, Any]]:
    async with context.store() as store:
        rows = [await store.campaigns.by_name(name)] if name else await store.campaigns.all()
        statuses = []
        for row in rows:
            progress = await store.campaigns.progress(row.id)
            queue = progress.queue
            definition = parse_definition(row.definition, row.name)
            caller = await store.reports.caller_id_count(definition.campaign.caller_id)
            now = context.clock.now()
            ahead = await outlook(context, store, row.id, definition, now)
            longest = timedelta(seconds=definition.longest_call_s)
            statuses.append(
                {
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
                        for each in await store.campaigns.overdue(row.id, longest, now)
                    ],
                    "outcomes": {outcome.value: number for outcome, number in progress.outcomes.items()},
                    "finished_because": progress.finished_because,
                    "forecast": await forecast_of(context, store, row, definition, progress) if forecasts else None,
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
                        for each in (*await store.reports.refusal_counts(row.id), *ahead.shut)
                    ],
                }
            )
        return statuses


async def _readiness_of_lists(context: Context, policy: CampaignPolicy, lists: list[str]) -> Readiness:
    if not lists:
        return readiness_in(context, policy, [Contact(number_of(policy.caller_id))])
    async with context.store() as store:
        return readiness_in(context, policy, await store.lists.places(lists))


def _load(context: Context, file: Path) -> tuple[Definition, LoadedCampaign]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CampaignError(f"{file}: cannot be read: {error}") from error
    definition = parse_definition(text, str(file))
    row = CampaignRow(
        id=0,
        name=str(file),
        state=CampaignState.CREATED,
        definition=text,
        base_dir=str(file.resolve().parent),
    )
    return definition, FileCampaignLoader(context.config).load_now(row)
