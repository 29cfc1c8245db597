"""The opt-out key, while hundreds of calls are live: how soon the message stops, and how soon the wish is durable.

    python -m bench.keys [--live 500] [--keys 150] [--window 10] [--seed 1] [--quick]

``dialer run`` calls telephones that are played here: each has an RTP socket of its own, talks and is talked to. When
all are up, some press 9 (RFC 4733) at random moments. Both figures count from just before the first packet of the key
is sent. The message, a tone whose every packet is alike, has stopped when the first packet without it arrives: by the
kernel's time stamp, however busy the reader is. The opt-out is durable when another connection to the database reads it
(asked every 5 ms): a commit is to be seen there once it has been synced. The peer is the same at ten live calls.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import csv
import heapq
import io
import itertools
import math
import os
import random
import re
import select
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench.callee import ANSWER, FRAME, HEADER, HOST, RATE, SLOT_S, SLOTS, Answerer, Talk, message, pcmu
from bench.common import BenchError, Figure, cpu_until_end, machine
from bench.load import DIALER, START_S, Load, dialer, environment, last_words, prepare
from bench.own_network import own_network

STOP_TARGET_MS = 60.0
DURABLE_TARGET_MS = 150.0
FLOOR = 10  # live calls
CPS = 100
SETTLE_S = 0.5  # from the last call's answer to the first key
LISTEN_S = 0.2  # to the message, before the key
PATIENCE_S = 5.0  # from the last key to its last effect
MESSAGE_S = 90.0  # longer than all of it: whoever has pressed no key does so at the end
ASK_EVERY_S = 0.005
TONE_HZ = 1000  # eight samples a period, and so each packet like the last
KEY = 9
KEY_PACKETS = 5  # of 20 ms, and the end three times (RFC 4733 section 2.5.1.4)
EVENTS = 101  # payload type
EVENT = struct.Struct("!BBHIIBBH")
WAITING_ROOM = 4096  # bytes that wait in a socket which nobody reads: a few packets
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
STAMP = struct.Struct("qq")
NUMBER = re.compile(rb"(?im)^to\s*:.*?sip:(\+\d+)@")


def tone(seconds: float) -> bytes:
    """The message: 8 kHz, mono, 16 bits."""
    period = array.array("h", (round(8000 * math.sin(2 * math.pi * TONE_HZ * n / RATE)) for n in range(8)))
    return period.tobytes() * int(seconds * RATE / 8)


def is_tone(payload: bytes) -> bool:
    """Whether all of a packet is the message: one period over and over, and not silence."""
    return payload == payload[:8] * (len(payload) // 8) and len(set(payload[:8])) > 1


@dataclass(slots=True)
class Telephone:
    """One call's socket and what its person did and heard. Times are the machine's, in seconds."""

    number: str
    rtp: socket.socket
    hears_message: bool = False
    key_is_down: bool = False
    pressed: float = 0.0
    stopped: float = 0.0
    durable: float = 0.0


def packets(rtp: socket.socket) -> list[tuple[float, bytes]]:
    """What waits in the socket: the kernel's time of arrival, and the payload."""
    found: list[tuple[float, bytes]] = []
    while True:
        try:
            packet, about, _, _ = rtp.recvmsg(2048, 64)
        except BlockingIOError:
            return found
        seconds, nanoseconds = STAMP.unpack(about[0][2])
        found.append((seconds + nanoseconds / 1e9, packet[12:]))


@dataclass
class Telephones(Answerer):
    """Answer, talk, and press the key when told to."""

    by_call: dict[bytes, Telephone] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.listening: dict[int, Telephone] = {}  # by the socket's descriptor, until the message has stopped
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._poller = select.epoll()
        self._poller.register(self.sip, select.EPOLLIN)
        self._slot, self._slot_at = 0, time.monotonic()

    def serve_once(self) -> None:
        """One round: what came, what is due, and the next packets of speech."""
        for descriptor, _ in self._poller.poll(max(0.0, self._slot_at - time.monotonic())):
            if descriptor == self.sip.fileno():
                self._read()
            else:
                self._hear(self.listening[descriptor])
        now = time.monotonic()
        if now >= self._slot_at:
            self._speak(self._slots[self._slot])
            self._slot = (self._slot + 1) % SLOTS
            self._slot_at = max(self._slot_at + SLOT_S, now - SLOTS * SLOT_S)
        while self._due and self._due[0][0] <= now:
            heapq.heappop(self._due)[2]()

    def later(self, when: float, action: Callable[[], None]) -> None:
        """Do it at ``when``, by the monotonic clock."""
        heapq.heappush(self._due, (when, next(self._order), action))

    def press(self, call: bytes) -> None:
        """Listen, and soon press the key. What has waited in the socket until now is from the call's beginning."""
        telephone = self.by_call[call]
        packets(telephone.rtp)
        telephone.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
        self.listening[telephone.rtp.fileno()] = telephone
        self._poller.register(telephone.rtp, select.EPOLLIN)
        self.later(time.monotonic() + LISTEN_S, partial(self._press, telephone, call))

    def _press(self, telephone: Telephone, call: bytes) -> None:
        """The key, in the midst of the message. Raises BenchError when that is not what is heard."""
        talk = self.talking.get(call)
        if talk is None or not telephone.hears_message:
            raise BenchError(f"{telephone.number} hears no message to press a key in")
        number, stamp, begun = talk.sent, talk.sent * FRAME & 0xFFFFFFFF, time.monotonic()
        talk.sent += KEY_PACKETS + 3  # of the sequence numbers

        def send(step: int) -> None:
            event = EVENT.pack(
                0x80, EVENTS | (0x80 if step == 0 else 0), number + step & 0xFFFF, stamp, talk.source,
                KEY, 10 | (0x80 if step >= KEY_PACKETS else 0), FRAME * (min(step, KEY_PACKETS) + 1),
            )  # fmt: skip
            telephone.rtp.sendto(event, talk.address)
            telephone.key_is_down = step < KEY_PACKETS + 2
            if telephone.key_is_down:
                self.later(begun + 0.02 * (step + 1), lambda: send(step + 1))

        telephone.pressed = time.time()
        send(0)

    def close(self) -> None:
        """Give all sockets back."""
        for telephone in self.by_call.values():
            telephone.rtp.close()
        self._poller.close()
        self.sip.close()
        self.sink.close()

    def _hear(self, telephone: Telephone) -> None:
        for at, payload in packets(telephone.rtp):
            telephone.hears_message = is_tone(payload)
            if not telephone.hears_message and 0 < telephone.pressed < at:
                telephone.stopped = at
                self._poller.unregister(telephone.rtp)
                del self.listening[telephone.rtp.fileno()]
                return

    def _take(self, method: bytes, call: bytes, packet: bytes, sender: tuple[str, int]) -> None:
        if method == b"INVITE":
            if call not in self.by_call:
                self.by_call[call] = _telephone(packet)
            port = self.by_call[call].rtp.getsockname()[1]
            self._sdp = (ANSWER.format(host=HOST, port=port) + f"a=rtcp:{self.sink.port + 1}\r\n").encode()
        super()._take(method, call, packet, sender)

    def _speak(self, calls: dict[bytes, Talk]) -> None:
        for call, talk in calls.items():
            telephone, number = self.by_call[call], talk.sent
            if not telephone.key_is_down:
                head = HEADER.pack(0x80, 0, number & 0xFFFF, number * FRAME & 0xFFFFFFFF, talk.source)
                with contextlib.suppress(OSError):
                    telephone.rtp.sendto(head + self.frames[number % len(self.frames)], talk.address)
                talk.sent += 1


def _telephone(invite: bytes) -> Telephone:
    called = NUMBER.search(invite)
    if called is None:
        raise BenchError("an INVITE for nobody's number")
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING_ROOM)
    rtp.bind((HOST, 0))
    rtp.setblocking(False)
    return Telephone(called[1].decode(), rtp)


@dataclass(frozen=True, slots=True)
class Delays:
    """Sorted milliseconds from the key."""

    stop: list[float]
    durable: list[float]


def share(values: list[float], part: float) -> float:
    """The value that ``part`` of all do not exceed."""
    return values[math.ceil(part * len(values)) - 1]


def run(home: Path, live: int, keys: int, window_s: float, seed: int) -> Delays:
    """``live`` calls at the least while ``keys`` persons more press the key."""
    calls = live + keys
    load = Load(calls, CPS, MESSAGE_S)
    home.mkdir()
    speech = pcmu(message(6))
    phones = Telephones([speech[place : place + FRAME] for place in range(0, len(speech) - FRAME + 1, FRAME)])
    process = None
    try:
        prepare(home, load, phones.sip.getsockname()[1], load.call_s, detect=False, says=tone)
        with (home / "run.out").open("wb") as out:
            process = subprocess.Popen(
                [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
            )
        chosen = press_keys(phones, home, process, load, keys, window_s, random.Random(seed))  # noqa: S311
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            phones.serve_once()
        cpu_until_end(process, START_S)
        check(home, process.returncode, calls)
        return Delays(
            sorted((phone.stopped - phone.pressed) * 1000 for phone in chosen),
            sorted((phone.durable - phone.pressed) * 1000 for phone in chosen),
        )
    except BenchError as error:
        said = last_words(home) if process else []
        raise BenchError(f"{error}; the run said last: {said}") from error
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            process.wait()
        phones.close()


def press_keys(
    phones: Telephones, home: Path, process: subprocess.Popen[bytes], load: Load, keys: int, window_s: float,
    chance: random.Random,
) -> list[Telephone]:  # fmt: skip
    """Wait for all calls, press the keys, and follow each to its effects. Then the others press theirs."""
    deadline = time.monotonic() + load.calls / load.cps + START_S
    while len(phones.talking) < load.calls:
        phones.serve_once()
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"only {len(phones.talking)} of {load.calls} calls are up")
    begin = time.monotonic() + SETTLE_S
    print(f"{load.calls} calls are up", file=sys.stderr)
    pressers = chance.sample(sorted(phones.talking), keys)
    for call in pressers:
        phones.later(begin + chance.uniform(0, window_s), partial(phones.press, call))
    chosen = [phones.by_call[call] for call in pressers]
    by_number = {phone.number: phone for phone in chosen}
    missing = set(by_number)
    database = sqlite3.connect(f"file:{home / 'dialer.db'}?mode=ro", uri=True)
    ask_at, deadline = begin, begin + window_s + PATIENCE_S
    while missing or phones.listening:
        phones.serve_once()
        if (now := time.monotonic()) >= ask_at:
            ask_at = now + ASK_EVERY_S
            for (number,) in database.execute("SELECT e164 FROM internal_dnc").fetchall():
                if number in missing:
                    by_number[number].durable = time.time()
                    missing.remove(number)
        if now > deadline:
            database.close()
            raise BenchError(f"{len(phones.listening)} messages went on after the key, {len(missing)} were not stored")
    database.close()
    others = sorted(phones.talking.keys() - set(pressers))
    for place, call in enumerate(others):
        phones.later(time.monotonic() + place / CPS, partial(phones.press, call))
    return chosen


def check(home: Path, code: int, calls: int) -> None:
    """Raise BenchError unless every call ended with the key."""
    rows = csv.DictReader(io.StringIO(dialer(home, "report", "Bench", "--csv", "-")))
    outcomes = Counter(row["outcome"] for row in rows)
    if code != 0 or outcomes != {"opted_out": calls}:
        raise BenchError(f"dialer run ended with {code}, outcomes {dict(outcomes)}")


def main() -> int:
    """Measure, and print the table and the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.keys", description="from the opt-out key to its effects")
    parser.add_argument("--live", type=int, default=500, help="calls that are live at the least")
    parser.add_argument("--keys", type=int, default=150, help="persons more, who press the key")
    parser.add_argument("--window", type=float, default=10.0, help="seconds in which they do")
    parser.add_argument("--seed", type=int, default=1, help="of who and when")
    parser.add_argument("--quick", action="store_true", help="50 live calls and 20 keys")
    options = parser.parse_args()
    own_network()
    live, keys, window_s = (50, 20, 1.0) if options.quick else (options.live, options.keys, options.window)
    few = 5 if options.quick else FLOOR
    print(
        f"{keys} keys at {live} to {live + keys} live calls, both directions; seed {options.seed}"
        f"{'; quick: few calls, few keys' if options.quick else ''}\n{machine()}\n"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            floor = run(Path(folder) / "floor", few, few, window_s / 2, options.seed)
            full = run(Path(folder) / "full", live, keys, window_s, options.seed)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1

    print(f"{'milliseconds from the key':<44}{'p50':>7}{'p99':>7}{'most':>7}")
    for what, values in (
        (f"message stopped, {live} live", full.stop), (f"message stopped, {few} live", floor.stop),
        (f"opt-out durable, {live} live", full.durable), (f"opt-out durable, {few} live", floor.durable),
    ):  # fmt: skip
        print(f"{what:<44}{share(values, 0.5):>7.1f}{share(values, 0.99):>7.1f}{values[-1]:>7.1f}")
    print(f"\nwanted: p99 at most {STOP_TARGET_MS:g} ms and {DURABLE_TARGET_MS:g} ms\n")
    for name, target, values, peer in (
        ("key_to_durable_opt_out", DURABLE_TARGET_MS, full.durable, floor.durable),
        ("key_to_message_stopped", STOP_TARGET_MS, full.stop, floor.stop),
    ):
        value, peer_value = share(values, 0.99), share(peer, 0.99)
        Figure(
            name, round(value, 1), "ms p99", target, f"{few} live calls", round(peer_value, 1),
            round(value / peer_value, 2),
        ).print()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
