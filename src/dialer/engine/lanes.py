"""A lane: so many new calls a second, and so many at once. Each trunk is one, and each campaign has its own."""

from __future__ import annotations

from dialer.campaigns.pacing import Pacer

HORIZON_S = 0.5
"""How far ahead of their dialing contacts are claimed and decided: a fact that changes binds within a second."""


class Lane:
    """Counts what is on its way through: *reserved* (claimed, not dialed yet) and *taken* (reserved, or a live call).

    ``now`` is monotonic seconds.
    """

    def __init__(self, cps: float, channels: int) -> None:
        self._pacer = Pacer(cps)
        self._cps = cps
        self._channels = channels
        self._reserved = 0
        self._taken = 0

    def delay(self, now: float) -> float:
        """Seconds until another contact should be claimed; 0: now."""
        return max(0.0, self._backlog(now) - HORIZON_S)

    def room(self, now: float) -> int:
        """How many contacts may be claimed, once there is no delay; none while every channel is taken."""
        return min(self._pacer.room(HORIZON_S - self._backlog(now)), self._channels - self._taken)

    def reserve(self, calls: int) -> None:
        """Keep room for calls that are to be decided. Each is given back, or becomes an attempt and then ends."""
        self._reserved += calls
        self._taken += calls

    def give_back(self, calls: int) -> None:
        """These became no attempts."""
        self._reserved -= calls
        self._taken -= calls

    def wait(self, now: float) -> float:
        """Seconds until the next dial may go; 0: now."""
        return self._pacer.wait(now)

    def dialed(self, now: float) -> None:
        """A reserved call goes out now."""
        self._pacer.dialed(now)
        self._reserved -= 1

    def skipped(self) -> None:
        """A reserved call does not go out; its attempt ends without."""
        self._reserved -= 1

    def ended(self) -> None:
        """An attempt has ended: its channel is free."""
        self._taken -= 1

    def _backlog(self, now: float) -> float:
        return self._pacer.wait(now) + self._reserved / self._cps
