from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.compliance.caps import OPEN_RECHECK, CapCount, count_caps, gap_clear_at, placed, used_up
from dialer.compliance.policy import PastAttempt, Purpose
from dialer.compliance.rules import Cap, RuleRow, builtin_rules

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
HOUR = timedelta(hours=1)
TINY = timedelta(microseconds=1)
RULES = builtin_rules()


def rows(*jurisdictions: str) -> tuple[RuleRow, ...]:
    return RULES.rows_for(jurisdictions, date(2026, 11, 20))


def past(*hours_ago: float, outcome: str = "no_answer") -> tuple[PastAttempt, ...]:
    return tuple(PastAttempt(f"a{hours}", 1, NOW - hours * HOUR, outcome) for hours in hours_ago)


def reached(
    rules: tuple[RuleRow, ...],
    history: tuple[PastAttempt, ...],
    purpose: Purpose = Purpose.INFORMATIONAL,
    *,
    consented: bool = True,
    at: datetime = NOW,
) -> list[CapCount]:
    return [each for each in count_caps(rules, history, purpose, consented=consented, at=at) if each.reached]


def test_the_fourth_call_within_a_day_waits_in_florida() -> None:
    (full,) = reached(rows("US", "US-FL"), past(20, 10, 5))
    assert full.row.jurisdiction == "US-FL"
    assert full.clear_at == NOW + 4 * HOUR
    assert reached(rows("US", "US-FL"), past(24, 10, 5)) == []
    assert reached(rows("US", "US-NY"), past(20, 10, 5)) == []


def test_calls_that_never_left_do_not_count_and_interrupted_ones_do() -> None:
    florida = rows("US", "US-FL")
    assert reached(florida, (*past(20, 10), *past(5, outcome="not_dialed"))) == []
    assert reached(florida, (*past(20, 10), *past(5, outcome="interrupted")))
    assert reached(florida, (*past(20, 10), *past(5, outcome="open")))


def test_france_allows_four_calls_in_thirty_days() -> None:
    (full,) = reached(rows("FR"), past(700, 500, 300, 100))
    assert full.clear_at == NOW + 20 * HOUR
    assert reached(rows("FR"), past(720, 500, 300, 100)) == []


def test_landlines_without_consent_have_caps_that_consent_lifts() -> None:
    three = past(600, 400, 200)
    assert reached(rows("US", "US-NY"), three, consented=False)
    assert not reached(rows("US", "US-NY"), three, consented=True)
    assert not reached(rows("US", "US-NY"), three, Purpose.HEALTH, consented=False)
    (daily,) = reached(rows("US", "US-NY"), past(20), Purpose.HEALTH, consented=False)
    assert daily.clear_at == NOW + 4 * HOUR


def test_after_a_conversation_about_a_debt_there_is_a_week_of_silence() -> None:
    assert reached(rows("US", "US-NY"), past(100, outcome="heard"), Purpose.DEBT)
    assert reached(rows("US", "US-NY"), past(100, outcome="interrupted"), Purpose.DEBT)  # it may have been one
    assert not reached(rows("US", "US-NY"), past(100, outcome="busy"), Purpose.DEBT)
    assert not reached(rows("US", "US-NY"), past(100, outcome="heard"), Purpose.INFORMATIONAL)


def test_nevada_lets_nobody_redial_who_hung_up() -> None:
    (full,) = reached(rows("US", "US-NV"), past(600, outcome="hung_up"))
    assert full.clear_at is None
    assert reached(rows("US", "US-NV"), past(600)) == []


def test_emergencies_are_excepted_where_a_citation_says_so() -> None:
    assert reached(rows("US", "US-FL"), past(20, 10, 5), Purpose.EMERGENCY) == []
    assert reached(rows("FR"), past(20, 10, 5, 1), Purpose.EMERGENCY)


@given(
    hours_ago=st.lists(st.integers(0, 200).map(lambda quarters: quarters / 4), max_size=12),
    most=st.integers(1, 4),
    hours=st.integers(1, 30),
)
def test_a_cap_clears_at_the_first_instant_at_which_one_more_call_fits(
    hours_ago: list[float], most: int, hours: int
) -> None:
    cap = Cap(max=most, scope="any", hours=hours)
    law = (msgspec.structs.replace(rows("GB")[0], caps=(cap,)),)
    history = past(*hours_ago)
    (count,) = count_caps(law, history, Purpose.SURVEY, consented=True, at=NOW)
    assert count.clear_at is not None

    def calls_within_the_window_before(at: datetime) -> int:
        return sum(at - hours * HOUR < each.at for each in history)

    assert calls_within_the_window_before(count.clear_at) < most
    assert count.reached is (count.clear_at > NOW)
    if count.reached:
        assert calls_within_the_window_before(count.clear_at - TINY) >= most


@pytest.mark.parametrize(
    ("history", "clear"),
    [
        ((), NOW),
        (past(4), NOW),
        (past(3), NOW + HOUR),
        (past(1, 3), NOW + 3 * HOUR),
        (past(1, outcome="not_dialed"), NOW),
        (past(1, outcome="open"), NOW + 3 * HOUR),
        (past(9, outcome="open"), NOW + OPEN_RECHECK),
    ],
)
def test_the_gap_runs_from_the_last_call_whatever_its_campaign(
    history: tuple[PastAttempt, ...], clear: datetime
) -> None:
    assert gap_clear_at(history, 4 * HOUR, NOW) == clear


def test_placed_attempts_come_oldest_first() -> None:
    history = (*past(1, 9, 5), *past(3, outcome="not_dialed"))
    assert [each.attempt_id for each in placed(history)] == ["a9", "a5", "a1"]


def test_a_dead_trunk_counts_for_the_law_but_uses_up_no_attempt_of_the_campaign() -> None:
    when = datetime(2026, 11, 20, 15, tzinfo=UTC)
    failed = PastAttempt("a", 1, when, "trunk_failure")
    other = PastAttempt("b", 2, when, "busy")
    busy = PastAttempt("c", 1, when, "busy")
    assert placed([failed, other, busy]) == [failed, other, busy]
    assert used_up([failed, other, busy], 1) == [busy]
