"""Run as a program by test_media.py: callees with ears and voices, one for each number, on a pjsua2 endpoint.

Prints its SIP port; at the end of standard input, what each callee heard, as JSON. A callee says and does what the
table below names for the last digit of its number.
"""

from __future__ import annotations

import array
import base64
import json
import math
import random
import select
import sys
import time
from dataclasses import dataclass, field

from dialer.calls.frames import AgentSettings
from dialer.sip.callee import CalleeAccount, CalleeCall, CalleeNews, Sound
from dialer.sip.endpoint import SipEndpoint
from dialer.sip.schedule import Schedule

RATE = 8000


def voice(seconds: float) -> list[int]:
    """Noise in syllables: loud enough for a voice, nothing like a tone."""
    noise = random.Random(1)
    return [
        int(noise.gauss(0, 3000) * (0.4 + 0.6 * abs(math.sin(2 * math.pi * 3 * i / RATE))))
        for i in range(int(seconds * RATE))
    ]


def tone(hertz: float, seconds: float) -> list[int]:
    return [int(8000 * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(int(seconds * RATE))]


def sound(samples: list[int]) -> Sound:
    return Sound(array.array("h", (max(-32768, min(32767, each)) for each in samples)).tobytes())


HELLO = sound(voice(0.9))
MACHINE = sound(voice(4.0) + [0] * 2400 + tone(1000, 0.5))
PRESSES = {
    "2": [(0.6, "1")],
    "3": [(0.4, "5"), (0.8, "5"), (1.2, "1")],
}  # last digit -> (seconds after the answer, key)
SAYS = {"4": HELLO, "5": MACHINE}


@dataclass
class Callee:
    call: CalleeCall
    heard: bytearray = field(default_factory=bytearray)
    greeted: bool = False
    live: bool = True


def main() -> None:
    endpoint = SipEndpoint(AgentSettings(bind="127.0.0.1", rtp_port=26000, rtp_ports=1000, max_calls=20))
    schedule = Schedule()
    callees: dict[str, Callee] = {}

    def ringing(call: CalleeCall) -> None:
        callees[call.number] = Callee(call)
        schedule.at(time.monotonic() + 0.1, call.pick_up)

    def news(call: CalleeCall, what: CalleeNews, detail: str) -> None:
        callee = callees[call.number]
        if what is CalleeNews.OVER:
            callee.live = False
        if what is CalleeNews.MEDIA and not callee.greeted:
            callee.greeted = True
            now, last = time.monotonic(), call.number[-1]
            if last in SAYS:
                schedule.at(now + 0.3, lambda: call.say(SAYS[last]))
            for after, key in PRESSES.get(last, []):
                schedule.at(now + after, lambda key=key: call.press(key, via_info=False))  # type: ignore[misc]
            if last == "6":
                schedule.at(now + 0.5, call.renegotiate)

    account = CalleeAccount(endpoint, ringing, news)
    sys.stdout.write(f"{endpoint.sip_port}\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        endpoint.poll(10)
        schedule.run(time.monotonic())
        for callee in callees.values():
            if callee.live:
                callee.heard += callee.call.heard()
    sys.stdout.write(
        json.dumps({number: base64.b64encode(bytes(callee.heard)).decode() for number, callee in callees.items()})
    )
    callees.clear()
    account.shutdown()
    del account
    endpoint.close()


if __name__ == "__main__":
    main()
