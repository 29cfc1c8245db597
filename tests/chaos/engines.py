"""Two engines on one store by mistake: beside one that lives, and over one that was stopped and wakes up again.

python -m tests.chaos.engines --seed 7 --contacts 200
"""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.chaos.field import Field, Plan, signal_all, until
from tests.chaos.oracle import Limits, Report, Strike, judge, read
from tests.chaos.program import program

STOPPED_S = 20.0  # longer than the fifteen seconds after which the store takes an engine for dead


def campaign(home: Path, plan: Plan) -> Report:
    """A second engine is refused; a third takes over from the first, which was stopped; the first wakes up."""
    found: list[str] = []
    with Field(home, plan) as field:
        field.start_callees()
        field.prepare()
        first = field.start_run()
        field.until_invites(5, 30)
        second = field.start_run()
        if second.wait(30) != 1 or f"process {first.process.pid} on" not in second.said.read_text():
            found.append(f"a second engine was not refused: {second.said.read_text()}")
        field.until_invites(5, 30)
        signal_all([first.process.pid], signal.SIGSTOP)
        struck = Strike("the engine stopped, its agents not", datetime.now(UTC))
        time.sleep(STOPPED_S)
        third = field.start_run()
        field.until_invites(5, 30)
        agents = first.agents()
        signal_all([first.process.pid], signal.SIGCONT)
        woken = datetime.now(UTC)
        if not until(lambda: first.process.poll() is not None, 30):
            found.append("an engine that was taken for dead goes on")
        elif first.process.returncode != 1 or "another engine took the store over" not in first.said.read_text():
            found.append(f"the engine that woke up does not say why it ended: {first.said.read_text()[-500:]}")
        if not agents:
            found.append("the stopped engine's agents were gone before it woke up")
        time.sleep(1.0)
        field.finish(third, whole=False)
        field.until_all_over(5.0)
        accounts = read(home)
    report = judge(
        "two engines on one store",
        plan.seed,
        accounts,
        Limits(plan.max_attempts, timedelta(minutes=plan.gap_minutes)),
        [struck, Strike("woken", woken)],
    )
    report.problems += found
    return report


if __name__ == "__main__":
    program(
        __doc__,
        lambda home, arguments: campaign(
            home, Plan(arguments.seed, arguments.contacts, cps=arguments.cps or arguments.contacts / 45)
        ),
        strikes=2,
        contacts=400,
    )
