from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dialer.engine.lanes import HORIZON_S, LOW_S, Lane


def test_it_gives_room_for_its_horizon_and_no_more() -> None:
    lane = Lane(cps=100, channels=1000)
    assert lane.room(None, 0.0) == 100 * HORIZON_S
    lane.reserve(40)
    assert lane.delay(0.0) == HORIZON_S - LOW_S
    lane.give_back(28)
    assert lane.delay(0.0) == 0
    assert lane.room(None, 0.0) == 28


def test_a_slow_lane_has_one_call_on_its_way_and_waits_before_the_next() -> None:
    lane = Lane(cps=0.1, channels=10)
    assert (lane.delay(0.0), lane.room(None, 0.0)) == (0, 1)
    lane.reserve(1)
    lane.dialed(0.0)
    assert lane.wait(0.0) == 10
    assert lane.delay(0.0) == 10 - LOW_S
    assert lane.delay(10 - LOW_S) == 0


def test_users_share_the_room() -> None:
    lane = Lane(cps=100, channels=1000)
    for user in "abcde":
        lane.join(user)
    assert lane.room("c", 0.0) == 8
    lane.leave("a")
    lane.leave("b")
    assert lane.room("c", 0.0) == 13
    lane.join("d", share=2.0)
    assert (lane.room("c", 0.0), lane.room("d", 0.0)) == (10, 20)


def test_what_is_given_back_or_skipped_takes_no_room() -> None:
    lane = Lane(cps=100, channels=4)
    lane.reserve(4)
    lane.give_back(2)
    lane.skipped()
    lane.ended()
    assert lane.room(None, 0.0) == 3
    lane.dialed(0.0)
    assert lane.room(None, 1.0) == 3
    lane.ended()
    assert lane.room(None, 1.0) == 4


@given(
    cps=st.floats(0.1, 500),
    channels=st.integers(1, 40),
    steps=st.lists(st.tuples(st.sampled_from(["claim", "dial", "skip", "end"]), st.floats(0, 0.3)), max_size=80),
)
def test_neither_limit_is_ever_passed(cps: float, channels: int, steps: list[tuple[str, float]]) -> None:
    lane, now = Lane(cps, channels), 0.0
    reserved, live = 0, 0
    dials: list[float] = []
    for what, later in steps:
        now += later
        if what == "claim" and not lane.delay(now) and (room := lane.room(None, now)) > 0:
            lane.reserve(room)
            reserved += room
        elif what == "dial" and reserved and not lane.wait(now):
            lane.dialed(now)
            dials.append(now)
            reserved, live = reserved - 1, live + 1
        elif what == "skip" and reserved:
            lane.skipped()
            lane.ended()
            reserved -= 1
        elif what == "end" and live:
            lane.ended()
            live -= 1
        assert live + reserved <= channels
    for first in range(len(dials)):
        for last in range(first + 1, len(dials)):
            assert last - first <= (dials[last] - dials[first]) * cps + 1 + 1e-6
