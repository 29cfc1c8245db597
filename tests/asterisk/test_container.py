"""The test Asterisk does what docker/asterisk/scenarios.toml says, seen by a caller that is not the dialer."""

from __future__ import annotations

import math
import time
from datetime import timedelta

import pytest
from tests.asterisk.caller import Caller
from tests.asterisk.conftest import AsteriskPeer, Scenario, scenarios

from dialer.calls.causes import outcome_of_failure
from dialer.calls.events import FinalResponse
from dialer.calls.outcome import Outcome

REFUSED = [row for row in scenarios() if row.sip >= 300 and row.sip != 487]
PRESSING = [row for row in scenarios() if row.digits]
AREA = "+1212555"


def number(suffix: str) -> str:
    return f"{AREA}01{suffix}"


def name(row: Scenario) -> str:
    return f"{row.suffix}-{row.name}"


def test_the_table_names_outcomes_that_the_dialer_has() -> None:
    assert {row.outcome for row in scenarios()} <= set(Outcome)
    assert {row.outcome_amd for row in scenarios() if row.outcome_amd} <= set(Outcome)


def test_options_are_answered(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port) as caller:
        caller.request("OPTIONS")
        assert caller.responses(2)[-1].status == 200


@pytest.mark.parametrize("row", REFUSED, ids=name)
def test_refusals_have_the_status_cause_and_disposition_of_the_table(asterisk: AsteriskPeer, row: Scenario) -> None:
    with Caller(asterisk.sip_port, number(row.suffix)) as caller:
        caller.invite()
        final = caller.responses(12)[-1]
        assert (final.status, final.q850) == (row.sip, row.q850)
        answer = FinalResponse(final.status, final.phrase, final.headers["reason"])
        assert outcome_of_failure(answer).outcome.value == row.outcome
        record = asterisk.wait_for_call(caller.call_id)
    assert (record.number, record.scenario, record.disposition) == (number(row.suffix), row.suffix, row.disposition)
    assert (record.caller_id, record.trunk) == ("+12125550100", "trust")
    assert record.answer is None
    assert record.billsec == 0
    assert record.recording is None


@pytest.mark.parametrize("row", PRESSING, ids=name)
def test_digits_are_pressed_as_the_table_says(asterisk: AsteriskPeer, row: Scenario) -> None:
    with Caller(asterisk.sip_port, number(row.suffix)) as caller:
        caller.invite()
        assert caller.responses(3)[-1].status == 200
        caller.speak(b"\xff" * 160)
        deadline = time.monotonic() + 4
        by_rtp = ""
        while time.monotonic() < deadline and not (by_rtp or caller.digits_by_info):
            caller.receive(0.1)
            by_rtp = caller.heard()[1]
        caller.hang_up()
    assert (by_rtp, caller.digits_by_info) == (("", row.digits) if name(row).endswith("info") else (row.digits, ""))


def test_a_listener_records_what_was_said_and_the_record_has_the_times(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("00")) as caller:
        caller.invite()
        assert caller.responses(3)[-1].status == 200
        answered = time.time()
        caller.speak(tone(440, seconds=2))
        caller.hang_up()
        ended = time.time()
        record = asterisk.wait_for_call(caller.call_id)
    assert record.answer is not None
    assert record.disposition == "ANSWERED"
    assert record.hangupcause == 16
    assert record.answer.timestamp() == pytest.approx(answered, abs=0.1)
    assert record.end.timestamp() == pytest.approx(ended, abs=0.1)
    assert record.billsec == pytest.approx((record.end - record.answer).total_seconds(), abs=0.001)
    samples = memoryview(asterisk.heard_by(record)).cast("h").tolist()
    assert record.recording in asterisk.recordings()
    assert len(samples) / 8000 == pytest.approx(2, abs=0.2)
    assert share_at(440, samples) > 0.95


def test_voicemail_keeps_only_what_comes_after_its_beep(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("41")) as caller:
        caller.invite()
        assert caller.responses(3)[-1].status == 200
        while "Record" not in asterisk.cli("core show channels"):
            assert caller.receive(0.2) is None
        caller.speak(tone(440, seconds=2))
        caller.hang_up()
        record = asterisk.wait_for_call(caller.call_id)
    samples = memoryview(asterisk.heard_by(record)).cast("h").tolist()
    assert record.recording in asterisk.recordings()
    assert len(samples) / 8000 == pytest.approx(2, abs=0.2)
    assert share_at(440, samples) > 0.95


def test_ringing_ends_by_cancel(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("40")) as caller:
        caller.invite()
        while (ringing := caller.receive(2)) is None or ringing.status != 180:
            assert ringing is not None
        caller.request("CANCEL")
        assert sorted((caller.responses(2)[-1].status, caller.responses(2)[-1].status)) == [200, 487]
        record = asterisk.wait_for_call(caller.call_id)
    assert (record.disposition, record.answer) == ("NO ANSWER", None)


def test_early_media_is_sent_before_the_answer(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("30")) as caller:
        caller.invite()
        statuses = [message.status for message in caller.responses(10)]
        assert 183 in statuses
        assert statuses[-1] == 200
        assert len(caller.heard()[0]) > 4000
        caller.hang_up()
        record = asterisk.wait_for_call(caller.call_id)
    assert record.answer is not None
    assert record.answer - record.start > timedelta(seconds=0.5)


def test_the_callee_hangs_up_after_the_seconds_in_its_number(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("51")) as caller:
        caller.invite()
        assert caller.responses(3)[-1].status == 200
        bye = caller.wait_for_bye(3)
        record = asterisk.wait_for_call(caller.call_id)
    assert bye.q850 == 16
    assert record.billsec == pytest.approx(1, abs=0.2)


def test_the_callee_rings_for_the_seconds_in_its_number(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.sip_port, number("61")) as caller:
        caller.invite()
        assert [message.status for message in caller.responses(4)] == [100, 180, 200]
        caller.hang_up()
        record = asterisk.wait_for_call(caller.call_id)
    assert record.answer is not None
    assert (record.answer - record.start).total_seconds() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("right", [True, False], ids=["right secret", "wrong secret"])
def test_the_digest_trunk_takes_the_right_secret_only(asterisk: AsteriskPeer, right: bool) -> None:
    secret = asterisk.digest_secret if right else "wrong"
    with Caller(asterisk.digest_port, number("20")) as caller:
        caller.invite()
        challenge = caller.responses(2)[-1]
        assert challenge.status == 401
        caller.invite(extra=(caller.credentials(challenge, "INVITE", asterisk.digest_user, secret),))
        assert caller.responses(2)[-1].status == (486 if right else 401)
        if right:
            assert asterisk.wait_for_call(caller.call_id).trunk == "dialer"
        else:
            assert caller.call_id not in {record.call_id for record in asterisk.cdr_rows()}


def test_the_digest_trunk_registers(asterisk: AsteriskPeer) -> None:
    with Caller(asterisk.digest_port) as caller:
        caller.to = f"<sip:{asterisk.digest_user}@127.0.0.1:{asterisk.digest_port}>"
        caller.request("REGISTER", extra=("Expires: 60",))
        challenge = caller.responses(2)[-1]
        assert challenge.status == 401
        proof = caller.credentials(challenge, "REGISTER", asterisk.digest_user, asterisk.digest_secret)
        caller.request("REGISTER", extra=("Expires: 60", proof))
        assert caller.responses(2)[-1].status == 200
        assert "dialer/sip:dialer@127.0.0.1" in asterisk.cli("pjsip show contacts")


def tone(hertz: int, seconds: float) -> bytes:
    """A sine at a quarter of full scale, as mu-law (ITU-T G.711)."""
    return bytes(ulaw(int(8000 * math.sin(2 * math.pi * hertz * n / 8000))) for n in range(int(seconds * 8000)))


def ulaw(sample: int) -> int:
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | (magnitude >> (exponent + 3)) & 0x0F) & 0xFF


def share_at(hertz: int, samples: list[int]) -> float:
    """How much of the energy of the samples is at one frequency, from 0 to 1 (Goertzel)."""
    angle = 2 * math.pi * hertz / 8000
    real = sum(s * math.cos(angle * n) for n, s in enumerate(samples))
    imaginary = sum(s * math.sin(angle * n) for n, s in enumerate(samples))
    return 2 * (real**2 + imaginary**2) / (len(samples) * sum(s * s for s in samples))
