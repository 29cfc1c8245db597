"""The far end of many calls' sound, in a process of its own: one socket that takes RTP and sends it back.

    python -m bench.far_end

Prints its port, then obeys lines on standard input: ``echo on``, ``echo off``, ``record``, ``stop NAME`` (writes what
was recorded), ``press DIGIT`` (an RFC 4733 event in every call, some 500 calls a second), ``count``. A caller hears its
own sound: as many packets as it sends, from the address that the answer named. The kernel stamps each packet as it
arrives (SO_TIMESTAMPNS), so that how soon it is read does not matter.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOST = "127.0.0.1"
BATCH = 1024  # messages in one system call
BATCHES_A_TURN = 16
READ_EVERY_S = 0.001
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module does not name it
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 32 << 20
PACKET = 172  # of PCMU, 20 ms
EVENT = 101  # payload type of RFC 4733 in bench/scenarios/callee.xml
PRESSES_A_TURN = 1  # at READ_EVERY_S and what a turn takes, some 500 a second
EVENT_PACKETS = 5  # the last three say that it has ended
ARRIVED = np.dtype([("at", "<i8"), ("ssrc", ">u4"), ("seq", ">u2"), ("sound", "u1", 160)])
_MESSAGE = np.dtype(
    [
        ("name", "u8"), ("name_size", "u4"), ("pad1", "u4"), ("parts", "u8"), ("count", "u8"), ("control", "u8"),
        ("control_size", "u8"), ("flags", "i4"), ("pad2", "u4"), ("size", "u4"), ("pad3", "u4"),
    ]
)  # fmt: skip  # struct mmsghdr
_PART = np.dtype([("base", "u8"), ("size", "u8")])  # struct iovec
_ADDRESS = np.dtype([("family", "<u2"), ("port", ">u2"), ("host", "u1", 4), ("pad", "u8")])  # struct sockaddr_in
_CONTROL = np.dtype([("size", "u8"), ("level", "i4"), ("type", "i4"), ("s", "<i8"), ("ns", "<i8")])
_libc = ctypes.CDLL(None, use_errno=True)


class Mirror:
    """The socket. Nothing is done for each packet in Python: the kernel fills arrays, and is handed them back."""

    def __init__(self) -> None:
        self._rtp, self._rtcp = _neighbours()
        self._rtp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._rtp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.port: int = self._rtp.getsockname()[1]
        self.echoes = True
        self.recorded: list[NDArray[Any]] | None = None
        self.packets = 0
        self._ports = np.zeros(65536, bool)
        self._counted = self._ports
        self._events: dict[int, tuple[int, int, int]] = {}  # port: digit, packets to come, RTP time
        self._waiting: list[int] = []
        self._digit = 0
        self._data = np.zeros((BATCH, PACKET), np.uint8)
        self._from = np.zeros(BATCH, _ADDRESS)
        self._control = np.zeros(BATCH, _CONTROL)
        self._parts = np.zeros(BATCH, _PART)
        self._in, self._out = np.zeros(BATCH, _MESSAGE), np.zeros(BATCH, _MESSAGE)
        step = np.arange(BATCH, dtype=np.uint64)
        self._parts["base"] = self._data.ctypes.data + step * PACKET
        for messages in (self._in, self._out):
            messages["name"] = self._from.ctypes.data + step * _ADDRESS.itemsize
            messages["name_size"] = _ADDRESS.itemsize
            messages["parts"] = self._parts.ctypes.data + step * _PART.itemsize
            messages["count"] = 1
        self._in["control"] = self._control.ctypes.data + step * _CONTROL.itemsize

    def turn(self) -> None:
        """Take what has come, if it is not too much for one turn."""
        for _ in range(BATCHES_A_TURN):
            self._parts["size"] = PACKET
            self._in["control_size"] = _CONTROL.itemsize
            came = _libc.recvmmsg(
                self._rtp.fileno(), ctypes.c_void_p(self._in.ctypes.data), BATCH, socket.MSG_DONTWAIT, None
            )
            if came <= 0:
                return
            self._take(came)
            if came < BATCH:
                return

    def press(self, digit: int) -> None:
        """One key in every call that was counted last, the calls one after the other."""
        self._digit = digit
        self._waiting = [int(port) for port in np.flatnonzero(self._counted)]

    def sources(self) -> int:
        """How many calls have been heard since this was asked last."""
        self._counted, self._ports = self._ports, np.zeros(65536, bool)
        return int(self._counted.sum())

    def _take(self, came: int) -> None:
        self.packets += came
        ports = self._from["port"][:came]
        self._ports[ports] = True
        if self.recorded is not None:
            self.recorded.append(self._copied(came))
        self._parts["size"][:came] = self._in["size"][:came]
        if self._waiting:
            for port in self._waiting[:PRESSES_A_TURN]:
                self._events[port] = (self._digit, EVENT_PACKETS, 0)
            del self._waiting[:PRESSES_A_TURN]
        if self._events:
            for at in np.flatnonzero(np.isin(ports, list(self._events))):
                if (port := int(ports[at])) in self._events:
                    self._become_event(int(at), port)
        sent = 0 if self.echoes else came
        while sent < came:
            out = ctypes.c_void_p(self._out.ctypes.data + sent * _MESSAGE.itemsize)
            done = _libc.sendmmsg(self._rtp.fileno(), out, came - sent, 0)
            sent += done if done > 0 else 1  # a caller that is gone

    def _copied(self, came: int) -> NDArray[Any]:
        """The packets of sound among those that came."""
        kept = np.empty(came, ARRIVED)
        kept["at"] = self._control["s"][:came] * 10**9 + self._control["ns"][:came]
        data = self._data[:came]
        kept["ssrc"] = data[:, 8:12].copy().view(">u4")[:, 0]
        kept["seq"] = data[:, 2:4].copy().view(">u2")[:, 0]
        kept["sound"] = data[:, 12:]
        sound: NDArray[Any] = kept[(data[:, 1] & 0x7F == 0) & (self._in["size"][:came] == PACKET)]
        return sound

    def _become_event(self, at: int, port: int) -> None:
        """This packet of sound becomes one of the event, in its place and with its number (RFC 4733, 2.5)."""
        digit, left, began = self._events[port]
        data = self._data[at]
        if left == EVENT_PACKETS:
            began = int.from_bytes(data[4:8].tobytes(), "big")
            data[1] = 0x80 | EVENT
        else:
            data[1] = EVENT
        duration = 160 * min(EVENT_PACKETS - left + 1, EVENT_PACKETS - 2)
        data[4:16] = np.frombuffer(
            began.to_bytes(4, "big") + data[8:12].tobytes()
            + bytes([digit, 10 | (0x80 if left <= 3 else 0)]) + duration.to_bytes(2, "big"), np.uint8,
        )  # fmt: skip
        self._parts["size"][at] = 16
        if left > 1:
            self._events[port] = digit, left - 1, began
        else:
            del self._events[port]


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


class FarEnd:
    """The process, as its user sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen([sys.executable, "-m", "bench.far_end"], stdin=end, stdout=end)
        self._line = ours.makefile("rw", encoding="ascii")
        ours.close()
        self.port = int(self._answer())

    def tell(self, line: str) -> str:
        """Give one command; what it answers."""
        self._line.write(f"{line}\n")
        self._line.flush()
        return self._answer()

    def count(self) -> tuple[int, int, float]:
        """Calls heard since this was asked last, packets since the beginning, and the monotonic time of the count."""
        sources, packets, at = json.loads(self.tell("count"))
        return sources, packets, at

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._line.close()

    def _answer(self) -> str:
        return self._line.readline().strip()


@contextlib.contextmanager
def far_end() -> Iterator[FarEnd]:
    """One for each run."""
    made = FarEnd()
    try:
        yield made
    finally:
        made.close()


def main() -> None:
    """Obey until standard input ends."""
    mirror = Mirror()
    print(mirror.port, flush=True)
    pending = b""
    while True:
        mirror.turn()
        if not select.select([0], [], [], READ_EVERY_S)[0]:  # many packets a turn; the kernel has stamped them
            continue
        read = os.read(0, 4096)
        if not read:
            return
        *lines, pending = (pending + read).split(b"\n")
        for line in lines:
            print(_obey(mirror, line.decode().split()), flush=True)


def _obey(mirror: Mirror, words: list[str]) -> str:
    match words:
        case ["echo", how]:
            mirror.echoes = how == "on"
        case ["record"]:
            mirror.recorded = []
        case ["stop", name]:
            np.save(Path(name), np.concatenate(mirror.recorded or [np.empty(0, ARRIVED)]))
            mirror.recorded = None
        case ["press", digit]:
            mirror.press(int(digit))
        case ["count"]:
            return json.dumps([mirror.sources(), mirror.packets, time.monotonic()])
        case _:
            return "unknown"
    return "done"


if __name__ == "__main__":
    main()
