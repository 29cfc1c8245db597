"""RTP by hand: an ear that keeps what arrives, and a mouth that may lie about everything."""

from __future__ import annotations

import asyncio
import itertools
import struct
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.sip.conftest import HOST
from tests.sip.test_rtp import Packet, audio

EVENTS = 101  # payload type of RFC 4733 events, as the agent offers it
PCMU = 0


class Ear(asyncio.DatagramProtocol):
    """A UDP port that keeps the PCMU packets that arrive. It can speak, too: see ``say``."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.speaker: tuple[str, int] | None = None  # whom to listen to; None: anybody
        self.port = 0
        self.closed = asyncio.Event()
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, host: str = HOST, port: int = 0) -> Ear:
        loop = asyncio.get_running_loop()
        transport, ear = await loop.create_datagram_endpoint(cls, (host, port))
        ear._transport = transport
        ear.port = transport.get_extra_info("sockname")[1]
        return ear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.speaker in (None, addr) and (packet := audio(data)):
            self.packets.append(packet)

    def say(self, packet: bytes, where: tuple[str, int]) -> None:
        self._transport.sendto(packet, where)

    async def drain(self) -> None:
        """Read what has come already: the event loop takes one packet at a time, and may be behind."""
        known = -1
        while known != len(self.packets):
            known = len(self.packets)
            await asyncio.sleep(0.2)

    def close(self) -> None:
        self._transport.close()
        self.closed.set()

    def missed(self, recording: Path) -> str:
        """What is not as recorded; nothing when every sample arrived, in packets none of which is lost or doubled."""
        packets = sorted(self.packets, key=lambda packet: packet.sequence)
        steps = {(later.sequence - sooner.sequence) & 0xFFFF for sooner, later in itertools.pairwise(packets)}
        if steps != {1}:
            numbers = [packet.sequence for packet in packets]
            return f"{len(numbers)} packets from {numbers[:1]} to {numbers[-1:]} in steps of {sorted(steps)}"
        sent = np.concatenate([packet.samples for packet in packets])
        with wave.open(str(recording), "rb") as wav:
            message: NDArray[np.int32] = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(np.int32)
        if len(sent) < len(message):
            return f"{len(sent)} samples of {len(message)}"
        first = int(np.argmax(np.correlate(sent.astype(np.float64), message.astype(np.float64), "valid")))
        wrong = np.abs(sent[first : first + len(message)] - message) > 260  # as exactly as mu-law says it
        return f"{wrong.sum()} samples differ, from {wrong.argmax()} on" if wrong.any() else ""


class Mouth:
    """Makes the packets of one RTP source, in sequence."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._sequence = itertools.count(1)
        self._timestamp = 0

    def audio(self, payload: bytes = b"\xff" * 160) -> bytes:
        """20 ms of PCMU; silence unless told otherwise."""
        self._timestamp += 160
        return self._packet(PCMU, payload)

    def key(self, digit: str) -> list[bytes]:
        """One RFC 4733 event: its start, and its end said three times."""
        event = "0123456789*#ABCD".index(digit)
        self._timestamp += 800
        shapes = [(0, 160), (0x80, 800), (0x80, 800), (0x80, 800)]
        return [self._packet(EVENTS, struct.pack(">BBH", event, end | 10, length)) for end, length in shapes]

    def _packet(self, kind: int, payload: bytes) -> bytes:
        sequence = next(self._sequence) & 0xFFFF
        return struct.pack(">BBHII", 0x80, kind, sequence, self._timestamp & 0xFFFFFFFF, self._ssrc) + payload
