"""Moments as plain numbers: integer microseconds since 1970, exact, ordered, and the same in every database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970, UTC. Raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError(f"no naive datetime is a moment: {at.isoformat()}")
    return (at - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware UTC datetime of :func:`to_micros`, to the microsecond."""
    return _EPOCH + timedelta(microseconds=micros)
