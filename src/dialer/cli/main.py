"""``dialer``: one file for each noun; this one finds them. A command's file is imported when it is asked for."""

from __future__ import annotations

import atexit
import gc
import os
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from dialer import __version__
from dialer.cli.context import CONFIG_NAME, Context, reporting_errors

GARBAGE_EVERY = 200_000  # objects made and not yet freed: more than any command's imports make

COMMANDS = {
    "init": "Write the files an operator starts from.",
    "doctor": "Check configuration, limits, ports, trunks, caller IDs, store, clock, disk.",
    "contacts": "Lists of people: import, list, show, erase, retention.",
    "consent": "What people agreed to, and what they took back: add, revoke, show.",
    "dnc": "Who must not be called: add, remove, check, import, list; load, registries, verify, scrub.",
    "reassigned": "Numbers that may have gone to somebody else: query, import, ask.",
    "campaign": "From a file to a finished list: check, create, start, pause, resume, stop, pace, status, recycle.",
    "run": "Call the contacts of the started campaigns.",
    "stop": "Stop everything: the kill switch.",
    "rules": "The calling law that the gate decides by: list, show, diff, validate.",
    "gate": "What would be decided about a call, and why: explain, replay.",
    "backup": "A checked copy of the store, made while a run goes on.",
    "restore": "A backup in the store's place; who must not be called is carried over.",
    "audit": "Who did what, and whether the record of it is whole: verify, list, head.",
    "records": "The records of calls, as a regulator asks for them: export.",
    "logs": "What happened, attempt by attempt; --follow waits for more.",
    "report": "The account of a campaign: tables, CSV, JSON, HTML.",
    "demo": "The whole of it on this machine, with 200 simulated people.",
    "sim": "Callees to call, without a telephone network.",
}
"""Every command with its line in ``dialer --help``; each lives in the module of its name."""


class _Commands(TyperGroup):
    """Typer keeps the types of these methods to itself: hence Any."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"dialer.cli.{cmd_name}")
        app: typer.Typer | None = getattr(module, "app", None)
        if app is None:
            app = typer.Typer(rich_markup_mode=None, add_completion=False)
            app.command(cmd_name)(getattr(module, cmd_name))
        command = get_command(app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


# pydantic would search every installed package for plugins of its own before it makes the first model.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
# numpy would start threads for large matrices, 30 ms of CPU for each command that loads it, and there are none.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

app = typer.Typer(
    name="dialer",
    cls=_Commands,
    help="Calls the people on a list, plays each a recorded message, and writes down what happened.\n\n"
    "Before every dial a gate decides whether that call may be placed; nothing skips it.\n\n"
    "Example: dialer demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dialer {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    config: Annotated[
        Path, typer.Option("--config", "-c", envvar="DIALER_CONFIG", help="The dialer.toml to use.")
    ] = Path(CONFIG_NAME),
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    ctx.obj = Context(config_path=config)


def main() -> None:
    """The entry point."""
    # Imports make many objects and hardly any garbage: a fifth of a command's time went into looking for some.
    gc.set_threshold(GARBAGE_EVERY)
    atexit.register(gc.freeze)  # nor at the end, when the process gives everything back
    reporting_errors(app)
