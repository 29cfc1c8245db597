"""``dialer dnc load | registries | verify | scrub``: the registries that others keep."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dialer.cli.context import Context, context_of, run_async
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import ContactsError, DialerError

if TYPE_CHECKING:
    from dialer.compliance.dnc.history import Load
    from dialer.compliance.dnc.registries import Registries
    from dialer.compliance.policy import RegistryAnswer

BATCH = 10_000


def load(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="As it was downloaded: plain, gzipped or zipped.")],
    registry: Annotated[str, typer.Option(help="Which one: us_national, us_tx, gb_tps ...")],
    data_date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="Of the data.")],
    organisation: Annotated[str, typer.Option(help="Your subscription's number (SAN).")],
    part: Annotated[bool, typer.Option(help="Only these area codes are new; the others stay.")] = False,
    area_code: Annotated[
        list[int] | None, typer.Option(help="An area code that the file covers, were it without a number.")
    ] = None,
    column: Annotated[str, typer.Option(help="Of a table: its number column, by name or place.")] = "",
    delimiter: Annotated[str, typer.Option(help="Of a table.")] = ",",
    region: Annotated[str, typer.Option(help="ISO country of a table's numbers in national form.")] = "",
    shrink_reason: Annotated[str, typer.Option(help="Why it may be much smaller than the one before.")] = "",
) -> None:
    """Load a do-not-call registry, or a change list, and put it in force in every running engine within a second.

    Example: dialer dnc load registry.zip --registry us_national --date 2026-11-18 --organisation 10234567
    """
    from dialer.compliance.dnc.loading import Order
    from dialer.compliance.dnc.loading import load as load_registry
    from dialer.compliance.dnc.sources import Columns

    context = context_of(ctx)
    order = Order(
        registry=registry,
        file=file,
        data_date=data_date.date(),
        organisation=organisation,
        columns=Columns(column, delimiter, region=region.upper() or None) if column else None,
        part=part,
        area_codes=tuple(area_code or ()),
        shrink_reason=shrink_reason,
    )
    try:
        size = file.stat().st_size
    except OSError as error:
        raise DialerError(f"{file}: {error.strerror}") from error
    with progress_bar(context, f"loading {file.name}", size) as read:
        done = load_registry(context.config.registries_path, order, context.clock.now(), read)
    run_async(_note_load(context, done))
    areas = f" in {done.area_codes} area codes" if done.area_codes else ""
    context.out.print(
        f"{registry}: {done.count:,} numbers{areas}, {done.added:,} new and {done.deleted:,} gone, data of "
        f"{done.data_date}; in force as {done.version}",
        markup=False,
    )


def registries(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    history: Annotated[bool, typer.Option(help="Every load ever made.")] = False,
) -> None:
    """What is loaded, how old it is, and what came of each load.

    Example: dialer dnc registries --history
    """
    context = context_of(ctx)
    known = context.registries
    today = context.clock.now().date()
    rows: list[dict[str, Any]] = []
    if history:
        fields = ("registry", "version", "organisation", "file", "data_date", "loaded_at", "read", "added", "deleted",
                  "count", "area_codes", "sha256", "shrink_reason")  # fmt: skip
        rows = [{field: getattr(each, field) for field in fields} for each in known.loads()]
    else:
        for name, volume in known.volumes().items():
            header = volume.header
            oldest = min(section.data_date for section in header.sections.values())
            rows.append(
                {
                    "registry": name,
                    "numbers": header.count,
                    "area_codes": len(header.sections) if header.calling_code == 1 else 0,
                    "data_date": oldest,
                    "age_days": (today - oldest).days,
                    "version": header.version,
                    "loaded_at": header.loaded_at,
                }
            )
    if as_json:
        context.print_json(rows)
        return
    table = Table(*(rows[0] if rows else ()), box=None)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values()))
    context.out.print(table if rows else "No registry is loaded: `dialer dnc load FILE` loads one.")


def verify(
    ctx: typer.Context,
    registry: Annotated[str, typer.Argument(help="Which one; default: all.")] = "",
) -> None:
    """Read every byte of what is loaded and hold it against its checksums.

    Example: dialer dnc verify us_national
    """
    context = context_of(ctx)
    volumes = context.registries.volumes()
    if registry and registry not in volumes:
        raise DialerError(f"{registry} is not loaded", hint="`dialer dnc registries` shows what is")
    for name, volume in volumes.items():
        if registry in ("", name):
            volume.verify()
            context.out.print(f"{name}: {volume.header.count:,} numbers, as they were written", markup=False)


def scrub(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A CSV with a header.")],
    out: Annotated[Path, typer.Option(help="The same without the listed numbers.")],
    column: Annotated[str, typer.Option(help="The number column.")] = "phone",
    region: Annotated[str, typer.Option(help="ISO country of numbers in national form.")] = "",
    certificate: Annotated[Path | None, typer.Option(help="Where to write what was checked against what.")] = None,
) -> None:
    """Take the numbers out of a list that any loaded registry or the operator's own list has, and certify it.

    A row whose number cannot be read is taken out, too.

    Example: dialer dnc scrub list.csv --out clean.csv --certificate clean.json
    """
    context = context_of(ctx)
    known = context.registries
    counts: dict[str, int] = {}
    rows = kept = 0
    try:
        with (
            file.open(encoding="utf-8-sig", newline="") as source,
            out.open("w", encoding="utf-8", newline="") as target,
            progress_bar(context, f"scrubbing {file.name}", file.stat().st_size) as read,
        ):
            lines = _told(source, read)
            reader, writer = csv.reader(lines), csv.writer(target)
            header = next(reader, [])
            names = [name.strip().casefold() for name in header]
            if column.casefold() not in names:
                raise ContactsError(f"{file}: no column is called {column!r}", hint=f"columns: {', '.join(header)}")
            place = names.index(column.casefold())
            writer.writerow(header)
            for batch in _batches(reader):
                numbers = [_e164(row[place] if place < len(row) else "", region) for row in batch]
                listed = run_async(_on_own_list(context, [each for each in numbers if each]))
                for row, e164 in zip(batch, numbers, strict=True):
                    rows += 1
                    why = _why_not(e164, known.answers(e164) if e164 else (), listed)
                    for each in why:
                        counts[each] = counts.get(each, 0) + 1
                    if not why:
                        kept += 1
                        writer.writerow(row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DialerError(f"{file}: {error}") from error
    context.out.print(f"{kept:,} of {rows:,} rows kept", markup=False)
    for name, count in sorted(counts.items()):
        context.out.print(f"  {count:,} {name}", markup=False)
    where = certificate or out.with_suffix(".certificate.json")
    where.write_text(json.dumps(_certificate(context, known, file, out, rows, kept, counts), indent=2, default=str))
    context.out.print(f"certificate: {where}", markup=False, soft_wrap=True)


async def _note_load(context: Context, done: Load) -> None:
    """Into the audit chain, where there is a store."""
    from dialer.results.audit import AuditKind

    if not context.config.store_path.exists():
        return
    async with context.store() as store:
        await store.audit.note(
            done.loaded_at, AuditKind.REGISTRY, done.registry, version=done.version, file=done.file, sha256=done.sha256,
            organisation=done.organisation, data_date=done.data_date.isoformat(), count=done.count,
        )  # fmt: skip


@contextmanager
def progress_bar(context: Context, what: str, size: int) -> Iterator[Any]:
    """A bar on a terminal, nothing elsewhere; yields what to tell the bytes to."""
    bar = Progress(
        TextColumn(what), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=context.err, disable=not context.err.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task(what, total=size)
        yield lambda count: bar.advance(task, count)


def _told(source: Any, read: Any) -> Iterator[str]:
    for line in source:
        read(len(line))
        yield line


def _batches(reader: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    batch: list[list[str]] = []
    for row in reader:
        if not any(row):
            continue
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _e164(text: str, region: str) -> str:
    number = parse_number(text, region.upper() or None)
    return "" if isinstance(number, NumberProblem) else number.e164


async def _on_own_list(context: Context, numbers: list[str]) -> set[str]:
    async with context.store() as store:
        return await store.dnc.listed(numbers)


def _why_not(e164: str, answers: tuple[RegistryAnswer, ...], own: set[str]) -> list[str]:
    if not e164:
        return ["unreadable"]
    why = [f"listed in {each.registry}" for each in answers if each.listed]
    why += [f"not covered by {each.registry}" for each in answers if not each.covered]
    return [*why, "on the operator's own list"] if e164 in own else why


def _certificate(
    context: Context, known: Registries, file: Path, out: Path, rows: int, kept: int, counts: dict[str, int]
) -> dict[str, Any]:
    return {
        "made_at": context.clock.now(),
        "list": {"file": file.name, "sha256": _sha256(file), "rows": rows},
        "result": {"file": out.name, "sha256": _sha256(out), "rows": kept},
        "taken_out": counts,
        "checked_against": [
            {
                "registry": name,
                "version": volume.header.version,
                "numbers": volume.header.count,
                "data_dates": sorted({section.data_date for section in volume.header.sections.values()}),
                "files_sha256": sorted({section.sha256 for section in volume.header.sections.values()}),
                "loaded_at": volume.header.loaded_at,
            }
            for name, volume in known.volumes().items()
        ],
        "own_list": {"store": context.config.store_path.name},
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
