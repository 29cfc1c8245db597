"""Run as a program by test_transfer.py: people and operators with voices and ears, on one pjsua2 endpoint.

What each does is given as JSON, by the user part of the address that is called: see ``Manners``. Prints its SIP port;
at the end of standard input, what each one heard and when its call was over, as JSON. Times are of the monotonic clock,
which all processes of a machine share.
"""

from __future__ import annotations

import array
import base64
import json
import math
import select
import sys
import time
from dataclasses import dataclass, field

import pjsua2 as pj

from dialer.calls.frames import AgentSettings
from dialer.sip.callee import CalleeAccount, CalleeCall, CalleeNews, Sound
from dialer.sip.endpoint import SipEndpoint
from dialer.sip.schedule import Schedule

RATE = 8000


@dataclass
class Manners:
    """What one of them does; seconds are from the call's answer, but for ``rings_s``."""

    hertz: float = 0.0  # of the tone that is their voice; 0: they say nothing
    rings_s: float | None = 0.1  # until they pick up; None: never
    refuses: int = 0  # with this code
    presses: list[tuple[float, str]] = field(default_factory=list)
    holds_s: float | None = None  # for half a second
    leaves_s: float | None = None


@dataclass
class Talker:
    call: CalleeCall
    manners: Manners
    heard: bytearray = field(default_factory=bytearray)
    began: float = 0.0
    over: float = 0.0


def voice(hertz: float) -> Sound:
    samples = (int(8000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(20 * RATE))
    return Sound(array.array("h", samples).tobytes())


def take_back(call: CalleeCall) -> None:
    param = pj.CallOpParam(True)
    param.opt.audioCount, param.opt.videoCount, param.opt.textCount = 1, 0, 0
    param.opt.flag = pj.PJSUA_CALL_UNHOLD
    call.reinvite(param)


def main() -> None:
    known = {user: Manners(**manners) for user, manners in json.loads(sys.argv[1]).items()}
    endpoint = SipEndpoint(AgentSettings(bind="127.0.0.1", rtp_port=27000, rtp_ports=1000, max_calls=20))
    schedule = Schedule()
    talkers: dict[str, Talker] = {}
    voices = {manners.hertz: voice(manners.hertz) for manners in known.values() if manners.hertz}

    def ringing(call: CalleeCall) -> None:
        manners = known[call.number]
        talkers[call.number] = Talker(call, manners)
        if manners.refuses:
            call.refuse(manners.refuses)
            return
        call.ring()
        if manners.rings_s is not None:
            schedule.at(time.monotonic() + manners.rings_s, call.pick_up)

    def news(call: CalleeCall, what: CalleeNews, detail: str) -> None:
        talker = talkers[call.number]
        if what is CalleeNews.OVER:
            talker.over = time.monotonic()
        if what is CalleeNews.MEDIA and not talker.began:
            talker.began = time.monotonic()
            begin(talker)

    def begin(talker: Talker) -> None:
        def later(after: float, action: object) -> None:
            schedule.at(talker.began + after, lambda: None if talker.over else action())  # type: ignore[operator]

        call, manners = talker.call, talker.manners
        if manners.hertz:
            call.say(voices[manners.hertz])
        for after, key in manners.presses:
            later(after, lambda key=key: call.press(key, via_info=False))
        if manners.holds_s is not None:
            later(manners.holds_s, lambda: call.setHold(pj.CallOpParam(True)))
            later(manners.holds_s + 0.5, lambda: take_back(call))
        if manners.leaves_s is not None:
            later(manners.leaves_s, call.hang_up)

    account = CalleeAccount(endpoint, ringing, news)
    sys.stdout.write(f"{endpoint.sip_port}\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        endpoint.poll(10)
        schedule.run(time.monotonic())
        for talker in talkers.values():
            if not talker.over:
                talker.heard += talker.call.heard()
    told = {
        user: {"heard": base64.b64encode(bytes(each.heard)).decode(), "began": each.began, "over": each.over}
        for user, each in talkers.items()
    }
    sys.stdout.write(json.dumps(told))
    talkers.clear()
    account.shutdown()
    del account
    endpoint.close()


if __name__ == "__main__":
    main()
