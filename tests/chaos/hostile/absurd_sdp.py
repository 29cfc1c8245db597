"""Answers whose SDP makes no sense. Whatever the agent makes of them, the call ends on both sides."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from pathlib import Path

from tests.chaos.hostile.field import Field, by_hand, opened
from tests.chaos.hostile.peer import Call, Peer, Script, sdp
from tests.sip.conftest import HOST, header

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits

LIMITS = CallLimits(max_duration_s=10.0)
HEAD = f"v=0\r\no=peer 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
PLAIN = sdp(9)
FITS = frozenset({Outcome.HEARD})
EITHER = frozenset({Outcome.HEARD, Outcome.FAILED})
NOT_HEARD = frozenset({Outcome.FAILED, Outcome.CANCELED})
BODIES: dict[str, tuple[str, frozenset[Outcome]]] = {
    "plain": (PLAIN, FITS),
    "empty": ("", NOT_HEARD),
    "port-0": (sdp(0), NOT_HEARD),
    "port-65536": (sdp(65536), EITHER),
    "port-negative": (sdp(-4000), EITHER),
    "ipv6": (PLAIN.replace(f"c=IN IP4 {HOST}", "c=IN IP6 ::1"), NOT_HEARD),
    "ipv6-in-ipv4": (sdp(9, host="::1"), EITHER),
    "no-address": (PLAIN.replace(f"c=IN IP4 {HOST}\r\n", ""), EITHER),
    "a-name": (sdp(9, host="nobody.invalid"), EITHER),
    "broadcast": (sdp(9, host="255.255.255.255"), NOT_HEARD),
    "multicast": (sdp(9, host="224.2.1.1/127/3"), NOT_HEARD),
    "address-0": (sdp(9, host="0.0.0.0"), NOT_HEARD),  # noqa: S104  a hold, as RFC 2543 had it
    "hundred-media": (HEAD + "m=audio 9 RTP/AVP 0\r\n" * 100, EITHER),
    "hundred-videos": (HEAD + "m=video 9 RTP/AVP 0\r\n" * 100, NOT_HEARD),
    "no-media": (HEAD, NOT_HEARD),
    "ptime-negative": (sdp(9, more="a=ptime:-20\r\n"), EITHER),
    "ptime-zero": (sdp(9, more="a=ptime:0\r\na=maxptime:0\r\n"), EITHER),
    "ptime-huge": (sdp(9, more="a=ptime:4294967295\r\na=maxptime:99999999999999999999\r\n"), EITHER),
    "ptime-1000": (sdp(9, more="a=ptime:1000\r\n"), EITHER),
    "no-codec-in-common": (sdp(9, payload="18"), NOT_HEARD),
    "payload-200": (sdp(9, payload="200"), EITHER),
    "payload-huge": (sdp(9, payload="0 99999999999999999999"), EITHER),
    "payload-none": (HEAD + "m=audio 9 RTP/AVP\r\n", EITHER),
    "payload-words": (sdp(9, payload="zero one"), EITHER),
    "two-hundred-payloads": (sdp(9, payload=" ".join(str(each) for each in range(200))), EITHER),
    "rate-0": (sdp(9, more="a=rtpmap:0 PCMU/0\r\n"), EITHER),
    "rate-huge": (sdp(9, payload="96 0", more="a=rtpmap:96 PCMU/4294967295/99999\r\n"), EITHER),
    "events-on-0": (sdp(9, more="a=rtpmap:0 telephone-event/8000\r\n"), EITHER),
    "rtcp-mux": (sdp(9, more="a=rtcp-mux\r\na=rtcp:0\r\na=rtcp:99999 IN IP4 x\r\n"), EITHER),
    "srtp": (PLAIN.replace("RTP/AVP", "RTP/SAVP"), EITHER),
    "inactive": (sdp(9, more="a=inactive\r\n"), NOT_HEARD),
    "sendonly": (sdp(9, more="a=sendonly\r\n"), NOT_HEARD),
    "large": (sdp(9, more="a=x-nothing:" + "x" * 6_000 + "\r\n"), EITHER),
    "many-attributes": (sdp(9, more="a=x\r\n" * 1_200), EITHER),
    "60-kB": (sdp(9, more="a=x-nothing:" + "x" * 60_000 + "\r\n"), EITHER),
    "binary": ("".join(chr(each) for each in range(256)) * 3, EITHER),
    "half": (PLAIN[: len(PLAIN) // 2], EITHER),
    "no-version": (PLAIN.replace("v=0\r\n", ""), EITHER),
    "line-feeds": (PLAIN.replace("\r\n", "\n"), EITHER),
    "origin": (PLAIN.replace("o=peer 1 1", "o=- 99999999999999999999999 -1"), EITHER),
}


def _answering(body: str) -> Script:
    async def answer(call: Call) -> None:
        call.ring()
        with contextlib.suppress(AssertionError):  # 60 kB of it never arrive whole: then nobody knows of an answer
            await call.answer(body)
        with contextlib.suppress(TimeoutError):
            await call.until("BYE", 20)

    return answer


async def attack(field: Field, peers: dict[str, Peer]) -> None:
    async def one(name: str) -> None:
        attempt = await field.call(name, name, limits=LIMITS)
        record = attempt.record
        assert record is not None
        (call,) = peers[name].calls.values()
        field.note(f"{name}: {record.outcome}, SIP {record.sip_code}; {record.detail or 'nothing to add'}")
        assert record.outcome in BODIES[name][1], record
        assert record.answered_at is not None, "somebody picked up, whatever the SDP"
        assert record.sip_code == 200
        await call.until("BYE", 5)
        assert header(call.got("ACK")[0], "Call-ID") == call.call_id

    await asyncio.gather(*(one(name) for name in BODIES))


async def run(folder: Path, _options: argparse.Namespace) -> None:
    peers = {name: Peer(_answering(body)) for name, (body, _) in BODIES.items()}
    async with opened(folder, peers) as field:
        await field.endure(attack(field, peers))


if __name__ == "__main__":
    by_hand(run)
