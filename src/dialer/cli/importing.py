"""A contact file becomes the parts of an import: in a process of its own where the file is long, beside the store's."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from itertools import islice
from multiprocessing.connection import Connection
from typing import BinaryIO

import msgspec

from dialer.contacts.importing import ContactFile
from dialer.contacts.plain import PART, PlainPart
from dialer.contacts.rows import Imported, RowRejection
from dialer.errors import ContactsError, DialerError

LONG = 1_000_000
"""Bytes: a shorter file is read before another process has begun."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """Some rows of the file; ``read`` is how many bytes of it are done."""

    contacts: PlainPart
    rejected: list[RowRejection]
    read: int


@contextmanager
def parts_of(contents: ContactFile, file: BinaryIO, size: int) -> Iterator[Iterator[FilePart]]:
    """The whole file, in order. Raises ContactsError while parts are taken, when it cannot be read to its end.

    To be entered before there are threads, and to be left before ``file`` is closed.
    """
    parts = _read(contents, file)
    gc.freeze()
    if size < LONG or len(os.sched_getaffinity(0)) == 1:
        yield parts
        return
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    with suppress(OSError):  # two parts or three fit then, so that either process may be late for once
        fcntl(sending.fileno(), F_SETPIPE_SZ, _PIPE)
    process = context.Process(target=_send, args=(parts, receiving, sending), daemon=True)
    process.start()
    sending.close()
    try:
        yield _received(receiving)
    finally:
        receiving.close()  # which ends it, should it not be done
        process.join()


def _read(contents: ContactFile, file: BinaryIO) -> Iterator[FilePart]:
    while rows := list(islice(contents.rows, PART)):
        good = [row for row in rows if isinstance(row, Imported)]
        part = PlainPart([row.plain for row in good], [row.consent for row in good if row.consent is not None])
        yield FilePart(part, [row for row in rows if isinstance(row, RowRejection)], file.tell())


_PIPE = 1 << 20  # bytes, the most that a user may have
_encode = msgspec.msgpack.Encoder().encode  # half the time of pickle
_decode = msgspec.msgpack.Decoder(FilePart).decode


def _received(receiving: Connection) -> Iterator[FilePart]:
    while True:
        try:
            got: bytes | DialerError | None = receiving.recv()
        except EOFError as error:
            raise ContactsError("the process that reads the file was ended", hint="import it again") from error
        if isinstance(got, DialerError):
            raise got
        if got is None:
            return
        yield _decode(got)


def _send(parts: Iterator[FilePart], receiving: Connection, sending: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process says so, by closing the pipe
    receiving.close()
    gc.disable()  # rows make no cycles, and looking for them takes longer than reading them
    try:
        for each in parts:
            sending.send(_encode(each))
        sending.send(None)
    except DialerError as error:
        sending.send(error)
    except BrokenPipeError:
        pass
