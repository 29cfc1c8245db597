from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dialer.contacts.contact import Consent, Contact, Number, NumberKind
from dialer.contacts.plain import (
    CONSENT_FIELDS,
    FIELDS,
    contact_of_plain,
    plain_consent,
    plain_contact,
    plain_extra,
)

WORDS = st.text(max_size=5)
NUMBERS = st.builds(
    lambda digits, kind: Number(f"+1{digits}", "US", kind), st.integers(2 * 10**9), st.sampled_from(NumberKind)
)
DATES = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  the zone is given beside it
CONSENTS = st.builds(Consent, revoked_at=st.none(), given_at=DATES, expires_at=st.none() | DATES)
CONTACTS = st.builds(
    Contact,
    number=NUMBERS,
    consent=st.none() | CONSENTS,
    extra=st.dictionaries(WORDS, WORDS),
    priority=st.integers(1, 9),
)


@given(CONTACTS)
def test_a_contact_comes_back_as_it_went(contact: Contact) -> None:
    consent = plain_consent(contact.number.e164, contact.consent) if contact.consent else None
    assert contact_of_plain(plain_contact(contact), consent) == contact


@given(CONTACTS)
def test_plain_values_are_texts_and_numbers(contact: Contact) -> None:
    plain = plain_contact(contact)
    assert len(plain) == len(FIELDS) + 1
    assert {type(value) for value in plain} <= {str, int, type(None)}
    if contact.consent is not None:
        consent = plain_consent(contact.number.e164, contact.consent)
        assert len(consent) == len(CONSENT_FIELDS)
        assert {type(value) for value in consent} <= {str, int, type(None)}


@given(st.dictionaries(WORDS, WORDS))
def test_the_order_of_further_columns_does_not_matter(extra: dict[str, str]) -> None:
    assert plain_extra(extra) == plain_extra(dict(reversed(extra.items())))
