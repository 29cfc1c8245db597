"""What is another between two sets of rules."""

from __future__ import annotations

from datetime import date

import pytest

from dialer.compliance.rule_diff import Difference, differences
from dialer.compliance.rules import builtin_rules, load_rules

RULES = builtin_rules()


def changed(name: str, old: str, new: str) -> list[Difference]:
    text = RULES.texts[name]
    assert old in text
    return differences(RULES, load_rules(RULES.texts | {name: text.replace(old, new, 1)}))


def test_the_same_rules_do_not_differ() -> None:
    assert differences(RULES, load_rules(RULES.texts)) == []


def test_a_field_is_named_with_both_values() -> None:
    (found,) = changed("ca.toml", "max_age_days = 31", "max_age_days = 30")
    assert (found.jurisdiction, found.field) == ("CA", "registries")
    assert found.before != found.after


def test_a_row_that_came_or_went_is_named_whole() -> None:
    alone = load_rules({name: text for name, text in RULES.texts.items() if name == "ca.toml"})
    gone = differences(RULES, alone)
    assert {each.field for each in gone} == {""}
    assert Difference("US-PA", date(2026, 10, 18), "", "Pennsylvania", None) in gone
    assert len(gone) == len(RULES.rows) - len(alone.rows)
    assert len(differences(alone, RULES)) == len(gone)


@pytest.mark.parametrize("name", sorted(RULES.texts))
def test_every_file_can_be_told_from_nothing(name: str) -> None:
    without = {each: text for each, text in RULES.texts.items() if each not in {name, "us_states.toml"}}
    assert differences(RULES, load_rules(without))
