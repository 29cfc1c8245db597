"""Steps the engine's clock while it calls: forward, back, over the ends of the calling hours, across a change of time.

python -m tests.chaos.clock hours --seed 7

libfaketime shows the engine and its agents another time of day; the monotonic clock goes on as it is, and the callees
keep the machine's own time. What the engine's clock showed at each INVITE follows from the steps.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.chaos.field import Field, Plan, Surroundings, until
from tests.chaos.oracle import Limits, Report, Strike, judge, read
from tests.chaos.program import program

LIBRARY = "libfaketimeMT.so.1"
NEW_YORK = "America/New_York"
ON_THE_WAY = timedelta(seconds=0.3)  # an INVITE that is seen so soon after a step may have left before it
HOURS = "[hours]\nopens = {}\ncloses = {}\n"


@dataclass(frozen=True, slots=True)
class Step:
    """Set the clock to ``to`` (None: let it be), and look on for a while. ``calls``: whether any may be dialed."""

    to: datetime | None
    for_s: float
    calls: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """The campaign's hours on a callee's clock in New York, and what happens to the engine's clock."""

    opens: str
    closes: str
    steps: tuple[Step, ...]


def new_york(text: str) -> datetime:
    """A local time there, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(UTC)


def _at(text: str, for_s: float, *, calls: bool) -> Step:
    return Step(new_york(text), for_s, calls)


SCENARIOS: Mapping[str, Scenario] = {
    # An hour forward and two back, all within the calling hours: the campaign was loaded at ten.
    "steps": Scenario(
        "09:00:00",
        "20:00:00",
        (
            _at("2026-11-24T12:00:00", 4, calls=True),
            _at("2026-11-24T13:00:04", 4, calls=True),
            _at("2026-11-24T12:00:08", 4, calls=True),
            _at("2026-11-24T11:00:12", 4, calls=True),
        ),
    ),
    # Over both ends of the hours, in both directions.
    "hours": Scenario(
        "10:30:00",
        "11:30:00",
        (
            _at("2026-11-24T10:10:00", 4, calls=False),
            _at("2026-11-24T11:10:04", 4, calls=True),
            _at("2026-11-24T10:10:08", 4, calls=False),
            _at("2026-11-24T11:10:12", 4, calls=True),
            _at("2026-11-24T12:10:16", 4, calls=False),
        ),
    ),
    # The clocks go back at two: nine o'clock is then an hour later in UTC than it was the day before.
    "autumn": Scenario(
        "09:00:00",
        "20:00:00",
        (
            _at("2026-11-01T01:59:55", 10, calls=False),
            _at("2026-11-01T08:00:05", 4, calls=False),
            _at("2026-11-01T08:59:55", 3.5, calls=False),  # steps are whole seconds: it may be half a one later
            Step(None, 5, calls=True),
        ),
    ),
    # They go forward: eight in the evening is an hour earlier in UTC.
    "spring": Scenario(
        "09:00:00",
        "20:00:00",
        (
            _at("2027-03-14T01:59:55", 10, calls=False),
            _at("2027-03-14T19:30:00", 4, calls=True),
            _at("2027-03-14T20:30:00", 5, calls=False),
        ),
    ),
}


@dataclass(slots=True)
class Clock:
    """The engine's time of day: how far it is from the machine's, in whole seconds, since when."""

    path: Path
    offsets: list[tuple[datetime, timedelta]] = field(default_factory=list)

    def set(self, to: datetime) -> datetime:
        """Step it; returns the machine's time of the step."""
        seconds = round((to - datetime.now(UTC)).total_seconds())
        fresh = self.path.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}", encoding="ascii")
        fresh.replace(self.path)
        now = datetime.now(UTC)
        self.offsets.append((now, timedelta(seconds=seconds)))
        return now

    def shown(self, at: datetime) -> list[datetime]:
        """What it showed at an instant of the machine's clock; right after a step, either is possible."""
        found = self.offsets[0][1]
        candidates = []
        for since, offset in self.offsets:
            if since <= at:
                candidates = [at + found] if at - since < ON_THE_WAY else []
                found = offset
        return [*candidates, at + found]

    def latest(self, at: datetime) -> datetime:
        """The larger of what it may have shown."""
        return max(self.shown(at))

    def environment(self) -> dict[str, str]:
        """For a process that is to live by it."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Without this its timed waits end at once, and Python's threads spin for the interpreter's lock.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


def library() -> Path | None:
    """libfaketime, of the Debian package of that name; None: it is not installed."""
    return next(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"), None)


def campaign(home: Path, plan: Plan, name: str) -> Report:
    """Play a scenario. Everything is loaded two hours before its first step."""
    scenario = SCENARIOS[name]
    plan = replace(plan, zone=NEW_YORK, hours=HOURS.format(scenario.opens, scenario.closes))
    clock = Clock(home / "clock")
    first = scenario.steps[0].to
    assert first is not None
    clock.set(first - timedelta(hours=2))
    found: list[str] = []
    struck: list[Strike] = []
    with Field(home, plan) as at_field:
        at_field.of_engine = Surroundings(environment=clock.environment())
        at_field.start_callees()
        at_field.prepare()
        clock.set(first)
        run = at_field.start_run()
        until(lambda: "is up" in run.said.read_text(), 30)
        for step in scenario.steps:
            if step.to is not None and step is not scenario.steps[0]:
                struck.append(Strike(f"set to {step.to:%H:%M:%S} UTC", clock.set(step.to)))
                time.sleep(ON_THE_WAY.total_seconds())
            before = at_field.invites()
            time.sleep(step.for_s)
            calls = at_field.invites() - before
            if bool(calls) is not step.calls:
                found.append(f"{step}: {calls} calls")
            if run.process.poll() is not None:
                found.append(f"the run ended: {run.said.read_text()[-1000:]}")
                break
        at_field.stop(run)
        at_field.until_all_over(30.0)
        accounts = read(home, engine_time=clock.latest)
    limits = Limits(plan.max_attempts, timedelta(minutes=plan.gap_minutes))
    report = judge(f"clock: {name}", plan.seed, accounts, limits, struck)
    zone = ZoneInfo(NEW_YORK)
    for call_id, call in accounts.calls.items():
        for at in call.invites:
            local = [each.astimezone(zone).time().isoformat() for each in clock.shown(at)]
            if not any(scenario.opens <= each < scenario.closes for each in local):
                found.append(f"{call_id} was dialed at {local} local time")
    if "Traceback" in "".join(path.read_text() for path in home.glob("run-*.out")):
        found.append("a run ended with a traceback")
    report.problems += found
    return report


if __name__ == "__main__":
    program(
        __doc__,
        lambda home, arguments: campaign(
            home, Plan(arguments.seed, arguments.contacts, cps=arguments.cps or 10), arguments.scenario
        ),
        strikes=0,
        contacts=300,
        scenarios=list(SCENARIOS),
    )
