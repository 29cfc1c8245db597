"""``dialer``: one file for each noun; this one puts them together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialer import __version__
from dialer.cli import campaign, contacts, demo, dnc, doctor, gate, init, logs, report, run, sim
from dialer.cli.consent import app as consent_app
from dialer.cli.context import Context, reporting_errors
from dialer.config import CONFIG_NAME

app = typer.Typer(
    name="dialer",
    help="Calls the people on a list, plays each a recorded message, and writes down what happened.\n\n"
    "Before every dial a gate decides whether that call may be placed; nothing skips it.\n\n"
    "Example: dialer demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(contacts.app, name="contacts")
app.add_typer(consent_app, name="consent")
app.add_typer(dnc.app, name="dnc")
app.add_typer(campaign.app, name="campaign")
app.add_typer(gate.app, name="gate")
app.command("init")(init.init)
app.command("doctor")(doctor.doctor)
app.command("run")(run.run)
app.command("logs")(logs.logs)
app.command("report")(report.report)
app.command("demo")(demo.demo)
app.command("sim")(sim.sim)


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
    reporting_errors(app)
