"""The totals and the funnel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallRecord, EndedBy
from dialer.results.records import QueueSummary
from dialer.results.summary import RefusalCount, build_report

START = datetime(2026, 11, 20, 15, tzinfo=UTC)
QUEUE = QueueSummary(waiting=2, claimed=0, dialing=0, finished=8, next_due=START)


def record(
    outcome: Outcome, *, answered: bool = False, by: AnsweredBy = AnsweredBy.UNKNOWN, heard: int = 0
) -> CallRecord:
    return CallRecord(
        attempt_id=outcome.value,
        outcome=outcome,
        invite_at=START,
        ringing_at=START + timedelta(seconds=1),
        answered_at=START + timedelta(seconds=4) if answered else None,
        ended_at=START + timedelta(seconds=14),
        ended_by=EndedBy.DIALER,
        answered_by=by,
        heard_ms=heard,
        message_ms=9000,
        greeting_to_message_ms=800 if heard else None,
    )


def test_the_funnel_counts_contacts_not_attempts() -> None:
    human = AnsweredBy.HUMAN
    report = build_report(
        "c",
        "done",
        QUEUE,
        [
            (1, record(Outcome.BUSY)),
            (1, record(Outcome.ACCEPTED, answered=True, by=human, heard=3000)),
            (2, record(Outcome.HEARD, answered=True, by=human, heard=9000)),
            (3, record(Outcome.HUNG_UP, answered=True, by=human, heard=1000)),
            (4, record(Outcome.VOICEMAIL_LEFT, answered=True, by=AnsweredBy.MACHINE, heard=9000)),
            (5, record(Outcome.NO_ANSWER)),
        ],
        [],
    )
    assert [step.contacts for step in report.funnel] == [10, 5, 4, 3, 2, 1]
    assert report.attempts == 6
    assert sum(each.attempts for each in report.outcomes) == 6
    assert report.timings.ring_s == 3.0
    assert report.timings.greeting_to_message_ms == 800


def test_an_empty_campaign_has_a_report_too() -> None:
    empty = build_report("c", "created", QueueSummary(0, 0, 0, 0, None), [], [])
    assert empty.outcomes == ()
    assert all(step.share == 0 for step in empty.funnel)


def test_refusals_are_shown_most_frequent_first() -> None:
    few = RefusalCount("consent", "none on file", "47 CFR 64.1200", deferred=False, contacts=2)
    many = RefusalCount("calling_window", "closed", "47 CFR 64.1200(c)(1)", deferred=True, contacts=40, next_due=START)
    assert build_report("c", "running", QUEUE, [], [few, many]).refusals == (many, few)


def test_the_same_reason_under_several_laws_is_one_row() -> None:
    here = RefusalCount("consent", "none on file", "47 CFR 64.1200", deferred=False, contacts=2)
    there = RefusalCount("consent", "none on file", "CRTC UTR", deferred=False, contacts=3)
    (row,) = build_report("c", "running", QUEUE, [], [here, there]).refusals
    assert row.contacts == 5
    assert row.citation == "47 CFR 64.1200; CRTC UTR"
