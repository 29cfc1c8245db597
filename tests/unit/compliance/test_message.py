"""What a message must say, and what must be on file."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract import lawful_values

from dialer.compliance.message import missing_documents, missing_duties
from dialer.compliance.operator import Document, DocumentKind, Operator
from dialer.compliance.policy import MessageDeclaration, MessagePart, PartKind, Purpose, Voice
from dialer.compliance.rules import RuleRow, builtin_rules

RULES = builtin_rules()
TODAY = date(2026, 11, 20)
FEDERAL = RULES.rows_for(("US",), TODAY)
MESSAGE = lawful_values.MESSAGE
ROWS = [row for row in RULES.rows if row.in_force(TODAY)]


def lacking(
    declaration: MessageDeclaration | None,
    purpose: Purpose = Purpose.MARKETING,
    rows: tuple[RuleRow, ...] = FEDERAL,
) -> list[str]:
    return [each.what for each in missing_duties(declaration, purpose, rows)]


def without(kind: PartKind) -> MessageDeclaration:
    return dataclasses.replace(MESSAGE, parts=tuple(part for part in MESSAGE.parts if part.kind is not kind))


def test_nothing_declared_is_nothing_said() -> None:
    assert lacking(None) == ["any declared parts"]
    assert lacking(None, Purpose.EMERGENCY) == [], "federal law excepts emergencies"


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (PartKind.SELLER_NAME, "the seller's legal name"),
        (PartKind.CALLBACK, "a number at which the seller can be reached"),
        (PartKind.OPT_OUT, "how to opt out"),
        (PartKind.SALES_PURPOSE, "that the call is to sell"),
    ],
)
def test_each_part_of_a_sales_message_is_wanted(kind: PartKind, says: str) -> None:
    assert lacking(MESSAGE) == []
    assert lacking(without(kind)) == [says]


def test_only_a_sales_message_must_say_that_it_sells() -> None:
    assert lacking(without(PartKind.SALES_PURPOSE), Purpose.HEALTH) == []


@pytest.mark.parametrize(("begins_s", "in_time"), [(4.0, True), (4.01, False)])
def test_the_opt_out_follows_the_name_within_two_seconds(begins_s: float, in_time: bool) -> None:
    parts = tuple(
        MessagePart(part.kind, begins_s, begins_s + 2) if part.kind is PartKind.OPT_OUT else part
        for part in MESSAGE.parts
    )
    assert lacking(dataclasses.replace(MESSAGE, parts=parts)) == (
        [] if in_time else ["how to opt out within 2 s of the seller's legal name"]
    )


def test_the_name_comes_at_the_beginning() -> None:
    late = tuple(MessagePart(part.kind, part.begins_s + 5.1, part.ends_s + 5.1) for part in MESSAGE.parts)
    assert lacking(dataclasses.replace(MESSAGE, parts=late)) == ["the seller's legal name within 5 s of the beginning"]


@pytest.mark.parametrize(
    ("number", "whole"), [(lawful_values.TOLL_FREE, True), ("+13055550100", False), ("", False), ("press nine", False)]
)
def test_machines_are_told_a_toll_free_number(number: str, whole: bool) -> None:
    left = dataclasses.replace(MESSAGE, machine_parts=MESSAGE.parts, opt_out_number=number)
    assert lacking(left) == ([] if whole else ["a toll-free number that takes opt-outs, on machines"])


def test_what_is_left_on_machines_names_the_seller_and_the_way_out() -> None:
    left = dataclasses.replace(MESSAGE, machine_parts=(MessagePart(PartKind.SALES_PURPOSE, 0, 1),))
    assert lacking(left) == [
        "the seller's legal name, on machines",
        "a number at which the seller can be reached, on machines",
        "how to opt out, on machines",
    ]


@pytest.mark.parametrize("place", ["US-CA", "DE", "FR"])
def test_an_artificial_voice_says_so_where_a_row_asks(place: str) -> None:
    rows = RULES.rows_for((place,), TODAY)
    assert lacking(MESSAGE, rows=rows) == []
    artificial = dataclasses.replace(MESSAGE, voice=Voice.ARTIFICIAL)
    assert lacking(artificial, rows=rows) == ["that the voice is artificial"]
    says_so = (*MESSAGE.parts, MessagePart(PartKind.ARTIFICIAL_VOICE, 1, 2))
    assert lacking(dataclasses.replace(artificial, parts=says_so), rows=rows) == []


PARTS = st.lists(st.sampled_from(MESSAGE.parts), unique=True)
DECLARATIONS = st.builds(
    MessageDeclaration,
    st.sampled_from(Voice),
    PARTS.map(tuple),
    PARTS.map(tuple),
    st.sampled_from(["", "+18005550199"]),
)


@given(DECLARATIONS, st.sampled_from(Purpose), st.lists(st.sampled_from(ROWS), unique_by=lambda row: row.jurisdiction))
def test_saying_less_never_lacks_less_and_neither_does_more_law(
    declaration: MessageDeclaration, purpose: Purpose, rows: list[RuleRow]
) -> None:
    duties = set(missing_duties(declaration, purpose, rows))
    if declaration.parts and not declaration.machine_parts:
        kinds = {each.what for each in duties}
        shorter = dataclasses.replace(declaration, parts=declaration.parts[1:])
        lost = {each.what for each in missing_duties(shorter, purpose, rows)}
        assert len(lost) >= len({what for what in kinds if "within" not in what})
    if purpose is not Purpose.EMERGENCY:
        assert duties <= set(missing_duties(declaration, purpose, [*rows, *FEDERAL]))


class TestDocuments:
    TEXAS = RULES.rows_for(("US", "US-TX"), TODAY)

    def missing(self, *documents: Document, purpose: Purpose = Purpose.MARKETING) -> dict[str, bool]:
        found = missing_documents(Operator((), documents=documents), self.TEXAS, purpose, TODAY)
        return {f"{each.jurisdiction} {each.kind}": each.expired is not None for each in found}

    def test_sales_calls_to_texas_need_four(self) -> None:
        wanted = {"US policy", "US-TX registration", "US-TX bond", "US-TX permit"}
        assert set(self.missing()) == wanted
        assert self.missing(purpose=Purpose.HEALTH) == {}

    @pytest.mark.parametrize(("until", "counts"), [(None, True), (TODAY, True), (date(2026, 11, 19), False)])
    def test_one_that_has_ended_does_not_count(self, until: date | None, counts: bool) -> None:
        bond = Document(DocumentKind.BOND, "US-TX", "no. 7", until)
        assert self.missing(bond).get("US-TX bond") is (None if counts else True)

    def test_one_of_another_place_does_not_count(self) -> None:
        assert "US-TX bond" in self.missing(Document(DocumentKind.BOND, "US-OH", "no. 7"))
