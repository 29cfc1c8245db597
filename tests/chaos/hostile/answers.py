"""Peers that answer what was never asked, never stop, answer twice, or flood a dialog; each with one call of ours."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from tests.chaos.hostile.field import Field, by_hand, opened
from tests.chaos.hostile.peer import Call, Peer, Script, sdp
from tests.chaos.hostile.torture import Ears
from tests.sip.conftest import HOST, SCRIPT, header

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits, CallRecord

SINK = 9  # a port where nobody listens
FLOOD = 500
QUICK = CallLimits(ring_timeout_s=2.0)
SHORT = CallLimits(max_duration_s=15.0)
CASES: dict[str, tuple[Script, tuple[str, ...], CallLimits, Callable[[CallRecord, Call], None]]] = {}


def case(
    expect: Callable[[CallRecord, Call], None], *, deaf_to: tuple[str, ...] = (), limits: CallLimits = SHORT
) -> Callable[[Script], Script]:
    """A peer's script, with what must have come of the call."""

    def keep(script: Script) -> Script:
        CASES[script.__name__] = script, deaf_to, limits, expect
        return script

    return keep


def heard(record: CallRecord, call: Call) -> None:
    """As if nothing had been: the whole message, then BYE."""
    assert record.outcome is Outcome.HEARD, record
    assert call.got("BYE")
    assert record.peer == f"{HOST}:{call.peer.port}"


def not_answered(record: CallRecord, call: Call) -> None:
    """The ring timeout was kept."""
    assert record.outcome is Outcome.NO_ANSWER, record
    assert call.got("CANCEL")


def hung_up(record: CallRecord, _call: Call) -> None:
    assert record.outcome is Outcome.HUNG_UP, record


async def over(call: Call) -> None:
    with contextlib.suppress(TimeoutError):
        await call.until("BYE", 20)


@case(not_answered, limits=QUICK)
async def ringing_for_ever(call: Call) -> None:
    """183 with audio each 50 ms, until long after the CANCEL."""
    for _ in range(100):
        call.send(call.response("183 Session Progress", sdp(SINK)))
        await asyncio.sleep(0.05)


@case(not_answered, limits=QUICK, deaf_to=("CANCEL",))
async def deaf_and_ringing(call: Call) -> None:
    """As above, and the CANCEL is not answered."""
    for number in range(700):
        call.send(call.response("183 Session Progress", sdp(SINK), tag=f"branch{number % 40}"))
        await asyncio.sleep(0.05)


@case(heard)
async def ok_for_ever(call: Call) -> None:
    """200 each 20 ms, even after the BYE."""
    for _ in range(250):
        call.send(call.response("200 OK", sdp(SINK)))
        await asyncio.sleep(0.02)


@case(heard)
async def forked(call: Call) -> None:
    """Two branches ring, both answer; the second is not left up (RFC 3261 section 13.2.2.4)."""
    call.send(call.response("180 Ringing", tag="other"))
    call.ring()
    await call.answer(sdp(SINK))
    acks = len(call.got("ACK"))
    for _ in range(3):
        call.send(call.response("200 OK", sdp(SINK, version=2), tag="other"))
        await asyncio.sleep(0.3)
    assert len(call.got("ACK")) > acks
    assert any("tag=other" in header(bye, "To") for bye in call.got("BYE"))
    await over(call)


@case(heard)
async def spoken_for(call: Call) -> None:
    """Somebody else, who cannot have seen our branch, answers in the peer's name."""
    loop = asyncio.get_running_loop()
    stranger, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.2", 0))
    for status in ("486 Busy Here", "200 OK", "603 Decline"):
        forged = call.response(status, sdp(SINK), tag="forged").replace("branch=z9hG4bK", "branch=z9hG4bKx")
        stranger.sendto(forged.encode(), call.source)
    call.ring()
    await call.answer(sdp(SINK))
    for method in ("BYE", "INVITE", "INFO"):  # of no dialog: the tag is wrong
        forged = call.request(method).replace(f"tag={call.tag}", "tag=guessed")
        stranger.sendto(forged.encode(), call.source)
    await over(call)
    stranger.close()


@case(hung_up)
async def bye_flood(call: Call) -> None:
    await call.answer(sdp(SINK))
    for _ in range(FLOOD):
        call.send(call.request("BYE"))
    await asyncio.sleep(0.5)


@case(heard)
async def cancel_flood(call: Call) -> None:
    """CANCEL is nothing to a call that is up."""
    await call.answer(sdp(SINK))
    await _flood(call, "CANCEL")


@case(heard)
async def invite_flood(call: Call) -> None:
    """Re-INVITEs, one upon the other, of which none is acknowledged."""
    await call.answer(sdp(SINK))
    await _flood(call, "INVITE", sdp(SINK, version=2))


@case(heard)
async def update_flood(call: Call) -> None:
    await call.answer(sdp(SINK))
    await _flood(call, "UPDATE", sdp(SINK, version=3))


@case(heard, deaf_to=("BYE",))
async def deaf_to_bye(call: Call) -> None:
    await call.answer(sdp(SINK))
    await asyncio.sleep(5)


@case(heard)
async def elsewhere(call: Call) -> None:
    """REFER, in the dialog, to a number of the peer's choice, and in another call's place."""
    await call.answer(sdp(SINK))
    for target in ("<sip:+19995550199@127.0.0.1:9>", "<sip:x@127.0.0.1:9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>"):
        call.send(call.request("REFER", more=[f"Refer-To: {target}"]))
    local = call.invite.partition("From:")[2].partition("tag=")[2].partition("\r\n")[0]
    replaces = f"Replaces: {call.call_id};to-tag={local};from-tag={call.tag}"
    theft = call.request("INVITE", sdp(SINK), more=[replaces]).replace(call.call_id, f"stolen-{call.call_id}", 1)
    call.send(theft.replace(f";tag={local}", ""))
    await asyncio.sleep(0.5)
    assert len(call.got("SIP/2.0 603")) == 2, "a transfer is declined"
    await over(call)


async def _flood(call: Call, method: str, body: str = "") -> None:
    for burst in range(10):
        for _ in range(FLOOD // 10):
            call.send(call.request(method, body))
        await asyncio.sleep(0.1 if burst else 0)
    await over(call)


async def never_made(field: Field) -> None:
    """Answers for calls that were never made: nobody gets a word in return."""
    loop = asyncio.get_running_loop()
    transport, ears = await loop.create_datagram_endpoint(Ears, (HOST, 0))
    for number, status in itertools.product(range(700), ("183 Progress", "200 OK", "503 Later")):
        answer = (
            f"SIP/2.0 {status}\r\nVia: SIP/2.0/UDP {HOST}:{field.sip_port};rport;branch=z9hG4bKPj{number}\r\n"
            f"From: <sip:+13055550100@{HOST}>;tag={number}\r\nTo: <sip:b@{HOST}>;tag=x\r\nCall-ID: never-{number}\r\n"
            f"CSeq: 1 INVITE\r\nContact: <sip:b@{HOST}:{transport.get_extra_info('sockname')[1]}>\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(sdp(SINK))}\r\n\r\n{sdp(SINK)}"
        )
        transport.sendto(answer.encode(), (HOST, field.sip_port))
        if number % 50 == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    transport.close()
    assert ears.heard == b""


async def attack(field: Field, peers: dict[str, Peer]) -> None:
    async def one(name: str) -> None:
        _, _, limits, expect = CASES[name]
        attempt = await _placed(field, name, limits)
        (call,) = peers[name].calls.values()
        with contextlib.suppress(TimeoutError):
            await call.until("BYE", 1.0)  # it may still be on its way
        expect(attempt, call)
        field.note(f"{name}: {attempt.outcome}, {len(call.received)} messages of ours")

    await asyncio.gather(never_made(field), *(one(name) for name in CASES))


async def _placed(field: Field, name: str, limits: CallLimits, **plan: Any) -> CallRecord:
    script = msgspec.structs.replace(SCRIPT, key_wait_s=1.0)
    await field.desk.hand_over(name, name, script=script, limits=limits, **plan)
    attempt = field.desk.attempts[name]
    async with asyncio.timeout(60):
        await attempt.ended.wait()
    assert attempt.record is not None
    return attempt.record


async def run(folder: Path, _options: argparse.Namespace) -> None:
    peers = {name: Peer(script, deaf_to) for name, (script, deaf_to, _, _) in CASES.items()}
    async with opened(folder, peers) as field:
        await field.endure(attack(field, peers))


if __name__ == "__main__":
    by_hand(run)
