"""Throttles: so many calls to one number, or to one destination prefix, a minute, a quarter or an hour.

They hold across campaigns, and besides the law's caps: a village's only exchange, or a company's switchboard, is not to
be flooded by a campaign that is lawful call by call.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE, QUARTER, HOUR = timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1)
LONGEST = HOUR
MOST_GROUPS = 10_000  # before those that matter no more are dropped
EVERY_DIGIT = 15  # of an E.164 number, at most


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """Numbers that begin with ``prefix`` share a limit with those that are the same in their first ``digits``."""

    prefix: str  # "+1305"; "+": every number
    digits: int  # after the plus; EVERY_DIGIT: each number for itself
    limits: tuple[tuple[timedelta, int], ...]  # so many calls in any such time

    def group(self, e164: str) -> str | None:
        """Which numbers this one shares its limit with; None: the rule is not about it."""
        return e164[: self.digits + 1] if e164.startswith(self.prefix) else None


class Throttle:
    """Counts calls by rule and group. Times are aware; what has happened is never forgotten while it matters."""

    def __init__(self, rules: Iterable[ThrottleRule]) -> None:
        self._rules = tuple(rules)
        self._calls: defaultdict[tuple[int, str], list[datetime]] = defaultdict(list)
        self._most_groups = MOST_GROUPS

    @property
    def holds(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def dialed(self, e164: str, at: datetime) -> None:
        """A call was placed, or will be."""
        for key, _ in self._groups(e164):
            calls = self._calls[key]
            del calls[: bisect_right(calls, at - LONGEST)]
            insort(calls, at)
        if len(self._calls) > self._most_groups:
            self._drop_old(at)

    def not_dialed(self, e164: str) -> None:
        """The latest of these came to no call after all."""
        for key, _ in self._groups(e164):
            self._calls[key].pop()

    def earliest(self, e164: str, now: datetime) -> datetime:
        """When the number may be called again, as far as the throttles go: ``now``, or later."""
        when = now
        for key, rule in self._groups(e164):
            calls = self._calls.get(key)
            if not calls:
                continue
            for span, most in rule.limits:
                first = bisect_right(calls, now - span)
                if len(calls) - first >= most:
                    when = max(when, calls[len(calls) - most] + span)
        return when

    def _drop_old(self, now: datetime) -> None:
        latest = {key: calls for key, calls in self._calls.items() if calls and calls[-1] > now - LONGEST}
        self._calls = defaultdict(list, latest)
        self._most_groups = max(MOST_GROUPS, 2 * len(latest))

    def _groups(self, e164: str) -> Iterable[tuple[tuple[int, str], ThrottleRule]]:
        for number, rule in enumerate(self._rules):
            group = rule.group(e164)
            if group is not None:
                yield (number, group), rule
