"""``dialer rules``: the calling law as it is built in, and what the operator signed for."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.table import Table

from dialer.cli.context import Context, Exit, context_of
from dialer.compliance.rule_diff import differences
from dialer.compliance.rules import MarketingRule, RowStatus, RuleRow, RuleTable, builtin_rules, load_rules
from dialer.errors import ComplianceError, DialerError

if TYPE_CHECKING:
    from dialer.compliance.operator import Override

app = typer.Typer(
    help="The calling law that the gate decides by.\n\nExample: dialer rules show US-FL",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
SHOWN_EMPTY = {"mon_fri", "sat", "sun", "holidays", "consent_lifts"}  # closed, and "False", say something here
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    status: Annotated[RowStatus | None, typer.Option(help="Only rows of this status.")] = None,
    as_json: AsJson = False,
) -> None:
    """Every row with its status, its hours (of recordings, where those are narrower), and what it needs.

    Example: dialer rules list --status conflicting
    """
    context = context_of(ctx)
    rules = builtin_rules()
    rows = [row for row in rules.rows if status in (None, row.status)]
    if as_json:
        document = {"version": rules.version, "rows": [_document(context, row) for row in rows]}
        context.print_json(document)
        return
    table = Table(
        "row",
        "name",
        "status",
        "in force",
        "Mon-Fri Sat Sun holidays",
        "recorded sales calls",
        "registries",
        "override",
        box=None,
    )
    for row in sorted(rows, key=lambda each: (each.jurisdiction, each.valid_from or date.min)):
        signed = _override(context, row)
        needs = signed.by if signed else "needed" if row.needs_override else ""
        registries = ", ".join(each.registry for each in row.registries)
        table.add_row(row.jurisdiction, row.name, row.status, _period(row), _hours(row), _sales(row), registries, needs)
    context.out.print(table)
    counts = ", ".join(f"{number} {word}" for word, number in Counter(row.status.value for row in rows).most_common())
    context.out.print(f"{len(rows)} rows: {counts}; version {rules.version}")


@app.command()
def show(
    ctx: typer.Context,
    jurisdiction: Annotated[str, typer.Argument(help="Of a country or a part of one: US, US-FL.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only what is in force that day.")] = None,
    as_json: AsJson = False,
) -> None:
    """All of a row, and, where it is not verified, what to sign to rely on it.

    Example: dialer rules show US-MI
    """
    context = context_of(ctx)
    rules = builtin_rules()
    rows = [
        row
        for row in rules.rows
        if row.jurisdiction == jurisdiction.upper() and (on is None or row.in_force(on.date()))
    ]
    if not rows:
        raise DialerError(f"there is no rule for {jurisdiction}", hint="nobody is called there; `dialer rules list`")
    if as_json:
        context.print_json([_document(context, row) for row in rows])
        return
    for row in rows:
        for name, value in _document(context, row).items():
            if value:
                context.out.print(f"{name.replace('_', ' '):>20}  {_told(value)}", markup=False, soft_wrap=True)
        context.out.print()
        if row.needs_override and _override(context, row) is None:
            context.out.print(_snippet(row, context.clock.now().date()), markup=False, soft_wrap=True)


@app.command()
def diff(
    ctx: typer.Context,
    old: Annotated[Path, typer.Argument(help="A folder of rule files.")],
    new: Annotated[Path | None, typer.Argument(help="Another; default: the rules that are built in.")] = None,
    as_json: AsJson = False,
) -> None:
    """What is another between two sets of rules, field by field. Exit code 4 when anything is.

    Example: dialer rules diff last-year
    """
    context = context_of(ctx)
    found = differences(_rules_in(old), _rules_in(new) if new else builtin_rules())
    if as_json:
        fields = ("jurisdiction", "valid_from", "field", "before", "after")
        context.print_json([{name: getattr(each, name) for name in fields} for each in found])
    else:
        for each in found:
            since = f" from {each.valid_from}" if each.valid_from else ""
            what = each.field or "row"
            context.out.print(
                f"{each.jurisdiction}{since}: {what}: {each.before} -> {each.after}", markup=False, soft_wrap=True
            )
        context.out.print(f"{len(found)} differences")
    if found:
        raise typer.Exit(Exit.REFUSED)


@app.command()
def validate(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Argument(help="A folder of rule files; default: the built-in ones.")
    ] = None,
) -> None:
    """Read every rule file, and hold the operator's overrides against the rows. Exit code 4: one no longer fits.

    Example: dialer rules validate
    """
    context = context_of(ctx)
    rules = _rules_in(directory) if directory else builtin_rules()
    counts = ", ".join(f"{number} {word}" for word, number in Counter(row.status.value for row in rules.rows).items())
    context.out.print(f"{len(rules.rows)} rows: {counts}; version {rules.version}")
    void = list(_void(context, rules)) if context.config_path.exists() else []
    for line in void:
        context.err.print(line, markup=False, soft_wrap=True)
    if void:
        raise typer.Exit(Exit.REFUSED)


def _void(context: Context, rules: RuleTable) -> list[str]:
    """Overrides that lift nothing, each with why."""
    said = []
    today = context.clock.now().date()
    for each in context.config.operator.overrides:
        rows = [row for row in rules.rows if row.jurisdiction == each.jurisdiction]
        where = f"override of {each.jurisdiction} by {each.by}"
        if not rows:
            said.append(f"{where}: there is no such row")
        elif not any(row.digest == each.digest for row in rows):
            said.append(f"{where}: the row has changed since it was signed: `dialer rules show {each.jurisdiction}`")
        elif each.on > today:
            said.append(f"{where}: it is dated {each.on}, which is to come")
        elif not any(row.digest == each.digest and row.needs_override for row in rows):
            said.append(f"{where}: the row is verified and needs none; a ban is not lifted by one")
    return said


def _rules_in(directory: Path) -> RuleTable:
    try:
        texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.toml"))}
    except (OSError, UnicodeDecodeError) as error:
        raise ComplianceError(f"{directory}: cannot be read: {error}") from error
    if not texts:
        raise ComplianceError(f"{directory}: there is no .toml file in it", hint="a folder of rule files is wanted")
    return load_rules(texts)


def _override(context: Context, row: RuleRow) -> Override | None:
    """What the operator signed for the row as it is, if the row needs that."""
    if not row.needs_override or not context.config_path.exists():
        return None
    today = context.clock.now().date()
    for each in context.config.operator.overrides:
        if (each.jurisdiction, each.digest) == (row.jurisdiction, row.digest) and each.on <= today:
            return each
    return None


def _document(context: Context, row: RuleRow) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(row)
    signed = _override(context, row)
    by = f"{signed.by} on {signed.on}: {signed.advice}" if signed else None
    return fields | {"digest": row.digest, "needs_override": row.needs_override, "overridden": by}


def _snippet(row: RuleRow, today: date) -> str:
    return (
        f"To rely on this row all the same, put this into dialer.toml, with who signed and on whose advice:\n\n"
        f'[[override]]\njurisdiction = "{row.jurisdiction}"\ndigest = "{row.digest}"\n'
        f'by = ""\non = {today.isoformat()}\nadvice = ""\n'
    )


def _period(row: RuleRow) -> str:
    if row.valid_from and row.valid_to:
        return f"{row.valid_from} to {row.valid_to}"
    return f"from {row.valid_from}" if row.valid_from else f"until {row.valid_to}" if row.valid_to else ""


def _hours(row: RuleRow) -> str:
    """In the order of the heading, once if all days have the same."""
    week = row.recorded_hours or row.hours
    if week is None:
        return "the country's"
    days = [week.mon_fri, week.sat, week.sun]
    if week.holidays != "same":
        days.append(() if week.holidays == "closed" else week.holidays)
    words = [",".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in day).replace(":00", "") for day in days]
    return " ".join(word or "-" for word in (words if len(set(words)) > 1 else words[:1]))


def _sales(row: RuleRow) -> str:
    words = {
        MarketingRule.WRITTEN: "written consent",
        MarketingRule.EXPRESS: "express consent",
        MarketingRule.BAN: "banned",
        MarketingRule.BAN_MOBILE: "banned to mobiles",
    }
    return f"{words[row.marketing]}, and more" if row.marketing_needs else words[row.marketing]


def _told(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_told(each)}" for key, each in value.items() if each or key in SHOWN_EMPTY)
    if isinstance(value, list | tuple):
        if not value:
            return "closed"
        parts = [_told(each) for each in value]
        return "-".join(parts) if parts and all(len(part) == 8 and ":" in part for part in parts) else ", ".join(parts)
    return str(value)
