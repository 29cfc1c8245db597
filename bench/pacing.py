"""How evenly calls go out: the gaps between the INVITEs of a whole ``dialer run``, on the kernel's clock at the callee.

    python -m bench.pacing [--cps 50] [--calls 800] [--quick]

The callee is a socket that answers every INVITE with 486 Busy Here. Its time stamps are those of the kernel as the
packet arrives (SO_TIMESTAMPNS). The peer is SIPp, placing as many calls at the same rate to the same callee.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.callee import HOST
from bench.common import BenchError, Figure, cpu_until_end, machine
from bench.load import DIALER, Load, dialer, environment, prepare
from bench.own_network import own_network
from bench.peers import start_sipp

TARGET_MS = 30.0
TIMESTAMP = struct.Struct("qq")
SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the socket module does not name it
TAGGED = re.compile(rb"(?im)^(?:via|from|call-id|cseq|v|f|i)\s*:.*\r\n")
TO = re.compile(rb"(?im)^(?:to|t)\s*:(.*)\r\n")
QUICK = 450
EASED_S = 6.0  # in which the rate grows: not measured


@dataclass
class Busy:
    """A callee that is busy, whoever calls; ``at`` are the seconds at which first INVITEs came."""

    at: dict[bytes, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        """No more calls."""
        self._over.set()
        self._thread.join()
        self._socket.close()

    def gaps_ms(self, after_s: float) -> list[float]:
        """Milliseconds between one call and the next, from so long after the first one."""
        times = sorted(self.at.values())
        steady = [at for at in times if at >= times[0] + after_s]
        return [1000 * (later - first) for first, later in pairwise(steady)]

    def _serve(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                packet, extra, _, sender = self._socket.recvmsg(65535, 256)
                seconds, nanos = TIMESTAMP.unpack(extra[0][2])
                self._answer(packet, seconds + nanos / 1e9, sender)

    def _answer(self, packet: bytes, at: float, sender: tuple[str, int]) -> None:
        method = packet.partition(b" ")[0]
        if method not in (b"INVITE", b"OPTIONS"):
            return
        if method == b"INVITE":
            call_id = re.search(rb"(?im)^(?:call-id|i)\s*:\s*(\S+)", packet)
            if call_id:
                self.at.setdefault(call_id[1], at)
        first = b"SIP/2.0 486 Busy Here\r\n" if method == b"INVITE" else b"SIP/2.0 200 OK\r\n"
        to = TO.search(packet)
        tagged = b"To:" + (to[1].strip() if to else b"") + b";tag=busy\r\n"
        self._socket.sendto(first + b"".join(TAGGED.findall(packet)) + tagged + b"Content-Length: 0\r\n\r\n", sender)


@contextlib.contextmanager
def busy() -> Iterator[Busy]:
    """A callee for one run."""
    callee = Busy()
    try:
        yield callee
    finally:
        callee.close()


def of_dialer(home: Path, load: Load) -> list[float]:
    """The gaps of a whole campaign."""
    with busy() as callee:
        home.mkdir()
        prepare(home, load, callee.port, 7.0, detect=False)
        with (home / "run.out").open("wb") as out:
            process = subprocess.Popen(
                [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
            )
        cpu_until_end(process, load.timeout_s)
        if len(callee.at) != load.calls:
            raise BenchError(f"{len(callee.at)} calls came, not {load.calls}: {dialer(home, 'campaign', 'status')}")
        return callee.gaps_ms(EASED_S)


def of_sipp(home: Path, load: Load) -> list[float]:
    """The gaps of SIPp at the same rate."""
    with busy() as callee:
        home.mkdir()
        process = start_sipp(
            home, "busy", f"{HOST}:{callee.port}", "-m", str(load.calls), "-r", str(load.cps), "-rp", "1000"
        )
        cpu_until_end(process, load.timeout_s)
        return callee.gaps_ms(EASED_S)


def tail(gaps: list[float]) -> tuple[float, float, float, float]:
    """Mean, median, 99th percentile, longest."""
    ordered = sorted(gaps)
    return statistics.fmean(ordered), statistics.median(ordered), ordered[int(0.99 * len(ordered))], ordered[-1]


def main() -> int:
    """Measure, and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.pacing", description="gaps between INVITEs")
    parser.add_argument("--cps", type=int, default=50, help="new calls a second")
    parser.add_argument("--calls", type=int, default=800, help="of a run, up to 1300")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} calls, the last of them looked at")
    asked = parser.parse_args()
    own_network()
    load = Load(QUICK if asked.quick else asked.calls, asked.cps)
    print(f"{machine()}\n{load.calls} calls{', quick' if asked.quick else ''}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        ours = tail(of_dialer(Path(folder) / "dialer", load))
        theirs = tail(of_sipp(Path(folder) / "sipp", load))
    for name, (mean, middle, late, longest) in (("dialer", ours), ("SIPp", theirs)):
        print(
            f"{name:>6}: {1000 / mean:.1f} calls a second; gaps: median {middle:.1f} ms, "
            f"99th percentile {late:.1f} ms, longest {longest:.1f} ms"
        )
    Figure(
        "invite_gap_p99", round(ours[2], 1), "ms", TARGET_MS, "SIPp", round(theirs[2], 1), round(ours[2] / theirs[2], 2)
    ).print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
