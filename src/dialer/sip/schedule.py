"""Things to be done at an instant of the monotonic clock, on the owner thread."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Due:
    """One thing to be done; ``cancel`` takes it back."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Not to be done any more; no harm when it is done already."""
        self.action = None


class Schedule:
    """A heap of things to be done."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Due]] = []
        self._order = itertools.count()

    def at(self, when: float, action: Callable[[], None]) -> Due:
        """Do ``action`` once ``when`` (monotonic seconds) has come."""
        due = Due(action)
        heapq.heappush(self._heap, (when, next(self._order), due))
        return due

    def run(self, now: float) -> None:
        """Do what is due; what an action adds for ``now`` or before waits for the next run."""
        ready = []
        while self._heap and self._heap[0][0] <= now:
            ready.append(heapq.heappop(self._heap)[2])
        for due in ready:
            if due.action is not None:
                due.action()
