"""``dialer sim``: callees to call, without a telephone network."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from dialer.calls.frames import AgentSettings
from dialer.errors import ConfigError
from dialer.sim.population import parse_population

DEMO = Path(__file__).parent.parent / "sim" / "demo.toml"


def sim(
    population: Annotated[Path, typer.Option(help="Who the callees are: a TOML file.")] = DEMO,
    port: Annotated[int, typer.Option(min=0, max=65535, help="The SIP port, UDP and TCP; 0: any free one.")] = 5070,
    bind: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    rtp_port: Annotated[int, typer.Option(min=1024, max=65000, help="The first RTP port.")] = 40000,
    max_calls: Annotated[int, typer.Option(min=1, max=2000, help="Live calls at most.")] = 500,
    seed: Annotated[int | None, typer.Option(help="Another seed than the file's.")] = None,
    account: Annotated[Path | None, typer.Option(help="Write a JSON line for each INVITE, answer, key, end.")] = None,
) -> None:
    """Answer calls like a town full of people: some listen, some press keys, some hang up, some are machines.

    It speaks plain SIP and RTP, so other dialers can be tried on it too. The number called and the seed decide who does
    what. Ends at Ctrl-C.

    Example: dialer sim --port 5070 --account callees.jsonl
    """
    from dialer.sim.serve import serve

    try:
        text = population.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{population}: cannot be read: {error.strerror}") from error
    people = parse_population(text, str(population), seed)
    settings = AgentSettings(
        bind=bind,
        sip_port=port,
        rtp_port=rtp_port,
        rtp_ports=min(4 * max_calls + 100, 65535 - rtp_port),
        max_calls=max_calls,
        user_agent="dialer-sim",
    )
    with ExitStack() as files:
        out = files.enter_context(account.open("a", encoding="utf-8")) if account else None
        serve(people, settings, out, lambda at: _say(f"callees answer at {bind}:{at}"))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
