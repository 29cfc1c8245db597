"""Memory: of a live call, of a contact that waits in the store, and of the engine however many wait.

    python -m bench.memory [--levels 50 200 400 800] [--contacts 10000 1000000] [--quick]

Live calls: one ``dialer run`` is let up to each level in turn by ``dialer campaign pace``, and what engine and agent
hold (PSS: their own pages, and their share of common ones) is read from /proc once so many calls stand. A call's memory
is the slope of a straight line through that. Every call sends audio and gets none. The peer is SIPp as the caller.

Contacts: the bytes of all tables and indexes for each contact, after an import with a consent each and a campaign over
all. The engine: what it holds while it calls a few of so many who wait; the contacts come in as an import brings them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.callee import HOST, Sink, message, pcmu
from bench.common import POLL_S, BenchError, Figure, machine
from bench.load import DIALER, Load, dialer, environment, prepare
from bench.own_network import own_network
from bench.peers import await_listening, sipp_version, start_sipp

from dialer.contacts.contact import Consent, ConsentKind, Contact, Number, NumberKind
from dialer.results.records import CampaignState
from dialer.store.open import Store

TARGET_CALL_KB = 150.0
TARGET_CONTACT_BYTES = 1024.0
TARGET_GROWTH_MB = 5.0
CPS = 100
CALL_S = 100.0  # longer than it takes to reach every level
SIPP_RAMP_S = 8  # until all of SIPp's calls are up: it tells once a second how many are
SETTLE_S = 2.0  # at a level, until both processes have allocated what it takes
LEVEL_S = 60.0
PAGE_KB = 4.0
WAITING_CPS = 5
WAITING_S, QUICK_WAITING_S = 6.0, 2.0  # of calling, until the engine has done everything once


@dataclass(frozen=True, slots=True)
class Held:
    """Kilobytes of both processes at so many live calls."""

    calls: int
    engine_kb: int
    agent_kb: int


def pss_kb(pid: int) -> int:
    """What a process holds, common pages in shares. Raises BenchError when it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError as error:
        raise BenchError(f"process {pid} has ended") from error
    found = re.search(r"(?m)^Pss:\s+(\d+) kB", text)
    if found is None:
        raise BenchError(f"process {pid} has no memory")
    return int(found[1])


def agent_of(pid: int) -> int:
    """The SIP agent of an engine. Raises BenchError when there is none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for child in children:
        if b"dialer.sip.agent" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise BenchError("the engine has no agent")


@contextlib.contextmanager
def answering(home: Path) -> Iterator[int]:
    """SIPp answering every call at once and sending nothing; its port. The audio goes where nobody reads it."""
    sink = Sink()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    process = start_sipp(home, "callee", "-p", str(port), "-key", "sink_port", str(sink.port))
    try:
        await_listening(process, port)
        yield port
    finally:
        process.kill()
        process.wait()
        sink.close()


@contextlib.contextmanager
def running(home: Path) -> Iterator[int]:
    """``dialer run``; its process. Its calls are hung up at the end."""
    with (home / "run.out").open("wb") as out:
        process = subprocess.Popen([*DIALER, "run"], cwd=home, stdout=out, stderr=out, env=environment())
    try:
        yield process.pid
    finally:
        for patience_s in (0.5, 15):  # the first drains, the second hangs up; two at once would be one
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience_s)
        process.kill()
        process.wait()


def until(holds: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
    """Wait. Raises BenchError, saying ``otherwise``."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > deadline:
            raise BenchError(otherwise)
        time.sleep(POLL_S)  # of files and other processes, which tell nobody


def count(home: Path, query: str) -> int:
    """What a query on the store counts."""
    with closing(sqlite3.connect(f"{(home / 'dialer.db').as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return int(connection.execute(query).fetchone()[0])


def live_calls(home: Path, levels: list[int]) -> list[Held]:
    """Memory at each level of live calls."""
    home.mkdir()
    with answering(home) as port:
        spare = levels[-1] // 10  # contacts, in the place of those whose call goes wrong
        prepare(home, Load(calls=levels[-1] + spare, cps=CPS, call_s=CALL_S), port, CALL_S, detect=False)
        dialer(home, "campaign", "pace", "Bench", "--channels", str(levels[0]))
        found = []
        with running(home) as pid:
            for level in levels:
                if level != levels[0]:
                    dialer(home, "campaign", "pace", "Bench", "--channels", str(level))
                until(lambda: live(home) == level, LEVEL_S, f"there are {live(home)} calls, not {level}")  # noqa: B023
                time.sleep(SETTLE_S)  # no event tells that both have allocated what the level takes
                if live(home) != level:
                    raise BenchError(f"of {level} calls {live(home)} are left")
                found.append(Held(level, pss_kb(pid), pss_kb(agent_of(pid))))
                print(f"{level} live calls: {found[-1]}", file=sys.stderr)
    return found


def live(home: Path) -> int:
    """Attempts that are open."""
    return count(home, "SELECT count(*) FROM attempt WHERE state = 'open'")


def sipp_calls(home: Path, levels: list[int]) -> float:
    """Kilobytes a live call of SIPp as the caller, sending the same audio."""
    home.mkdir()
    (home / "message.ulaw").write_bytes(pcmu(message(CALL_S)))
    seen = home / "caller.csv"
    with answering(home) as port:
        process = start_sipp(
            home, "caller", f"{HOST}:{port}", "-m", str(levels[-1]), "-r", str(max(1, levels[-1] // SIPP_RAMP_S)),
            "-l", str(levels[-1]), "-mp", "16000", "-d", str(round(CALL_S * 1000)), "-trace_stat", "-fd", "1",
            "-stf", str(seen),
        )  # fmt: skip
        try:
            until(seen.exists, 10, "SIPp writes no account")
            points: dict[int, int] = {}

            def all_seen() -> bool:
                whole = seen.read_text(encoding="ascii").rpartition("\n")[0]  # SIPp may be at its next line
                rows = list(csv.DictReader(whole.splitlines(), delimiter=";"))
                calls = int(rows[-1]["CurrentCall"]) if rows else 0
                points[calls] = pss_kb(process.pid)
                return calls >= levels[-1]

            until(all_seen, LEVEL_S, f"SIPp has no {levels[-1]} calls: {sorted(points)}")
        finally:
            process.kill()
            process.wait()
    first = min(levels[0], levels[-1] // 2)
    return slope([(calls, kb) for calls, kb in points.items() if calls >= first])


def slope(points: list[tuple[int, int]]) -> float:
    """Of the straight line through them."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def people(number_of_people: int, zone: str) -> Iterator[Contact]:
    """Contacts of one country, each with a consent."""
    consent = Consent(ConsentKind.EXPRESS, datetime(2026, 1, 5, tzinfo=UTC), "intake form")
    for index in range(number_of_people):
        number = Number(f"+1212{2_000_000 + index:07}", "US", NumberKind.FIXED_OR_MOBILE)
        yield Contact(number=number, name=f"Person {index}", time_zone=zone, consent=consent)


async def fill(home: Path, contacts: int) -> None:
    """A running campaign over so many contacts, who may all be called now."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    zone = (home / "people.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[1]
    async with await Store.open(home / "dialer.db") as store:
        await store.lists.import_contacts("waiting", people(contacts, zone), now)
        text = (home / "campaign.toml").read_text(encoding="utf-8").replace('"Bench"', '"Waiting"')
        made = await store.campaigns.create("Waiting", text, str(home), ["waiting"], now)
        if made.contacts != contacts:
            raise BenchError(f"{made.contacts} contacts were queued, not {contacts}")
        await store.campaigns.set_state(made.row.id, CampaignState.RUNNING, now)


def waiting(home: Path, contacts: int, calls_for_s: float) -> tuple[float, dict[str, float]]:
    """The engine's megabytes with so many who wait, and the bytes a contact takes in each table and index."""
    home.mkdir()
    with answering(home) as port:
        prepare(home, Load(calls=20, cps=WAITING_CPS, call_s=2.0), port, 2.0, detect=False)
        dialer(home, "campaign", "stop", "Bench")
        before = sizes(home)
        begun = time.monotonic()
        asyncio.run(fill(home, contacts))
        took_s = time.monotonic() - begun
        each = {name: (size - before.get(name, 0)) / contacts for name, size in sizes(home).items()}
        dialer(home, "campaign", "pace", "Waiting", "--channels", "20")
        with running(home) as pid:
            ended = "SELECT count(*) FROM outcome WHERE outcome = 'heard'"
            until(lambda: count(home, ended) >= WAITING_CPS * calls_for_s / 2, LEVEL_S, "the engine places no calls")
            time.sleep(calls_for_s / 2)  # of calling on, so that what grows would be seen
            kb = pss_kb(pid)
    print(f"{contacts:,} contacts: made in {took_s:.0f} s, engine {kb / 1024:.1f} MB", file=sys.stderr)
    return kb / 1024, each


def sizes(home: Path) -> dict[str, int]:
    """The bytes of each table and index, whole pages."""
    with closing(sqlite3.connect(home / "dialer.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
    return dict(rows)


def main() -> int:
    """Measure, and print the tables and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description="memory of calls, contacts, the engine")
    parser.add_argument("--levels", type=int, nargs="+", default=[50, 200, 400, 800], help="live calls, up to 1800")
    parser.add_argument("--contacts", type=int, nargs="+", default=[10_000, 1_000_000], help="who wait")
    parser.add_argument("--quick", action="store_true", help="at most 80 calls and 20,000 contacts, in half a minute")
    options = parser.parse_args()
    if min(len(set(options.levels)), len(set(options.contacts))) < 2:
        parser.error("what one more takes shows between two numbers, of --levels and of --contacts")
    own_network()
    levels = [20, 80] if options.quick else sorted(options.levels)
    contacts = [2_000, 20_000] if options.quick else sorted(options.contacts)
    peer = f"SIPp {sipp_version()}"
    print(f"{machine()}, {peer}{'; small sizes: --quick' if options.quick else ''}\n")
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            held = live_calls(Path(folder) / "live", levels)
            peer_kb = max(
                sipp_calls(Path(folder) / "sipp", levels), PAGE_KB / levels[-1]
            )  # it cannot be seen to take less
            calls_for_s = QUICK_WAITING_S if options.quick else WAITING_S
            engines = {each: waiting(Path(folder) / f"waiting-{each}", each, calls_for_s) for each in contacts}
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1

    engine_kb = slope([(each.calls, each.engine_kb) for each in held])
    agent_kb = slope([(each.calls, each.agent_kb) for each in held])
    print(f"{'live calls':>12}{'engine MB':>11}{'agent MB':>10}")
    for row in held:
        print(f"{row.calls:>12}{row.engine_kb / 1024:>11.1f}{row.agent_kb / 1024:>10.1f}")
    print(f"KB a call: engine {engine_kb:.1f}, agent {agent_kb:.1f}; {peer} as the caller {peer_kb:.1f}\n")

    per_contact = engines[contacts[-1]][1]
    contact_bytes = sum(per_contact.values())
    print(f"{'in the store':<40}{'bytes a contact':>16}")
    for name, size in sorted(per_contact.items(), key=lambda item: -item[1]):
        if size >= 1:
            print(f"{name:<40}{size:>16.0f}")
    print(f"{'all of it; wanted: at most 1,024':<40}{contact_bytes:>16.0f}\n")

    print(f"{'contacts that wait':>20}{'engine MB':>11}")
    for size, (engine_mb, _) in engines.items():
        print(f"{size:>20,}{engine_mb:>11.1f}")
    growth_mb = engines[contacts[-1]][0] - engines[contacts[0]][0]
    print(f"grows by {growth_mb:.1f} MB; wanted: at most {TARGET_GROWTH_MB:g}, for it is to hold no contact\n")

    value = engine_kb + agent_kb
    Figure(
        "memory_per_live_call",
        round(value, 1),
        "KB",
        TARGET_CALL_KB,
        peer,
        round(peer_kb, 2),
        round(value / peer_kb, 2),
    ).print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
