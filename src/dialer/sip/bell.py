"""What wakes the agent's owner thread."""

from __future__ import annotations

import os
import select
from typing import Protocol

import pjsua2 as pj

NO_BELL = -1


class HasFileno(Protocol):
    """A socket, or what stands for one."""

    def fileno(self) -> int:
        """Its descriptor."""


class Bell:
    """A word from the engine and a key that a callee presses end a wait at once; all else is looked at when it is over.

    To be woken costs more than most things that there are to do: what many calls have to be done is done in one go.
    """

    def __init__(self, engine: HasFileno) -> None:
        self.keys = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._awaited = select.poll()
        self._awaited.register(engine, select.POLLIN)
        self._awaited.register(self.keys, select.POLLIN)
        pj.ring_at(self.keys)

    def wait(self, wait_ms: int) -> bool:
        """For at most so many milliseconds; returns whether there is a word from the engine."""
        ready = [descriptor for descriptor, _ in self._awaited.poll(wait_ms)]
        if self.keys in ready:
            os.eventfd_read(self.keys)
            ready.remove(self.keys)
        return bool(ready)

    def close(self) -> None:
        """Once the endpoint is closed, and nobody can ring any more."""
        pj.ring_at(NO_BELL)
        os.close(self.keys)
