"""Events and commands are values: equal when alike, and not to be changed."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from dialer.calls.events import CallCommand, CallEvent, KeyHeard, SendInvite


@pytest.mark.parametrize("kind", [*get_args(CallEvent), *get_args(CallCommand)])
def test_each_is_a_frozen_value_without_a_dict(kind: type) -> None:
    assert issubclass(kind, msgspec.Struct)
    assert kind.__struct_config__.frozen
    assert "__dict__" not in dir(kind)


def test_alike_is_equal() -> None:
    assert KeyHeard("9", "info") == KeyHeard("9", "info") != KeyHeard("9", "rfc4733")
    with pytest.raises(AttributeError):
        SendInvite("north", "a1-1").trunk = "south"  # type: ignore[misc]
