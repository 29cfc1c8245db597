"""New calls a second that ``dialer run`` keeps up, the whole of it: the callee answers at once and hangs up.

    python -m bench.cps [--cps 260] [--seconds 120] [--quick]

A campaign is placed to SIPp on the same machine, at a rate a little above the target: a pace is never passed, and what
a stall of the machine takes away is not made up for. Setup is from the INVITE's arrival at the callee to that of its
ACK, in SIPp's own time. The queue is what is decided and not dialed yet, and what has ended and is not on disk yet. The
peer is SIPp placing the same calls, for 20 s at most, in the same run. A call that is missing on either side, or
recorded otherwise than once, is an error and not a figure.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import urllib.request
import wave
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from bench.callee import HOST, RATE, message
from bench.common import BenchError, Cpu, Figure, cpu_until_end, machine
from bench.load import CAMPAIGN, DIALER, TRUNK, ZONES, dialer, environment, last_words
from bench.own_network import own_network
from bench.peers import await_listening, sipp_version, start_sipp

from dialer.contacts.contact import Number
from dialer.contacts.nanp import SUBDIVISIONS, SUBDIVISIONS_OF_AREA_CODE
from dialer.contacts.numbers import parse_number

TARGET_CPS = 250.0
TARGET_SETUP_MS = 50.0
CHANNELS = 1000
EASED_S = 2.0  # at both ends of a run: not measured
LINES = range(100, 300)  # of 555, the exchange without subscribers, in every area code
# States whose rules need a signed override, or that are closed on some days: there, nobody would be due.
LEFT_OUT = {"AL", "LA", "ME", "MI", "MN", "MS", "NE", "NV", "PA", "RI", "SD", "UT"}
START_S = 60.0
PEER_S = 10

SETTINGS = """\
[sip]
bind = "127.0.0.1"
max_calls = {channels}
rtp_port = 20000
rtp_ports = {ports}
[metrics]
port = {metrics_port}
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """What every run places."""

    cps: int
    seconds: int

    @property
    def calls(self) -> int:
        """All of a run's calls."""
        return self.cps * self.seconds


@dataclass(frozen=True, slots=True)
class Heard:
    """What the callee saw: calls a second in the steady part, and milliseconds from each INVITE to its ACK."""

    cps: float
    setup_ms: Sequence[float]
    retransmitted: int

    def setup(self, share: float) -> float:
        """A quantile."""
        return quantile(self.setup_ms, share)


@dataclass
class Looks:
    """What a running dialer says of itself once a second, and what memory its processes have."""

    metrics_port: int
    pid: int
    unstored: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    lag: dict[float, float] = field(default_factory=dict)  # upper bound in s -> pulses of the event loop, added up

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def lag_p99_s(self) -> float:
        """The histogram's bound that 99 of 100 pulses kept."""
        most = max(self.lag.values())
        return min(bound for bound, count in self.lag.items() if count >= 0.99 * most)

    def _look(self) -> None:
        while not self._over.wait(1.0):
            with contextlib.suppress(OSError, IndexError):  # at the end, it is not there any more
                page = urllib.request.urlopen(f"http://{HOST}:{self.metrics_port}/metrics", timeout=5).read().decode()
                self.unstored.append(float(re.findall(r"(?m)^dialer_outcomes_unstored (\S+)", page)[0]))
                found = re.findall(r'(?m)^dialer_event_loop_lag_seconds_bucket{le="(.*?)"} (\S+)', page)
                self.lag = {float(bound): float(count) for bound, count in found}
                self.memory_mb.append(sum(_resident_mb(pid) for pid in (self.pid, *_children(self.pid))))


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


class Callee:
    """SIPp answering and hanging up on ``port``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.port = free_port(socket.SOCK_DGRAM)
        self._process = start_sipp(
            home, "hangs_up", "-p", str(self.port), "-key", "sink_port", "9", "-buff_size", "4000000",
            "-timer_resol", "1", "-trace_rtt", "-rtt_freq", "10",
            "-trace_stat", "-fd", "1", "-stf", str(home / "callee.csv"),
        )  # fmt: skip
        await_listening(self._process, self.port)

    def heard(self, calls: int) -> Heard:
        """End, and say what was seen. Raises BenchError unless it was so many calls, each whole."""
        self._process.send_signal(signal.SIGUSR1)
        self.cpu = cpu_until_end(self._process, timeout_s=40)
        row = list(csv.DictReader((self._home / "callee.csv").open(encoding="ascii"), delimiter=";"))[-1]
        whole, failed = int(row["whole(C)"]), int(row["FailedCall(C)"])
        if (whole, failed) != (calls, 0):
            raise BenchError(f"the callee counted {whole} good calls and {failed} bad ones, not {calls}")
        lines = next(self._home.glob("*_rtt.csv")).read_text(encoding="ascii").splitlines()[1:]
        at_ms, took_ms = zip(*(map(float, line.split(";")[:2]) for line in lines), strict=True)
        first, last = min(at_ms) + 1000 * EASED_S, max(at_ms) - 1000 * EASED_S
        steady = [took for at, took in zip(at_ms, took_ms, strict=True) if first <= at <= last]
        return Heard(len(steady) * 1000 / (last - first), sorted(steady), int(row["Retransmissions(C)"]))

    def close(self) -> None:
        """Whatever happened."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def callee(home: Path) -> Iterator[Callee]:
    """A callee for one run."""
    home.mkdir()
    made = Callee(home)
    try:
        yield made
    finally:
        made.close()


def free_port(kind: socket.SocketKind) -> int:
    """One that nobody has just now."""
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def numbers(count: int) -> list[str]:
    """Made-up numbers over the American area codes. Raises BenchError when there are not so many."""
    states = {area: parts[0] for area, parts in SUBDIVISIONS_OF_AREA_CODE.items()}
    ours = [area for area, code in states.items() if SUBDIVISIONS[code].country == "US" and code not in LEFT_OUT]
    areas = [area for area in ours if isinstance(parse_number(f"+1{area}5550100", None), Number)]
    found = [f"+1{area}555{line:04}" for line in LINES for area in sorted(areas)][:count]
    if len(found) < count:
        raise BenchError(f"there are only {len(found)} numbers for {count} calls: fewer seconds, or a lower rate")
    return found


def prepare(home: Path, pace: Pace, port: int, metrics_port: int) -> None:
    """Configuration, people and a started campaign."""
    dialer(home, "init", ".")
    values = {
        "port": port, "cps": pace.cps, "channels": CHANNELS, "ports": 4 * CHANNELS, "metrics_port": metrics_port,
        "detect": "false",
    }  # fmt: skip
    for name, text in (("dialer.toml", SETTINGS), ("sip.conf", TRUNK), ("campaign.toml", CAMPAIGN + "ramp_s = 0\n")):
        (home / name).write_text(text.format(**values), encoding="utf-8")
    with wave.open(str(home / "message.wav"), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(message(7.0))
    now = datetime.now(UTC)
    midday = min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))
    rows = [f"{number},{midday},express,2026-01-05,intake form" for number in numbers(pace.calls)]
    header = "phone,time zone,consent,consent date,consent source"
    (home / "people.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    dialer(home, "contacts", "import", "people.csv", "--list", "people")
    dialer(home, "campaign", "create", "campaign.toml", "--list", "people", "--start")


@dataclass(frozen=True, slots=True)
class Ours:
    """A run of the dialer."""

    heard: Heard
    cpu: Cpu
    callee_cpu: Cpu
    looks: Looks
    waiting: tuple[float, ...]  # decided and not dialed, on average, in each third of the run
    decided_to_invite_ms: Sequence[float]


def run_dialer(home: Path, pace: Pace) -> Ours:
    """``dialer run`` as the caller, in a directory of its own."""
    with callee(home) as peer:
        metrics_port = free_port(socket.SOCK_STREAM)
        prepare(home, pace, peer.port, metrics_port)
        with (home / "run.out").open("wb") as out:
            process = subprocess.Popen(
                [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
            )
        looks = Looks(metrics_port, process.pid)
        try:
            cpu = cpu_until_end(process, 3 * pace.seconds + START_S)
        finally:
            looks.close()
            process.kill()
        waits = waited(home, pace.calls, process.returncode)
        heard = peer.heard(pace.calls)
        late = sorted(1000 * (invited - decided) for decided, invited in waits)
        return Ours(heard, cpu, peer.cpu, looks, thirds(waits), late)


def waited(home: Path, calls: int, code: int) -> list[tuple[float, float]]:
    """When each attempt was decided and when its INVITE left. Raises BenchError unless each has its one outcome."""
    with contextlib.closing(sqlite3.connect(home / "dialer.db")) as store:
        rows = store.execute(
            "SELECT placed_at / 1e6, outcome, record FROM attempt LEFT JOIN outcome USING (attempt_id)"
        ).fetchall()
    outcomes = Counter(outcome for _, outcome, _ in rows)
    if code != 0 or outcomes != {"hung_up": calls}:
        said = last_words(home)
        raise BenchError(f"dialer run ended with {code}, outcomes {dict(outcomes)}, not {calls} hung_up: {said}")
    records = ((placed, msgspec.json.decode(record)["invite_at"]) for placed, _, record in rows)
    return [(placed, datetime.fromisoformat(invited).timestamp()) for placed, invited in records]


def thirds(waits: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """How many were waiting on average (Little's law), in each third of the run."""
    begun, ended = min(decided for decided, _ in waits), max(invited for _, invited in waits)
    edges = [begun + (ended - begun) * part / 3 for part in range(4)]
    return tuple(
        sum(max(0.0, min(invited, until) - max(decided, since)) for decided, invited in waits) / (until - since)
        for since, until in pairwise(edges)
    )


def run_sipp(home: Path, pace: Pace) -> tuple[Heard, Cpu]:
    """SIPp as the caller."""
    with callee(home) as peer:
        process = start_sipp(
            home, "hung_up", f"{HOST}:{peer.port}", "-m", str(pace.calls), "-r", str(pace.cps),
            "-l", str(CHANNELS), "-buff_size", "4000000",
        )  # fmt: skip
        cpu = cpu_until_end(process, 3 * pace.seconds + START_S)
        if process.returncode != 0:
            raise BenchError(f"SIPp as the caller ended with {process.returncode}: not every call went well")
        return peer.heard(pace.calls), cpu


def quantile(values: Sequence[float], share: float) -> float:
    """Of what is sorted."""
    return values[min(len(values) - 1, int(share * len(values)))]


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.cps", description="sustained new calls a second")
    parser.add_argument("--cps", type=int, default=260, help="new calls a second that are asked for")
    parser.add_argument("--seconds", type=int, default=120, help="of calls at that rate")
    parser.add_argument("--quick", action="store_true", help="five seconds of calls: too short to show a queue grow")
    options = parser.parse_args()
    own_network()
    pace = Pace(options.cps, 5 if options.quick else options.seconds)
    peer = f"SIPp {sipp_version()}"
    quick = " (quick: a smaller size than the target's)" if options.quick else ""
    print(f"{pace.calls} calls that the callee ends at once, {pace.cps} a second{quick}\n{machine()}, {peer}\n")
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            ours = run_dialer(Path(folder) / "dialer", pace)
            shorter = Pace(pace.cps, min(pace.seconds, PEER_S))
            theirs, their_cpu = run_sipp(Path(folder) / "sipp", shorter)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    report(pace, ours, theirs, 1000 * their_cpu.own_s / shorter.calls)
    value, peer_value = round(ours.heard.cps, 1), round(theirs.cps, 1)
    Figure("sustained_cps", value, "calls/s", TARGET_CPS, peer, peer_value, round(value / peer_value, 3)).print()
    return 0


def report(pace: Pace, ours: Ours, theirs: Heard, their_ms: float) -> None:
    """The table for people; ``their_ms`` is CPU a call."""
    engine, agent = (1000 * each / pace.calls for each in (ours.cpu.own_s, ours.cpu.children_s))
    print(f"{'':<8}{'calls/s':>9}{'setup p50':>11}{'p99':>9}{'longest':>9}{'sent again':>12}{'CPU a call':>12}")
    for name, heard, spent in (("dialer", ours.heard, engine + agent), ("SIPp", theirs, their_ms)):
        print(
            f"{name:<8}{heard.cps:>9.1f}{heard.setup(0.5):>8.1f} ms{heard.setup(0.99):>6.1f} ms"
            f"{heard.setup(1):>6.0f} ms{heard.retransmitted:>12}{spent:>9.2f} ms"
        )
    looks, late, callee_cpu = ours.looks, ours.decided_to_invite_ms, ours.callee_cpu
    unstored = [mean(part) for part in split(looks.unstored, 3)]
    print(
        f"\nengine {engine:.2f} ms a call, agent {agent:.2f} ms; callee {1000 * callee_cpu.own_s / pace.calls:.2f} ms"
    )
    print(f"decided and not dialed, by thirds of the run: {' '.join(f'{each:.0f}' for each in ours.waiting)} calls")
    print(f"ended and not on disk, by thirds: {' '.join(f'{each:.0f}' for each in unstored)} calls")
    print(
        f"from the durable decision to the INVITE: p50 {quantile(late, 0.5):.0f} ms, p99 {quantile(late, 0.99):.0f} ms"
    )
    print(f"event loop late by at most {1000 * looks.lag_p99_s():g} ms, 99 times of 100")
    print(f"memory of engine and agent: {quantile(looks.memory_mb, 0.1):.0f} MB at first, {looks.memory_mb[-1]:.0f} MB")
    print(f"wanted: {TARGET_CPS:g} calls/s, setup p99 at most {TARGET_SETUP_MS:g} ms, no queue that grows\n")


def split(values: Sequence[float], parts: int) -> list[Sequence[float]]:
    """In the order in which they came."""
    return [values[len(values) * part // parts : len(values) * (part + 1) // parts] for part in range(parts)]


def mean(values: Sequence[float]) -> float:
    """The mean, 0 of none."""
    return sum(values) / len(values) if values else 0.0


if __name__ == "__main__":
    sys.exit(main())
