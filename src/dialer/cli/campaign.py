"""``dialer campaign``: from a file to a finished list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialer.cli.campaign_status import list_, status
from dialer.cli.context import Context, Exit, context_of, run_async
from dialer.cli.recycle import recycle
from dialer.cli.steering import pace, pause, resume, start, stop
from dialer.errors import CampaignError

if TYPE_CHECKING:
    from dialer.campaigns.definition import Definition
    from dialer.compliance.policy import CampaignPolicy
    from dialer.compliance.readiness import Readiness
    from dialer.engine.ports import LoadedCampaign

app = typer.Typer(
    help="Campaigns: from a file to a finished list.\n\nExample: dialer campaign create campaign.toml --list patients",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.command()(recycle)


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
    from dialer.cli.readiness import is_ready, readiness_document, show_readiness

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
    from dialer.cli.readiness import must_not_lack_a_duty
    from dialer.results.records import CampaignState

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
app.command("list")(list_)
app.command()(status)


async def _readiness_of_lists(context: Context, policy: CampaignPolicy, lists: list[str]) -> Readiness:
    from dialer.cli.numbers import number_of
    from dialer.cli.readiness import readiness_in
    from dialer.contacts.contact import Contact

    if not lists:
        return readiness_in(context, policy, [Contact(number_of(policy.caller_id))])
    async with context.store() as store:
        return readiness_in(context, policy, await store.lists.places(lists))


def _load(context: Context, file: Path) -> tuple[Definition, LoadedCampaign]:
    from dialer.campaigns.definition import parse_definition
    from dialer.cli.loading import FileCampaignLoader
    from dialer.results.records import CampaignRow, CampaignState

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
