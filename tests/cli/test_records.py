"""Audit, records and erasure as an operator uses them, after real calls."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections.abc import Callable

import pytest
from tests.cli.test_campaign import NUMBERS, people_toml, prepare
from tests.operators import Operator


@pytest.fixture
def called(operator: Operator, callees: Callable[[str], int], open_zone: str) -> Operator:
    """An operator who has called two people."""
    prepare(operator, callees(people_toml()), open_zone, [NUMBERS["confirms"], NUMBERS["busy"]])
    operator.run("run", "--until-idle", timeout=120)
    return operator


def test_audit_records_replay_and_erasure_after_a_run(
    called: Operator,
) -> None:
    home = called.home
    assert "rows hold" in called.run("audit", "verify")
    seq, digest = called.run("audit", "head").split()
    assert int(seq) > 3
    assert len(digest) == 64

    called.run("records", "export", "--campaign", "Reminders", "--out", "calls.csv")
    manifest = json.loads((home / "calls.csv.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256((home / "calls.csv").read_bytes()).hexdigest()
    assert manifest["audit_head"]["hash"] == digest
    rows = list(csv.DictReader(io.StringIO((home / "calls.csv").read_text())))
    assert len(rows) == manifest["calls"] == 2
    one = next(row for row in rows if row["called_number"] == NUMBERS["confirms"])
    assert (one["disposition"], one["seller"], one["consent_kind"]) == ("accepted", "Sunrise Clinic LLC", "express")
    called.run("records", "export", "--number", NUMBERS["confirms"], "--format", "jsonl", "--out", "one.jsonl")
    assert [json.loads(line)["attempt_id"] for line in (home / "one.jsonl").read_text().splitlines()] == [
        row["attempt_id"] for row in rows if row["called_number"] == NUMBERS["confirms"]
    ]
    assert "0 calls" in called.run("records", "export", "--period", "2020-01-01..2020-12-31", "--out", "none.csv")
    assert "nothing is chosen" in called.run("records", "export", "--out", "all.csv", code=1)

    assert "as it was decided" in called.run("gate", "replay", one["attempt_id"])
    assert "there is no decision" in called.run("gate", "replay", "nothing", code=1)

    said = called.run("contacts", "erase", NUMBERS["confirms"], "--reason", "asked by letter")
    assert "1 contacts" in said
    called.run("dnc", "check", NUMBERS["confirms"], code=4)
    assert "rows hold" in called.run("audit", "verify")

    with sqlite3.connect(home / "dialer.db") as connection:
        connection.execute("DROP TRIGGER outcome_unchanged")
        connection.execute("UPDATE outcome SET heard_ms = 0")
    connection.close()
    assert "was changed since" in called.run("audit", "verify", code=4)
