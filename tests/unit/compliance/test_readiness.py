"""A campaign before the law of the places it calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from tests.contract import lawful_values

from dialer.compliance.operator import Operator, Override
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, Purpose
from dialer.compliance.readiness import readiness
from dialer.compliance.rules import builtin_rules

RULES = builtin_rules()
TODAY = date(2026, 11, 20)
RIGHT = CallerIdRight("+12125550100", "owned")
SALE = CampaignPolicy(
    7, Purpose.MARKETING, "Acme", RIGHT.number, RIGHT.number, None, 3, timedelta(hours=4), lawful_values.MESSAGE
)
OPERATOR = lawful_values.operator(RULES, [RIGHT])


def test_what_is_in_order_is_listed_as_such() -> None:
    ready = readiness(RULES, OPERATOR, SALE, ["US", "US-TX"], TODAY)
    assert [row.jurisdiction for row in ready.rows] == ["US", "US-TX"]
    assert (ready.without_rule, ready.to_override, ready.banned, ready.duties) == ((), (), (), ())
    assert all(line.valid and line.on_file for line in ready.documents)
    assert [(where, rule.registry) for where, rule in ready.registries] == [("US", "us_national"), ("US-TX", "us_tx")]


def test_what_is_missing_is_listed_place_by_place() -> None:
    silent = replace(SALE, message=None)
    ready = readiness(RULES, Operator((RIGHT,)), silent, ["CN", "RU", "US", "US-MI", "US-TX"], TODAY)
    assert ready.without_rule == ("CN",)
    assert [row.jurisdiction for row in ready.banned] == ["RU"]
    assert [row.jurisdiction for row in ready.to_override] == ["US-MI"]
    assert [each.jurisdiction for each in ready.duties] == ["US"]
    assert ready.national_duties == ready.duties
    assert not any(line.valid for line in ready.documents)


def test_a_signed_row_is_no_longer_listed() -> None:
    (michigan,) = RULES.rows_for(("US-MI",), TODAY)
    signed = replace(OPERATOR, overrides=(Override("US-MI", michigan.digest, "J. Doe", TODAY, "counsel"),))
    assert readiness(RULES, signed, SALE, ["US", "US-MI"], TODAY).to_override == ()


def test_documents_and_registries_are_for_sales_calls() -> None:
    ready = readiness(RULES, Operator((RIGHT,)), replace(SALE, purpose=Purpose.HEALTH), ["US", "US-TX"], TODAY)
    assert (ready.documents, ready.registries) == ((), ())
