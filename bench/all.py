"""Every bench, one after another: their figures in one table, and what each of them printed.

    python -m bench.all [--quick] [--only calls gate] [--rounds 5] [--to bench/results.md]

Each runs in a process of its own, under a time limit. One that gives no figure is a row that says why; the others run
all the same, and the exit status is 1. In several rounds the benches take turns, and the medians count; one that has
many runs of its own takes part in the first alone.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

from bench.common import Figure, machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("bench/results.md")
QUICK_RESULTS = Path(".state/bench-quick.md")
QUICK_LIMIT_S = 120.0  # of a bench that takes a quarter of that where nothing else runs
QUICK_AT_ONCE = 3  # each in a network of its own
MACHINE_LINE = re.compile(r".*, \d+ cores, .*\n")


@dataclass(frozen=True, slots=True)
class Bench:
    """A module of this directory, and how long it may take."""

    name: str
    limit_s: float = 240.0
    arguments: tuple[str, ...] = ()
    in_rounds: bool = False  # one run of it is one run of what it measures


BENCHES = (
    Bench("calls", 1200),
    Bench("cps", in_rounds=True),
    Bench("concurrent", in_rounds=True),
    Bench("rtp", in_rounds=True),
    Bench("keys", in_rounds=True),
    Bench("memory", in_rounds=True),
    Bench("import", in_rounds=True),
    Bench("recorder", in_rounds=True),
    Bench("start"),
    Bench("pacing"),
    Bench("planning"),
    Bench("gate"),
    Bench("dnc"),
    Bench("own_list"),
    Bench("predictive", arguments=("--seeds", "1")),
    Bench("curves", 900),
)
APART = {"curves"}  # takes as long as a third of the others: on its own, or quick


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one bench: its figures, or why there is none."""

    name: str
    took_s: float
    printed: str
    figures: tuple[Figure, ...]
    failure: str = ""


def run(bench: Bench, *, quick: bool) -> Ran:
    """Run it, and read what it printed."""
    if importlib.util.find_spec(f"bench.{bench.name}") is None:
        return Ran(bench.name, 0.0, "", (), f"bench/{bench.name}.py is missing")
    limit_s = QUICK_LIMIT_S if quick else bench.limit_s
    command = [sys.executable, "-m", f"bench.{bench.name}", *(("--quick",) if quick else bench.arguments)]
    begun = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    late = ""
    try:
        printed, complaint = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        late = f"not done after {limit_s:g} s"
        printed, complaint = _end(process)
    took_s = time.monotonic() - begun
    found = figures(printed)
    said = [line.strip() for line in complaint.splitlines() if line.strip()]
    failure = late or ("" if found else (said or ["it ended without a word"])[-1].removeprefix("no figure: "))
    return Ran(bench.name, took_s, printed, found, failure)


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Stop it and whatever it has started; what it had printed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=10)
    return "", ""


def turns(wanted: Sequence[Bench], rounds: int) -> list[Bench]:
    """What runs after what: each once, and in further rounds those that have no runs of their own."""
    return [*wanted, *[bench for bench in wanted if bench.in_rounds] * (rounds - 1)]


def together(ran: Sequence[Ran]) -> Ran:
    """What one bench came to in several rounds: the medians of its figures, once every round has given them."""
    if len(ran) == 1:
        return ran[0]
    took_s = sum(each.took_s for each in ran)
    if failed := next((each for each in ran if each.failure), None):
        return Ran(failed.name, took_s, failed.printed, (), failed.failure)
    medians, lines = [], []
    for rounds in zip(*(each.figures for each in ran), strict=True):
        middle = replace(
            rounds[0],
            value=statistics.median(each.value for each in rounds),
            target=statistics.median(each.target for each in rounds),
            peer_value=statistics.median(each.peer_value for each in rounds),
            ratio=statistics.median(each.ratio for each in rounds),
        )
        values = " ".join(f"{each.value:g}" for each in rounds)
        lines.append(f"{middle.name}, by rounds: {values} {middle.unit}")
        medians.append(middle)
    printed = "\n".join([*lines, "", "The last round:", "", ran[-1].printed])
    return Ran(ran[0].name, took_s, printed, tuple(medians))


def figures(printed: str) -> tuple[Figure, ...]:
    """The lines that are figures, in their order."""
    wanted = {field.name for field in fields(Figure)}
    found = []
    for line in printed.splitlines():
        if line.startswith("{"):
            with contextlib.suppress(json.JSONDecodeError):
                row = json.loads(line)
                if row.keys() == wanted:
                    found.append(Figure(**row))
    return tuple(found)


def page(ran: list[Ran], about: str, *, quick: bool) -> str:
    """All of it in Markdown."""
    title = "Quick results: small sizes, for a look only" if quick else "Results"
    lines = [f"# {title}", "", about, "", "| bench | figure | value | target | | peer | peer's value | ratio |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for each in ran:
        lines += [row(each.name, figure) for figure in each.figures]
        if each.failure:
            lines.append(f"| {each.name} | no figure: {each.failure.replace('|', '/')} | | | **missed** | | | |")
    for each in ran:
        printed = "\n".join(
            line for line in MACHINE_LINE.sub("", each.printed).splitlines() if not line.startswith("{")
        )
        lines += ["", f"## {each.name}, {each.took_s:.0f} s", "", "```", printed.strip(), "```"]
    return "\n".join([*lines, ""])


def row(bench: str, figure: Figure) -> str:
    """One line of the table."""
    sign, verdict = (">=" if figure.at_least else "<="), ("met" if figure.met else "**missed**")
    return (
        f"| {bench} | {figure.name} | {figure.value:g} {figure.unit} | {sign} {figure.target:g} | {verdict}"
        f" | {figure.peer} | {figure.peer_value:g} | {figure.ratio:g} |"
    )


def versions() -> str:
    """What was measured, and when."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"{machine()}. Commit {said or 'unknown'}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."


def main() -> int:
    """Run them, print how it goes, write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.all", description="every bench, and a page of their figures")
    parser.add_argument("--quick", action="store_true", help="small sizes: three minutes instead of twenty")
    parser.add_argument("--only", nargs="+", metavar="BENCH", choices=[bench.name for bench in BENCHES])
    parser.add_argument("--rounds", type=int, default=1, help="of benches without runs of their own, in turns")
    parser.add_argument("--to", type=Path, help=f"the page; {RESULTS}, quick: {QUICK_RESULTS}")
    options = parser.parse_args()
    to: Path = options.to or ROOT / (QUICK_RESULTS if options.quick else RESULTS)
    about, begun, ran = versions(), time.monotonic(), []
    print(about)
    asked = set(options.only or {bench.name for bench in BENCHES} - (set() if options.quick else APART))
    wanted = [bench for bench in BENCHES if bench.name in asked]
    with ThreadPool(QUICK_AT_ONCE if options.quick else 1) as pool:
        for done in pool.imap(partial(run, quick=options.quick), turns(wanted, options.rounds)):
            ran.append(done)
            said = "; ".join(f"{figure.name} {figure.value:g} {figure.unit}" for figure in done.figures)
            failed = f"  no figure: {done.failure}" if done.failure else ""
            print(f"{done.name:<12}{done.took_s:4.0f} s  {said}{failed}", flush=True)
    to.parent.mkdir(parents=True, exist_ok=True)
    rounds = f" {options.rounds} rounds of those that have no runs of their own." if options.rounds > 1 else ""
    about += f"{rounds} {time.monotonic() - begun:.0f} s in all."
    results = [together([each for each in ran if each.name == bench.name]) for bench in wanted]
    to.write_text(page(results, about, quick=options.quick), encoding="utf-8")
    print(f"{to.relative_to(ROOT) if to.is_relative_to(ROOT) else to}: {time.monotonic() - begun:.0f} s in all")
    return 1 if any(each.failure for each in ran) else 0


if __name__ == "__main__":
    sys.exit(main())
