"""Reading the log: filters, and waiting for what comes, through a rotation."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operators import Operator

ATTEMPT = {"event": "attempt", "level": "info"}
LINES: list[dict[str, str]] = [
    {**ATTEMPT, "campaign": "a", "outcome": "busy", "number": "+1212*****00", "attempt_id": "x"},
    {**ATTEMPT, "campaign": "b", "outcome": "heard", "number": "+1212*****01", "attempt_id": "y"},
    {"event": "trouble", "level": "warning", "what": "trunk", "detail": "gone"},
]


@pytest.fixture
def logged(operator: Operator) -> Operator:
    operator.write("dialer.log", "".join(json.dumps(line) + "\n" for line in LINES) + '{"half')
    return operator


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        ((), [0, 1, 2]),
        (("--campaign", "a"), [0]),
        (("--outcome", "heard"), [1]),
        (("--number", "+12125550100"), [0]),
        (("--attempt", "y"), [1]),
        (("--level", "warning"), [2]),
        (("--lines", "1"), [2]),
    ],
)
def test_filters(logged: Operator, filters: tuple[str, ...], shown: list[int]) -> None:
    said = logged.run("logs", "--json", *filters)
    assert [json.loads(line) for line in said.splitlines()] == [LINES[place] for place in shown]


def test_an_unknown_level_is_told(logged: Operator) -> None:
    assert "levels: debug" in logged.run("logs", "--level", "loud", code=1)


def test_follow_shows_what_comes_even_into_a_new_file(logged: Operator) -> None:
    following = logged.start("logs", "--follow", "--json", "--campaign", "c", "--lines", "1")
    assert following.stdout is not None
    path = logged.home / "dialer.log"
    try:
        first = {"event": "attempt", "level": "info", "campaign": "c", "outcome": "busy"}
        # Written again and again until seen: when the reader has come to the end of the file is its own affair.
        with path.open("a") as file:
            file.write("\n")
        seen = _write_until_seen(logged, following.stdout.fileno(), json.dumps(first))
        assert json.loads(seen) == first
        path.rename(path.with_suffix(".log.1"))
        second = {**first, "outcome": "heard"}
        path.write_text("")
        assert json.loads(_write_until_seen(logged, following.stdout.fileno(), json.dumps(second))) == second
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=10)


def _write_until_seen(operator: Operator, reading: int, line: str) -> str:
    import os
    import select

    seen = b""
    for _ in range(100):
        with (operator.home / "dialer.log").open("a") as file:
            file.write(line + "\n")
        if select.select([reading], [], [], 0.2)[0]:
            seen += os.read(reading, 65536)
            for each in seen.decode().splitlines():
                if each == line:
                    return each
    raise AssertionError(f"never seen: {seen!r}")
