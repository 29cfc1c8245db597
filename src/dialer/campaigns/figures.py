"""What a campaign's forecast is made from: its own figures so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np

from dialer.campaigns.spread import DayOpening

PACE_WEIGHT = 20.0  # dials that the configured pace counts for, against those observed
PACE_DOUBT = 0.2  # relative, of the configured pace
CALL_S = 30.0  # of a call, before there was one
CALL_WEIGHT = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many contacts that stand alike: ``attempts`` made that may have rung, due at ``due_at``."""

    contacts: int
    attempts: int
    due_at: datetime
    group: int  # which of Figures.openings they are open in


@dataclass(frozen=True, slots=True)
class Pace:
    """Dials a second while somebody is due, and the standard error of that, relative to it."""

    per_second: float
    doubt: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a campaign."""

    waiting: Sequence[Waiting]
    calling: Sequence[Waiting]  # being called now
    openings: Sequence[Sequence[DayOpening]]  # of each group, over the days to look ahead, in order
    finished: int
    reached: int  # of those finished
    refused: int  # of those finished, by the gate, for good
    outcomes: Mapping[int, Mapping[str, int]]  # attempt number, from 1 -> outcome -> attempts that ended so
    pace: Pace
    call_s: float  # mean length of an attempt


def pace_of(dials: Sequence[tuple[datetime, int]], configured: float) -> Pace:
    """The pace that dials show: (when, number of the attempt), in order; ``configured`` dials a second are expected.

    Only time before a first attempt counts. Somebody was due then, as first attempts are from the start; before a
    retry, the campaign may have waited for it. A long pause is a closed window or a stop, and does not count either.
    """
    pause = max(60.0, 20 / configured)
    gaps = np.array(
        [
            gap
            for (before, _), (at, number) in pairwise(dials)
            if number == 1 and (gap := (at - before).total_seconds()) <= pause
        ]
    )
    busy = float(gaps.sum())
    per_second = (PACE_WEIGHT + len(gaps)) / (PACE_WEIGHT / configured + busy)
    seen = len(gaps) / (PACE_WEIGHT + len(gaps))
    blocks = [float(block.sum()) for block in np.array_split(gaps, 10)] if len(gaps) >= 2 * PACE_WEIGHT else []
    # Dials come in bursts, so the error is that of ten blocks of them, not that of single gaps.
    error = float(np.std(blocks, ddof=1) / np.mean(blocks) / np.sqrt(len(blocks))) if busy and blocks else PACE_DOUBT
    return Pace(per_second, float(np.hypot((1 - seen) * PACE_DOUBT, seen * error)))


def call_length(seconds: Sequence[float]) -> float:
    """The mean length of an attempt, from the INVITE to its end."""
    return (CALL_WEIGHT * CALL_S + sum(seconds)) / (CALL_WEIGHT + len(seconds))


def scaled(sample: Mapping[tuple[int, datetime, int], int], contacts: int) -> list[Waiting]:
    """As many contacts as there are, by a sample of them: (attempts, due at, group) -> how many of the sample."""
    size = sum(sample.values())
    found: list[Waiting] = []
    seen = given = 0
    for (attempts, due_at, group), count in sorted(sample.items()):
        seen += count
        upto = contacts * seen // size
        if upto > given:
            found.append(Waiting(upto - given, attempts, due_at, group))
        given = upto
    return found
