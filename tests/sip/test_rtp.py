"""The message on the wire: every RTP packet that leaves for a callee, read from its socket and not from a decoder."""

from __future__ import annotations

import itertools
import socket
import struct
import wave
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sip.conftest import HOST, Wire, to

from dialer.calls.outcome import Outcome

pytestmark = pytest.mark.sip

PCMU, FRAME = 0, 160  # payload type; samples in 20 ms


@dataclass(frozen=True)
class Packet:
    """One RTP packet (RFC 3550, 5.1)."""

    sequence: int
    timestamp: int
    samples: NDArray[np.int32]


class Earphone:
    """A UDP port which a callee's SDP names; it keeps what arrives."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # the whole call, unread
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]

    def packets(self) -> list[Packet]:
        """All audio packets so far, in their sequence."""
        found: list[Packet] = []
        while True:
            try:
                data = self._socket.recv(2048)
            except BlockingIOError:
                return sorted(found, key=lambda packet: packet.sequence)
            _, kind, sequence, timestamp = struct.unpack(">BBHI", data[:8])
            if kind & 0x7F == PCMU:
                found.append(Packet(sequence, timestamp, decoded(data[12:])))

    def stop(self) -> None:
        self._socket.close()


def decoded(mu_law: bytes) -> NDArray[np.int32]:
    """Samples of 16 bits (ITU-T G.711)."""
    code = ~np.frombuffer(mu_law, np.uint8) & 0xFF
    magnitude = (((code & 0x0F).astype(np.int32) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude)


@pytest.mark.parametrize("ptime", [20, 30])
async def test_the_message_leaves_whole_and_in_order(wire: Wire, ptime: int) -> None:
    """In frames of 20 ms, whatever the callee asks for: those of all ports must be alike."""
    earphone = Earphone()
    try:
        peer = wire.sipp("answer", media_port=str(earphone.port), ptime=str(ptime))
        desk = await wire.desk(to(peer, "peer"))
        record = (await desk.place("heard", "peer")).record
        assert record is not None
        assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
        packets = earphone.packets()
    finally:
        earphone.stop()
    gaps = {(later.sequence - sooner.sequence) & 0xFFFF for sooner, later in itertools.pairwise(packets)}
    assert gaps == {1}, "none is lost or sent twice"
    assert {len(packet.samples) for packet in packets} == {FRAME}
    sent = np.concatenate([packet.samples for packet in packets])
    with wave.open(str(wire.folder / "message.wav"), "rb") as wav:
        message = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(np.int32)
    first = int(np.argmax(np.correlate(sent.astype(np.float64), message.astype(np.float64), "valid")))
    part = sent[first : first + len(message)]
    assert len(part) == len(message)
    assert np.abs(part - message).max() <= 260, "every sample is the message's, as exactly as mu-law says it"
