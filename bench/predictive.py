"""Dialing ahead of free operators: their idle time and the abandoned calls of a simulated day, mode by mode.

Events, no sleeping: calls ring, are answered, listen, press 1, wait at most two seconds for an operator and talk. Each
seed draws a list of its own (20 to 40 % answer, 10 to 30 % of those accept), and both chances drift through the day.
The peers are a fixed ratio of calls to free operators, and the ratio that fills them on average.

Run: python -m bench.predictive [--seeds 20] [--hours 8] [--jobs 2] [--svg docs/predictive.svg]
"""

from __future__ import annotations

import argparse
import heapq
import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from itertools import product
from pathlib import Path

import numpy as np
from bench.common import Figure, machine
from bench.plot import Curve, chart

from dialer.campaigns.ahead import Dialing, Floor, Rates, calls_allowed

CAP = 0.03
OPERATORS = (10, 20, 50, 100, 200)
PATIENCE_S = 2.0  # an accepted call that waits longer was abandoned
LOOK_S = 1.0  # between two looks at the floor
BLOCK = 1 << 14  # draws made at once
HOUR_S = 3600.0

Rule = Callable[[Floor, Rates], int]


def _fixed(ratio: int) -> Rule:
    return lambda floor, _: ratio * (floor.free - floor.waiting) - floor.ringing - floor.talking


def _on_average(floor: Floor, rates: Rates) -> int:
    """As many as fill the free operators on average, with no thought of chance: free / P(accepted)."""
    if rates.accepted == 0:
        return floor.uncalled_for
    return int((floor.free - floor.waiting) * rates.placed / rates.accepted) - floor.ringing - floor.talking


MODES: dict[str, Rule] = {
    "progressive": lambda floor, rates: calls_allowed(Dialing.PROGRESSIVE, floor, rates, CAP),
    "predictive": lambda floor, rates: calls_allowed(Dialing.PREDICTIVE, floor, rates, CAP),
    "2 to 1": _fixed(2),
    "3 to 1": _fixed(3),
    "on average": _on_average,
}


class Kind(IntEnum):
    """What happens to a call, or to an operator."""

    FAILED = 0  # not answered
    ANSWERED = 1
    REFUSED = 2  # hung up, or heard the message to its end
    ACCEPTED = 3
    IMPATIENT = 4  # two seconds after a key for which nobody was free
    TALKED = 5
    FREE = 6  # the operator, after the work that follows a talk


@dataclass(frozen=True, slots=True)
class Result:
    """One simulated day."""

    mode: str
    operators: int
    seed: int
    idle: float  # share of the operators' time
    placed: int
    answered: int
    accepted: int
    abandoned: int
    worst: float  # the highest running share of abandoned in accepted calls, from the hundredth accepted call on

    @property
    def abandonment(self) -> float:
        return self.abandoned / max(1, self.accepted)


class Draws:
    """Random times and chances; every mode sees a list of the same kind under the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.answer = self._random.uniform(0.20, 0.40)
        self.accept = self._random.uniform(0.10, 0.30)
        self.turn = self._random.uniform(0, 2 * math.pi)  # when in the day people answer most
        random = self._random
        self.chance = self._block(lambda: random.random(BLOCK))
        self.ring = self._block(lambda: np.minimum(random.gamma(4.0, 3.0, BLOCK) + 1, 28))
        # A quarter of the others is busy or not in service at once; the rest rings to the limit.
        self.fail = self._block(lambda: np.where(random.random(BLOCK) < 0.25, random.uniform(0.5, 3, BLOCK), 28))
        self.listen = self._block(lambda: np.minimum(random.exponential(10.0, BLOCK) + 0.5, 30))
        self.key = self._block(lambda: np.minimum(random.gamma(5.0, 2.4, BLOCK) + 2, 35))
        # Log-normal about three minutes, with a coefficient of variation of 0.9, as conversations are.
        sigma = math.sqrt(math.log(1 + 0.9**2))
        self.talk = self._block(lambda: random.lognormal(math.log(180) - sigma**2 / 2, sigma, BLOCK))
        self.after = self._block(lambda: random.exponential(15.0, BLOCK))

    @staticmethod
    def _block(draw: Callable[[], np.ndarray]) -> Iterator[float]:
        while True:
            yield from draw().tolist()

    def drift(self, now: float) -> float:
        """How much more or less people answer and accept at this time of the day."""
        return 1 + 0.2 * math.sin(now / (8 * HOUR_S) * 2 * math.pi + self.turn)


class Day:
    """The floor and the calls of one day."""

    def __init__(self, operators: int, seed: int, change: float) -> None:
        self.draws = Draws(seed)
        self.change = change  # by which acceptance is multiplied from the middle of the day: another list
        self.operators = self.free = operators
        self.ringing = self.talking = 0
        self.placed = self.answered = self.accepted = self.abandoned = 0  # ended attempts
        self.all_accepted = 0  # those that still talk as well
        self.worst = 0.0
        self.busy_s = self.ring_s = self.key_s = 0.0
        self.rung = self.keyed = self.served = 0
        self.events: list[tuple[float, int, Kind, float]] = []
        self.number = 0
        self.waiting: deque[int] = deque()

    def run(self, rule: Rule, until: float) -> None:
        """Look at the floor each second, place what the rule says; the calls of the last second are seen to their end."""
        now = 0.0
        while now < until:
            while self.events and self.events[0][0] <= now:
                self._happen(*heapq.heappop(self.events))
            mean_talk = self.busy_s / self.served if self.served else 0.0
            floor = Floor(self.operators, self.free, len(self.waiting), self.ringing, self.talking)
            rates = Rates(
                self.placed, self.answered, self.accepted, self.abandoned,
                self.ring_s / max(1, self.rung), self.key_s / max(1, self.keyed), mean_talk,
            )  # fmt: skip
            for _ in range(max(0, rule(floor, rates))):
                self._place(now, now / until)
            now += LOOK_S
        while self.events:
            self._happen(*heapq.heappop(self.events))

    def _at(self, when: float, kind: Kind, took: float) -> int:
        self.number += 1
        heapq.heappush(self.events, (when, self.number, kind, took))
        return self.number

    def _place(self, now: float, day: float) -> None:
        self.ringing += 1
        if next(self.draws.chance) < self.draws.answer * self.draws.drift(now):
            took = next(self.draws.ring)
            self._at(now + took, Kind.ANSWERED, took)
        else:
            self._at(now + next(self.draws.fail), Kind.FAILED, 0.0)
        self.late = day > 0.5

    def _happen(self, now: float, number: int, kind: Kind, took: float) -> None:
        match kind:
            case Kind.FAILED:
                self.ringing -= 1
                self.placed += 1
            case Kind.ANSWERED:
                self.ringing -= 1
                self.talking += 1
                self.rung += 1
                self.ring_s += took
                chance = self.draws.accept * self.draws.drift(now) * (self.change if self.late else 1)
                if next(self.draws.chance) < chance:
                    key = next(self.draws.key)
                    self._at(now + key, Kind.ACCEPTED, key)
                else:
                    self._at(now + next(self.draws.listen), Kind.REFUSED, 0.0)
            case Kind.REFUSED:
                self.talking -= 1
                self._ended()
            case Kind.ACCEPTED:
                self.talking -= 1
                self.keyed += 1
                self.key_s += took
                self.all_accepted += 1
                if self.free:
                    self._connect(now)
                else:
                    self.waiting.append(self._at(now + PATIENCE_S, Kind.IMPATIENT, 0.0))
            case Kind.IMPATIENT:
                if self.waiting and self.waiting[0] == number:
                    self.waiting.popleft()
                    self.abandoned += 1
                    self.accepted += 1
                    self._ended()
                    if self.all_accepted >= 100:
                        self.worst = max(self.worst, self.abandoned / self.all_accepted)
            case Kind.TALKED:
                self.accepted += 1
                self._ended()
                after = next(self.draws.after)
                self._at(now + after, Kind.FREE, took + after)
            case Kind.FREE:
                self.free += 1
                self.served += 1
                self.busy_s += took
                if self.waiting:
                    self.waiting.popleft()
                    self._connect(now)

    def _ended(self) -> None:
        self.placed += 1
        self.answered += 1

    def _connect(self, now: float) -> None:
        self.free -= 1
        took = next(self.draws.talk)
        self._at(now + took, Kind.TALKED, took)


def simulate(mode: str, operators: int, seed: int, hours: float, change: float = 1.0) -> Result:
    """One day of one mode."""
    day = Day(operators, seed, change)
    until = hours * HOUR_S
    day.run(MODES[mode], until)
    # What was talked after the end is counted, as the beginning before the first talk is.
    idle = 1 - day.busy_s / (operators * until)
    return Result(mode, operators, seed, idle, day.placed, day.answered, day.accepted, day.abandoned, day.worst)
