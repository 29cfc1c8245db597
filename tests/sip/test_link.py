"""The agent's end of the socket, held against the engine's way of reading it."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from dialer.calls.frames import CallProgress, FrameSplitter, FromAgent, OptOut, Pong, Stage, from_agent_decoder
from dialer.sip.link import GATHER_S, Link

AT = datetime(2026, 11, 21, tzinfo=UTC)
PLAYING = CallProgress(attempt_id="a", stage=Stage.PLAYING, at=AT)


class Ends:
    """A link, and who reads it."""

    def __init__(self) -> None:
        ours, self.engine = socket.socketpair()
        self.link = Link(ours)
        self._splitter = FrameSplitter()

    def heard(self) -> list[FromAgent]:
        """What has come."""
        if not select.select([self.engine], [], [], 0)[0]:
            return []
        return [from_agent_decoder.decode(body) for body in self._splitter.feed(self.engine.recv(65536))]


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.link.finish(0)
    made.engine.close()


def test_progress_waits_for_more_but_not_long(ends: Ends) -> None:
    begun = time.monotonic()
    ends.link.send(PLAYING)
    ends.link.flush()
    ends.link.send(PLAYING)
    assert ends.heard() == []
    while not (heard := ends.heard()):
        ends.link.flush()
        assert time.monotonic() - begun < 10 * GATHER_S
    assert heard == [PLAYING, PLAYING]
    assert time.monotonic() - begun >= GATHER_S
    ends.link.send(PLAYING)
    ends.link.flush()
    assert ends.heard() == []  # the next wait their own time


def test_what_the_engine_must_hear_goes_at_once_and_in_order(ends: Ends) -> None:
    opt_out = OptOut(attempt_id="a", number="+12125550100", at=AT, how="key 9")
    ends.link.send(PLAYING)
    ends.link.send(opt_out)
    ends.link.send(PLAYING)
    ends.link.flush()
    assert ends.heard() == [PLAYING, opt_out, PLAYING]
    ends.link.send(Pong(number=1, live_calls=0))
    ends.link.flush()
    assert ends.heard() == [Pong(number=1, live_calls=0)]


def test_nothing_is_left_behind_at_the_end(ends: Ends) -> None:
    ends.link.send(PLAYING)
    ends.link.finish(1)
    assert ends.heard() == [PLAYING]
