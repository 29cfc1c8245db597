"""What others read."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy, KeyPress, Leg
from dialer.results.export import attempts_csv, report_html, report_json
from dialer.results.records import QueueSummary
from dialer.results.summary import RefusalCount, build_report

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
RECORD = CallRecord(
    attempt_id="a1",
    outcome=Outcome.ACCEPTED,
    legs=(Leg(trunk="carrier", call_id="a1-1", sip_code=200),),
    invite_at=NOW,
    answered_at=NOW,
    ended_at=NOW,
    ended_by=EndedBy.DIALER,
    sip_reason="=cmd()",
    keys=(KeyPress(digit="1", after_answer_ms=900, via="rfc4733"),),
)


def report_of(name: str) -> str:
    refusal = RefusalCount("consent", "no <b>consent</b>", "law", deferred=False, contacts=1)
    return report_html(build_report(name, "done", QueueSummary(0, 0, 0, 2, None), [(1, RECORD)], [refusal]), NOW)


def test_the_csv_has_a_row_for_each_attempt_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(attempts_csv([("+13055550123", RECORD)]))))
    assert len(rows) == 1
    assert rows[0]["number"] == "+13055550123"
    assert rows[0]["outcome"] == "accepted"
    assert rows[0]["keys"] == "1"
    assert rows[0]["call_id"] == "a1-1"
    assert rows[0]["answered_at"] == "2026-11-20T15:00:00+00:00"
    assert rows[0]["sip_reason"] == "'=cmd()"


def test_the_page_shows_outcomes_and_refusals_and_escapes_what_it_is_given() -> None:
    page = report_of("<script>alert(1)</script>")
    assert "<script>" not in page
    assert "accepted" in page
    assert "no &lt;b&gt;consent" in page


def test_the_json_is_whole() -> None:
    report = build_report("c", "done", QueueSummary(0, 0, 0, 2, None), [(1, RECORD)], [])
    document = json.loads(report_json(report))
    assert document["outcomes"] == [{"outcome": "accepted", "attempts": 1, "share": 1.0}]
