"""``dialer records``: the records of calls, as a regulator asks for them."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from dialer.cli.context import Context, context_of, run_async
from dialer.cli.numbers import number_of
from dialer.errors import DialerError

if TYPE_CHECKING:
    from dialer.campaigns.definition import Definition
    from dialer.compliance.operator import Operator
    from dialer.results.records import AttemptRow
    from dialer.store.open import Store

app = typer.Typer(
    help="The records of calls, as a regulator asks for them (16 CFR 310.5).\n\n"
    "Example: dialer records export --number +13055550123 --out calls.csv",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)


class Format(StrEnum):
    """How the records are written."""

    CSV = "csv"
    JSONL = "jsonl"


@app.callback()
def _group() -> None:
    """Keeps ``export`` a command of its own."""


@app.command()
def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option(help="Where to; a manifest is put beside it.")],
    number: Annotated[str, typer.Option(help="Calls to this number.")] = "",
    campaign: Annotated[str, typer.Option(help="Calls of this campaign.")] = "",
    period: Annotated[str, typer.Option(help="Calls of these days, UTC, both included: 2026-10-01..2026-10-31.")] = "",
    form: Annotated[Format, typer.Option("--format", help="csv or jsonl.")] = Format.CSV,
) -> None:
    """Write every call with what was said, on what ground and by which lists and rules, and a manifest with its hash.

    Example: dialer records export --campaign "Autumn offers" --period 2026-10-01..2026-10-31 --out october.csv
    """
    context = context_of(ctx)
    if not (number or campaign or period):
        raise DialerError("nothing is chosen", hint="--number, --campaign or --period, or several of them")
    begin, end = _period(period)
    e164 = number_of(number).e164 if number else None

    async def work() -> tuple[int, dict[str, Any]]:
        async with context.store(notes_head=False) as store:
            campaign_id = (await store.campaigns.by_name(campaign)).id if campaign else None
            rows = store.reports.attempts(campaign_id=campaign_id, number=e164)
            with _opened(out) as file, context.err.status("reading calls") as status:
                count = await _write(context, store, rows, (begin, end), form, file, status.update)
            head = await store.audit.head()
            return count, {"seq": head.seq, "hash": head.hash} if head else {}

    count, head = run_async(work())
    manifest = {
        "file": out.name,
        "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
        "calls": count,
        "number": e164,
        "campaign": campaign or None,
        "period": period or None,
        "made_at": context.clock.now().isoformat(),
        "audit_head": head,
        "columns": _columns(),
    }
    beside = out.with_suffix(out.suffix + ".manifest.json")
    beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    context.out.print(f"{count:,} calls in {out}; manifest {beside}", markup=False, soft_wrap=True)


async def _write(
    context: Context, store: Store, rows: AsyncIterator[AttemptRow], period: tuple[datetime, datetime], form: Format,
    file: TextIO, told: Callable[[str], None],
) -> int:  # fmt: skip
    from dialer.campaigns.definition import parse_definition
    from dialer.compliance.basis import read_text, unpacked
    from dialer.compliance.operator import Operator
    from dialer.results.regulator import regulator_row

    definitions: dict[int, tuple[Definition, str]] = {}
    operators: dict[str, Operator | None] = {}
    by_id = {each.id: each for each in await store.campaigns.all()}
    writer = csv.DictWriter(file, list(_columns()))
    if form is Format.CSV:
        writer.writeheader()
    count = 0
    async for row in rows:
        if not period[0] <= row.placed_at < period[1]:
            continue
        if row.campaign_id not in definitions:
            text = by_id[row.campaign_id].definition
            digest = hashlib.sha256(text.encode()).hexdigest()
            definitions[row.campaign_id] = parse_definition(text, row.campaign), digest
        definition, script = definitions[row.campaign_id]
        basis = unpacked(row.permit.basis) if row.permit.basis else None
        operator = None
        if basis is not None:
            version = basis.versions.operator
            if version not in operators:
                found = (await store.reports.texts([version])).get(version)
                operators[version] = read_text(found, Operator) if found else None
            operator = operators[version]
        telemarketer = context.config.settings.operator.name or definition.seller.name
        record = regulator_row(
            row, basis, definition, operator, telemarketer=telemarketer, message=row.script_id, script=script
        )
        if form is Format.CSV:
            writer.writerow(record)
        else:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        count += 1
        if count % 1000 == 0:
            told(f"{count:,} calls")
    return count


def _columns() -> dict[str, str]:
    from dialer.results.regulator import COLUMNS

    return dict(COLUMNS)


def _opened(out: Path) -> AbstractContextManager[TextIO]:
    try:
        return out.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise DialerError(f"{out}: cannot be written: {error.strerror}") from error


def _period(text: str) -> tuple[datetime, datetime]:
    """First instant, and the first after the last day."""
    if not text:
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    try:
        first, last = (datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) for day in text.split(".."))
    except ValueError as error:
        raise DialerError(f"{text!r} is no period", hint="2026-10-01..2026-10-31") from error
    return first, last + timedelta(days=1)
