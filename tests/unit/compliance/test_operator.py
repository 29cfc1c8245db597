"""What the operator has on file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from dialer.compliance.operator import Document, DocumentKind, Operator, Override
from dialer.compliance.policy import CallerIdRight

RIGHT = CallerIdRight("+13055550100", "owned")
OVERRIDE = Override("US-MI", "0123456789abcdef", "J. Doe", date(2026, 11, 1), "letter of counsel, folder 4")
DOCUMENT = Document(DocumentKind.REGISTRATION, "US-TX", "no. 20250117", date(2027, 1, 1))


def test_the_version_tells_any_change() -> None:
    operators = [
        Operator((RIGHT,)),
        Operator((replace(RIGHT, ground="assigned"),)),
        Operator((RIGHT,), (OVERRIDE,)),
        Operator((RIGHT,), (replace(OVERRIDE, advice="none"),)),
        Operator((RIGHT,), (), (DOCUMENT,)),
        Operator((RIGHT,), (), (replace(DOCUMENT, valid_until=None),)),
    ]
    assert len({each.version for each in operators}) == len(operators)


def test_the_version_is_the_same_for_the_same() -> None:
    assert Operator((RIGHT,), (OVERRIDE,), (DOCUMENT,)).version == Operator((RIGHT,), (OVERRIDE,), (DOCUMENT,)).version
