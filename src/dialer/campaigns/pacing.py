"""How fast: new calls a second, spaced evenly, without a burst after a stall."""

from __future__ import annotations

from dataclasses import dataclass

SLOWEST = 0.1  # of the full rate, at the beginning of a ramp
LATE_S = 0.05  # a busy event loop's lateness: not a stall


@dataclass(slots=True)
class Pacer:
    """Spaces dials ``1 / cps`` seconds apart.

    A stall is not made up for: the next dial after it goes at once, the ones behind it at their usual spacing. What is
    late by less than LATE_S, or by less than a spacing, keeps its place in the schedule: at 250 a second a loop that
    comes back 5 ms late would else lose every other call. Times are monotonic seconds, given by the caller. ``cps`` may
    be changed at any time.
    """

    cps: float
    _next: float = float("-inf")

    def wait(self, now: float) -> float:
        """Seconds until a dial may go; 0: now."""
        return max(0.0, self._next - now)

    def dialed(self, now: float) -> None:
        """A dial goes now."""
        spacing = 1.0 / self.cps
        late = now - self._next
        self._next = (self._next if late < max(spacing, LATE_S) else now) + spacing

    def room(self, horizon: float) -> int:
        """How many dials fit into the next ``horizon`` seconds; at least one."""
        return max(1, int(self.cps * horizon))


def ramp(elapsed_s: float, ramp_s: float) -> float:
    """The share of the full rate so long after the start: in a straight line to 1 within ``ramp_s``."""
    if elapsed_s >= ramp_s:
        return 1.0
    return SLOWEST + (1.0 - SLOWEST) * max(0.0, elapsed_s) / ramp_s
