"""What is kept of a decision comes back as it was, but for what decides nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract import lawful_values

from dialer.compliance.basis import (
    Versions,
    operator_text,
    packed,
    policy_text,
    read_text,
    rules_text,
    unpacked,
)
from dialer.compliance.decision import CheckName, Verdict
from dialer.compliance.operator import Operator
from dialer.compliance.policy import (
    AbandonmentCount,
    CallerIdRight,
    CampaignPolicy,
    DailyHours,
    Dealing,
    DealingKind,
    DncEntry,
    Facts,
    PastAttempt,
    Purpose,
    Reassigned,
    ReassignedAnswer,
)
from dialer.compliance.rules import builtin_rules, load_rules
from dialer.contacts.contact import Contact, LineType, Number, NumberKind, Recipient, Relationship
from dialer.errors import ComplianceError

NOW = datetime(2026, 11, 20, 18, 0, 0, 123456, tzinfo=UTC)
VERSIONS = Versions("rules-1", "operator-1", "policy-1")
NUMBER = Number("+13055550123", "US", NumberKind.FIXED_OR_MOBILE)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    contact = Contact(
        NUMBER,
        time_zone=draw(st.sampled_from([None, "America/New_York"])),
        postal_code=draw(st.sampled_from(["", "33101"])),
        state=draw(st.sampled_from(["", "FL"])),
        recipient=draw(st.sampled_from(Recipient)),
        line_type=draw(st.sampled_from(LineType)),
        relationship=draw(st.sampled_from(Relationship)),
    )
    consent = st.builds(
        replace,
        st.just(lawful_values.WRITTEN),
        given_at=INSTANTS,
        revoked_at=st.none() | INSTANTS,
        expires_at=st.none() | INSTANTS,
        text=st.text(),
    )
    return Facts(
        contact,
        tuple(draw(st.lists(consent, max_size=2))),
        draw(st.none() | st.builds(DncEntry, st.just(NUMBER.e164), INSTANTS, st.text(), st.text())),
        tuple(draw(st.lists(st.builds(PastAttempt, st.text(), st.integers(0, 9), INSTANTS, st.text()), max_size=3))),
        draw(INSTANTS),
        tuple(draw(st.lists(st.builds(lawful_values.answer, st.text(), st.dates(date(2001, 1, 1))), max_size=2))),
        tuple(
            draw(st.lists(st.builds(Dealing, st.sampled_from(DealingKind), INSTANTS, st.text(), st.text()), max_size=2))
        ),
        draw(st.none() | st.builds(ReassignedAnswer, st.sampled_from(Reassigned), st.dates(), INSTANTS, st.text())),
        draw(st.none() | st.builds(AbandonmentCount, INSTANTS, st.integers(0, 10**9), st.integers(0, 10**9))),
    )


@given(
    facts(),
    INSTANTS,
    st.dictionaries(st.sampled_from(CheckName), st.sampled_from([Verdict.DEFER, Verdict.NEVER])),
    st.none() | INSTANTS,
)
def test_facts_and_verdicts_come_back(
    known: Facts, at: datetime, objections: dict[CheckName, Verdict], until: datetime | None
) -> None:
    basis = unpacked(packed(known, at, VERSIONS, objections, until))
    assert basis == (at, VERSIONS, known, objections, until)


def test_what_decides_nothing_is_not_kept() -> None:
    named = Contact(NUMBER, name="Ana Souza", address="1 Main St", language="es", extra={"visit": "9:30"})
    kept = packed(Facts(named, (), None, (), NOW), NOW, VERSIONS, {}, None)
    assert unpacked(kept).facts.contact == Contact(NUMBER)
    for secret in (b"Souza", b"Main St", b"9:30"):
        assert secret not in kept


@pytest.mark.parametrize("data", [b"", b"\x00", b"what it rests on", b"\x91\x02"])
def test_what_was_not_packed_here_is_an_error(data: bytes) -> None:
    with pytest.raises(ComplianceError, match="cannot be read"):
        unpacked(data)


def test_the_texts_come_back() -> None:
    rules = builtin_rules()
    text = rules_text(rules)
    assert load_rules(read_text(text, dict[str, str])).version == rules.version == text.digest
    operator = lawful_values.operator(rules, [CallerIdRight("+13055550100", "owned", valid_until=NOW)])
    assert read_text(operator_text(operator), Operator) == operator
    policy = CampaignPolicy(
        7, Purpose.MARKETING, "Acme", "+13055550100", "+13055550100", DailyHours(time(9), time(18)), 3,
        timedelta(hours=4), lawful_values.MESSAGE,
    )  # fmt: skip
    assert read_text(policy_text(policy), CampaignPolicy) == policy
    assert policy_text(replace(policy, max_attempts=2)).digest != policy_text(policy).digest


def test_a_text_that_is_damaged_is_an_error() -> None:
    with pytest.raises(ComplianceError, match="cannot be read"):
        read_text(
            policy_text(CampaignPolicy(1, Purpose.DEBT, "", "", "", None, 1, timedelta()))._replace(body=b"{"), Operator
        )
