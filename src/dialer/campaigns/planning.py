"""Whom to call next: of the places in which contacts wait, those first whose hours end first.

Whoever is not reached before the hours end waits for the next day, so the places are taken in the order that loses
fewest; within a place the earliest due comes first, then the first in priority. Nothing here decides whether a call
may be placed: the gate does, at the moment of dialing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from dialer.compliance.windows import Opening


@dataclass(frozen=True, slots=True)
class WaitingPlace:
    """A place with contacts that wait; ``next_due`` is the earliest of theirs. Times are aware, UTC."""

    place_id: int
    next_due: datetime
    opening: Opening | None  # the hours around or after ``next_due`` or now, whichever is later; None: none to come


@dataclass(frozen=True, slots=True)
class Plan:
    """The places to take contacts from now, in order; and when, if there is none, the first may be called."""

    places: tuple[int, ...]
    next_at: datetime | None  # None: nobody waits


def plan(waiting: Iterable[WaitingPlace], now: datetime) -> Plan:
    """What to do at ``now``.

    Where no hours are to come, or the place is not known, contacts are taken all the same, last: the gate refuses them,
    with its reasons, and they do not wait for ever.
    """
    found: list[tuple[float, datetime, int]] = []
    later: list[datetime] = []
    for each in waiting:
        at = each.next_due
        if each.opening is not None:
            at = max(at, each.opening.opens_at)
        if at > now:
            later.append(at)
            continue
        closes_at = each.opening.closes_at if each.opening else None
        found.append((closes_at.timestamp() if closes_at else float("inf"), each.next_due, each.place_id))
    if found:
        return Plan(tuple(place_id for _, _, place_id in sorted(found)), now)
    return Plan((), min(later, default=None))
