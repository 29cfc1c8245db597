"""The trunk fails while calls are up, and comes back.

python -m tests.chaos.trunk silent --seed 7 --contacts 400 --strikes 2
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos.field import PAUSED, Field, Plan, Run, signal_all, until
from tests.chaos.oracle import SENT_AGAIN, Limits, Report, Strike, judge, read
from tests.chaos.program import program
from tests.chaos.texts import POPULATION

SILENT_S, CONGESTED_S, GONE_S = 15.0, 10.0, 3.0
AT_STAKE = 15  # INVITEs before each strike
NOTICED_S = 30.0  # until calls flow again, or the run has ended with its campaign paused

CONGESTION = """\
seed = {seed}
[[callees]]
name = "congestion"
share = 1
does = "refuse"
code = "503"
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to the trunk, from its beginning to its end; of what the log must tell."""

    play: Callable[[Field], None]
    transport: str = "udp"
    transit: timedelta = SENT_AGAIN
    told: str = ""


def _silent(field: Field) -> None:
    """It takes everything and says nothing; then it works through what has come."""
    signal_all([field.callees.pid], signal.SIGSTOP)
    time.sleep(SILENT_S)
    signal_all([field.callees.pid], signal.SIGCONT)


def _congested(field: Field) -> None:
    """It answers every INVITE with 503."""
    field.kill_callees()
    field.start_callees(CONGESTION)
    time.sleep(CONGESTED_S)
    field.kill_callees()
    field.start_callees(POPULATION)


def _restarted(field: Field) -> None:
    """It is gone, with every call, and comes back at the same port."""
    field.kill_callees()
    time.sleep(GONE_S)
    field.start_callees(POPULATION)


def _reset(field: Field) -> None:
    """Every TCP connection to it is reset."""
    subprocess.run(
        ["ss", "-K", "-tn", "dst", field.plan.host, "dport", "=", str(field.port)], check=True, capture_output=True
    )


FAULTS: Mapping[str, Fault] = {
    "silent": Fault(_silent, transit=SENT_AGAIN + timedelta(seconds=SILENT_S), told="is down"),
    "congested": Fault(_congested, told="chokes"),
    "restarted": Fault(_restarted),
    "reset": Fault(_reset, transport="tcp"),
}


def campaign(home: Path, plan: Plan, name: str, strikes: int) -> Report:
    """Let the trunk fail so often; each time the operator resumes what was paused."""
    fault = FAULTS[name]
    struck: list[Strike] = []
    found: list[str] = []
    with Field(home, plan) as field:
        field.start_callees()
        field.prepare()
        run = field.start_run()
        for _ in range(strikes):
            if not field.until_invites(AT_STAKE, NOTICED_S):
                found.append(f"no calls before the strike: {run.said.read_text()[-500:]}")
                break
            struck.append(Strike(name, datetime.now(UTC)))
            fault.play(field)
            run = _resumed(field, run, found)
        field.finish(run, whole=False)
        if not field.until_all_over(45.0):
            found.append("calls are up at the callees")
        accounts = read(home, field.deaths)
        if fault.told not in (home / "dialer.log").read_text():
            found.append(f"the log does not tell that the trunk {fault.told}")
    limits = Limits(plan.max_attempts, timedelta(minutes=plan.gap_minutes), transit=fault.transit)
    report = judge(f"trunk: {name}", plan.seed, accounts, limits, struck)
    report.problems += found
    report.pauses = field.pauses
    return report


def _resumed(field: Field, run: Run, found: list[str]) -> Run:
    """The run that goes on: the same, or another after the campaign was paused."""
    seen = field.invites()
    until(lambda: run.process.poll() is not None or field.invites() > seen + 2, NOTICED_S)
    if run.process.poll() is None:
        return run
    if run.process.returncode != PAUSED:
        found.append(f"the run ended with {run.process.returncode}: {run.said.read_text()[-1000:]}")
    field.resume()
    return field.start_run()


if __name__ == "__main__":
    program(
        __doc__,
        lambda home, arguments: campaign(
            home,
            Plan(
                arguments.seed,
                arguments.contacts,
                cps=arguments.cps or 10,
                transport=FAULTS[arguments.scenario].transport,
            ),
            arguments.scenario,
            arguments.strikes,
        ),
        strikes=2,
        contacts=300,
        scenarios=list(FAULTS),
    )
