"""Callbacks from pjsua2 that cannot fail unheard."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class HearsOfFaults(Protocol):
    """An object whose callbacks are guarded."""

    def callback_failed(self, detail: str) -> None:
        """One of them raised."""


Self_ = TypeVar("Self_", bound=HearsOfFaults)
P = ParamSpec("P")


def guarded(callback: Callable[Concatenate[Self_, P], None]) -> Callable[Concatenate[Self_, P], None]:
    """An exception in ``callback`` would be printed by C++ and forgotten: it is told to the object instead."""

    @wraps(callback)
    def outer(self: Self_, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            callback(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  told, not swallowed
            self.callback_failed(f"{callback.__name__}: {type(error).__name__}: {error}")

    return outer
