"""The field on which the engine comes under fire: a campaign, its callees, and the processes that may be struck.

``dialer run`` calls simulated callees over real SIP and RTP; each is a process of its own, started as a user starts it.
Whatever chance decides comes from one seed.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from tests.chaos.texts import CAMPAIGN, POPULATION, SETTINGS, TRUNK
from tests.operators import Operator, zone_at_midday

NAME = "Chaos"
RATE = 8000
MESSAGE_S, KEY_WAIT_S = 2.4, 0.5
RTP_OF_ENGINE, RTP_OF_CALLEES = 26_000, 30_000
SESSION_TIMER_S = 90  # the shortest that RFC 4028 has: after it, a callee gives a dead caller's call up
START_S = 60.0
SOON_MINUTES = 5
MOST_RUNS = 30
PAUSED = 3  # the exit code of a run whose campaigns are paused


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be called, and how fast. ``hours`` is a campaign's [hours] section or nothing."""

    seed: int
    contacts: int = 1000
    cps: float = 40
    agents: int = 2
    max_attempts: int = 3
    gap_minutes: int = 1
    zone: str = field(default_factory=zone_at_midday)
    hours: str = ""
    host: str = "127.0.0.1"  # of the callees
    bind: str = "127.0.0.1"  # of the engine
    transport: str = "udp"
    trunk: str = ""  # another than the simulated callees: a whole sip.conf
    numbers: tuple[str, ...] = ()  # these and no others
    never_answers: float = 2  # callees out of a hundred: each rings for fifteen seconds
    landlines: float = 0.1  # without consent: the law allows one health-care call a day (47 CFR 64.1200(a)(3)(v))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a process lives: what its command begins with, and its environment's additions."""

    prefix: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


class Account:
    """The callee side's own log, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self.events: list[dict[str, Any]] = []

    def news(self) -> list[dict[str, Any]]:
        """What was written since the last time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._at)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._at += len(whole) + len(newline)
        new = [json.loads(line) for line in whole.splitlines()]
        self.events += new
        return new

    def up(self) -> set[str]:
        """The calls that have come and are not over."""
        self.news()
        over = {event["call_id"] for event in self.events if event["event"] == "over"}
        return {event["call_id"] for event in self.events if event["event"] == "invite"} - over


@dataclass(slots=True)
class Run:
    """A ``dialer run``."""

    process: subprocess.Popen[bytes]
    said: Path
    options: tuple[str, ...] = ()

    def agents(self) -> list[int]:
        """The process ids of its SIP agents, in the order of their start."""
        return [pid for pid in children(self.process.pid) if "dialer.sip.agent" in command_of(pid)]

    def kill(self) -> None:
        """As ``kill -9``."""
        self.process.kill()
        self.process.wait()

    def wait(self, timeout: float) -> int:
        """Its exit code. Raises subprocess.TimeoutExpired."""
        return self.process.wait(timeout)


class Field:
    """One directory with a campaign in it; ``chance`` decides everything that is left to chance."""

    def __init__(self, home: Path, plan: Plan) -> None:
        self.home = home
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.account = Account(home / "callees.jsonl")
        self.operator = Operator(home)
        self.of_engine = Surroundings()
        self.of_callees = Surroundings()
        self.deaths: list[datetime] = []  # of the callee side itself: what was up then has no end in its account
        self.port = 0
        self.pauses = 0  # that the operator had to resume
        self._callees: subprocess.Popen[bytes] | None = None
        self._runs: list[Run] = []

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process that is left."""
        for run in self._runs:
            for pid in [*run.agents(), run.process.pid] if run.process.poll() is None else []:
                os.kill(pid, signal.SIGCONT)
            if run.process.poll() is None:
                run.process.terminate()
                try:
                    run.process.wait(5)
                except subprocess.TimeoutExpired:
                    run.kill()
        self.stop_callees()

    # --- the callees ------------------------------------------------------------------------------------------

    def start_callees(self, population: str = POPULATION) -> None:
        """At the same port as before, if there was one."""
        (self.home / "population.toml").write_text(
            population.format(seed=self.plan.seed, never=self.plan.never_answers), encoding="utf-8"
        )
        command = [
            *self.of_callees.prefix, sys.executable, "-m", "dialer", "sim", "--population", "population.toml",
            "--bind", self.plan.host, "--port", str(self.port), "--rtp-port", str(RTP_OF_CALLEES),
            "--max-calls", "400", "--account", "callees.jsonl",
        ]  # fmt: skip
        with (self.home / "callees.err").open("ab") as errors:
            self._callees = subprocess.Popen(
                command, cwd=self.home, env=os.environ | dict(self.of_callees.environment),
                stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        assert self._callees.stdout is not None
        line = self._callees.stdout.readline().decode().strip()
        found = re.search(r":(\d+)$", line)
        assert found, f"the callees said {line!r}: {(self.home / 'callees.err').read_text()}"
        self.port = int(found.group(1))

    @property
    def callees(self) -> subprocess.Popen[bytes]:
        """The callees' process."""
        assert self._callees is not None
        return self._callees

    def kill_callees(self) -> None:
        """As when a trunk loses power."""
        self.deaths.append(datetime.now(UTC))
        self.callees.kill()
        self.callees.wait()
        assert self.callees.stdout is not None
        self.callees.stdout.close()
        self._callees = None

    def stop_callees(self) -> None:
        """In good order."""
        if self._callees is not None and self._callees.poll() is None:
            self._callees.send_signal(signal.SIGCONT)
            self._callees.terminate()
            try:
                self._callees.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                self._callees.kill()
                self._callees.communicate()
        self._callees = None

    # --- the operator -----------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Configuration, list and campaign; the callees must have been started."""
        plan = self.plan
        self.dialer("init", ".")
        _sound(self.home / "message.wav", MESSAGE_S)
        _sound(self.home / "short.wav", 0.4)
        self.operator.write(
            "dialer.toml",
            SETTINGS.format(bind=plan.bind, rtp=RTP_OF_ENGINE, timer=SESSION_TIMER_S, agents=plan.agents),
        )
        callees = TRUNK.format(host=plan.host, port=self.port, cps=plan.cps * 2, transport=plan.transport)
        self.operator.write("sip.conf", plan.trunk or callees)
        self.operator.write("people.csv", self._people())
        self.operator.write(
            "campaign.toml",
            CAMPAIGN.format(
                cps=plan.cps,
                attempts=plan.max_attempts,
                gap=plan.gap_minutes,
                hours=plan.hours,
                key_wait=KEY_WAIT_S,
            ),
        )
        self.dialer("contacts", "import", "people.csv", "--list", "people")
        self.dialer("campaign", "create", "campaign.toml", "--list", "people", "--start")

    def _people(self) -> str:
        rows = ["phone,time zone,line type,consent,consent date,consent source"]
        anybody = [f"+1212{200 + place // 10_000:03}{place % 10_000:04}" for place in range(self.plan.contacts)]
        for number in self.plan.numbers or anybody:
            if self.chance.random() < self.plan.landlines:
                rows.append(f"{number},{self.plan.zone},landline,,,")
            else:
                rows.append(f"{number},{self.plan.zone},mobile,express,2026-01-05,form")
        return "\n".join(rows) + "\n"

    def dialer(self, *arguments: str, code: int = 0) -> str:
        """What a command of the operator's said; it lives where the engine lives."""
        ended = subprocess.run(
            [*self.of_engine.prefix, sys.executable, "-m", "dialer", *arguments],
            cwd=self.home, env=os.environ | dict(self.of_engine.environment), capture_output=True, check=False,
            timeout=START_S,
        )  # fmt: skip
        said = (ended.stdout + ended.stderr).decode()
        assert ended.returncode == code, f"{arguments} ended with {ended.returncode}: {said}"
        return said

    def start_run(self, *options: str) -> Run:
        """The engine; what it says goes to run-N.out."""
        path = self.home / f"run-{len(self._runs)}.out"
        with path.open("wb") as out:
            process = subprocess.Popen(
                [*self.of_engine.prefix, sys.executable, "-m", "dialer", "run", *options],
                cwd=self.home, env=os.environ | dict(self.of_engine.environment), stdout=out, stderr=out,
            )  # fmt: skip
        run = Run(process, path, options)
        self._runs.append(run)
        return run

    def finish(self, run: Run, *, whole: bool) -> None:
        """Let the campaign come to an end: to what is not due yet, or ``whole``, to what is due within minutes.

        What is paused on the way, the operator resumes.
        """
        if "--until-idle" not in run.options:
            self.stop(run)
            self.resume()
            run = self.start_run("--until-idle")
        for _ in range(MOST_RUNS):
            code = run.wait(300)
            assert code in {0, PAUSED}, run.said.read_text()[-2000:]
            due = self.next_due()
            if code == PAUSED:
                self.resume()
            elif not whole or due is None or due > time.time() + 60 * SOON_MINUTES:
                return
            else:
                time.sleep(max(0.0, due - time.time()))
            run = self.start_run("--until-idle")
        raise AssertionError("the campaign comes to no end")

    def stop(self, run: Run) -> None:
        """No new calls; wait for those that are up."""
        run.process.terminate()  # a run that has not come to its handlers yet dies of it, and loses nothing
        run.wait(60)

    def resume(self) -> None:
        """Start the campaign again if it is paused."""
        with closing(sqlite3.connect(f"{(self.home / 'dialer.db').absolute().as_uri()}?mode=ro", uri=True)) as store:
            (state,) = store.execute("SELECT state FROM campaign").fetchone()
        if state == "paused":
            self.pauses += 1
            self.dialer("campaign", "resume", NAME)

    def next_due(self) -> float | None:
        """When the next waiting contact is due, in seconds since 1970."""
        with closing(sqlite3.connect(f"{(self.home / 'dialer.db').absolute().as_uri()}?mode=ro", uri=True)) as store:
            (due,) = store.execute("SELECT min(due_at) FROM queue WHERE state = 'waiting'").fetchone()
        return None if due is None else due / 1e6

    # --- waiting ----------------------------------------------------------------------------------------------

    def invites(self) -> int:
        """How many INVITEs the callees have seen."""
        self.account.news()
        return sum(event["event"] == "invite" for event in self.account.events)

    def in_hand(self, states: Sequence[str]) -> bool:
        """Whether a contact is in one of these states in the store."""
        marks = ", ".join("?" * len(states))
        with closing(sqlite3.connect(f"{(self.home / 'dialer.db').absolute().as_uri()}?mode=ro", uri=True)) as store:
            query = f"SELECT 1 FROM queue WHERE state IN ({marks}) LIMIT 1"  # noqa: S608  marks only
            return store.execute(query, tuple(states)).fetchone() is not None

    def until_invites(self, more: int, timeout: float) -> bool:
        """Wait for so many more INVITEs; False when they did not come."""
        wanted = self.invites() + more
        return until(lambda: self.invites() >= wanted, timeout)

    def until_all_over(self, timeout: float = SESSION_TIMER_S + 15) -> bool:
        """Wait until no answered call is up at the callees; one of a killed agent ends with its session timer.

        One that rings unanswered has no timer but the network's own (RFC 3261 section 16.6: timer C, three minutes).
        """
        dead = self.deaths[-1].isoformat() if self.deaths else ""

        def over() -> bool:
            up = self.account.up()
            return not any(
                event["call_id"] in up and event["event"] == "answer" and event["at"] > dead
                for event in self.account.events
            )

        return until(over, timeout)


def until(condition: Callable[[], bool], timeout: float, every_s: float = 0.02) -> bool:
    """Wait for it, at most ``timeout`` seconds; whether it came."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def children(pid: int) -> list[int]:
    """The processes that this one started, oldest first."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(each) for each in path.read_text().split()]
        except OSError:  # ended meanwhile
            continue
    return sorted(found)


def command_of(pid: int) -> str:
    """The command line of a process, or nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def signal_all(pids: Sequence[int], number: signal.Signals) -> None:
    """To each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _sound(path: Path, seconds: float) -> None:
    """A tone that every codec carries."""
    at = np.arange(int(seconds * RATE)) / RATE
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((9000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes())
