"""Lists: the do-not-call registries and the reassigned-numbers database."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from tests.contract import lawful_values
from tests.unit.compliance.test_checks import EXPRESS, NEW_YORK, NOW, WRITTEN, case, check, verdict

from dialer.compliance.decision import CheckName, Verdict
from dialer.compliance.policy import Purpose, Reassigned, ReassignedAnswer
from dialer.contacts.contact import Recipient

TODAY = NOW.date()
DAY = timedelta(days=1)
SALE: dict[str, Any] = {"purpose": Purpose.MARKETING, "consents": (WRITTEN,)}


def national(**changes: Any) -> dict[str, Any]:
    return {"registries": (lawful_values.answer("us_national", TODAY, **changes),)}


class TestRegistries:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, Verdict.DEFER),  # none is loaded
            (national(), Verdict.PASS),
            (national(age_days=31), Verdict.PASS),
            (national(age_days=32), Verdict.DEFER),
            (national(age_days=-2), Verdict.DEFER),  # dated ahead
            (national(covered=False), Verdict.DEFER),
            (national(listed=True), Verdict.PASS),  # the written consent names the seller
            (national(listed=True) | {"consents": (EXPRESS,)}, Verdict.NEVER),
            (national(listed=True) | {"consents": ()}, Verdict.NEVER),
            (national(listed=True, age_days=32) | {"consents": ()}, Verdict.DEFER),
            ({"registries": (lawful_values.answer("us_tx", TODAY),)}, Verdict.DEFER),  # another one
        ],
    )
    def test_a_sales_call_to_a_household_needs_a_fresh_answer(self, changes: dict[str, Any], expected: Verdict) -> None:
        for recipient in (Recipient.HOUSEHOLD, Recipient.UNKNOWN):
            assert verdict(CheckName.REGISTRIES, case(NEW_YORK, **SALE | changes, recipient=recipient)) is expected

    def test_a_business_is_not_what_registries_protect(self) -> None:
        question = case(NEW_YORK, **SALE | national(listed=True), recipient=Recipient.BUSINESS)
        result = check(CheckName.REGISTRIES, question)
        assert result.verdict is Verdict.PASS
        assert "business" in result.reason
        assert result.evidence["answers"][0]["listed"] is True, "and it is shown all the same"

    @pytest.mark.parametrize("purpose", sorted(set(Purpose) - {Purpose.MARKETING}))
    def test_only_sales_calls_are_screened(self, purpose: Purpose) -> None:
        assert verdict(CheckName.REGISTRIES, case(NEW_YORK, purpose=purpose)) is Verdict.PASS

    def test_a_registration_that_cancels_consents_is_not_lifted_by_one(self) -> None:
        answer = lawful_values.answer("ae_dncr", TODAY, listed=True)
        dubai = case("+97142220123", **SALE, registries=(answer,))
        assert verdict(CheckName.REGISTRIES, dubai) is Verdict.NEVER

    def test_a_state_may_have_a_list_of_its_own(self) -> None:
        houston = "+17135550123"
        assert verdict(CheckName.REGISTRIES, case(houston, **SALE, **national())) is Verdict.DEFER
        both = (*national()["registries"], lawful_values.answer("us_tx", TODAY, age_days=90))
        assert verdict(CheckName.REGISTRIES, case(houston, **SALE, registries=both)) is Verdict.PASS

    def test_what_is_wanting_is_asked_again_within_the_hour(self) -> None:
        result = check(CheckName.REGISTRIES, case(NEW_YORK, **SALE))
        assert result.defer_until == NOW + timedelta(hours=1)
        assert "us_national: not loaded" in result.reason


def answer(word: Reassigned, *, days_ago: int = 1, since_days: int = 500) -> ReassignedAnswer:
    return ReassignedAnswer(word, TODAY - since_days * DAY, NOW - days_ago * DAY, "file 1")


class TestReassigned:
    def test_a_number_that_went_to_somebody_else_is_not_called(self) -> None:
        gone = answer(Reassigned.YES)
        assert verdict(CheckName.REASSIGNED, case(reassigned=gone)) is Verdict.NEVER
        assert verdict(CheckName.REASSIGNED, case(reassigned=gone, consents=())) is Verdict.NEVER
        assert verdict(CheckName.REASSIGNED, case(reassigned=gone, purpose=Purpose.EMERGENCY)) is Verdict.PASS
        new_consent = dataclasses.replace(EXPRESS, given_at=NOW - timedelta(hours=1))
        assert verdict(CheckName.REASSIGNED, case(reassigned=gone, consents=(new_consent,))) is Verdict.PASS

    @pytest.mark.parametrize("word", [None, Reassigned.NO, Reassigned.NO_DATA])
    def test_nothing_else_is_asked_where_no_row_asks(self, word: Reassigned | None) -> None:
        known = None if word is None else answer(word)
        assert verdict(CheckName.REASSIGNED, case(reassigned=known)) is Verdict.PASS

    @pytest.mark.parametrize(
        ("known", "expected"),
        [
            (None, Verdict.DEFER),
            (answer(Reassigned.NO), Verdict.PASS),
            (answer(Reassigned.NO, days_ago=31), Verdict.DEFER),
            (answer(Reassigned.NO_DATA), Verdict.DEFER),
            (answer(Reassigned.YES), Verdict.NEVER),
            (answer(Reassigned.NO, since_days=1), Verdict.DEFER),  # asked about a date after the consent
        ],
    )
    def test_maine_wants_an_answer_before_each_sales_call(
        self, known: ReassignedAnswer | None, expected: Verdict
    ) -> None:
        consent = dataclasses.replace(WRITTEN, given_at=NOW - 100 * DAY)
        question = case("+12075550123", purpose=Purpose.MARKETING, consents=(consent,), reassigned=known)
        assert verdict(CheckName.REASSIGNED, question) is expected
