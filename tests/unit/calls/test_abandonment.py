from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.calls.abandonment import LiveAnswer, live_answer
from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallRecord, EndedBy, TransferResult

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def record(*, talked_s: float = 20.0, **changes: Any) -> CallRecord:
    answered = {"answered_at": NOW, "ended_at": NOW + timedelta(seconds=talked_s), "ended_by": EndedBy.DIALER}
    return CallRecord(attempt_id="a", outcome=Outcome.HEARD, **{**answered, **changes})


def test_who_did_not_answer_was_not_abandoned() -> None:
    assert live_answer(record(answered_at=None)) is None


def test_a_machine_is_no_person() -> None:
    assert live_answer(record(answered_by=AnsweredBy.MACHINE)) is None


@pytest.mark.parametrize(
    ("ms", "expected"), [(0, LiveAnswer.SERVED), (2000, LiveAnswer.SERVED), (2001, LiveAnswer.ABANDONED)]
)
def test_two_seconds_after_the_greeting_are_the_limit(ms: int, expected: LiveAnswer) -> None:
    assert live_answer(record(greeting_to_message_ms=ms, message_started_ms=9000)) is expected


@pytest.mark.parametrize(("ms", "expected"), [(2000, LiveAnswer.SERVED), (2001, LiveAnswer.ABANDONED)])
def test_without_a_greeting_they_count_from_the_answer(ms: int, expected: LiveAnswer) -> None:
    assert live_answer(record(message_started_ms=ms)) is expected


def test_no_message_at_all_is_abandonment() -> None:
    assert live_answer(record(talked_s=1.0)) is LiveAnswer.ABANDONED
    assert live_answer(record(talked_s=2.1, ended_by=EndedBy.CALLEE)) is LiveAnswer.ABANDONED


def test_who_hangs_up_at_once_was_not_abandoned() -> None:
    assert live_answer(record(talked_s=2.0, ended_by=EndedBy.CALLEE)) is LiveAnswer.SERVED


@pytest.mark.parametrize(
    ("transfer", "expected"),
    [
        (TransferResult.CONNECTED, LiveAnswer.SERVED),
        (TransferResult.LEFT_WAITING, LiveAnswer.SERVED),
        (TransferResult.NOBODY_FREE, LiveAnswer.ABANDONED),
        (TransferResult.NOT_ANSWERED, LiveAnswer.ABANDONED),
        (TransferResult.CUT_OFF, LiveAnswer.ABANDONED),
    ],
)
def test_who_asked_for_an_operator_and_got_none_was_abandoned(transfer: TransferResult, expected: LiveAnswer) -> None:
    assert live_answer(record(message_started_ms=500, transfer=transfer)) is expected


def test_a_key_is_pressed_by_a_person_whatever_the_ear_made_of_it() -> None:
    wished = record(answered_by=AnsweredBy.MACHINE, transfer=TransferResult.NOBODY_FREE)
    assert live_answer(wished) is LiveAnswer.ABANDONED
