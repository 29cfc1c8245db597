from __future__ import annotations

import json
import subprocess
import sys
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import numpy as np
import pjsua2 as pj
import pytest

ROOT = Path(__file__).parents[3]


def headers(message: str) -> Message:
    return Parser().parsestr(message.split("\r\n", 1)[1], headersonly=True)


def told(program: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.unit.native.{program}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)  # fails if the library prints, too
    return report


@pytest.fixture(scope="module")
def call() -> dict[str, Any]:
    return told("loopback_call")


def test_limits_are_those_a_large_campaign_needs() -> None:
    limits = pj.compiled_limits()
    assert limits.max_calls >= 2000
    assert limits.max_conf_ports >= 2 * limits.max_calls  # a call's stream and its CallAudio
    assert limits.ioqueue_max_handles >= 2 * limits.max_calls  # RTP and RTCP
    assert limits.max_players >= limits.max_calls
    assert limits.max_accounts >= 64
    assert limits.pjproject_version.split(".")[0] == "2"


def test_buffer_takes_anything_with_bytes_in_it_and_nothing_else() -> None:
    second = np.zeros(8000, dtype=np.int16)
    assert pj.PcmBuffer(second.tobytes()).duration_ms() == 1000
    assert pj.PcmBuffer(second).size() == 8000
    assert pj.PcmBuffer(b"").size() == 0
    with pytest.raises(TypeError):
        pj.PcmBuffer("not audio")


def test_invite_carries_the_chosen_call_id_caller_and_headers(call: dict[str, Any]) -> None:
    invite = headers(call["invite"])
    assert invite["Call-ID"] == "attempt-0001@dialer.test"
    assert invite["From"].startswith("<sip:+13055550100@dialer.test>;tag=")
    assert invite["Contact"].startswith("<sip:+13055550100@127.0.0.1:")
    assert invite["P-Asserted-Identity"] == "<sip:+13055550100@dialer.test>"
    assert invite["Privacy"] == "id"
    assert {"100rel", "timer"} <= {option.strip() for option in invite["Supported"].split(",")}


def test_what_is_played_is_heard_at_the_far_end(call: dict[str, Any]) -> None:
    message = np.array(call["message"], dtype=float)
    heard = np.array(call["heard"], dtype=float)
    match = np.correlate(heard, message, "valid")
    start = int(match.argmax())
    part = heard[start : start + len(message)]
    # G.711 alone leaves 0.9999; a lost or repeated frame of 20 ms would cost 0.02.
    assert match[start] / np.sqrt((message**2).sum() * (part**2).sum()) > 0.999
    assert not heard[start + len(message) :][160:].any(), "silence follows the message"


def test_a_call_tells_one_fact_at_a_time(call: dict[str, Any]) -> None:
    assert call["facts"]["calling"] == [pj.PJSIP_INV_STATE_CALLING, -1, ""]
    assert call["facts"]["talking"] == [pj.PJSIP_INV_STATE_CONFIRMED, 0, "PCMU"]
    assert call["facts"]["over"] == [None, -1, ""]


def test_player_knows_where_it_is(call: dict[str, Any]) -> None:
    assert call["position_at_end"] == 1000 * len(call["message"]) // 8000
    assert call["finished_while_looping"] is False
    assert call["moved_after_stop"] == 0


def test_unread_audio_is_counted_as_lost_not_overwritten(call: dict[str, Any]) -> None:
    assert call["overruns"] > 0
    assert call["available"] == 2 * 8000


def test_reason_headers_reach_python(call: dict[str, Any]) -> None:
    assert call["refused_code"] == 603
    assert headers(call["refusal"])["Reason"] == "Q.850;cause=21"
    assert headers(call["bye"])["Reason"] == 'Q.850;cause=16;text="Normal call clearing"'


def test_a_key_rings_the_bell_before_anybody_asks_and_sound_does_not() -> None:
    key = told("key_call")
    assert (key["sound_rings"], key["key_rings"]) == (False, True)
    assert (key["told_before"], key["told"]) == ([], ["9"])
