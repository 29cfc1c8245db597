"""Run as a program by test_pjsua2_module.py: a callee presses a key while nobody asks pjsip whether anything came."""
# ruff: noqa: N802 (pjsua2 names its callbacks)

from __future__ import annotations

import os
import select
import time
from functools import partial
from typing import Any

import pjsua2 as pj
from tests.unit.native.loopback_call import DEADLINE_S, Callee, Leg, await_that, place, start_account, tell

SOUND_S = 0.3  # of sound without a key


class Listener(Leg):
    """A call whose RTP is its own."""

    def __init__(self, account: pj.Account) -> None:
        super().__init__(account)
        self.rtp = pj.CallRtp()
        self.keys: list[str] = []

    def onCreateMediaTransport(self, prm: pj.OnCreateMediaTransportParam) -> None:
        self.rtp.stand_before(prm)

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:
        """It is on no bridge."""

    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:
        self.keys.append(prm.digit)


def press(endpoint: pj.Endpoint) -> dict[str, Any]:
    until = partial(await_that, endpoint, time.monotonic() + DEADLINE_S)
    caller, callee = pj.Account(), Callee()
    here = start_account(caller, endpoint, "caller", answers=False)
    there = start_account(callee, endpoint, "callee", answers=True)
    bell = os.eventfd(0, os.EFD_NONBLOCK)
    pj.ring_at(bell)

    near = place(Listener, caller, here, f"sip:+13055550123@{there}")
    until(lambda: near.state == pj.PJSIP_INV_STATE_CONFIRMED and bool(callee.legs and callee.legs[0].audio))
    sound_rings = bool(select.select([bell], [], [], SOUND_S)[0])
    callee.legs[0].dialDtmf("9")
    key_rings = bool(select.select([bell], [], [], DEADLINE_S)[0])
    told_before = list(near.keys)
    until(lambda: bool(near.keys))

    pj.ring_at(-1)
    report = {"sound_rings": sound_rings, "key_rings": key_rings, "told_before": told_before, "told": near.keys}
    callee.legs.clear()
    caller.shutdown()
    callee.shutdown()
    return report


if __name__ == "__main__":
    tell(press)
