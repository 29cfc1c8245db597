"""The store under fire: see tests/chaos/storage.py, whose programs can be run by hand with the seed that is printed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.storage import FAULTS, OWN_MOUNTS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.chaos, pytest.mark.sip, pytest.mark.timeout(240)]


def may_mount() -> bool:
    return (
        shutil.which("unshare") is not None and subprocess.run(["unshare", "-m", "true"], check=False).returncode == 0
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_no_call_is_placed_that_the_store_cannot_hold_and_nothing_acknowledged_is_lost(fault: str) -> None:
    if fault in OWN_MOUNTS and not may_mount():
        pytest.skip("mounting needs root")
    seed = random.randrange(1 << 30)
    process = subprocess.run(
        [sys.executable, "-m", "tests.chaos.storage", fault, "--seed", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert process.returncode == 0, f"seed {seed}\n{process.stdout}\n{process.stderr}"
