"""What the operator's commands may rely on, whatever the store.

A store is tested by a class that inherits this and gives a ``store`` fixture.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from tests.contract.store_values import (
    DAY,
    MINUTE,
    NOW,
    RUN,
    a_campaign,
    a_consent,
    a_contact,
    a_run,
    e164,
    ended,
    permitted,
    refused,
    take_due,
)

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.contacts.contact import Contact, LineType, Number, NumberKind, Recipient, Relationship
from dialer.errors import ContactsError, StoreError
from dialer.results.records import CampaignState, QueueSummary
from dialer.results.summary import RefusalCount
from dialer.store.importing import ImportCounts
from dialer.store.open import Store


class OperatorContract:
    # --- lists ---------------------------------------------------------------------------------------------------

    async def test_a_contact_comes_back_as_it_was_imported(self, store: Store) -> None:
        contact = Contact(
            number=Number("+48225550111", "PL", NumberKind.FIXED),
            name="Grzegorz Brzęczyszczykiewicz",
            time_zone="Europe/Warsaw",
            postal_code="00-001",
            state="14",
            address="ul. Długa 1",
            recipient=Recipient.BUSINESS,
            line_type=LineType.LANDLINE,
            relationship=Relationship.CUSTOMER,
            language="pl",
            extra={"wizyta": "jutro 9:30", "الاسم": "محمد", "имя": "Анна"},
        )
        await store.lists.import_contacts("klienci", [contact], NOW)
        assert await store.lists.contacts("klienci") == [contact]
        assert await store.lists.of_number("+48225550111") == [("klienci", contact)]

    async def test_importing_again_changes_only_what_differs(self, store: Store) -> None:
        first = [a_contact(index) for index in range(5)]
        assert await store.lists.import_contacts("patients", first, NOW) == ImportCounts(5, 0, 0, 0, 0)
        assert await store.lists.import_contacts("patients", first, NOW) == ImportCounts(0, 0, 5, 0, 0)

        changed = [*first[1:4], dataclasses.replace(first[0], language="es"), a_contact(9)]
        assert await store.lists.import_contacts("patients", changed, NOW) == ImportCounts(1, 1, 3, 0, 0)
        contacts = await store.lists.contacts("patients")
        assert [contact.number.e164 for contact in contacts] == [e164(index) for index in (0, 1, 2, 3, 4, 9)]
        assert contacts[0].language == "es"

    async def test_one_number_is_one_contact_of_a_list(self, store: Store) -> None:
        twice = [a_contact(1, name="first"), a_contact(2), a_contact(1, name="second")]
        assert await store.lists.import_contacts("patients", twice, NOW) == ImportCounts(2, 0, 0, 0, 0)
        assert [contact.name for contact in await store.lists.contacts("patients")] == ["first", "Person 2"]

    async def test_numbers_on_other_lists_are_counted(self, store: Store) -> None:
        await store.lists.import_contacts("a", [a_contact(index) for index in range(4)], NOW)
        counts = await store.lists.import_contacts("b", [a_contact(index) for index in range(2, 6)], NOW)
        assert (counts.new, counts.on_other_lists) == (4, 2)
        assert [(row.name, row.contacts) for row in await store.lists.all()] == [("a", 4), ("b", 4)]
        assert [name for name, _ in await store.lists.of_number(e164(2))] == ["a", "b"]

    async def test_an_import_that_breaks_off_leaves_nothing(self, store: Store) -> None:
        def breaks_off() -> Iterator[Contact]:
            for index in range(2500):
                yield a_contact(index, consent=a_consent())
            raise ContactsError("the file ends in the middle of a character")

        with pytest.raises(ContactsError):
            await store.lists.import_contacts("patients", breaks_off(), NOW)
        assert await store.lists.all() == []
        assert await store.consents.of(e164(0)) == ()
        assert await store.lists.import_contacts("patients", [a_contact(7)], NOW) == ImportCounts(1, 0, 0, 0, 0)

    async def test_progress_is_told(self, store: Store) -> None:
        told: list[int] = []
        contacts = [a_contact(index) for index in range(2500)]
        await store.lists.import_contacts("patients", contacts, NOW, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 2500

    async def test_an_empty_list_is_a_list(self, store: Store) -> None:
        assert await store.lists.import_contacts("nobody", [], NOW) == ImportCounts(0, 0, 0, 0, 0)
        assert await store.lists.contacts("nobody") == []

    async def test_an_unknown_list_is_named_with_those_there_are(self, store: Store) -> None:
        await store.lists.import_contacts("patients", [], NOW)
        with pytest.raises(StoreError, match="no list called patient") as error:
            await store.lists.contacts("patient")
        assert "patients" in error.value.hint

    # --- consent -------------------------------------------------------------------------------------------------

    async def test_imported_consents_are_on_file_once(self, store: Store) -> None:
        contacts = [a_contact(0, consent=a_consent()), a_contact(1)]
        assert (await store.lists.import_contacts("a", contacts, NOW)).consents == 1
        assert (await store.lists.import_contacts("b", contacts, NOW)).consents == 0
        assert await store.consents.of(e164(0)) == (a_consent(),)
        assert (await store.lists.contacts("a"))[0].consent is None, "consents are facts of the number"

    async def test_importing_again_does_not_bring_a_revoked_consent_back(self, store: Store) -> None:
        contacts = [a_contact(0, consent=a_consent())]
        await store.lists.import_contacts("a", contacts, NOW)
        assert await store.consents.revoke(e164(0), "asked by e-mail", "Jo", NOW) == 1
        await store.lists.import_contacts("a", contacts, NOW + DAY)
        earlier = a_contact(0, consent=a_consent(NOW - 5 * DAY, "an older form"))
        await store.lists.import_contacts("b", [earlier], NOW + DAY)

        assert [consent.revoked_at for consent in await store.consents.of(e164(0))] == [NOW, NOW]
        assert await store.consents.revoke(e164(0), "again", "Jo", NOW + DAY) == 0

    async def test_a_consent_given_after_a_revocation_stands(self, store: Store) -> None:
        await store.consents.revoke(e164(0), "asked by e-mail", "Jo", NOW)
        assert await store.consents.add(e164(0), a_consent(NOW + MINUTE), NOW + DAY)
        assert not await store.consents.add(e164(0), a_consent(NOW + MINUTE), NOW + 2 * DAY)
        assert [consent.revoked_at for consent in await store.consents.of(e164(0))] == [None]

    # --- do not call ---------------------------------------------------------------------------------------------

    async def test_a_removed_number_keeps_its_history(self, store: Store) -> None:
        entry = DncEntry(e164(0), NOW, "asked in writing", "letter 12")
        assert await store.dnc.add([entry, entry, DncEntry(e164(1), NOW, "asked", "Jo")]) == 2
        assert await store.dnc.add([entry]) == 0
        assert await store.dnc.check(e164(0)) == entry

        assert await store.dnc.remove(e164(0), "wrote again and wants calls", NOW + DAY)
        assert not await store.dnc.remove(e164(0), "twice", NOW + DAY)
        assert await store.dnc.check(e164(0)) is None
        again = dataclasses.replace(entry, added_at=NOW + 2 * DAY)
        assert await store.dnc.add([again]) == 1
        stays = await store.dnc.history(e164(0))
        assert [(stay.entry, stay.removed_at, stay.removed_reason) for stay in stays] == [
            (entry, NOW + DAY, "wrote again and wants calls"),
            (again, None, ""),
        ]
        assert [each.e164 for each in await store.dnc.entries()] == [e164(0), e164(1)]
        assert await store.dnc.count() == 2

    async def test_nothing_is_removed_without_a_reason(self, store: Store) -> None:
        entry = DncEntry(e164(0), NOW, "asked in writing", "letter 12")
        await store.dnc.add([entry])
        with pytest.raises(StoreError):
            await store.dnc.remove(e164(0), "  ", NOW)
        assert await store.dnc.check(e164(0)) == entry

    # --- campaigns -----------------------------------------------------------------------------------------------

    async def test_a_number_on_two_lists_is_queued_once_as_the_first_has_it(self, store: Store) -> None:
        await store.lists.import_contacts("b", [a_contact(0, name="from b"), a_contact(1)], NOW)
        await store.lists.import_contacts("a", [a_contact(0, name="from a"), a_contact(2)], NOW)
        created = await store.campaigns.create("both", "text", "/srv", ["a", "b", "a"], NOW)

        assert (created.contacts, created.duplicates) == (3, 1)
        assert created.row.state is CampaignState.CREATED
        assert await store.campaigns.lists_of(created.row.id) == ["a", "b"]
        facts = await store.campaigns.facts_for(created.row.id, a_contact(0).number, NOW)
        assert facts.contact.name == "from a"

    async def test_contacts_added_later_are_queued_on_refresh(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=2)
        await store.lists.import_contacts("patients", [a_contact(index) for index in range(4)], NOW)
        assert await store.campaigns.refresh(campaign_id, NOW) == 2
        assert await store.campaigns.refresh(campaign_id, NOW) == 0
        assert len(await take_due(store, RUN, campaign_id, 10, NOW)) == 4

    async def test_a_name_is_taken_once(self, store: Store) -> None:
        await a_run(store)
        with pytest.raises(StoreError, match="already is a campaign called reminders"):
            await a_campaign(store)
        assert len(await store.campaigns.all()) == 1

    async def test_a_campaign_over_an_unknown_list_is_not_stored(self, store: Store) -> None:
        with pytest.raises(StoreError, match="no list called patients"):
            await a_campaign(store)
        assert await store.campaigns.all() == []

    async def test_a_campaign_is_found_by_name(self, store: Store) -> None:
        campaign_id = await a_run(store)
        assert (await store.campaigns.by_name("reminders")).id == campaign_id
        with pytest.raises(StoreError, match="no campaign called remind") as error:
            await store.campaigns.by_name("remind")
        assert "reminders" in error.value.hint

    async def test_facts_for_a_number_that_is_not_queued(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=1)
        await store.lists.import_contacts("others", [a_contact(5, name="of others")], NOW)
        await store.dnc.add([DncEntry(e164(6), NOW, "asked", "Jo")])

        listed = await store.campaigns.facts_for(campaign_id, a_contact(5).number, NOW)
        assert listed.contact.name == "of others"
        stranger = await store.campaigns.facts_for(campaign_id, a_contact(6).number, NOW)
        assert stranger.contact == Contact(number=a_contact(6).number)
        assert stranger.internal_dnc is not None

    # --- reports -------------------------------------------------------------------------------------------------

    async def test_progress_counts_what_became_of_the_contacts(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=5)
        claims = await take_due(store, RUN, campaign_id, 4, NOW)
        permits = [permitted(claim) for claim in claims[:3]]
        await store.engine.record_decisions([*permits, refused(claims[3])])
        await store.engine.record_outcomes(
            [ended(permits[0]), ended(permits[1]), ended(permits[2], Outcome.BUSY, due_at=NOW + DAY)]
        )
        progress = await store.campaigns.progress(campaign_id)
        assert progress.queue == QueueSummary(2, 0, 0, 3, NOW)
        assert progress.outcomes == {Outcome.HEARD: 2, Outcome.BUSY: 1}
        assert progress.finished_because == {"reached": 2, "refused": 1}

    async def test_refusals_are_counted_by_contact(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        claims = await take_due(store, RUN, campaign_id, 3, NOW)
        await store.engine.record_decisions(
            [refused(claims[0]), refused(claims[1], NOW + MINUTE), refused(claims[2], NOW + DAY)]
        )
        (claim,) = await take_due(store, RUN, campaign_id, 1, NOW + MINUTE)
        await store.engine.record_decisions([refused(claim, NOW + DAY)])

        reason = "the calling window is closed"
        citation = "47 CFR 64.1200(c)(1)"
        assert await store.reports.refusal_counts(campaign_id) == [
            RefusalCount("calling_window", reason, citation, True, 2, NOW + MINUTE),
            RefusalCount("calling_window", reason, citation, False, 1, None),
        ]

    async def test_attempts_are_found_by_campaign_and_by_number(self, store: Store) -> None:
        campaign_id = await a_run(store, contacts=3)
        decided = [
            permitted(claim, at=NOW + index * MINUTE)
            for index, claim in enumerate(await take_due(store, RUN, campaign_id, 3, NOW))
        ]
        await store.engine.record_decisions(decided)
        outcome = ended(decided[1])
        await store.engine.record_outcomes([outcome])

        rows = [row async for row in store.reports.attempts(campaign_id=campaign_id)]
        assert [row.attempt_id for row in rows] == [each.attempt_id for each in decided]
        assert [row.record for row in rows] == [None, outcome.record, None]
        assert (rows[1].name, rows[1].number, rows[1].campaign) == ("Person 1", e164(1), "reminders")
        newest = [row.number async for row in store.reports.attempts(newest=2)]
        assert newest == [e164(2), e164(1)]
        assert [row.attempt_id async for row in store.reports.attempts(number=e164(1))] == [decided[1].attempt_id]
        assert [row async for row in store.reports.attempts(campaign_id=campaign_id + 1)] == []
        assert await store.reports.attempt("unknown") is None
