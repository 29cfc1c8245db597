"""``dialer gate``: what would be decided, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from dialer.campaigns.definition import parse_definition
from dialer.cli.context import Exit, context_of, run_async
from dialer.cli.numbers import moment_of, number_of
from dialer.compliance.decision import Verdict
from dialer.compliance.explain import explanation, explanation_rows
from dialer.compliance.gate import Gate
from dialer.compliance.rules import builtin_rules

app = typer.Typer(
    help="What would be decided about a call, and why.\n\n"
    'Example: dialer gate explain +13055550123 --campaign "Appointment reminders"',
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
STYLE = {Verdict.PASS: "green", Verdict.DEFER: "yellow", Verdict.NEVER: "red"}


@app.callback()
def _group() -> None:
    """Keeps ``explain`` a command of its own, beside those to come."""


@app.command()
def explain(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(help="The number, in international form.")],
    campaign: Annotated[str, typer.Option(help="The campaign that would call.")],
    at: Annotated[str, typer.Option(help="When: 2026-11-20T20:30-05:00; default: now.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Print every check with its verdict, evidence and citation. It never makes a permit. Exit code 4: refused.

    Example: dialer gate explain +13055550123 --campaign "Appointment reminders" --at 2026-11-20T20:30-05:00
    """
    from dialer.cli.running import permit_key

    context = context_of(ctx)
    now = moment_of(at) if at else context.clock.now()
    wanted = number_of(number)
    gate = Gate(builtin_rules(), context.config.operator, permit_key())

    async def work() -> dict[str, object]:
        async with context.store() as store:
            row = await store.campaigns.by_name(campaign)
            facts = await store.campaigns.facts_for(row.id, wanted, now)
        policy = parse_definition(row.definition, row.name).policy(row.id)
        judgement = gate.judge(facts, policy, now)
        if not as_json:
            table = Table("check", "verdict", "why", box=None, pad_edge=False)
            for each in explanation_rows(judgement.checks):
                why = "\n".join([each.reason, *(f"  {line}" for line in each.evidence), f"  [{each.citation}]"])
                if each.defer_until:
                    why += f"\n  until {each.defer_until.isoformat()}"
                table.add_row(each.check, f"[{STYLE[each.verdict]}]{each.verdict}[/]", _plain(why))
            context.out.print(table)
        return explanation(judgement, number=wanted.e164, campaign_id=row.id, rules_version=gate.rules.version, at=now)

    document = run_async(work())
    if as_json:
        context.print_json(document)
    else:
        until = f", until {document['defer_until']}" if document["defer_until"] else ""
        verdict = {"pass": "may be called", "defer": "not now", "never": "never"}[str(document["verdict"])]
        context.out.print(f"\n{wanted.e164} at {now.isoformat()}: {verdict}{until}. {document['reason']}", markup=False)
    if document["verdict"] != Verdict.PASS.value:
        raise typer.Exit(Exit.REFUSED)


def _plain(text: str) -> str:
    """``text`` with nothing that the table would take for markup."""
    from rich.markup import escape

    return escape(text)
