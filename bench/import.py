"""Importing contacts: rows a second of the whole of ``dialer contacts import``, from its start to its end.

    python -m bench.import [--rows 300000] [--runs 3] [--curve] [--quick]
    python -m bench.import --prove 1000000

The file is made from a seed: thirteen columns, numbers written in fourteen ways and eight other countries, consents,
ZIP codes or zones, one row in a hundred bad and one a duplicate. The peer reads the same file with the same CSV reader
and asks phonenumbers of each number whether it is valid: no other column is looked at, nothing is stored.
``--curve`` imports files of four sizes. ``--prove`` holds our reading of numbers against phonenumbers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.common import BenchError, Figure, cpu_until_end, machine
from bench.contact_files import write_file
from bench.load import DIALER, dialer, environment
from bench.number_forms import Proof, prove

TARGET_ROWS_S = 50_000
QUICK_ROWS = 100_000
PROOF_PART = 20_000  # numbers that one process holds against phonenumbers in one go
CURVE = (10_000, 50_000, 200_000, 1_000_000)
QUICK_CURVE = (5_000, 20_000, 50_000, 100_000)
TIMEOUT_S = 600.0

PEER = """
import csv, sys, phonenumbers

valid = 0
with open(sys.argv[1], encoding="utf-8", newline="") as file:
    rows = csv.reader(file)
    next(rows)
    for row in rows:
        try:
            valid += phonenumbers.is_valid_number(phonenumbers.parse(row[0], "US"))
        except phonenumbers.NumberParseException:
            pass
print(valid)
"""


@dataclass(frozen=True, slots=True)
class Took:
    """One run over one file."""

    rows: int
    wall_s: float
    cpu_s: float  # of all its processes

    @property
    def rows_s(self) -> float:
        """Rows a second, on the wall's clock."""
        return self.rows / self.wall_s


def timed(command: list[str], home: Path) -> tuple[str, float, float]:
    """What the command printed, and its wall and CPU seconds. Raises BenchError when it fails."""
    began = time.perf_counter()
    out = home / "out"
    with out.open("wb") as standard:
        process = subprocess.Popen(command, cwd=home, stdout=standard, stderr=standard, env=environment())
        cpu = cpu_until_end(process, TIMEOUT_S)
    wall = time.perf_counter() - began
    said = out.read_text(encoding="utf-8")
    if process.returncode != 0:
        raise BenchError(f"{command} ended with {process.returncode}: {said}")
    return said, wall, cpu.own_s + cpu.children_s


def ours(home: Path, file: Path, rows: int) -> Took:
    """Import into a new store. Raises BenchError when a row is missing from the account, or hardly any was good."""
    for each in home.glob("dialer.db*"):
        each.unlink()
    dialer(home, "init", ".")
    said, wall, cpu = timed([*DIALER, "contacts", "import", str(file), "--region", "US", "--json"], home)
    counts = json.loads(said)
    stored, rejected = counts["new"], sum(counts["rejected"].values())
    if stored + rejected != rows or stored < 0.95 * rows or not counts["consents"]:
        raise BenchError(f"{rows} rows became {counts}")
    return Took(rows, wall, cpu)


def peer(home: Path, file: Path, rows: int) -> Took:
    """The plain loop."""
    said, wall, cpu = timed([sys.executable, "-c", PEER, str(file)], home)
    if int(said) < 0.95 * rows:
        raise BenchError(f"phonenumbers found {said.strip()} of {rows} valid")
    return Took(rows, wall, cpu)


def median(runs: list[Took]) -> Took:
    """The run in the middle, by its wall time."""
    return sorted(runs, key=lambda run: run.wall_s)[len(runs) // 2]


def row(name: str, took: Took) -> None:
    """One line of the table."""
    print(f"{name:<34}{took.rows:>10,}{took.wall_s:>9.2f}{took.cpu_s:>9.2f}{took.rows_s:>12,.0f}"
          f"{1e6 * took.cpu_s / took.rows:>12.1f}")  # fmt: skip


def print_proof(count: int, seed: int) -> int:
    """Hold our reader against phonenumbers, in as many processes as there are cores; 0 when they never differ."""
    parts = [(min(PROOF_PART, count - begin), seed + begin) for begin in range(0, count, PROOF_PART)]
    whole = Proof()
    with multiprocessing.Pool() as pool:
        for proof in pool.starmap(prove, parts):
            whole.asked += proof.asked
            whole.valid += proof.valid
            whole.differences += proof.differences
            for mine, part in (
                (whole.forms, proof.forms), (whole.regions, proof.regions), (whole.stricter, proof.stricter),
                (whole.more, proof.more),
            ):  # fmt: skip
                mine.update(part)
    print(f"phonenumbers {version('phonenumbers')}, seeds from {seed} in steps of {PROOF_PART:,}")
    print(f"{whole.asked:,} texts of {len(whole.regions)} regions and country codes, in {len(whole.forms)} forms:")
    print(", ".join(f"{form} {number:,}" for form, number in sorted(whole.forms.items())))
    print(f"{whole.valid:,} are numbers. Refused though phonenumbers reads a valid one, by our reason: "
          f"{dict(whole.stricter)}. Taken though it does not: {dict(whole.more)}")  # fmt: skip
    print(*whole.differences[:20], sep="\n")
    print(f"differences: {len(whole.differences)}")
    return 1 if whole.differences else 0


def main() -> int:
    """Measure, and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.import", description="rows a second of contacts import")
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--curve", action="store_true", help="import files of four sizes")
    parser.add_argument("--quick", action="store_true", help="a smaller file, once")
    parser.add_argument("--prove", type=int, metavar="NUMBERS", help="hold so many numbers against phonenumbers")
    asked = parser.parse_args()
    if asked.prove:
        return print_proof(asked.prove, asked.seed)
    rows, runs = (QUICK_ROWS, 1) if asked.quick else (asked.rows, asked.runs)
    print(machine())
    print(f"seed {asked.seed}, {runs} runs each, alternating" + ("; quick: a smaller file" if asked.quick else ""))
    print(f"{'':<34}{'rows':>10}{'wall s':>9}{'CPU s':>9}{'rows/s':>12}{'CPU us/row':>12}")
    with tempfile.TemporaryDirectory(prefix="dialer-bench-") as scratch:
        home = Path(scratch)
        file = home / "people.csv"
        write_file(file, rows, asked.seed)
        mine, theirs = [], []
        for _ in range(runs):
            mine.append(ours(home, file, rows))
            row("dialer contacts import", mine[-1])
            theirs.append(peer(home, file, rows))
            row("phonenumbers, plain loop", theirs[-1])
        if asked.curve:
            for size in QUICK_CURVE if asked.quick else CURVE:
                write_file(file, size, asked.seed)
                row("curve", ours(home, file, size))
    found, other = median(mine), median(theirs)
    spread = statistics.pstdev(each.rows_s for each in mine)
    print(f"{found.rows_s:,.0f} rows/s (spread {spread:,.0f}), phonenumbers alone {other.rows_s:,.0f}")
    Figure(
        "import_rows_s", round(found.rows_s), "rows/s", TARGET_ROWS_S, "phonenumbers parse and is_valid_number loop",
        round(other.rows_s), round(found.rows_s / other.rows_s, 2),
    ).print()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
