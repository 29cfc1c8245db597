"""What crosses the socket arrives as it was sent, however it is cut up on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.calls import frames
from dialer.calls.frames import MAX_FRAME_BYTES, FrameSplitter, FromAgent, ToAgent, framed
from dialer.calls.outcome import Outcome
from dialer.calls.plan import (
    AnsweredBy,
    CallLimits,
    CallPlan,
    CallRecord,
    CallScript,
    EndedBy,
    KeyAction,
    KeyPress,
    KeyRule,
    Leg,
    OperatorLine,
    TransferResult,
    TransferScript,
)
from dialer.calls.trunk import Trunk, TrunkState, TrunkStatus
from dialer.compliance.decision import Permit

NOON = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
PERMIT = Permit(
    attempt_id="a1",
    campaign_id=1,
    number="+13055550123",
    caller_id="+13055550100",
    rules_version="test",
    issued_at=NOON,
    expires_at=NOON + timedelta(seconds=5),
    basis=b"what it rests on",
)
KEYS = {"9": KeyRule(action=KeyAction.OPT_OUT, prompt="removed")}
PLAN = CallPlan(
    attempt_id="a1",
    permit=PERMIT.sealed(b"key"),
    script=CallScript(
        message="message", keys=KEYS, transfer=TransferScript(trunk="office", hold="hold", nobody="nobody")
    ),
    limits=CallLimits(),
    trunks=("north", "south"),
    display_name="Łódź ambulance",
)
RECORD = CallRecord(
    attempt_id="a1",
    outcome=Outcome.OPTED_OUT,
    legs=(Leg(trunk="north", call_id="a1-1", sip_code=200, q850=16),),
    answered_at=NOON,
    ended_at=NOON + timedelta(seconds=9),
    ended_by=EndedBy.CALLEE,
    answered_by=AnsweredBy.HUMAN,
    keys=(KeyPress(digit="9", after_answer_ms=4000, via="rfc4733"),),
    transfer=TransferResult.LEFT_WAITING,
)
TO_AGENT: list[ToAgent] = [
    frames.Configure(
        settings=frames.AgentSettings(),
        trunks=(Trunk(name="north", host="192.0.2.1", secret="s"),),
        permit_key=b"\0k",
        operators=(OperatorLine(address="sip:anna@192.0.2.7", trunk="office"),),
    ),
    frames.LoadSound(sound="message", path="message.wav"),
    frames.PlaceCall(plan=PLAN),
    frames.HangUp(),
    frames.OptOutStored(attempt_id="a1"),
    frames.ConnectOperator(attempt_id="a1", address="sip:anna@192.0.2.7"),
    frames.NobodyFree(attempt_id="a1"),
    frames.ProbeTrunk(trunk="north"),
    frames.Ping(number=7),
    frames.Shutdown(),
]
FROM_AGENT: list[FromAgent] = [
    frames.Ready(
        pid=1,
        sip_port=5060,
        limits=frames.CompiledLimits(
            max_calls=1, max_players=2, max_conf_ports=3, ioqueue_max_handles=4, pjproject="2.17"
        ),
    ),
    frames.AgentFailed(kind="PortInUse", message="taken"),
    frames.CallProgress(attempt_id="a1", stage=frames.Stage.KEY, at=NOON, detail="9"),
    frames.OptOut(attempt_id="a1", number="+13055550123", at=NOON, how="key 9"),
    frames.TransferAsked(attempt_id="a1", at=NOON),
    frames.OperatorFailed(attempt_id="a1", address="sip:anna@192.0.2.7", sip_code=486),
    frames.CallEnded(record=RECORD),
    frames.TrunkChanged(status=TrunkStatus(trunk="north", state=TrunkState.DOWN, sip_code=408)),
    frames.Pong(number=7, live_calls=3),
]


def cut(stream: bytes, at: list[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in at)})
    return [stream[start:end] for start, end in pairwise(places)]


@given(bodies=st.lists(st.binary(max_size=300), max_size=8), at=st.lists(st.integers(0, 5000), max_size=30))
def test_frames_come_out_whole_and_in_order(bodies: list[bytes], at: list[int]) -> None:
    splitter = FrameSplitter()
    stream = b"".join(framed(body) for body in bodies)
    assert [body for chunk in cut(stream, at) for body in splitter.feed(chunk)] == bodies


def test_a_frame_that_is_not_complete_waits() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(framed(b"whole") + framed(b"half")[:-1]) == [b"whole"]
    assert splitter.feed(b"f") == [b"half"]


def test_an_impossible_length_ends_it() -> None:
    with pytest.raises(ValueError, match="longer"):
        FrameSplitter().feed((MAX_FRAME_BYTES + 1).to_bytes(4, "big"))
    with pytest.raises(ValueError, match="longer"):
        framed(bytes(MAX_FRAME_BYTES + 1))


@pytest.mark.parametrize("frame", TO_AGENT, ids=lambda frame: type(frame).__name__)
def test_what_the_engine_says_arrives(frame: ToAgent) -> None:
    assert frames.to_agent_decoder.decode(frames.to_agent_encoder.encode(frame)) == frame


@pytest.mark.parametrize("frame", FROM_AGENT, ids=lambda frame: type(frame).__name__)
def test_what_the_agent_says_arrives(frame: FromAgent) -> None:
    assert frames.from_agent_decoder.decode(frames.from_agent_encoder.encode(frame)) == frame


def test_a_permit_still_verifies_on_the_other_side() -> None:
    arrived = frames.to_agent_decoder.decode(frames.to_agent_encoder.encode(frames.PlaceCall(plan=PLAN)))
    assert isinstance(arrived, frames.PlaceCall)
    arrived.plan.permit.verify(b"key", NOON)


def test_neither_side_takes_the_others_frames() -> None:
    with pytest.raises(msgspec.ValidationError):
        frames.to_agent_decoder.decode(frames.from_agent_encoder.encode(frames.Pong(number=1, live_calls=0)))
