"""A do-not-call registry as large as the American one: loading, storing, asking, scrubbing.

The numbers are made up, spread over the real area codes; the file lies in a temporary directory and is removed. The
same questions go to an indexed SQLite table and to a Python set, of a slice: neither holds the whole in a useful time.

Run: python -m bench.dnc [--numbers 258500000] [--quick]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
from bench.common import BenchError, Figure, machine
from numpy.typing import NDArray

from dialer.compliance.dnc.bulk import contains_many
from dialer.compliance.dnc.loading import Order, load
from dialer.compliance.dnc.registries import Registries
from dialer.compliance.dnc.volume import NANP
from dialer.contacts.nanp import SUBDIVISIONS, SUBDIVISIONS_OF_AREA_CODE

T = TypeVar("T")
FULL = 258_500_000
QUICK = 5_000_000
SLICE = 3_000_000
CHECKS = 200_000
SCRUBBED = 20_000_000
FIRST_LINE, LINES = 2_000_000, 8_000_000  # an exchange begins with 2 to 9
LOAD_S, STORE_MB, RESIDENT_MB, CHECK_US, SCRUB_M = 60, 500, 150, 2.0, 20.0
NAME = "us_national"


def main() -> None:
    """Measure, print, and close with the main figure: the time of one check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--numbers", type=int, default=FULL, help="how many numbers the registry has")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} numbers")
    parser.add_argument("--child", choices=["load", "check"], help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_load_here(arguments.home) if arguments.child == "load" else _check_here(arguments.home)))
        return
    numbers = QUICK if arguments.quick else arguments.numbers
    print(f"{machine()}{' quick: of a full registry only loading costs more' if arguments.quick else ''}")
    with tempfile.TemporaryDirectory(prefix="dialer-bench-") as scratch:
        _measure(Path(scratch), numbers, min(SLICE, numbers // 10))


def _measure(home: Path, wanted: int, part: int) -> None:
    made = time.monotonic()
    sample = write_registry(home / "registry.txt", wanted, part)
    size = (home / "registry.txt").stat().st_size
    print(f"made {wanted:,} numbers, {size / 1e9:.2f} GB flat, in {time.monotonic() - made:.0f} s")
    loaded = child(home, "load")
    stored = sum(path.stat().st_size for path in (home / "dnc" / NAME).glob("*.dnc")) / 1e6
    if loaded["count"] != wanted:
        raise BenchError(f"{loaded['count']:,} of {wanted:,} numbers were loaded")
    checked = child(home, "check")
    peers = _peers(home, sample)
    _say("load, on the clock", loaded["wall_s"], "s", LOAD_S)
    _say("load, processor", loaded["cpu_s"], "s")
    _say("load, most memory", loaded["peak_mb"], "MB")
    _say("store", stored, "MB", STORE_MB)
    _say("checking process, its own memory", checked["own_mb"], "MB", RESIDENT_MB)
    _say("checking process, with mapped pages", checked["rss_mb"], "MB")
    _say("one check", checked["contains_us"], "us", CHECK_US)
    _say("one check with its evidence", checked["answers_us"], "us", CHECK_US)
    _say("scrub", checked["scrub_m"], "million/s a core", -SCRUB_M)
    print(f"\nof {part:,} numbers")
    for name, value, unit in peers:
        _say(name, value, unit)
    by_name = {name: value for name, value, _ in peers}
    sqlite_us = by_name["SQLite, one check"]
    Figure(
        name="do-not-call check",
        value=round(checked["contains_us"], 3),
        unit="us",
        target=CHECK_US,
        peer="indexed SQLite table of a slice",
        peer_value=round(sqlite_us, 3),
        ratio=round(checked["contains_us"] / sqlite_us, 4),
    ).print()


def write_registry(path: Path, wanted: int, part: int) -> NDArray[np.int64]:
    """A flat file in order; returns a slice of its numbers as E.164 digits."""
    areas = sorted(
        int(code) for code, parts in SUBDIVISIONS_OF_AREA_CODE.items() if SUBDIVISIONS[parts[0]].country == "US"
    )
    rng = np.random.default_rng(1)
    share = wanted / len(areas) / LINES * 1.002
    left = wanted
    sample: list[NDArray[np.int64]] = []
    with path.open("wb") as file:
        for area in areas:
            lines = np.flatnonzero(rng.random(LINES, np.float32) < share)[:left] + FIRST_LINE
            left -= len(lines)
            record = np.empty((len(lines), 12), np.uint8)
            record[:, :3] = np.frombuffer(b"%03d" % area, np.uint8)
            record[:, 3], record[:, 11] = ord(","), ord("\n")
            rest = lines.astype(np.int32)
            for place in range(10, 3, -1):
                rest, digit = np.divmod(rest, 10)
                record[:, place] = digit + ord("0")
            file.write(record.data)
            if sum(map(len, sample)) < part:
                sample.append(lines + area * 10_000_000 + NANP)
    if left:
        raise BenchError(f"{left:,} numbers short")
    return np.concatenate(sample)[:part]


def child(home: Path, what: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.dnc", "--child", what, "--home", str(home)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(done.stderr.strip().splitlines()[-1])
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def _load_here(home: Path) -> dict[str, float]:
    now = datetime.now(UTC)
    wall, cpu = time.monotonic(), time.process_time()
    done = load(home / "dnc", Order(NAME, home / "registry.txt", now.date(), "bench"), now)
    return {
        "count": done.count,
        "wall_s": time.monotonic() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": _status("VmHWM"),
    }


def _check_here(home: Path) -> dict[str, float]:
    registries = Registries(home / "dnc")
    volume = registries.volumes()[NAME]
    areas = np.array(sorted(volume.header.sections))
    rng = np.random.default_rng(2)

    def some(count: int) -> NDArray[np.uint64]:
        lines = rng.integers(FIRST_LINE, FIRST_LINE + LINES, count)
        return (areas[rng.integers(0, len(areas), count)] * 10_000_000 + NANP + lines).astype(np.uint64)

    digits = some(CHECKS).tolist()
    numbers = [f"+{each}" for each in digits]
    contains_us = _median_us(volume.contains, digits)
    answers_us = _median_us(registries.answers, numbers)
    own_mb, rss_mb = _status("RssAnon"), _status("VmRSS")
    found = 0
    rates = []
    for _ in range(3):
        many = some(SCRUBBED // 2)
        begun = time.process_time()
        found += int(contains_many(volume, many).sum())
        rates.append(len(many) / (time.process_time() - begun) / 1e6)
    if not found:
        raise BenchError("nothing was found")
    return {
        "contains_us": contains_us,
        "answers_us": answers_us,
        "own_mb": own_mb,
        "rss_mb": rss_mb,
        "scrub_m": statistics.median(rates),
    }


def _median_us(check: Callable[[T], object], questions: list[T]) -> float:
    times = []
    for question in questions:
        begun = time.perf_counter_ns()
        check(question)
        times.append(time.perf_counter_ns() - begun)
    return statistics.median(times) / 1000


def _peers(home: Path, sample: NDArray[np.int64]) -> list[tuple[str, float, str]]:
    digits = sample.tolist()
    rng = np.random.default_rng(3)
    asked = [digits[place] + place % 2 for place in rng.integers(0, len(digits), CHECKS).tolist()]
    with closing(sqlite3.connect(home / "peer.db")) as peer:
        peer.execute("CREATE TABLE dnc (number INTEGER PRIMARY KEY)")
        begun = time.monotonic()
        with peer:
            peer.executemany("INSERT INTO dnc VALUES (?)", ((each,) for each in digits))
        load_s = time.monotonic() - begun
        sqlite_us = _median_us(
            lambda each: peer.execute("SELECT 1 FROM dnc WHERE number = ?", (int(each),)).fetchone(), asked
        )
    size_mb = (home / "peer.db").stat().st_size / 1e6
    before = _status("RssAnon")
    known = set(digits)
    set_mb = _status("RssAnon") - before
    return [
        ("SQLite, load", load_s, "s"),
        ("SQLite, store", size_mb, "MB"),
        ("SQLite, one check", sqlite_us, "us"),
        ("set, memory", set_mb, "MB"),
        ("set, one check", _median_us(known.__contains__, asked), "us"),
    ]


def _status(field: str) -> float:
    """Megabytes, of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1000
    raise BenchError(f"/proc/self/status has no {field}")


def _say(what: str, value: float, unit: str, target: float | None = None) -> None:
    wanted = "" if target is None else f"   target {'>=' if target < 0 else '<='} {abs(target):g}"
    print(f"{what:>36} {value:10.3f} {unit}{wanted}")


if __name__ == "__main__":
    main()
