"""An operator at work: a directory with its configuration, and ``dialer`` run in it as a user runs it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

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


def zone_at_midday() -> str:
    """A zone in which it is now the middle of the day: a contact confirmed to be there may be called."""
    now = datetime.now(UTC)
    return min(ZONES, key=lambda zone: abs(now.astimezone(ZoneInfo(zone)).hour - 13))
