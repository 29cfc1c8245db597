"""Steering a running engine from another shell: by the store, so that it works for whichever engine is there."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from dialer.results.audit import AuditKind
from dialer.results.records import CampaignState, OrderKind
from dialer.store.audit import append
from dialer.store.campaigns import move_campaign
from dialer.store.database import Database
from dialer.store.orders import give_order
from dialer.store.schema import campaign, orders, run


class Steering:
    """Each change leaves an order, and returns its number. Methods raise StoreError when the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def engine_runs(self) -> bool:
        """Whether an engine says that it works on this store."""
        query = sa.select(run.c.run_id).where(run.c.ended_at.is_(None))
        return await self._database.read(lambda connection: connection.execute(query).first() is not None)

    async def taken(self, order: int) -> bool:
        """Whether the engine has carried it out."""
        query = sa.select(orders.c.taken_at).where(orders.c.id == order)
        return await self._database.read(lambda connection: connection.scalar(query) is not None)

    async def move(
        self, campaign_id: int, state: CampaignState, now: datetime, *, reason: str = "", hang_up: bool = False
    ) -> int:
        """Change a campaign's state, and tell the engine. Raises StoreError for an illegal transition."""

        def work(connection: sa.Connection) -> int:
            move_campaign(connection, campaign_id, state, now, reason)
            return give_order(connection, OrderKind.HANG_UP if hang_up else OrderKind.LOOK, now, campaign_id)

        return await self._database.write(work)

    async def pace(self, campaign_id: int, cps: float | None, channels: int | None, now: datetime) -> int:
        """Give a campaign another pace than its file says; None leaves that part as it is."""

        def work(connection: sa.Connection) -> int:
            given = {key: value for key, value in (("cps", cps), ("channels", channels)) if value is not None}
            row = connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id)).one()
            connection.execute(sa.update(campaign).where(campaign.c.id == campaign_id).values(**given))
            append(connection, now, AuditKind.CAMPAIGN, row.name, event="pace", **given)
            return give_order(connection, OrderKind.LOOK, now, campaign_id)

        return await self._database.write(work)

    async def stop_all(self, kind: OrderKind, now: datetime, reason: str) -> tuple[int, list[str]]:
        """Pause every running campaign and end the run; return the order, and the names of the paused."""

        def work(connection: sa.Connection) -> tuple[int, list[str]]:
            query = sa.select(campaign).where(campaign.c.state == CampaignState.RUNNING).order_by(campaign.c.id)
            rows = connection.execute(query).all()
            for row in rows:
                move_campaign(connection, row.id, CampaignState.PAUSED, now, reason)
            append(connection, now, AuditKind.RUN, "", event=f"ordered to {kind}", reason=reason)
            return give_order(connection, kind, now), [row.name for row in rows]

        return await self._database.write(work)
