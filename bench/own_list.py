"""The operator's own do-not-call list: how long after an entry is made a running engine still dials the number.

``dialer run`` calls simulated callees that decline, twenty a second; meanwhile numbers that it has not reached are put
on the list in a process of their own, as ``dialer dnc add`` does it. Counted is the callee's own account of INVITEs.

Run: python -m bench.own_list [--quick]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.callee import HOST
from bench.common import BenchError, Figure, machine
from bench.load import AREA_CODES, CAMPAIGN, DIALER, SETTINGS, TRUNK, ZONES, dialer, environment, last_words
from bench.own_network import own_network

from dialer.audio.prepare import prompt_path

CPS, CHANNELS = 20, 60
CALLS, ENTRIES = 300, 40
QUICK_CALLS, QUICK_ENTRIES = 100, 10
TARGET_S = 1.0
DECLINES = '[[callees]]\nname = "all"\nshare = 1\ndoes = "refuse"\ncode = "603"\nring_s = [0.1, 0.2]\n'


def main() -> None:
    """Measure, print, and close with the main figure: the longest delay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_CALLS} calls, {QUICK_ENTRIES} entries")
    calls, entries = (QUICK_CALLS, QUICK_ENTRIES) if parser.parse_args().quick else (CALLS, ENTRIES)
    own_network()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="dialer-bench-") as scratch:
        late = _measure(Path(scratch), calls, entries)
    print(f"{entries} numbers put on the list, one after another, while {CPS} calls a second are placed")
    print(f"{late['dialed']} of them were dialed after that; the last {late['longest_s']:.3f} s after its entry")
    print(f"{late['add_s']:.3f} s, median, for the entry itself to be durable")
    Figure(
        name="own do-not-call list in force",
        value=round(late["longest_s"], 3),
        unit="s",
        target=TARGET_S,
        peer="a permit's longest life",
        peer_value=5.0,
        ratio=round(late["longest_s"] / 5.0, 3),
    ).print()


def _measure(home: Path, calls: int, count: int) -> dict[str, float]:
    (home / "population.toml").write_text(DECLINES, encoding="utf-8")
    account = home / "callees.jsonl"
    sim = subprocess.Popen(
        [*DIALER, "sim", "--population", "population.toml", "--port", "0", "--rtp-port", "40000", "--account", account],
        cwd=home, stdout=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    try:
        assert sim.stdout is not None  # noqa: S101  asked for above
        port = int(sim.stdout.readline().decode().strip().rpartition(":")[2])
        numbers = _prepare(home, port, calls)
        with (home / "run.out").open("wb") as out:
            run = subprocess.Popen(
                [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
            )
        entries = _entries(home, account, numbers, count)
        if run.wait(120) != 0:
            raise BenchError(f"dialer run ended with {run.returncode}: {last_words(home)}")
    finally:
        sim.terminate()
        sim.wait()
        if sim.stdout is not None:
            sim.stdout.close()
    dialed = {row["number"]: row["at"] for row in _account(account) if row["event"] == "invite"}
    if len(dialed) < calls // 2:
        raise BenchError(f"only {len(dialed)} calls were placed")
    delays = [
        datetime.fromisoformat(dialed[number]).timestamp() - at
        for number, (at, _) in entries.items()
        if number in dialed and datetime.fromisoformat(dialed[number]).timestamp() > at
    ]
    took = sorted(taken for _, taken in entries.values())
    return {"dialed": len(delays), "longest_s": max(delays, default=0.0), "add_s": took[len(took) // 2]}


def _entries(home: Path, account: Path, numbers: list[str], count: int) -> dict[str, tuple[float, float]]:
    """Put numbers just ahead of the dialing on the list; when each was durable (Unix time), and how long that took."""
    adder = subprocess.Popen(
        [sys.executable, "-c", ADDER, str(home / "dialer.db")],
        cwd=home, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    if adder.stdin is None or adder.stdout is None:
        raise BenchError("the adding process has no pipes")
    entries: dict[str, tuple[float, float]] = {}
    deadline = time.monotonic() + 60
    while len(entries) < count and time.monotonic() < deadline:
        reached = sum(row["event"] == "invite" for row in _account(account))
        place = reached + 6  # the engine has most likely not decided about it
        if not reached or place >= len(numbers) or numbers[place] in entries:
            time.sleep(0.05)  # the callees' account is a file: it is read again until the next call is in it
            continue
        adder.stdin.write(numbers[place] + "\n")
        adder.stdin.flush()
        at, taken = adder.stdout.readline().split()
        entries[numbers[place]] = float(at), float(taken)
        time.sleep(0.1)  # so that entries are spread over the run's calls
    adder.communicate()
    if len(entries) < count // 2:
        raise BenchError(f"only {len(entries)} entries were made in time")
    return entries


ADDER = """
import asyncio, sys, time
from datetime import UTC, datetime
from dialer.compliance.policy import DncEntry
from dialer.store.open import Store

async def main():
    async with await Store.open(sys.argv[1]) as store:
        while line := await asyncio.to_thread(sys.stdin.readline):
            begun = time.monotonic()
            await store.dnc.add([DncEntry(line.strip(), datetime.now(UTC), "asked", "bench")])
            print(time.time(), time.monotonic() - begun, flush=True)

asyncio.run(main())
"""


def _account(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


def _prepare(home: Path, port: int, calls: int) -> list[str]:
    dialer(home, "init", ".")
    values = {"port": port, "cps": CPS, "channels": CHANNELS, "ports": 4 * CHANNELS, "detect": "true", "host": HOST}
    for name, text in (("dialer.toml", SETTINGS), ("sip.conf", TRUNK), ("campaign.toml", CAMPAIGN)):
        (home / name).write_text(text.format(**values), encoding="utf-8")
    (home / "message.wav").write_bytes(prompt_path("demo_message").read_bytes())
    now = datetime.now(UTC)
    midday = min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))
    numbers = [f"+1{area}555{line:04}" for area in AREA_CODES for line in range(100, 200)][:calls]
    rows = [f"{number},{midday},express,2026-01-05,intake form" for number in numbers]
    header = "phone,time zone,consent,consent date,consent source"
    (home / "people.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    dialer(home, "contacts", "import", "people.csv", "--list", "people")
    dialer(home, "campaign", "create", "campaign.toml", "--list", "people", "--start")
    return numbers


if __name__ == "__main__":
    main()
