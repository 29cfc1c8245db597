from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.contract import lawful_values

from dialer.compliance.case import Case
from dialer.compliance.checks import CHECKS, run_checks
from dialer.compliance.consent import is_landline
from dialer.compliance.decision import CheckName, CheckResult, Verdict
from dialer.compliance.ground import Ground
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, DncEntry, Facts, PastAttempt, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.compliance.whereabouts import Place
from dialer.contacts.contact import ConsentKind, Contact, LineType, Number, NumberKind, Recipient, Relationship
from dialer.contacts.numbers import parse_number
from dialer.contacts.zones import candidate_zones, jurisdictions

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)  # a Friday; 13:00 in New York, 18:00 in London
HOUR = timedelta(hours=1)
RULES = builtin_rules()
NEW_YORK = "+12125550123"
WRITTEN = dataclasses.replace(lawful_values.WRITTEN, seller="Acme Ltd")
EXPRESS = dataclasses.replace(WRITTEN, kind=ConsentKind.EXPRESS)
RIGHT = CallerIdRight("+12125550100", "assigned by carrier", "order 17")


POLICY = CampaignPolicy(
    campaign_id=7,
    purpose=Purpose.INFORMATIONAL,
    seller="Acme Ltd",
    caller_id=RIGHT.number,
    callback_number=RIGHT.number,
    hours=None,
    max_attempts=3,
    gap=4 * HOUR,
    message=lawful_values.MESSAGE,
)


def number_of(text: str) -> Number:
    """As the numbering plan reads it; a fixed line in the United States where it cannot be read."""
    read = parse_number(text, None)
    return read if isinstance(read, Number) else Number(text, "US", NumberKind.FIXED)


def case(
    number: str | Number = NEW_YORK,
    *,
    now: datetime = NOW,
    rights: tuple[CallerIdRight, ...] = (RIGHT,),
    **changes: Any,
) -> Case:
    """A lawful informational call, with ``changes`` to fields of its contact, facts or policy."""

    def of(kind: type) -> dict[str, Any]:
        return {field.name: changes.pop(field.name) for field in dataclasses.fields(kind) if field.name in changes}

    who = number if isinstance(number, Number) else number_of(number)
    contact = dataclasses.replace(Contact(who), **of(Contact))
    facts = dataclasses.replace(Facts(contact, (EXPRESS,), None, (), now), **of(Facts))
    policy = dataclasses.replace(POLICY, **of(CampaignPolicy))
    assert not changes
    zones = candidate_zones(contact)
    place = Place(jurisdictions(contact), zones.zones, is_landline(contact))
    operator = Operator(rights, documents=lawful_values.documents(RULES))
    return Case(facts, policy, now, Ground(RULES, operator, policy, place, now), zones, timedelta(seconds=10))


def results_of(question: Case) -> list[CheckResult]:
    return [finding.result() for finding in run_checks(question)]


def check(name: CheckName, question: Case) -> CheckResult:
    return CHECKS[name](question).result()


def verdict(name: CheckName, question: Case) -> Verdict:
    return check(name, question).verdict


def past(hours_ago: float, outcome: str = "no_answer", campaign_id: int = 7) -> PastAttempt:
    return PastAttempt(f"a{hours_ago}", campaign_id, NOW - hours_ago * HOUR, outcome)


def test_a_lawful_call_passes_every_check_in_order_with_evidence_for_json() -> None:
    results = results_of(case())
    assert [result.check for result in results] == list(CheckName)
    assert {result.verdict for result in results} == {Verdict.PASS}
    for result in results:
        assert json.loads(json.dumps(result.evidence)) == result.evidence
        assert result.reason


def test_no_check_keeps_another_from_being_made() -> None:
    worst = case(
        "+18005550123",
        consents=(),
        internal_dnc=DncEntry("+18005550123", NOW, "asked in writing", "Jo"),
        history=(past(1), past(2), past(3)),
        read_at=NOW - HOUR,
        caller_id="+12125550199",
    )
    verdicts = {result.check: result.verdict for result in run_checks(worst)}
    assert list(verdicts) == list(CheckName)
    of_sales_calls = {CheckName.DOCUMENTS, CheckName.REASSIGNED, CheckName.REGISTRIES, CheckName.ABANDONMENT}
    of_sales_calls |= {CheckName.MESSAGE}
    assert {name for name, verdict in verdicts.items() if verdict is Verdict.PASS} <= of_sales_calls


class TestFacts:
    @pytest.mark.parametrize(("age", "expected"), [(0, Verdict.PASS), (10, Verdict.PASS), (11, Verdict.DEFER)])
    def test_must_be_fresh(self, age: int, expected: Verdict) -> None:
        result = check(CheckName.FACTS, case(read_at=NOW - timedelta(seconds=age)))
        assert result.verdict is expected
        assert (result.defer_until is None) is (expected is Verdict.PASS)

    def test_must_not_come_from_the_future(self) -> None:
        assert verdict(CheckName.FACTS, case(read_at=NOW + timedelta(seconds=11))) is Verdict.DEFER

    def test_must_be_about_the_number_that_is_to_be_dialed(self) -> None:
        entry = DncEntry("+12125550124", NOW, "pressed 9", "a1")
        assert verdict(CheckName.FACTS, case(internal_dnc=entry)) is Verdict.NEVER

    @pytest.mark.parametrize(
        "naive",
        [
            {"read_at": NOW.replace(tzinfo=None)},
            {"consents": (dataclasses.replace(EXPRESS, given_at=NOW.replace(tzinfo=None)),)},
            {"consents": (dataclasses.replace(EXPRESS, revoked_at=NOW.replace(tzinfo=None)),)},
            {"history": (PastAttempt("a1", 7, NOW.replace(tzinfo=None), "busy"),)},
            {"internal_dnc": DncEntry(NEW_YORK, NOW.replace(tzinfo=None), "pressed 9", "a1")},
        ],
    )
    def test_with_a_time_of_no_zone_cannot_be_judged_at_all(self, naive: dict[str, Any]) -> None:
        results = run_checks(case(**naive))
        assert [result.check for result in results] == list(CheckName)
        assert {result.verdict for result in results} == {Verdict.NEVER}
        assert all("has no zone" in result.reason for result in results)


class TestNumber:
    @pytest.mark.parametrize(
        "text",
        [
            "+18005550123",  # toll-free
            "+19005550123",  # premium
            "+441212345678901",  # too long
            "+911",
            "+15005550123",  # personal
            "+448431234567",  # shared cost
            "+447012345678",  # personal
            "+447640123456",  # pager
            "+445512345678",  # company
            "+80012345678",  # international freephone, of no country
        ],
    )
    def test_is_never_called(self, text: str) -> None:
        assert verdict(CheckName.NUMBER, case(text)) is Verdict.NEVER

    @pytest.mark.parametrize("text", ["911", "411", "86753"])
    def test_short_ones_are_never_called(self, text: str) -> None:
        read = parse_number(text, "US")
        assert isinstance(read, Number)
        assert verdict(CheckName.NUMBER, case(read)) is Verdict.NEVER

    @pytest.mark.parametrize("kind", sorted(set(NumberKind) - {NumberKind.FIXED_OR_MOBILE}))
    def test_whose_kind_the_numbering_plan_contradicts_is_never_called(self, kind: NumberKind) -> None:
        assert verdict(CheckName.NUMBER, case(Number(NEW_YORK, "US", kind))) is Verdict.NEVER

    @pytest.mark.parametrize("text", [NEW_YORK, "+442079460123", "+445600123456", "+61491570156", "+4722555012"])
    def test_of_a_subscriber_may_be_called(self, text: str) -> None:
        assert verdict(CheckName.NUMBER, case(text)) is Verdict.PASS


@pytest.mark.parametrize("recipient", list(Recipient))
@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_internal_list_binds_for_every_purpose_and_businesses_too(recipient: Recipient, purpose: Purpose) -> None:
    entry = DncEntry(NEW_YORK, NOW - HOUR, "pressed 9", "attempt a1")
    question = case(internal_dnc=entry, recipient=recipient, purpose=purpose, relationship=Relationship.CUSTOMER)
    result = check(CheckName.INTERNAL_DNC, question)
    assert result.verdict is Verdict.NEVER
    assert result.evidence["source"] == "attempt a1"


@pytest.mark.parametrize(
    ("until", "expected"), [(None, Verdict.NEVER), (NOW + HOUR, Verdict.NEVER), (NOW, Verdict.PASS)]
)
def test_an_entry_ends_only_if_it_says_so(until: datetime | None, expected: Verdict) -> None:
    entry = DncEntry(NEW_YORK, NOW - 50_000 * HOUR, "registered for five years", "file 1", until)
    assert verdict(CheckName.INTERNAL_DNC, case(internal_dnc=entry)) is expected


class TestRules:
    @pytest.mark.parametrize(
        ("number", "changes", "wanted"),
        [
            (NEW_YORK, {}, ""),
            (NEW_YORK, {"purpose": Purpose.MARKETING}, ""),
            ("+8613812345678", {}, "no rule in force for CN"),
            ("+18005550123", {}, "no rule in force for US-?"),
            ("+80012345678", {}, "belongs to no country"),
            ("+390612345678", {}, "no signed override"),
            ("+79161234567", {}, ""),
            ("+79161234567", {"purpose": Purpose.MARKETING}, "Russia bans"),
            ("+12065550123", {}, ""),
            ("+12065550123", {"purpose": Purpose.MARKETING, "line_type": LineType.LANDLINE}, "Washington bans"),
            ("+16025550123", {"purpose": Purpose.MARKETING}, "Arizona bans sales calls to mobiles"),
            ("+16025550123", {"purpose": Purpose.MARKETING, "line_type": LineType.LANDLINE}, ""),
            ("+12015550123", {"purpose": Purpose.MARKETING}, "New Jersey bans sales calls to mobiles"),
            ("+13105550123", {"purpose": Purpose.MARKETING}, "natural voice"),
            ("+13105550123", {}, ""),
            (NEW_YORK, {"purpose": Purpose.MARKETING, "state": "WA"}, "Washington bans"),  # New York number, moved west
        ],
    )
    def test_what_is_refused_for_good(self, number: str, changes: dict[str, Any], wanted: str) -> None:
        result = check(CheckName.RULES, case(number, **changes))
        assert result.verdict is (Verdict.NEVER if wanted else Verdict.PASS)
        assert wanted in result.reason
        assert result.evidence["rules"] == RULES.version

    def test_the_french_law_is_in_force_from_its_first_day_only(self) -> None:
        before = datetime(2026, 8, 10, 21, 59, tzinfo=UTC)
        assert verdict(CheckName.RULES, case("+33199001234", now=before)) is Verdict.NEVER
        assert verdict(CheckName.RULES, case("+33199001234", now=before + timedelta(minutes=1))) is Verdict.PASS


class TestConsent:
    @pytest.mark.parametrize(
        ("number", "changes", "allowed"),
        [
            (NEW_YORK, {"consents": ()}, False),
            (NEW_YORK, {"consents": (EXPRESS,)}, True),
            (NEW_YORK, {"consents": (), "relationship": Relationship.CUSTOMER}, False),
            (NEW_YORK, {"consents": (), "recipient": Recipient.BUSINESS}, False),
            (NEW_YORK, {"consents": (), "line_type": LineType.LANDLINE}, True),
            (NEW_YORK, {"consents": (), "purpose": Purpose.EMERGENCY}, True),
            (NEW_YORK, {"consents": (EXPRESS,), "purpose": Purpose.MARKETING}, False),
            (NEW_YORK, {"consents": (WRITTEN,), "purpose": Purpose.MARKETING}, True),
            (
                NEW_YORK,
                {"consents": (EXPRESS,), "purpose": Purpose.MARKETING, "line_type": LineType.LANDLINE},
                False,
            ),
            ("+442079460123", {"consents": (EXPRESS,), "purpose": Purpose.MARKETING}, True),
            ("+442079460123", {"consents": (), "line_type": LineType.LANDLINE}, False),
            (NEW_YORK, {"consents": (WRITTEN,), "seller": "Other Inc"}, False),
        ],
    )
    def test_for_the_purpose(self, number: str, changes: dict[str, Any], allowed: bool) -> None:
        result = check(CheckName.CONSENT, case(number, **changes))
        assert result.verdict is (Verdict.PASS if allowed else Verdict.NEVER)

    @pytest.mark.parametrize("purpose", list(Purpose))
    def test_once_revoked_no_purpose_is_left(self, purpose: Purpose) -> None:
        revoked = dataclasses.replace(WRITTEN, revoked_at=NOW - HOUR)
        question = case(consents=(revoked,), purpose=purpose, line_type=LineType.LANDLINE)
        result = check(CheckName.CONSENT, question)
        assert result.verdict is Verdict.NEVER
        assert "revoked" in result.reason

    def test_written_consent_without_its_seller_says_what_is_missing(self) -> None:
        nameless = dataclasses.replace(WRITTEN, seller="")
        result = check(CheckName.CONSENT, case(consents=(nameless,), purpose=Purpose.MARKETING))
        assert result.verdict is Verdict.NEVER
        assert "lacks the seller's name" in result.reason


class TestWindow:
    def test_says_which_clock_and_whose_hours(self) -> None:
        evening = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
        result = check(CheckName.CALLING_WINDOW, case("+18505550123", now=evening))
        assert result.verdict is Verdict.DEFER
        assert result.reason == "Fri 20:30 in America/New_York is outside the hours of US-FL: 08:00-20:00"
        assert "501.616" in result.citation
        assert result.defer_until == datetime(2026, 11, 21, 14, tzinfo=UTC)
        assert [clock["open"] for clock in result.evidence["clocks"]] == [True, False]

    def test_without_a_zone_refuses(self) -> None:
        assert verdict(CheckName.CALLING_WINDOW, case("+18005550123")) is Verdict.NEVER

    def test_emergencies_may_be_called_out_at_night_under_federal_law_only(self) -> None:
        night = datetime(2026, 11, 20, 3, tzinfo=UTC)
        american = check(CheckName.CALLING_WINDOW, case(now=night, purpose=Purpose.EMERGENCY))
        assert american.verdict is Verdict.PASS
        assert "emergency" in american.citation
        british = case("+442079460123", now=night, purpose=Purpose.EMERGENCY)
        assert verdict(CheckName.CALLING_WINDOW, british) is Verdict.DEFER


class TestCaps:
    def test_the_campaigns_attempts_are_counted_in_this_campaign_only(self) -> None:
        used_up = (past(100), past(200), past(300, "interrupted"))
        assert verdict(CheckName.ATTEMPT_CAPS, case(history=used_up)) is Verdict.NEVER
        assert verdict(CheckName.ATTEMPT_CAPS, case(history=used_up[:2])) is Verdict.PASS
        other = (*used_up[:2], past(300, campaign_id=8), past(400, "not_dialed"))
        assert verdict(CheckName.ATTEMPT_CAPS, case(history=other)) is Verdict.PASS

    def test_floridas_count_across_campaigns(self) -> None:
        history = (past(20), past(10, campaign_id=8), past(5, campaign_id=9))
        result = check(CheckName.ATTEMPT_CAPS, case("+13055550123", history=history))
        assert result.verdict is Verdict.DEFER
        assert result.defer_until == NOW + 4 * HOUR
        assert "Florida allows 3 within 24 hours" in result.reason

    def test_a_cap_without_a_window_is_for_good(self) -> None:
        result = check(CheckName.ATTEMPT_CAPS, case("+17025550123", history=(past(300, "hung_up"),)))
        assert result.verdict is Verdict.NEVER


class TestGap:
    def test_counts_every_campaigns_calls(self) -> None:
        result = check(CheckName.GAP, case(history=(past(3, campaign_id=8),)))
        assert result.verdict is Verdict.DEFER
        assert result.defer_until == NOW + HOUR
        assert verdict(CheckName.GAP, case(history=(past(4),))) is Verdict.PASS

    def test_an_open_call_is_waited_for(self) -> None:
        result = check(CheckName.GAP, case(history=(past(100, "open"),)))
        assert result.verdict is Verdict.DEFER
        assert "open" in result.reason


class TestCallerId:
    @pytest.mark.parametrize(
        ("changes", "allowed"),
        [
            ({}, True),
            ({"caller_id": "+12125550101"}, False),
            ({"rights": ()}, False),
            ({"rights": (dataclasses.replace(RIGHT, valid_until=NOW + HOUR),)}, True),
            ({"rights": (dataclasses.replace(RIGHT, valid_until=NOW),)}, False),
            ({"rights": (CallerIdRight("+19005550100", "owned"),), "caller_id": "+19005550100"}, False),
            ({"rights": (CallerIdRight("+18005550100", "owned"),), "caller_id": "+18005550100"}, True),
            ({"rights": (CallerIdRight("+12", "owned"),), "caller_id": "+12"}, False),
            ({"callback_number": "+19005550100"}, False),
            ({"callback_number": "+18005550100"}, True),
            ({"callback_number": "call us"}, False),
        ],
    )
    def test_may_be_presented(self, changes: dict[str, Any], allowed: bool) -> None:
        assert verdict(CheckName.CALLER_ID, case(**changes)) is (Verdict.PASS if allowed else Verdict.NEVER)

    @pytest.mark.parametrize(("purpose", "allowed"), [(Purpose.MARKETING, False), (Purpose.INFORMATIONAL, True)])
    def test_of_a_mobile_is_barred_for_sales_calls_to_spain(self, purpose: Purpose, allowed: bool) -> None:
        mobile = CallerIdRight("+34612345678", "owned")
        question = case("+34910550123", rights=(mobile,), caller_id=mobile.number, purpose=purpose)
        assert verdict(CheckName.CALLER_ID, question) is (Verdict.PASS if allowed else Verdict.NEVER)
