from __future__ import annotations

import json
from datetime import UTC, datetime

from dialer.compliance.decision import CheckName, Finding, Verdict
from dialer.compliance.explain import explanation, explanation_rows
from dialer.compliance.gate import Judgement

UNTIL = datetime(2026, 11, 21, 14, tzinfo=UTC)
DEFERRED = Finding(
    check=CheckName.CALLING_WINDOW,
    verdict=Verdict.DEFER,
    reason="closed",
    citation="47 CFR 64.1200(c)(1)",
    evidence=lambda: {
        "basis": "number",
        "from": {"number": {"zones": ["A", "B"]}},
        "clocks": [{"zone": "A", "hours": {"US": "08:00-21:00"}, "open": True}, {"zone": "B", "open": False}],
        "needs": [],
    },
    defer_until=UNTIL,
)
PASSED = Finding(check=CheckName.INTERNAL_DNC, verdict=Verdict.PASS, reason="not on the list")


def test_a_row_of_the_table_has_its_evidence_line_by_line() -> None:
    passed, deferred = explanation_rows([PASSED.result(), DEFERRED.result()])
    assert (passed.check, passed.verdict, passed.evidence) == ("internal dnc", Verdict.PASS, ())
    assert deferred.defer_until == UNTIL
    assert deferred.evidence == (
        "basis: number",
        "from number zones: A, B",
        "clocks 1: zone: A; hours US: 08:00-21:00; open: True",
        "clocks 2: zone: B; open: False",
        "needs: none",
    )


def test_the_whole_judgement_is_ready_for_json() -> None:
    judgement = Judgement(
        Verdict.DEFER, (PASSED, DEFERRED), CheckName.CALLING_WINDOW, "closed", "47 CFR 64.1200(c)(1)", UNTIL
    )
    data = explanation(judgement, number="+12125550123", campaign_id=7, rules_version="abc", at=UNTIL)
    assert json.loads(json.dumps(data)) == data
    assert (data["verdict"], data["refused_by"]) == ("defer", "calling_window")
    assert data["defer_until"] == data["at"] == "2026-11-21T14:00:00+00:00"
    assert [check["check"] for check in data["checks"]] == ["internal_dnc", "calling_window"]
    assert data["checks"][1]["evidence"] == DEFERRED.evidence()


def test_a_permitted_call_has_no_refusal_to_tell_of() -> None:
    data = explanation(Judgement(Verdict.PASS, (PASSED,)), number="+1", campaign_id=7, rules_version="abc", at=UNTIL)
    assert (data["verdict"], data["refused_by"], data["defer_until"]) == ("pass", None, None)
