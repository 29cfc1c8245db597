"""Many calls through one agent: what engine and agent hold on to must not grow with what they have done.

python -m tests.chaos.soak --calls 20000 --cps 40

Every second memory, open files and threads of both processes are read from /proc. The slopes are those of straight
lines through them after the first thousand calls, and over the second half, for a thousand calls. SQLite fills its page
caches meanwhile (two megabytes for each of five connections), and the allocator settles: the second half counts. A step
of more than a megabyte within a second is told by itself: the pool has opened one more connection, with its thread.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
from tests.chaos.field import Field, Plan, Run

WARM = 1000  # calls before anything is held against the processes
EVERY_S = 1.0
MEMORY_SLOPE = 300.0  # KB a thousand calls: noise of the allocator, less than a third of a KB a call
COUNT_SLOPE = 0.2  # open files, and threads, a thousand calls
STEP_KB, MOST_STEPS = 1000, 4

POPULATION = """\
seed = {seed}
[[callees]]
name = "presses 1"
share = 30
does = "press_key"
ring_s = [0.05, 0.1]
after_s = [0.3, 0.5]
[[callees]]
name = "hangs up"
share = 30
does = "hang_up"
ring_s = [0.05, 0.1]
after_s = [0.2, 0.4]
[[callees]]
name = "opts out"
share = 5
does = "press_key"
key = "9"
ring_s = [0.05, 0.1]
after_s = [0.2, 0.4]
[[callees]]
name = "busy"
share = 35
does = "refuse"
code = "486"
ring_s = [0.05, 0.1]
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process held after so many calls."""

    calls: int
    memory_kb: int
    files: int
    threads: int


@dataclass(frozen=True, slots=True)
class Slopes:
    """How much more a process holds after a thousand more calls."""

    memory_kb: float
    files: float
    threads: float
    first_kb: int
    last_kb: int
    late_kb: float  # memory_kb over the second half of the calls alone, without its steps
    steps: int  # in the second half

    @property
    def flat(self) -> bool:
        """Whether that is noise."""
        return (
            self.late_kb <= MEMORY_SLOPE
            and self.steps <= MOST_STEPS
            and abs(self.files) <= COUNT_SLOPE
            and abs(self.threads) <= COUNT_SLOPE
        )


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it."""

    calls: int
    seconds: float
    engine: Slopes
    agent: Slopes
    samples: tuple[list[Sample], list[Sample]]  # of the engine, of the agent
    lag_p99_ms: float
    restarts: int
    deaf: int  # answered calls of which not one packet came
    said: str  # of agents that ended, and their own last words

    @property
    def problems(self) -> list[str]:
        """What must not be."""
        grown = [f"the {name} grows: {each}" for name, each in (("engine", self.engine), ("agent", self.agent))
                 if not each.flat]  # fmt: skip
        if self.restarts:
            grown.append(f"{self.restarts} agents were started anew: {self.said}")
        if self.deaf:
            grown.append(f"{self.deaf} answered calls heard nothing: a key pressed in one is lost")
        return grown

    def table(self) -> str:
        """Lines for people."""
        lines = [
            f"{self.calls} calls in {self.seconds:.0f} s; event loop lag p99 below {self.lag_p99_ms:g} ms",
            (
                f"{'':8}{'KB a 1,000 calls':>18}{'second half':>13}{'steps':>7}{'files':>8}{'threads':>9}"
                f"{'MB at first':>13}{'at last':>9}"
            ),
        ]
        for name, each in (("engine", self.engine), ("agent", self.agent)):
            lines.append(
                f"{name:8}{each.memory_kb:>18.1f}{each.late_kb:>13.1f}{each.steps:>7}{each.files:>8.3f}{each.threads:>9.3f}"
                f"{each.first_kb / 1024:>13.1f}{each.last_kb / 1024:>9.1f}"
            )
        return "\n".join(lines)


def sample(pid: int, calls: int) -> Sample:
    """As /proc has it now. Raises OSError when the process has ended."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = {key: int(value) for key, value in re.findall(r"(?m)^(VmRSS|Threads):\s+(\d+)", status)}
    return Sample(calls, found["VmRSS"], len(list(Path(f"/proc/{pid}/fd").iterdir())), found["Threads"])


def slopes(samples: list[Sample]) -> Slopes:
    """Straight lines through what was held after the first ``WARM`` calls, but for the last calls' end."""
    most = max(each.calls for each in samples)
    kept = [each for each in samples if WARM <= each.calls < most] or samples

    steps = [later.memory_kb - first.memory_kb for first, later in pairwise(kept)]
    steps = [step if step > STEP_KB else 0 for step in steps]
    late = [
        replace(each, memory_kb=each.memory_kb - sum(steps[:place]))
        for place, each in enumerate(kept)
        if each.calls >= most / 2
    ]

    def slope(of: Callable[[Sample], int], among: list[Sample]) -> float:
        calls = [each.calls / 1000 for each in among]
        return float(np.polyfit(calls, [of(each) for each in among], 1)[0]) if len(among) > 1 else 0.0

    return Slopes(
        memory_kb=slope(lambda each: each.memory_kb, kept),
        files=slope(lambda each: each.files, kept),
        threads=slope(lambda each: each.threads, kept),
        first_kb=kept[0].memory_kb,
        last_kb=kept[-1].memory_kb,
        late_kb=slope(lambda each: each.memory_kb, late),
        steps=sum(step > 0 for step, each in zip(steps, kept, strict=False) if each.calls >= most / 2),
    )


def soak(home: Path, calls: int, cps: float, seed: int) -> Soaked:
    """Call so many, once each."""
    with Field(home, Plan(seed, contacts=calls, cps=cps, agents=1, max_attempts=1, landlines=0.0)) as field:
        field.start_callees(POPULATION)
        field.prepare()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        with (home / "dialer.toml").open("a", encoding="utf-8") as settings:
            settings.write(f"[metrics]\nport = {port}\n")
        began = time.monotonic()
        run = field.start_run("--until-idle")
        engine, agent, page = _watch(field, run, port)
        seconds = time.monotonic() - began
        run.wait(120)
    return Soaked(
        calls=_ended(home / "dialer.db"),  # the last sample may be of a moment before the last call's end
        seconds=seconds,
        engine=slopes(engine),
        agent=slopes(agent),
        samples=(engine, agent),
        lag_p99_ms=_p99_ms(page),
        restarts=int(float(_value(page, "dialer_agent_restarts_total"))),
        deaf=_deaf(home / "dialer.log"),
        said=_said(home),
    )


def _watch(field: Field, run: Run, port: int) -> tuple[list[Sample], list[Sample], str]:
    engine: list[Sample] = []
    agent: list[Sample] = []
    page = ""
    while run.process.poll() is None:
        time.sleep(EVERY_S)
        done = _ended(field.home / "dialer.db")
        try:
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
            (agent_pid,) = run.agents()
            engine.append(sample(run.process.pid, done))
            agent.append(sample(agent_pid, done))
        except (OSError, ValueError):
            continue  # it starts, or has ended
    return engine, agent, page


def _deaf(log: Path) -> int:
    """Answered calls of half a second and more that no packet of the callee's came in."""
    found = 0
    with log.open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["event"] == "attempt" and line["answered_at"] and not line["rtp_received"]:
                answered, ended = (datetime.fromisoformat(line[key]) for key in ("answered_at", "ended_at"))
                found += ended - answered >= timedelta(seconds=0.5)
    return found


def _said(home: Path) -> str:
    troubles = [line for line in (home / "dialer.log").read_text("utf-8").splitlines() if "SIP agent" in line]
    return "\n".join([*troubles, (home / "agent-0.log").read_text("utf-8", errors="replace")[-3000:]])


def _ended(store: Path) -> int:
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        found: int = connection.execute("SELECT max(rowid) FROM outcome").fetchone()[0] or 0
    return found


def _value(page: str, name: str) -> str:
    found = re.search(rf"(?m)^{name}(?:{{[^}}]*}})? (\S+)$", page)
    return found[1] if found else "0"


def _p99_ms(page: str) -> float:
    """The bound of the histogram's bucket that 99 in 100 lie in."""
    buckets = [
        (float(bound), float(count))
        for bound, count in re.findall(r'dialer_event_loop_lag_seconds_bucket{le="([^"]+)"} (\S+)', page)
    ]
    whole = buckets[-1][1] if buckets else 0.0
    return next((1000 * bound for bound, count in buckets if count >= 0.99 * whole), float("nan"))


def main() -> int:
    """Soak, and print the slopes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--cps", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--samples", type=Path, help="write what was sampled to this file, as CSV")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as home:
        try:
            soaked = soak(Path(home), asked.calls, asked.cps, asked.seed)
        except subprocess.TimeoutExpired as error:
            sys.stderr.write(f"{error}\n")
            return 1
    if asked.samples:
        rows = [
            f"{engine.calls},{engine.memory_kb},{agent.memory_kb}"
            for engine, agent in zip(*soaked.samples, strict=True)
        ]
        asked.samples.write_text("\n".join(["calls,engine_kb,agent_kb", *rows, ""]), encoding="ascii")
    sys.stdout.write(f"seed {asked.seed}\n{soaked.table()}\n")
    for problem in soaked.problems:
        sys.stdout.write(f"PROBLEM {problem}\n")
    return 1 if soaked.problems else 0


if __name__ == "__main__":
    sys.exit(main())
