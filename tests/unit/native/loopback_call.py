"""Run as a program by test_pjsua2_module.py: one endpoint calls itself over UDP on loopback, and tells in JSON.

In its own process because a native fault would take the test run down with it.
"""
# ruff: noqa: N802 (pjsua2 names its callbacks)

from __future__ import annotations

import array
import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pjsua2 as pj

RATE = 8000
CALL_ID = "attempt-0001@dialer.test"
DEADLINE_S = 8.0


class Leg(pj.Call):
    """One side of the call: attaches its CallAudio when media starts and keeps the messages it saw."""

    def __init__(self, account: pj.Account, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self.audio: Any = None
        self.state = pj.PJSIP_INV_STATE_NULL
        self.status_code = 0
        self.messages: list[str] = []

    def onCallState(self, prm: pj.OnCallStateParam) -> None:
        info = self.getInfo()  # gone once this callback has reported DISCONNECTED
        self.state, self.status_code = info.state, info.lastStatusCode
        if prm.e.type == pj.PJSIP_EVENT_TSX_STATE and prm.e.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
            self.messages.append(prm.e.body.tsxState.src.rdata.wholeMsg)
        elif prm.e.type == pj.PJSIP_EVENT_RX_MSG:
            self.messages.append(prm.e.body.rxMsg.rdata.wholeMsg)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        if self.getInfo().media[0].status == pj.PJSUA_CALL_MEDIA_ACTIVE and self.audio is None:
            self.audio = pj.CallAudio()
            wire = self.getAudioMedia(0)
            self.audio.startTransmit(wire)
            wire.startTransmit(self.audio)


class Callee(pj.Account):
    def __init__(self) -> None:
        super().__init__()
        self.legs: list[Leg] = []
        self.invites: list[str] = []

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:
        self.invites.append(prm.rdata.wholeMsg)
        leg = Leg(self, prm.callId)
        self.legs.append(leg)
        answer = pj.CallOpParam(True)
        answer.opt.textCount = 0
        if "sip:busy@" in prm.rdata.wholeMsg.split("\r\n", 1)[0]:
            answer.statusCode = 603
            answer.txOption.headers.append(header("Reason", "Q.850;cause=21"))
        else:
            answer.statusCode = 200
        leg.answer(answer)


def header(name: str, value: str) -> pj.SipHeader:
    made = pj.SipHeader()
    made.hName, made.hValue = name, value
    return made


def chirp(seconds: float) -> array.array[int]:
    """A rising tone: it matches itself at one offset only."""
    return array.array(
        "h",
        (
            int(12000 * math.sin(2 * math.pi * (300 * t + 600 * t * t)))
            for t in (i / RATE for i in range(int(seconds * RATE)))
        ),
    )


def start_endpoint() -> pj.Endpoint:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = 8
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.medConfig.clockRate = config.medConfig.sndClockRate = RATE
    config.medConfig.audioFramePtime = config.medConfig.ptime = 20
    config.medConfig.maxMediaPorts = 17
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    config.medConfig.sndAutoCloseTime = -1
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    endpoint.libStart()
    return endpoint


def start_account(account: pj.Account, endpoint: pj.Endpoint, user: str, answers: bool) -> str:
    """Give the account a UDP transport of its own on loopback; returns its host and port."""
    transport = pj.TransportConfig()
    transport.boundAddress = "127.0.0.1"
    transport_id = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    address = endpoint.transportGetInfo(transport_id).localAddress
    config = pj.AccountConfig()
    config.idUri = f"sip:{user}@{address}"
    config.sipConfig.transportId = transport_id
    config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    config.priority = int(answers)  # an INVITE to a number no account has goes to the first of them
    account.create(config)
    return str(address)


LegT = TypeVar("LegT", bound=Leg)


def place(kind: type[LegT], account: pj.Account, contact: str, target: str, call_id: str = "") -> LegT:
    leg = kind(account)
    request = pj.CallOpParam(True)
    request.opt.audioCount, request.opt.videoCount, request.opt.textCount = 1, 0, 0
    request.opt.customCallId = call_id
    request.txOption.localUri = "<sip:+13055550100@dialer.test>"
    request.txOption.contactUri = f"<sip:+13055550100@{contact}>"
    request.txOption.headers.append(header("P-Asserted-Identity", "<sip:+13055550100@dialer.test>"))
    request.txOption.headers.append(header("Privacy", "id"))
    leg.makeCall(target, request)
    return leg


def facts_of(leg: Leg) -> list[Any]:
    """State (None: there is no such call), index of the audio, codec."""
    try:
        state = pj.call_state(leg)
    except pj.Error:
        state = None
    return [state, pj.audio_index(leg), pj.audio_codec(leg)]


def await_that(endpoint: pj.Endpoint, deadline: float, done: Callable[[], bool]) -> None:
    """Until it is so; the program ends at the deadline, by the monotonic clock."""
    while not done():
        if time.monotonic() > deadline:
            sys.exit("nothing more happens")
        endpoint.libHandleEvents(10)


def call_twice(endpoint: pj.Endpoint) -> dict[str, Any]:
    """One call that is answered, one that is declined. All pjsua2 objects but the endpoint are gone on return."""
    until = partial(await_that, endpoint, time.monotonic() + DEADLINE_S)
    caller, callee = pj.Account(), Callee()
    here = start_account(caller, endpoint, "caller", answers=False)
    there = start_account(callee, endpoint, "callee", answers=True)

    near = place(Leg, caller, here, f"sip:+13055550123@{there}", CALL_ID)
    facts = {"calling": facts_of(near)}
    until(lambda: bool(callee.legs and callee.legs[0].audio and near.audio))
    until(lambda: near.state == pj.PJSIP_INV_STATE_CONFIRMED)
    facts["talking"] = facts_of(near)
    far = callee.legs[0]

    message = chirp(0.8)
    buffer = pj.PcmBuffer(message.tobytes())
    heard = array.array("h")

    def heard_all() -> bool:
        heard.frombytes(far.audio.read(RATE))
        return bool(near.audio.finished() and len(heard) >= 2 * len(message))

    near.audio.play(buffer)
    del buffer  # the call keeps what it plays
    until(heard_all)
    position_at_end = near.audio.position_ms()

    near.audio.play(pj.PcmBuffer(chirp(0.1)), True)
    until(lambda: near.audio.position_ms() >= 250)
    finished_while_looping = near.audio.finished()
    near.audio.stop()
    stopped_at = near.audio.position_ms()
    until(lambda: far.audio.overruns() > 0)
    moved_after_stop = near.audio.position_ms() - stopped_at

    goodbye = pj.CallOpParam()
    goodbye.txOption.headers.append(header("Reason", 'Q.850;cause=16;text="Normal call clearing"'))
    far.hangup(goodbye)
    until(lambda: near.state == far.state == pj.PJSIP_INV_STATE_DISCONNECTED)

    facts["over"] = facts_of(near)

    refused = place(Leg, caller, here, f"sip:busy@{there}")
    until(lambda: refused.state == pj.PJSIP_INV_STATE_DISCONNECTED)

    report = {
        "invite": callee.invites[0],
        "message": message.tolist(),
        "heard": heard.tolist(),
        "position_at_end": position_at_end,
        "finished_while_looping": finished_while_looping,
        "moved_after_stop": moved_after_stop,
        "overruns": far.audio.overruns(),
        "available": far.audio.available(),
        "bye": near.messages[-1],
        "refusal": refused.messages[-1],
        "refused_code": refused.status_code,
        "facts": facts,
    }
    callee.legs.clear()
    caller.shutdown()
    callee.shutdown()
    return report


def tell(work: Callable[[pj.Endpoint], dict[str, Any]]) -> None:
    """What comes of ``work``, which leaves no pjsua2 object behind, as JSON on standard output."""
    endpoint = start_endpoint()
    report = work(endpoint)
    endpoint.libDestroy()
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    tell(call_twice)
