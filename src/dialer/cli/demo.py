"""``dialer demo``: the whole of it on one machine, with simulated callees on loopback."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dialer.audio.prepare import prompt_path
from dialer.cli.context import Context, context_of, run_async
from dialer.cli.demo_contacts import write_contacts
from dialer.cli.report import gather, show
from dialer.cli.templates import CAMPAIGN
from dialer.contacts.importing import read_file
from dialer.contacts.rows import Defaults, Imported
from dialer.engine.settings import RunUntil
from dialer.errors import AgentError, DialerError
from dialer.results.export import attempts_csv, report_html
from dialer.results.records import CampaignState

SIM_START_S = 20.0
CPS, CHANNELS = 8, 120
NAME = "Appointment reminders"

SETTINGS = """\
[sip]
bind = "127.0.0.1"
max_calls = 150
rtp_port = 20000
rtp_ports = 2000

[engine]
drain_s = 30
"""

TRUNK = """\
[sim]
host = 127.0.0.1
port = {port}
caller_ids =
    +13055550100 | owned | the demo's own, on loopback only
cps = {cps}
channels = {channels}
options_seconds = 5
"""


def demo(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Option(help="Where everything is put, a folder for each time.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Decides who the people are.")] = 2026,
) -> None:
    """Call 200 simulated people over real SIP and RTP on this machine, and report.

    Their numbers lie in zones around the world: at whatever hour this runs, the gate lets some be called, defers others
    and refuses a few for good. Nothing is relaxed for it.

    Example: dialer demo --directory /tmp/demo
    """
    context = context_of(ctx)
    begun = time.monotonic()
    home = directory / f"{context.clock.now():%Y%m%d-%H%M%S}"
    try:
        home.mkdir(parents=True)
    except OSError as error:
        raise DialerError(
            f"{home}: cannot be made: {error.strerror}", hint="--directory names another place"
        ) from error
    with callees(home, seed) as port:
        demo_context = _write_files(home, port, seed, context)
        _play(demo_context, home)
    built, attempts = run_async(gather(demo_context, NAME))
    page = home / "report.html"
    page.write_text(report_html(built, context.clock.now()), encoding="utf-8")
    (home / "attempts.csv").write_text(attempts_csv(attempts), encoding="utf-8")
    show(context.out, built)
    context.out.print(f"\n{built.contacts} contacts in {time.monotonic() - begun:.0f} s")
    context.out.print(f"report:   {page.resolve()}", markup=False, soft_wrap=True)
    context.out.print(f"attempts: {(home / 'attempts.csv').resolve()}", markup=False, soft_wrap=True)
    context.out.print(f"log:      {(home / 'dialer.log').resolve()}", markup=False, soft_wrap=True)
    context.out.print(
        f'why one was refused: dialer -c {home}/dialer.toml gate explain +13055550100 --campaign "{NAME}"',
        markup=False,
        soft_wrap=True,
    )


@contextmanager
def callees(home: Path, seed: int) -> Iterator[int]:
    """Simulated callees in a process of their own; yields their SIP port. Raises AgentError when they do not start."""
    command = [
        sys.executable, "-m", "dialer", "sim", "--port", "0", "--rtp-port", "24000", "--max-calls", "200",
        "--seed", str(seed), "--account", str(home / "callees.jsonl"),
    ]  # fmt: skip
    with (home / "callees.err").open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  our own program
            command, stdout=subprocess.PIPE, stderr=errors, process_group=0
        )
    try:
        yield _port_of(process, home)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(process: subprocess.Popen[bytes], home: Path) -> int:
    """Wait for the line that says where the callees answer."""
    assert process.stdout is not None  # noqa: S101  asked for above
    said = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        deadline = time.monotonic() + SIM_START_S
        while (left := deadline - time.monotonic()) > 0 and waiting.select(left):
            read = os.read(process.stdout.fileno(), 4096)
            said += read
            if found := re.search(rb"answer at \S+:(\d+)\n", said):
                return int(found.group(1))
            if not read:
                break
    words = (home / "callees.err").read_text(errors="replace").strip().splitlines()
    raise AgentError("the simulated callees did not start", hint=words[-1] if words else "see callees.err")


def _write_files(home: Path, port: int, seed: int, context: Context) -> Context:
    (home / "dialer.toml").write_text(SETTINGS, encoding="utf-8")
    (home / "sip.conf").write_text(TRUNK.format(port=port, cps=CPS, channels=CHANNELS), encoding="utf-8")
    (home / "message.wav").write_bytes(prompt_path("demo_message").read_bytes())
    definition = CAMPAIGN
    for setting, value in (("cps", CPS), ("channels", CHANNELS), ("ring_timeout_s", 15)):
        definition = re.sub(rf"(?m)^{setting} = \d+", f"{setting} = {value}", definition)
    definition = definition.replace("opens = 09:00:00", "opens = 08:00:00").replace("19:30:00", "21:00:00")
    (home / "campaign.toml").write_text(definition, encoding="utf-8")
    write_contacts(home / "contacts.csv", context.clock.now(), seed)
    return Context(config_path=home / "dialer.toml")


def _play(context: Context, home: Path) -> None:
    """Import the list, create and start the campaign, run it until nothing is due now."""
    from dialer.cli.run import run_campaigns

    context.log_to_file()
    now = context.clock.now()
    definition = (home / "campaign.toml").read_text(encoding="utf-8")
    base = str(home.resolve())
    with (home / "contacts.csv").open("rb") as file:
        contacts = [row.contact for row in read_file(file, Defaults()).rows if isinstance(row, Imported)]

    async def work() -> None:
        async with context.store(create=True) as store:
            await store.lists.import_contacts("patients", contacts, now)
            made = await store.campaigns.create(NAME, definition, base, ["patients"], now)
            await store.campaigns.set_state(made.row.id, CampaignState.RUNNING, now)
        await run_campaigns(context, RunUntil.IDLE)

    run_async(work())
