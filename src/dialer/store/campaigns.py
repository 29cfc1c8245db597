"""Campaigns as the operator handles them, and the queue that each one works through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.compliance.policy import Facts
from dialer.contacts.contact import Contact, Number
from dialer.errors import StoreError
from dialer.results.audit import AuditKind
from dialer.results.records import (
    CAMPAIGN_TRANSITIONS,
    CampaignRow,
    CampaignState,
    Claim,
    Overdue,
    PlaceDue,
    QueueState,
)
from dialer.store.audit import append
from dialer.store.contact_lists import list_ids, one_of_each_place
from dialer.store.database import Database
from dialer.store.facts import AskRegistries, contact_of, facts_of_stranger, no_registries, read_facts
from dialer.store.glance import CampaignProgress, Glance
from dialer.store.schema import campaign, campaign_list, contact, contact_list, queue


@dataclass(frozen=True, slots=True)
class CreatedCampaign:
    """A new campaign: how many numbers it will call, and how many contacts were left out as the same number again."""

    row: CampaignRow
    contacts: int
    duplicates: int


class Campaigns:
    """Every method raises StoreError when the store cannot be used."""

    def __init__(self, database: Database, ask: AskRegistries = no_registries) -> None:
        self._database = database
        self._ask = ask

    async def create(
        self, name: str, definition: str, base_dir: str, lists: Sequence[str], now: datetime
    ) -> CreatedCampaign:
        """Store a campaign and queue every number on its lists once, as the first list that has it says.

        Raises StoreError for a name that is taken or a list that does not exist; nothing is stored then.
        """

        def work(connection: sa.Connection) -> CreatedCampaign:
            if connection.execute(sa.select(campaign.c.id).where(campaign.c.name == name)).first():
                raise StoreError(
                    f"there already is a campaign called {name}", hint="give the new one a name of its own"
                )
            ids = list_ids(connection, lists)
            campaign_id = connection.execute(
                sa.insert(campaign)
                .values(
                    name=name,
                    definition=definition,
                    sha256=hashlib.sha256(definition.encode()).hexdigest(),
                    base_dir=base_dir,
                    state=CampaignState.CREATED,
                    pause_reason="",
                    created_at=now,
                    changed_at=now,
                )
                .returning(campaign.c.id)
            ).scalar_one()
            positions = [
                {"campaign_id": campaign_id, "list_id": list_id, "position": position}
                for position, list_id in enumerate(ids)
            ]
            if positions:
                connection.execute(sa.insert(campaign_list), positions)
            contacts = _fill_queue(connection, campaign_id, now)
            listed = connection.scalar(
                sa.select(sa.func.count()).select_from(contact).where(contact.c.list_id.in_(ids))
            )
            row = connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id)).one()
            append(connection, now, AuditKind.CAMPAIGN, name, after=row.state, sha256=row.sha256, lists=list(lists))
            return CreatedCampaign(row=row_of(row), contacts=contacts, duplicates=(listed or 0) - contacts)

        return await self._database.write(work)

    async def refresh(self, campaign_id: int, now: datetime) -> int:
        """Queue the contacts that came onto its lists since; return how many."""
        return await self._database.write(lambda connection: _fill_queue(connection, campaign_id, now))

    async def all(self) -> list[CampaignRow]:
        """Every campaign, oldest first."""
        return await self._database.read(lambda connection: looking(connection).campaigns())

    async def by_name(self, name: str) -> CampaignRow:
        """Raises StoreError, naming those there are, when there is none of this name."""
        return await self._database.read(lambda connection: looking(connection).campaign(name))

    async def lists_of(self, campaign_id: int) -> list[str]:
        """The names of its lists, in order."""
        query = (
            sa.select(contact_list.c.name)
            .join(campaign_list, campaign_list.c.list_id == contact_list.c.id)
            .where(campaign_list.c.campaign_id == campaign_id)
            .order_by(campaign_list.c.position)
        )
        return await self._database.read(lambda connection: list(connection.scalars(query)))

    async def set_state(self, campaign_id: int, state: CampaignState, now: datetime, *, reason: str = "") -> None:
        """Raises StoreError for a transition that CAMPAIGN_TRANSITIONS does not have; the same state again is none."""
        await self._database.write(lambda connection: move_campaign(connection, campaign_id, state, now, reason))

    async def progress(self, campaign_id: int) -> CampaignProgress:
        """Where it stands, counted on one snapshot."""
        return await self._database.read(lambda connection: looking(connection).progress(campaign_id))

    async def waiting(self, campaign_id: int) -> list[tuple[PlaceDue, int]]:
        """Where contacts wait, and how many in each place. Counts the queue: not for every step of an engine."""
        return await self._database.read(lambda connection: looking(connection).waiting(campaign_id))

    async def overdue(self, campaign_id: int, longest_call: timedelta, now: datetime) -> list[Overdue]:
        """Its contacts that have stood in one state past its deadline; none should."""
        return await self._database.read(lambda connection: looking(connection).overdue(campaign_id, longest_call, now))

    async def places(self, campaign_id: int) -> list[Contact]:
        """A contact of its lists for each place and kind of number in them."""

        def work(connection: sa.Connection) -> list[Contact]:
            lists = sa.select(campaign_list.c.list_id).where(campaign_list.c.campaign_id == campaign_id)
            return one_of_each_place(connection, list(connection.scalars(lists)))

        return await self._database.read(work)

    async def facts_for(self, campaign_id: int, number: Number, now: datetime) -> Facts:
        """What the gate would be told of a number in this campaign, were it dialed now.

        A number that the campaign has not queued is taken as any list has it, else as a number without a contact.
        """

        def work(connection: sa.Connection) -> Facts:
            queued = connection.execute(
                sa.select(queue).where(queue.c.campaign_id == campaign_id, queue.c.e164 == number.e164)
            ).first()
            if queued is not None:
                return read_facts(connection, [_claim_of(queued)], now, self._ask)[0]
            listed = connection.execute(
                sa.select(contact)
                .where(contact.c.e164 == number.e164)
                .order_by(contact.c.updated_at.desc(), contact.c.id.desc())
            ).first()
            known = Contact(number=number) if listed is None else contact_of(listed)
            return facts_of_stranger(connection, known, campaign_id, now, self._ask)

        return await self._database.read(work)


def row_of(row: sa.Row[Any]) -> CampaignRow:
    """A row of the campaign table."""
    return CampaignRow(
        id=row.id,
        name=row.name,
        state=CampaignState(row.state),
        definition=row.definition,
        base_dir=row.base_dir,
        pause_reason=row.pause_reason,
        cps=row.cps,
        channels=row.channels,
    )


def move_campaign(
    connection: sa.Connection, campaign_id: int, state: CampaignState, now: datetime, reason: str
) -> None:
    """Change a campaign's state and the reason for it. Raises StoreError for an illegal transition."""
    row = connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id)).first()
    if row is None:
        raise StoreError(f"there is no campaign with the number {campaign_id}")
    before = CampaignState(row.state)
    if state is not before and state not in CAMPAIGN_TRANSITIONS[before]:
        allowed = ", ".join(CAMPAIGN_TRANSITIONS[before])
        raise StoreError(
            f"campaign {row.name} is {before} and cannot become {state}",
            hint=f"from {before} it can become: {allowed}" if allowed else f"{before} is final",
        )
    connection.execute(
        sa.update(campaign).where(campaign.c.id == campaign_id).values(state=state, pause_reason=reason, changed_at=now)
    )
    append(connection, now, AuditKind.CAMPAIGN, row.name, before=before, after=state, reason=reason)


def looking(connection: sa.Connection) -> Glance:
    """The queries of those who only look, over a connection of ours."""
    return Glance(lambda query, values: connection.exec_driver_sql(query, values).all())


def _fill_queue(connection: sa.Connection, campaign_id: int, now: datetime) -> int:
    listed = (
        sa.select(
            campaign_list.c.campaign_id,
            contact.c.id,
            contact.c.e164,
            sa.literal(QueueState.WAITING.value),
            sa.literal(now, type_=queue.c.due_at.type),
            sa.literal(0),
            sa.literal(""),
            sa.literal(""),
            contact.c.place_id,
            contact.c.priority,
        )
        .join(campaign_list, campaign_list.c.list_id == contact.c.list_id)
        .where(campaign_list.c.campaign_id == campaign_id)
        .order_by(campaign_list.c.position, contact.c.id)
    )
    columns = (
        "campaign_id",
        "contact_id",
        "e164",
        "state",
        "due_at",
        "attempts",
        "last_outcome",
        "why_finished",
        "place_id",
        "priority",
    )
    query = insert(queue).from_select(columns, listed).on_conflict_do_nothing()
    return connection.execute(query).rowcount


def _claim_of(row: sa.Row[Any]) -> Claim:
    return Claim(
        queue_id=row.id,
        campaign_id=row.campaign_id,
        contact_id=row.contact_id,
        e164=row.e164,
        attempts=row.attempts,
    )
