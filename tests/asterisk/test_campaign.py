"""A campaign against Asterisk, whose own call detail records and recordings are then held against ours."""

from __future__ import annotations

import csv
import io
import json
import sys
import wave
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.asterisk.conftest import AsteriskPeer, Scenario, scenarios
from tests.operators import Operator, zone_at_midday

from dialer.audio.prepare import prompt_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANSWER_S = 0.100
DURATION_S = 1.0
LISTENERS = {"listens", "answers_after_1", "answers_after_3"}

CAMPAIGN = """
[campaign]
name = "Against Asterisk"
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
[machines]
policy = "leave_message"
[pacing]
cps = 10
channels = 60
[limits]
ring_timeout_s = 15
"""


def numbers_of(all_scenarios: list[Scenario]) -> dict[str, Scenario]:
    """One number for each scenario: its last two digits choose it."""
    return {f"+1212555{100 + int(each.suffix):04}": each for each in all_scenarios}


def prepare(operator: Operator, trunk: str, numbers: list[str]) -> None:
    operator.write("sip.conf", trunk)
    operator.write("dialer.toml", '[sip]\nbind = "127.0.0.1"\nmax_calls = 80\nrtp_port = 42000\nrtp_ports = 400\n')
    zone = zone_at_midday()
    rows = "".join(f"{number},{zone},express,2026-01-05,form\n" for number in numbers)
    operator.write("people.csv", "phone,time zone,consent,consent date,consent source\n" + rows)
    operator.write("campaign.toml", CAMPAIGN)
    operator.run("contacts", "import", "people.csv", "--list", "people")
    operator.run("campaign", "create", "campaign.toml", "--list", "people", "--start")


def attempts(operator: Operator) -> dict[str, dict[str, str]]:
    """The dialer's own records by number."""
    rows = csv.DictReader(io.StringIO(operator.run("report", "Against Asterisk", "--csv", "-")))
    return {row["number"]: row for row in rows}


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def message_sent() -> NDArray[np.float64]:
    with wave.open(str(prompt_path("demo_message"))) as file:
        return samples(file.readframes(file.getnframes()))


def likeness(recording: NDArray[np.float64], sound: NDArray[np.float64]) -> float:
    """The highest normalised correlation of ``sound`` with any stretch of ``recording``: 1 is the same sound."""
    if recording.size < sound.size:
        return 0.0
    size = 1 << (recording.size + sound.size).bit_length()
    product = np.fft.irfft(np.fft.rfft(recording, size) * np.conj(np.fft.rfft(sound, size)), size)
    product = product[: recording.size - sound.size + 1]
    energy = np.cumsum(np.concatenate([[0.0], recording**2]))
    stretches = np.sqrt(np.maximum(energy[sound.size :] - energy[: -sound.size], 0.0))
    quiet = stretches < 0.1 * np.linalg.norm(sound)  # all but silent: there, rounding would be taken for likeness
    return float(np.max(np.where(quiet, 0.0, product / np.where(quiet, 1.0, stretches * np.linalg.norm(sound)))))


def test_the_records_are_asterisks_own(asterisk: AsteriskPeer, operator: Operator) -> None:
    wanted = numbers_of(scenarios())
    assert len(wanted) >= 30
    before = len(asterisk.cdr_rows())
    prepare(
        operator,
        f"[asterisk]\nhost = {asterisk.host}\nport = {asterisk.sip_port}\ncps = 20\n"
        "caller_ids = +13055550100 | owned | test\n",
        list(wanted),
    )
    operator.run("run", "--until-idle", timeout=110)
    ours = attempts(operator)
    assert ours.keys() == wanted.keys()

    # None missing on either side, the same numbers, and what each side says of the end.
    theirs = {row.call_id: row for row in asterisk.wait_for_rows(before + len(wanted), timeout=10)[before:]}
    assert {row["call_id"]: number for number, row in ours.items()} == {
        call_id: row.number for call_id, row in theirs.items()
    }
    outcomes = {scenario.name: ours[number]["outcome"] for number, scenario in wanted.items()}
    assert outcomes == {each.name: each.outcome_amd or each.outcome for each in wanted.values()}
    dispositions = {scenario.name: theirs[ours[number]["call_id"]].disposition for number, scenario in wanted.items()}
    assert dispositions == {each.name: each.disposition for each in wanted.values()}

    lines = []
    for number, scenario in wanted.items():
        mine, other = ours[number], theirs[ours[number]["call_id"]]
        assert other.caller_id.endswith("3055550100")
        if other.answer is None:
            assert not mine["answered_at"], scenario.name
            continue
        answered, ended = (datetime.fromisoformat(mine[key]) for key in ("answered_at", "ended_at"))
        answer_off = (answered - other.answer).total_seconds()
        duration_off = (ended - answered).total_seconds() - other.billsec
        lines.append(f"{scenario.name:16} answer {answer_off * 1000:+7.1f} ms   duration {duration_off:+6.3f} s")
        assert abs(answer_off) <= ANSWER_S, lines[-1]
        assert abs(duration_off) <= DURATION_S, lines[-1]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")  # shown by pytest -s

    # What Asterisk recorded of its listeners is the message, from its beginning to its end.
    message = message_sent()
    for number, scenario in wanted.items():
        if scenario.name in LISTENERS:
            heard = samples(asterisk.heard_by(theirs[ours[number]["call_id"]]))
            found = {part: likeness(heard, each) for part, each in (("whole", message), ("end", message[-16000:]))}
            sys.stdout.write(f"{scenario.name:16} heard the message: likeness {found}\n")
            assert 0.9 < found["whole"] <= 1.001, scenario.name
            assert 0.9 < found["end"] <= 1.001, scenario.name
        elif scenario.name == "voicemail":
            heard = samples(asterisk.heard_by(theirs[ours[number]["call_id"]]))
            assert likeness(heard, message) > 0.9, "the voicemail has the whole message, after the beep"
        elif scenario.name == "hangs_up_3":
            heard = samples(asterisk.heard_by(theirs[ours[number]["call_id"]]))
            assert likeness(heard, message) < 0.9, "who hung up after three seconds has not heard the message"


@pytest.mark.parametrize("registers", ["no", "yes"])
def test_a_trunk_that_asks_for_a_digest_takes_our_calls(
    asterisk: AsteriskPeer, operator: Operator, registers: str
) -> None:
    operator.write("digest.secret", asterisk.digest_secret)
    number = "+12125550101"
    prepare(
        operator,
        f"[asterisk]\nhost = {asterisk.host}\nport = {asterisk.digest_port}\nregister = {registers}\n"
        f"user = {asterisk.digest_user}\nsecret_file = digest.secret\n"
        "caller_ids = +13055550100 | owned | test\n",
        [number],
    )
    operator.run("run", "--until-idle", timeout=60)
    row = attempts(operator)[number]
    assert row["outcome"] == "accepted"
    assert asterisk.wait_for_call(row["call_id"]).disposition == "ANSWERED"


def test_a_wrong_secret_pauses_the_campaign_with_the_reason_and_the_contact_stays_due(
    asterisk: AsteriskPeer, operator: Operator
) -> None:
    operator.write("digest.secret", "not the secret")
    prepare(
        operator,
        f"[asterisk]\nhost = {asterisk.host}\nport = {asterisk.digest_port}\nregister = yes\n"
        f"user = {asterisk.digest_user}\nsecret_file = digest.secret\n"
        "caller_ids = +13055550100 | owned | test\n",
        ["+12125550101"],
    )
    operator.run("run", code=3, timeout=60)
    status = json.loads(operator.run("campaign", "status", "--json"))[0]
    assert status["state"] == "paused"
    assert "401" in status["pause_reason"] or "403" in status["pause_reason"] or "refused" in status["pause_reason"]
    assert status["waiting"] == 1
