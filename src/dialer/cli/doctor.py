"""``dialer doctor``: is everything there that a campaign needs?"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dialer.calls.frames import ProbeTrunk, TrunkChanged
from dialer.calls.trunk import Trunk, TrunkState, TrunkStatus
from dialer.cli.context import Context, Exit, context_of, run_async
from dialer.errors import DialerError

TRUNK_WAIT_S = 6.0
LITTLE_DISK = 1_000_000_000  # bytes
SOON = timedelta(days=30)


class Finding(StrEnum):
    """What a check of the doctor's says."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the doctor's report."""

    what: str
    finding: Finding
    detail: str
    hint: str = ""


def doctor(
    ctx: typer.Context,
    deep: Annotated[
        bool, typer.Option("--deep", help="The store alone, all of it: what must always hold, and the audit chain.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check configuration, pjsua2 and its limits, ports, trunks (by OPTIONS), caller IDs, the store, clock and disk.

    Places no call. Exit code 4 when something is bad. With --deep only the store is looked at, on one snapshot and
    without writing to it: a run may go on meanwhile.

    Example: dialer doctor --deep
    """
    context = context_of(ctx)
    lines = _examine_store(context) if deep else run_async(_examine(context))
    if as_json:
        context.print_json([asdict(each) for each in lines])
    else:
        style = {Finding.GOOD: "green", Finding.WARNING: "yellow", Finding.BAD: "red"}
        table = Table(box=None, show_header=False, pad_edge=False)
        for each in lines:
            detail = f"{each.detail}; {each.hint}" if each.hint else each.detail
            table.add_row(f"[{style[each.finding]}]{each.finding}[/]", each.what, escape(detail))
        context.out.print(table)
    if any(each.finding is Finding.BAD for each in lines):
        raise typer.Exit(Exit.REFUSED)


def _examine_store(context: Context) -> list[Line]:
    """What --deep says."""
    from dialer.store.invariants import examine_deeply

    path = context.config.store_path
    with context.err.status("reading the store") as status:
        try:
            found = examine_deeply(path, context.clock.now(), lambda what: status.update(escape(what)))
        except DialerError as error:
            return [Line("store", Finding.BAD, str(error), error.hint)]
    broken = {each.invariant: each for each in found.violations}
    lines = [
        Line(each, Finding.BAD, broken[each].detail, broken[each].hint)
        if each in broken
        else Line(each, Finding.GOOD, "")
        for each in found.checked
    ]
    read = f"{path.name}: {found.attempts:,} attempts, {found.entries:,} audit entries, {found.rows:,} rows held"
    return [*lines, Line("store", Finding.BAD if broken else Finding.GOOD, read)]


async def _examine(context: Context) -> list[Line]:
    config = context.config  # a configuration that cannot be read is an error of its own, with file and line
    lines = [Line("configuration", Finding.GOOD, str(context.config_path.resolve()))]
    checks: list[Callable[[Context], Coroutine[None, None, list[Line]]]] = [_sip, _store, _do_not_call]
    for check in checks:
        try:
            lines += await check(context)
        except DialerError as error:
            lines.append(Line(check.__name__.strip("_").replace("_", " "), Finding.BAD, str(error), error.hint))
    now = context.clock.now()
    for right in config.caller_ids:
        finding, detail = Finding.GOOD, f"{right.ground}, {right.evidence or 'no evidence named'}"
        if right.valid_until is not None and right.valid_until <= now + SOON:
            finding = Finding.BAD if right.valid_until <= now else Finding.WARNING
            detail += f", ends {right.valid_until:%Y-%m-%d}"
        lines.append(Line(f"caller ID {right.number}", finding, detail))
    free = shutil.disk_usage(config.directory).free
    disk = Finding.GOOD if free > LITTLE_DISK else Finding.WARNING
    lines.append(Line("disk", disk, f"{free / 1e9:.1f} GB free at {config.directory}"))
    lines.append(await _clock(context))
    return lines


async def _sip(context: Context) -> list[Line]:
    """Start an agent as a run would, and ask every trunk."""
    from dialer.cli.running import AgentProcesses, permit_key

    config = context.config
    agent = await AgentProcesses(config, permit_key())(0)
    try:
        limits = agent.ready.limits
        lines = [
            Line("pjsua2", Finding.GOOD, f"pjproject {limits.pjproject}, {limits.max_calls} calls compiled in"),
            Line("SIP port", Finding.GOOD, f"{config.settings.sip.bind}:{agent.ready.sip_port} can be used"),
        ]
        for trunk in config.trunks:
            await agent.send(ProbeTrunk(trunk=trunk.name))
        known: dict[str, TrunkStatus] = {}
        try:
            async with asyncio.timeout(TRUNK_WAIT_S):
                async for frame in agent.frames():
                    if isinstance(frame, TrunkChanged):
                        known[frame.status.trunk] = frame.status
                    if len(known) == len(config.trunks) and TrunkState.UNKNOWN not in {
                        status.state for status in known.values()
                    }:
                        break
        except TimeoutError:
            pass  # those that have not answered are told below
        for trunk in config.trunks:
            finding, said = _trunk_finding(trunk, known.get(trunk.name))
            lines.append(Line(f"trunk {trunk.name}", finding, f"{trunk.host}:{trunk.port}/{trunk.transport} {said}"))
        return lines
    finally:
        await agent.close(timedelta(seconds=3))


def _trunk_finding(trunk: Trunk, status: TrunkStatus | None) -> tuple[Finding, str]:
    if status is None or status.state is TrunkState.UNKNOWN:
        if not trunk.options_seconds and not trunk.register:
            return Finding.WARNING, "answers no OPTIONS, which options_seconds = 0 allows: the first call will tell"
        return Finding.BAD, "did not answer"
    said = " ".join(f"{status.state}: {status.sip_code or ''} {status.detail}".split())
    return Finding.GOOD if status.state is TrunkState.UP else Finding.BAD, said


async def _store(context: Context) -> list[Line]:
    from dialer.store.health import examine

    health = await asyncio.to_thread(examine, context.config.store_path)
    if health.problems:
        return [Line("store", Finding.BAD, "; ".join(health.problems))]
    current = health.revision == health.newest_revision
    detail = f"{health.path.name}: {health.size / 1e6:.1f} MB, revision {health.revision}, {health.journal_mode}"
    return [Line("store", Finding.GOOD if current else Finding.WARNING, detail)]


async def _do_not_call(context: Context) -> list[Line]:
    async with context.store() as store:
        count = await store.dnc.count()
        newest = await store.dnc.entries(1)
    last = f", the newest of {newest[0].added_at:%Y-%m-%d}" if newest else ""
    return [Line("do-not-call list", Finding.GOOD, f"{count} numbers{last}")]


async def _clock(context: Context) -> Line:
    """Calling hours are decided by this clock: it should be kept by somebody."""
    now = f"{context.clock.now():%Y-%m-%d %H:%M:%S} UTC"
    if shutil.which("timedatectl") is None:
        return Line("clock", Finding.WARNING, f"{now}; whether it is synchronised cannot be told here")
    process = await asyncio.create_subprocess_exec(
        "timedatectl", "show", "--property=NTPSynchronized", "--value",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said, _ = await process.communicate()
    if said.strip() == b"yes":
        return Line("clock", Finding.GOOD, f"{now}, synchronised")
    return Line("clock", Finding.WARNING, f"{now}; not synchronised, as far as timedatectl knows")
