"""Live control from another shell, over real SIP: how soon each command has its effect, by the callees' account."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.cli.test_campaign import prepare
from tests.operators import Operator

NUMBERS = [f"+1{area}555{line:04}" for area in (212, 305, 312) for line in range(100, 200)]
LISTENERS = '[[callees]]\nname = "listens"\nshare = 1\ndoes = "listen"\nring_s = [0.1, 0.3]\n'


@pytest.fixture
def calling(operator: Operator, callees: Callable[[str], int], open_zone: str) -> Iterator[Operator]:
    """A campaign of 300 listeners, in full swing."""
    prepare(operator, callees(LISTENERS), open_zone, NUMBERS)
    run = operator.start("run", "--forever")
    wait_until(lambda: len(events(operator.home, "answer")) >= 10)
    yield operator
    if run.poll() is None:
        operator.run("stop", "--all")
    run.communicate(timeout=20)


def events(home: Path, kind: str) -> list[float]:
    """The seconds at which callees noted something."""
    path = home / "callees.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    return [datetime.fromisoformat(each["at"]).timestamp() for each in found if each["event"] == kind]


def wait_until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Poll what has no event."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status_of(operator: Operator) -> dict[str, Any]:
    """How the one campaign stands."""
    found: dict[str, Any] = json.loads(operator.run("campaign", "status", "--json"))[0]
    return found


def said_s(printed: str) -> float:
    """What the command says of its own effect."""
    found = re.search(r"in effect after ([\d.]+) s", printed)
    assert found, printed
    return float(found[1])


def test_the_kill_switch(calling: Operator) -> None:
    ordered = datetime.now(UTC).timestamp()
    printed = calling.run("stop", "--all", "--reason", "wrong message")
    back = datetime.now(UTC).timestamp()
    took = back - ordered
    wait_until(lambda: len(events(calling.home, "over")) == len(events(calling.home, "invite")))
    invites, overs = events(calling.home, "invite"), events(calling.home, "over")
    # The order is given once the command has started up; it came back when the engine had taken it.
    given = back - said_s(printed)
    assert max(invites) - given <= 1.0, (
        f"last INVITE {max(invites) - given:.2f} s after the order; command {took:.2f} s"
    )
    assert max(overs) - given <= 2.0, f"last call down {max(overs) - given:.2f} s after the order"
    assert said_s(printed) <= 1.0
    # The outcomes of calls that end together are written together, within 0.3 s.
    wait_until(lambda: status_of(calling)["dialing"] == 0, within_s=2.0)
    assert status_of(calling)["state"] == "paused"
    assert "wrong message" in status_of(calling)["pause_reason"]


def test_pause_pace_resume_and_stop(calling: Operator) -> None:
    assert said_s(calling.run("campaign", "pause", "Reminders")) <= 1.0
    paused = len(events(calling.home, "invite"))
    time.sleep(1.0)
    assert len(events(calling.home, "invite")) == paused
    printed = calling.run("campaign", "pace", "Reminders", "--cps", "1", "--channels", "60")
    assert said_s(printed) <= 1.0
    assert said_s(calling.run("campaign", "resume", "Reminders")) <= 1.0
    time.sleep(3.0)
    assert len(events(calling.home, "invite")) - paused <= 5
    calling.run("campaign", "pace", "Reminders", "--cps", "40")
    before = len(events(calling.home, "invite"))
    wait_until(lambda: len(events(calling.home, "invite")) - before >= 15, within_s=15.0)
    assert said_s(calling.run("campaign", "stop", "Reminders", "--now")) <= 1.0
    wait_until(lambda: len(events(calling.home, "over")) == len(events(calling.home, "invite")), within_s=3.0)
    assert status_of(calling)["state"] == "stopped"


def test_without_an_engine_it_is_said_so(operator: Operator, callees: Callable[[str], int], open_zone: str) -> None:
    prepare(operator, callees(LISTENERS), open_zone, NUMBERS[:3])
    assert "no engine is running" in operator.run("campaign", "pause", "Reminders")
    assert "no campaign was running" in operator.run("stop", "--all")
    operator.run("stop", code=1)
