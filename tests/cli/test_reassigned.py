"""Asking the reassigned-numbers database, by files and over HTTP, of a fake one on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.operators import Operator

LIST = "phone,consent_kind,consent_date,consent_source\n+12075550123,express,2026-05-01,form\n+12075550124,none,,\n"


class Database(BaseHTTPRequestHandler):
    """Says no to every number but those that end in 3."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = "".join(f"{line},{'yes' if line.split(',')[0].endswith('3') else 'no'}\n" for line in asked.splitlines())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(said.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def verdict_on(operator: Operator, number: str, code: int = 0) -> str:
    """What the check of reassigned numbers says at an hour at which Maine may be called: no other check refuses."""
    hour = ("--at", "2026-11-20T12:00-05:00")
    said = operator.run("gate", "explain", number, "--campaign", "Appointment reminders", *hour, "--json", code=code)
    checks = {each["check"]: each["verdict"] for each in json.loads(said)["checks"]}
    return str(checks["reassigned"])


@pytest.fixture
def with_list(operator: Operator) -> Operator:
    operator.write("people.csv", LIST)
    operator.run("contacts", "import", "people.csv", "--list", "people")
    operator.run("campaign", "create", "campaign.toml", "--list", "people")
    return operator


def test_files_go_out_and_come_back(with_list: Operator) -> None:
    assert "1 numbers" in with_list.run("reassigned", "query", "--list", "people", "--out", "ask.csv")
    assert (with_list.home / "ask.csv").read_text() == "2075550123,2026-05-01\n"
    with_list.write("back.csv", "2075550123,2026-05-01,no\n")
    assert "1 answers put on file: 1 no" in with_list.run("reassigned", "import", "back.csv")
    assert verdict_on(with_list, "+12075550123") == "pass"
    with_list.write("back.csv", "2075550123,2026-05-01,maybe\n")
    assert "back.csv:1" in with_list.run("reassigned", "import", "back.csv", code=1)


def test_a_number_that_went_to_somebody_else_is_refused_at_once(with_list: Operator, database: str) -> None:
    assert "1 answers put on file: 1 yes" in with_list.run("reassigned", "ask", "--list", "people", "--url", database)
    assert verdict_on(with_list, "+12075550123", code=4) == "never"


def test_a_database_that_is_not_there_changes_nothing(with_list: Operator) -> None:
    said = with_list.run("reassigned", "ask", "--list", "people", "--url", "http://127.0.0.1:9/", code=1)
    assert "nothing was put on file" in said
    assert verdict_on(with_list, "+12075550123") == "pass"
