"""A ground holds for exactly as long as nothing about its place changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.contract import lawful_values

from dialer.compliance.decision import PERMIT_LIFETIME, CheckName, Verdict
from dialer.compliance.ground import Ground
from dialer.compliance.operator import DocumentKind, Operator
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.compliance.whereabouts import Place

RULES = builtin_rules()
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)  # 13:00 in New York
NEW_YORK = ZoneInfo("America/New_York")
RIGHT = CallerIdRight("+12125550100", "owned")
OPERATOR = lawful_values.operator(RULES, [RIGHT])
POLICY = CampaignPolicy(
    7, Purpose.MARKETING, "Acme", RIGHT.number, RIGHT.number, None, 3, timedelta(hours=4), lawful_values.MESSAGE
)
PLACE = Place(("US", "US-NY"), ("America/New_York",), False)


def ground(at: datetime = NOW, operator: Operator = OPERATOR, place: Place = PLACE) -> Ground:
    return Ground(RULES, operator, POLICY, place, at)


def test_it_holds_until_the_day_or_the_window_ends() -> None:
    noon = ground()
    assert noon.until == datetime(2026, 11, 21, tzinfo=UTC)
    assert noon.holds_at(NOW)
    assert noon.holds_at(noon.until - timedelta(microseconds=1))
    assert not noon.holds_at(noon.until)
    assert not noon.holds_at(NOW - timedelta(microseconds=1))
    evening = ground(noon.until)
    assert evening.until == datetime(2026, 11, 20, 21, tzinfo=NEW_YORK)
    assert (noon.shut, evening.shut) == (None, None)
    night = ground(evening.until)
    assert night.shut is not None
    assert night.opening == datetime(2026, 11, 21, 8, tzinfo=NEW_YORK)


def test_it_ends_with_the_right_to_the_caller_id() -> None:
    ending = replace(OPERATOR, caller_ids=(replace(RIGHT, valid_until=NOW + timedelta(seconds=3)),))
    short = ground(operator=ending)
    assert short.until == short.permit_end(NOW) == NOW + timedelta(seconds=3)
    assert short.findings[CheckName.CALLER_ID].verdict is Verdict.PASS
    assert ground(short.until, ending).findings[CheckName.CALLER_ID].verdict is Verdict.NEVER


@pytest.mark.parametrize(("before_closing_s", "life_s"), [(60, 5), (5, 5), (2, 2)])
def test_no_permit_outlives_the_window(before_closing_s: int, life_s: int) -> None:
    at = datetime(2026, 11, 20, 21, tzinfo=NEW_YORK).astimezone(UTC) - timedelta(seconds=before_closing_s)
    assert ground(at).permit_end(at) - at == timedelta(seconds=life_s) <= PERMIT_LIFETIME


def test_a_document_that_ends_today_counts_today() -> None:
    ending = tuple(
        replace(each, valid_until=date(2026, 11, 20)) if each.kind is DocumentKind.POLICY else each
        for each in OPERATOR.documents
    )
    operator = replace(OPERATOR, documents=ending)
    assert ground(operator=operator).findings[CheckName.DOCUMENTS].verdict is Verdict.PASS
    tomorrow = ground(NOW + timedelta(days=1), operator).findings[CheckName.DOCUMENTS]
    assert tomorrow.verdict is Verdict.NEVER
    assert "no longer valid" in tomorrow.reason


def test_a_message_that_lacks_a_duty_is_refused_with_its_citation() -> None:
    silent = Ground(RULES, OPERATOR, replace(POLICY, message=None), PLACE, NOW).findings[CheckName.MESSAGE]
    assert silent.verdict is Verdict.NEVER
    assert "64.1200" in silent.citation
