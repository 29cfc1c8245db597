"""Campaigns whose every rate is known, played out contact by contact: what a forecast is held against.

Written without a look at the forecast's own model: one heap of people by due time, one call after another.
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
from dialer.campaigns.spread import Opening

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

    def openings(self, group: int) -> list[Opening]:
        """Of one group, all days."""
        opens, closes = self.hours[group]
        days = (MONDAY + timedelta(days=day) for day in range(DAYS))
        return [Opening(day + opens * HOUR, day + closes * HOUR) for day in days]


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
    due = [(world.starts, contact) for contact in range(world.contacts)]
    heapq.heapify(due)
    lines: list[datetime] = []  # when each call that is up will end
    ending: list[tuple[datetime, int, str]] = []
    finished = reached = refused = 0
    outcomes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    dials: list[tuple[datetime, int]] = []
    lengths: list[float] = []
    now = free = world.starts
    wanted = list(shares)

    def see() -> None:
        standing = Counter((attempts[contact], at, group[contact]) for at, contact in due)
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

    while due or ending:
        while wanted and finished >= wanted[0] * world.contacts:
            see()
            wanted.pop(0)
        next_due = max(due[0][0], free, now) if due else None
        if next_due is not None and len(lines) >= world.channels:
            next_due = max(next_due, lines[0])
        if next_due is None or (ending and ending[0][0] <= next_due):
            now, contact, outcome = heapq.heappop(ending)
            attempts[contact] += outcome not in NOBODY_RANG
            outcomes[max(1, attempts[contact] + (outcome in NOBODY_RANG))][outcome] += 1
            match after_attempt(world.plan, outcome, attempts[contact], now):
                case TryAgain(due_at=again):
                    heapq.heappush(due, (again, contact))
                case _:
                    finished += 1
                    reached += outcome in REACHED
                    played.ended = now
            continue
        now = next_due
        _, contact = heapq.heappop(due)
        opening = next(each for each in openings[group[contact]] if each.closes_at > now)
        if opening.opens_at > now:
            heapq.heappush(due, (opening.opens_at, contact))
            continue
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
