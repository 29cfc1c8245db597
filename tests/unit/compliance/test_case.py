"""One question, with what is worked out of it once."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.compliance.test_checks import NOW, case, past

from dialer.contacts.contact import ConsentKind


def test_the_standing_of_consents_is_weighed_once() -> None:
    question = case()
    assert question.consent is question.consent
    assert question.consent.kind is ConsentKind.EXPRESS


def test_caps_are_counted_by_the_law_of_the_day_asked_about() -> None:
    oregon = case("+15035550123", history=(past(1), past(2), past(3)))
    assert [each.counted for each in oregon.caps_at(NOW) if each.cap.hours == 24] == [3]
    assert [each.counted for each in oregon.caps_at(NOW + timedelta(days=2)) if each.cap.hours == 24] == [0]
    assert not [each for each in oregon.caps_at(NOW - timedelta(days=365)) if each.cap.hours == 24], "not yet in force"
