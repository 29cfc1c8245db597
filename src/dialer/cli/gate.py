"""``dialer gate``: what would be decided, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from dialer.campaigns.definition import parse_definition
from dialer.cli.context import Context, Exit, context_of, run_async
from dialer.cli.numbers import moment_of, number_of
from dialer.compliance.basis import read_text, unpacked
from dialer.compliance.decision import Verdict
from dialer.compliance.explain import explanation, explanation_rows
from dialer.compliance.gate import Gate, Judgement, Replay
from dialer.compliance.gate import replay as remake
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CampaignPolicy
from dialer.compliance.rules import builtin_rules, load_rules
from dialer.errors import DialerError

app = typer.Typer(
    help="What would be decided about a call, and why.\n\n"
    'Example: dialer gate explain +13055550123 --campaign "Appointment reminders"',
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
STYLE = {Verdict.PASS: "green", Verdict.DEFER: "yellow", Verdict.NEVER: "red"}


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
            _show(context, judgement)
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


@app.command()
def replay(
    ctx: typer.Context,
    decision: Annotated[str, typer.Argument(help="An attempt's id, or r and a refusal's number: r17.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Make a stored decision again, from the facts, rules and policy of its time. Exit code 4: it differs now.

    Example: dialer gate replay 4f1c2a9be07d4f5f8c0a61b7c2e41d90
    """
    context = context_of(ctx)
    remade = run_async(_remade(context, decision))
    basis, judgement = remade.basis, remade.judgement
    differences = {name.value: [then.value, now.value] for name, (then, now) in remade.differences.items()}
    number = basis.facts.contact.number.e164
    if as_json:
        told = explanation(
            judgement, number=number, campaign_id=0, rules_version=basis.versions.rules, at=basis.at
        )  # fmt: skip
        context.print_json(told | {"agrees": remade.agrees, "differences": differences})
    else:
        _show(context, judgement)
        then = "as it was decided" if remade.agrees else f"NOT as it was decided: {differences}"
        context.out.print(f"\n{number} at {basis.at.isoformat()}: {judgement.verdict}, {then}", markup=False)
    if not remade.agrees:
        raise typer.Exit(Exit.REFUSED)


async def _remade(context: Context, decision: str) -> Replay:
    async with context.store() as store:
        packed = await store.reports.basis(decision)
        if not packed:
            raise DialerError(f"{decision} was decided before its basis was kept: it cannot be made again")
        basis = unpacked(packed)
        texts = await store.reports.texts(basis.versions)
    missing = [name for name in basis.versions if name not in texts]
    if missing:
        raise DialerError(f"the texts {', '.join(missing)} are not in the store", hint="`dialer audit verify`")
    rules = load_rules(read_text(texts[basis.versions.rules], dict[str, str]))
    operator = read_text(texts[basis.versions.operator], Operator)
    return remake(basis, rules, operator, read_text(texts[basis.versions.policy], CampaignPolicy))


def _show(context: Context, judgement: Judgement) -> None:
    table = Table("check", "verdict", "why", box=None, pad_edge=False)
    for each in explanation_rows(judgement.checks):
        cited = [f"  [{each.citation}]"] if each.citation else []
        why = "\n".join([each.reason, *(f"  {line}" for line in each.evidence), *cited])
        if each.defer_until:
            why += f"\n  until {each.defer_until.isoformat()}"
        table.add_row(each.check, f"[{STYLE[each.verdict]}]{each.verdict}[/]", _plain(why))
    context.out.print(table)


def _plain(text: str) -> str:
    """``text`` with nothing that the table would take for markup."""
    from rich.markup import escape

    return escape(text)
