"""Durable attempts a second: claim, permit and outcome of each, through the real store and the real recorder.

    python -m bench.recorder [--attempts 6000] [--runs 2] [--quick]

A batch is claimed, its permits become attempts, and its outcomes go to the recorder while the next batch is claimed, as
in a run; every step is on the disk before the next one begins. The figure is without the facts that the gate is told;
what they add stands beside it. The peer writes the same rows into the same tables, indexes and triggers, in groups of
the same size, with nothing but the sqlite3 module: it reads nothing, checks nothing, and is the floor.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

import msgspec
from bench.common import BenchError, Figure, machine

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy, Leg
from dialer.compliance.decision import Permit
from dialer.contacts.contact import Contact, Number, NumberKind
from dialer.engine.recorder import BATCH, Recorder
from dialer.results.records import CampaignState, Claim, Decided, Ended
from dialer.store.open import Store

TARGET = 5000.0
BATCHES = (5, 20, 200, 1000)  # 5 is what 50 calls a second come to
MAIN_BATCH = 200
NOW = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
RUN = "bench"
BASIS = bytes(range(183))  # as long as those of bench.calls


class Kind(StrEnum):
    """Who writes."""

    STORE = "store"
    FACTS = "store, facts read too"
    SQLITE3 = "sqlite3"


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took for its attempts."""

    attempts: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Attempts a second."""
        return self.attempts / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Microseconds of CPU an attempt."""
        return self.cpu_s * 1e6 / self.attempts


def permitted(claim: Claim, number: int) -> Decided:
    """As the gate and the engine make it of a claim."""
    attempt_id = f"{number:032x}"
    permit = Permit(
        attempt_id=attempt_id, campaign_id=claim.campaign_id, number=claim.e164, caller_id="+13055550100",
        rules_version="3f2133d49e53", issued_at=NOW, expires_at=NOW + timedelta(seconds=5), basis=BASIS, seal=bytes(32),
    )  # fmt: skip
    return Decided(claim=claim, attempt_id=attempt_id, decision=permit, decided_at=NOW, script_id="0123456789abcdef")


def ended(decided: Decided) -> Ended:
    """An answered call that heard the message, as an agent tells of it."""
    answered = NOW + timedelta(seconds=1)
    leg = Leg(trunk="callee", call_id=f"{decided.attempt_id}-1", sip_code=200, sip_reason="OK")
    record = CallRecord(
        attempt_id=decided.attempt_id, outcome=Outcome.HEARD, legs=(leg,), invite_at=NOW, answered_at=answered,
        ended_at=answered + timedelta(seconds=10), ended_by=EndedBy.DIALER, sip_code=200, sip_reason="OK", q850=16,
        message_ms=10_000, heard_ms=10_000, plays=1, peer="127.0.0.1:52226", codec="PCMU", rtp_sent=506,
    )  # fmt: skip
    return Ended(queue_id=decided.claim.queue_id, record=record, due_at=None, why_finished="reached")


def cpu_s() -> float:
    """Of this process, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def make(path: Path, contacts: int) -> None:
    """A store with a running campaign over so many contacts."""
    people = (
        Contact(number=Number(f"+1{2_120_000_000 + index}", "US", NumberKind.FIXED_OR_MOBILE), time_zone="Etc/UTC")
        for index in range(contacts)
    )
    async with await Store.open(path, create=True) as store:
        await store.lists.import_contacts("people", people, NOW)
        made = await store.campaigns.create("bench", "[campaign]\n", "/", ["people"], NOW)
        await store.campaigns.set_state(made.row.id, CampaignState.RUNNING, NOW)


async def through_the_store(path: Path, attempts: int, batch: int, *, facts: bool) -> Run:
    """The engine's steps, by its own parts."""
    stored: list[Ended] = []
    said: list[str] = []
    async with await Store.open(path) as store:
        await store.engine.start_run(RUN, os.getpid(), NOW)
        (campaign,) = await store.engine.campaigns(CampaignState.RUNNING)
        recorder = Recorder(store.engine, on_durable=stored.append, on_trouble=said.append, retry_s=1.0, gather_s=0.0)
        recording = asyncio.create_task(recorder.run())
        began, cpu = time.monotonic(), cpu_s()
        for first in range(0, attempts, batch):
            places = [place.place_id for place in await store.engine.places(campaign.id)]
            claims = await store.engine.claim(RUN, campaign.id, places, batch, NOW)
            if facts:
                await store.engine.facts(claims, NOW)
            decided = [permitted(claim, first + index) for index, claim in enumerate(claims)]
            await store.engine.record_decisions(decided)
            for each in decided:
                recorder.ended(ended(each), None)
        await recorder.flushed()
        run = Run(len(stored), time.monotonic() - began, cpu_s() - cpu)
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    if said:
        raise BenchError(f"the recorder complained: {said}")
    return run


def through_sqlite3(path: Path, attempts: int, batch: int) -> Run:
    """The same rows by the sqlite3 module."""
    at = int(NOW.timestamp() * 1_000_000)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(
            "INSERT INTO run (run_id, pid, host, started_at, heartbeat_at) VALUES (?, 1, 'here', ?, ?)", (RUN, at, at)
        )
        seq, last = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        rows = connection.execute(
            "SELECT id, campaign_id, contact_id, e164 FROM queue ORDER BY id LIMIT ?", (attempts,)
        ).fetchall()
        some = permitted(Claim(1, 1, 1, "+12120000000", 0), 1)
        permit, record = (msgspec.json.encode(each).decode() for each in (some.decision, ended(some).record))
        began, cpu = time.monotonic(), cpu_s()
        for first in range(0, attempts, batch):
            group = [(f"{first + index:032x}", *row) for index, row in enumerate(rows[first : first + batch])]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_CLAIM, [(RUN, at, each[1]) for each in group])
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("UPDATE queue SET state = 'dialing' WHERE id = ?", [(each[1],) for each in group])
            connection.executemany(_ATTEMPT, [(*each, permit, at, BASIS) for each in group])
            seq, last = _chained(connection, at, "decisions", group, seq, last)
            connection.execute("COMMIT")
            for start in range(0, len(group), BATCH):
                over = group[start : start + BATCH]
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_OUTCOME, [(each[0], each[2], at, at, record) for each in over])
                seq, last = _chained(connection, at, "outcomes", over, seq, last)
                ids = [(each[0],) for each in over]
                connection.executemany("UPDATE attempt SET state = 'ended' WHERE attempt_id = ?", ids)
                connection.executemany(_FINISHED, [(each[1],) for each in over])
                connection.execute(_LIVE, (over[0][2], at, len(over)))
                connection.execute("COMMIT")
        return Run(attempts, time.monotonic() - began, cpu_s() - cpu)


_CLAIM = "UPDATE queue SET state = 'claimed', claimed_by = ?, claimed_at = ? WHERE id = ?"
_ATTEMPT = """
    INSERT INTO attempt (attempt_id, queue_id, campaign_id, contact_id, e164, permit, placed_at, basis, caller_id,
                         rules_version, script_id, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, '+13055550100', '3f2133d49e53', '0123456789abcdef', 'open')
"""
_OUTCOME = """
    INSERT INTO outcome (attempt_id, campaign_id, outcome, ended_at, answered_at, sip_code, q850, answered_by, heard_ms,
                         key_value, record)
    VALUES (?, ?, 'heard', ?, ?, 200, 16, 'unknown', 10000, '', ?)
"""
_FINISHED = """
    UPDATE queue SET state = 'finished', why_finished = 'reached', attempts = attempts + 1, last_outcome = 'heard',
                     claimed_by = NULL, claimed_at = NULL WHERE id = ?
"""
_LIVE = """
    INSERT INTO live_answers VALUES (?, ?, ?, 0)
    ON CONFLICT (campaign_id, since) DO UPDATE SET answered = answered + excluded.answered
"""


def _chained(
    connection: sqlite3.Connection, at: int, kind: str, group: Sequence[tuple[object, ...]], seq: int, last: str
) -> tuple[int, str]:
    body = json.dumps([(each[0], f"{index:032x}") for index, each in enumerate(group)])
    values = (seq + 1, at, "bench", kind, "", body, last, f"{seq + 1:064x}")
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return values[0], values[-1]


def one(kind: Kind, path: Path, attempts: int, batch: int) -> Run:
    """One run, in this process."""
    if kind is Kind.SQLITE3:
        return through_sqlite3(path, attempts, batch)
    return asyncio.run(through_the_store(path, attempts, batch, facts=kind is Kind.FACTS))


def in_a_process(kind: Kind, template: Path, folder: Path, attempts: int, batch: int, *watch: str) -> Run:
    """One run on a copy of a store, in a process of its own. Raises BenchError."""
    path = folder / "dialer.db"
    for old in folder.glob("dialer.db*"):
        old.unlink()
    shutil.copyfile(template, path)
    command = [sys.executable, "-m", "bench.recorder", "--one", kind, str(path), str(attempts), str(batch)]
    done = subprocess.run([*watch, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"{' '.join(command)}: {done.stderr.strip()}")
    run = Run(**json.loads(done.stdout))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        whole = "SELECT count(*) FROM outcome JOIN attempt USING (attempt_id) JOIN queue ON queue.id = queue_id"
        (count,) = connection.execute(f"{whole} WHERE attempt.state = 'ended' AND queue.state = 'finished'").fetchone()
    if not run.attempts == count == attempts:
        raise BenchError(f"{kind}: {count} attempts are in the store, {run.attempts} were told of, not {attempts}")
    return run


def syncs(kind: Kind, template: Path, folder: Path, attempts: int, batch: int) -> str:
    """How many times the disk was waited for, for each attempt; strace counts them in a run that is not timed."""
    if shutil.which("strace") is None:
        return "?"
    log = folder / "syncs.txt"
    watch = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-o", str(log))
    in_a_process(kind, template, folder, attempts, batch, *watch)
    return f"{sum('sync(' in line for line in log.read_text().splitlines()) / attempts:.3f}"


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.recorder", description="durable attempts a second")
    parser.add_argument("--attempts", type=int, default=6000, help="of a run; small batches take a quarter")
    parser.add_argument("--runs", type=int, default=2, help="of each kind and size of batch; the median counts")
    parser.add_argument("--quick", action="store_true", help="1,000 attempts, two sizes, one run of each")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)  # a run in its own process
    asked = parser.parse_args()
    if asked.one:
        kind, path, attempts, batch = asked.one
        print(json.dumps(asdict(one(Kind(kind), Path(path), int(attempts), int(batch)))))
        return 0
    attempts, times = (1000, 1) if asked.quick else (asked.attempts, asked.runs)
    print(f"{attempts} attempts, median of {times}{', quick' if asked.quick else ''}")
    print(f"{machine()}, SQLite {sqlite3.sqlite_version}, SQLAlchemy {version('sqlalchemy')}\n")
    print(f"{'batch':>6}{'':2}{'by':<24}{'attempts/s':>11}{'CPU us':>8}{'fsyncs an attempt':>19}")
    found: dict[tuple[int, Kind], list[Run]] = {}
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            template, folder = Path(name) / "template.db", Path(name) / "run"
            folder.mkdir()
            asyncio.run(make(template, attempts))
            for batch in (BATCHES[0], MAIN_BATCH) if asked.quick else BATCHES:
                size = attempts if batch >= MAIN_BATCH else max(attempts // 4, batch)
                for _ in range(times):
                    for kind in Kind:
                        run = in_a_process(kind, template, folder, size, batch)
                        found.setdefault((batch, kind), []).append(run)
                for kind in Kind:
                    rate, cpu_us = (
                        statistics.median(each) for each in zip(
                            *((run.rate, run.cpu_us) for run in found[batch, kind]), strict=True
                        )
                    )  # fmt: skip
                    # to read facts writes nothing
                    waits = "" if kind is Kind.FACTS else syncs(kind, template, folder, min(size, 1000), batch)
                    print(f"{batch:>6}  {kind:<24}{rate:>11,.0f}{cpu_us:>8.0f}{waits:>19}")
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    value, peer = (
        statistics.median(run.rate for run in found[MAIN_BATCH, kind]) for kind in (Kind.STORE, Kind.SQLITE3)
    )
    print(f"\nbatches of {MAIN_BATCH}: {value:,.0f} attempts a second, {value / peer:.2f} of the floor\n")
    Figure(
        "durable_attempts", round(value), "attempts/s", TARGET, "sqlite3, the same rows", round(peer),
        round(value / peer, 2),
    ).print()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
