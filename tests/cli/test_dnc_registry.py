"""Registries as an operator has them: loaded, shown, asked, and a list scrubbed against them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from tests.operators import Operator


def today() -> date:
    return datetime.now(UTC).date()


def test_load_show_check_and_verify(operator: Operator) -> None:
    made = today()
    operator.write("list.txt", "305,5550101\n305,5550102\n")
    load = ("dnc", "load", "list.txt", "--registry", "us_national", "--date", str(made), "--organisation", "10234567")
    assert "2 numbers in 1 area codes, 2 new and 0 gone" in operator.run(*load)
    assert "not loaded" in operator.run("dnc", "verify", "gb_tps", code=1)
    assert "as they were written" in operator.run("dnc", "verify")
    (row,) = json.loads(operator.run("dnc", "registries", "--json"))
    assert (row["registry"], row["numbers"]) == ("us_national", 2)
    assert 0 <= row["age_days"] <= (today() - made).days
    (load_row,) = json.loads(operator.run("dnc", "registries", "--history", "--json"))
    assert load_row["organisation"] == "10234567"
    assert "us_national: listed" in operator.run("dnc", "check", "+13055550101", code=4)
    assert "us_national: not listed" in operator.run("dnc", "check", "+13055550103")
    assert "us_national: not covered" in operator.run("dnc", "check", "+12125550103")


def test_a_broken_file_is_an_error_with_a_hint(operator: Operator) -> None:
    operator.write("list.txt", "305,5550101\n305,555010\n")
    said = operator.run(
        "dnc", "load", "list.txt", "--registry", "us_national", "--date", str(today()), "--organisation", "1", code=1
    )
    assert "list.txt:2" in said
    assert "nothing was changed" in said
    assert "No registry is loaded" in operator.run("dnc", "registries")


def test_a_list_is_scrubbed_and_certified(operator: Operator) -> None:
    made = str(today())
    operator.write("registry.txt", "305,5550101\n305,5550102\n")
    operator.run("dnc", "load", "registry.txt", "--registry", "us_national", "--date", made, "--organisation", "1")
    operator.run("dnc", "add", "+13055550104", "--reason", "asked")
    numbers = ["+13055550101", "(305) 555-0103", "+13055550104", "+12125550105", "nonsense", "+442079460123"]
    operator.write("people.csv", "name,phone\n" + "".join(f"P{n},{each}\n" for n, each in enumerate(numbers)))
    said = operator.run("dnc", "scrub", "people.csv", "--out", "clean.csv", "--region", "US")
    assert "2 of 6 rows kept" in said
    assert (operator.home / "clean.csv").read_text().split() == [
        "name,phone",
        "P1,(305)",
        "555-0103",
        "P5,+442079460123",
    ]
    certificate = json.loads((operator.home / "clean.certificate.json").read_text())
    assert certificate["taken_out"] == {
        "listed in us_national": 1,
        "not covered by us_national": 1,
        "on the operator's own list": 1,
        "unreadable": 1,
    }
    assert certificate["checked_against"][0]["registry"] == "us_national"
    assert certificate["checked_against"][0]["data_dates"] == [made]
    assert len(certificate["list"]["sha256"]) == 64
