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
from tests.sip.test_rtp import Packet, decoded

EVENTS = 101  # payload type of RFC 4733 events, as the agent offers it
PCMU = 0


class Ear(asyncio.DatagramProtocol):
    """A UDP port that keeps the PCMU packets that arrive. It can speak, too: see ``say``."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.speaker: tuple[str, int] | None = None  # whom to listen to; None: anybody
        self.port = 0
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, host: str = HOST) -> Ear:
        loop = asyncio.get_running_loop()
        transport, ear = await loop.create_datagram_endpoint(cls, (host, 0))
        ear._transport = transport
        ear.port = transport.get_extra_info("sockname")[1]
        return ear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.speaker not in (None, addr) or len(data) < 12:
            return
        _, kind, sequence, timestamp = struct.unpack(">BBHI", data[:8])
        if kind & 0x7F == PCMU:
            self.packets.append(Packet(sequence, timestamp, decoded(data[12:])))

    def say(self, packet: bytes, where: tuple[str, int]) -> None:
        self._transport.sendto(packet, where)

    def close(self) -> None:
        self._transport.close()

    def heard_whole(self, recording: Path) -> bool:
        """Whether the message arrived, every sample of it, in packets of which none is missing or doubled."""
        packets = sorted(self.packets, key=lambda packet: packet.sequence)
        steps = {(later.sequence - sooner.sequence) & 0xFFFF for sooner, later in itertools.pairwise(packets)}
        if steps != {1}:
            return False
        sent = np.concatenate([packet.samples for packet in packets])
        with wave.open(str(recording), "rb") as wav:
            message: NDArray[np.int32] = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(np.int32)
        if len(sent) < len(message):
            return False
        first = int(np.argmax(np.correlate(sent.astype(np.float64), message.astype(np.float64), "valid")))
        return bool(np.abs(sent[first : first + len(message)] - message).max() <= 260)  # as exactly as mu-law says it


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
