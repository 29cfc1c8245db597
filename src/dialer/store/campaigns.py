"""Campaigns as the operator handles them, and the queue that each one works through."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.calls.outcome import Outcome
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
    QueueSummary,
)
from dialer.store.audit import append
from dialer.store.claiming import places_due
from dialer.store.contact_lists import list_ids, one_of_each_place
from dialer.store.database import Database
from dialer.store.facts import AskRegistries, contact_of, facts_of_stranger, no_registries, read_facts
from dialer.store.overdue import overdue
from dialer.store.schema import campaign, campaign_list, contact, contact_list, outcome, queue


@dataclass(frozen=True, slots=True)
class CreatedCampaign:
    """A new campaign: how many numbers it will call, and how many contacts were left out as the same number again."""

    row: CampaignRow
    contacts: int
    duplicates: int


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """Where a campaign stands; ``finished_because`` counts finished contacts by reason."""

    queue: QueueSummary
    outcomes: dict[Outcome, int]
    finished_because: dict[str, int]


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
        query = sa.select(campaign).order_by(campaign.c.id)
        return await self._database.read(lambda connection: [row_of(row) for row in connection.execute(query)])

    async def by_name(self, name: str) -> CampaignRow:
        """Raises StoreError, naming those there are, when there is none of this name."""

        def work(connection: sa.Connection) -> CampaignRow:
            row = connection.execute(sa.select(campaign).where(campaign.c.name == name)).first()
            if row is None:
                names = connection.scalars(sa.select(campaign.c.name).order_by(campaign.c.id.desc()).limit(10))
                there_are = ", ".join(names)
                raise StoreError(
                    f"there is no campaign called {name}",
                    hint=f"there are: {there_are}" if there_are else "`dialer campaign create` makes one",
                )
            return row_of(row)

        return await self._database.read(work)

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

        def work(connection: sa.Connection) -> CampaignProgress:
            because = (
                sa.select(queue.c.why_finished, sa.func.count().label("contacts"))
                .where(queue.c.campaign_id == campaign_id, queue.c.state == QueueState.FINISHED)
                .group_by(queue.c.why_finished)
            )
            return CampaignProgress(
                queue=queue_summary(connection, campaign_id),
                outcomes=outcome_counts(connection, campaign_id),
                finished_because={row.why_finished: row.contacts for row in connection.execute(because)},
            )

        return await self._database.read(work)

    async def waiting(self, campaign_id: int) -> list[tuple[PlaceDue, int]]:
        """Where contacts wait, and how many in each place. Counts the queue: not for every step of an engine."""

        def work(connection: sa.Connection) -> list[tuple[PlaceDue, int]]:
            query = (
                sa.select(queue.c.place_id, sa.func.count().label("contacts"))
                .where(queue.c.campaign_id == campaign_id, queue.c.state == QueueState.WAITING)
                .group_by(queue.c.place_id)
            )
            counts = {row.place_id: row.contacts for row in connection.execute(query)}
            return [(each, counts[each.place_id]) for each in places_due(connection, campaign_id)]

        return await self._database.read(work)

    async def overdue(self, campaign_id: int, longest_call: timedelta, now: datetime) -> list[Overdue]:
        """Its contacts that have stood in one state past its deadline; none should."""
        return await self._database.read(lambda connection: overdue(connection, campaign_id, longest_call, now))

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


def queue_summary(connection: sa.Connection, campaign_id: int) -> QueueSummary:
    """How many contacts stand where, and when the next waiting one is due."""
    query = (
        sa.select(queue.c.state, sa.func.count().label("contacts"), sa.func.min(queue.c.due_at).label("due"))
        .where(queue.c.campaign_id == campaign_id)
        .group_by(queue.c.state)
    )
    rows = {row.state: row for row in connection.execute(query)}
    counts = {state: rows[state].contacts if state in rows else 0 for state in QueueState}
    return QueueSummary(
        waiting=counts[QueueState.WAITING],
        claimed=counts[QueueState.CLAIMED],
        dialing=counts[QueueState.DIALING],
        finished=counts[QueueState.FINISHED],
        next_due=rows[QueueState.WAITING].due if QueueState.WAITING in rows else None,
    )


def outcome_counts(connection: sa.Connection, campaign_id: int) -> dict[Outcome, int]:
    """How many attempts ended how, most frequent first."""
    count = sa.func.count()
    query = (
        sa.select(outcome.c.outcome, count)
        .where(outcome.c.campaign_id == campaign_id)
        .group_by(outcome.c.outcome)
        .order_by(count.desc(), outcome.c.outcome)
    )
    return {Outcome(word): attempts for word, attempts in connection.execute(query)}


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
