"""The defaults of a plan keep to the law."""

from __future__ import annotations

import msgspec
import pytest

from dialer.calls.plan import CallLimits, CallScript, KeyAction, KeyRule, MachinePolicy


def test_it_rings_at_least_fifteen_seconds_unless_told_longer() -> None:
    assert CallLimits().ring_timeout_s >= 15  # 47 CFR 64.1200(a)(6)


def test_a_machine_gets_no_message_unless_told() -> None:
    assert CallScript(message="m", keys={}).machine is MachinePolicy.HANG_UP


def test_plans_cannot_be_changed_after_the_gate_saw_them() -> None:
    with pytest.raises(AttributeError):
        CallLimits().ring_timeout_s = 1.0  # type: ignore[misc]


def test_an_action_that_does_not_exist_does_not_decode() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"action": "call_back"}', type=KeyRule)
    assert msgspec.json.decode(b'{"action": "repeat"}', type=KeyRule).action is KeyAction.REPEAT
