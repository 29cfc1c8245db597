"""The callees: who they are is decided by their number and a seed, so that a test knows what must come out.

A population is a TOML file::

    seed = 7

    [[callees]]
    name = "presses 1"
    share = 30              # weight among all shares
    does = "press_key"      # one of Does
    ring_s = [0.5, 2.0]     # how long it rings first, in seconds: between these
    key = "1"
    after_s = [2.0, 6.0]    # from the answer

    [[callees]]
    name = "the mayor"
    numbers = ["+13055550123"]   # these numbers, whatever the shares say
    does = "busy"
"""

from __future__ import annotations

import hashlib
import tomllib
from enum import StrEnum
from typing import Annotated

import msgspec

from dialer.errors import ConfigError


class Does(StrEnum):
    """What a callee does when its telephone rings."""

    LISTEN = "listen"  # answers, says hello, listens until the caller hangs up
    PRESS_KEY = "press_key"  # answers, says hello, presses ``key`` after ``after_s``
    HANG_UP = "hang_up"  # answers, says hello, hangs up after ``after_s``
    SILENT = "silent"  # answers and says nothing
    VOICEMAIL = "voicemail"  # a greeting of ``after_s``, a beep, then records
    REINVITE = "reinvite"  # as listen, with a re-INVITE after ``after_s``
    EARLY_MEDIA = "early_media"  # 183 with a tone, then answers and listens
    NO_ANSWER = "no_answer"  # rings for ever
    REFUSE = "refuse"  # the final response ``code``


class Refusal(StrEnum):
    """The final responses that a callee, or the network on its behalf, gives; 603+ is ATIS-1000099's."""

    BUSY = "486"
    DECLINED = "603"
    BLOCKED_PLUS = "603+"
    UNWANTED = "607"
    BLOCKED = "608"
    UNKNOWN_NUMBER = "404"
    UNAVAILABLE = "480"
    CONGESTION = "503"


Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]


class Callee(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of callee."""

    name: str
    does: Does
    share: Annotated[float, msgspec.Meta(ge=0)] = 0
    numbers: tuple[str, ...] = ()
    ring_s: tuple[Seconds, Seconds] = (0.5, 2.0)
    after_s: tuple[Seconds, Seconds] = (1.0, 3.0)
    key: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#]$")] = "1"
    via_info: bool = False  # the key as SIP INFO instead of RFC 4733
    code: Refusal = Refusal.BUSY


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    callees: list[Callee]
    seed: int = 1


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What will happen at one number: the kind of callee, with its times drawn."""

    callee: Callee
    ring_s: float
    after_s: float


class Population:
    """Everybody who can be called."""

    def __init__(self, callees: list[Callee], seed: int) -> None:
        self._seed = seed
        self._fixed = {number: callee for callee in callees for number in callee.numbers}
        self._shared = [callee for callee in callees if callee.share > 0]
        self._whole = sum(callee.share for callee in self._shared)
        if not self._shared:
            raise ConfigError("a population needs at least one [[callees]] with a share above 0")

    def fate(self, number: str) -> Fate:
        """What happens when ``number`` (digits, with or without plus) is called: the same every time."""
        digits = "+" + number.lstrip("+")
        draws = hashlib.blake2b(f"{self._seed}:{digits}".encode(), digest_size=24).digest()
        which, ring, after = (int.from_bytes(draws[at : at + 8], "big") / 2**64 for at in (0, 8, 16))
        callee = self._fixed.get(digits) or self._drawn(which)
        return Fate(callee=callee, ring_s=_between(callee.ring_s, ring), after_s=_between(callee.after_s, after))

    def _drawn(self, draw: float) -> Callee:
        left = draw * self._whole
        for callee in self._shared:
            left -= callee.share
            if left < 0:
                return callee
        return self._shared[-1]


def parse_population(text: str, source: str, seed: int | None = None) -> Population:
    """Read a population file; ``seed`` replaces the file's. Raises ConfigError."""
    try:
        file = msgspec.convert(tomllib.loads(text), _File)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{source}: {error}", hint="`dialer sim --help` shows a population file") from error
    return Population(file.callees, file.seed if seed is None else seed)


def _between(span: tuple[float, float], draw: float) -> float:
    low, high = min(span), max(span)
    return low + (high - low) * draw
