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
from dialer.campaigns.spread import Opening

Ints: TypeAlias = npt.NDArray[np.int64]

REFUSED_PRIOR = (0.2, 9.8)  # contacts refused for good, and others
QUANTILES = (0.1, 0.5, 0.9)

FIRST_STEP = 60.0  # seconds; steps grow with the distance, since nobody asks for the minute of next week
STEP_GROWTH = 1.01
LONGEST_STEP = 900.0
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
    opened: npt.NDArray[np.bool_]  # by group: has just opened
    is_open: npt.NDArray[np.bool_]  # by group


def _steps(openings: Sequence[Sequence[Opening]], now: datetime) -> list[_Step]:
    """All time in which some group is open."""
    spans = [
        [((each.opens_at - now).total_seconds(), (each.closes_at - now).total_seconds()) for each in group]
        for group in openings
    ]
    marks = sorted({max(0.0, mark) for group in spans for span in group for mark in span})
    steps: list[_Step] = []
    length = FIRST_STEP
    for begins, ends in pairwise(marks):
        is_open = np.array([any(opens <= begins < closes for opens, closes in group) for group in spans])
        opened = np.array([any(opens == begins for opens, _ in group) for group in spans])
        at = begins
        while is_open.any() and at < ends:
            until = ends if ends - at < 1.5 * length else at + length
            steps.append(_Step(at, until, opened if at == begins else np.zeros_like(opened), is_open))
            at = until
            length = min(LONGEST_STEP, length * STEP_GROWTH)
    return steps


@dataclass(slots=True)
class _Cohort:
    """Contacts with so many attempts made who came due together, by (run, group)."""

    due: float
    made: int
    contacts: Ints
    backlog: bool  # due when the window opened, or before; else during the step


class _Ahead:
    """The rest of the campaign, many runs at once.

    As in the engine, who is due first is called first, and whoever is closed when their turn comes is put off to their
    next opening.
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
        self._due: list[_Cohort] = []  # in order
        self._put_off = self._nobody()
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
        current = [next((each for each in group if each.closes_at > now), None) for group in figures.openings]
        cohorts: dict[tuple[float, int], _Cohort] = {}
        for each in waiting:
            opening = current[each.group]
            if opening is None:
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
            cohort = cohorts.setdefault((due, -made), _Cohort(due, made, nobody, each.due_at <= opening.opens_at))
            cohort.contacts[:, each.group] += contacts
        self._due = [cohorts[key] for key in sorted(cohorts)]

    def run(self) -> None:
        """Until everybody is finished, or the steps are at an end: then ``ends`` is infinite."""
        spare = np.zeros(self._shape[1])
        for at, step in enumerate(self._steps):
            self._at = at
            self._come_due(step)
            if self._due:
                room = self._pace * (step.ends - step.begins) + spare
                whole = np.floor(room).astype(np.int64)
                spare = room - whole + self._call(step, whole)
            elif not self._coming and not self._put_off.any():
                return
        for cohort in self._due:
            self._put_off[cohort.made] += cohort.contacts
        left = sum(self._coming.values(), self._put_off)
        self.ends[left.any(axis=(0, 2))] = np.inf

    def _come_due(self, step: _Step) -> None:
        """Who was put off to this opening, and who comes due now."""
        if self._at and step.begins > self._steps[self._at - 1].ends:
            for cohort in self._due:  # everywhere was closed, so everybody's turn came
                self._put_off[cohort.made] += cohort.contacts
            self._due = []
        coming = self._coming.pop(self._at, None)
        if step.opened.any():
            opening = np.where(step.opened, self._put_off if coming is None else self._put_off + coming, 0)
            self._put_off[:, :, step.opened] = 0
            if coming is not None:
                coming[:, :, step.opened] = 0
            self._join(step.begins, opening, backlog=True)
        if coming is not None:
            self._join(step.begins, coming, backlog=False)

    def _join(self, due: float, contacts: Ints, *, backlog: bool) -> None:
        """Those called before stand earlier in the queue."""
        for made in reversed(np.flatnonzero(contacts.any(axis=(1, 2)))):
            self._due.append(_Cohort(due, int(made), contacts[made], backlog))

    def _call(self, step: _Step, room: Ints) -> Ints:
        """Call who is due, as far as there is room; return the room that was left over while somebody was due."""
        called = self._nobody()
        since = np.zeros_like(room)  # calls of those who came due during the opening
        left = room
        for cohort in self._due:
            if not left.any():
                break
            before, left = left, self._take(cohort, step, left, called[cohort.made])
            if not cohort.backlog:
                since += before - left
        self._due = [each for each in self._due if each.contacts.any()]
        rest = np.zeros_like(room)
        if left.any():
            rest = sum((each.contacts.sum(axis=1) for each in self._due), rest)
        taken = room - left
        # The last of a backlog goes when the pace has come round to it, the last of those who come due when it is due.
        come_due = np.where(since > 0, self._rng.random(len(room)) ** (1 / np.maximum(since, 1)), 0)
        last = np.minimum(1, np.maximum((taken - since) / np.maximum(room, 1), come_due))
        length = step.ends - step.begins
        self.ends = np.where(taken > 0, step.begins + length * last + self._call_s, self.ends)
        # Of a few that are spread evenly, the last one is not yet the end of the spread.
        spread = np.minimum(1, last * (1 + (since > 0) / np.maximum(taken, 1)))
        self._end(step.begins + self._call_s, length * spread, called)
        return np.where(rest > 0, left, 0)

    def _take(self, cohort: _Cohort, step: _Step, room: Ints, called: Ints) -> Ints:
        """Call as many of these as there is room for; return the room that is left."""
        there = cohort.contacts
        total = there @ step.is_open
        enough = (room >= total) & (room > 0)
        share = np.where(enough, 1.0, room / np.maximum(total, 1))
        turn = (there * share[:, None]).astype(np.int64)
        cohort.contacts = there - turn
        if not step.is_open.all():
            self._put_off[cohort.made][:, ~step.is_open] += turn[:, ~step.is_open]
            turn *= step.is_open
        called += turn
        return room - turn @ step.is_open

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
        due = float(self._ends[self._at])
        if not self._due or (self._due[-1].due, self._due[-1].made) != (due, made):
            self._due.append(_Cohort(due, made, np.zeros(self._shape[1:], dtype=np.int64), backlog=True))
        return self._due[-1].contacts
