"""Seeded fuzz: valid SIP requests, responses and SDP, mutated, at the agent's port, mixed over UDP and TCP.

Some belong to calls of the agent's that are up or ringing (their Call-ID, tags and branches are known), some to none.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.chaos.hostile.field import Field, by_hand, opened
from tests.chaos.hostile.peer import Call, Peer, sdp
from tests.chaos.hostile.torture import Ears
from tests.sip.conftest import HOST, SCRIPT

from dialer.calls.plan import CallLimits

Mutation = Callable[[random.Random, bytes], bytes]
BURST = 100  # messages between two questions whether the agent has come so far
TCP_SHARE = 0.15
MOST_BYTES = 60_000  # of one datagram
NUMBERS = [b"0", b"-1", b"65536", b"2147483648", b"4294967296", b"18446744073709551616", b"9" * 40, b"1e9", b"0x7f"]
ODD = [
    b"\x00",
    b"\xff\xfe",
    b"%00",
    b"%",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\t",
    b"<",
    b'"',
    b";" * 50,
    b"\xc0\xaf",
    "ж".encode(),
]
LONG = CallLimits(max_duration_s=10.0, ring_timeout_s=5.0)


def flip(rng: random.Random, data: bytes) -> bytes:
    """Turn some bits round."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))] if len(data) > 1 else data


def double_header(rng: random.Random, data: bytes) -> bytes:
    return _lines(rng, data, lambda line: [line] * rng.choice([2, 2, 10, 300]))


def drop_header(rng: random.Random, data: bytes) -> bytes:
    return _lines(rng, data, lambda _line: [])


def huge_header(rng: random.Random, data: bytes) -> bytes:
    more = rng.choice([b"x", b"%41", b";a=b", b",", b'"', b" "]) * rng.choice([100, 1_000, 4_000, 9_000])
    return _lines(rng, data, lambda line: [line + more])


def overflow(rng: random.Random, data: bytes) -> bytes:
    """A number that is none, or too large for anything."""
    found = list(re.finditer(rb"\d+", data))
    if not found:
        return data
    chosen = rng.choice(found)
    return data[: chosen.start()] + rng.choice(NUMBERS) + data[chosen.end() :]


def odd_bytes(rng: random.Random, data: bytes) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + rng.choice(ODD) + data[at + rng.randrange(3) :]


def swap_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    rng.shuffle(lines)
    return b"\r\n".join(lines)


def other_method(rng: random.Random, data: bytes) -> bytes:
    methods = [b"INVITE", b"ACK", b"BYE", b"CANCEL", b"OPTIONS", b"INFO", b"PRACK", b"UPDATE", b"REFER", b"NOTIFY"]
    return data.replace(rng.choice(methods), rng.choice(methods))


MUTATIONS: tuple[Mutation, ...] = (
    flip, truncate, double_header, drop_header, huge_header, overflow, odd_bytes, swap_lines, other_method,
)  # fmt: skip


def _lines(rng: random.Random, data: bytes, change: Callable[[bytes], list[bytes]]) -> bytes:
    lines = data.split(b"\r\n")
    at = rng.randrange(len(lines))
    return b"\r\n".join([*lines[:at], *change(lines[at]), *lines[at + 1 :]])


def mutated(rng: random.Random, data: bytes) -> bytes:
    """One to four mutations, one after the other; now and then none."""
    for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 3, 4])):
        data = rng.choice(MUTATIONS)(rng, data) or data
    return data[:MOST_BYTES]


def seeds(rng: random.Random, live: list[Call], agent: int) -> str:
    """A message in order: of a call that is up or ringing when there is one, or of none."""
    body = rng.choice(["", sdp(rng.randrange(2, 65000, 2), version=rng.randrange(9)), "Signal=9\r\nDuration=160\r\n"])
    status = rng.choice(["100 Trying", "180 Ringing", "183 Session Progress", "200 OK", "302 Moved", "401 Unauthorized",
                         "407 Proxy", "422 Small", "481 None", "486 Busy", "491 Pending", "503 Later",
                         "606 No"])  # fmt: skip
    method = rng.choice(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "PRACK", "UPDATE", "REFER", "NOTIFY",
                         "SUBSCRIBE", "MESSAGE", "REGISTER", "PUBLISH"])  # fmt: skip
    more = rng.sample(
        ["Supported: 100rel, timer, replaces", "Require: 100rel", "RSeq: 1", "Session-Expires: 90;refresher=uas",
         "Min-SE: 90", "Replaces: a;to-tag=b;from-tag=c", "Refer-To: <sip:x@127.0.0.1>", "Event: refer",
         'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"', "Reason: Q.850;cause=16",
         "Record-Route: <sip:127.0.0.1;lr>", "Retry-After: 5", "Subscription-State: active"],
        rng.randrange(4),
    )  # fmt: skip
    kind = rng.choice(["application/sdp", "application/dtmf-relay", "application/dtmf", "multipart/mixed;boundary=x"])
    if live and rng.random() < 0.5:
        call = rng.choice(live)
        if rng.random() < 0.5:
            return call.response(status, body, kind=kind, more=more)
        return call.request(method, body, kind=kind, more=more, number=rng.randrange(1, 1000))
    tail = [
        f"From: <sip:a@{HOST}>;tag={rng.randrange(99)}", f"To: <sip:b@{HOST}>{rng.choice(['', ';tag=x'])}",
        f"Call-ID: never-{rng.randrange(1_000_000)}", f"CSeq: {rng.randrange(99)} {method}", "Max-Forwards: 70",
        f"Contact: <sip:a@{HOST}:9>", *more, f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    if rng.random() < 0.3:
        return "\r\n".join([f"SIP/2.0 {status}", f"Via: SIP/2.0/UDP {HOST}:{agent};branch=z9hG4bKPjnone", *tail])
    via = f"Via: SIP/2.0/UDP {HOST}:9;rport;branch=z9hG4bK{rng.randrange(1_000_000)}"
    return "\r\n".join([f"{method} sip:b@{HOST}:{agent} SIP/2.0", via, *tail])


class Attacker:
    """Sends over UDP and over TCP connections that last for some messages."""

    def __init__(self, field: Field, rng: random.Random) -> None:
        self._field = field
        self._rng = rng
        self._writer: asyncio.StreamWriter | None = None
        self._asked = 0

    async def flood(self, live: dict[str, Call], count: int) -> None:
        loop = asyncio.get_running_loop()
        port = self._field.sip_port
        transport, ears = await loop.create_datagram_endpoint(Ears, (HOST, 0))
        here = transport.get_extra_info("sockname")[1]
        for number in range(count):
            message = mutated(self._rng, seeds(self._rng, [*live.values()], port).encode(errors="surrogateescape"))
            if self._rng.random() < TCP_SHARE:
                await self._over_tcp(message)
            else:
                transport.sendto(message, (HOST, port))
            if number % BURST == BURST - 1:
                await self._caught_up(transport, ears, here)
        transport.close()
        if self._writer is not None:
            self._writer.close()

    async def _caught_up(self, transport: asyncio.DatagramTransport, ears: Ears, here: int) -> None:
        """Wait until the agent answers OPTIONS: what was sent before has been read, or was lost for want of room."""
        self._asked += 1
        question = (
            f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:{here};branch=z9hG4bKask{self._asked}\r\n"
            f"From: <sip:a@{HOST}>;tag=1\r\nTo: <sip:b@{HOST}>\r\nCall-ID: ask{self._asked}\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        wanted = f"branch=z9hG4bKask{self._asked}".encode()
        async with asyncio.timeout(10):
            while wanted not in ears.heard:
                transport.sendto(question, (HOST, self._field.sip_port))
                await asyncio.sleep(0.02)
        ears.heard = b""

    async def _over_tcp(self, message: bytes) -> None:
        if self._writer is None or self._writer.is_closing() or self._rng.random() < 0.05:
            if self._writer is not None:
                self._writer.close()
            _, self._writer = await asyncio.open_connection(HOST, self._field.sip_port)
        with contextlib.suppress(ConnectionError):
            self._writer.write(message)
            async with asyncio.timeout(2):
                await self._writer.drain()


async def fuzz(field: Field, live: dict[str, Call], seed: int, messages: int) -> None:
    """Two victims are kept, one that talks and one that rings; the fuzz may end them, and then comes the next."""
    over = asyncio.Event()

    async def victims(trunk: str) -> None:
        script = msgspec.structs.replace(SCRIPT, message="long")
        while not over.is_set():
            await field.call(trunk, script=script, limits=LONG)

    keeping = [asyncio.create_task(victims(trunk)) for trunk in ("talking", "ringing")]
    rng = random.Random(seed)
    third = messages // 3
    sizes = []
    for count in (third, third, messages - 2 * third):
        await Attacker(field, rng).flood(live, count)
        sizes.append(field.memory_kb())
    field.note(f"seed {seed}: {messages} messages; resident memory after each third: {sizes} kB")
    over.set()
    await asyncio.gather(*keeping)
    field.note(f"{len(field.desk.attempts)} calls, each ended once")


async def run(folder: Path, options: argparse.Namespace) -> None:
    live: dict[str, Call] = {}

    async def talk(call: Call) -> None:
        live["talking"] = call
        call.ring()
        with contextlib.suppress(AssertionError):  # the fuzz may have ended it
            await call.answer(sdp(9))
        await _over(call)

    async def ring(call: Call) -> None:
        live["ringing"] = call
        call.ring()
        await _over(call)

    async with opened(folder, {"talking": Peer(talk), "ringing": Peer(ring)}) as field:
        await field.endure(fuzz(field, live, options.seed, options.messages))


async def _over(call: Call) -> None:
    with contextlib.suppress(TimeoutError):
        await call.until("BYE", 30)


if __name__ == "__main__":
    by_hand(run, seed=7, messages=20_000)
