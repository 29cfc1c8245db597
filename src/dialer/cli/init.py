"""``dialer init``: the files an operator starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialer.audio.prepare import prompt_path
from dialer.cli.context import CONFIG_NAME, Context, context_of, run_async
from dialer.cli.templates import CAMPAIGN, settings_toml, trunks_ini
from dialer.errors import ConfigError


def init(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(help="Where to put the files; made if it is not there.")] = Path(),
) -> None:
    """Write dialer.toml, sip.conf, a campaign and its message, and make the store. Leaves alone what is there.

    Example: dialer init clinic
    """
    context = context_of(ctx)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in ((CONFIG_NAME, settings_toml()), ("sip.conf", trunks_ini()), ("campaign.toml", CAMPAIGN)):
            _write(context, directory / name, text.encode())
        _write(context, directory / "message.wav", prompt_path("demo_message").read_bytes())
    except OSError as error:
        raise ConfigError(f"{directory}: cannot be written: {error.strerror or error}") from error
    run_async(_make_store(Context(config_path=directory / CONFIG_NAME)))
    context.out.print("Next: put your trunk into sip.conf, then `dialer doctor`.", markup=False)


def _write(context: Context, path: Path, content: bytes) -> None:
    if path.exists():
        context.out.print(f"kept     {path}", markup=False)
        return
    path.write_bytes(content)
    context.out.print(f"written  {path}", markup=False)


async def _make_store(context: Context) -> None:
    existed = context.config.store_path.exists()
    async with context.store(create=True):
        context.out.print(f"{'kept    ' if existed else 'written '} {context.config.store_path}", markup=False)
