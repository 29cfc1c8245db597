"""What the benches of calls share: how many calls, the configuration for them, and ``dialer run`` placing them."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import subprocess
import sys
import time
import wave
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.callee import RATE, Account, Callee, callee, message
from bench.common import BenchError, Cpu, cpu_until_end

DIALER = (sys.executable, "-m", "dialer")
CALL_S = 10.0
LISTENS_S = 2.5  # for a greeting from a callee that says nothing, before the message begins
PACKETS_PER_S = 50
SPARE_PACKETS = 25  # a call may last half a second longer than its message
START_S = 60.0  # for what a run does before its first and after its last call
PARTS_S = 6.0  # the parts of the message in CAMPAIGN
AREA_CODES = (212, 305, 312, 303, 213, 214, 917, 404, 415, 503, 602, 617, 619, 646, 713, 716, 718, 773, 916, 954)
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
    """What every run places: ``calls`` calls of ``call_s`` seconds, ``cps`` new ones a second."""

    calls: int
    cps: int
    call_s: float = CALL_S

    @property
    def channels(self) -> int:
        """Calls that are live at once, with room for the pace to waver."""
        return min(self.calls, int(self.cps * (self.call_s + 2)))

    @property
    def timeout_s(self) -> float:
        """How long a run may last."""
        return self.calls / self.cps + self.call_s + START_S


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run; what the callee took is in ``callee`` and in no other figure."""

    cpu: Cpu
    calls: int
    wall_s: float
    callee: Account

    @property
    def ms(self) -> float:
        """Milliseconds of CPU a call."""
        return (self.cpu.own_s + self.cpu.children_s) * 1000 / self.calls


def checked(load: Load, callee: Callee, cpu: Cpu, wall_s: float) -> Run:
    """The run, once the callee has counted as many calls and as much audio both ways. Raises BenchError."""
    seen = callee.account()
    if (seen.whole, seen.failed) != (load.calls, 0):
        raise BenchError(f"the callee counted {seen.whole} good calls and {seen.failed} bad ones, not {load.calls}")
    expected = load.calls * load.call_s * PACKETS_PER_S
    # The callee's own are let go when it comes late, which is no fault of the caller's.
    for packets, least, did in ((seen.received, 0.99, "came to"), (seen.sent, 0.95, "left")):
        if not least * expected <= packets <= 1.02 * expected + SPARE_PACKETS * load.calls:
            raise BenchError(f"{packets} RTP packets {did} the callee, not about {expected:.0f}")
    return Run(cpu, load.calls, wall_s, seen)


def last_words(home: Path) -> list[str]:
    """The last that ``dialer run`` printed into run.out."""
    return (home / "run.out").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]


def run_dialer(home: Path, load: Load, *, detect: bool) -> Run:
    """``dialer run`` as the caller, in a directory of its own."""
    with callee(home, *(("--says", "silence") if detect else ())) as peer:
        message_s = load.call_s - LISTENS_S if detect else load.call_s
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
            said = last_words(home)
            raise BenchError(f"dialer run ended with {process.returncode}, outcomes {dict(outcomes)}: {said}")
        return checked(load, peer, cpu, wall_s)


def prepare(
    home: Path, load: Load, port: int, message_s: float, *, detect: bool, says: Callable[[float], bytes] = message
) -> None:
    """Configuration, people and a started campaign; ``says`` makes its message."""
    dialer(home, "init", ".")
    values = {
        "port": port, "cps": load.cps, "channels": load.channels, "ports": 4 * load.channels,
        "detect": str(detect).lower(),
    }  # fmt: skip
    for name, text in (("dialer.toml", SETTINGS), ("sip.conf", TRUNK), ("campaign.toml", CAMPAIGN)):
        (home / name).write_text(fitted(text.format(**values), message_s), encoding="utf-8")
    with wave.open(str(home / "message.wav"), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(says(message_s))
    now = datetime.now(UTC)
    midday = min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))
    rows = [f"{number},{midday},express,2026-01-05,intake form" for number in numbers(load.calls)]
    header = "phone,time zone,consent,consent date,consent source"
    (home / "people.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    dialer(home, "contacts", "import", "people.csv", "--list", "people")
    dialer(home, "campaign", "create", "campaign.toml", "--list", "people", "--start")


def numbers(count: int) -> list[str]:
    """The first of 2,000 numbers that are kept for fiction: 555-0100 to 555-0199 in twenty area codes."""
    return [f"+1{area}555{line:04}" for area in AREA_CODES for line in range(100, 200)][:count]


def fitted(text: str, message_s: float) -> str:
    """A campaign whose message is shorter than its parts would be: the parts shrink with it, and end no later."""
    scale = min(1.0, message_s / PARTS_S)
    return re.sub(
        r"(from_s|to_s) = (\d+)",
        lambda found: f"{found[1]} = {math.floor(int(found[2]) * scale * 1000) / 1000:g}",
        text,
    )


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
