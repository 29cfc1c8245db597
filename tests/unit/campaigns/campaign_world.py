"""Campaigns whose every rate is known, played out contact by contact: what a forecast is held against.

Written without a look at the forecast's own model: people in the order of the engine's planner, one call after another.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from dialer.campaigns.figures import Figures, Waiting, call_length, pace_of
from dialer.campaigns.retry import NOBODY_RANG, REACHED, RetryPlan, TryAgain, after_attempt
from dialer.campaigns.spread import DayOpening

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS = 14


@dataclass(frozen=True)
class World:
    """What a campaign is like, known to nobody but the test."""

    seed: int
    contacts: int
    plan: RetryPlan
    hours: Sequence[tuple[float, float]]  # of each group, UTC
    rates: Sequence[dict[str, float]]  # by attempt number
    refused: float
    cps: float
    channels: int
    call_s: float
    starts: datetime

    @classmethod
    def drawn(cls, seed: int) -> World:
        """One of the campaigns that there may be."""
        random = Random(seed)
        attempts = random.choice([1, 2, 3, 3, 4])
        reached, never = random.uniform(0.15, 0.5), random.uniform(0.05, 0.25)
        busy = random.uniform(0.1, 0.5)
        rates = []
        for _ in range(attempts):
            rest = 1 - reached - never
            failed = 0.01 * rest
            rates.append(
                {"heard": reached * 0.7, "accepted": reached * 0.3, "machine": never, "trunk_failure": failed,
                 "busy": (rest - failed) * busy, "no_answer": (rest - failed) * (1 - busy)}
            )  # fmt: skip
            reached *= random.uniform(0.6, 1.0)
        gap = random.choice([0.5, 1, 4])
        plan = RetryPlan(
            max_attempts=attempts,
            gap=gap * HOUR,
            waits={
                "busy": random.choice([0.5, 1]) * HOUR,
                "no_answer": random.choice([1, 2, 4, 20]) * HOUR,
                "trunk_failure": timedelta(minutes=5),
            },
        )
        opens = random.choice([13, 14, 15])
        groups = random.choice([1, 1, 2, 3])
        hours = [(opens + shift, opens + shift + random.choice([8, 11])) for shift in range(groups)]
        return cls(
            seed=seed,
            contacts=random.randint(200, 1000),
            plan=plan,
            hours=hours,
            rates=rates,
            refused=random.choice([0, 0.05, 0.2]),
            cps=random.choice([0.02, 0.05, 0.2, 1]),
            channels=random.choice([2, 10, 50]),
            call_s=random.uniform(20, 60),
            starts=MONDAY + (opens + random.uniform(0, 4)) * HOUR,
        )

    @property
    def configured(self) -> float:
        """Dials a second, as far as the operator can tell beforehand."""
        return min(self.cps, self.channels / 30)

    def openings(self, group: int) -> list[DayOpening]:
        """Of one group, all days."""
        opens, closes = self.hours[group]
        days = (MONDAY + timedelta(days=day) for day in range(DAYS))
        return [DayOpening(day + opens * HOUR, day + closes * HOUR) for day in days]


@dataclass
class Seen:
    """What the operator could ask for at a moment."""

    at: datetime
    figures: Figures


@dataclass
class Played:
    """How it went: what was seen when the given shares of contacts were finished, and the truth."""

    seen: list[Seen] = field(default_factory=list)
    ended: datetime = MONDAY
    reached: int = 0


def play(world: World, shares: Sequence[float]) -> Played:
    """The whole campaign."""
    random = Random(world.seed + 1)
    played = Played()
    group = [random.randrange(len(world.hours)) for _ in range(world.contacts)]
    openings = [world.openings(each) for each in range(len(world.hours))]
    attempts = [0] * world.contacts
    due: list[list[tuple[datetime, int]]] = [[] for _ in openings]  # a heap for each group
    for contact in range(world.contacts):
        heapq.heappush(due[group[contact]], (world.starts, contact))

    def callable_from(place: int, at: datetime) -> tuple[datetime, datetime]:
        """When the first of a group may be called, at or after ``at``; and when that opening ends."""
        at = max(at, due[place][0][0])
        opening = next(each for each in openings[place] if each.closes_at > at)
        return max(at, opening.opens_at), opening.closes_at

    lines: list[datetime] = []  # when each call that is up will end
    ending: list[tuple[datetime, int, str]] = []
    finished = reached = refused = 0
    outcomes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    dials: list[tuple[datetime, int]] = []
    lengths: list[float] = []
    now = free = world.starts
    wanted = list(shares)

    def see() -> None:
        standing = Counter((attempts[contact], at, group[contact]) for heap in due for at, contact in heap)
        calling = Counter((attempts[contact], now, group[contact]) for _, contact, _ in ending)
        figures = Figures(
            waiting=[Waiting(count, *key) for key, count in standing.items()],
            calling=[Waiting(count, *key) for key, count in calling.items()],
            openings=openings,
            finished=finished,
            reached=reached,
            refused=refused,
            outcomes={number: dict(counts) for number, counts in outcomes.items()},
            pace=pace_of(dials, world.configured),
            call_s=call_length(lengths),
        )
        played.seen.append(Seen(now, figures))

    while any(due) or ending:
        while wanted and finished >= wanted[0] * world.contacts:
            see()
            wanted.pop(0)
        ready = max(free, now)
        if len(lines) >= world.channels:
            ready = max(ready, lines[0])
        first = min(((*callable_from(place, ready), place) for place, heap in enumerate(due) if heap), default=None)
        next_due = first[0] if first is not None else None
        if first is None or next_due is None or (ending and ending[0][0] <= next_due):
            now, contact, outcome = heapq.heappop(ending)
            attempts[contact] += outcome not in NOBODY_RANG
            outcomes[max(1, attempts[contact] + (outcome in NOBODY_RANG))][outcome] += 1
            match after_attempt(world.plan, outcome, attempts[contact], now):
                case TryAgain(due_at=again):
                    heapq.heappush(due[group[contact]], (again, contact))
                case _:
                    finished += 1
                    reached += outcome in REACHED
                    played.ended = now
            continue
        now = next_due
        _, contact = heapq.heappop(due[first[2]])
        if not attempts[contact] and random.random() < world.refused:
            finished += 1
            refused += 1
            continue
        while lines and lines[0] <= now:
            heapq.heappop(lines)
        number = attempts[contact] + 1
        chances = world.rates[number - 1]
        outcome = random.choices(list(chances), list(chances.values()))[0]
        length = random.uniform(0.3, 1.7) * world.call_s
        heapq.heappush(lines, now + timedelta(seconds=length))
        heapq.heappush(ending, (now + timedelta(seconds=length), contact, outcome))
        dials.append((now, number))
        lengths.append(length)
        free = now + timedelta(seconds=1 / world.cps)
    played.reached = reached
    return played
