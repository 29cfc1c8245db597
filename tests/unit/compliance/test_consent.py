from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from dialer.compliance.consent import NotCounted, is_landline, may_go_without, needed, standing
from dialer.compliance.policy import Purpose
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
    return Consent(kind, NOW - days_ago * DAY, "web form", seller=seller, revoked_at=revoked)


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
    mobile, landline = contact(), contact(line=LineType.LANDLINE)
    emergency, marketing = purpose is Purpose.EMERGENCY, purpose is Purpose.MARKETING
    assert may_go_without(mobile, purpose, NEW_YORK) is emergency
    assert may_go_without(landline, purpose, NEW_YORK) is not marketing
    assert may_go_without(landline, purpose, BRITAIN) is emergency
    assert may_go_without(landline, purpose, ()) is emergency
    assert may_go_without(landline, purpose, NEW_YORK + BRITAIN) is emergency
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
