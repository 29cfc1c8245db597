"""Numbers, moments and files as operators type them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import DialerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dialer.contacts.contact import Number


def number_of(text: str, region: str | None = None) -> Number:
    """The number that was typed. Raises DialerError with the reason when it is none."""
    number = parse_number(text, region)
    if isinstance(number, NumberProblem):
        raise DialerError(f"{text}: {number.reason}", hint="international form is never doubtful: +13055550123")
    return number


def moment_of(text: str) -> datetime:
    """An ISO 8601 instant with its offset, as UTC. Raises BadParameter for one without: whose clock would it be?"""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a time; write 2026-11-20T20:30-05:00") from error
    if moment.utcoffset() is None:
        raise typer.BadParameter(f"{text!r} has no offset; write 2026-11-20T20:30-05:00, or Z for UTC")
    return moment.astimezone(UTC)


def numbers_in(path: Path, region: str | None) -> Iterator[tuple[int, str, Number | NumberProblem]]:
    """Line number, text and number of each line of a plain list, one number a line; # begins a comment.

    Raises DialerError when the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for line, text in enumerate(file, start=1):
                wanted = text.partition("#")[0].strip()
                if wanted:
                    yield line, wanted, parse_number(wanted, region)
    except (OSError, UnicodeDecodeError) as error:
        raise DialerError(f"{path}: cannot be read: {error}") from error
