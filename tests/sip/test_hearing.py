"""How a callee's RTP is read: however it comes, and from nobody else."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec
import pytest
from tests.chaos.hostile.peer import Call, Peer, Script, media_address, sdp
from tests.chaos.hostile.sound import Ear, Mouth
from tests.sip.conftest import HOST, SCRIPT, Wire

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, KeyAction, KeyRule
from dialer.calls.trunk import Trunk

pytestmark = pytest.mark.sip

TURN_S = 0.02
SPEAKS_S = 1.0
SOON = 5  # packets of ours, between a key and the end of the message
UNCONFIRMED = {"9": KeyRule(action=KeyAction.OPT_OUT)}  # so that the message is the last that is heard


@asynccontextmanager
async def answering(script: Script) -> AsyncIterator[Trunk]:
    peer = Peer(script)
    await peer.listen()
    try:
        yield Trunk(name="peer", host=HOST, port=peer.port, options_seconds=0)
    finally:
        await peer.stop()


async def record_of(wire: Wire, trunk: Trunk) -> CallRecord:
    desk = await wire.desk(trunk)
    script = msgspec.structs.replace(SCRIPT, message="long", keys=UNCONFIRMED)
    record = (await desk.place("call", "peer", script=script)).record
    assert record is not None
    return record


async def speak(say: Callable[[bytes], None], mouth: Mouth, *, at_once: int = 1) -> None:
    """For a second, and so many packets each time."""
    for _ in range(int(SPEAKS_S / TURN_S)):
        for _ in range(at_once):
            say(mouth.audio())
        await asyncio.sleep(TURN_S)  # the pace of speech


def opt_out(say: Callable[[bytes], None], mouth: Mouth) -> None:
    """Press the key."""
    for packet in mouth.key("9"):
        say(packet)


@pytest.mark.parametrize("at_once", [1, 2, 3])
async def test_however_many_packets_come_at_once_a_key_behind_them_counts_soon(wire: Wire, at_once: int) -> None:
    ear = await Ear.open()
    pressed_at = 0

    async def script(call: Call) -> None:
        nonlocal pressed_at
        await call.answer(sdp(ear.port))
        say, mouth = partial(ear.say, where=media_address(call.invite)), Mouth(ssrc=7)
        await speak(say, mouth, at_once=at_once)
        opt_out(say, mouth)
        pressed_at = len(ear.packets)
        await call.until("BYE")

    async with answering(script) as trunk:
        record = await record_of(wire, trunk)
    await ear.drain()
    ear.close()
    assert (record.outcome, [key.digit for key in record.keys]) == (Outcome.OPTED_OUT, ["9"])
    assert record.rtp_received >= at_once * int(SPEAKS_S / TURN_S)
    assert record.rtp_lost == 0
    said = [number for number, packet in enumerate(ear.packets) if packet.samples.any()]
    assert said[-1] - pressed_at <= SOON, "the message goes on after the key"


async def test_a_callee_that_moves_is_followed_and_a_stranger_is_not_heard(wire: Wire) -> None:
    """By a re-INVITE (RFC 3264 section 8.3.1), when it has long been heard where it was."""
    first, second, stranger = [await Ear.open() for _ in range(3)]

    async def script(call: Call) -> None:
        await call.answer(sdp(first.port))
        where, mouth = media_address(call.invite), Mouth(ssrc=7)
        await speak(partial(first.say, where=where), mouth)
        opt_out(partial(stranger.say, where=where), Mouth(ssrc=7))
        call.send(call.request("INVITE", sdp(second.port, version=2)))
        await call.until("SIP/2.0 200")
        call.send(call.request("ACK", number=1))
        assert not call.got("BYE"), "the stranger's key was taken for the callee's"
        await speak(partial(second.say, where=where), mouth)
        opt_out(partial(second.say, where=where), mouth)
        await call.until("BYE")

    async with answering(script) as trunk:
        record = await record_of(wire, trunk)
    await second.drain()
    for ear in (first, second, stranger):
        ear.close()
    assert (record.outcome, [key.digit for key in record.keys]) == (Outcome.OPTED_OUT, ["9"])
    assert len(second.packets) >= SPEAKS_S / TURN_S / 2, "the message did not follow"
    assert stranger.packets == []


async def test_while_a_callees_port_is_closed_every_packet_leaves_all_the_same(wire: Wire) -> None:
    """The kernel tells of each that nobody took it: that must not cost the next one."""
    ears = [await Ear.open()]

    async def script(call: Call) -> None:
        await call.answer(sdp(ears[0].port))
        where, mouth = media_address(call.invite), Mouth(ssrc=7)
        await speak(partial(ears[0].say, where=where), mouth)
        ears[0].close()
        await asyncio.sleep(0.5)  # what is sent meanwhile reaches nobody
        ears.append(await Ear.open(port=ears[0].port))
        await speak(partial(ears[1].say, where=where), mouth)
        opt_out(partial(ears[1].say, where=where), mouth)
        await call.until("BYE")

    async with answering(script) as trunk:
        record = await record_of(wire, trunk)
    await ears[1].drain()
    ears[1].close()
    assert record.outcome is Outcome.OPTED_OUT
    first, last = ears[0].packets[0].sequence, ears[1].packets[-1].sequence
    assert record.rtp_sent == ((last - first) & 0xFFFF) + 1
    numbers = [packet.sequence for packet in ears[1].packets]
    assert {(later - sooner) & 0xFFFF for sooner, later in itertools.pairwise(numbers)} == {1}
