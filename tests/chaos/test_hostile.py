"""The agent against hostile peers: each attack is a program of its own, and can be run by hand, for longer.

    python -m tests.chaos.hostile.fuzz --seed 7 --messages 20000

They run in a network namespace of their own: what an agent is fooled into sending reaches nobody.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.chaos.hostile.field import CANNOT

pytestmark = [pytest.mark.chaos, pytest.mark.sip, pytest.mark.timeout(150)]

ROOT = Path(__file__).parents[2]
ATTACKS = {
    "torture": (),
    "fuzz": ("--seed", "7", "--messages", "20000"),
    "answers": (),
    "strangers": ("--requests", "6000", "--connections", "300"),
    "media": (),
    "absurd_sdp": (),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nobody_notices(attack: str) -> None:
    """The oracle is in ``tests.chaos.hostile.field``: other calls untouched, memory steady, each call ended once."""
    pytest.importorskip("pjsua2")
    done = subprocess.run(
        [sys.executable, "-m", f"tests.chaos.hostile.{attack}", *ATTACKS[attack]],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == CANNOT:
        pytest.skip(f"this needs a network namespace of its own: {done.stdout.splitlines()[-1]}")
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.endswith("nobody noticed\n")
