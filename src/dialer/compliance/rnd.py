"""The reassigned-numbers database's file exchange: what is asked, and what comes back (47 CFR 52.103(d)).

A query is a CSV of ``number,date``: ten digits and the date (YYYY-MM-DD) of the consent or last contact. An answer has
one column more: yes (disconnected for good since that date), no, or no data.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from dialer.compliance.policy import Reassigned, ReassignedAnswer
from dialer.errors import ComplianceError

_WORDS = {
    "yes": Reassigned.YES,
    "no": Reassigned.NO,
    "no data": Reassigned.NO_DATA,
    "no_data": Reassigned.NO_DATA,
    "nodata": Reassigned.NO_DATA,
}
HINT = "number,date,answer: 3055550123,2026-05-01,no"


def query(asked: Iterable[tuple[str, date]]) -> str:
    """The file to send for these American numbers (E.164), each with the date asked about."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for e164, since in asked:
        writer.writerow([e164.removeprefix("+1"), since.isoformat()])
    return out.getvalue()


def answers(text: str, asked_at: datetime, source: str) -> Mapping[str, ReassignedAnswer]:
    """The answers in a file, by E.164 number. Raises ComplianceError naming the line that is none."""
    found = {}
    for line, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        fields = [field.strip() for field in row]
        if not any(fields):
            continue
        if line == 1 and not fields[0].lstrip("+").isdigit():
            continue  # a header
        number = fields[0].removeprefix("+").removeprefix("1") if len(fields[0].lstrip("+")) == 11 else fields[0]
        word = _WORDS.get(fields[2].lower()) if len(fields) > 2 else None
        if word is None or len(number) != 10 or not number.isdigit():
            raise ComplianceError(f"{source}:{line}: {','.join(row)[:60]!r} is no answer", hint=HINT)
        try:
            since = date.fromisoformat(fields[1])
        except ValueError as error:
            raise ComplianceError(f"{source}:{line}: {fields[1]!r} is no date", hint=HINT) from error
        found[f"+1{number}"] = ReassignedAnswer(word, since, asked_at, source)
    return found
