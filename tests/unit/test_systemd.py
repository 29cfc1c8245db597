"""The unit: systemd takes it as it is, it is confined, and it gives a run the time that a run needs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dialer.cli.context import Exit
from dialer.cli.watching import LAST_S
from dialer.config_sections import EngineSection
from dialer.sip.client import START_TIMEOUT_S

UNIT = Path(__file__).resolve().parents[2] / "systemd/dialer.service"
MOST_EXPOSED = 15  # tenths, of 100; the network it cannot do without is 11 of them

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def setting(name: str) -> str:
    (found,) = re.findall(rf"(?m)^{name}=(.*)$", UNIT.read_text())
    return str(found)


def seconds(name: str) -> float:
    count, unit = re.fullmatch(r"(\d+)(s|min)", setting(name)).groups()  # type: ignore[union-attr]
    return int(count) * (60 if unit == "min" else 1)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    path = tmp_path / "dialer.service"
    path.write_text(UNIT.read_text().replace("/opt/dialer/bin/dialer", sys.executable))
    return path


@needs_systemd
def test_systemd_finds_nothing_wrong_with_it(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "dialer.service" in line]) == (0, [])


@needs_systemd
def test_it_can_do_little_harm(unit: Path) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", unit],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_stop_leaves_the_time_that_a_drain_takes() -> None:
    assert seconds("TimeoutStopSec") > EngineSection().drain_s + LAST_S
    assert setting("KillMode") == "mixed", "the agents must not be told to end: their calls go on"


def test_a_start_leaves_the_time_that_agents_take() -> None:
    assert seconds("TimeoutStartSec") > START_TIMEOUT_S
    assert setting("Type") == "notify"


def test_what_does_not_mend_itself_is_not_tried_again() -> None:
    codes = {int(code) for code in setting("RestartPreventExitStatus").split()}
    assert codes == {Exit.USAGE, Exit.PAUSED}
    assert setting("Restart") == "on-failure"
