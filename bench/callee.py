"""Who is called in the benches: a process that answers every call at once, sends audio to each, and counts what comes.

    python -m bench.callee [--says silence]

All calls share one RTP socket, whose address every answer names and from which every packet is sent. Nobody reads it:
the kernel counts what arrives, and no reader competes for the processor. What it takes is measured on its own, and is
never part of a caller's figure.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import warnings
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.common import BenchError

from dialer.audio.prepare import prompt_path

HOST = "127.0.0.1"
RATE = 8000
FRAME = 160  # samples of a packet: 20 ms
SLOTS = 10  # groups of calls whose packets leave one after another, so that no burst is as large as all calls
SLOT_S = 0.002
SIP_BUFFER = 4 << 20
TO = re.compile(rb"(?im)^(?:to|t)\s*:\s*(.*?)\s*\r\n")
COPIED = re.compile(rb"(?im)^(?:via|from|call-id|cseq|v|f|i)\s*:.*\r\n")
CALL_ID = re.compile(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)")
MEDIA = re.compile(rb"(?m)^m=audio (\d+) ")
ADDRESS = re.compile(rb"(?m)^c=IN IP4 ([\d.]+)")
HEADER = struct.Struct("!BBHII")
ANSWER = (
    "v=0\r\no=callee 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
)


@dataclass(frozen=True, slots=True)
class Account:
    """What a callee saw: calls that went from INVITE to BYE, and others; RTP packets; its own CPU seconds."""

    whole: int
    failed: int
    received: int
    sent: int
    cpu_s: float


class Sink:
    """Takes RTP and RTCP on two neighbouring ports without reading any; counts the RTP packets."""

    def __init__(self) -> None:
        self.rtp, self._rtcp = _neighbours()
        self.port: int = self.rtp.getsockname()[1]
        self._inode = os.fstat(self.rtp.fileno()).st_ino

    def packets(self) -> int:
        """Packets that have come: those that found the buffer full, and those in it. For one use."""
        table = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
        rows = (line.split() for line in table)
        count = next(int(row[12]) for row in rows if int(row[9]) == self._inode)
        self.rtp.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.rtp.recv(2048)
                count += 1
        return count

    def close(self) -> None:
        """Give both ports back."""
        self.rtp.close()
        self._rtcp.close()


def _neighbours() -> tuple[socket.socket, socket.socket]:
    while True:
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind((HOST, 0))
        port = first.getsockname()[1]
        with contextlib.suppress(OSError):
            if port % 2 == 0:
                second.bind((HOST, port + 1))
                return first, second
        first.close()
        second.close()


@dataclass(slots=True)
class Talk:
    """One call that is up: where its caller listens, and how many packets went there."""

    address: tuple[str, int]
    source: int
    sent: int = 0


@dataclass
class Answerer:
    """Answers INVITE, BYE and OPTIONS on one port; talks to every caller from the sink's."""

    frames: list[bytes]
    sink: Sink = field(default_factory=Sink)
    sip: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    waiting: dict[bytes, Talk] = field(default_factory=dict)
    talking: dict[bytes, Talk] = field(default_factory=dict)
    ended: set[bytes] = field(default_factory=set)
    failed: int = 0
    sent: int = 0

    def __post_init__(self) -> None:
        self.sip.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SIP_BUFFER)
        self.sip.bind((HOST, 0))
        self.sip.setblocking(False)
        self._slots: list[dict[bytes, Talk]] = [{} for _ in range(SLOTS)]
        self._made = 0
        self._sdp = ANSWER.format(host=HOST, port=self.sink.port).encode()
        self._contact = b"Contact: <sip:%s:%d>\r\n" % (HOST.encode(), self.sip.getsockname()[1])

    def serve(self) -> None:
        """Until standard input closes."""
        now, slot = time.monotonic(), 0
        while True:
            ready, _, _ = select.select([self.sip, sys.stdin], [], [], max(0.0, now - time.monotonic()))
            if sys.stdin in ready:
                return
            if self.sip in ready:
                self._read()
            if time.monotonic() >= now:
                self._speak(self._slots[slot])
                slot = (slot + 1) % SLOTS
                now += SLOT_S

    def account(self) -> Account:
        """What happened; a call that is still up has failed."""
        failed = self.failed + len(self.talking) + len(self.waiting)
        return Account(len(self.ended), failed, self.sink.packets(), self.sent, time.process_time())

    def _speak(self, calls: dict[bytes, Talk]) -> None:
        for talk in calls.values():
            number = talk.sent
            header = HEADER.pack(0x80, 0, number & 0xFFFF, number * FRAME & 0xFFFFFFFF, talk.source)
            with contextlib.suppress(OSError):  # a caller that has hung up just now
                self.sink.rtp.sendto(header + self.frames[number % len(self.frames)], talk.address)
            talk.sent += 1
        self.sent += len(calls)

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                packet, sender = self.sip.recvfrom(65535)
                found = CALL_ID.search(packet)
                if found:
                    self._take(packet.partition(b" ")[0], found[1], packet, sender)

    def _take(self, method: bytes, call: bytes, packet: bytes, sender: tuple[str, int]) -> None:
        match method:
            case b"INVITE":
                port, host = MEDIA.search(packet), ADDRESS.search(packet)
                if port is None or host is None:
                    self.failed += 1
                    return
                if call not in self.waiting and call not in self.talking:
                    self._made += 1
                    self.waiting[call] = Talk((host[1].decode(), int(port[1])), self._made)
                self._ok(packet, sender, self._sdp)
            case b"ACK":
                talk = self.waiting.pop(call, None)
                if talk is not None:
                    self.talking[call] = talk
                    self._slots[talk.source % SLOTS][call] = talk
            case b"BYE":
                talk = self.talking.pop(call, None)
                if talk is not None:
                    del self._slots[talk.source % SLOTS][call]
                    self.ended.add(call)
                self._ok(packet, sender)
            case b"OPTIONS":
                self._ok(packet, sender)
            case _:
                self.failed += 1
                self._ok(packet, sender)

    def _ok(self, packet: bytes, sender: tuple[str, int], sdp: bytes = b"") -> None:
        to = TO.search(packet)
        whom = to[1] if to else b""
        tag = b"" if b";tag=" in whom else b";tag=callee"
        kind = self._contact + b"Content-Type: application/sdp\r\n" if sdp else b""
        head = b"SIP/2.0 200 OK\r\n" + b"".join(COPIED.findall(packet)) + b"To: " + whom + tag + b"\r\n" + kind
        self.sip.sendto(head + b"Content-Length: %d\r\n\r\n" % len(sdp) + sdp, sender)


def message(seconds: float) -> bytes:
    """The demo's message, over and over: 8 kHz, mono, 16 bits."""
    with wave.open(str(prompt_path("demo_message")), "rb") as wav:
        spoken = wav.readframes(wav.getnframes())
    size = int(seconds * RATE) * 2
    return (spoken * (size // len(spoken) + 1))[:size]


def pcmu(pcm: bytes) -> bytes:
    """As it goes over the wire."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop-lts has its place from 3.13 on
        import audioop
    return audioop.lin2ulaw(pcm, 2)


class Callee:
    """The process, as its user has it."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.callee", *arguments],
            cwd=Path(__file__).resolve().parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        if self._process.stdout is None:
            raise BenchError("the callee has no pipe")
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the callee does not listen")
        self.port = int(line)
        self._account: Account | None = None

    def account(self) -> Account:
        """End, and say what was seen."""
        if self._account is None:
            said, _ = self._process.communicate(timeout=30)
            self._account = Account(**json.loads(said))
        return self._account

    def counts(self) -> tuple[int, int]:
        """End, and say how many calls went as they should and how many did not."""
        return self.account().whole, self.account().failed

    def packets(self) -> int:
        """End, and say how many RTP packets came."""
        return self.account().received

    def close(self) -> None:
        """Whatever happened."""
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def callee(home: Path, *arguments: str) -> Iterator[Callee]:
    """A callee for one run, which has ``home`` to itself."""
    home.mkdir()
    made = Callee(*arguments)
    try:
        yield made
    finally:
        made.close()


def main() -> int:
    """Answer until standard input closes; then print the account."""
    parser = argparse.ArgumentParser(prog="python -m bench.callee", description="answers, talks and counts")
    parser.add_argument("--says", choices=["speech", "silence"], default="speech")
    says = parser.parse_args().says
    audio = pcmu(message(6)) if says == "speech" else b"\xff" * RATE
    answerer = Answerer([audio[place : place + FRAME] for place in range(0, len(audio) - FRAME + 1, FRAME)])
    with contextlib.suppress(
        PermissionError
    ):  # on time, whatever else the machine does: the callers are what is measured
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    print(answerer.sip.getsockname()[1], flush=True)
    answerer.serve()
    account = answerer.account()
    print(json.dumps({name: getattr(account, name) for name in Account.__slots__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
