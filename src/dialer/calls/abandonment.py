"""Which calls answered by a person were abandoned (47 CFR 64.1200(a)(7), 16 CFR 310.4(b)(4)(iii)).

Who asked for an operator and was given none counts as abandoned even where the message came in time: stricter than the
rule for recorded messages, and the rule where an operator was announced.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from dialer.calls.plan import AnsweredBy, CallRecord, EndedBy, TransferResult

PROMPTLY = timedelta(seconds=2)  # after the called person's completed greeting
_NO_OPERATOR = frozenset({TransferResult.NOBODY_FREE, TransferResult.NOT_ANSWERED, TransferResult.CUT_OFF})


class LiveAnswer(StrEnum):
    """What a person who answered got."""

    SERVED = "served"  # the message, in time, and the operator they asked for
    ABANDONED = "abandoned"  # the message late, or not at all; or no operator


def live_answer(record: CallRecord) -> LiveAnswer | None:
    """How a call that a person answered counts; None when nobody answered, or a machine did.

    A greeting that was not listened for counts as over with the answer. Who hangs up before the message was due was
    not abandoned.
    """
    if record.transfer in _NO_OPERATOR:
        return LiveAnswer.ABANDONED
    if record.answered_at is None or record.answered_by is AnsweredBy.MACHINE:
        return None
    waited_ms = record.greeting_to_message_ms
    if waited_ms is None:
        waited_ms = record.message_started_ms
    if waited_ms is not None:
        return LiveAnswer.ABANDONED if waited_ms > PROMPTLY // timedelta(milliseconds=1) else LiveAnswer.SERVED
    left_early = record.ended_by is EndedBy.CALLEE and record.ended_at - record.answered_at <= PROMPTLY
    return LiveAnswer.SERVED if left_early else LiveAnswer.ABANDONED
