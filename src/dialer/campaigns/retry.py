"""Whether and when a contact is tried again after an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Finished(StrEnum):
    """Why nothing more will be tried for a contact."""

    REACHED = "reached"  # the outcome says it all
    NOT_RETRIED = "not_retried"  # the campaign does not try again after this outcome
    NO_ATTEMPTS_LEFT = "no_attempts_left"
    REFUSED = "refused"  # the gate said never


class Spread(StrEnum):
    """When within the lawful hours a contact is tried again."""

    EARLIEST = "earliest"  # as soon as the wait is over
    PARTS_OF_DAY = "parts_of_day"  # at another part of the day than before, see campaigns.spread


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """A campaign's rules for trying again; ``waits`` maps an outcome's value to the wait after it."""

    max_attempts: int
    gap: timedelta
    waits: Mapping[str, timedelta]
    spread: Spread = Spread.EARLIEST
    horizon: timedelta = timedelta(days=3)
    """How long a try may be put off for the sake of spreading: from Friday night past the weekend, and no more."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The contact is due again at ``due_at`` (aware, UTC); the gate decides anew then."""

    due_at: datetime


REACHED = frozenset({"accepted", "responded", "heard", "opted_out", "abuse"})
NEVER_RETRIED = REACHED | {"rejected", "network_blocked", "invalid_number"}
"""Outcomes after which no campaign may try again by itself. A block is not to be worn down by repetition."""

NOBODY_RANG = frozenset({"not_dialed", "trunk_failure"})
"""Outcomes in which no telephone rang as far as we know: they use up none of the campaign's attempts. The gate has its
own view: it counts a trunk failure toward the law's caps and the gap, because an INVITE did leave."""

SHORT_WAIT = timedelta(minutes=1)


def after_attempt(plan: RetryPlan, outcome: str, attempts: int, ended_at: datetime) -> TryAgain | Finished:
    """What becomes of a contact whose attempt ended in ``outcome``.

    ``attempts`` counts the attempts made so far that may have rung, this one included.
    """
    if outcome in NEVER_RETRIED:
        return Finished.REACHED if outcome in REACHED else Finished.NOT_RETRIED
    if outcome in NOBODY_RANG:
        return TryAgain(ended_at + plan.waits.get(outcome, SHORT_WAIT))
    wait = plan.gap if outcome == "interrupted" else plan.waits.get(outcome)
    if wait is None:
        return Finished.NOT_RETRIED
    if attempts >= plan.max_attempts:
        return Finished.NO_ATTEMPTS_LEFT
    return TryAgain(ended_at + max(wait, plan.gap))
