"""Whether the files that an open store writes to are still those that its name leads to."""

from __future__ import annotations

import os
from pathlib import Path

from dialer.errors import StoreDamaged

_LOG = ("-wal", "-shm")


class OwnFiles:
    """SQLite goes on writing to a WAL that was deleted, and whatever is written there is gone with the process.

    So the writer looks before and after each transaction: three stat() calls.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names = [f"{path}{suffix}" for suffix in _LOG]
        self._file = _identity(str(path))
        self.reopened()

    def reopened(self) -> None:
        """New connections have made a new WAL."""
        self._log = self._identities()

    @property
    def log_lost(self) -> bool:
        """Whether the WAL was deleted or replaced. Raises StoreDamaged when the store itself was."""
        if _identity(str(self._path)) != self._file:
            raise StoreDamaged(
                f"{self._path} was deleted or replaced while it was open",
                hint="stop the run, put the file back or `dialer restore` a backup; no call is placed until then",
            )
        return self._identities() != self._log

    def _identities(self) -> list[tuple[int, int] | None]:
        return [_identity(name) for name in self._names]


def _identity(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116  with every transaction, and Path.stat() takes several times as long
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
