"""A lane: so many new calls a second, and so many at once. Each trunk is one, and each campaign has its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from dialer.campaigns.backoff import BackOff, Sign
from dialer.campaigns.pacing import Pacer, ramp

HORIZON_S = 0.4
"""How far ahead of their dialing contacts are claimed and decided. A campaign that joins others on a lane delays what
they have decided already, by their own horizon at most: a fact that changes binds within a second."""

LOW_S = 0.125
"""How far ahead is still decided when the next are claimed: a store that takes longer holds calls up."""


class Lane:
    """Counts what is on its way through: *reserved* (claimed, not dialed yet) and *taken* (reserved, or a live call).

    ``now`` is monotonic seconds.
    """

    def __init__(self, cps: float, channels: int, *, ramp_s: float = 0.0) -> None:
        """``ramp_s`` is how long the rate takes to grow to ``cps`` from its first call on."""
        self._cps = cps
        self._channels = channels
        self._ramp_s = ramp_s
        self._pacer = Pacer(cps)
        self._back_off = BackOff()
        self._began: float | None = None
        self._reserved = 0
        self._taken = 0
        self._users: dict[object, float] = {}
        # Whose turn it is to claim, and to dial: in the order in which they asked, or one would starve another.
        self.claiming = asyncio.Lock()
        self.dialing = asyncio.Lock()

    def pace(self, cps: float, channels: int) -> None:
        """From now on so many calls a second, and so many at once."""
        self._cps, self._channels = cps, channels

    def rate(self, now: float) -> float:
        """The calls a second that may go now."""
        elapsed = 0.0 if self._began is None else now - self._began
        return self._cps * self._back_off.share(now) * ramp(elapsed, self._ramp_s)

    def heard(self, sign: Sign, post_dial_s: float | None, now: float) -> bool:
        """How an attempt over this lane fared; see BackOff. Whether the rate was cut because of it."""
        return self._back_off.heard(sign, post_dial_s, now)

    def join(self, user: object, share: float = 1.0) -> None:
        """This campaign has calls to place: it gets its share of the room."""
        self._users[user] = share

    def leave(self, user: object) -> None:
        """This campaign has nothing to place now."""
        self._users.pop(user, None)

    def delay(self, now: float) -> float:
        """Seconds until more contacts should be claimed; 0: now. They come several at once: that costs less."""
        return max(0.0, self._backlog(now) - LOW_S)

    def room(self, user: object, now: float) -> int:
        """How many contacts this user may claim, once there is no delay; none while every channel is taken."""
        share = self._users.get(user, 1.0) / max(sum(self._users.values()), self._users.get(user, 1.0))
        ahead = min(HORIZON_S - self._backlog(now), HORIZON_S * share)
        return max(0, min(self._paced(now).room(ahead), self.free))

    @property
    def free(self) -> int:
        """Channels that are neither reserved nor in use."""
        return self._channels - self._taken

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
        if self._began is None:
            self._began = now
        self._paced(now).dialed(now)
        self._reserved -= 1

    def skipped(self) -> None:
        """A reserved call does not go out; its attempt ends without."""
        self._reserved -= 1

    def ended(self) -> None:
        """An attempt has ended: its channel is free."""
        self._taken -= 1

    def _paced(self, now: float) -> Pacer:
        self._pacer.cps = self.rate(now)
        return self._pacer

    def _backlog(self, now: float) -> float:
        return self._pacer.wait(now) + self._reserved / self.rate(now)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Room for one call: in its campaign's own lane and in that of the trunk that it goes out by."""

    trunk: str
    lanes: tuple[Lane, ...]


def tickets(
    own: Lane, trunks: Iterable[tuple[str, Lane]], user: object, now: float, *, most: int | None = None
) -> list[Ticket]:
    """Reserve room for as many calls as the campaign's lane and these trunks have together, and no more than ``most``.

    They come in the order in which the trunks can take them: neither waits for the other.
    """
    left = own.room(user, now) if most is None else min(most, own.room(user, now))
    found: list[tuple[float, Ticket]] = []
    for name, lane in trunks:
        room = min(left, lane.room(user, now)) if lane.delay(now) <= 0 else 0
        own.reserve(room)
        lane.reserve(room)
        found += [((place + 0.5) / room, Ticket(name, (own, lane))) for place in range(room)]
        left -= room
    return [ticket for _, ticket in sorted(found, key=lambda each: each[0])]


def give_back(unused: Iterable[Ticket]) -> None:
    """These became no attempts."""
    for ticket in unused:
        for lane in ticket.lanes:
            lane.give_back(1)
