from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from tests.contract import lawful_values

from dialer.compliance.consent import (
    NotCounted,
    is_landline,
    may_go_without,
    missing_from_written,
    needed,
    relationship_until,
    standing,
)
from dialer.compliance.policy import Dealing, DealingKind, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.contacts.contact import Consent, ConsentKind, Contact, LineType, Number, NumberKind

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = builtin_rules()
NEW_YORK = RULES.rows_for(("US", "US-NY"), date(2026, 11, 20))
BRITAIN = RULES.rows_for(("GB",), date(2026, 11, 20))


def consent(
    days_ago: float,
    kind: ConsentKind = ConsentKind.EXPRESS,
    *,
    seller: str = "Acme Ltd",
    revoked_days_ago: float | None = None,
) -> Consent:
    revoked = None if revoked_days_ago is None else NOW - revoked_days_ago * DAY
    given = NOW - days_ago * DAY
    return dataclasses.replace(lawful_values.WRITTEN, kind=kind, given_at=given, seller=seller, revoked_at=revoked)


def contact(kind: NumberKind = NumberKind.FIXED_OR_MOBILE, line: LineType = LineType.UNKNOWN) -> Contact:
    return Contact(Number("+12125550123", "US", kind), line_type=line)


@pytest.mark.parametrize(
    ("kind", "line", "landline"),
    [
        (NumberKind.FIXED_OR_MOBILE, LineType.UNKNOWN, False),  # doubt is mobile
        (NumberKind.FIXED_OR_MOBILE, LineType.LANDLINE, True),
        (NumberKind.FIXED_OR_MOBILE, LineType.MOBILE, False),
        (NumberKind.FIXED_OR_MOBILE, LineType.VOIP, False),
        (NumberKind.MOBILE, LineType.LANDLINE, False),  # the digits know better
        (NumberKind.FIXED, LineType.UNKNOWN, False),
        (NumberKind.FIXED, LineType.LANDLINE, True),
    ],
)
def test_a_line_is_a_landline_only_when_nothing_speaks_against_it(
    kind: NumberKind, line: LineType, landline: bool
) -> None:
    assert is_landline(contact(kind, line)) is landline


@pytest.mark.parametrize("purpose", list(Purpose))
def test_what_each_purpose_needs(purpose: Purpose) -> None:
    emergency, marketing = purpose is Purpose.EMERGENCY, purpose is Purpose.MARKETING
    assert may_go_without(purpose, NEW_YORK, landline=False) is emergency
    assert may_go_without(purpose, NEW_YORK, landline=True) is not marketing
    assert may_go_without(purpose, BRITAIN, landline=True) is emergency
    assert may_go_without(purpose, (), landline=True) is emergency
    assert may_go_without(purpose, NEW_YORK + BRITAIN, landline=True) is emergency
    assert needed(purpose, NEW_YORK) is (ConsentKind.WRITTEN if marketing else ConsentKind.EXPRESS)
    assert needed(purpose, BRITAIN) is ConsentKind.EXPRESS
    assert needed(purpose, NEW_YORK + BRITAIN) is needed(purpose, NEW_YORK)
    assert needed(purpose, ()) is needed(purpose, NEW_YORK)


def test_written_consent_that_names_no_seller_counts_as_express() -> None:
    assert standing([consent(9, ConsentKind.WRITTEN)], "Acme Ltd", NOW).kind is ConsentKind.WRITTEN
    assert standing([consent(9, ConsentKind.WRITTEN, seller="")], "Acme Ltd", NOW).kind is ConsentKind.EXPRESS
    assert standing([consent(9, seller="")], "Acme Ltd", NOW).kind is ConsentKind.EXPRESS


def test_a_sellers_name_is_the_same_whatever_its_case_and_spaces() -> None:
    assert standing([consent(9, seller=" ACME  ltd ")], "Acme Ltd", NOW).kind is ConsentKind.EXPRESS


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (consent(9, seller="Other Inc"), NotCounted.OTHER_SELLER),
        (consent(-0.001), NotCounted.IN_THE_FUTURE),
        (dataclasses.replace(consent(9), expires_at=NOW), NotCounted.EXPIRED),
        (consent(9, revoked_days_ago=1), NotCounted.REVOKED),
        (consent(9, revoked_days_ago=-1), NotCounted.REVOKED),  # a revocation dated ahead is believed all the same
    ],
)
def test_consents_that_do_not_count(given: Consent, why: NotCounted) -> None:
    found = standing([given], "Acme Ltd", NOW)
    assert found.kind is None
    assert found.best is None
    assert found.not_counted == ((given, why),)


def test_a_revocation_ends_every_earlier_consent_and_no_later_one() -> None:
    older, revoked, later = consent(30, ConsentKind.WRITTEN), consent(20, revoked_days_ago=10), consent(5)
    found = standing([older, revoked], "Acme Ltd", NOW)
    assert found.best is None
    assert found.revoked_at == revoked.revoked_at
    assert (older, NotCounted.BEFORE_REVOCATION) in found.not_counted
    assert standing([older, revoked, later], "Acme Ltd", NOW).best == later


def test_revoking_another_sellers_consent_leaves_ours() -> None:
    theirs, ours = consent(20, seller="Other Inc", revoked_days_ago=1), consent(30)
    found = standing([theirs, ours], "Acme Ltd", NOW)
    assert found.best == ours
    assert found.revoked_at is None


def test_the_strongest_then_the_latest_consent_is_shown() -> None:
    written, newer, newest = consent(30, ConsentKind.WRITTEN), consent(20, ConsentKind.WRITTEN), consent(1)
    assert standing([written, newest, newer], "Acme Ltd", NOW).best == newer


@pytest.mark.parametrize(
    ("field", "nothing"),
    [("seller", ""), ("text", ""), ("signature", ""), ("authorises_recorded", False), ("not_a_condition", False)],
)
def test_written_consent_that_lacks_anything_counts_as_express(field: str, nothing: object) -> None:
    complete = consent(9, ConsentKind.WRITTEN)
    assert missing_from_written(complete) == ()
    lacking = dataclasses.replace(complete, **{field: nothing})  # type: ignore[arg-type]
    assert len(missing_from_written(lacking)) == 1
    assert standing([lacking], "Acme Ltd", NOW).kind is ConsentKind.EXPRESS


def test_consent_counts_until_it_expires() -> None:
    lasting = dataclasses.replace(consent(9), expires_at=NOW + DAY)
    assert standing([lasting], "Acme Ltd", NOW).best == lasting
    assert standing([lasting], "Acme Ltd", NOW + DAY).best is None


def dealing(kind: DealingKind, at: datetime, seller: str = "Acme Ltd") -> Dealing:
    return Dealing(kind, at, seller, "order 5")


@pytest.mark.parametrize(
    ("kind", "at", "ends"),
    [
        (DealingKind.PURCHASE, datetime(2025, 1, 31, tzinfo=UTC), datetime(2026, 7, 25, tzinfo=UTC)),  # 540 days
        (DealingKind.INQUIRY, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)),  # 90 days, 3 months
        (DealingKind.INQUIRY, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)),  # 3 months: 89 days
        (DealingKind.INQUIRY, datetime(2025, 11, 30, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC)),  # 90 days
    ],
)
def test_a_relationship_lasts_18_or_3_months_and_no_longer(kind: DealingKind, at: datetime, ends: datetime) -> None:
    assert relationship_until([dealing(kind, at)], "Acme Ltd") == ends


@for_all(st.integers(0, 18_000), st.sampled_from(DealingKind))
def test_no_relationship_outlasts_the_shorter_reckoning(day: int, kind: DealingKind) -> None:
    at = datetime(2000, 1, 1, 12, tzinfo=UTC) + day * DAY
    until = relationship_until([dealing(kind, at)], "ACME ltd")
    assert until is not None
    days = (until - at) / DAY
    assert days <= {DealingKind.PURCHASE: 540, DealingKind.INQUIRY: 90}[kind]
    assert days >= {DealingKind.PURCHASE: 540, DealingKind.INQUIRY: 88}[kind]


def test_dealings_with_another_seller_are_no_relationship() -> None:
    assert relationship_until([dealing(DealingKind.PURCHASE, NOW, "Other Inc")], "Acme Ltd") is None
    assert relationship_until([], "Acme Ltd") is None
