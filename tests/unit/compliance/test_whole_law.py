"""The whole table, row by row and instant by instant, against checkers that are written another way."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.contract import lawful_values

from dialer.compliance.closed_days import closed_days
from dialer.compliance.decision import CheckName, Permit, Refusal, Verdict
from dialer.compliance.gate import Gate
from dialer.compliance.operator import DocumentKind, Operator, Override
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, DailyHours, Facts, Purpose
from dialer.compliance.rules import (
    DocumentRule,
    MarketingRule,
    RegistryRule,
    RowStatus,
    RuleRow,
    RuleTable,
    Span,
    Week,
    builtin_rules,
)
from dialer.compliance.windows import CallingWindow
from dialer.contacts.contact import Contact, LineType, Number
from dialer.contacts.numbers import parse_number
from dialer.contacts.zones import candidate_zones, jurisdictions

RULES = builtin_rules()
RIGHT = CallerIdRight("+12125550100", "owned")
KEY = bytes(16)
MINUTE = timedelta(minutes=1)
TEN_YEARS = (datetime(2026, 9, 1, tzinfo=UTC), datetime(2036, 9, 1, tzinfo=UTC))
SIGNED = tuple(Override(row.jurisdiction, row.digest, "J. Doe", date(2026, 1, 1), "counsel") for row in RULES.rows)
OPERATOR = dataclasses.replace(lawful_values.operator(RULES, [RIGHT]), overrides=SIGNED)
GATE = Gate(RULES, OPERATOR, KEY)
POLICY = CampaignPolicy(
    7, Purpose.MARKETING, "Acme", RIGHT.number, RIGHT.number, None, 3, timedelta(hours=4), lawful_values.MESSAGE
)

# One number for each place with a row; states by the state, which the number alone does not always tell.
COUNTRIES = {
    "CA": "+14165550123", "CA-BC": "+16045550123", "GB": "+442079460123", "IE": "+35312345678", "DE": "+4930231250",
    "FR": "+33199001234", "ES": "+34910550123", "IT": "+390612345678", "PL": "+48221234567", "NO": "+4722555012",
    "SE": "+46846500412", "DK": "+4532123456", "RU": "+79161234567", "AE": "+97142220123", "SA": "+966112345678",
    "AU": "+61255501234", "IN": "+911123456789", "BR": "+551123456789", "MX": "+525512345678", "SG": "+6561234567",
}  # fmt: skip


def contact_in(jurisdiction: str) -> Contact:
    country, _, state = jurisdiction.partition("-")
    if country == "US":
        read = parse_number("+12125550123", None)
        assert isinstance(read, Number)
        return Contact(read, state=state or "NY", line_type=LineType.LANDLINE)
    read = parse_number(COUNTRIES[jurisdiction], None)
    assert isinstance(read, Number), jurisdiction
    return Contact(read, line_type=LineType.LANDLINE)


def decide(contact: Contact, now: datetime, *, gate: Gate = GATE, policy: CampaignPolicy = POLICY) -> Permit | Refusal:
    fresh = lawful_values.registries(RULES, now.date())
    facts = Facts(contact, (lawful_values.WRITTEN,), None, (), now, fresh)
    return gate.decide("a", facts, policy, now)


PLACES = sorted({row.jurisdiction for row in RULES.rows})


def minute_by_minute(contact: Contact, own: DailyHours | None, at: datetime) -> bool:
    """Whether a sales call is inside all hours, asked of the rows and the calendar directly, with no caching."""
    zones = set(candidate_zones(contact).zones)
    where = jurisdictions(contact)
    named = {zone for row in RULES.rows if row.jurisdiction in where for zone in row.zones}
    for zone in zones | named:
        moment = at.astimezone(ZoneInfo(zone))
        in_force = [
            row
            for row in RULES.rows
            if row.jurisdiction in where
            and (row.valid_from or date.min) <= moment.date() <= (row.valid_to or date.max)
            and (zone in zones or zone in row.zones)
        ]
        wanted = {place for place in where if "-" not in place or place.startswith("US-")}  # Canada's parts need no row
        if zone in zones and not wanted <= {row.jurisdiction for row in in_force}:
            return False
        weeks = [week for row in in_force for week in (row.hours, row.recorded_hours) if week is not None]
        if any(not _inside(_hours(week, moment.date()), moment.time()) for week in weeks):
            return False
        if zone in zones and own is not None and not own.opens <= moment.time() < own.closes:
            return False
    return bool(zones)


def _hours(week: Week, day: date) -> tuple[Span, ...]:
    if week.holidays != "same" and day in closed_days(week.calendars, week.closed_days, day.year):
        return () if week.holidays == "closed" else week.holidays
    if day.weekday() < 5:
        return week.mon_fri
    return week.sat if day.weekday() == 5 else week.sun


def _inside(spans: tuple[Span, ...], moment: time) -> bool:
    return any(span.opens <= moment < span.closes for span in spans)


@pytest.mark.parametrize("place", PLACES)
def test_windows_agree_with_a_naive_checker_minute_by_minute(place: str) -> None:
    contact = contact_in(place)
    window = CallingWindow(RULES, jurisdictions(contact), candidate_zones(contact).zones)
    begin = datetime(2026, 10, 16, 12, tzinfo=UTC)  # over Pennsylvania's change of law, and the clocks of Europe
    for minute in range(0, 11 * 24 * 60, 7):
        at = begin + minute * MINUTE
        assert window.lawful_at(at) == minute_by_minute(contact, None, at), at


@given(
    st.sampled_from(PLACES),
    st.datetimes(*(moment.replace(tzinfo=None) for moment in TEN_YEARS), timezones=st.just(UTC)),
    st.sampled_from([None, DailyHours(time(9, 30), time(18))]),
)
@settings(max_examples=400, deadline=None)
def test_no_permit_outside_a_window_in_ten_years(place: str, at: datetime, own: DailyHours | None) -> None:
    contact = contact_in(place)
    decision = decide(contact, at, policy=dataclasses.replace(POLICY, hours=own))
    if isinstance(decision, Permit):
        assert minute_by_minute(contact, own, at)
        assert minute_by_minute(contact, own, decision.expires_at - timedelta(microseconds=1))
    elif decision.defer_until is not None and decision.refused_by is CheckName.CALLING_WINDOW:
        assert not minute_by_minute(contact, own, at)
        assert minute_by_minute(contact, own, decision.defer_until)
        assert not minute_by_minute(contact, own, decision.defer_until - timedelta(microseconds=1))


def a_lawful_moment(contact: Contact) -> datetime:
    """The first instant from a Friday on at which a sales call is allowed by the hours."""
    window = CallingWindow(RULES, jurisdictions(contact), candidate_zones(contact).zones)
    opening = window.next_opening(datetime(2026, 11, 20, 6, tzinfo=UTC))
    assert opening is not None
    return opening


CALLABLE = [
    place for place in PLACES if isinstance(decide(contact := contact_in(place), a_lawful_moment(contact)), Permit)
]


def test_most_places_can_be_called_once_everything_is_in_order() -> None:
    assert len(CALLABLE) >= 70
    banned = {row.jurisdiction for row in RULES.rows if row.marketing is MarketingRule.BAN}
    assert banned == {"RU", "US-WA"}
    assert not banned & set(CALLABLE)


def with_row(changed: RuleRow) -> RuleTable:
    """The table with this row instead of the one of its place and period."""
    rows = [
        changed if (row.jurisdiction, row.valid_from) == (changed.jurisdiction, changed.valid_from) else row
        for row in RULES.rows
    ]
    return RuleTable(rows, "changed")


def row_of(place: str, at: datetime) -> RuleRow:
    (row,) = RULES.rows_for((place,), at.date())
    return row


@pytest.mark.parametrize("place", CALLABLE)
@pytest.mark.parametrize("change", ["shut", "ban", "unverified", "document", "registry", "unsigned"])
def test_no_row_can_be_made_stricter_in_vain(place: str, change: str) -> None:
    """Metamorphic: each way of tightening each row turns the permit of its place into a refusal by the right check."""
    contact = contact_in(place)
    at = a_lawful_moment(contact)
    row = row_of(place, at)
    shut = Week(mon_fri=(), sat=(), sun=(), holidays="same")
    new_kind = next(kind for kind in DocumentKind if kind not in {each.kind for each in row.documents})
    tighter: dict[str, tuple[dict[str, Any], CheckName]] = {
        "shut": ({"hours": shut}, CheckName.CALLING_WINDOW),
        "ban": ({"marketing": MarketingRule.BAN}, CheckName.RULES),
        "unverified": ({"status": RowStatus.UNVERIFIED, "name": "new"}, CheckName.RULES),
        "unsigned": ({"status": RowStatus.CONFLICTING, "citation": "as amended"}, CheckName.RULES),
        "document": ({"documents": (DocumentRule(kind=new_kind, what="new"),)}, CheckName.DOCUMENTS),
        "registry": ({"registries": (RegistryRule(registry="xx_new", max_age_days=1),)}, CheckName.REGISTRIES),
    }
    fields, expected = tighter[change]
    changed = msgspec.structs.replace(row, **fields)
    signed = () if "status" in fields else (Override(place, changed.digest, "J. Doe", date(2026, 1, 1), "counsel"),)
    operator = dataclasses.replace(OPERATOR, overrides=(*SIGNED, *signed))
    gate = Gate(with_row(changed), operator, KEY)
    decision = decide(contact, at, gate=gate)
    assert isinstance(decision, Refusal)
    assert decision.refused_by is expected


@pytest.mark.parametrize("row", [row for row in RULES.rows if row.needs_override], ids=lambda row: row.jurisdiction)
def test_a_row_that_is_not_verified_lets_nobody_be_called_until_it_is_signed(row: RuleRow) -> None:
    contact = contact_in(row.jurisdiction)
    at = a_lawful_moment(contact)
    informational = dataclasses.replace(POLICY, purpose=Purpose.INFORMATIONAL)

    def verdict_with(*overrides: Override) -> Verdict:
        operator = dataclasses.replace(OPERATOR, overrides=overrides)
        facts = Facts(contact, (lawful_values.WRITTEN,), None, (), at, lawful_values.registries(RULES, at.date()))
        checks = Gate(RULES, operator, KEY).explain(facts, informational, at)
        return next(check.verdict for check in checks if check.check is CheckName.RULES)

    signed = next(each for each in SIGNED if each.digest == row.digest)
    assert verdict_with(signed) is Verdict.PASS
    for void in (
        dataclasses.replace(signed, digest="0" * 16),
        dataclasses.replace(signed, jurisdiction="US"),
        dataclasses.replace(signed, on=at.date() + timedelta(days=1)),
        dataclasses.replace(signed, by=" "),
        dataclasses.replace(signed, advice=""),
    ):
        assert verdict_with(void) is Verdict.NEVER
    assert verdict_with() is Verdict.NEVER


@pytest.mark.parametrize("place", ["RU", "US-WA"])
def test_a_ban_has_no_override(place: str) -> None:
    contact = contact_in(place)
    refusal = decide(contact, a_lawful_moment(contact))
    assert isinstance(refusal, Refusal)
    assert (refusal.refused_by, refusal.defer_until) == (CheckName.RULES, None)


def test_an_operator_without_documents_makes_no_sales_calls() -> None:
    bare = Gate(RULES, Operator((RIGHT,), SIGNED), KEY)
    for place in CALLABLE:
        contact = contact_in(place)
        if row_of(place, a_lawful_moment(contact)).documents:
            refusal = decide(contact, a_lawful_moment(contact), gate=bare)
            assert isinstance(refusal, Refusal)
            assert refusal.refused_by is CheckName.DOCUMENTS
