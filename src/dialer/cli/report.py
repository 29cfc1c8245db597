"""``dialer report``: the account of a campaign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from dialer.campaigns.definition import parse_definition
from dialer.cli.context import Context, context_of, run_async
from dialer.cli.planning import outlook
from dialer.errors import DialerError
from dialer.results.export import attempts_csv, report_html, report_json
from dialer.results.summary import CampaignReport, build_report

if TYPE_CHECKING:
    from rich.console import Console

    from dialer.calls.plan import CallRecord

BAR = 28


def report(
    ctx: typer.Context,
    campaign: Annotated[str, typer.Argument(help="The campaign's name.")],
    csv: Annotated[Path | None, typer.Option(help="Write every attempt as CSV to this file; - is the screen.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """How the attempts ended, whom the gate turned away, and the way from the list to the answer.

    Example: dialer report "Appointment reminders" --html report.html --csv attempts.csv
    """
    context = context_of(ctx)
    built, attempts = run_async(gather(context, campaign))
    if as_json:
        context.out.print(report_json(built), markup=False, soft_wrap=True)
    elif csv is None or str(csv) != "-":
        show(context.out, built)
    if csv is not None:
        text = attempts_csv(attempts)
        if str(csv) == "-":
            context.out.print(text, markup=False, soft_wrap=True, end="")
        else:
            _write(csv, text)
    if html is not None:
        _write(html, report_html(built, context.clock.now()))
        context.err.print(f"written to {html.resolve()}", markup=False)


async def gather(context: Context, campaign: str) -> tuple[CampaignReport, list[tuple[str, CallRecord]]]:
    """A campaign's report, and its attempts that have ended as (number, record)."""
    async with context.store() as store:
        row = await store.campaigns.by_name(campaign)
        progress = await store.campaigns.progress(row.id)
        refusals = await store.reports.refusal_counts(row.id)
        definition = parse_definition(row.definition, row.name)
        waiting = await store.campaigns.waiting(row.id)
        ahead = outlook(context, waiting, definition.policy(row.id), context.clock.now())
        ended = [
            (each.contact_id, each.number, each.record)
            async for each in store.reports.attempts(campaign_id=row.id)
            if each.record is not None
        ]
    pairs = [(contact, record) for contact, _, record in ended]
    built = build_report(row.name, row.state.value, progress.queue, pairs, [*refusals, *ahead.shut])
    return built, [(number, record) for _, number, record in ended]


def show(console: Console, report: CampaignReport) -> None:
    """Print the tables."""
    console.print(f"[bold]{report.campaign}[/]: {report.state}, {report.attempts} attempts\n")
    table = Table("outcome", "attempts", "share", "", box=None, pad_edge=False)
    for each in report.outcomes:
        bar = "█" * max(1, round(BAR * each.share))
        table.add_row(each.outcome.value.replace("_", " "), str(each.attempts), f"{each.share:.1%}", f"[green]{bar}[/]")
    console.print(table if report.outcomes else "Nothing was dialed.")
    console.print()
    table = Table("turned away by the gate", "contacts", "", "because", box=None, pad_edge=False)
    for turned in report.refusals:
        until = f"until {turned.next_due:%Y-%m-%d %H:%M} UTC" if turned.deferred and turned.next_due else "never"
        table.add_row(turned.check.replace("_", " "), str(turned.contacts), until, turned.reason)
    if report.refusals:
        console.print(table)
        console.print()
    table = Table("from the list to the answer", "contacts", "share", "", box=None, pad_edge=False)
    for step in report.funnel:
        bar = "█" * round(BAR * step.share)
        table.add_row(step.name, str(step.contacts), f"{step.share:.0%}", f"[blue]{bar}[/]")
    console.print(table)


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DialerError(f"{path}: cannot be written: {error.strerror}") from error
