"""Contacts as plain values: of a million rows, to make a Contact of each would take as long as to read them.

A plain contact has the values of FIELDS and the priority, a plain consent those of CONSENT_FIELDS: texts and numbers
alone, dates in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import msgspec

from dialer.contacts.contact import (
    Consent,
    ConsentKind,
    Contact,
    LineType,
    Number,
    NumberKind,
    Recipient,
    Relationship,
)
from dialer.contacts.micros import from_micros, to_micros

PlainContact = tuple[Any, ...]
PlainConsent = tuple[Any, ...]

FIELDS = (  # in this order they are what a contact's digest is of
    "e164", "region", "kind", "name", "time_zone", "postal_code", "state", "address", "recipient", "line_type",
    "relationship", "language", "extra",
)  # fmt: skip
CONSENT_FIELDS = (
    "e164", "kind", "given_at", "source", "text", "seller", "expires_at", "signature", "authorises_recorded",
    "not_a_condition", "evidence",
)  # fmt: skip

PART = 2000
"""Contacts that go through an import at once."""

_json = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class PlainPart:
    """Some contacts of an import, and their consents. No number stands twice in the parts of one import."""

    contacts: list[PlainContact]
    consents: list[PlainConsent]


def plain_part(contacts: Iterable[Contact]) -> PlainPart:
    """A part of these contacts."""
    part = PlainPart([], [])
    for each in contacts:
        part.contacts.append(plain_contact(each))
        if each.consent is not None:
            part.consents.append(plain_consent(each.number.e164, each.consent))
    return part


def plain_contact(each: Contact) -> PlainContact:
    """The contact, less its consent."""
    number = each.number
    return (
        number.e164,
        number.region,
        number.kind.value,
        each.name,
        each.time_zone,
        each.postal_code,
        each.state,
        each.address,
        each.recipient.value,
        each.line_type.value,
        each.relationship.value,
        each.language,
        plain_extra({**each.extra}),
        each.priority,
    )


def plain_consent(e164: str, given: Consent) -> PlainConsent:
    """A consent that this number's owner gave."""
    return (
        e164,
        given.kind.value,
        to_micros(given.given_at),
        given.source,
        given.text,
        given.seller,
        to_micros(given.expires_at) if given.expires_at else None,
        given.signature,
        int(given.authorises_recorded),
        int(given.not_a_condition),
        given.evidence,
    )


def plain_extra(extra: dict[str, str]) -> str:
    """The further columns as a JSON object, in the order of their names."""
    return _json(extra).decode()


def contact_of_plain(contact: PlainContact, consent: PlainConsent | None) -> Contact:
    """The contact that these are of."""
    (
        e164, region, kind, name, time_zone, postal_code, state, address, recipient, line_type, relationship, language,
        extra, priority,
    ) = contact  # fmt: skip
    return Contact(
        Number(e164, region, NumberKind(kind)),
        name,
        time_zone,
        postal_code,
        state,
        address,
        Recipient(recipient),
        LineType(line_type),
        Relationship(relationship),
        language,
        None if consent is None else _consent_of(consent),
        priority,
        MappingProxyType(msgspec.json.decode(extra, type=dict[str, str])),
    )


def _consent_of(plain: PlainConsent) -> Consent:
    _, kind, given_at, source, text, seller, expires_at, signature, recorded, free, evidence = plain
    return Consent(
        kind=ConsentKind(kind),
        given_at=from_micros(given_at),
        source=source,
        text=text,
        seller=seller,
        expires_at=None if expires_at is None else from_micros(expires_at),
        signature=signature,
        authorises_recorded=bool(recorded),
        not_a_condition=bool(free),
        evidence=evidence,
    )
