"""The main job, whole: a list is imported, a campaign started, people called, every outcome written down."""

from __future__ import annotations

import csv
import io
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operators import Operator

# name -> (what the callee does, the outcome that must be written down)
PEOPLE = {
    "confirms": ('does = "press_key"\nkey = "1"\nafter_s = [3, 4]', "accepted"),
    "confirms by INFO": ('does = "press_key"\nkey = "1"\nvia_info = true\nafter_s = [3, 4]', "accepted"),
    "survey": ('does = "press_key"\nkey = "3"\nafter_s = [3, 4]', "responded"),
    "opts out": ('does = "press_key"\nkey = "9"\nafter_s = [3, 4]', "opted_out"),
    "listens": ('does = "listen"', "heard"),
    "says nothing": ('does = "silent"', "heard"),
    "re-invites": ('does = "reinvite"\nafter_s = [3, 4]', "heard"),
    "early media": ('does = "early_media"', "heard"),
    "hangs up": ('does = "hang_up"\nafter_s = [4, 5]', "hung_up"),
    "voicemail": ('does = "voicemail"', "voicemail_left"),
    "never answers": ('does = "no_answer"', "no_answer"),
    "busy": ('does = "refuse"\ncode = "486"', "busy"),
    "declines": ('does = "refuse"\ncode = "603"', "rejected"),
    "blocked": ('does = "refuse"\ncode = "603+"', "network_blocked"),
    "blocked 608": ('does = "refuse"\ncode = "608"', "network_blocked"),
    "unwanted": ('does = "refuse"\ncode = "607"', "abuse"),
    "not in service": ('does = "refuse"\ncode = "404"', "invalid_number"),
}
NUMBERS = {name: f"+1212555{100 + place:04}" for place, name in enumerate(PEOPLE)}

CAMPAIGN = """
[campaign]
name = "Reminders"
purpose = "health"
caller_id = "+13055550100"
[seller]
name = "Sunrise Clinic LLC"
callback = "+13055550100"
[message]
sound = "message.wav"
voice = "artificial"
opt_out_number = "+18005550100"
parts = [
    { says = "seller_name", from_s = 0.0, to_s = 2.1 },
    { says = "artificial_voice", from_s = 2.1, to_s = 3.2 },
    { says = "opt_out", from_s = 3.2, to_s = 5.6 },
    { says = "callback", from_s = 8.1, to_s = 12.4 },
]
key_wait_s = 1
[keys]
1 = "accept"
2 = "repeat"
3 = { answer = "call me back" }
9 = "opt_out"
[machines]
policy = "leave_message"
[pacing]
cps = 20
channels = 40
[limits]
ring_timeout_s = 15
"""


def people_toml() -> str:
    parts = ['[[callees]]\nname = "anybody else"\nshare = 1\ndoes = "refuse"\ncode = "480"\n']
    for name, (does, _) in PEOPLE.items():
        parts.append(f'[[callees]]\nname = "{name}"\nnumbers = ["{NUMBERS[name]}"]\nring_s = [0.2, 0.5]\n{does}\n')
    return "\n".join(parts)


def prepare(operator: Operator, port: int, zone: str, numbers: list[str], *, campaign: str = CAMPAIGN) -> None:
    """A trunk to the callees, a list, a campaign."""
    operator.write(
        "sip.conf",
        f"[sim]\nhost = 127.0.0.1\nport = {port}\ncps = 50\ncaller_ids = +13055550100 | owned | test\n",
    )
    operator.write("dialer.toml", '[sip]\nbind = "127.0.0.1"\nmax_calls = 60\nrtp_port = 44000\nrtp_ports = 400\n')
    rows = [f"{number},{zone},express,2026-01-05,form" for number in numbers]
    operator.write("people.csv", "phone,time zone,consent,consent date,consent source\n" + "\n".join(rows) + "\n")
    operator.write("campaign.toml", campaign)
    operator.run("contacts", "import", "people.csv", "--list", "people")
    operator.run("campaign", "create", "campaign.toml", "--list", "people", "--start")


def account(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_kind_of_callee_ends_in_its_outcome(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    prepare(operator, callees(people_toml()), open_zone, list(NUMBERS.values()))
    operator.run("run", "--until-idle", timeout=120)

    rows = list(csv.DictReader(io.StringIO(operator.run("report", "Reminders", "--csv", "-"))))
    outcomes = {row["number"]: row["outcome"] for row in rows}
    assert outcomes == {NUMBERS[name]: outcome for name, (_, outcome) in PEOPLE.items()}

    # The other side's own account: the same calls, each once, and the listeners heard the message.
    other = account(operator.home / "callees.jsonl")
    invites = Counter(event["call_id"] for event in other if event["event"] == "invite")
    assert invites == Counter(row["call_id"] for row in rows)
    heard = {str(event["number"]): int(str(event["heard_ms"])) for event in other if event["event"] == "over"}
    assert heard[NUMBERS["listens"]] > 5000
    assert heard[NUMBERS["confirms"]] < heard[NUMBERS["listens"]], "a key stops the message"
    assert heard[NUMBERS["never answers"]] == 0

    by_number = {row["number"]: row for row in rows}
    assert by_number[NUMBERS["survey"]]["key_value"] == "call me back"
    assert by_number[NUMBERS["busy"]]["q850"] == "17"
    assert 1000 < int(by_number[NUMBERS["hangs up"]]["heard_ms"]) < 6000

    # What a supervisor reads: one canonical line for each attempt, with no whole number in it.
    log = (operator.home / "dialer.log").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert Counter(line["attempt_id"] for line in lines if line["event"] == "attempt") == Counter(
        row["attempt_id"] for row in rows
    )
    assert not any(number in log for number in NUMBERS.values())
    shown = operator.run("logs", "--outcome", "busy", "--number", NUMBERS["busy"])
    assert "outcome=" in shown or "busy" in shown

    status = json.loads(operator.run("campaign", "status", "Reminders", "--json"))[0]
    assert status["caller_id"] == {"number": "+13055550100", "calls": 17, "network_blocked": 2, "unwanted": 1}

    # Opt-out and abuse bind from now on.
    for name in ("opts out", "unwanted"):
        operator.run("dnc", "check", NUMBERS[name], code=4)
        told = json.loads(operator.run("gate", "explain", NUMBERS[name], "--campaign", "Reminders", "--json", code=4))
        assert told["refused_by"] == "internal_dnc"
        assert told["verdict"] == "never"

    status = json.loads(operator.run("campaign", "status", "Reminders", "--json"))[0]
    assert status["contacts"] == len(PEOPLE)
    assert status["waiting"] == 2, "busy and no answer are tried again later"


def test_nobody_is_called_twice_and_those_who_may_not_be_are_not_called(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    port = callees('[[callees]]\nname = "busy"\nshare = 1\ndoes = "refuse"\n')
    numbers = [f"+1212555{n:04}" for n in range(100, 106)]
    prepare(operator, port, open_zone, numbers)
    operator.run("dnc", "add", numbers[0], "--reason", "asked")
    operator.run("consent", "revoke", numbers[1], "--reason", "wrote a letter")
    operator.run("run", "--until-idle")
    operator.run("run", "--until-idle")
    called = Counter(
        str(event["number"]) for event in account(operator.home / "callees.jsonl") if event["event"] == "invite"
    )
    assert called == dict.fromkeys(numbers[2:], 1)


def test_ctrl_c_lets_live_calls_end_and_a_second_one_hangs_up(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    port = callees('[[callees]]\nname = "listens"\nshare = 1\ndoes = "listen"\nring_s = [0.2, 0.3]\n')
    numbers = [f"+1212555{n:04}" for n in range(100, 130)]
    prepare(operator, port, open_zone, numbers)
    run = operator.start("run")
    log = operator.home / "callees.jsonl"
    wait_until(lambda: log.exists() and '"answer"' in log.read_text())
    run.send_signal(signal.SIGINT)
    # Two signals of one kind that arrive together are one to the kernel: the log tells when the first was taken.
    wait_until(lambda: "no new calls" in (operator.home / "dialer.log").read_text())
    asked = time.monotonic()
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=20)
    assert run.returncode == 0
    assert time.monotonic() - asked < 6
    other = account(log)
    invited = {event["call_id"] for event in other if event["event"] == "invite"}
    over = {event["call_id"] for event in other if event["event"] == "over"}
    assert invited == over, "no call is left up"
    rows = list(csv.DictReader(io.StringIO(operator.run("report", "Reminders", "--csv", "-"))))
    dialed = {row["call_id"]: row for row in rows if row["call_id"]}
    assert set(dialed) == invited, "every INVITE has its outcome"
    status = json.loads(operator.run("campaign", "status", "--json"))[0]
    assert status["dialing"] == 0


def test_a_trunk_that_is_not_there_pauses_the_campaign_and_leaves_the_contacts_due(
    operator: Operator, open_zone: str
) -> None:
    prepare(operator, 1, open_zone, ["+12125550100"])
    said = operator.run("run", code=3)
    status = json.loads(operator.run("campaign", "status", "--json"))[0]
    assert status["state"] == "paused"
    assert "sim" in status["pause_reason"]
    assert status["waiting"] == 1
    assert status["outcomes"] == {}
    assert "Paused" in said


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("run",), "no campaign is started"),
        (("campaign", "start", "Nobody"), "no campaign called Nobody"),
        (("campaign", "check", "missing.toml"), "cannot be read"),
        (("contacts", "import", "missing.csv"), "cannot be read"),
        (("report", "Nobody"), "no campaign called Nobody"),
        (("dnc", "add", "12", "--reason", "x"), "12: "),
        (("logs",), "nothing has been logged yet"),
        (("-c", "nowhere.toml", "doctor"), "no such file"),
    ],
)
def test_a_mistake_is_one_line_and_a_hint(operator: Operator, command: tuple[str, ...], says: str) -> None:
    said = operator.run(*command, code=1)
    assert says in said
    assert len(said.strip().splitlines()) <= 3


def test_an_engine_that_is_killed_loses_nothing_and_dials_nobody_twice(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    port = callees('[[callees]]\nname = "listens"\nshare = 1\ndoes = "listen"\nring_s = [0.2, 0.6]\n')
    numbers = [f"+1212555{n:04}" for n in range(100, 140)]
    prepare(operator, port, open_zone, numbers)
    run = operator.start("run")
    log = operator.home / "callees.jsonl"
    wait_until(lambda: log.exists() and log.read_text().count('"answer"') >= 5)
    run.kill()
    run.communicate()
    killed = time.monotonic()
    # The agent has lost its engine: it hangs up everything by itself.
    wait_until(lambda: over(log) == invited(log))
    assert time.monotonic() - killed < 4
    called_before = invited(log)

    operator.run("run", "--until-idle", timeout=110)
    rows = list(csv.DictReader(io.StringIO(operator.run("report", "Reminders", "--csv", "-"))))
    outcomes = Counter(row["outcome"] for row in rows)
    assert outcomes["interrupted"] >= len(called_before)
    assert outcomes["heard"] == len(numbers) - outcomes["interrupted"]
    numbers_called = Counter(str(event["number"]) for event in account(log) if event["event"] == "invite")
    assert max(numbers_called.values()) == 1, "an interrupted contact waits for the gap"
    assert len(rows) == len(numbers)
    status = json.loads(operator.run("campaign", "status", "--json"))[0]
    assert (status["dialing"], status["waiting"]) == (0, outcomes["interrupted"])


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def invited(log: Path) -> set[str]:
    return {str(event["call_id"]) for event in account(log) if event["event"] == "invite"}


def over(log: Path) -> set[str]:
    return {str(event["call_id"]) for event in account(log) if event["event"] == "over"}
