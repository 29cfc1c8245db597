"""How far ahead of its free operators a campaign may dial: the people who take the calls of those who press 1.

Whoever accepts and finds nobody within two seconds was abandoned. The law allows three in a hundred of the calls that a
person answered (47 CFR 64.1200(a)(7), 16 CFR 310.4(b)(4)); here they are held against the calls that were *accepted*,
which are fewer, so that either way of counting is kept to. Pure: what was measured goes in, a number comes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

PRIOR = 10  # attempts taken as accepted before there was any: every chance starts at 1 and comes down with evidence
DOUBT = 2.0  # standard deviations by which the accepted calls that a chance rests on may be too few by luck
SAFE = 0.9  # of the cap: what is aimed for; the rest is for calls that are already on their way
EAGER = 3.0  # how hard the share is driven towards the safe one; 1 leaves half of it unused
TAIL = 0.001  # how likely it may be, at each placing, that the calls in the air overdraw what the cap has left
MOST_PER_OPERATOR = 40  # calls in the air: a bound for lists that hardly anybody accepts
WIDE = 7  # standard deviations, beyond which a chance is taken as none


class Dialing(StrEnum):
    """How calls are placed for operators."""

    PROGRESSIVE = "progressive"  # a free operator for every call in the air: nobody is abandoned for want of one
    PREDICTIVE = "predictive"  # more calls than free operators, as far as the abandonment cap bears it


@dataclass(frozen=True, slots=True)
class Floor:
    """What is known of the people who take transfers, now."""

    operators: int  # in all
    free: int  # now; an operator whose caller is still being connected counts here, and the caller as waiting
    waiting: int  # accepted calls that wait for one or are being connected
    ringing: int  # calls placed that have not been answered nor failed
    talking: int  # answered calls listening to the message, not yet accepted

    @property
    def busy(self) -> int:
        return max(0, self.operators - self.free)

    @property
    def uncalled_for(self) -> int:
        """Free operators whom no call in the air could need; negative when calls were placed ahead."""
        return self.free - self.waiting - self.ringing - self.talking


@dataclass(frozen=True, slots=True)
class Rates:
    """The campaign's own, so far in the period over which its abandoned calls are counted: ended attempts."""

    placed: int
    answered: int
    accepted: int  # the abandoned among them
    abandoned: int  # accepted calls for which nobody was free within 2 s
    mean_ring_s: float  # from placing to answer
    mean_to_accept_s: float  # from answer to the key
    mean_talk_s: float  # from being connected until the operator is free again, with the work after the call


def calls_allowed(dialing: Dialing, floor: Floor, rates: Rates, cap: float) -> int:
    """How many more calls may be placed now. ``cap``: abandoned calls among accepted ones, a share (0.03)."""
    progressive = max(0, floor.uncalled_for)
    if dialing is Dialing.PROGRESSIVE:
        return progressive
    return max(progressive, _ahead(floor, rates, cap))


def _ahead(floor: Floor, rates: Rates, cap: float) -> int:
    """The most calls whose expected shortage of operators the cap still bears; 0 with too little evidence."""
    left = SAFE * cap * rates.accepted - rates.abandoned  # calls that may still be abandoned
    if not left >= 1:  # also when the cap is no number
        return 0
    share = min(cap, EAGER * left / rates.accepted)
    # Those who accepted and still talk are no ended attempts yet, while those who refused at once are.
    seen = rates.accepted + floor.busy + PRIOR
    accepted = seen + DOUBT * math.sqrt(seen)
    of_placed = min(1.0, accepted / (rates.placed + floor.busy + PRIOR))
    of_answered = min(1.0, accepted / (rates.answered + floor.busy + PRIOR))
    coming = floor.ringing * of_placed + floor.talking * of_answered
    supply = _supply(floor, rates)

    def bearable(calls: int) -> bool:
        accepts = coming + calls * of_placed
        abandoned, overdrawn = _shortage(accepts, supply, int(left))
        return abandoned <= share * accepts and overdrawn <= TAIL

    return _most(bearable, MOST_PER_OPERATOR * floor.operators - floor.ringing - floor.talking)


def _supply(floor: Floor, rates: Rates) -> list[tuple[int, float]]:
    """How many operators there will be for those who accept, less those who wait already, and how likely that is.

    A busy operator becomes free while a call rings and its message plays with the same chance as any other: how long
    each has talked is not known. Talks that go on are taken as no shorter than those that ended, which early in the
    day are the short ones.
    """
    sure, busy = floor.free - floor.waiting, floor.busy
    horizon = rates.mean_ring_s + rates.mean_to_accept_s
    talk = rates.mean_talk_s * (rates.accepted + busy + PRIOR) / rates.accepted
    chance = 1 - math.exp(-horizon / talk) if talk > 0 and horizon > 0 else 0.0
    if not (0 < chance < 1 and busy):  # nothing measured, or nonsense: who is busy stays busy
        return [(sure, 1.0)]
    mean, spread = busy * chance, math.sqrt(busy * chance * (1 - chance))
    freed = max(0, int(mean - WIDE * spread))
    ways = math.lgamma(busy + 1) - math.lgamma(freed + 1) - math.lgamma(busy - freed + 1)
    likely = math.exp(ways + freed * math.log(chance) + (busy - freed) * math.log1p(-chance))
    supply = []
    for number in range(freed, min(busy, int(mean + WIDE * spread + WIDE)) + 1):
        supply.append((sure + number, likely))
        likely *= (busy - number) / (number + 1) * chance / (1 - chance)
    return supply


def _shortage(accepts: float, supply: list[tuple[int, float]], left: int) -> tuple[float, float]:
    """How many of those who accept are expected to find nobody, and how likely more than ``left`` do.

    Who accepts is Poisson about ``accepts``. In truth it is a sum of yes and no, which spreads less: the shortage is
    rather overestimated.
    """
    first = max(0, int(accepts - WIDE * math.sqrt(accepts) - WIDE))
    likely = math.exp(first * math.log(accepts) - accepts - math.lgamma(first + 1))
    beyond = []  # [count - first]: the chance that more than count accept
    short = [accepts - first]  # [count - first]: by how many more than count accept, on average
    rest = 1.0
    for count in range(first, int(accepts + WIDE * math.sqrt(accepts) + 2 * WIDE)):
        rest = max(0.0, rest - likely)
        beyond.append(rest)
        short.append(max(0.0, short[-1] - rest))
        likely *= accepts / (count + 1)

    expected = overdrawn = 0.0
    for free, chance in supply:
        at = free - first
        expected += chance * (accepts - free if at < 0 else short[at] if at < len(short) else 0.0)
        at += left
        overdrawn += chance * (1.0 if at < 0 else beyond[at] if at < len(beyond) else 0.0)
    return expected, overdrawn


def _most(bearable: Callable[[int], bool], room: int) -> int:
    """The largest number up to ``room`` that is bearable, as all below it are; 0 when 1 is not."""
    bears, too_many = 0, 1
    while too_many <= room and bearable(too_many):
        bears, too_many = too_many, 2 * too_many
    too_many = min(too_many, room + 1)
    while too_many - bears > 1:
        middle = (bears + too_many) // 2
        bears, too_many = (middle, too_many) if bearable(middle) else (bears, middle)
    return bears
