"""Events and commands are values: equal when alike, and not to be changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass
from typing import get_args

import pytest

from dialer.calls.events import CallCommand, CallEvent, KeyHeard, SendInvite


@pytest.mark.parametrize("kind", [*get_args(CallEvent), *get_args(CallCommand)])
def test_each_is_a_frozen_value_without_a_dict(kind: type) -> None:
    assert is_dataclass(kind)
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(kind)


def test_alike_is_equal() -> None:
    assert KeyHeard("9", "info") == KeyHeard("9", "info") != KeyHeard("9", "rfc4733")
    with pytest.raises(FrozenInstanceError):
        SendInvite("north", "a1-1").trunk = "south"  # type: ignore[misc]
