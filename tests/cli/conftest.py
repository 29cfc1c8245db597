"""An operator's directory, and people to call, for tests of the whole program."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dialer.audio.prepare import prompt_path

ZONES = (
    "Pacific/Auckland", "Australia/Brisbane", "Asia/Tokyo", "Asia/Bangkok", "Asia/Dubai", "Europe/Helsinki",
    "Europe/London", "America/Sao_Paulo", "America/New_York", "America/Denver", "America/Anchorage", "Pacific/Honolulu",
)  # fmt: skip


@dataclass(frozen=True)
class Operator:
    """Runs ``dialer`` as a user does, in a directory of its own."""

    home: Path

    def run(self, *arguments: str, code: int = 0, timeout: float = 90) -> str:
        """What a command that ends with ``code`` said, on both outputs."""
        process = self.start(*arguments)
        out, err = (text.decode() for text in process.communicate(timeout=timeout))
        assert "Traceback" not in err, err
        assert process.returncode == code, f"{arguments} ended with {process.returncode}\n{out}\n{err}"
        return out + err

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command that goes on beside the test."""
        return subprocess.Popen(
            [sys.executable, "-m", "dialer", *arguments],
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, name: str, text: str) -> Path:
        """A file of the operator's."""
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def open_zone() -> str:
    """A zone in which it is now the middle of the day, so that a confirmed contact there may be called."""
    now = datetime.now(UTC)
    return min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """A directory with a configuration whose trunk nobody answers at."""
    made = Operator(tmp_path)
    made.run("init", ".")
    return made


@pytest.fixture
def callees(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Starts simulated callees from a population text; returns their SIP port. Their account is callees.jsonl."""
    started: list[subprocess.Popen[bytes]] = []

    def start(population: str) -> int:
        path = tmp_path / "population.toml"
        path.write_text(population, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "dialer", "sim", "--population", str(path), "--port", "0", "--max-calls", "60",
             "--rtp-port", "46000", "--account", str(tmp_path / "callees.jsonl")],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        found = re.search(r":(\d+)$", line.strip())
        assert found, f"the callees said {line!r}"
        return int(found.group(1))

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)


@pytest.fixture
def message() -> Path:
    """A message of nine seconds."""
    return prompt_path("demo_message")
