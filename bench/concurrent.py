"""Cores that many calls at once take: ``dialer run``'s agents, both directions, keys listened for, against SIPp.

    python -m bench.concurrent [--calls 2000 --agents 2] [--seconds 5] [--quick]

Every call is answered at once and hears its message, PCMU; as many packets come back from the callee
(bench/far_end.py). Once all calls are up, the CPU of the agents is read off /proc over some seconds; then the callees
press the key that opts out, and every one of them must have been heard. The peer is SIPp with as many calls, sending
the same sound to the same callee, one way only: it sends them all from one port and reads nothing. The engine and the
callee's side are no part of the figure. Without --calls: 1,000 in one agent, then 2,000 in two.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.callee import HOST, message, pcmu
from bench.common import POLL_S, TICKS_PER_S, BenchError, Figure, machine
from bench.far_end import FarEnd, far_end
from bench.load import DIALER, PACKETS_PER_S, Load, dialer, environment, prepare
from bench.own_network import own_network
from bench.peers import await_listening, sipp_version, start_sipp

TARGET_CORES = 0.6  # at 1,000 calls
CPS, SIPP_CPS = 150, 250  # at which they come up
MESSAGE_S = 90.0
SETTLE_S = 1.5  # after the last call came up, until nothing of its beginning is left to be done
UP_S = 60.0
DOWN_S = 30.0
AGENTS = "\n[engine]\nagents = {agents}\n"
SIZES = ((1000, 1), (2000, 2))  # calls, agents
QUICK_CALLS, QUICK_S = 200, 3.0


@dataclass(frozen=True, slots=True)
class AtOnce(Load):
    """Calls that are all up at the same time."""

    @property
    def channels(self) -> int:
        """Room for every one."""
        return self.calls


@dataclass(frozen=True, slots=True)
class Steady:
    """What was used while all calls were up; ``threads`` are cores by the thread's name."""

    threads: dict[str, float]
    packets_per_call_s: float
    resident_kb: float

    @property
    def cores(self) -> float:
        """All told."""
        return sum(self.threads.values())


def thread_ticks(pids: list[int]) -> Counter[str]:
    """CPU time so far, in clock ticks, by the name of the thread."""
    used: Counter[str] = Counter()
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text(encoding="utf-8").partition(" (")[2].rpartition(") ")
            fields = rest.split()
            used["main" if task.name == str(pid) else name] += int(fields[11]) + int(fields[12])
    return used


def steady(pids: list[int], far: FarEnd, calls: int, seconds: float) -> Steady:
    """Look on for so long. Raises BenchError when not every call's sound came at its full rate."""
    begun, before, (sources, packets, counted) = time.monotonic(), thread_ticks(pids), far.count()
    time.sleep(seconds)  # the time that is measured
    wall_s, after = time.monotonic() - begun, thread_ticks(pids)
    sources_after, packets_after, counted_after = far.count()
    rate = (packets_after - packets) / (counted_after - counted) / calls
    if sources_after < sources or not 0.99 * PACKETS_PER_S <= rate <= 1.01 * PACKETS_PER_S:
        raise BenchError(f"{sources_after} of {calls} calls were heard, {rate:.1f} packets a second from each")
    resident = sum(
        int(line.split()[1])
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
        if line.startswith("VmRSS")
    )
    return Steady({name: (after[name] - before[name]) / TICKS_PER_S / wall_s for name in after}, rate, resident)


def await_calls(far: FarEnd, calls: int, process: subprocess.Popen[bytes]) -> None:
    """Until every call is heard. Raises BenchError when they are not, in a minute."""
    deadline = time.monotonic() + UP_S
    while (heard := far.count()[0]) < calls:
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"{heard} of {calls} calls came up")
        time.sleep(POLL_S)  # the far end counts packets, and tells only who asks
    time.sleep(SETTLE_S)  # nothing tells that what a call's beginning leaves to be done is over
    far.count()


def agents_of(pid: int) -> list[int]:
    """The agents' process ids."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children if b"dialer.sip.agent" in Path(f"/proc/{child}/cmdline").read_bytes()]


@contextlib.contextmanager
def callee(home: Path, far: FarEnd) -> Iterator[int]:
    """SIPp answering, the sound going to ``far``; its port."""
    home.mkdir()
    port = far.port - 2 if far.port > 40000 else far.port + 2
    process = start_sipp(home, "callee", "-p", str(port), "-key", "sink_port", str(far.port))
    try:
        await_listening(process, port)
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def running(home: Path, load: Load, port: int, *, agents: int, message_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """``dialer run`` placing the load."""
    prepare(home, load, port, message_s, detect=False)
    with (home / "dialer.toml").open("a", encoding="utf-8") as settings:
        settings.write(AGENTS.format(agents=agents))
    with (home / "run.out").open("wb") as out:
        process = subprocess.Popen(
            [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        process.kill()
        process.wait()


def outcomes(home: Path) -> Counter[str]:
    """How the calls ended."""
    report = dialer(home, "report", "Bench", "--csv", "-")
    return Counter(row["outcome"] for row in csv.DictReader(io.StringIO(report)))


def run_dialer(home: Path, load: Load, *, agents: int, seconds: float) -> Steady:
    """Ours, and whether every key was heard. Raises BenchError."""
    with (
        far_end() as far,
        callee(home, far) as port,
        running(home, load, port, agents=agents, message_s=MESSAGE_S) as process,
    ):
        await_calls(far, load.calls, process)
        found = steady(agents_of(process.pid), far, load.calls, seconds)
        far.tell("press 9")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DOWN_S)
        ended = outcomes(home)
        if ended != {"opted_out": load.calls}:
            raise BenchError(f"not every key was heard: {dict(ended)}, run ended with {process.returncode}")
        return found


def run_sipp(home: Path, load: Load, seconds: float) -> Steady:
    """SIPp as the caller. Raises BenchError."""
    with far_end() as far, callee(home, far) as port:
        (home / "message.ulaw").write_bytes(pcmu(message(MESSAGE_S)))
        process = start_sipp(
            home, "caller", f"{HOST}:{port}", "-m", str(load.calls), "-r", str(SIPP_CPS), "-l", str(load.calls),
            "-mp", "16000", "-d", str(round(MESSAGE_S * 1000)),
        )  # fmt: skip
        try:
            far.tell("echo off")
            time.sleep(load.calls / SIPP_CPS + SETTLE_S)  # at this pace they come up; if not, `steady` fails
            return steady([process.pid], far, load.calls, seconds)
        finally:
            process.kill()
            process.wait()


def figure(calls: int, agents: int, ours: Steady, theirs: Steady, peer: str) -> Figure:
    """Print the table of one size; its figure."""
    print(f"{calls} calls at once in {agents} agent{'s' if agents > 1 else ''}; every key was heard")
    print(f"{'':<10}{'cores':>7}{'us a packet pair':>18}{'resident MB':>13}  by thread")
    for name, found in (("dialer", ours), ("SIPp", theirs)):
        threads = ", ".join(
            f"{thread} {cores:.2f}" for thread, cores in sorted(found.threads.items()) if cores >= 0.005
        )
        per_pair = found.cores / calls / PACKETS_PER_S * 1e6
        print(f"{name:<10}{found.cores:>7.2f}{per_pair:>18.1f}{found.resident_kb / 1024:>13.0f}  {threads}")
    target, ratio = TARGET_CORES * calls / 1000, ours.cores / theirs.cores
    print(f"{ratio:.2f} times SIPp; wanted: at most {target:g} cores\n")
    value, peer_value = round(ours.cores, 3), round(theirs.cores, 3)
    return Figure(f"cores_of_{calls}_calls", value, "cores", target, peer, peer_value, round(ratio, 2))


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.concurrent", description="cores that calls at once take")
    parser.add_argument("--calls", type=int, help="calls at once, up to 2000")
    parser.add_argument("--agents", type=int, default=1, help="agent processes that share them")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to look on")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} calls, {QUICK_S:g} seconds")
    options = parser.parse_args()
    own_network()
    seconds = QUICK_S if options.quick else options.seconds
    asked = ((options.calls, options.agents),) if options.calls else SIZES
    sizes = ((QUICK_CALLS, 1),) if options.quick else asked
    peer = f"SIPp {sipp_version()}"
    print(f"Looked at for {seconds:g} s{' (quick)' if options.quick else ''}\n{machine()}, {peer}\n")
    figures = []
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for calls, agents in sizes:
                load = AtOnce(calls, CPS)
                ours = run_dialer(Path(folder) / f"dialer-{calls}", load, agents=agents, seconds=seconds)
                theirs = run_sipp(Path(folder) / f"sipp-{calls}", load, seconds)
                figures.append(figure(calls, agents, ours, theirs, peer))
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    for each in reversed(figures):  # the main one last
        each.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
