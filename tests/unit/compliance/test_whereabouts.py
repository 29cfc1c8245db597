"""Places are few, told apart by what the law asks, and survive being kept as a text."""

from __future__ import annotations

import pytest

from dialer.compliance.whereabouts import Whereabouts
from dialer.contacts.contact import Contact, LineType, Number
from dialer.contacts.numbers import parse_number
from dialer.errors import ComplianceError


def a_contact(number: str, **more: object) -> Contact:
    read = parse_number(number, None)
    assert isinstance(read, Number)
    return Contact(number=read, **more)  # type: ignore[arg-type]


def test_people_of_one_area_have_one_place_whatever_their_number() -> None:
    found = Whereabouts()
    place = found.place(a_contact("+12125550100"))
    assert found.place(a_contact("+12125550199")) is place
    assert (place.jurisdictions, place.zones) == (("US", "US-NY"), ("America/New_York",))


def test_another_state_line_or_zone_is_another_place() -> None:
    found = Whereabouts()
    here = a_contact("+12125550100")
    others = [
        a_contact("+13055550100"),
        a_contact("+12125550100", line_type=LineType.LANDLINE),
        a_contact("+12125550100", time_zone="America/Chicago"),
        a_contact("+12125550100", state="FL"),
    ]
    assert len({found.place(each) for each in [here, *others]}) == 5


@pytest.mark.parametrize("number", ["+12125550100", "+18005550123", "+4722555012", "+18505550123", "+883510000000094"])
def test_a_key_leads_back_to_its_place(number: str) -> None:
    found = Whereabouts()
    place = found.place(a_contact(number))
    assert found.of_key(place.key) is place


def test_a_key_of_no_place_is_refused() -> None:
    with pytest.raises(ComplianceError):
        Whereabouts().of_key("US US-NY|America/New_York")
