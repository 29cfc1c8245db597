"""What goes wrong with a database file, in the operator's words."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialer.errors import StoreBusy, StoreDamaged, StoreError, StoreReadOnly

_FULL = "no space is left on the disk of"
_FULL_HINT = "free some space; no call is placed until outcomes can be stored again"
_DAMAGED_HINT = "`dialer restore` a backup; `dialer doctor` shows the details"
_READ_ONLY_HINT = "check the owner and mode of the file and its directory, and whether the disk is mounted read-only"


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite, SQLAlchemy and the operating system raise about ``path`` into a StoreError with a hint."""
    try:
        yield
    except sqlite3.Error as error:
        raise _of_sqlite(path, error) from error
    except UnicodeDecodeError as error:  # text is written as UTF-8, and SQLite's own messages quote what it finds
        raise StoreDamaged(f"{path} is damaged: its text cannot be read", hint=_DAMAGED_HINT) from error
    except OSError as error:
        raise _of_system(path, error) from error
    except Exception as error:
        from sqlalchemy.exc import DBAPIError, StatementError  # it is loaded, if one of these was raised

        if isinstance(error, DBAPIError):
            raise _of_sqlite(path, error.orig or error) from error
        if isinstance(error, StatementError):  # a value that its column does not take: a naive datetime
            raise error.orig or error from error
        raise


def not_writable(path: Path) -> StoreReadOnly:
    """The error for a file whose mode, directory or disk forbids writing."""
    return StoreReadOnly(f"{path} cannot be written", hint=_READ_ONLY_HINT)


def _of_sqlite(path: Path, error: BaseException) -> StoreError:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the rest of an extended code says where, not what
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(
                f"{path} is locked by another process",
                hint="end what else works on it (a copy, a backup, an sqlite3 shell), then try again",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return not_writable(path)
        case sqlite3.SQLITE_CANTOPEN:
            if path.exists() and not os.access(path.parent, os.W_OK):  # the WAL lies beside it
                return not_writable(path)
            return StoreError(f"{path} cannot be opened", hint="check that its directory exists and is yours")
        case sqlite3.SQLITE_NOTADB:
            return StoreDamaged(f"{path} is not a database", hint="check the path, or restore the file from a backup")
        case sqlite3.SQLITE_CORRUPT:
            return StoreDamaged(f"{path} is damaged: {error}", hint=_DAMAGED_HINT)
        case sqlite3.SQLITE_FULL:
            return StoreError(f"{_FULL} {path}", hint=_FULL_HINT)
        case sqlite3.SQLITE_IOERR:
            return StoreError(f"the disk of {path} does not do its work: {error}", hint="it may be full or failing")
        case sqlite3.SQLITE_CONSTRAINT:
            return StoreError(f"the store refuses what must never be: {error}")
        case _:
            return StoreError(f"{path}: {error}")


def _of_system(path: Path, error: OSError) -> StoreError:
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return not_writable(path)
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreError(f"{_FULL} {path}", hint=_FULL_HINT)
    return StoreError(f"{path}: {error.strerror or error}")
