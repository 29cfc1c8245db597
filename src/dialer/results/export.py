"""The account in forms that others read: CSV, JSON, an HTML page that needs nothing beside itself."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from dialer.calls.plan import CallRecord
    from dialer.results.summary import CampaignReport

COLUMNS = (
    "attempt_id", "number", "outcome", "invite_at", "ringing_at", "answered_at", "ended_at", "ended_by", "sip_code",
    "sip_reason", "q850", "answered_by", "heard_ms", "message_ms", "plays", "greeting_to_message_ms", "keys",
    "key_value", "trunk", "call_id", "detail",
)  # fmt: skip


def attempts_csv(attempts: Iterable[tuple[str, CallRecord]]) -> str:
    """One line an attempt, from (number, record) pairs; times in ISO 8601, UTC."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number, record in attempts:
        last = record.legs[-1] if record.legs else None
        special = {
            "number": number,
            "keys": "".join(key.digit for key in record.keys),
            "trunk": last.trunk if last else "",
            "call_id": last.call_id if last else "",
        }
        writer.writerow(_cell(special[name] if name in special else getattr(record, name)) for name in COLUMNS)
    return out.getvalue()


def report_json(report: CampaignReport) -> str:
    """The whole report as one JSON document."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def report_html(report: CampaignReport, made_at: datetime) -> str:
    """The whole report as one HTML page; no script, no link, fit for a printer."""
    import jinja2  # for this form alone

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dialer.results", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("report.html.j2").render(report=report, made_at=made_at)


def _cell(value: object) -> object:
    if value is None:
        return ""
    iso = getattr(value, "isoformat", None)
    text = iso() if iso else value
    # A leading =, + (but for our numbers), - or @ would be a formula to a spreadsheet.
    return f"'{text}" if isinstance(text, str) and text[:1] in {"=", "-", "@", "\t"} else text
