"""Kills and stops the engine and its agents while they call, and judges what is left.

python -m tests.chaos.kill --seed 7 --contacts 1000 --strikes 20
"""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from tests.chaos.field import Field, Plan, Run, signal_all, until
from tests.chaos.oracle import Limits, Report, Strike, judge, read
from tests.chaos.program import program

STOPPED_S = 12.0  # longer than the ten seconds after which an agent counts as stuck
MOMENT_S = 3.0  # to wait for the wanted moment before striking at any


class Target(StrEnum):
    """What is struck."""

    ENGINE = "engine"  # the agents lose their engine and hang up
    AGENT = "agent"  # its calls are lost, another is started
    BOTH = "both"  # nobody is left to hang up
    STOP = "stopped agent"  # SIGSTOP, then SIGCONT


class Moment(StrEnum):
    """Right after which event it is struck."""

    CLAIM = "claimed"  # a contact is claimed, or its attempt written, and no INVITE has left
    RING = "invite"
    PLAY = "answer"
    BYE = "over"  # the call is over, and its outcome waits to be stored
    ANY = "any"


KILLS, WEIGHTS = (Target.ENGINE, Target.AGENT, Target.BOTH), (5, 2, 3)


def pace(contacts: int, strikes: int) -> float:
    """Calls a second, so that there is somebody left to call at the last strike."""
    return contacts / (1.5 * strikes + STOPPED_S + 2)


def campaign(home: Path, plan: Plan, strikes: int, *, whole: bool) -> Report:
    """Strike so often, then let the campaign come to its end; ``whole``: with everything tried again that may be."""
    struck: list[Strike] = []
    with Field(home, plan) as field:
        field.start_callees()
        field.prepare()
        run = field.start_run()
        while len(struck) < strikes and field.until_invites(1, 30):
            time.sleep(field.chance.uniform(0.2, 0.9))
            target, moment = _drawn(field, len(struck), strikes), field.chance.choice(list(Moment))
            _await(field, moment)
            run = _strike(field, run, target, moment, struck)
        field.finish(run, whole=whole)
        field.until_all_over(*([] if whole else [3.0]))
        accounts = read(home)  # before the callees are told to end: that ends their calls as well
    limits = Limits(plan.max_attempts, timedelta(minutes=plan.gap_minutes), agents_lost=True, waited=whole)
    return judge("kill -9 and SIGSTOP", plan.seed, accounts, limits, struck)


def _drawn(field: Field, number: int, strikes: int) -> Target:
    """Each kind once; the stop is slow, so it comes once, in the middle."""
    if number == strikes // 2:
        return Target.STOP
    if number < len(KILLS):
        return KILLS[number]
    return field.chance.choices(KILLS, WEIGHTS)[0]


def _await(field: Field, moment: Moment) -> None:
    if moment is Moment.CLAIM:
        until(lambda: field.in_hand(("claimed",)), MOMENT_S, 0.001)
    elif moment is not Moment.ANY:
        field.account.news()
        until(lambda: any(event["event"] == moment for event in field.account.news()), MOMENT_S, 0.001)


def _strike(field: Field, run: Run, target: Target, moment: Moment, struck: list[Strike]) -> Run:
    """The run that goes on afterwards."""
    agents = run.agents()
    one = field.chance.choice(agents) if agents else 0
    struck.append(Strike(f"{target} at {moment}", datetime.now(UTC)))
    match target:
        case Target.ENGINE:
            run.kill()
        case Target.AGENT:
            signal_all([one], signal.SIGKILL)
        case Target.BOTH:
            signal_all(agents, signal.SIGKILL)
            run.kill()
        case Target.STOP:
            signal_all([one], signal.SIGSTOP)
            time.sleep(STOPPED_S)
            signal_all([one], signal.SIGCONT)
    return field.start_run() if target in {Target.ENGINE, Target.BOTH} else run


if __name__ == "__main__":
    program(
        __doc__,
        lambda home, arguments: campaign(
            home,
            Plan(arguments.seed, arguments.contacts, cps=arguments.cps or pace(arguments.contacts, arguments.strikes)),
            arguments.strikes,
            whole=not arguments.brief,
        ),
        strikes=20,
    )
