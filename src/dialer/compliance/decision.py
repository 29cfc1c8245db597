"""The gate's yes and no.

A permit is the only thing that a call can be placed with. It is sealed with a key that the process that composes the
engine makes at its start and hands to nobody but the gate and the SIP agents: a permit that the gate did not make, or
that was altered on its way, does not verify.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from dialer.errors import PermitError

_encode = msgspec.msgpack.Encoder().encode
PERMIT_LIFETIME = timedelta(seconds=5)


class Verdict(StrEnum):
    """What one check says. The strictest of all checks wins: never > defer > pass."""

    PASS = "pass"  # noqa: S105  # no password
    DEFER = "defer"
    NEVER = "never"


class CheckName(StrEnum):
    """The checks, in the order in which they are made and shown."""

    FACTS = "facts"
    NUMBER = "number"
    INTERNAL_DNC = "internal_dnc"
    RULES = "rules"
    DOCUMENTS = "documents"
    CONSENT = "consent"
    REASSIGNED = "reassigned"
    REGISTRIES = "registries"
    CALLING_WINDOW = "calling_window"
    ATTEMPT_CAPS = "attempt_caps"
    GAP = "gap"
    CALLER_ID = "caller_id"
    MESSAGE = "message"
    ABANDONMENT = "abandonment"


class CheckResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One check's verdict with what it was based on.

    ``evidence`` is JSON-ready: the facts and versions looked at. ``defer_until`` is set when, and only when, the
    verdict is DEFER: the earliest instant at which this check would pass.
    """

    check: CheckName
    verdict: Verdict
    reason: str
    citation: str = ""
    evidence: dict[str, Any] = {}
    defer_until: datetime | None = None


class Finding(NamedTuple):
    """What one check found. Its evidence is put into words only when somebody asks: most decisions nobody does."""

    check: CheckName
    verdict: Verdict
    reason: str
    citation: str = ""
    evidence: Callable[[], dict[str, Any]] = dict
    defer_until: datetime | None = None

    def result(self) -> CheckResult:
        """The finding with its evidence."""
        return CheckResult(
            check=self.check,
            verdict=self.verdict,
            reason=self.reason,
            citation=self.citation,
            evidence=self.evidence(),
            defer_until=self.defer_until,
        )


class Permit(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to place one call, for a few seconds. Made by :class:`dialer.compliance.gate.Gate` alone."""

    attempt_id: str
    campaign_id: int
    number: str  # E.164, the only number it may be used for
    caller_id: str  # E.164, the only number that may be presented
    rules_version: str
    issued_at: datetime
    expires_at: datetime
    basis: bytes = b""  # compliance.basis: what the decision rested on, to make it again
    seal: bytes = b""  # the last field: it is made of all the others

    def sealed(self, key: bytes) -> Permit:
        """This permit with the seal of ``key`` on it."""
        return msgspec.structs.replace(self, seal=self._mac(key))

    def verify(self, key: bytes, now: datetime) -> None:
        """Raise PermitError unless ``key`` sealed exactly this permit and ``now`` lies within its life."""
        if not hmac.compare_digest(self.seal, self._mac(key)):
            raise PermitError(f"the permit of attempt {self.attempt_id} was not made by this gate")
        if not self.issued_at - PERMIT_LIFETIME <= now < self.expires_at:
            raise PermitError(
                f"the permit of attempt {self.attempt_id} expired at {self.expires_at.isoformat()}",
                hint="the call is planned anew and decided anew",
            )

    def _mac(self, key: bytes) -> bytes:
        """Keyed BLAKE2b (RFC 7693 section 2.9), of 32 bytes."""
        return blake2b(_encode(msgspec.structs.astuple(self)[:-1]), key=key, digest_size=32).digest()


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The gate's no, for now (``defer_until``) or for good (None)."""

    campaign_id: int
    number: str
    rules_version: str
    decided_at: datetime
    refused_by: CheckName
    reason: str
    citation: str
    defer_until: datetime | None = None
    basis: bytes = b""


Decision = Permit | Refusal
