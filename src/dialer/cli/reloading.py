"""What the operator has on file may change while a run goes on: the gate then decides by what it says now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dialer.compliance.gate import Gate
from dialer.compliance.rules import RuleTable
from dialer.config import load_config
from dialer.errors import ConfigError

if TYPE_CHECKING:
    from dialer.config import Config
    from dialer.engine.ports import Observer

LOOK_EVERY_S = 0.5


class Reloading:
    """Watches dialer.toml and sip.conf. While they cannot be read no call is placed: a right may have been withdrawn.

    Caller IDs, overrides and documents take effect at once; trunks, ports and paths with the next run.
    """

    def __init__(
        self, path: Path, config: Config, rules: RuleTable, key: bytes, use: Callable[[Gate | None], None],
        observer: Observer,
    ) -> None:  # fmt: skip
        """``use`` is given the gate to decide by from now on, or None."""
        self._path = path
        self._config = config
        self._rules = rules
        self._key = key
        self._use = use
        self._observer = observer
        self._seen = self._stamps()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            stamps = self._stamps()
            if stamps != self._seen:
                self._seen = stamps
                self._read()

    def _read(self) -> None:
        try:
            config = load_config(self._path)
        except ConfigError as error:
            self._use(None)
            self._observer.trouble("engine", f"no call is placed until this is mended: {error}")
            return
        if config.operator != self._config.operator:
            self._observer.trouble("engine", "caller IDs, overrides or documents have changed: they hold from now on")
        self._config = config
        self._use(Gate(self._rules, config.operator, self._key))

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        """Time of change and size of each file; zeros for one that is not there."""
        files = (self._path, self._config.directory / self._config.settings.sip.trunks)
        return tuple(_stamp(file) for file in files)


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
