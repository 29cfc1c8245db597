"""How fast: new calls a second, spaced evenly, without a burst after a stall."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST = 0.1  # of the full rate, at the beginning of a ramp


@dataclass(slots=True)
class Pacer:
    """Spaces dials ``1 / cps`` seconds apart.

    A stall is not made up for: the next dial after it goes at once, the ones behind it at their usual spacing. Times
    are monotonic seconds, given by the caller. ``cps`` may be changed at any time.
    """

    cps: float
    _next: float = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a dial may go; 0: now."""
        return max(0.0, self._next - now)

    def dialed(self, now: float) -> None:
        """A dial goes now."""
        spacing = 1.0 / self.cps
        # A dial that is a little late does not push the schedule back; one late by more than a spacing resets it.
        self._next = max(self._next + spacing, now) if now - self._next < spacing else now + spacing

    def room(self, horizon: float) -> int:
        """How many dials fit into the next ``horizon`` seconds; at least one."""
        return max(1, int(self.cps * horizon))


def ramp(elapsed_s: float, ramp_s: float) -> float:
    """The share of the full rate so long after the start: in a straight line to 1 within ``ramp_s``."""
    if elapsed_s >= ramp_s:
        return 1.0
    return SLOWEST + (1.0 - SLOWEST) * max(0.0, elapsed_s) / ramp_s
