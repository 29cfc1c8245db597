"""RTP out of many calls at once, as it arrives: gaps, losses, and whether the message is whole.

    python -m bench.rtp [--calls 1000] [--quick]

``dialer run`` places the calls, in both directions PCMU; every packet is stamped by the kernel as it arrives at the
callee (bench/far_end.py). Gaps are those between one packet of a call and the next while all calls were up; sequence
numbers are looked at over the whole of each call. The message must be in every call that is looked into, each sample
of it, as exactly as mu-law says it. The peer is SIPp sending the same sound to the same callee.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from bench.callee import HOST, message, pcmu
from bench.common import BenchError, Figure, cpu_until_end, machine
from bench.concurrent import CPS, AtOnce, callee, outcomes, running
from bench.far_end import FarEnd, far_end
from bench.load import Load
from bench.own_network import own_network
from bench.peers import sipp_version, start_sipp
from numpy.typing import NDArray

TARGET_MS = 25.0
MOST_MS = 60.0
SAMPLED = 20  # calls whose sound is looked into
RAMP_S = 3.0  # what the pace takes to grow
UP_S = 5.0  # all calls are up for so long
QUICK_CALLS, QUICK_UP_S = 100, 2.0
END_S = 40.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """What arrived; gaps in milliseconds."""

    calls: int
    packets: int
    median_ms: float
    p99_ms: float
    most_ms: float
    over: int  # gaps longer than MOST_MS
    lost: int
    whole: int  # of the SAMPLED


def arrival(packets: NDArray[Any], spoken: NDArray[np.int32] | None) -> Arrival:
    """Look at each call's packets. ``spoken`` is the message, where it must be whole."""
    order = np.lexsort((packets["at"], packets["ssrc"]))
    packets = packets[order]
    calls = np.split(packets, np.flatnonzero(np.diff(packets["ssrc"].astype(np.int64))) + 1)
    begun, ended = max(each["at"][0] for each in calls), min(each["at"][-1] for each in calls)
    gaps, lost = [], 0
    for each in calls:
        steps: NDArray[np.int64] = np.diff(each["seq"].astype(np.int64)).astype(np.int64) & 0xFFFF
        lost += int(np.sum(np.where(steps < 0x8000, steps - 1, 0)))
        at = each["at"][(each["at"] >= begun) & (each["at"] <= ended)]
        gaps.append(np.diff(at) / 1e6)
    every = np.concatenate(gaps)
    if not every.size:
        raise BenchError("the calls were never up all at once")
    sampled = calls[:: max(1, len(calls) // SAMPLED)][:SAMPLED]
    whole = 0 if spoken is None else sum(is_whole(each["sound"].reshape(-1), spoken) for each in sampled)
    return Arrival(
        len(calls), len(packets), float(np.median(every)), float(np.percentile(every, 99)), float(every.max()),
        int(np.sum(every > MOST_MS)), lost, whole,
    )  # fmt: skip


def is_whole(mu_law: NDArray[np.uint8], spoken: NDArray[np.int32]) -> bool:
    """Whether the message is heard from its first sample to its last, beginning with some frame."""
    heard = linear(mu_law)
    start = int(np.argmax(np.correlate(heard[:16000].astype(np.float64), spoken[:4000].astype(np.float64), "valid")))
    part = heard[start : start + len(spoken)]
    finest = 8 + np.abs(spoken) // 16  # a step of mu-law is a sixteenth of what is said, at most
    return len(part) == len(spoken) and bool(np.all(np.abs(part - spoken) <= finest))


def linear(mu_law: NDArray[np.uint8]) -> NDArray[np.int32]:
    """As samples of 16 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop-lts has its place from 3.13 on
        import audioop
    return np.frombuffer(audioop.ulaw2lin(mu_law.tobytes(), 2), "<i2").astype(np.int32)


def run_dialer(home: Path, load: Load, message_s: float) -> Arrival:
    """Ours. Raises BenchError when not every call went as it should."""
    with far_end() as far:
        far.tell("record")
        with callee(home, far) as port, running(home, load, port, agents=1, message_s=message_s) as process:
            cpu_until_end(process, load.calls / load.cps + message_s + END_S)
        if (ended := outcomes(home)) != {"heard": load.calls}:
            raise BenchError(f"not every message was heard: {dict(ended)}")
        return checked(load, arrival(recorded(home, far), np.frombuffer(message(message_s), "<i2").astype(np.int32)))


def run_sipp(home: Path, load: Load, message_s: float) -> Arrival:
    """SIPp's."""
    with far_end() as far, callee(home, far) as port:
        far.tell("echo off")
        far.tell("record")
        (home / "message.ulaw").write_bytes(pcmu(message(message_s)))
        process = start_sipp(
            home, "caller", f"{HOST}:{port}", "-m", str(load.calls), "-r", str(load.cps), "-l", str(load.calls),
            "-mp", "16000", "-d", str(round(message_s * 1000)),
        )  # fmt: skip
        try:
            time.sleep(load.calls / load.cps + message_s + 2)  # what its calls take: at times it does not end itself
            return checked(load, arrival(recorded(home, far), None))
        finally:
            process.kill()
            process.wait()


def recorded(home: Path, far: FarEnd) -> NDArray[Any]:
    """What the far end has taken down."""
    time.sleep(0.5)  # the far end reads in turns: what has arrived is to be read before it stops
    far.tell(f"stop {home / 'packets.npy'}")
    packets: NDArray[Any] = np.load(home / "packets.npy")
    return packets


def checked(load: Load, found: Arrival) -> Arrival:
    """Raises BenchError when a call was not heard at all."""
    if found.calls != load.calls:
        raise BenchError(f"{found.calls} of {load.calls} calls were heard")
    return found


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.rtp", description="gaps between RTP packets of many calls")
    parser.add_argument("--calls", type=int, default=1000, help="calls at once, up to 2000")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} calls")
    options = parser.parse_args()
    own_network()
    load = AtOnce(QUICK_CALLS if options.quick else options.calls, CPS)
    message_s = load.calls / CPS + RAMP_S + (QUICK_UP_S if options.quick else UP_S)
    peer = f"SIPp {sipp_version()}"
    size = " (quick)" if options.quick else ""
    print(f"{load.calls} calls at once, a message of {message_s:.1f} s each{size}\n{machine()}, {peer}\n")
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            ours = run_dialer(Path(folder) / "dialer", load, message_s)
            print(f"dialer: p99 {ours.p99_ms:.2f} ms", file=sys.stderr)
            theirs = run_sipp(Path(folder) / "sipp", load, message_s)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    print(f"{'gap, ms':<10}{'median':>8}{'p99':>8}{'most':>8}{'over 60':>9}{'lost':>6}{'packets':>10}{'whole':>9}")
    for name, each in (("dialer", ours), ("SIPp", theirs)):
        whole = f"{each.whole}/{SAMPLED}" if each is ours else ""
        print(
            f"{name:<10}{each.median_ms:>8.2f}{each.p99_ms:>8.2f}{each.most_ms:>8.1f}{each.over:>9}{each.lost:>6}"
            f"{each.packets:>10}{whole:>9}"
        )
    if ours.lost or ours.whole != SAMPLED:
        print("no figure: the message did not arrive whole", file=sys.stderr)
        return 1
    ratio = ours.p99_ms / theirs.p99_ms
    print(f"\n{ratio:.2f} times SIPp; wanted: p99 at most {TARGET_MS:g} ms, none over {MOST_MS:g} ms, none lost\n")
    Figure(
        "rtp_gap_p99", round(ours.p99_ms, 2), "ms", TARGET_MS, peer, round(theirs.p99_ms, 2), round(ratio, 2)
    ).print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
