"""Structured logs: JSON lines to a rotating file, one canonical line for each attempt; console rendering on a terminal.

Levels: *debug* is every event of the wire; *info* is every attempt and refusal, and each change of a campaign;
*warning* needs a look (a trunk down, an agent started anew); *error* needs a hand (outcomes cannot be stored).
"""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import re
import sys
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from dialer.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping
    from pathlib import Path

    from structlog.stdlib import BoundLogger, ProcessorFormatter

# structlog is imported where it is used: with rich's tracebacks, pygments and asyncio it takes 60 ms, and an agent that
# has plain lines alone to write needs none of it.

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

    def __init__(self, path: Path, *, rotate_mb: int, keep: int) -> None:
        """Raises OSError."""
        super().__init__(path, maxBytes=rotate_mb * 1_000_000, backupCount=keep, encoding="utf-8")
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Write ``line`` when this turn of the event loop is over; where there is no loop, now."""
        import asyncio  # who has no loop writes no file

        with self.lock or contextlib.nullcontext():
            self._lines.append(line)
            first = len(self._lines) == 1
        if first:
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


class LogStream(logging.StreamHandler[TextIO]):
    """Standard error that is no terminal: JSON lines, too."""

    def add(self, line: str) -> None:
        """Write ``line``."""
        with self.lock or contextlib.nullcontext():
            try:
                self.stream.write(f"{line}\n")
                self.flush()
            except Exception:  # noqa: BLE001  as for a record
                self.handleError(logging.makeLogRecord({"msg": line}))


class _Formatter(logging.Formatter):
    """Has structlog write records, when the first one comes."""

    def __init__(self, *, mask_numbers: bool, colours: bool = False) -> None:
        super().__init__()
        self.mask_numbers = mask_numbers
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        return self._usual.format(record)

    @cached_property
    def _usual(self) -> ProcessorFormatter:
        import structlog

        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_event_makers(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([_mask_numbers] if self.mask_numbers else []),
                structlog.dev.ConsoleRenderer()
                if self._colours
                else structlog.processors.JSONRenderer(serializer=_json),
            ],
        )


def _event_makers() -> list[Any]:
    import structlog

    return [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _drop_secrets,
    ]


class Log:
    """A logger as structlog has them: an event, and fields. What structlog is not needed for is written without it."""

    def __init__(self, name: str, bound: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._bound = dict(bound or {})
        self._levels = logging.getLogger(name)

    def bind(self, **fields: Any) -> Log:
        """The same with fields that all of its events have."""
        return Log(self._name, {**self._bound, **fields})

    def wants(self, level: int) -> bool:
        """Whether anything of this level is written: making a line that nobody wants costs most of it."""
        return self._levels.isEnabledFor(level)

    def debug(self, event: str, /, **fields: Any) -> None:
        """An event of the wire."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: Any) -> None:
        """An attempt, a refusal, a change."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: Any) -> None:
        """What needs a look."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: Any) -> None:
        """What needs a hand; ``exc_info`` may be an exception."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, /, **fields: Any) -> None:
        """The same with the exception that is being handled."""
        self._write(logging.ERROR, event, {**fields, "exc_info": True})

    def usual(self) -> BoundLogger:
        """structlog's logger itself."""
        import structlog

        wrapped: BoundLogger = structlog.wrap_logger(
            self._levels,
            processors=[*_event_makers(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        return wrapped.bind(**self._bound)

    def _write(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if not self.wants(level):
            return
        word = logging.getLevelName(level).lower()
        handlers = logging.getLogger("dialer").handlers
        plain = [each for each in handlers if isinstance(each, (LogFile, LogStream))]
        if not plain or plain != handlers or "exc_info" in fields:
            getattr(self.usual(), word)(event, **fields)
            return
        said = {**self._bound, **fields, "event": event, "level": word, "timestamp": datetime.now(UTC)}
        line = _json(_drop_secrets(None, word, said))
        for each in plain:
            masks = isinstance(each.formatter, _Formatter) and each.formatter.mask_numbers
            each.add(masked_text(line) if masks else line)
            if level >= logging.WARNING:
                each.flush()


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
    root = logging.getLogger("dialer")
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.propagate = False
    root.setLevel(level.upper())
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = LogFile(path, rotate_mb=rotate_mb, keep=keep)
        except OSError as error:
            raise ConfigError(f"{path}: the log cannot be written: {error.strerror}") from error
        file.setFormatter(_Formatter(mask_numbers=mask_numbers))
        root.addHandler(file)
    if console:
        on_terminal = sys.stderr.isatty()
        stream = logging.StreamHandler(sys.stderr) if on_terminal else LogStream(sys.stderr)
        stream.setFormatter(_Formatter(mask_numbers=mask_numbers, colours=on_terminal))
        root.addHandler(stream)
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def reopen_log() -> None:
    """Begin to write to a file of the configured name again, after somebody moved the one that was written to."""
    for handler in logging.getLogger("dialer").handlers:
        if isinstance(handler, logging.FileHandler):
            handler.acquire()
            try:
                handler.close()  # the next line opens it
            finally:
                handler.release()
