"""CPU of a call: the whole of ``dialer run``, engine and SIP agent, against SIPp placing the same calls.

    python -m bench.calls [--calls 500] [--cps 50] [--runs 3]

Every call is answered at once by SIPp, carries ten seconds of PCMU one way and is hung up by its caller. The callee is
no part of the figure. The audio goes to a socket that nobody reads: no ICMP comes back, the kernel counts what arrives,
and no reader competes for the processor. A run in which one call is missing on either side is an error, not a figure.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
import wave
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.common import BenchError, Cpu, Figure, cpu_until_end, machine

from dialer.audio.prepare import prompt_path

HOST = "127.0.0.1"
DIALER = (sys.executable, "-m", "dialer")
SCENARIOS = Path(__file__).parent / "scenarios"
TARGET_MS = 8.0
TARGET_RATIO = 4.5
CALL_S = 10.0
LISTENS_S = 2.5  # for a greeting from a callee that says nothing, before the message begins
PACKETS_PER_S = 50
RATE = 8000
START_S = 60.0  # for what a run does before its first and after its last call
AREA_CODES = (212, 305, 312, 303, 213, 214, 215, 404, 415, 503, 602, 617, 619, 702, 713, 716, 718, 773, 916, 954)
ZONES = (
    "Pacific/Auckland", "Australia/Brisbane", "Asia/Tokyo", "Asia/Bangkok", "Asia/Dubai", "Europe/Helsinki",
    "Europe/London", "America/Sao_Paulo", "America/New_York", "America/Denver", "America/Anchorage", "Pacific/Honolulu",
)  # fmt: skip

SETTINGS = """\
[sip]
bind = "127.0.0.1"
max_calls = {channels}
rtp_port = 10000
rtp_ports = {ports}
"""
TRUNK = """\
[callee]
host = 127.0.0.1
port = {port}
caller_ids = +13055550100 | owned | the bench's own, on loopback only
cps = {cps}
channels = {channels}
"""
CAMPAIGN = """\
[campaign]
name = "Bench"
purpose = "health"
caller_id = "+13055550100"
[seller]
name = "Sunrise Clinic LLC"
callback = "+13055550100"
[message]
sound = "message.wav"
opt_out_number = "+18005550100"
parts = [
    {{ says = "seller_name", from_s = 0, to_s = 2 }},
    {{ says = "opt_out", from_s = 2, to_s = 4 }},
    {{ says = "callback", from_s = 4, to_s = 6 }},
]
key_wait_s = 0
[machines]
policy = "play"
detect = {detect}
[pacing]
cps = {cps}
channels = {channels}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What every run places: ``calls`` calls, ``cps`` new ones a second."""

    calls: int
    cps: int

    @property
    def channels(self) -> int:
        """Calls that are live at once, with room for the pace to waver."""
        return min(self.calls, int(self.cps * (CALL_S + 2)))

    @property
    def timeout_s(self) -> float:
        """How long a run may last."""
        return self.calls / self.cps + CALL_S + START_S


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run."""

    cpu: Cpu
    calls: int
    wall_s: float
    packets: int

    @property
    def ms(self) -> float:
        """Milliseconds of CPU a call."""
        return (self.cpu.own_s + self.cpu.children_s) * 1000 / self.calls


class Sink:
    """Takes RTP and RTCP on two neighbouring ports without reading any; counts the RTP packets."""

    def __init__(self) -> None:
        self._rtp, self._rtcp = _neighbours()
        self.port: int = self._rtp.getsockname()[1]
        self._inode = os.fstat(self._rtp.fileno()).st_ino

    def packets(self) -> int:
        """Packets that have come: those that found the buffer full, and those in it. For one use."""
        table = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
        rows = (line.split() for line in table)
        count = next(int(row[12]) for row in rows if int(row[9]) == self._inode)
        self._rtp.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._rtp.recv(2048)
                count += 1
        return count

    def close(self) -> None:
        """Give both ports back."""
        self._rtp.close()
        self._rtcp.close()


def _neighbours() -> tuple[socket.socket, socket.socket]:
    while True:
        first, second = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        first.bind((HOST, 0))
        port = first.getsockname()[1]
        with contextlib.suppress(OSError):
            if port % 2 == 0:
                second.bind((HOST, port + 1))
                return first, second
        first.close()
        second.close()


class Callee:
    """SIPp answering on ``port``, its callers' audio going to a Sink."""

    def __init__(self, home: Path) -> None:
        self.sink = Sink()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((HOST, 0))
            self.port: int = free.getsockname()[1]
        self._statistics = home / "callee.csv"
        self._process = start_sipp(
            home, "callee", "-p", str(self.port), "-key", "sink_port", str(self.sink.port),
            "-trace_stat", "-fd", "1", "-stf", str(self._statistics),
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while f":{self.port:04X} " not in Path("/proc/net/udp").read_text(encoding="ascii"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BenchError("SIPp does not listen")
            time.sleep(0.05)

    def counts(self) -> tuple[int, int]:
        """End, and say how many calls went as they should and how many did not."""
        self._process.send_signal(signal.SIGUSR1)  # end when no call is left
        cpu_until_end(self._process, timeout_s=15)
        row = list(csv.DictReader(self._statistics.open(encoding="ascii"), delimiter=";"))[-1]
        return int(row["whole(C)"]), int(row["FailedCall(C)"])

    def close(self) -> None:
        """Whatever happened."""
        self._process.kill()
        self._process.wait()
        self.sink.close()


@contextlib.contextmanager
def callee(home: Path) -> Iterator[Callee]:
    """A callee for one run."""
    home.mkdir()
    made = Callee(home)
    try:
        yield made
    finally:
        made.close()


def start_sipp(home: Path, scenario: str, *arguments: str) -> subprocess.Popen[bytes]:
    """SIPp playing a scenario on loopback."""
    return subprocess.Popen(
        ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", HOST, "-mi", HOST, "-nostdin", *arguments],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip


def checked(load: Load, callee: Callee, cpu: Cpu, wall_s: float) -> Run:
    """The run, once the callee has counted as many calls and the sink as much audio. Raises BenchError."""
    answered, failed = callee.counts()
    packets = callee.sink.packets()
    if (answered, failed) != (load.calls, 0):
        raise BenchError(f"the callee counted {answered} good calls and {failed} bad ones, not {load.calls}")
    expected = load.calls * CALL_S * PACKETS_PER_S
    if not 0.99 * expected <= packets <= 1.02 * expected:
        raise BenchError(f"{packets} RTP packets arrived, not about {expected:.0f}")
    return Run(cpu, load.calls, wall_s, packets)


def run_sipp(home: Path, load: Load) -> Run:
    """SIPp as the caller."""
    with callee(home) as peer:
        (home / "message.ulaw").write_bytes(pcmu(message(CALL_S)))
        begun = time.monotonic()
        process = start_sipp(
            home, "caller", f"{HOST}:{peer.port}", "-m", str(load.calls), "-r", str(load.cps), "-l", str(load.channels),
            "-mp", "16000", "-d", str(round(CALL_S * 1000)),
        )  # fmt: skip
        cpu = cpu_until_end(process, load.timeout_s)
        if process.returncode != 0:
            raise BenchError(f"SIPp as the caller ended with {process.returncode}: not every call went well")
        return checked(load, peer, cpu, time.monotonic() - begun)


def run_dialer(home: Path, load: Load, *, detect: bool) -> Run:
    """``dialer run`` as the caller, in a directory of its own."""
    with callee(home) as peer:
        message_s = CALL_S - LISTENS_S if detect else CALL_S
        prepare(home, load, peer.port, message_s, detect=detect)
        begun = time.monotonic()
        with (home / "run.out").open("wb") as out:
            process = subprocess.Popen(
                [*DIALER, "run", "--until-idle"], cwd=home, stdout=out, stderr=out, env=environment()
            )
        cpu = cpu_until_end(process, load.timeout_s)
        wall_s = time.monotonic() - begun
        outcomes = Counter(
            row["outcome"] if int(row["heard_ms"]) >= message_s * 1000 - 40 else f"heard only {row['heard_ms']} ms"
            for row in csv.DictReader(io.StringIO(dialer(home, "report", "Bench", "--csv", "-")))
        )
        if process.returncode != 0 or outcomes != {"heard": load.calls}:
            said = (home / "run.out").read_text(encoding="utf-8").strip().splitlines()[-3:]
            raise BenchError(f"dialer run ended with {process.returncode}, outcomes {dict(outcomes)}: {said}")
        return checked(load, peer, cpu, wall_s)


def prepare(home: Path, load: Load, port: int, message_s: float, *, detect: bool) -> None:
    """Configuration, people and a started campaign."""
    dialer(home, "init", ".")
    values = {
        "port": port, "cps": load.cps, "channels": load.channels, "ports": 4 * load.channels,
        "detect": str(detect).lower(),
    }  # fmt: skip
    for name, text in (("dialer.toml", SETTINGS), ("sip.conf", TRUNK), ("campaign.toml", CAMPAIGN)):
        (home / name).write_text(text.format(**values), encoding="utf-8")
    with wave.open(str(home / "message.wav"), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(message(message_s))
    now = datetime.now(UTC)
    midday = min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))
    numbers = [f"+1{area}555{line:04}" for area in AREA_CODES for line in range(100, 200)][: load.calls]
    rows = [f"{number},{midday},express,2026-01-05,intake form" for number in numbers]
    header = "phone,time zone,consent,consent date,consent source"
    (home / "people.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    dialer(home, "contacts", "import", "people.csv", "--list", "people")
    dialer(home, "campaign", "create", "campaign.toml", "--list", "people", "--start")


def message(seconds: float) -> bytes:
    """The demo's message, over and over: 8 kHz, mono, 16 bits."""
    with wave.open(str(prompt_path("demo_message")), "rb") as wav:
        spoken = wav.readframes(wav.getnframes())
    size = int(seconds * RATE) * 2
    return (spoken * (size // len(spoken) + 1))[:size]


def pcmu(pcm: bytes) -> bytes:
    """As it goes over the wire."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop-lts has its place from 3.13 on
        import audioop
    return audioop.lin2ulaw(pcm, 2)


def environment() -> dict[str, str]:
    """Ours, but with compiled modules kept, as they are where nobody has forbidden it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def dialer(home: Path, *arguments: str) -> str:
    """What a command that must go well printed."""
    done = subprocess.run(
        [*DIALER, *arguments], cwd=home, capture_output=True, text=True, check=False, env=environment()
    )
    if done.returncode != 0:
        raise BenchError(f"dialer {' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def sipp_version() -> str:
    """As SIPp says it."""
    said = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"SIPp v([\d.]+)", said)
    return found[1] if found else "?"


def measure(load: Load, runs: int) -> dict[str, list[Run]]:
    """Every kind in turn, ``runs`` times, so that a noisy minute falls on all of them."""
    kinds: dict[str, Callable[[Path], Run]] = {
        "dialer": lambda home: run_dialer(home, load, detect=False),
        "dialer, listening for machines": lambda home: run_dialer(home, load, detect=True),
        "SIPp": lambda home: run_sipp(home, load),
    }
    found: dict[str, list[Run]] = {name: [] for name in kinds}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for turn in range(runs):
            for name, kind in kinds.items():
                run = kind(Path(folder) / f"{name.replace(', ', '-').replace(' ', '-')}-{turn}")
                found[name].append(run)
                print(f"{name}: {run.ms:.2f} ms a call, {run.wall_s:.0f} s", file=sys.stderr)
    return found


def main() -> int:
    """Measure, and print the table and the figure."""
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description="CPU of a call, dialer against SIPp")
    parser.add_argument("--calls", type=int, default=500, help="calls of a run, up to 2000")
    parser.add_argument("--cps", type=int, default=50, help="new calls a second")
    parser.add_argument("--runs", type=int, default=3, help="of each kind; the median counts")
    options = parser.parse_args()
    load = Load(options.calls, options.cps)
    peer = f"SIPp {sipp_version()}"
    print(f"{load.calls} calls of {CALL_S:g} s, {load.cps} a second; median of {options.runs}\n{machine()}, {peer}\n")
    try:
        found = measure(load, options.runs)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1

    print(f"{'CPU, ms a call':<32}{'all':>7}{'least':>7}{'most':>7}{'engine':>8}{'agent':>7}{'wall':>7}{'RTP':>9}")
    for name, runs in found.items():
        each = sorted(run.ms for run in runs)
        own, children = (
            statistics.median(seconds) * 1000 / load.calls
            for seconds in ([run.cpu.own_s for run in runs], [run.cpu.children_s for run in runs])
        )
        parts = f"{own:>8.2f}{children:>7.2f}" if children else f"{'':15}"
        wall, packets = statistics.median(run.wall_s for run in runs), statistics.median(run.packets for run in runs)
        print(
            f"{name:<32}{statistics.median(each):>7.2f}{each[0]:>7.2f}{each[-1]:>7.2f}{parts}{wall:>6.0f}s{packets:>9.0f}"
        )
    value = statistics.median(run.ms for run in found["dialer"])
    peer_value = statistics.median(run.ms for run in found["SIPp"])
    ratio = value / peer_value
    print(f"\n{ratio:.2f} times SIPp; wanted: at most {TARGET_MS:g} ms and {TARGET_RATIO:g} times\n")
    Figure("cpu_per_call", round(value, 2), "ms", TARGET_MS, peer, round(peer_value, 2), round(ratio, 2)).print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
