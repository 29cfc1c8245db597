"""What signals mean to a run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dialer.log import Log, reopen_log

if TYPE_CHECKING:
    from dialer.engine.engine import Engine
    from dialer.engine.ports import Observer

STANDARD = (0, 1, 2)

_log = Log("dialer.run")


@contextmanager
def obeying_signals(engine: Engine, observer: Observer) -> Iterator[None]:
    """SIGINT, SIGTERM: no new calls, live ones end by themselves; again: they are hung up. SIGHUP: the log is reopened.

    SIGHUP also comes when the terminal goes, which is as good as one Ctrl-C.
    """
    terminals = [descriptor for descriptor in STANDARD if os.isatty(descriptor)]
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            observer.trouble("stop", "no new calls; live ones go on. Once more: hang up now")
            engine.drain()
        else:
            engine.hang_up_now()

    def hang_up() -> None:
        reopen_log()
        _log.info("log opened", why="SIGHUP")
        gone = [descriptor for descriptor in terminals if not os.isatty(descriptor)]
        if gone:
            _into_nothing(gone)
            terminals.clear()
            stop()

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: hang_up}
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def _into_nothing(descriptors: list[int]) -> None:
    """Writing to a terminal that has gone is an error, which would end the run in the middle of its calls."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nothing, descriptor)
    os.close(nothing)
