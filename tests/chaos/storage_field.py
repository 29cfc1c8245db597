"""A campaign whose store lies in a directory of its own, and the three accounts of what became of it."""

from __future__ import annotations

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cli.test_campaign import CAMPAIGN
from tests.operators import Operator, zone_at_midday

from dialer.store.invariants import examine_deeply

PEOPLE = 40
SEVERAL = 6  # outcomes before the harm is done


class Field:
    """An operator with a campaign of PEOPLE contacts, whose store lies in a directory of its own."""

    def __init__(self, home: Path, rng: random.Random) -> None:
        self.home = home
        self.rng = rng
        self.operator = Operator(home)
        self.disk = home / "disk"
        self.store = self.disk / "dialer.db"
        self.account = home / "callees.jsonl"
        self.numbers = [f"+1212555{n:04}" for n in range(100, 100 + PEOPLE)]

    @contextmanager
    def prepared(self) -> Iterator[None]:
        """The callees live, and a started campaign."""
        self.disk.mkdir(exist_ok=True)
        self.operator.run("init", ".")
        (self.home / "dialer.db").unlink(missing_ok=True)
        population = self.operator.write(
            "population.toml",
            '[[callees]]\nname = "busy"\nshare = 2\ndoes = "refuse"\ncode = "486"\nring_s = [0.1, 0.8]\n'
            '[[callees]]\nname = "hangs up"\nshare = 1\ndoes = "hang_up"\nafter_s = [1, 3]\n'
            '[[callees]]\nname = "opts out"\nshare = 1\ndoes = "press_key"\nkey = "9"\nafter_s = [1, 2]\n',
        )
        callees = subprocess.Popen(
            [sys.executable, "-m", "dialer", "sim", "--population", str(population), "--port", "0", "--max-calls", "60",
             "--rtp-port", "47000", "--account", str(self.account)],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            assert callees.stdout is not None
            found = re.search(r":(\d+)$", callees.stdout.readline().decode().strip())
            assert found
            self._set_up(int(found.group(1)))
            yield
        finally:
            callees.send_signal(signal.SIGTERM)
            callees.communicate(timeout=10)

    def _set_up(self, port: int) -> None:
        write = self.operator.write
        write(
            "sip.conf", f"[sim]\nhost = 127.0.0.1\nport = {port}\ncps = 50\ncaller_ids = +13055550100 | owned | test\n"
        )
        write(
            "dialer.toml",
            '[store]\npath = "disk/dialer.db"\n'
            '[sip]\nbind = "127.0.0.1"\nmax_calls = 60\nrtp_port = 45000\nrtp_ports = 400\n',
        )
        zone = zone_at_midday()
        rows = [f"{number},{zone},express,2026-01-05,form" for number in self.numbers]
        write("people.csv", "phone,time zone,consent,consent date,consent source\n" + "\n".join(rows) + "\n")
        write("campaign.toml", CAMPAIGN.replace("cps = 20", "cps = 10"))
        self.operator.run("init", ".")
        self.operator.run("contacts", "import", "people.csv", "--list", "people")
        self.operator.run("campaign", "create", "campaign.toml", "--list", "people", "--start")

    # --- the three accounts --------------------------------------------------------------------------------------

    def invites(self) -> list[dict[str, Any]]:
        if not self.account.exists():
            return []
        events = [json.loads(line) for line in self.account.read_text().splitlines()]
        return [event for event in events if event["event"] == "invite"]

    def invited_between(self, begin: datetime, end: datetime) -> list[str]:
        return [each["call_id"] for each in self.invites() if begin <= datetime.fromisoformat(each["at"]) < end]

    def log(self) -> list[dict[str, Any]]:
        path = self.home / "dialer.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def acknowledged(self) -> dict[str, str]:
        """Outcomes that the run took for durable."""
        return {each["attempt_id"]: each["outcome"] for each in self.log() if each["event"] == "attempt"}

    def complains(self, what: str) -> bool:
        return any(each["event"] == "trouble" and what in each["detail"] for each in self.log())

    def attempts(self) -> dict[str, str | None]:
        with closing(sqlite3.connect(self.store)) as connection:
            return dict(
                connection.execute("SELECT attempt_id, outcome FROM attempt LEFT JOIN outcome USING (attempt_id)")
            )

    def of_outcome(self, outcome: str) -> set[str]:
        """The numbers that an attempt with this outcome was for."""
        with closing(sqlite3.connect(self.store)) as connection:
            query = "SELECT e164 FROM attempt JOIN outcome USING (attempt_id) WHERE outcome = ?"
            rows = connection.execute(query, (outcome,))
            return {e164 for (e164,) in rows}

    # --- at work -------------------------------------------------------------------------------------------------

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """A run in the middle of its work."""
        run = self.operator.start("run", "--until-idle")
        try:
            at_least = self.rng.randrange(SEVERAL, 2 * SEVERAL)
            wait_until(lambda: len(self.acknowledged()) >= at_least)
            say(f"harm after {at_least} outcomes")
            yield run
        finally:
            if run.poll() is None:
                run.kill()
                run.communicate()

    def ends(self, run: subprocess.Popen[bytes], code: int = 0, timeout: float = 60) -> None:
        out, err = run.communicate(timeout=timeout)
        assert b"Traceback" not in err, err.decode()
        assert run.returncode == code, (out + err).decode()

    def holds(self, *, interrupted: bool = False) -> None:
        """No INVITE without its attempt, no acknowledged outcome lost, nobody called twice, nothing out of order."""
        attempts = self.attempts()
        invited = [each["call_id"].rpartition("-")[0] for each in self.invites()]
        assert set(invited) <= attempts.keys(), "an INVITE without a durable attempt"
        assert Counter(invited).most_common(1)[0][1] == 1
        numbers = Counter(str(each["number"]) for each in self.invites())
        assert max(numbers.values()) == 1, f"called twice: {numbers.most_common(3)}"
        for attempt_id, outcome in self.acknowledged().items():
            assert attempts[attempt_id] == outcome, "an outcome that was acknowledged is lost"
        assert None not in attempts.values()
        if not interrupted:
            assert "interrupted" not in attempts.values()
            put_off = self.of_outcome("not_dialed")  # for a minute, which --until-idle does not wait for
            assert set(numbers) | put_off == set(self.numbers), "it went on by itself"
            assert len(put_off) < PEOPLE // 3
        assert examine_deeply(self.store, now()).violations == ()


def wait_until(condition: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def now() -> datetime:
    return datetime.now(UTC)


def say(line: str) -> None:
    """To whoever runs the program by hand, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
