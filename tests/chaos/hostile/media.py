"""RTP from addresses that are not the peer's, and keys pressed a thousand times a second."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from tests.chaos.hostile.field import Field, by_hand, opened
from tests.chaos.hostile.peer import Address, Call, Peer, media_address, sdp
from tests.chaos.hostile.sound import Ear, Mouth
from tests.sip.conftest import MESSAGE_S, SCRIPT

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits
from dialer.calls.record import MAX_KEYS

ELSEWHERE = "127.0.0.2"
SSRC, FORGED = 0x1234, 0x6666
OPT_OUT, NO_RULE = "9", "5"
SLICE_S = 0.02
FLOOD_S = 2.0
KEYS_A_SLICE = 20  # 1,000 a second
PACKETS_A_SLICE = 20  # twenty times what a call has
LIMITS = CallLimits(max_duration_s=20.0)


async def speak(ear: Ear, where: Address, mouth: Mouth, until: asyncio.Event) -> None:
    """The callee's own sound: 50 packets a second."""
    while not until.is_set():
        ear.say(mouth.audio(), where)
        await asyncio.sleep(SLICE_S)


async def pretend(stranger: Ear, where: Address, ssrc: int, until: asyncio.Event) -> None:
    """Sound and the opt-out key, from elsewhere, twenty times as often as the callee speaks."""
    mouth = Mouth(ssrc)
    while not until.is_set():
        for packet in [*(mouth.audio(b"\x00" * 160) for _ in range(PACKETS_A_SLICE - 4)), *mouth.key(OPT_OUT)]:
            stranger.say(packet, where)
        await asyncio.sleep(SLICE_S)


class Target:
    """A callee whose RTP port strangers have found; ``ear`` is its own, ``stranger`` theirs."""

    def __init__(self, ssrc: int, *, speaks_after_s: float | None, presses: bool, host: str) -> None:
        self.ear: Ear
        self.stranger: Ear
        self._ssrc = ssrc
        self._speaks_after_s = speaks_after_s
        self._presses = presses
        self._host = host

    async def script(self, call: Call) -> None:
        over = asyncio.Event()
        self.ear, self.stranger = await Ear.open(), await Ear.open(self._host)
        where = media_address(call.invite)
        attack = asyncio.create_task(pretend(self.stranger, where, self._ssrc, over))  # before the answer
        await asyncio.sleep(0.2)
        await call.answer(sdp(self.ear.port))
        own = Mouth(SSRC)
        speaking = asyncio.create_task(self._own(own, where, over))
        with contextlib.suppress(TimeoutError):
            await call.until("BYE", 20)
        over.set()
        await asyncio.gather(attack, speaking)
        await self.ear.drain()
        self.ear.close()
        self.stranger.close()

    async def _own(self, mouth: Mouth, where: Address, over: asyncio.Event) -> None:
        if self._speaks_after_s is None:
            return
        await asyncio.sleep(self._speaks_after_s)
        speaking = asyncio.create_task(speak(self.ear, where, mouth, over))
        if self._presses:
            await asyncio.sleep(0.5)
            for packet in mouth.key(OPT_OUT):
                self.ear.say(packet, where)
        await speaking


TARGETS = {
    "silent": Target(FORGED, speaks_after_s=None, presses=False, host=ELSEWHERE),
    "late": Target(FORGED, speaks_after_s=1.0, presses=False, host=ELSEWHERE),
    "talking": Target(FORGED, speaks_after_s=0.0, presses=False, host=ELSEWHERE),
    "same-ssrc": Target(SSRC, speaks_after_s=0.0, presses=False, host=ELSEWHERE),
    "other-port": Target(FORGED, speaks_after_s=0.0, presses=False, host="127.0.0.1"),
    "pressing": Target(SSRC, speaks_after_s=0.3, presses=True, host=ELSEWHERE),
}


async def strangers(field: Field, name: str) -> None:
    """The message goes to the callee alone, to the end, and no key is pressed but the callee's own."""
    target = TARGETS[name]
    record = (await field.call(name, name, limits=LIMITS)).record
    assert record is not None
    keys = [key.digit for key in record.keys]
    field.note(f"{name}: {record.outcome}, keys {keys}, {record.rtp_received} packets heard; {record.detail}")
    assert target.stranger.packets == [], "the message was sent to a stranger"
    assert "RTP packets came from an address that the answer did not name" in record.detail
    if name == "pressing":
        assert (record.outcome, keys) == (Outcome.OPTED_OUT, [OPT_OUT])
        return
    assert (record.outcome, keys, record.heard_ms) == (Outcome.HEARD, [], MESSAGE_S * 1000)
    async with asyncio.timeout(20):
        await target.ear.closed.wait()
    assert await asyncio.to_thread(target.ear.missed, field.folder / "message.wav") == ""


async def events(call: Call, ear: Ear, where: Address) -> None:
    """RFC 4733 digits, 1,000 a second; then one that means something."""
    mouth = Mouth(SSRC)
    for _ in range(int(FLOOD_S / SLICE_S)):
        for _ in range(KEYS_A_SLICE):
            start, end, *_ = mouth.key(NO_RULE)
            ear.say(start, where)
            ear.say(end, where)
        await asyncio.sleep(SLICE_S)
    for packet in mouth.key(OPT_OUT):
        ear.say(packet, where)


async def infos(call: Call, _ear: Ear, _where: Address) -> None:
    """SIP INFO, 1,000 a second; then one that means something."""
    for _ in range(int(FLOOD_S / SLICE_S)):
        for _ in range(KEYS_A_SLICE):
            _press(call, NO_RULE)
        await asyncio.sleep(SLICE_S)
    for _ in range(3):  # over UDP, and the agent's answers are not waited for
        _press(call, OPT_OUT)
        await asyncio.sleep(0.5)


def _press(call: Call, digit: str) -> None:
    call.send(call.request("INFO", f"Signal={digit}\r\nDuration=160\r\n", kind="application/dtmf-relay"))


def flooding(keys: Callable[[Call, Ear, Address], Awaitable[None]]) -> Peer:
    async def script(call: Call) -> None:
        ear = await Ear.open()
        await call.answer(sdp(ear.port))
        await keys(call, ear, media_address(call.invite))
        with contextlib.suppress(TimeoutError):
            await call.until("BYE", 20)
        ear.close()

    return Peer(script)


async def key_flood(field: Field, name: str) -> None:
    """The record stays small, and the opt-out at the end counts."""
    script = msgspec.structs.replace(SCRIPT, message="long")
    record = (await field.call(name, name, script=script, limits=LIMITS)).record
    assert record is not None
    field.note(f"{name}: {record.outcome}, {len(record.keys)} keys on record; {record.detail}")
    assert len(record.keys) <= MAX_KEYS
    assert "more keys were pressed" in record.detail
    assert record.outcome is Outcome.OPTED_OUT
    assert [each.attempt_id for each in field.desk.opt_outs].count(name) == 1


async def gateway(call: Call) -> None:
    """A trunk whose media gateway sends from another address than its SDP names."""
    named, sends = await Ear.open(), await Ear.open(ELSEWHERE)
    await call.answer(sdp(named.port))
    mouth = Mouth(SSRC)
    for _ in range(25):
        sends.say(mouth.audio(), media_address(call.invite))
        await asyncio.sleep(SLICE_S)
    for packet in mouth.key(OPT_OUT):
        sends.say(packet, media_address(call.invite))
    with contextlib.suppress(TimeoutError):
        await call.until("BYE", 20)
    named.close()
    sends.close()


async def far_gateways(field: Field) -> None:
    """Such a trunk's keys count when sip.conf says so; else the record tells what is the matter."""
    lenient, strict = await asyncio.gather(*(field.call(name, name, limits=LIMITS) for name in ("lenient", "strict")))
    assert lenient.record is not None
    assert strict.record is not None
    assert (lenient.record.outcome, strict.record.outcome) == (Outcome.OPTED_OUT, Outcome.HEARD)
    assert "RTP packets came from an address that the answer did not name" in strict.record.detail


async def attack(field: Field) -> None:
    await asyncio.gather(far_gateways(field), *(strangers(field, name) for name in TARGETS))
    await asyncio.gather(*(key_flood(field, name) for name in ("events", "infos")))


async def run(folder: Path, _options: argparse.Namespace) -> None:
    peers = {name: Peer(target.script) for name, target in TARGETS.items()}
    peers |= {"events": flooding(events), "infos": flooding(infos), "lenient": Peer(gateway), "strict": Peer(gateway)}
    async with opened(folder, peers, lenient=frozenset({"lenient"})) as field:
        await field.endure(attack(field))


if __name__ == "__main__":
    by_hand(run)
