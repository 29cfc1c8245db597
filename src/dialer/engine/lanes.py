"""A lane: so many new calls a second, and so many at once. Each trunk is one, and each campaign has its own."""

from __future__ import annotations

import asyncio

from dialer.campaigns.pacing import Pacer

HORIZON_S = 0.25
"""How far ahead of their dialing contacts are claimed and decided. A campaign that joins others on a lane delays what
they have decided already, by their own horizon at most: a fact that changes binds within a second."""


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
        self._users: set[object] = set()
        # Whose turn it is to claim, and to dial: in the order in which they asked, or one would starve another.
        self.claiming = asyncio.Lock()
        self.dialing = asyncio.Lock()

    def join(self, user: object) -> None:
        """This campaign has calls to place: it gets a share of the room."""
        self._users.add(user)

    def leave(self, user: object) -> None:
        """This campaign has nothing to place now."""
        self._users.discard(user)

    def delay(self, now: float) -> float:
        """Seconds until more contacts should be claimed; 0: now. Half a horizon ahead, so that several come at once."""
        return max(0.0, self._backlog(now) - HORIZON_S / 2)

    def room(self, now: float) -> int:
        """How many contacts one user may claim, once there is no delay; none while every channel is taken."""
        ahead = min(HORIZON_S - self._backlog(now), HORIZON_S / max(1, len(self._users)))
        return min(self._pacer.room(ahead), self._channels - self._taken)

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
