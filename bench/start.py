"""How long commands take to start: CPU and wall clock of whole processes, from exec to exit.

    python -m bench.start [--runs 5] [--quick]

Each command runs in a directory with a campaign of a thousand contacts, nobody called yet; a status with a forecast in
one of a hundred who were all busy and wait, and there also a run that finds nothing due: what starting and ending an
engine and its agent take. Commands and peers take turns, so that a noisy minute falls on all of them; the median
counts, and the least stands beside it, which is what a quiet machine would show. The peers are an interpreter that does
nothing and one that only imports SQLAlchemy.
"""

from __future__ import annotations

import argparse
import re
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.callee import HOST
from bench.common import BenchError, Figure, machine
from bench.load import DIALER, Load, environment, prepare
from bench.own_network import own_network

TARGET_STATUS_MS = 400.0
TARGET_HELP_MS = 150.0
CONTACTS = 1000
CALLED = Load(calls=100, cps=100, call_s=1.0)  # who were all busy
RUN = (*DIALER, "run", "--until-idle")
FORECAST = "dialer campaign status, with a forecast"
FIRST_CALL, NOTHING_DUE = "dialer run, a call that is busy", "dialer run, nothing to do: engine and agent"
HELP, STATUS = "dialer --help", "dialer campaign status"
NOTHING, SQLALCHEMY = "python -c pass", "python -c 'import sqlalchemy'"
AGENT, ENGINE = "modules of an agent", "modules of an engine"
REFUSED = 4  # an exit code of `gate explain` that is an answer


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of one process and what it waited for."""

    cpu: float
    wall: float


def commands() -> dict[str, list[str]]:
    """What is measured, by name."""
    words = {
        HELP: "--help",
        STATUS: "campaign status",
        "dialer campaign list": "campaign list",
        "dialer campaign pause": "campaign pause Bench",
        "dialer report": "report Bench",
        "dialer contacts list": "contacts list",
        "dialer gate explain": "gate explain +12125550100 --campaign Bench",
    }
    modules = {
        NOTHING: "pass",
        SQLALCHEMY: "import sqlalchemy",
        AGENT: "import gc; gc.disable(); import dialer.sip.owner",  # as they are loaded in earnest
        ENGINE: "import gc; gc.disable(); import dialer.cli.main, dialer.cli.running, dialer.store.open",
    }
    return {name: [sys.executable, "-c", code] for name, code in modules.items()} | {
        name: [*DIALER, *line.split()] for name, line in words.items()
    }


def taken_by(command: list[str], home: Path) -> Taken:
    """One run. Raises BenchError when it does not go well."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=home, capture_output=True, check=False, env=environment())
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in {0, REFUSED}:
        raise BenchError(f"{command[1:]} ended with {done.returncode}: {done.stderr.decode()[-300:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Taken(cpu * 1000, wall * 1000)


def call_everybody(home: Path, callee: BusyCallee) -> None:
    """A campaign that has called each of its contacts once. Raises BenchError when it has not."""
    home.mkdir()
    prepare(home, CALLED, callee.port, CALLED.call_s, detect=False)
    taken_by([*RUN], home)
    if len(callee.invites) < CALLED.calls:
        raise BenchError(f"only {len(callee.invites)} of {CALLED.calls} calls were placed")


def first_call(home: Path) -> tuple[Taken, float]:
    """CPU of ``dialer run`` for a single call of a second, and milliseconds from its start to the INVITE."""
    home.mkdir()
    with busy_callee() as callee:
        prepare(home, Load(calls=1, cps=20, call_s=1.0), callee.port, 1.0, detect=False)
        began = time.perf_counter()
        taken = taken_by([*RUN], home)
    if not callee.invites:
        raise BenchError("no call was placed")
    return taken, (callee.invites[0] - began) * 1000


class BusyCallee(threading.Thread):
    """Declines every call, and says when each came."""

    def __init__(self, sip: socket.socket) -> None:
        super().__init__(daemon=True)
        self._sip = sip
        self.port: int = sip.getsockname()[1]
        self.invites: list[float] = []  # time.perf_counter()

    def run(self) -> None:
        """Until an empty datagram comes."""
        while True:
            request, source = self._sip.recvfrom(8000)
            text = request.decode(errors="replace")
            method = text.partition(" ")[0]
            if not method:
                return
            if method == "INVITE":
                self.invites.append(time.perf_counter())
            if method != "ACK":
                kept = "".join(re.findall(r"(?im)^(?:via|from|call-id|cseq)\s*:.*\r\n", text))
                to = re.findall(r"(?im)^to\s*:.*(?=\r\n)", text)[0]
                status = "486 Busy Here" if method == "INVITE" else "200 OK"
                tag = "" if "tag=" in to else ";tag=bench"
                answer = f"SIP/2.0 {status}\r\n{kept}{to}{tag}\r\nContent-Length: 0\r\n\r\n"
                self._sip.sendto(answer.encode(), source)


@contextmanager
def busy_callee() -> Iterator[BusyCallee]:
    """One that answers for as long as the context lasts."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sip:
        sip.bind((HOST, 0))
        callee = BusyCallee(sip)
        callee.start()
        try:
            yield callee
        finally:
            sip.sendto(b"", sip.getsockname())
            callee.join()


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.start", description="how long commands take to start")
    parser.add_argument("--runs", type=int, default=5, help="of each command; the median counts")
    parser.add_argument("--quick", action="store_true", help="two runs of each, without the slow ones")
    options = parser.parse_args()
    own_network()
    each = commands()
    if options.quick:
        each = {name: each[name] for name in (NOTHING, SQLALCHEMY, HELP, STATUS, AGENT, ENGINE)}
    runs = 2 if options.quick else options.runs
    print(f"median of {runs} runs{', few commands: --quick' if options.quick else ''}\n{machine()}\n")
    found: dict[str, list[Taken]] = {}
    invited: list[float] = []
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, busy_callee() as callee:
            home, called = Path(folder) / "home", Path(folder) / "called"
            home.mkdir()
            prepare(home, Load(calls=CONTACTS, cps=50), 5060, 10.0, detect=False)
            call_everybody(called, callee)
            each[FORECAST] = each[STATUS]
            for name, command in each.items():  # what is read from the disk once
                taken_by(command, called if name == FORECAST else home)
            for _ in range(runs):
                for name, command in each.items():
                    found.setdefault(name, []).append(taken_by(command, called if name == FORECAST else home))
            for turn in range(1 if options.quick else 5):
                found.setdefault(NOTHING_DUE, []).append(taken_by([*RUN], called))
                run, until_invite = first_call(Path(folder) / f"run-{turn}")
                found.setdefault(FIRST_CALL, []).append(run)
                invited.append(until_invite)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1

    print(f"{'milliseconds':<56}{'CPU':>7}{'least':>7}{'wall':>7}{'least':>7}")
    for name, taken in found.items():
        cpu, wall = [run.cpu for run in taken], [run.wall for run in taken]
        print(
            f"{name:<56}{statistics.median(cpu):>7.0f}{min(cpu):>7.0f}{statistics.median(wall):>7.0f}{min(wall):>7.0f}"
        )
    print(f"{'dialer run, until its first INVITE':<70}{statistics.median(invited):>7.0f}{min(invited):>7.0f}\n")
    value, told, shown, peer_value = (
        statistics.median(run.wall for run in found[name]) for name in (STATUS, FORECAST, HELP, SQLALCHEMY)
    )
    print(
        f"{HELP}: {shown:.0f} ms, wanted: at most {TARGET_HELP_MS:g}; {STATUS}: {value:.0f} ms, with a forecast "
        f"{told:.0f} ms, wanted: at most {TARGET_STATUS_MS:g}\n"
    )
    Figure(
        "start_campaign_status", round(value), "ms", TARGET_STATUS_MS, SQLALCHEMY, round(peer_value),
        round(value / peer_value, 2),
    ).print()  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
