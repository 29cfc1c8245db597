"""What wakes the owner thread of an agent, and what does not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sip.conftest import Wire, to

from dialer.sip.bell import Bell

pytestmark = pytest.mark.sip

LONG_MS = 10_000


class Ends:
    """A bell, and the engine's end of the socket that it waits for."""

    def __init__(self) -> None:
        self.ours, self.engine = socket.socketpair()
        self.bell = Bell(self.ours)

    def waited_s(self, wait_ms: int) -> float:
        begun = time.monotonic()
        self.bell.wait(wait_ms)
        return time.monotonic() - begun


def threads_of(pid: int) -> set[str]:
    """By name."""
    return {(task / "comm").read_text(encoding="ascii").strip() for task in Path(f"/proc/{pid}/task").iterdir()}


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.bell.close()
    made.ours.close()
    made.engine.close()


def test_a_word_from_the_engine_ends_a_wait_until_it_is_read(ends: Ends) -> None:
    ends.engine.send(b"word")
    assert ends.waited_s(LONG_MS) < LONG_MS / 2000
    assert ends.waited_s(LONG_MS) < LONG_MS / 2000
    ends.ours.recv(100)
    assert ends.waited_s(30) >= 0.03


def test_an_engine_that_is_gone_ends_a_wait(ends: Ends) -> None:
    ends.engine.close()
    assert ends.waited_s(LONG_MS) < LONG_MS / 2000


def test_a_key_ends_one_wait(ends: Ends) -> None:
    os.eventfd_write(ends.bell.keys, 1)
    os.eventfd_write(ends.bell.keys, 1)
    assert ends.waited_s(LONG_MS) < LONG_MS / 2000
    assert ends.waited_s(30) >= 0.03


def test_it_tells_a_word_from_the_engine_from_a_key(ends: Ends) -> None:
    assert not ends.bell.wait(0)
    os.eventfd_write(ends.bell.keys, 1)
    assert not ends.bell.wait(LONG_MS)
    os.eventfd_write(ends.bell.keys, 1)
    ends.engine.send(b"word")
    assert ends.bell.wait(LONG_MS)
    ends.ours.recv(100)
    assert not ends.bell.wait(0)
    ends.engine.close()
    assert ends.bell.wait(LONG_MS)


async def test_no_thread_of_an_agent_looks_for_what_never_comes(wire: Wire) -> None:
    desk = await wire.desk(to(wire.hole(), "trunk"))
    threads = threads_of(desk.agent.pid)
    assert "clock" in threads
    assert "media" not in threads
