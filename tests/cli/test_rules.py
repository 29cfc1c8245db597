"""The law as an operator reads it, signs for it, and is told what it still asks for."""

from __future__ import annotations

import json
import re
from importlib import resources

from tests.operators import Operator


def test_list_and_show(operator: Operator) -> None:
    listing = operator.run("rules", "list")
    assert "78 rows" in listing
    assert "09-18 10-17 - -" in listing  # Rhode Island
    listed = json.loads(operator.run("rules", "list", "--status", "conflicting", "--json"))
    assert {row["jurisdiction"] for row in listed["rows"]} == {"AE", "US-MI", "US-MN", "US-NV"}
    florida = operator.run("rules", "show", "us-fl")
    assert "501.616" in florida
    assert "consent_lifts False" in operator.run("rules", "show", "AE")
    assert "08:00:00-20:00:00" in florida
    assert "09:00:00-19:00:00" in operator.run("rules", "show", "US-PA", "--on", "2026-10-18")
    assert "08:00:00-21:00:00" in operator.run("rules", "show", "US-PA", "--on", "2026-10-17")
    assert "there is no rule for XX" in operator.run("rules", "show", "XX", code=1)


def test_a_row_is_signed_for_and_the_signature_ends_with_the_row(operator: Operator) -> None:
    operator.run("rules", "validate")
    snippet = re.search(r"(?s)\[\[override\]\].*", operator.run("rules", "show", "US-MI"))
    assert snippet is not None
    signed = snippet[0].replace('by = ""', 'by = "J. Doe"').replace('advice = ""', 'advice = "letter of counsel"')
    settings = (operator.home / "dialer.toml").read_text()
    operator.write("dialer.toml", settings + "\n" + signed)
    operator.run("rules", "validate")
    (row,) = json.loads(operator.run("rules", "show", "US-MI", "--json"))
    assert row["overridden"].startswith("J. Doe on ")
    assert "J. Doe" in operator.run("rules", "list")
    outdated = re.sub(r'digest = "\w+"', f'digest = "{"0" * 16}"', signed)
    operator.write("dialer.toml", settings + "\n" + outdated + outdated.replace("US-MI", "US-XX"))
    said = operator.run("rules", "validate", code=4)
    assert "the row has changed since it was signed" in said
    assert "there is no such row" in said
    operator.write("dialer.toml", settings + "\n" + re.sub(r"on = [\d-]+", "on = 2999-01-01", signed))
    assert "which is to come" in operator.run("rules", "validate", code=4)
    assert "[[override]]" in operator.run("rules", "show", "US-MI")


def test_files_are_validated_and_compared(operator: Operator) -> None:
    folder = operator.home / "law"
    folder.mkdir()
    for item in resources.files("dialer.compliance.law").iterdir():
        if item.name.endswith(".toml"):
            (folder / item.name).write_text(item.read_text(encoding="utf-8"), encoding="utf-8")
    assert "78 rows" in operator.run("rules", "validate", "law")
    assert "0 differences" in operator.run("rules", "diff", "law")
    path = folder / "ca.toml"
    path.write_text(path.read_text().replace("max_age_days = 31", "max_age_days = 30"))
    assert "CA: registries" in operator.run("rules", "diff", "law", code=4)
    path.write_text(path.read_text().replace("max_age_days = 30", 'max_age_days = "soon"'))
    assert "ca.toml: row 1 (CA)" in operator.run("rules", "validate", "law", code=1)


def test_check_tells_what_the_law_still_asks_for(operator: Operator) -> None:
    text = (operator.home / "campaign.toml").read_text().replace('purpose = "health"', 'purpose = "marketing"')
    operator.write("sales.toml", text)
    operator.write("people.csv", "phone\n+17135550123\n+442079460123\n+79161234567\n+12485550123\n")
    operator.run("contacts", "import", "people.csv", "--list", "people")
    law = json.loads(operator.run("campaign", "check", "sales.toml", "--list", "people", "--json", code=4))["law"]
    assert set(law["jurisdictions"]) == {"GB", "RU", "US", "US-MI", "US-TX"}
    assert law["sales_calls_banned"] == ["RU"]
    assert [each["jurisdiction"] for each in law["to_override"]] == ["US-MI"]
    assert "that the call is to sell" in {each["what"] for each in law["missing_from_message"]}
    assert {each["kind"] for each in law["documents"] if each["jurisdiction"] == "US-TX"} == {
        "registration",
        "bond",
        "permit",
    }
    assert {each["registry"] for each in law["registries"]} == {"us_national", "us_tx", "gb_tps", "gb_ctps"}
    assert "not on file" in operator.run("campaign", "check", "sales.toml", "--list", "people", code=4)


def test_a_campaign_that_lacks_a_duty_does_not_start(operator: Operator) -> None:
    text = re.sub(r"(?s)parts = \[.*?\n\]\n", "", (operator.home / "campaign.toml").read_text(), count=1)
    operator.write("silent.toml", re.sub(r"(?s)machine_parts = \[.*?\n\]\n", "", text))
    operator.write("people.csv", "phone\n+17135550123\n")
    operator.run("contacts", "import", "people.csv", "--list", "people")
    operator.run("campaign", "create", "silent.toml", "--list", "people")
    said = operator.run("campaign", "start", "Appointment reminders", code=1)
    assert "the message lacks any declared parts" in said
    assert "campaign check" in said
