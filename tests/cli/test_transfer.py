"""Transfers, whole: people press a key, operators take them, and calls are placed no faster than operators are free."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.cli.test_campaign import CAMPAIGN, account, prepare

if TYPE_CHECKING:
    from tests.operators import Operator

PEOPLE = [f"+1212555{line:04}" for line in range(100, 108)]
POPULATION = """
[[callees]]
name = "wants to talk"
share = 1
does = "press_key"
key = "5"
ring_s = [0.1, 0.2]
after_s = [3.0, 3.2]
[[callees]]
name = "operator"
numbers = ["+anna", "+ben"]
does = "hang_up"
ring_s = [0.1, 0.2]
after_s = [1.0, 1.2]
[[callees]]
name = "operator who is never there"
numbers = ["+carl"]
does = "refuse"
code = "480"
"""
TRANSFER = """
[transfer]
operators = [{operators}]
trunk = "sim"
hold = "message.wav"
nobody = "message.wav"
wrap_up_s = 0
[machines]
"""


def with_operators(operator: Operator, port: int, zone: str, *names: str, people: list[str] = PEOPLE) -> None:
    """A campaign whose key 5 asks for one of these operators."""
    addresses = ", ".join(f'"sip:{name}@127.0.0.1:{port}"' for name in names)
    text = CAMPAIGN.replace('3 = { answer = "call me back" }', '5 = "transfer"').replace(
        "[machines]\n", TRANSFER.format(operators=addresses)
    )
    prepare(operator, port, zone, people, campaign=text)


def records(operator: Operator) -> list[dict[str, object]]:
    """The canonical line of each attempt."""
    lines = [json.loads(line) for line in (operator.home / "dialer.log").read_text().splitlines()]
    return [line for line in lines if line["event"] == "attempt"]


def most_at_once(operator: Operator) -> int:
    """How many of the people were in a call at once, by the callees' account."""
    most = live = 0
    for event in account(operator.home / "callees.jsonl"):
        if str(event["number"]).lstrip("+") not in {number.lstrip("+") for number in PEOPLE}:
            continue
        live += {"invite": 1, "over": -1}.get(str(event["event"]), 0)
        most = max(most, live)
    return most


def test_everybody_who_asks_talks_to_an_operator(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    with_operators(operator, callees(POPULATION), open_zone, "anna", "ben")
    operator.run("run", "--until-idle", timeout=120)
    ended = records(operator)
    assert {line["number"] for line in ended} != set()
    assert [line["transfer"] for line in ended] == ["connected"] * len(PEOPLE)
    assert [line["outcome"] for line in ended] == ["accepted"] * len(PEOPLE)
    taken = [str(event["number"]) for event in account(operator.home / "callees.jsonl") if event["event"] == "invite"]
    assert taken.count("anna") + taken.count("ben") == len(PEOPLE)
    assert taken.count("anna") >= 2
    assert taken.count("ben") >= 2
    assert most_at_once(operator) <= 2, "no more calls than operators are free"
    rows = list(csv.DictReader(io.StringIO(operator.run("report", "Reminders", "--csv", "-"))))
    assert {row["outcome"] for row in rows} == {"accepted"}


def test_nobody_there_is_told_and_counted_as_abandoned(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    with_operators(operator, callees(POPULATION), open_zone, "carl", people=PEOPLE[:1])
    operator.run("run", "--until-idle")
    (ended,) = records(operator)
    assert (ended["transfer"], ended["outcome"]) == ("not_answered", "accepted")
    (heard,) = [event for event in account(operator.home / "callees.jsonl") if event["event"] == "over"][-1:]
    assert int(str(heard["heard_ms"])) > 9_000, "the words for whom nobody is free, whole"
