"""The demo, whole: what a newcomer sees first."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operators import Operator


@pytest.mark.timeout(180)
def test_the_demo_calls_refuses_and_reports(operator: Operator) -> None:
    said = operator.run("demo", timeout=150)
    (home,) = (operator.home / "demo").iterdir()
    assert str(home / "report.html") in said
    page = (home / "report.html").read_text()

    rows = list(csv.DictReader(io.StringIO((home / "attempts.csv").read_text())))
    callees = [json.loads(line) for line in (home / "callees.jsonl").read_text().splitlines()]
    invites = [event["call_id"] for event in callees if event["event"] == "invite"]
    assert Counter(invites) == Counter(row["call_id"] for row in rows), "the callees saw exactly these calls"
    assert 15 <= len(rows) < 200, "at every hour some may be called and some may not"
    assert {"accepted", "heard"} & {row["outcome"] for row in rows}
    for refused in ("calling_window", "consent", "number"):
        assert refused.replace("_", " ") in said
        assert refused.replace("_", " ") in page
    status = json.loads(operator.run("-c", str(home / "dialer.toml"), "campaign", "status", "--json"))[0]
    assert status["contacts"] == 200
    assert status["dialing"] == 0
