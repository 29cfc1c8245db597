"""How attempts of a campaign end, as far as the ones so far tell: shares drawn from what the evidence allows.

Where there is little evidence, a prior speaks:

- first attempts: what is common to campaigns (``COMMON``), with a voice of ``COMMON_WEIGHT`` attempts. It is there to
  say something before the first outcomes and is drowned out by fifty of them.
- later attempts: the one before, less ``WEARING_OFF`` of those reached (who is easy to reach was reached by then), with
  a voice of ``BEFORE_WEIGHT`` attempts, because second attempts differ from first ones, but seldom by far.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dialer.campaigns.retry import REACHED, Finished, RetryPlan, TryAgain, after_attempt

Floats: TypeAlias = npt.NDArray[np.float64]

COMMON = {Finished.REACHED: 0.3, Finished.NOT_RETRIED: 0.2}  # nearly all the rest is tried again
COMMON_WEIGHT = 4.0
WEARING_OFF = 0.2
BEFORE_WEIGHT = 80.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ending(Enum):
    """Ways in which an attempt leaves its contact, besides waiting to be tried again."""

    REACHED = 0
    NOT_REACHED = 1


@dataclass(frozen=True, slots=True)
class Again:
    """The contact is tried again after a wait; ``counts``: this attempt used up one of the campaign's."""

    wait_s: float
    counts: bool


Fate: TypeAlias = Ending | Again


def fate_of(plan: RetryPlan, outcome: str, number: int) -> Fate:
    """What an attempt of this number that ends so leaves its contact with."""
    match after_attempt(plan, outcome, number, _EPOCH):
        case Finished.REACHED:
            return Ending.REACHED
        case TryAgain(due_at=due_at):
            # The plan is asked whether the attempt counted: one that does not is tried again for ever.
            endless = isinstance(after_attempt(plan, outcome, plan.max_attempts, _EPOCH), TryAgain)
            return Again((due_at - _EPOCH).total_seconds(), counts=not endless)
        case _:
            return Ending.NOT_REACHED


def fates_of(plan: RetryPlan, outcomes: Mapping[int, Mapping[str, int]]) -> list[Fate]:
    """Every way in which attempts of this campaign may leave a contact."""
    words = dict.fromkeys([*REACHED, *plan.waits, *(word for counts in outcomes.values() for word in counts)])
    again = dict.fromkeys(fate for word in words if isinstance(fate := fate_of(plan, word, 1), Again))
    return [*Ending, *again]


def drawn_rates(
    rng: np.random.Generator, fates: Sequence[Fate], plan: RetryPlan, outcomes: Mapping[int, Mapping[str, int]],
    runs: int,
) -> list[Floats]:  # fmt: skip
    """For each attempt number, the share of each fate in each run: (runs, fates)."""
    counting = np.array([isinstance(fate, Again) and fate.counts for fate in fates])
    endless = np.array([isinstance(fate, Again) and not fate.counts for fate in fates])
    mean = np.zeros(len(fates))
    mean[0], mean[1] = COMMON[Finished.REACHED], COMMON[Finished.NOT_RETRIED]
    mean[endless] = 0.01 / max(1, endless.sum())
    mean[counting] = (1 - mean.sum()) / max(1, counting.sum())
    believed = np.tile(COMMON_WEIGHT * mean / mean.sum(), (runs, 1))
    rates: list[Floats] = []
    for number in range(1, plan.max_attempts + 1):
        seen = np.zeros(len(fates))
        for word, count in outcomes.get(number, {}).items():
            fate = fate_of(plan, word, number)
            seen[fates.index(fate)] += count
        if number == plan.max_attempts:  # nobody is tried again after the last one
            believed[:, 1] += believed[:, counting].sum(axis=1)
            believed[:, counting] = 0
        drawn = rng.standard_gamma(believed + seen)
        rates.append(drawn / drawn.sum(axis=1, keepdims=True))
        before = rates[-1].copy()
        reached = before[:, 0] * (1 - WEARING_OFF)
        before[:, 1:] *= ((1 - reached) / (1 - before[:, 0] + 1e-12))[:, None]
        before[:, 0] = reached
        believed = BEFORE_WEIGHT * before
    return rates
