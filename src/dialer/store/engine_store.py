"""The store as the engine uses it: engine.ports.EngineStore."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from dialer.compliance.basis import BasisText
from dialer.compliance.policy import DncEntry, Facts
from dialer.errors import EngineRunning
from dialer.results.audit import AuditKind
from dialer.results.records import (
    CampaignRow,
    CampaignState,
    Claim,
    Decided,
    Ended,
    InterruptedAttempt,
    Order,
    PlaceDue,
    QueueState,
    QueueSummary,
)
from dialer.store.audit import append
from dialer.store.campaigns import looking, move_campaign, row_of
from dialer.store.claiming import claim, dialed_since, places_due, put_back, superseded
from dialer.store.database import Database
from dialer.store.facts import AskRegistries, no_registries, read_facts
from dialer.store.orders import mark_taken, open_orders
from dialer.store.permissions import add_dnc, note_dnc, revoke
from dialer.store.recording import keep_texts, record_decisions, record_outcomes
from dialer.store.runs import alive
from dialer.store.schema import IN_HAND, AttemptState, attempt, campaign, queue, run
from dialer.store.types import among

_CAMPAIGNS = sa.select(campaign).where(among(campaign.c.state, "states")).order_by(campaign.c.id)


class SqlEngineStore:
    """Every method raises StoreError when the store cannot be used; what it returns from writing is on disk."""

    def __init__(self, database: Database, ask: AskRegistries = no_registries) -> None:
        self._database = database
        self._ask = ask

    async def start_run(self, run_id: str, pid: int, now: datetime) -> None:
        """Take the store for this run. Raises EngineRunning while another one is alive."""

        def work(connection: sa.Connection) -> None:
            other = connection.execute(sa.select(run).where(run.c.ended_at.is_(None))).first()
            if other is not None and alive(other, now):
                raise EngineRunning(
                    f"another engine works on this store: process {other.pid} on {other.host}, "
                    f"since {other.started_at:%Y-%m-%d %H:%M:%S} UTC",
                    hint="one engine runs all started campaigns; stop it with Ctrl-C before you start another",
                )
            connection.execute(sa.update(run).where(run.c.ended_at.is_(None)).values(ended_at=now))
            connection.execute(
                sa.insert(run).values(
                    run_id=run_id, pid=pid, host=socket.gethostname(), started_at=now, heartbeat_at=now
                )
            )
            mark_taken(connection, None, now)
            append(connection, now, AuditKind.RUN, run_id, event="started", pid=pid, host=socket.gethostname())

        await self._database.write(work)

    async def heartbeat(self, run_id: str, now: datetime) -> None:
        """Say that the run is alive. Raises EngineRunning when it was taken for dead in the meantime."""

        def work(connection: sa.Connection) -> None:
            query = sa.update(run).where(run.c.run_id == run_id, run.c.ended_at.is_(None))
            if connection.execute(query.values(heartbeat_at=now)).rowcount == 0:
                raise superseded()

        await self._database.write(work)

    async def end_run(self, run_id: str, now: datetime) -> None:
        """Let the store go: claims that came to nothing are waiting again."""

        def work(connection: sa.Connection) -> None:
            _release(connection, queue.c.claimed_by == run_id)
            query = sa.update(run).where(run.c.run_id == run_id, run.c.ended_at.is_(None))
            if connection.execute(query.values(ended_at=now, heartbeat_at=now)).rowcount:
                append(connection, now, AuditKind.RUN, run_id, event="ended")

        await self._database.write(work)

    async def open_attempts(self) -> Sequence[InterruptedAttempt]:
        """Attempts without an outcome, oldest first: at start, those that a dead run left."""

        def work(connection: sa.Connection) -> list[InterruptedAttempt]:
            query = (
                sa.select(attempt, queue.c.attempts)
                .join(queue, queue.c.id == attempt.c.queue_id)
                .where(attempt.c.state == AttemptState.OPEN)
                .order_by(attempt.c.placed_at)
            )
            return [
                InterruptedAttempt(
                    attempt_id=row.attempt_id,
                    queue_id=row.queue_id,
                    campaign_id=row.campaign_id,
                    e164=row.e164,
                    attempts=row.attempts,
                    placed_at=row.placed_at,
                )
                for row in connection.execute(query)
            ]

        return await self._database.read(work)

    async def release_claims(self, run_id: str, now: datetime) -> int:
        """Put what other runs have claimed without opening an attempt back to waiting; return how many."""
        return await self._database.write(lambda connection: _release(connection, queue.c.claimed_by != run_id))

    async def campaigns(self, *states: CampaignState) -> Sequence[CampaignRow]:
        """The campaigns in these states, oldest first."""
        return await self._database.read(lambda connection: _campaigns(connection, states))

    async def set_campaign_state(
        self, campaign_id: int, state: CampaignState, now: datetime, *, reason: str = ""
    ) -> None:
        """Raises StoreError for a transition that CampaignState does not know; the same state again is none."""
        await self._database.write(lambda connection: move_campaign(connection, campaign_id, state, now, reason))

    async def places(self, campaign_id: int) -> Sequence[PlaceDue]:
        """The places in which contacts of a campaign wait, each with the earliest time that one is due."""
        return await self._database.read(lambda connection: places_due(connection, campaign_id))

    async def claim(
        self, run_id: str, campaign_id: int, places: Sequence[int], limit: int, now: datetime
    ) -> Sequence[Claim]:
        """Take up to ``limit`` due contacts of a running campaign: of the first place first, there the earliest due.

        A number with a claim or an open attempt in any campaign is left out. Raises EngineRunning when this run was
        taken for dead in the meantime.
        """
        return await self._database.write(lambda connection: claim(connection, run_id, campaign_id, places, limit, now))

    async def put_back(self, claims: Sequence[Claim], due_at: Sequence[datetime | None]) -> None:
        """Let claims wait until then, None: as before; nothing was decided about them."""
        await self._database.write(lambda connection: put_back(connection, claims, due_at))

    async def wanted(self) -> tuple[Sequence[Order], Sequence[CampaignRow]]:
        """What operators want, at one moment: orders not yet carried out, and running campaigns; oldest first.

        In one transaction, for a run asks four times a second.
        """
        return await self._database.read(
            lambda connection: (open_orders(connection), _campaigns(connection, [CampaignState.RUNNING]))
        )

    async def orders_taken(self, last: int, now: datetime) -> None:
        """Say that the orders up to this number have been carried out."""
        await self._database.write(lambda connection: mark_taken(connection, last, now))

    async def dialed_since(self, since: datetime) -> Sequence[tuple[str, datetime]]:
        """The numbers dialed from then on, by whichever campaign, and when."""
        return await self._database.read(lambda connection: dialed_since(connection, since))

    async def facts(self, claims: Sequence[Claim], now: datetime) -> Sequence[Facts]:
        """The facts for each claim, in order, read now."""
        return await self._database.read(lambda connection: read_facts(connection, claims, now, self._ask))

    async def keep_texts(self, texts: Sequence[BasisText], now: datetime) -> None:
        """Keep the texts that decisions refer to, each once."""
        await self._database.write(lambda connection: keep_texts(connection, texts, now))

    async def record_decisions(self, decided: Sequence[Decided]) -> None:
        """Make permits attempts and keep refusals, all or none. Raises StoreError when a claim is no longer ours."""
        await self._database.write(lambda connection: record_decisions(connection, decided))

    async def record_outcomes(self, ended: Sequence[Ended]) -> None:
        """Make outcomes durable, all or none.

        A second delivery of an outcome changes nothing; a different one for the same attempt, or one of an unknown
        attempt, raises StoreError.
        """
        await self._database.write(lambda connection: record_outcomes(connection, ended))

    async def add_opt_outs(self, entries: Sequence[DncEntry]) -> None:
        """Put numbers on the internal do-not-call list and revoke every consent given for them until then."""

        def work(connection: sa.Connection) -> None:
            if not entries:
                return
            add_dnc(connection, entries)
            revoke(connection, entries)
            note_dnc(connection, entries, "opted out")

        await self._database.write(work)

    async def queue_summary(self, campaign_id: int) -> QueueSummary:
        """How many contacts stand where, and when the next waiting one is due."""

        return await self._database.read(lambda connection: looking(connection).queue_summary(campaign_id))


def _campaigns(connection: sa.Connection, states: Sequence[CampaignState]) -> list[CampaignRow]:
    return [row_of(row) for row in connection.execute(_CAMPAIGNS, {"states": states})]


def _release(connection: sa.Connection, whose: sa.ColumnElement[bool]) -> int:
    # IN_HAND says no more, but has an index: else the whole queue is read
    query = sa.update(queue).where(sa.text(IN_HAND), queue.c.state == QueueState.CLAIMED, whose)
    return connection.execute(query.values(state=QueueState.WAITING, claimed_by=None, claimed_at=None)).rowcount
