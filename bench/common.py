"""What the benches share: CPU seconds of a process that has ended, the machine's description, the closing JSON line."""

from __future__ import annotations

import json
import os
import platform
import select
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

POLL_S = 0.05
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """What was to be measured did not happen: there is no figure."""


class StillRuns(BenchError):
    """A program did not end in its time."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds, user and system: of a process, and of the descendants that it waited for."""

    own_s: float
    children_s: float


@dataclass(frozen=True, slots=True)
class Figure:
    """The last line of a bench, as JSON. ``ratio`` is value to peer_value."""

    name: str
    value: float
    unit: str
    target: float
    peer: str
    peer_value: float
    ratio: float

    @property
    def at_least(self) -> bool:
        """Whether more is better: so much a second. Everything else is time, memory or processor, and is to be low."""
        return "/s" in self.unit or "CPS" in self.unit

    @property
    def met(self) -> bool:
        """Whether the value is as good as was wanted."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def print(self) -> None:
        """On standard output."""
        print(json.dumps(asdict(self)))


def cpu_until_end(process: subprocess.Popen[bytes], timeout_s: float) -> Cpu:
    """Wait for ``process`` and say what it took; exact to a clock tick (10 ms). Raises StillRuns when it stays on."""
    # Left a zombie at first: its /proc entry still parts what it used itself from what its children did.
    descriptor = os.pidfd_open(process.pid)
    try:
        if not select.select([descriptor], [], [], timeout_s)[0]:
            raise StillRuns(f"{process.args!r} did not end within {timeout_s:g} s")
    finally:
        os.close(descriptor)
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / TICKS_PER_S for field in fields[11:15])
    process.wait()
    return Cpu(user + system, children_user + children_system)


def machine() -> str:
    """Processor, cores, system, Python, pjsua2, and how busy the machine is: a figure means little without them."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "processor")
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return (
        f"{model}, {os.cpu_count()} cores, {system}, Linux {platform.release()}, "
        f"Python {sys.version.split()[0]}, pjsua2 {version('dialer-pjsua2')}, load {os.getloadavg()[0]:.1f}"
    )
