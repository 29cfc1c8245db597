"""The rows that ship, against what was collected of the law: one line a row, written by hand."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from dialer.compliance.operator import DocumentKind
from dialer.compliance.policy import PartKind
from dialer.compliance.rules import Cap, MarketingRule, RowStatus, RuleRow, Week, builtin_rules

RULES = builtin_rules()
PAGE = (Path(__file__).resolve().parents[3] / "docs/compliance.md").read_text(encoding="utf-8")

# place, first day | status | recorded sales calls | documents | Mon-Fri, Sat, Sun, holidays | hours of recordings |
# sources | registries: days | caps: calls/window. "fed" is eight to nine on every day, "-" is closed.
COLLECTED = """
US|V|W|D|fed||S4 S5 S6|us_national:31|3/30d 1/1d 3/7d 7/7d 1/7d
US-AK           |V |W |R  |fed                       |                     |S1         |                      |
US-AL           |V |W |C  |8-20 8-20 - closed        |                     |S1 S2      |                      |
US-AR           |V |W |C  |fed                       |                     |S1         |                      |
US-AS           |V |W |   |fed                       |                     |S3         |                      |
US-AZ           |V |XM|RB |fed                       |                     |S1         |                      |
US-CA           |V |W |C  |fed                       |9-21 9-21 9-21 same  |S1 S3 S5   |                      |
US-CO           |V |W |R  |fed                       |                     |S1         |                      |
US-CT           |V |W |   |9-20 9-20 9-20 same       |                     |S1 S2      |                      |
US-DC           |V |W |RB |fed                       |                     |S1         |                      |
US-DE           |V |W |RB |fed                       |                     |S1         |                      |
US-FL           |V |W |R  |8-20 8-20 8-20 same       |                     |S2 S4      |                      |3/24h
US-GA           |V |W |P  |fed                       |fed                  |S1         |                      |
US-GU           |V |W |   |fed                       |                     |S3         |                      |
US-HI           |V |W |   |fed                       |                     |S1         |                      |
US-IA           |V |W |   |fed                       |                     |S1         |                      |
US-ID           |V |W |R  |fed                       |                     |S1         |                      |
US-IL           |V |W |   |fed                       |9-21 9-21 9-21 same  |S1 S23     |                      |
US-IN           |V |W |   |fed                       |9-20 9-20 9-20 same  |S1 S2      |us_in:90              |
US-KS           |V |W |C  |fed                       |                     |S1         |                      |
US-KY           |V |W |C  |10-21 10-21 10-21 same    |                     |S1 S24     |                      |
US-LA           |V |W |R  |8-20 8-20 - closed        |                     |S1 S2 S21  |us_la:31              |
US-MA           |V |W |R  |8-20 8-20 8-20 same       |                     |S1 S2      |us_ma:90              |
US-MD           |V |W |   |8-20 8-20 8-20 same       |                     |S1 S2      |                      |3/24h
US-ME           |V |W |   |fed                       |9-17 - - same        |S1 S2 S24  |                      |1/8h
US-MI           |V?|W |C  |9-21 9-21 9-21 same       |                     |S1         |                      |
US-MN           |V?|W |   |9-21 9-21 9-21 same       |                     |S1         |                      |
US-MO           |V |W |   |fed                       |                     |S1         |                      |
US-MP           |V |W |   |fed                       |                     |S3         |                      |
US-MS           |V |W |RBC|8-20 8-20 - same          |                     |S1 S18     |                      |
US-MT           |V |W |RBC|fed                       |                     |S1         |                      |
US-NC           |V |W |   |fed                       |                     |S1         |                      |
US-ND           |V |W |   |fed                       |                     |S1         |                      |
US-NE           |V |W |P  |fed                       |8-21 8-21 13-21 13-21|S1 S23     |                      |
US-NH           |V |W |R  |fed                       |                     |S1         |                      |
US-NJ           |V |XM|RB |fed                       |                     |S1 S2      |                      |
US-NM           |V |W |C  |9-21 9-21 9-21 same       |                     |S1 S2      |                      |
US-NV           |V?|W |C  |9-20 9-20 9-20 same       |9-20 9-20 9-20 same  |S2 S19 S23 |                      |1/ever
US-NY           |V |W |R  |fed                       |                     |S1 S2 S5   |                      |
US-OH           |V |W |RB |fed                       |                     |S1         |                      |
US-OK           |V |W |C  |8-20 8-20 8-20 same       |                     |S1 S4      |                      |3/24h
US-OR 2026-01-01|V |W |C  |8-20 8-20 8-20 same       |                     |S20 S1     |                      |3/24h
US-PA           |V |W |R  |8-21 8-21 8-21 closed     |                     |S1 S22     |                      |
US-PA 2026-10-18|V |W |R  |9-19 9-19 - closed        |                     |S1 S22 S26 |                      |
US-PR           |V |W |   |fed                       |                     |S3         |                      |
US-RI           |V |W |RB |9-18 10-17 - closed       |                     |S17        |                      |
US-SC           |V |W |C  |fed                       |                     |S1         |                      |
US-SD           |V |W |   |9-21 9-21 - same          |9-21 - - same        |S1 S2      |                      |
US-TN           |V |W |C  |fed                       |                     |S1         |                      |
US-TX           |V |W |RBP|9-21 9-21 12-21 same      |                     |S7 S25 S1  |us_tx:90              |
US-UT           |V |W |RB |8-21 8-21 - closed        |                     |S1 S3      |                      |
US-VA           |V |W |C  |fed                       |                     |S1         |                      |
US-VI           |V |W |   |fed                       |                     |S3         |                      |
US-VT           |V |W |R  |fed                       |                     |S1         |                      |
US-WA           |V |X |R  |8-20 8-20 8-20 same       |                     |S1 S4 S5   |                      |
US-WI           |V |W |R  |fed                       |                     |S1         |                      |
US-WV           |V |W |B  |fed                       |                     |S1         |                      |
US-WY           |V |W |C  |8-20 8-20 8-20 same       |                     |S1 S2      |                      |
CA              |V |E |R  |9-21:30 10-18 10-18 same  |                     |S44 S1 S30 |ca_dncl:31            |
CA-BC           |V |E |   |9-21:30 10-18 10-18 closed|                     |S26        |                      |
GB              |C |E |   |fed                       |                     |S30 S49    |gb_tps:28 gb_ctps:28  |
IE              |C |E |   |9-20 9-20 - same          |                     |S30 S40    |ie_ndd:28             |
DE              |C |E |   |9-20 10-16 - closed       |                     |S30 S35    |                      |
FR 2026-08-11   |V |E |   |10-13,14-20 - - closed    |                     |S30 S31 S32|                      |4/30d
ES              |V |E |   |9-21 - - closed           |                     |S30 S37    |es_robinson:30        |
IT              |M |E |   |9-20 10-19 - closed       |                     |S30 S36    |it_rpo:15             |
PL              |C |E |   |8-20 8-20 - closed        |                     |S30 S34    |                      |
NO              |V |E |   |9-21 - - closed           |                     |S33        |no_reservation:31     |
SE              |M |E |   |9-20 - - closed           |                     |S30 S39    |se_nix:30             |
DK              |C |E |   |9-20 - - closed           |                     |S30 S38    |dk_robinson:90        |
RU              |C |X |   |9-20 - - closed           |                     |S41||1/1d 2/7d 8/30d
AE              |V?|E |PC |9-18 - - closed           |                     |S42        |ae_dncr:1             |1/1d 2/7d
SA              |M |E |C  |9-20 - - closed           |                     |S43        |                      |
AU              |V |E |   |9-20 9-17 - closed        |                     |S45        |au_dncr:30            |
IN              |M |E |R  |10-21 10-21 10-21 same    |                     |S46        |in_dnd:1              |
BR              |M |E |C  |9-21 10-16 - closed       |                     |S47        |br_nao_me_perturbe:30 |
MX              |M |E |C  |9-20 - - closed           |                     |           |mx_repep:30 mx_reus:30|
SG              |C |E |   |9-20 9-20 - closed        |                     |S48        |sg_no_voice:21        |
"""
STATUS = {"V": RowStatus.VERIFIED, "C": RowStatus.COURTESY, "V?": RowStatus.CONFLICTING, "M": RowStatus.UNVERIFIED}
MARKETING = {
    "W": MarketingRule.WRITTEN,
    "E": MarketingRule.EXPRESS,
    "X": MarketingRule.BAN,
    "XM": MarketingRule.BAN_MOBILE,
}
DOCUMENTS = {
    DocumentKind.REGISTRATION: "R",
    DocumentKind.BOND: "B",
    DocumentKind.PERMIT: "P",
    DocumentKind.POLICY: "D",
    DocumentKind.REVIEW: "C",
}
FED = "8-21 8-21 8-21 same"
UNION = ("IE", "DE", "FR", "ES", "IT", "PL", "SE", "DK")

LINES = {
    place: fields
    for place, *fields in ([part.strip() for part in line.split("|")] for line in COLLECTED.strip().splitlines())
}


def place_of(row: RuleRow) -> str:
    return f"{row.jurisdiction} {row.valid_from}" if row.valid_from else row.jurisdiction


ROWS = {place_of(row): row for row in RULES.rows}


def told(week: Week | None) -> str:
    """A week in the words of COLLECTED."""
    if week is None:
        return ""
    days = [week.mon_fri, week.sat, week.sun, *([week.holidays] if isinstance(week.holidays, tuple) else [])]
    clock = [[f"{a:%H:%M}-{b:%H:%M}".replace(":00", "") for a, b in day] for day in days]
    words = [re.sub(r"\b0(\d)", r"\1", ",".join(spans)) or "-" for spans in clock]
    text = " ".join(words if len(words) == 4 else [*words, str(week.holidays)])
    return "fed" if text == FED else text


def window_of(cap: Cap) -> str:
    return f"{cap.days}d" if cap.days else f"{cap.hours}h" if cap.hours else "ever"


def test_every_row_was_collected_and_every_collected_row_is_there() -> None:
    assert len(LINES) == 78
    assert set(ROWS) == set(LINES)


@pytest.mark.parametrize("place", LINES)
def test_a_row_says_what_was_collected(place: str) -> None:
    row = ROWS[place]
    said = [
        row.status,
        row.marketing,
        "".join(DOCUMENTS[each.kind] for each in row.documents),
        told(row.hours) or "fed",
        told(row.recorded_hours),
        row.source,
        " ".join(f"{each.registry}:{each.max_age_days}" for each in row.registries),
        " ".join(f"{cap.max}/{window_of(cap)}" for cap in row.caps),
    ]
    status, marketing, *others = LINES[place]
    assert said == [STATUS[status], MARKETING[marketing], *others]


def test_documents_are_one_of_a_kind() -> None:
    """The operator's file tells documents apart by kind: two of one kind would be met by one paper."""
    for row in RULES.rows:
        kinds = Counter(each.kind for each in row.documents)
        assert not [kind for kind, number in kinds.items() if number > 1], row.jurisdiction


def test_what_only_some_rows_ask_for() -> None:
    def those(asks: str) -> set[str]:
        return {place for place, row in ROWS.items() if getattr(row, asks)}

    assert those("needs_relationship") == {"US-MS"}
    assert those("marketing_needs") == {"US-CA", "US-NV", "IN"}
    assert {place: ROWS[place].reassigned_check_days for place in those("reassigned_check_days")} == {"US-ME": 31}
    assert {place: ROWS[place].retain_years for place in those("retain_years")} == {"US": 5, "US-HI": 2, "DE": 5}
    assert {place: row.abandonment.percent for place, row in ROWS.items() if row.abandonment} == {
        "US": 3.0,
        "CA": 3.0,
        "GB": 3.0,
    }
    assert those("barred_caller_kinds") == {"FR 2026-08-11", "ES"}
    assert those("emergency_citation") == {"US"}
    assert those("zones") == {"US-MS", "AE", "SA", "IN", "SG"}
    assert ROWS["US-MS"].zones == ("Etc/GMT+6",)
    assert ROWS["US-PA"].valid_to == date(2026, 10, 17)
    strict = {
        each.registry for row in RULES.rows for each in row.registries if not each.consent_lifts
    }  # a registration there undoes consents given before it
    assert strict == {"it_rpo", "ae_dncr"}
    assert "emergency" in " ".join(ROWS["US-LA"].duties)
    assert [each.kind for each in ROWS["US"].documents] == [DocumentKind.POLICY]


def test_what_a_message_says() -> None:
    federal = ROWS["US"].message
    assert federal is not None
    assert set(federal.parts) == {PartKind.SELLER_NAME, PartKind.CALLBACK, PartKind.OPT_OUT}
    assert federal.sales_parts == (PartKind.SALES_PURPOSE,)
    assert (federal.name_within_s, federal.opt_out_after_name_s, federal.toll_free_on_machines) == (5.0, 2.0, True)
    disclosing = {row.jurisdiction for row in RULES.rows if row.message is not None and row.message.artificial_voice}
    assert disclosing == {"US-CA", *UNION}
    asking = {
        row.jurisdiction for row in RULES.rows if row.message and PartKind.ASKS_TO_CONTINUE in row.message.sales_parts
    }
    assert asking == {"AE"}
    for place in ("US-PA", "US-PA 2026-10-18"):
        pennsylvania = ROWS[place].message
        assert pennsylvania is not None
        assert PartKind.OPT_OUT in pennsylvania.parts
        assert (pennsylvania.name_within_s, pennsylvania.opt_out_after_name_s) == (5.0, 2.0)
        assert pennsylvania.toll_free_on_machines


@pytest.mark.parametrize(
    ("place", "closed"),
    [
        ("US-AL", ["2026-02-17", "2026-04-27"]),  # Mardi Gras, Confederate Memorial Day
        ("US-LA", ["2026-02-17", "2026-04-03", "2027-11-01"]),  # Mardi Gras, Good Friday, All Saints
        ("US-PA 2026-10-18", ["2027-03-26", "2027-06-14", "2026-11-03", "2026-10-12"]),
        ("US-RI", ["2026-08-10"]),  # Victory Day
        ("US-UT", ["2026-07-24"]),  # Pioneer Day
        ("CA-BC", ["2026-08-03", "2026-02-16"]),
        ("NO", ["2027-05-17", "2026-05-14"]),
        ("FR 2026-08-11", ["2027-07-14", "2026-12-26"]),  # the second in Alsace and Moselle
        ("AU", ["2027-01-26"]),
    ],
)
def test_days_on_which_nobody_is_called(place: str, closed: list[str]) -> None:
    hours = ROWS[place].hours
    assert hours is not None
    assert [day for day in closed if hours.on(date.fromisoformat(day))] == []


def test_nebraska_begins_at_one_on_holidays() -> None:
    recorded = ROWS["US-NE"].recorded_hours
    assert recorded is not None
    assert [span.opens.hour for span in recorded.on(date(2026, 12, 25))] == [13]
    assert [span.opens.hour for span in recorded.on(date(2026, 12, 24))] == [8]


def test_the_page_counts_the_rows_and_names_their_sources() -> None:
    counts = {status: int(number) for status, number in re.findall(r"(?m)^\| `(\w+)` \| (\d+) \|", PAGE)}
    assert counts == Counter(row.status.value for row in RULES.rows)
    listed = set()
    for first, last in re.findall(r"\bS(\d+)(?:-S(\d+))?", PAGE.partition("## Where the rules were seen")[2]):
        listed |= set(range(int(first), int(last or first) + 1))
    assert {int(key[1:]) for row in RULES.rows for key in row.source.split()} <= listed
    assert [place for place, row in ROWS.items() if not row.source] == ["MX"]  # from memory alone


def test_the_page_signs_a_row_as_it_is() -> None:
    (signed,) = re.findall(r'(?m)^jurisdiction = "US-MI"\ndigest = "(\w+)"', PAGE)
    assert signed == ROWS["US-MI"].digest


def test_the_page_tells_every_field() -> None:
    for field in RuleRow.__struct_fields__:
        assert f"`{field}`" in PAGE, field
