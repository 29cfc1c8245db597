"""How often, and how soon again, one number may be called: the campaign's attempts and gap, the rows' caps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dialer.compliance.policy import PastAttempt, Purpose
from dialer.compliance.rules import Cap, RuleRow

OPEN = "open"  # the outcome of an attempt that has none yet
UNDECIDED = frozenset({OPEN, "interrupted"})  # it may have ended in any way, so it counts for every cap
NOT_DIALED = "not_dialed"  # its INVITE never left: it counts for nothing
NO_TRUNK = "trunk_failure"  # no telephone rang as far as we know: the law's caps count it, the campaign's own does not
ABANDONMENT_PERIOD = timedelta(days=30)  # each successive one, 47 CFR 64.1200(a)(7)(i)
OPEN_RECHECK = timedelta(minutes=5)  # when to ask again while an attempt to the number is open


@dataclass(frozen=True, slots=True)
class CapCount:
    """One cap of one row, held against the history."""

    row: RuleRow
    cap: Cap
    counted: int
    clear_at: datetime | None  # when the next call fits; None: never, the cap has no window

    @property
    def reached(self) -> bool:
        return self.counted >= self.cap.max


def placed(history: Sequence[PastAttempt]) -> list[PastAttempt]:
    """The attempts that left, or may have, oldest first."""
    return sorted((each for each in history if each.outcome != NOT_DIALED), key=lambda each: each.at)


def used_up(history: Sequence[PastAttempt], campaign_id: int) -> list[PastAttempt]:
    """The attempts that count against the campaign's own maximum."""
    return [each for each in placed(history) if each.campaign_id == campaign_id and each.outcome != NO_TRUNK]


def count_caps(
    rows: Sequence[RuleRow], history: Sequence[PastAttempt], purpose: Purpose, *, consented: bool, at: datetime
) -> list[CapCount]:
    """Every cap of ``rows`` that binds a call at ``at``; in an emergency those of countries that except it do not."""
    excepting = {row.country for row in rows if row.emergency_citation} if purpose is Purpose.EMERGENCY else set()
    return [
        _count(row, cap, history, at)
        for row in rows
        if row.country not in excepting
        for cap in row.caps
        if not (cap.purposes and purpose not in cap.purposes) and not (cap.without_consent and consented)
    ]


def _count(row: RuleRow, cap: Cap, history: Sequence[PastAttempt], at: datetime) -> CapCount:
    times = [
        each.at
        for each in placed(history)
        if (not cap.outcomes or each.outcome in cap.outcomes or each.outcome in UNDECIDED)
        and (not cap.window or each.at + cap.window > at)
    ]
    if len(times) < cap.max:
        return CapCount(row, cap, len(times), at)
    return CapCount(row, cap, len(times), times[-cap.max] + cap.window if cap.window else None)


def gap_clear_at(history: Sequence[PastAttempt], gap: timedelta, now: datetime) -> datetime:
    """The first instant at or after ``now`` at which the number may be dialed again; while a call is open, a guess."""
    attempts = placed(history)
    clear = max([now, *(each.at + gap for each in attempts)])
    if any(each.outcome == OPEN for each in attempts):
        return max(clear, now + OPEN_RECHECK)
    return clear
