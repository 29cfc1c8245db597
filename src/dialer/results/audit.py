"""The audit chain: what was done, by whom, so that no entry can be changed, removed or moved unseen.

Each entry carries the SHA-256 of itself and of the one before it. Decisions and outcomes are entered as the digests of
their rows, so that a changed row is found as well as a changed entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

FIRST = "0" * 64  # what the first entry is chained to


class AuditKind(StrEnum):
    """What an entry is about."""

    BEGIN = "begin"  # the chain begins; rows that were there before are counted, and not vouched for
    RUN = "run"  # an engine started or ended
    TEXT = "text"  # rules, an operator's file or a policy that decisions refer to
    DECISIONS = "decisions"
    OUTCOMES = "outcomes"
    CAMPAIGN = "campaign"  # created, started, paused, stopped
    IMPORT = "import"  # a contact list
    REGISTRY = "registry"  # a do-not-call registry was loaded
    DO_NOT_CALL = "do_not_call"  # the operator's own list
    CONSENT = "consent"  # given, revoked; dealings; reassigned numbers
    ERASURE = "erasure"  # rows were lawfully removed, and which
    RESTORE = "restore"  # a backup was put in the store's place; what was carried over, and what was lost


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    seq: int  # from 1, without a gap
    at: datetime
    who: str  # user@host, or the run
    kind: AuditKind
    subject: str
    body: str  # JSON
    prev: str  # hash of the entry before
    hash: str = ""

    def hashed(self) -> AuditEntry:
        """With its own hash."""
        return msgspec.structs.replace(self, hash=self.digest())

    def digest(self) -> str:
        """Of all but the hash itself, hexadecimal."""
        return hashlib.sha256(_encode(msgspec.structs.astuple(self)[:-1])).hexdigest()


class AuditHead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest entry, as noted outside of the chain: a chain that was cut off does not reach it."""

    seq: int
    hash: str


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """The first place at which the chain does not hold."""

    seq: int
    why: str


def masked(e164: str) -> str:
    """A number as the chain, which is never erased, may have it."""
    return f"{e164[:5]}***{e164[-2:]}"


def row_digest(values: Sequence[Any]) -> str:
    """Of one row's columns: text, numbers, bytes and None."""
    return hashlib.sha256(_encode(values)).hexdigest()[:32]


class ChainCheck:
    """Holds entries against each other as they come, oldest first."""

    def __init__(self, noted: AuditHead | None) -> None:
        """``noted``: the newest entry as it was written down elsewhere."""
        self.newest: AuditHead | None = None
        self._noted = noted
        self._seen = noted is None

    def look_at(self, entry: AuditEntry) -> Break | None:
        """What is wrong with the next entry, if anything."""
        seq = 1 if self.newest is None else self.newest.seq + 1
        prev = FIRST if self.newest is None else self.newest.hash
        if entry.seq != seq:
            return Break(seq=seq, why=f"entry {seq} is missing: the next one is {entry.seq}")
        if entry.prev != prev:
            return Break(seq=seq, why="it is not chained to the entry before")
        if entry.digest() != entry.hash:
            return Break(seq=seq, why="it was changed: its hash is another")
        if self._noted is not None and seq == self._noted.seq:
            self._seen = True
            if entry.hash != self._noted.hash:
                return Break(seq=seq, why="it is not the entry that was noted as the newest")
        self.newest = AuditHead(seq=seq, hash=entry.hash)
        return None

    def end(self) -> Break | None:
        """What is wrong with where the chain ends, if anything."""
        if self._seen or self._noted is None:
            return None
        last = 0 if self.newest is None else self.newest.seq
        return Break(seq=last + 1, why=f"the chain ends at {last}, and entry {self._noted.seq} was noted as the newest")


_encode = msgspec.msgpack.Encoder().encode
