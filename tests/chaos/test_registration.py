"""Asterisk, with which the dialer is registered, is restarted in the middle of a campaign."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.asterisk.conftest import NO_ENGINE, AsteriskPeer, free_port_pair, run_script
from tests.chaos.field import Field, Plan, until
from tests.chaos.oracle import SENT_AGAIN, Limits, judge, read

SEED = 20261126
GONE_S = 8.0  # longer than an OPTIONS waits for its answer
RTP = "27000-27399"
TRUNK = """\
[asterisk]
host = 127.0.0.1
port = {port}
register = yes
register_seconds = 60
user = dialer
secret_file = digest.secret
caller_ids = +13055550100 | owned | the test's own, on loopback only
cps = 10
channels = 40
options_seconds = 2
"""


def start(directory: Path, port: int) -> None:
    """The same as before: its secret and its records stay."""
    started = run_script("start", "--dir", str(directory), "--port", str(port), "--rtp", RTP)
    if started.returncode == NO_ENGINE and not os.environ.get("CI"):
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr


def as_account(peer: AsteriskPeer, path: Path) -> None:
    """Asterisk's call detail records in the words of the simulated callees' account."""

    def line(at: datetime, event: str, call_id: str, number: str) -> str:
        return json.dumps({"at": at.isoformat(), "event": event, "call_id": call_id, "number": number}) + "\n"

    with path.open("w", encoding="utf-8") as file:
        for row in peer.cdr_rows():
            file.write(line(row.start, "invite", row.call_id, row.number))
            if row.answer is not None:
                file.write(line(row.answer, "answer", row.call_id, row.number))
            file.write(line(row.end, "over", row.call_id, row.number))


@pytest.mark.chaos
@pytest.mark.asterisk
@pytest.mark.timeout(300)
def test_a_campaign_goes_on_after_its_registrar_was_restarted(tmp_path: Path) -> None:
    directory, home, port = tmp_path / "asterisk", tmp_path / "home", free_port_pair()
    home.mkdir()
    start(directory, port)
    try:
        secret = (directory / "digest_secret").read_text()
        peer = AsteriskPeer("127.0.0.1", port, port + 1, "dialer", secret, directory)
        numbers = tuple(f"+1212555{place:02}{suffix}" for place in range(15) for suffix in ("00", "01"))
        plan = Plan(SEED, cps=2, agents=1, landlines=0, numbers=numbers, trunk=TRUNK.format(port=port + 1))
        with Field(home, plan) as field:
            field.operator.write("digest.secret", secret)
            field.prepare()
            run = field.start_run()
            assert until(lambda: len(peer.cdr_rows()) >= 5, 60), run.said.read_text()
            run_script("stop", "--dir", str(directory))
            time.sleep(GONE_S)
            start(directory, port)
            seen = len(peer.cdr_rows())
            assert until(lambda: len(peer.cdr_rows()) > seen, 60), run.said.read_text()
            assert "is down" in (home / "dialer.log").read_text()
            field.finish(run, whole=False)
        as_account(peer, home / "callees.jsonl")
    finally:
        run_script("stop", "--dir", str(directory))
    accounts = read(home)
    report = judge("registrar restarted", SEED, accounts, Limits(plan.max_attempts, timedelta(minutes=1), SENT_AGAIN))
    print(report.json())  # noqa: T201  pytest shows it when the test fails
    assert report.problems == []
    reached = {attempt.number for attempt in accounts.attempts.values() if attempt.outcome in {"heard", "accepted"}}
    assert len(reached) >= len(numbers) // 3  # those that were up at the restart were hung up by it
