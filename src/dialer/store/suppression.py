"""Numbers whose people were erased: kept as keyed hashes, so that nobody can read them and nobody may call them."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from dialer.compliance.policy import DncEntry
from dialer.errors import StoreError
from dialer.store.schema import suppressed

KEY_SUFFIX = ".key"
KEY_BYTES = 32
_ANY = sa.select(sa.literal(1)).select_from(suppressed).limit(1)


class SuppressionKey:
    """The key, in a file of its own beside the store; made with the first erasure."""

    def __init__(self, store_path: Path) -> None:
        self._path = store_path.with_name(store_path.name + KEY_SUFFIX)
        self._key = b""

    def read(self) -> bytes:
        """Raises StoreError when it is not there: without it nobody can tell who must not be called."""
        if not self._key:
            try:
                self._key = self._path.read_bytes()
            except OSError as error:
                raise StoreError(
                    f"{self._path}: cannot be read: {error.strerror}",
                    hint="it tells which numbers were erased and must not be called: bring it back from the backup",
                ) from error
            if len(self._key) != KEY_BYTES:
                raise StoreError(f"{self._path} is no key", hint="bring it back from the backup")
        return self._key

    def make(self) -> bytes:
        """The key, made now unless there is one."""
        if not self._path.exists():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                os.write(descriptor, secrets.token_bytes(KEY_BYTES))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        return self.read()


def mac(key: bytes, e164: str) -> bytes:
    """The keyed hash (HMAC-SHA-256) of a number."""
    return hmac.digest(key, e164.encode("ascii"), "sha256")


def suppressed_among(connection: sa.Connection, numbers: Iterable[str]) -> dict[str, DncEntry]:
    """Those of these numbers that were erased, as do-not-call entries. Raises StoreError without the key."""
    if connection.execute(_ANY).first() is None:
        return {}
    holder: SuppressionKey = connection.info["suppression"]
    key = holder.read()
    by_mac = {mac(key, e164): e164 for e164 in numbers}
    rows = connection.execute(sa.select(suppressed).where(suppressed.c.mac.in_(list(by_mac))))
    return {
        by_mac[row.mac]: DncEntry(by_mac[row.mac], row.since, "erased: never to be called again", "erasure")
        for row in rows
    }
