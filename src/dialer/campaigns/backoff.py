"""Backing off: a trunk that chokes is given fewer calls, and more again as it recovers.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681) and as RFC 6357 discusses it for SIP overload: a
503 or a time-out says that the trunk has too much already, and so does a post-dial delay that grows.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

LEAST = 0.005  # of the full rate: a trunk that refuses everything is still asked now and then
HALVED = 0.5
STEP = 0.1  # of the full rate, given back for each quiet ``STEP_S``; below that much, the share doubles
STEP_S = 2.0
HOLD_S = 1.0  # between two cuts: what was dialed before the first says nothing new
LATEST = 20  # results that are looked at
FEWEST_REFUSED = 3
REFUSED_SHARE = 0.2
SLOW_S = 1.0  # a post-dial delay that grew by less is no sign
SLOW_TIMES = 2.0
QUICK, SLOWLY = 0.2, 0.01  # how far each new delay moves the recent and the usual one


class Sign(Enum):
    """What one attempt says of its trunk."""

    TAKEN = auto()  # it answered: the call rang, or failed for reasons of the callee's
    REFUSED = auto()  # 503, or nothing was heard within the time


@dataclass(slots=True)
class BackOff:
    """The share of a trunk's rate that it can take now. Times are monotonic seconds, given by the caller."""

    _share: float = 1.0  # at _since
    _since: float = 0.0
    _cut_at: float = float("-inf")
    _latest: deque[Sign] = field(default_factory=lambda: deque(maxlen=LATEST))
    _usual_s: float | None = None
    _recent_s: float | None = None

    def share(self, now: float) -> float:
        """Between LEAST and 1."""
        if self._share >= 1.0:
            return 1.0
        steps = max(0.0, now - self._since) / STEP_S
        if self._share < STEP:
            doubling = math.log2(STEP / self._share)
            if steps <= doubling:
                return self._share * math.pow(2.0, steps)
            return min(1.0, STEP + STEP * (steps - doubling))
        return min(1.0, self._share + STEP * steps)

    def heard(self, sign: Sign, post_dial_s: float | None, now: float) -> bool:
        """An attempt has ended; ``post_dial_s`` is from its INVITE to its first sign of ringing. Whether to cut."""
        self._latest.append(sign)
        refused = self._latest.count(Sign.REFUSED)
        choking = refused >= FEWEST_REFUSED and refused >= REFUSED_SHARE * len(self._latest)
        slow = self._grew(post_dial_s) if post_dial_s is not None else False
        if not ((choking and sign is Sign.REFUSED) or slow) or now - self._cut_at < HOLD_S:
            return False
        self._share = max(LEAST, self.share(now) * HALVED)
        self._since = self._cut_at = now
        return True

    def _grew(self, delay_s: float) -> bool:
        """Whether the delays of late are far above the usual."""
        if self._usual_s is None or self._recent_s is None:
            self._usual_s = self._recent_s = delay_s
            return False
        self._recent_s += QUICK * (delay_s - self._recent_s)
        self._usual_s += SLOWLY * (delay_s - self._usual_s)
        return self._recent_s > max(SLOW_TIMES * self._usual_s, self._usual_s + SLOW_S)
