"""The permit's seal: what is not exactly as the gate made it places no call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.compliance.decision import PERMIT_LIFETIME, Permit
from dialer.errors import PermitError

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
KEY = bytes(range(32))
PERMIT = Permit(
    attempt_id="a1",
    campaign_id=1,
    number="+13055550123",
    caller_id="+13055550100",
    rules_version="abc",
    issued_at=NOW,
    expires_at=NOW + PERMIT_LIFETIME,
    basis=b"what it rests on",
).sealed(KEY)


def test_a_permit_survives_the_wire() -> None:
    sent = msgspec.msgpack.encode(PERMIT)
    msgspec.msgpack.decode(sent, type=Permit).verify(KEY, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"attempt_id": "a2"},
        {"campaign_id": 2},
        {"number": "+13055550124"},
        {"caller_id": "+13055550199"},
        {"rules_version": "abd"},
        {"issued_at": NOW - timedelta(seconds=1)},
        {"expires_at": NOW + timedelta(days=1)},
        {"basis": b""},
    ],
)
def test_an_altered_permit_is_no_permit(change: dict[str, object]) -> None:
    with pytest.raises(PermitError, match="not made by this gate"):
        msgspec.structs.replace(PERMIT, **change).verify(KEY, NOW)


@given(st.binary(min_size=0, max_size=64))
def test_another_key_makes_no_permit(key: bytes) -> None:
    if key != KEY:
        with pytest.raises(PermitError):
            msgspec.structs.replace(PERMIT, seal=b"").sealed(key).verify(KEY, NOW)


@pytest.mark.parametrize("late", [PERMIT_LIFETIME, timedelta(hours=1), -timedelta(hours=1)])
def test_a_permit_is_good_for_seconds(late: timedelta) -> None:
    PERMIT.verify(KEY, NOW + PERMIT_LIFETIME - timedelta(milliseconds=1))
    with pytest.raises(PermitError, match="expired"):
        PERMIT.verify(KEY, NOW + late)
