"""What every command needs: where the configuration is, how to print, and how errors reach the operator."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from dialer.errors import DialerError, RegistryError, StoreError

if TYPE_CHECKING:
    import typer
    from rich.console import Console

    from dialer.compliance.dnc.registries import Registries
    from dialer.compliance.policy import RegistryAnswer
    from dialer.compliance.rules import RuleTable
    from dialer.config import Config
    from dialer.store.glance import Glance
    from dialer.store.open import Store

# What is heavy to import is imported where it is used: `dialer --help` needs none of it.

T = TypeVar("T")

CONFIG_NAME = "dialer.toml"
PIPE_WIDTH = 140  # of tables that go into a file or a pipe


class Exit(IntEnum):
    """The exit codes, as docs/operations.md lists them."""

    OK = 0
    ERROR = 1  # said in one line, with a hint
    USAGE = 2  # an option or argument is wrong
    PAUSED = 3  # a run ended because its campaigns are paused, with the reason in the store
    REFUSED = 4  # `gate explain`: this call may not be placed; `campaign check` and `doctor`: something is missing
    INTERRUPTED = 130


class SystemClock:
    """The machine's clock: the only one outside tests."""

    def now(self) -> datetime:
        """Aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds, never stepping."""
        return monotonic()


@dataclass
class Context:
    """What the options before the command said."""

    config_path: Path = Path(CONFIG_NAME)

    @cached_property
    def config(self) -> Config:
        """Both files, read once. Raises ConfigError."""
        from dialer.config import load_config

        return load_config(self.config_path)

    @cached_property
    def out(self) -> Console:
        """Standard output."""
        from rich.console import Console

        console = Console(highlight=False)
        return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)

    @cached_property
    def err(self) -> Console:
        """Standard error."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    @property
    def clock(self) -> SystemClock:
        """The time."""
        return SystemClock()

    @asynccontextmanager
    async def store(self, *, create: bool = False, notes_head: bool = True) -> AsyncIterator[Store]:
        """The open store; what was done is noted beside it at the end. Raises StoreError."""
        import getpass
        import socket

        from dialer.store.open import Store

        def ask(e164: str) -> tuple[RegistryAnswer, ...]:
            try:
                return self.registries.answers(e164)
            except RegistryError as error:  # without it no fact can be read, and no call placed
                raise StoreError(error.message, hint=error.hint) from error

        who = f"{getpass.getuser()}@{socket.gethostname()}"
        async with await Store.open(self.config.store_path, create=create, registries=ask, who=who) as store:
            try:
                yield store
            finally:
                if notes_head:
                    await store.audit.note_head()

    @contextmanager
    def glance(self) -> Iterator[Glance]:
        """A look at the store's campaigns that changes nothing, but for old tables. Raises StoreError."""
        from dialer.store.glance import glance, is_current

        if not is_current(self.config.store_path):
            run_async(self._brought_up_to_date())
        with glance(self.config.store_path) as looking:
            yield looking

    async def _brought_up_to_date(self) -> None:
        async with self.store(notes_head=False):
            pass

    @cached_property
    def registries(self) -> Registries:
        """The loaded do-not-call registries."""
        from dialer.compliance.dnc.registries import Registries

        return Registries(self.config.registries_path)

    @cached_property
    def rules(self) -> RuleTable:
        """The law that ships."""
        from dialer.compliance.rules import builtin_rules

        return builtin_rules()

    def log_to_file(self, *, console: bool = False) -> None:
        """Have this process log where the configuration says."""
        from dialer.log import configure_logging

        settings = self.config.settings.log
        configure_logging(
            path=self.config.log_path,
            level=settings.level,
            mask_numbers=settings.mask_numbers,
            rotate_mb=settings.rotate_mb,
            keep=settings.keep,
            console=console,
        )

    def print_json(self, document: Any) -> None:
        """One JSON document on standard output."""
        import msgspec

        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode() + "\n")


def context_of(ctx: typer.Context) -> Context:
    """The Context that the callback before every command made."""
    found: Context = ctx.obj
    return found


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    import asyncio

    return asyncio.run(work)


@contextmanager
def heedless_of_readers() -> Iterator[None]:
    """Print what a run has to say: with nobody there to read it (``| tee`` that was killed), the run goes on."""
    with suppress(OSError, SystemExit):  # rich exits where a pipe is broken, and is quiet from then on
        yield


def reporting_errors(main: Callable[[], None]) -> None:
    """Run ``main``; an error meant for the operator is one line and a hint, and exit code 1."""
    try:
        main()
    except DialerError as error:
        from rich.console import Console

        console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        console.print(f"dialer: {error}")
        if error.hint:
            console.print(f"  {error.hint}")
        sys.exit(Exit.ERROR)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.OK)
