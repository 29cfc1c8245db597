"""Structured logs: JSON lines to a rotating file, one canonical line for each attempt; console rendering on a terminal.

Levels: *debug* is every event of the wire; *info* is every attempt and refusal, and each change of a campaign;
*warning* needs a look (a trunk down, an agent started anew); *error* needs a hand (outcomes cannot be stored).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from dialer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from pathlib import Path

NUMBER = re.compile(r"\+\d{7,15}\b")
SECRET_KEYS = frozenset({"secret", "password", "permit_key", "seal", "authorization"})


def mask(number: str) -> str:
    """``+13055550123`` as ``+1305*****23``: enough to tell calls apart, too little to call."""
    return f"{number[:5]}{'*' * max(0, len(number) - 7)}{number[-2:]}"


def masked_text(text: str) -> str:
    """``text`` with every telephone number in it masked."""
    return NUMBER.sub(lambda found: mask(found.group()), text)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, dict):
        return {key: _masked(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(each) for each in value]
    return value


def _mask_numbers(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _masked(value) for key, value in event.items()}


def _drop_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: "(secret)" if key.lower() in SECRET_KEYS else value for key, value in event.items()}


_encoder = msgspec.json.Encoder(enc_hook=str)


def _json(event: Any, **_: Any) -> str:
    return _encoder.encode(event).decode()


class LogFile(logging.handlers.RotatingFileHandler):
    """The rotating file. It takes whole lines as well, and writes those of one turn of the event loop at once."""

    def __init__(self, path: Path, *, rotate_mb: int, keep: int, mask_numbers: bool) -> None:
        """Raises OSError."""
        super().__init__(path, maxBytes=rotate_mb * 1_000_000, backupCount=keep, encoding="utf-8")
        self._masks = mask_numbers
        self._lines: list[str] = []

    def add(self, event: Mapping[str, Any]) -> None:
        """Write ``event`` as one line, when this turn of the event loop is over; where there is no loop, now."""
        line = _json(event)
        self._lines.append(masked_text(line) if self._masks else line)
        if len(self._lines) == 1:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """A record goes behind the lines that were there before it."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Everything given so far is with the system when this returns."""
        with self.lock or contextlib.nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self._write("\n".join([*lines, ""]))
            super().flush()

    def _write(self, text: str) -> None:
        try:
            if self.stream is None:  # it is after reopen_log
                self.stream = self._open()
            if self.stream.tell() + len(text) >= self.maxBytes:
                self.doRollover()
            self.stream.write(text)
        except Exception:  # noqa: BLE001  as for a record: a log that cannot be written ends no run
            self.handleError(logging.makeLogRecord({"msg": text}))


def log_info(event: str, fields: Mapping[str, Any]) -> None:
    """What ``get_logger("dialer").info(event, **fields)`` writes, at a fraction of its cost: for each attempt's line.

    No field may be a secret: unlike numbers they are not looked for.
    """
    root = logging.getLogger("dialer")
    if not root.isEnabledFor(logging.INFO):
        return
    files = [each for each in root.handlers if isinstance(each, LogFile)]
    if files == root.handlers:
        line = {**fields, "event": event, "level": "info", "timestamp": datetime.now(UTC)}
        for file in files:
            file.add(line)
    else:
        structlog.stdlib.get_logger("dialer").info(event, **fields)


def configure_logging(
    *,
    path: Path | None,
    level: str,
    mask_numbers: bool,
    rotate_mb: int = 100,
    keep: int = 20,
    console: bool = False,
) -> None:
    """Set up logging for this process: to ``path`` as JSON lines, and to standard error when ``console``.

    Raises ConfigError when the file cannot be opened.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_secrets,
        *([_mask_numbers] if mask_numbers else []),
    ]
    root = logging.getLogger("dialer")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.propagate = False
    root.setLevel(level.upper())
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = LogFile(path, rotate_mb=rotate_mb, keep=keep, mask_numbers=mask_numbers)
        except OSError as error:
            raise ConfigError(f"{path}: the log cannot be written: {error.strerror}") from error
        file.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=shared,
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.JSONRenderer(serializer=_json),
                ],
            )
        )
        root.addHandler(file)
    if console:
        terminal = logging.StreamHandler(sys.stderr)
        renderer: Any = (
            structlog.dev.ConsoleRenderer()
            if sys.stderr.isatty()
            else structlog.processors.JSONRenderer(serializer=_json)
        )
        terminal.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=shared,
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            )
        )
        root.addHandler(terminal)
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def reopen_log() -> None:
    """Begin to write to a file of the configured name again, after somebody moved the one that was written to."""
    for handler in logging.getLogger("dialer").handlers:
        if isinstance(handler, logging.FileHandler):
            handler.acquire()
            try:
                handler.close()  # the next line opens it
            finally:
                handler.release()
