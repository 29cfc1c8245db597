"""An operator's directory, and people to call, for tests of the whole program."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.operators import zone_at_midday

from dialer.audio.prepare import prompt_path


@pytest.fixture
def open_zone() -> str:
    """As ``zone_at_midday``."""
    return zone_at_midday()


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
