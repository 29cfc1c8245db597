"""A contact says nothing that nobody told it: unknown is unknown, and cold is cold."""

from __future__ import annotations

import pytest

from dialer.contacts.contact import Contact, LineType, Number, NumberKind, Recipient, Relationship


def test_a_bare_contact_is_the_most_careful_one() -> None:
    contact = Contact(Number("+13055550123", "US", NumberKind.FIXED_OR_MOBILE))
    assert contact.recipient is Recipient.UNKNOWN
    assert contact.line_type is LineType.UNKNOWN
    assert contact.relationship is Relationship.COLD
    assert contact.consent is None
    assert contact.time_zone is None


def test_a_contact_does_not_change() -> None:
    contact = Contact(Number("+13055550123", "US", NumberKind.FIXED_OR_MOBILE))
    with pytest.raises(AttributeError):
        contact.name = "somebody else"  # type: ignore[misc]  # what is tested
    with pytest.raises(TypeError):
        contact.extra["x"] = "y"  # type: ignore[index]  # what is tested
