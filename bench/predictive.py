"""Dialing ahead of free operators: their idle time and the abandoned calls of a simulated day, mode by mode.

Events, no sleeping: calls ring, are answered, listen, press 1, wait at most two seconds for an operator and talk. Each
seed draws a list of its own (20 to 40 % answer, 10 to 30 % of those accept), and both chances drift through the day.
The peers are fixed ratios of calls to free operators, and the ratio that fills them on average. In some more days of
the predictive mode acceptance doubles, or halves, at noon, as with another list. A day over the cap is an error.

Run: python -m bench.predictive [--seeds 20] [--jobs 2] [--svg docs/predictive.svg] [--quick]
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
from pathlib import Path

import numpy as np
from bench.common import BenchError, Figure, machine
from bench.plot import Curve, Point, chart

from dialer.campaigns.ahead import Dialing, Floor, Rates, calls_allowed

CAP = 0.03
OPERATORS = (10, 20, 50, 100, 200)
QUICK_OPERATORS = (10, 50)
MAIN, PEER = 50, "3 to 1"  # the closing figure
NOONS = (2.0, 0.5)  # by which acceptance changes in the days of another list
PATIENCE_S = 2.0  # an accepted call that waits longer was abandoned
LOOK_S = 1.0  # between two looks at the floor
BLOCK = 1 << 14  # draws made at once
DAY_S = 8 * 3600.0

Rule = Callable[[Floor, Rates], int]


def _fixed(ratio: int) -> Rule:
    return lambda floor, _: ratio * (floor.free - floor.waiting) - floor.ringing - floor.talking


def _on_average(floor: Floor, rates: Rates) -> int:
    """As many as fill the free operators on average, with no thought of chance: free / P(accepted)."""
    if rates.accepted < 100:
        return floor.uncalled_for  # a chance measured on fewer is no chance
    return int((floor.free - floor.waiting) * rates.placed / rates.accepted) - floor.ringing - floor.talking


MODES: dict[str, Rule] = {
    "progressive": lambda floor, rates: calls_allowed(Dialing.PROGRESSIVE, floor, rates, CAP),
    "predictive": lambda floor, rates: calls_allowed(Dialing.PREDICTIVE, floor, rates, CAP),
    "2 to 1": _fixed(2),
    "3 to 1": _fixed(3),
    "8 to 1": _fixed(8),
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
        return 1 + 0.2 * math.sin(now / DAY_S * 2 * math.pi + self.turn)


class Day:
    """The floor and the calls of one day."""

    def __init__(self, operators: int, seed: int, noon: float) -> None:
        self.draws = Draws(seed)
        self.noon = noon  # by which acceptance is multiplied from the middle of the day on
        self.operators = self.free = operators
        self.ringing = self.talking = 0
        self.placed = self.answered = self.accepted = self.abandoned = 0  # ended attempts
        self.all_accepted = 0  # those that still talk as well
        self.worst = 0.0
        self.worked_s = 0.0  # by all operators, before the day's end
        self.busy_s = self.ring_s = self.key_s = 0.0  # sums of which the means are made
        self.rung = self.keyed = self.served = 0
        self.events: list[tuple[float, int, Kind, float]] = []
        self.number = 0
        self.waiting: deque[int] = deque()

    def run(self, rule: Rule) -> None:
        """Look at the floor each second and place what the rule says; then see the last calls to their end."""
        now = 0.0
        while now < DAY_S:
            while self.events and self.events[0][0] <= now:
                self._happen(*heapq.heappop(self.events))
            floor = Floor(self.operators, self.free, len(self.waiting), self.ringing, self.talking)
            rates = Rates(
                self.placed,
                self.answered,
                self.accepted,
                self.abandoned,
                self.ring_s / max(1, self.rung),
                self.key_s / max(1, self.keyed),
                self.busy_s / max(1, self.served),
            )
            for _ in range(rule(floor, rates)):
                self._place(now)
            now += LOOK_S
        while self.events:
            self._happen(*heapq.heappop(self.events))

    def _at(self, when: float, kind: Kind, took: float) -> int:
        self.number += 1
        heapq.heappush(self.events, (when, self.number, kind, took))
        return self.number

    def _place(self, now: float) -> None:
        self.ringing += 1
        if next(self.draws.chance) < self.draws.answer * self.draws.drift(now):
            took = next(self.draws.ring)
            self._at(now + took, Kind.ANSWERED, took)
        else:
            self._at(now + next(self.draws.fail), Kind.FAILED, 0.0)

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
                chance = self.draws.accept * self.draws.drift(now) * (self.noon if now > DAY_S / 2 else 1)
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
                self.worked_s += max(0.0, min(now, DAY_S) - (now - took))
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


def simulate(mode: str, operators: int, seed: int, noon: float = 1.0) -> Result:
    """One day of one mode."""
    day = Day(operators, seed, noon)
    day.run(MODES[mode])
    idle = 1 - day.worked_s / (operators * DAY_S)
    return Result(operators, seed, idle, day.placed, day.answered, day.accepted, day.abandoned, day.worst)


def main() -> None:
    """Simulate, print, draw, and close with the main figure: idle time of fifty operators."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="of the predictive mode; the others get a quarter")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--quick", action="store_true", help="one seed, two modes, few operators, no other list")
    arguments = parser.parse_args()
    print(f"{machine()}{' quick' if arguments.quick else ''}")
    begun = time.monotonic()
    modes, counts, noons, most = (
        (("predictive", PEER), QUICK_OPERATORS, (), 1)
        if arguments.quick
        else (MODES, OPERATORS, NOONS, arguments.seeds)
    )
    few = max(1, most // 4)
    seeds = {mode: most if mode == "predictive" else few for mode in modes}
    days = [(mode, count, seed, 1.0) for mode in modes for count in counts for seed in range(seeds[mode])]
    days += [("predictive", count, seed, noon) for noon in noons for count in counts for seed in range(few)]
    days.sort(key=lambda day: -day[1])  # the long ones first, so that no job is left alone with one at the end
    with ProcessPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(simulate, *zip(*days, strict=True)))
    found: dict[tuple[str, float], list[Result]] = {}
    for (mode, _, _, noon), result in zip(days, results, strict=True):
        found.setdefault((mode, noon), []).append(result)
    print(f"seeds 0 to {most - 1} (others 0 to {few - 1}), days of {DAY_S / 3600:g} h")
    curves = []
    for (mode, noon), runs in found.items():
        print(mode if noon == 1 else f"{mode}, acceptance times {noon:g} at noon")
        points = [_row(count, [run for run in runs if run.operators == count]) for count in reversed(counts)]
        if noon == 1:
            curves.append(Curve(mode, tuple(points)))
    worst = max((run for (mode, _), runs in found.items() if mode == "predictive" for run in runs), key=_share)
    held = sum(len(runs) for (mode, _), runs in found.items() if mode == "predictive")
    print(
        f"worst of {held} predictive days: {worst.abandonment:.2%} of accepted calls abandoned "
        f"({worst.operators} operators, seed {worst.seed}); took {time.monotonic() - begun:.0f} s"
    )
    if worst.abandonment > CAP:
        raise BenchError(f"abandonment of {worst.abandonment:.2%}, {CAP:.0%} are allowed: {worst}")
    if arguments.svg:
        curves.sort(key=lambda curve: list(MODES).index(curve.name))
        arguments.svg.write_text(
            chart("idle time of operators, %", "abandoned of accepted calls, %", curves, (100 * CAP, "cap")),
            encoding="utf-8",
        )
    ours, peer = (
        100 * statistics.mean(run.idle for run in found[mode, 1.0] if run.operators == MAIN and run.seed < few)
        for mode in ("predictive", PEER)
    )
    Figure(
        name=f"idle time of {MAIN} operators, dialing ahead",
        value=round(ours, 1),
        unit="%",
        target=20,
        peer=f"{PEER}: calls to free operators",
        peer_value=round(peer, 1),
        ratio=round(ours / peer, 2),
    ).print()


def _share(run: Result) -> float:
    return run.abandonment


def _row(operators: int, runs: list[Result]) -> Point:
    """Print what came of these days; their means, as a point of the picture."""
    idle = 100 * statistics.mean(run.idle for run in runs)
    share = 100 * statistics.mean(run.abandonment for run in runs)
    accepted, answered = sum(run.accepted for run in runs), sum(run.answered for run in runs)
    print(
        f"  {operators:4} operators   idle {idle:5.1f} %   abandoned {share:6.2f} % of accepted"
        f" (worst day {100 * max(run.abandonment for run in runs):6.2f} %, worst moment"
        f" {100 * max(run.worst for run in runs):6.2f} %), {100 * sum(run.abandoned for run in runs) / answered:6.2f} %"
        f" of answered   {accepted / len(runs) / operators:5.1f} accepted an operator"
    )
    return Point(idle, share, str(operators))


if __name__ == "__main__":
    main()
