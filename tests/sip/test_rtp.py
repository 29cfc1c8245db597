"""The message on the wire: every RTP packet and RTCP report that leaves for a callee, read from its sockets."""

from __future__ import annotations

import asyncio
import itertools
import math
import socket
import struct
import wave
from collections import Counter
from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sip.conftest import HOST, KEYS, SCRIPT, Wire, to

from dialer.calls.frames import HangUp, Stage
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits, CallScript

pytestmark = pytest.mark.sip

PCMU, PCMA, FRAME = 0, 8, 160  # payload types (RFC 3551); samples in 20 ms
SENDER_REPORT = 200  # RFC 3550, 6.4.1


@dataclass(frozen=True)
class Packet:
    """One RTP packet (RFC 3550, 5.1)."""

    sequence: int
    timestamp: int
    source: int
    samples: NDArray[np.int32]


class Earphone:
    """Two UDP ports, the first of which a callee's SDP names; they keep what arrives."""

    def __init__(self, payload_type: int = PCMU) -> None:
        self._type = payload_type
        self._rtp, self._rtcp = port_pair()
        self.port: int = self._rtp.getsockname()[1]

    def packets(self) -> list[Packet]:
        """All audio packets so far, in their sequence."""
        found = [packet for data in datagrams(self._rtp) if (packet := audio(data, self._type))]
        return sorted(found, key=lambda packet: packet.sequence)

    def reports(self) -> list[tuple[int, int]]:
        """The source of each sender report, and the packets that it says were sent so far."""
        reports = [data for data in datagrams(self._rtcp) if data[1] == SENDER_REPORT]
        return [(struct.unpack(">I", data[4:8])[0], struct.unpack(">I", data[20:24])[0]) for data in reports]

    def reported(self) -> list[int]:
        """Packets sent so far, as each sender report says."""
        return [count for _, count in self.reports()]

    def stop(self) -> None:
        self._rtp.close()
        self._rtcp.close()


def port_pair() -> tuple[socket.socket, socket.socket]:
    """An even port, and the next."""
    for _ in range(100):
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)  # the whole call, unread
        first.bind((HOST, 0))
        try:
            second.bind((HOST, first.getsockname()[1] + 1))
        except OSError:
            first.close()
            second.close()
            continue
        first.setblocking(False)
        second.setblocking(False)
        return first, second
    raise RuntimeError("no two neighbouring ports are free")


def datagrams(sock: socket.socket) -> list[bytes]:
    """All that have come."""
    found = []
    while True:
        try:
            found.append(sock.recv(2048))
        except BlockingIOError:
            return found


def audio(data: bytes, payload_type: int = PCMU) -> Packet | None:
    """The packet, if it is of this type."""
    if len(data) < 12:
        return None
    _, kind, sequence, timestamp, source = struct.unpack(">BBHII", data[:12])
    if kind & 0x7F != payload_type:
        return None
    return Packet(sequence, timestamp, source, decoded(data[12:], payload_type))


def decoded(code: bytes, payload_type: int) -> NDArray[np.int32]:
    """Samples of 16 bits (ITU-T G.711)."""
    octets = np.frombuffer(code, np.uint8).astype(np.int32) ^ (0xFF if payload_type == PCMU else 0x55)
    step, chord = octets & 0x0F, octets >> 4 & 0x07
    if payload_type == PCMU:
        magnitude = ((step << 3) + 0x84 << chord) - 0x84
        return np.where(octets & 0x80, -magnitude, magnitude)
    magnitude = np.where(chord == 0, (step << 4) + 8, (step << 4) + 0x108 << np.maximum(chord - 1, 0))
    return np.where(octets & 0x80, magnitude, -magnitude)


@pytest.mark.parametrize(("ptime", "payload_type"), [(20, PCMU), (30, PCMU), (20, PCMA)])
async def test_the_message_leaves_whole_and_in_order(wire: Wire, ptime: int, payload_type: int) -> None:
    """In frames of 20 ms, whatever the callee asks for."""
    earphone = Earphone(payload_type)
    try:
        peer = wire.sipp("answer", media_port=str(earphone.port), ptime=str(ptime), pt=str(payload_type))
        desk = await wire.desk(to(peer, "peer"))
        record = (await desk.place("heard", "peer")).record
        assert record is not None
        assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
        packets, reported = earphone.packets(), earphone.reported()
    finally:
        earphone.stop()
    steps = {
        ((later.sequence - sooner.sequence) & 0xFFFF, (later.timestamp - sooner.timestamp) & 0xFFFFFFFF)
        for sooner, later in itertools.pairwise(packets)
    }
    assert steps == {(1, FRAME)}, "none is lost or sent twice"
    assert len({packet.source for packet in packets}) == 1
    assert {len(packet.samples) for packet in packets} == {FRAME}
    assert reported[-1] == record.rtp_sent == len(packets), "the last report counts them all"
    sent = np.concatenate([packet.samples for packet in packets])
    with wave.open(str(wire.folder / "message.wav"), "rb") as wav:
        message = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").astype(np.int32)
    first = int(np.argmax(np.correlate(sent.astype(np.float64), message.astype(np.float64), "valid")))
    part = sent[first : first + len(message)]
    assert len(part) == len(message)
    assert np.abs(part - message).max() <= 260, "every sample is the message's, as exactly as G.711 says it"


async def test_the_callee_gets_a_report_every_five_seconds(wire: Wire) -> None:
    """RFC 3550, 6.2: gateways take a sender that never reports for a dead one."""
    earphone, lasts_s = Earphone(), 11.5
    try:
        peer = wire.sipp("answer", media_port=str(earphone.port))
        desk = await wire.desk(to(peer, "peer"))
        script = CallScript(message="long", keys=KEYS, detect_machine=False)
        await desk.place("long", "peer", script=script, limits=CallLimits(max_duration_s=lasts_s))
        reported = earphone.reported()
    finally:
        earphone.stop()
    between = [count for count in reported if 0 < count < reported[-1]]
    assert len(between) == math.floor(lasts_s / 5), reported
    assert between == pytest.approx([250, 500], abs=2)


async def test_however_near_to_a_packets_time_a_call_ends_no_packet_leaves_uncounted(wire: Wire) -> None:
    """RFC 3550, 6.1: a BYE is the last of its source. Ends fall anywhere between two turns of the clock."""
    rounds, at_once, script = 40, 10, msgspec.structs.replace(SCRIPT, message="long")
    earphone = Earphone()
    try:
        peer = wire.sipp("answer", media_port=str(earphone.port), calls=rounds * at_once)
        desk = await wire.desk(to(peer, "peer"))
        for number in range(rounds):
            calls = [f"{number}-{each}" for each in range(at_once)]
            for call in calls:
                await desk.hand_over(call, "peer", script=script)
            for call in calls:
                await desk.reached(call, Stage.PLAYING)
            for call in calls:
                await desk.agent.send(HangUp(attempt_id=call))
                await asyncio.sleep(0.02 / at_once)
            for call in calls:
                await desk.attempts[call].ended.wait()
            left = Counter(packet.source for packet in earphone.packets())
            assert dict(earphone.reports()) == left
            records = [desk.attempts[call].record for call in calls]
            recorded = Counter(record.rtp_sent for record in records if record)
            del recorded[0]  # ended before its first packet: there is no report of it
            assert recorded == Counter(left.values())
    finally:
        earphone.stop()
