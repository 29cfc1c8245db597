"""When a campaign ends and how many people it reaches, told from its own figures so far.

Waits, windows and the pace interact in ways that no closed form catches (a retry that comes due at night waits for the
morning, behind everybody else), so the rest of the campaign is run many times, all runs side by side, each with rates
drawn from what the evidence allows (campaigns.odds, campaigns.figures). The gate's final refusals are taken to go on as
they went, one in fifty contacts before there was any. The seed is an argument: the same figures, the same forecast.

Not looked into: the law's own caps, consents that end, and spread retries, all of which make a campaign end later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from dialer.campaigns.figures import Figures
from dialer.campaigns.odds import Again, Ending, Fate, Floats, drawn_rates, fates_of
from dialer.campaigns.retry import RetryPlan
from dialer.campaigns.spread import DayOpening

Ints: TypeAlias = npt.NDArray[np.int64]

REFUSED_PRIOR = (0.2, 9.8)  # contacts refused for good, and others
QUANTILES = (0.1, 0.5, 0.9)

FIRST_STEP = 60.0  # seconds; steps grow with the distance, since nobody asks for the minute of next week
STEP_GROWTH = 1.01
LONGEST_STEP = 900.0
LONG_LINE = 30  # cohorts
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Ends:
    """When the last contact is finished, to the minute (UTC); None: not within the days looked ahead."""

    p10: datetime | None
    median: datetime | None
    p90: datetime | None


@dataclass(frozen=True, slots=True)
class Reached:
    """How many contacts will have been reached when it ends, those reached by now among them."""

    p10: int
    median: int
    p90: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """In eight of ten campaigns the truth lies from ``p10`` to ``p90``."""

    ends: Ends
    reached: Reached
    contacts: int  # of the campaign, finished or not


def forecast(figures: Figures, plan: RetryPlan, now: datetime, *, seed: int, runs: int = 200) -> Forecast:
    """How the campaign goes on from ``now`` (aware), were it running and nothing changed."""
    rng = np.random.default_rng(seed)
    fates = fates_of(plan, figures.outcomes)
    rates = drawn_rates(rng, fates, plan, figures.outcomes, runs)
    ahead = _Ahead(rng, figures, plan, fates, rates, now, runs)
    ahead.run()
    reached = np.quantile(figures.reached + ahead.reached, QUANTILES, method="inverted_cdf").astype(int)
    early, median, late = (float(each) for each in np.quantile(ahead.ends, QUANTILES, method="inverted_cdf"))
    contacts = figures.finished + sum(each.contacts for each in (*figures.waiting, *figures.calling))
    return Forecast(
        Ends(_minute(now, early), _minute(now, median), _minute(now, late, up=True)),
        Reached(*(int(each) for each in reached)),
        contacts,
    )


def _minute(now: datetime, seconds: float, *, up: bool = False) -> datetime | None:
    if not np.isfinite(seconds):
        return None
    at = (now + timedelta(seconds=seconds)).astimezone(UTC)
    down = at.replace(second=0, microsecond=0)
    return down + _MINUTE if up and down < at else down


@dataclass(frozen=True, slots=True)
class _Step:
    """A stretch of time, in seconds from now, within which no window opens or closes."""

    begins: float
    ends: float
    opened: frozenset[int]  # groups that have just opened
    is_open: tuple[int, ...]  # groups, those first that close first


def _steps(openings: Sequence[Sequence[DayOpening]], now: datetime) -> list[_Step]:
    """All time in which some group is open."""
    spans = [
        [((each.opens_at - now).total_seconds(), (each.closes_at - now).total_seconds()) for each in group]
        for group in openings
    ]
    marks = sorted({max(0.0, mark) for group in spans for span in group for mark in span})
    steps: list[_Step] = []
    length = FIRST_STEP
    for begins, ends in pairwise(marks):
        closing = {
            group: closes for group, each in enumerate(spans) for opens, closes in each if opens <= begins < closes
        }
        opened = frozenset(group for group, each in enumerate(spans) if any(opens == begins for opens, _ in each))
        at = begins
        while closing and at < ends:
            until = ends if ends - at < 1.5 * length else at + length
            order = sorted(closing, key=lambda group: closing[group])
            steps.append(_Step(at, until, opened if at == begins else frozenset(), tuple(order)))
            at = until
            length = min(LONGEST_STEP, length * STEP_GROWTH)
    return steps


@dataclass(slots=True)
class _Cohort:
    """Contacts with so many attempts made who came due together, by (run, group)."""

    due: float
    made: int
    contacts: Ints


class _Ahead:
    """The rest of the campaign, many runs at once.

    As in the engine, contacts of the group whose hours end first are called first, and within it who is due first.
    """

    def __init__(
        self, rng: np.random.Generator, figures: Figures, plan: RetryPlan, fates: Sequence[Fate],
        rates: Sequence[Floats], now: datetime, runs: int,
    ) -> None:  # fmt: skip
        self._rng = rng
        self._fates = fates
        self._rates = rates
        self._call_s = figures.call_s
        self._steps = _steps(figures.openings, now)
        self._ends = np.array([step.ends for step in self._steps])
        self._pace = figures.pace.per_second * np.exp(figures.pace.doubt * rng.standard_normal(runs))
        self.reached: Ints = np.zeros(runs, dtype=np.int64)
        self.ends: Floats = np.zeros(runs)  # seconds from now
        self._shape = (plan.max_attempts, runs, len(figures.openings))
        self._at = -1  # the step at hand
        self._due: list[_Cohort] = []  # in order, wherever they are open or not
        self._coming: defaultdict[int, Ints] = defaultdict(self._nobody)  # by step
        self._fill(figures, now)

    def _nobody(self) -> Ints:
        return np.zeros(self._shape, dtype=np.int64)

    def _fill(self, figures: Figures, now: datetime) -> None:
        attempts, runs, _ = self._shape
        called = self._nobody()
        for each in figures.calling:
            called[min(each.attempts, attempts - 1), :, each.group] += each.contacts
        if called.any():
            self._end(0.0, np.full(runs, self._call_s), called)
            self.ends[:] = self._call_s
        waiting = figures.waiting
        started = figures.finished - figures.refused + sum(each.contacts for each in waiting if each.attempts)
        refused = self._rng.beta(REFUSED_PRIOR[0] + figures.refused, REFUSED_PRIOR[1] + started, runs)
        ever_open = [any(each.closes_at > now for each in group) for group in figures.openings]
        cohorts: dict[tuple[float, int], _Cohort] = {}
        for each in waiting:
            if not ever_open[each.group]:
                continue  # never open: the gate says so, and nobody dials
            contacts: Ints = np.full(runs, each.contacts, dtype=np.int64)
            if not each.attempts:
                contacts -= self._rng.binomial(each.contacts, refused)
            made = min(each.attempts, attempts - 1)
            due = (each.due_at - now).total_seconds()
            if due > 0:
                self._come(due, np.zeros(runs), each.group, made, contacts)
                continue
            due -= due % FIRST_STEP
            nobody = np.zeros(self._shape[1:], dtype=np.int64)
            cohort = cohorts.setdefault((due, made), _Cohort(due, made, nobody))
            cohort.contacts[:, each.group] += contacts
        self._due = [cohorts[key] for key in sorted(cohorts)]

    def run(self) -> None:
        """Until everybody is finished, or the steps are at an end: then ``ends`` is infinite."""
        spare = np.zeros(self._shape[1])
        for at, step in enumerate(self._steps):
            self._at = at
            if (coming := self._coming.pop(at, None)) is not None:
                for made in np.flatnonzero(coming.any(axis=(1, 2))):
                    self._line_up(_Cohort(step.begins, int(made), coming[made]))
            if self._due:
                room = self._pace * (step.ends - step.begins) + spare
                whole = np.floor(room).astype(np.int64)
                spare = room - whole
                self._call(step, whole)
            elif not self._coming:
                return
        left = sum(self._coming.values(), self._nobody())
        for cohort in self._due:
            left[cohort.made] += cohort.contacts
        self.ends[left.any(axis=(0, 2))] = np.inf

    def _line_up(self, cohort: _Cohort) -> None:
        """Behind the others; at the end of a long line it no longer matters who came a step before whom."""
        if len(self._due) >= LONG_LINE:
            for other in reversed(self._due):
                if other.made == cohort.made:
                    other.contacts += cohort.contacts
                    return
        self._due.append(cohort)

    def _call(self, step: _Step, room: Ints) -> None:
        """Call who is due, as far as there is room."""
        called = self._nobody()
        since = np.zeros_like(room)  # calls of those who come due during this step
        left = room
        for group in step.is_open:
            for cohort in self._due:
                taken = np.minimum(cohort.contacts[:, group], left)
                if not taken.any():
                    continue
                cohort.contacts[:, group] -= taken
                called[cohort.made, :, group] += taken
                left = left - taken
                if cohort.due >= step.begins and group not in step.opened:
                    since += taken
                if not left.any():
                    break
        self._due = [each for each in self._due if each.contacts.any()]
        taken = room - left
        # The last of a backlog goes when the pace has come round to it, the last of those who come due when it is due.
        come_due = np.where(since > 0, self._rng.random(len(room)) ** (1 / np.maximum(since, 1)), 0)
        last = np.minimum(1, np.maximum((taken - since) / np.maximum(room, 1), come_due))
        length = step.ends - step.begins
        self.ends = np.where(taken > 0, step.begins + length * last + self._call_s, self.ends)
        # Of a few that are spread evenly, the last one is not yet the end of the spread.
        spread = np.minimum(1, last * (1 + (since > 0) / np.maximum(taken, 1)))
        self._end(step.begins + self._call_s, length * spread, called)

    def _end(self, begins: float, length: Floats, called: Ints) -> None:
        """These calls end evenly over so many seconds from ``begins``."""
        for made, rates in enumerate(self._rates):
            for group in np.flatnonzero(called[made].any(axis=0)):
                ways = self._rng.multinomial(called[made, :, group], rates)
                for place, fate in enumerate(self._fates):
                    contacts = ways[:, place]
                    if fate is Ending.REACHED:
                        self.reached += contacts
                    elif isinstance(fate, Again) and contacts.any():
                        self._come(begins + fate.wait_s, length, int(group), made + fate.counts, contacts)

    def _come(self, begins: float, length: Floats, group: int, made: int, contacts: Ints) -> None:
        """They come due evenly over this time: in the steps that are then, or the first one after."""
        at = int(np.searchsorted(self._ends, begins, side="right"))
        left = contacts
        while at < len(self._ends) and (longer := length > self._ends[at] - begins).any():
            share = np.where(longer, (self._ends[at] - begins) / np.maximum(length, 1e-9), 1)
            now = self._rng.binomial(left, share)
            self._come_at(at, made)[:, group] += now
            left = left - now
            length = length - (self._ends[at] - begins)
            begins = self._ends[at]
            at += 1
        self._come_at(at, made)[:, group] += left

    def _come_at(self, at: int, made: int) -> Ints:
        """Those who come due in a step; in the one at hand: who is called at the beginning of the next."""
        if at > self._at:
            coming: Ints = self._coming[at][made]
            return coming
        due = float(self._ends[self._at]) - 1e-3
        if not self._due or (self._due[-1].due, self._due[-1].made) != (due, made):
            self._due.append(_Cohort(due, made, np.zeros(self._shape[1:], dtype=np.int64)))
        return self._due[-1].contacts
