from __future__ import annotations

from datetime import date, time

import pytest

from dialer.calls.outcome import Outcome
from dialer.compliance.rules import MarketingRule, RowStatus, builtin_rules, load_rules
from dialer.contacts.nanp import SUBDIVISIONS
from dialer.errors import ComplianceError

RULES = builtin_rules()
TODAY = date(2026, 11, 20)

NATIONAL = """
[[row]]
jurisdiction = "ZZ"
name = "Zedland"
status = "verified"
citation = "Calls Act s. 1"
marketing = "express"
[row.hours]
mon_fri = [[09:00:00, 12:00:00], [13:00:00, 20:00:00]]
sat = []
sun = []
holidays = "same"
"""
PART = """
[[row]]
jurisdiction = "ZZ-A"
name = "Upper Zedland"
status = "verified"
citation = "Calls Act s. 2"
marketing = "express"
"""


def test_every_calendar_of_the_law_is_known() -> None:
    """Which takes long to find out: whoever loads the law that ships relies on this test."""
    assert load_rules(RULES.texts).rows == RULES.rows


def test_every_state_and_territory_of_the_united_states_has_a_row() -> None:
    for code, place in SUBDIVISIONS.items():
        if place.country == "US":
            jurisdiction = f"US-{code}"
            assert [row.jurisdiction for row in RULES.rows_for(("US", jurisdiction), TODAY)] == ["US", jurisdiction]
            assert RULES.unruled(("US", jurisdiction), TODAY) == ()


@pytest.mark.parametrize(
    "country", ["US", "CA", "GB", "IE", "DE", "FR", "ES", "PL", "NO", "DK", "AE", "AU", "SG", "RU"]
)
def test_countries_that_may_be_called(country: str) -> None:
    (row,) = RULES.rows_for((country,), TODAY)
    assert row.status is not RowStatus.UNVERIFIED


@pytest.mark.parametrize("country", ["IT", "SE", "SA", "IN", "BR", "MX"])
def test_countries_whose_rules_nobody_has_verified(country: str) -> None:
    (row,) = RULES.rows_for((country,), TODAY)
    assert row.status is RowStatus.UNVERIFIED


@pytest.mark.parametrize("banned", ["US-WA", "RU"])
def test_where_recorded_sales_calls_are_banned(banned: str) -> None:
    (row,) = RULES.rows_for((banned,), TODAY)
    assert row.marketing is MarketingRule.BAN


def test_a_new_law_replaces_the_old_one_at_local_midnight() -> None:
    (before,) = RULES.rows_for(("US-PA",), date(2026, 10, 17))
    (after,) = RULES.rows_for(("US-PA",), date(2026, 10, 18))
    assert before.hours is not None
    assert after.hours is not None
    assert before.hours.on(date(2026, 10, 17)) == ((time(8), time(21)),)
    assert after.hours.on(date(2026, 10, 18)) == ()
    assert after.hours.on(date(2026, 10, 19)) == ((time(9), time(19)),)


@pytest.mark.parametrize(
    ("jurisdictions", "day", "unruled"),
    [
        (("CN",), TODAY, ("CN",)),
        (("FR",), date(2026, 8, 10), ("FR",)),  # before the opt-in law
        (("FR",), date(2026, 8, 11), ()),
        (("CA", "CA-ON"), TODAY, ()),  # no provincial rule known: the national one is all there is
        (("US",), TODAY, ("US-?",)),  # every state has its rules, and which state is not known
        (("US", "US-FLA"), TODAY, ("US-FLA",)),
        (("US", "US-OR"), date(2025, 12, 31), ("US-OR",)),
        (("US", "US-FL"), TODAY, ()),
    ],
)
def test_where_a_rule_is_wanting(jurisdictions: tuple[str, ...], day: date, unruled: tuple[str, ...]) -> None:
    assert RULES.unruled(jurisdictions, day) == unruled


def test_caps_name_outcomes_that_exist() -> None:
    counted = {outcome for row in RULES.rows for cap in row.caps for outcome in cap.outcomes}
    assert counted
    assert counted <= set(Outcome)


def test_the_version_changes_with_any_text() -> None:
    first = load_rules({"a.toml": NATIONAL})
    assert load_rules({"a.toml": NATIONAL}).version == first.version
    assert load_rules({"b.toml": NATIONAL}).version != first.version
    assert load_rules({"a.toml": NATIONAL.replace("20:00", "20:30")}).version != first.version


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('status = "verified"', 'status = "probably"', "status"),
        ('marketing = "express"', "", "marketing"),
        ('citation = "Calls Act s. 1"', 'citation = ""', "citation"),
        ('marketing = "express"', 'marketing = "express"\nmarketting = "ban"', "marketting"),
        ("[[09:00:00, 12:00:00], [13:00:00, 20:00:00]]", "[[09:00:00, 13:00:00], [12:00:00, 20:00:00]]", "in order"),
        ("[[09:00:00, 12:00:00], [13:00:00, 20:00:00]]", "[[20:00:00, 09:00:00]]", "in order"),
        ('holidays = "same"', 'holidays = "closed"', "calendar"),
        ('holidays = "same"', 'holidays = "closed"\ncalendars = ["XX"]', "XX"),
        ('holidays = "same"', 'holidays = "same"\n[[row.caps]]\nmax = 3\ndays = 31\nscope = "s"', "30 days"),
        ('holidays = "same"', 'holidays = "same"\n[[row.caps]]\nmax = 0\ndays = 1\nscope = "s"', "at least 1"),
        ('marketing = "express"', 'marketing = "express"\nzones = ["Mars/Olympus"]', "Mars"),
        ('marketing = "express"', 'marketing = "express"\nvalid_from = 2026-02-01\nvalid_to = 2026-01-01', "valid_to"),
    ],
)
def test_an_error_names_file_and_row(old: str, new: str, complaint: str) -> None:
    assert old in NATIONAL
    with pytest.raises(ComplianceError, match=r"zed\.toml: row 1 \(ZZ\)") as error:
        load_rules({"zed.toml": NATIONAL.replace(old, new)})
    assert complaint in error.value.message


def test_a_national_row_needs_hours() -> None:
    with pytest.raises(ComplianceError, match=r"row 1 \(ZZ\).*needs hours"):
        load_rules({"zed.toml": NATIONAL.partition("[row.hours]")[0]})


def test_a_part_needs_its_country() -> None:
    assert load_rules({"a.toml": NATIONAL, "b.toml": PART}).rows
    with pytest.raises(ComplianceError, match="ZZ has none"):
        load_rules({"b.toml": PART})


def test_two_rows_never_govern_the_same_day() -> None:
    old = NATIONAL.replace("[row.hours]", "valid_to = 2026-10-17\n[row.hours]")
    new = NATIONAL.replace("[row.hours]", "valid_from = 2026-10-18\n[row.hours]")
    assert len(load_rules({"zed.toml": old + new}).rows) == 2
    with pytest.raises(ComplianceError, match=r"row 2 \(ZZ\): another row is in force"):
        load_rules({"zed.toml": old + new.replace("10-18", "10-17")})


@pytest.mark.parametrize("text", ["[[row]", "[[rows]]", "row = 1"])
def test_a_file_that_is_no_list_of_rows(text: str) -> None:
    with pytest.raises(ComplianceError, match=r"zed\.toml"):
        load_rules({"zed.toml": text})
