"""``dialer logs``: what happened, attempt by attempt."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from dialer.cli.context import context_of
from dialer.errors import ConfigError
from dialer.log import mask

LEVELS = ("debug", "info", "warning", "error", "critical")
POLL_S = 0.2
SHOWN_FIRST = ("timestamp", "level", "event", "campaign", "number", "outcome", "check", "reason")


def logs(
    ctx: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for what comes.")] = False,
    campaign: Annotated[str, typer.Option(help="Only this campaign.")] = "",
    outcome: Annotated[str, typer.Option(help="Only attempts that ended so.")] = "",
    number: Annotated[str, typer.Option(help="Only this number, in international form.")] = "",
    attempt: Annotated[str, typer.Option(help="Only this attempt.")] = "",
    level: Annotated[str, typer.Option(help="This level and up.")] = "info",
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="The last so many; 0: all.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="The lines as they are in the file.")] = False,
) -> None:
    """Show the log, filtered.

    Example: dialer logs --follow --campaign "Appointment reminders" --outcome opted_out
    """
    if level not in LEVELS:
        raise ConfigError(f"no level is called {level!r}", hint=f"levels: {', '.join(LEVELS)}")
    context = context_of(ctx)
    wanted = {"campaign": campaign, "outcome": outcome, "attempt_id": attempt}
    numbers = {number, mask(number)} if number else set()

    def fits(event: dict[str, Any]) -> bool:
        return (
            LEVELS.index(str(event.get("level", "info"))) >= LEVELS.index(level)
            and all(not value or event.get(key) == value for key, value in wanted.items())
            and (not numbers or event.get("number") in numbers)
        )

    def show(line: bytes, event: dict[str, Any]) -> None:
        text = line.decode().rstrip("\n") if as_json else _readable(event)
        context.out.print(text, markup=False, soft_wrap=True)

    path = context.config.log_path
    if not path.exists():
        raise ConfigError(f"{path}: nothing has been logged yet", hint="`dialer run` writes it")
    with path.open("rb") as file:
        found = [(line, event) for line, event in _events(file) if fits(event)]
        for line, event in found[-lines:] if lines else found:
            show(line, event)
    if follow:
        for line, event in _coming(path):
            if fits(event):
                show(line, event)


def _events(file: Any) -> Iterator[tuple[bytes, dict[str, Any]]]:
    for line in file:
        try:
            yield line, msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:
            continue  # the last line may be half written


def _coming(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """What is appended from now on, through rotations."""
    file = path.open("rb")
    file.seek(0, 2)
    half = b""
    while True:
        line = half + file.readline()
        if line.endswith(b"\n"):
            half = b""
            yield from _events([line])
            continue
        half = line
        if path.exists() and path.stat().st_ino != _inode(file):
            file.close()
            file, half = path.open("rb"), b""
            continue
        time.sleep(POLL_S)  # a file that grows tells nobody


def _inode(file: Any) -> int:
    import os

    return os.fstat(file.fileno()).st_ino


def _readable(event: dict[str, Any]) -> str:
    first = [str(event[key]) for key in SHOWN_FIRST if event.get(key)]
    rest = [
        f"{key}={value}" for key, value in event.items() if key not in SHOWN_FIRST and value not in ("", None, [], 0)
    ]
    return " ".join(first + rest)
