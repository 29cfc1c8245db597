"""The Asterisk of docker/asterisk as a peer for tests: started once a session, read through its own files."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import time
import tomllib
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "asterisk"
NO_ENGINE = 4
WAV_HEADER = 44


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One call as Asterisk wrote it down when it ended. Durations are seconds; answer is None if nobody answered."""

    uniqueid: str
    call_id: str
    number: str
    scenario: str
    caller_id: str
    trunk: str
    start: datetime
    answer: datetime | None
    end: datetime
    duration: float
    billsec: float
    disposition: str
    hangupcause: int
    recording: Path | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row of scenarios.toml, which explains the fields."""

    suffix: str
    name: str
    about: str
    sip: int
    disposition: str
    outcome: str
    q850: int | None = None
    outcome_amd: str | None = None
    digits: str = ""
    hangs_up_after: int | None = None
    answers_after: int | None = None


@dataclass(frozen=True, slots=True)
class AsteriskPeer:
    """A running Asterisk: sip_port trusts loopback, digest_port asks for user and secret and takes REGISTER."""

    host: str
    sip_port: int
    digest_port: int
    digest_user: str
    digest_secret: str
    directory: Path

    def cdr_rows(self) -> list[CdrRow]:
        """Every call that has ended so far, in the order of their ends."""
        with (self.directory / "cdr-custom" / "calls.csv").open(newline="") as file:
            return [self._row(fields) for fields in csv.DictReader(file)]

    def recordings(self) -> list[Path]:
        """8 kHz mono WAV files of what the callees heard; a call's own is CdrRow.recording."""
        return sorted((self.directory / "recordings").glob("*.wav"))

    def heard_by(self, row: CdrRow, timeout: float = 5) -> bytes:
        """What the callee of one call heard: 8 kHz mono 16-bit PCM, once Asterisk has closed the file."""
        assert row.recording is not None, row
        deadline = time.monotonic() + timeout
        while True:
            # Until it is closed, its header says that it is empty.
            if row.recording.exists() and row.recording.stat().st_size > WAV_HEADER:
                with wave.open(str(row.recording), "rb") as file:
                    assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
                    if file.getnframes() > 0:
                        return file.readframes(file.getnframes())
            if time.monotonic() > deadline:
                raise TimeoutError(f"{row.recording} is missing or unfinished after {timeout} s")
            time.sleep(0.05)

    def wait_for_rows(self, count: int, timeout: float) -> list[CdrRow]:
        """The rows, once there are at least `count`; TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while len(rows := self.cdr_rows()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(rows)} of {count} CDR rows after {timeout} s")
            time.sleep(0.05)
        return rows

    def wait_for_call(self, call_id: str, timeout: float = 5) -> CdrRow:
        """The row of one SIP Call-ID; TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            for row in self.cdr_rows():
                if row.call_id == call_id:
                    return row
            if time.monotonic() > deadline:
                raise TimeoutError(f"no CDR row for {call_id} after {timeout} s")
            time.sleep(0.05)

    def cli(self, command: str) -> str:
        """What the Asterisk console says to one command."""
        return run_script("cli", command, "--dir", str(self.directory)).stdout

    def _row(self, fields: dict[str, str]) -> CdrRow:
        start, end = moment(fields["start"]), moment(fields["end"])
        assert start is not None, fields
        assert end is not None, fields
        return CdrRow(
            uniqueid=fields["uniqueid"],
            call_id=fields["call_id"],
            number=fields["number"],
            scenario=fields["scenario"],
            caller_id=fields["caller_id"],
            trunk=fields["trunk"],
            start=start,
            answer=moment(fields["answer"]),
            end=end,
            duration=float(fields["duration"]),
            billsec=float(fields["billsec"]),
            disposition=fields["disposition"],
            hangupcause=int(fields["hangupcause"]),
            recording=self.directory / fields["recording"] if fields["recording"] else None,
        )


def moment(epoch: str) -> datetime | None:
    """Unix seconds with six decimals, exactly; Asterisk writes 0 for a call that was not answered."""
    if not epoch or (microseconds := int(Decimal(epoch) * 1_000_000)) == 0:
        return None
    seconds, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest)


def scenarios() -> list[Scenario]:
    """The table of docker/asterisk/scenarios.toml."""
    table = tomllib.loads((ROOT / "docker" / "asterisk" / "scenarios.toml").read_text())
    return [Scenario(**row) for row in table["scenario"]]


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=900, check=False)


def free_port_pair() -> int:
    """A port that is free on UDP and TCP, and so is the one after it."""
    for candidate in range(5160, 5960, 10):
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                for port in (candidate, candidate + 1):
                    with socket.socket(socket.AF_INET, kind) as probe:
                        probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return candidate
    raise RuntimeError("no free SIP port between 5160 and 5960")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time limit starts after the fixtures': the first one may have to build the image."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asterisk)
            item.add_marker(pytest.mark.timeout(120, func_only=True))


@pytest.fixture(scope="session")
def asterisk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskPeer]:
    """A fresh Asterisk. Without a container engine the test is skipped, except where CI is set: there it fails."""
    directory = tmp_path_factory.mktemp("asterisk")
    port = free_port_pair()
    started = run_script("start", "--dir", str(directory), "--port", str(port))
    if started.returncode == NO_ENGINE and not os.environ.get("CI"):
        pytest.skip(started.stderr.strip())
    if started.returncode != 0:
        pytest.fail(started.stderr.strip(), pytrace=False)
    try:
        yield AsteriskPeer(
            host="127.0.0.1",
            sip_port=port,
            digest_port=port + 1,
            digest_user="dialer",
            digest_secret=(directory / "digest_secret").read_text(),
            directory=directory,
        )
    finally:
        run_script("stop", "--dir", str(directory))
