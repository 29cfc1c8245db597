"""Whoever can reach the port, without any call: floods of requests, and connections that say nothing."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections import Counter
from pathlib import Path

from tests.chaos.hostile.field import Field, by_hand, opened
from tests.chaos.hostile.torture import SDP, Ears
from tests.sip.conftest import HOST

BATCH = 50
METHODS = {"INVITE": 480, "SUBSCRIBE": 405, "MESSAGE": 405, "REFER": 405, "NOTIFY": 405, "PUBLISH": 405}


async def requests(field: Field, count: int) -> None:
    """Each is answered at once, and forgotten."""
    loop = asyncio.get_running_loop()
    transport, ears = await loop.create_datagram_endpoint(Ears, (HOST, 0))
    here = f"{HOST}:{transport.get_extra_info('sockname')[1]}"
    for number in range(count):
        method = list(METHODS)[number % len(METHODS)]
        message = (
            f"{method} sip:b@{HOST}:{field.sip_port} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKs{number}\r\n"
            f"From: <sip:a@{HOST}>;tag={number}\r\nTo: <sip:b@{HOST}>\r\nCall-ID: stranger-{number}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:a@{here}>\r\nMax-Forwards: 70\r\nEvent: presence\r\nExpires: 3600\r\n"
            f"Refer-To: <sip:+19995550199@{HOST}>\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
        )
        transport.sendto(message.encode(), (HOST, field.sip_port))
        if number % BATCH == BATCH - 1:
            await asyncio.sleep(0.03)
    await asyncio.sleep(1.0)
    transport.close()
    said = Counter(re.findall(rb"^SIP/2\.0 (\d+)|^([A-Z]+) sip:", ears.heard, re.MULTILINE))
    counts = {(code or method).decode(): times for (code, method), times in said.items()}
    field.note(f"{count} requests of strangers: {counts}")
    assert counts.keys() == {"480", "405"}, "nothing else, and no request of ours"
    assert sum(counts.values()) > 0.9 * count


async def silent_connections(field: Field, count: int) -> None:
    """Opened, half a message, and no more. They must not take the sockets that calls need."""
    writers = []
    for number in range(count):
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2):
                _, writer = await asyncio.open_connection(HOST, field.sip_port)
            writer.write(b"INVITE sip:b@localhost SIP/2.0\r\nVia: SIP/2.0/TCP x" * (number % 3))
            writers.append(writer)
    field.note(f"{len(writers)} connections that say nothing; the agent has {field.open_files()} files open")
    await field.good_call()
    for writer in writers:
        writer.close()


async def attack(field: Field, options: argparse.Namespace) -> None:
    await requests(field, options.requests)
    await silent_connections(field, options.connections)


async def run(folder: Path, options: argparse.Namespace) -> None:
    async with opened(folder, max_calls=20) as field:
        await field.endure(attack(field, options))


if __name__ == "__main__":
    by_hand(run, requests=6_000, connections=600)
