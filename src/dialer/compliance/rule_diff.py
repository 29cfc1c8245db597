"""What is another between two rule tables, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from dialer.compliance.rules import RuleRow, RuleTable


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one row; None where the row, or the field's value, is not there."""

    jurisdiction: str
    valid_from: date | None
    field: str  # empty: the whole row
    before: object
    after: object


def differences(before: RuleTable, after: RuleTable) -> list[Difference]:
    """All of them, by jurisdiction and date."""
    return list(_differences(_by_place(before), _by_place(after)))


def _by_place(table: RuleTable) -> dict[tuple[str, date], RuleRow]:
    return {(row.jurisdiction, row.valid_from or date.min): row for row in table.rows}


def _differences(
    before: dict[tuple[str, date], RuleRow], after: dict[tuple[str, date], RuleRow]
) -> Iterator[Difference]:
    for place in sorted({*before, *after}):
        old, new = before.get(place), after.get(place)
        known = old or new
        if known is None:
            continue
        if old is None or new is None:
            yield Difference(known.jurisdiction, known.valid_from, "", old and old.name, new and new.name)
            continue
        for field in msgspec.structs.fields(RuleRow):
            was, now = getattr(old, field.name), getattr(new, field.name)
            if was != now:
                yield Difference(
                    known.jurisdiction, known.valid_from, field.name, msgspec.to_builtins(was), msgspec.to_builtins(now)
                )
