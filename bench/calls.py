"""CPU of a call: the whole of ``dialer run``, engine and SIP agent, against SIPp and Asterisk 22 placing the same.

    python -m bench.calls [--calls 1000] [--cps 50] [--runs 5] [--machines] [--quick]

Every call is answered at once, carries ten seconds of PCMU both ways and is hung up by its caller; dialer and Asterisk
listen for digits. The callee (bench/callee.py) is in no caller's figure. SIPp is the floor: it decides nothing, writes
nothing down, and leaves what comes back to the kernel to drop. Asterisk is asked for the calls with call files, and
over its manager interface; it writes call detail records; its start is not counted, while ours is: half a second of
CPU, which the calls share. A peer, in whose figure there is no start, places half as many, which saves three minutes.
A run in which one call is missing, or audio in one direction, is an error, not a figure.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bench.common import BenchError, Figure, StillRuns, machine
from bench.load import Load, Run, run_dialer
from bench.own_network import own_network
from bench.peers import Program, by_call_files, by_manager, run_asterisk, run_sipp, sipp_version

TARGET_MS = 8.0
TARGET_FLOOR = 4.5
TARGET_ASTERISK = 1 / 3
OURS, MACHINES, FLOOR = "dialer", "dialer, listening for machines", "SIPp"
FILES, MANAGER = "Asterisk, call files", "Asterisk, manager"
QUICK = Load(calls=40, cps=40, call_s=2.0)


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of placing the calls."""

    name: str
    run: Callable[[Path], Run]


def kinds(load: Load, program: Program, *, machines: bool) -> list[Kind]:
    """In the order in which they take turns."""
    half = replace(load, calls=max(1, load.calls // 2))
    found = [
        Kind(OURS, lambda home: run_dialer(home, load, detect=False)),
        Kind(FLOOR, lambda home: run_sipp(home, half)),
        Kind(FILES, lambda home: run_asterisk(home, half, program, by_call_files)),
        Kind(MANAGER, lambda home: run_asterisk(home, half, program, by_manager)),
    ]
    return [*found, Kind(MACHINES, lambda home: run_dialer(home, load, detect=True))] if machines else found


def measure(each: list[Kind], runs: int) -> dict[str, list[Run]]:
    """Every kind in turn, ``runs`` times, so that a noisy minute falls on all of them."""
    found: dict[str, list[Run]] = {kind.name: [] for kind in each}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for turn in range(runs):
            for number, kind in enumerate(each):
                home = Path(folder) / f"{number}-{turn}"
                run = kind.run(home) if kind.name in (OURS, MACHINES) else of_peer(kind, home)
                found[kind.name].append(run)
                print(f"{kind.name}: {run.ms:.2f} ms a call, {run.wall_s:.0f} s", file=sys.stderr)
    return found


def of_peer(kind: Kind, home: Path) -> Run:
    """Once more, should it not end: SIPp 3.6.1, its calls done, at times sleeps for ever. Of ours every run counts."""
    try:
        return kind.run(home)
    except StillRuns as error:
        print(f"{kind.name}, once more: {error}", file=sys.stderr)
        return kind.run(home.with_name(f"{home.name}-again"))


def table(found: dict[str, list[Run]]) -> None:
    """Print it."""
    print(
        f"{'CPU, ms a call':<32}{'calls':>7}{'all':>7}{'least':>7}{'most':>7}{'engine':>8}{'agent':>7}{'callee':>8}"
        f"{'wall':>6}{'RTP in':>9}{'RTP out':>9}"
    )
    for name, runs in found.items():
        each = sorted(run.ms for run in runs)
        own, children, far = (
            statistics.median(seconds) * 1000 / runs[0].calls
            for seconds in (
                [run.cpu.own_s for run in runs],
                [run.cpu.children_s for run in runs],
                [run.callee.cpu_s for run in runs],
            )
        )
        parts = f"{own:>8.2f}{children:>7.2f}" if children else f"{'':15}"
        wall = statistics.median(run.wall_s for run in runs)
        came, went = (
            statistics.median(packets)
            for packets in ([run.callee.sent for run in runs], [run.callee.received for run in runs])
        )
        print(
            f"{name:<32}{runs[0].calls:>7}{statistics.median(each):>7.2f}{each[0]:>7.2f}{each[-1]:>7.2f}{parts}{far:>8.2f}"
            f"{wall:>5.0f}s{came:>9.0f}{went:>9.0f}"
        )


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.calls", description="CPU of a call, dialer against its peers"
    )
    parser.add_argument(
        "--calls", type=int, default=1000, help="calls of a run, up to 2000: the fewer, the more the start weighs"
    )
    parser.add_argument("--cps", type=int, default=50, help="new calls a second")
    parser.add_argument("--runs", type=int, default=5, help="of each kind; the median counts")
    parser.add_argument("--machines", action="store_true", help="also listening for answering machines")
    parser.add_argument("--quick", action="store_true", help="one run each of few, short calls: the start weighs most")
    options = parser.parse_args()
    load, runs = (QUICK, 1) if options.quick else (Load(options.calls, options.cps), options.runs)
    try:
        program = Program.find()  # on the machine's network: what is not there yet is fetched
        own_network()
        print(
            f"{load.calls} calls of {load.call_s:g} s, {load.cps} a second, half of them by peers; median of {runs}"
            f"{'; quick: the start of the dialer is most of it' if options.quick else ''}\n"
            f"{machine()}, SIPp {sipp_version()}, Asterisk {program.version}\n"
        )
        found = measure(kinds(load, program, machines=options.machines), runs)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1

    table(found)
    middle = {name: statistics.median(run.ms for run in runs) for name, runs in found.items()}
    best = min((FILES, MANAGER), key=lambda name: middle[name])
    value, floor = middle[OURS], middle[OURS] / middle[FLOOR]
    ratio = value / middle[best]
    print(
        f"\n{floor:.2f} times SIPp {sipp_version()}, {ratio:.2f} times {best}; "
        f"wanted: at most {TARGET_MS:g} ms, {TARGET_FLOOR:g} times and {TARGET_ASTERISK:.2f} times\n"
    )
    asterisk = best.replace("Asterisk", f"Asterisk {program.version}")
    for name, target, peer, kind in (
        ("cpu_per_call_times_sipp", TARGET_FLOOR * middle[FLOOR], f"SIPp {sipp_version()}", FLOOR),
        ("cpu_per_call_third_of_asterisk", TARGET_ASTERISK * middle[best], asterisk, best),
        ("cpu_per_call", TARGET_MS, asterisk, best),
    ):
        Figure(
            name, round(value, 2), "ms", round(target, 2), peer, round(middle[kind], 2), round(value / middle[kind], 2)
        ).print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
