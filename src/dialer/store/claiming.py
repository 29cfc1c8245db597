"""Which contacts wait where, and taking those that are due, however long the queue: by its index alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningUpdate

from dialer.contacts.micros import from_micros
from dialer.errors import EngineRunning, StoreError
from dialer.results.records import CampaignState, Claim, PlaceDue, QueueState
from dialer.store.glance import PLACES
from dialer.store.runs import SILENCE
from dialer.store.schema import IN_HAND, attempt, campaign, queue, run

_PLACES = sa.text(PLACES)


def places_due(connection: sa.Connection, campaign_id: int) -> list[PlaceDue]:
    """The places in which contacts of a campaign wait, each with the earliest time that one is due."""
    rows = connection.execute(_PLACES, {"of_campaign": campaign_id})
    return [PlaceDue(row.place_id, row.key or "", from_micros(row.due)) for row in rows]


def claim(
    connection: sa.Connection, run_id: str, campaign_id: int, places: Sequence[int], limit: int, now: datetime
) -> list[Claim]:
    """Take up to ``limit`` due contacts, of the first place first. Raises EngineRunning when the run is not live."""
    claims: list[Claim] = []
    for place_id in places:
        if len(claims) >= limit:
            break
        rows = connection.execute(
            _CLAIM,
            {
                "run_id": run_id,
                "of_campaign": campaign_id,
                "of_place": place_id,
                "how_many": limit - len(claims),
                "now": now,
                "at": now,
            },
        ).all()
        claims += [
            Claim(
                queue_id=row.id,
                campaign_id=campaign_id,
                contact_id=row.contact_id,
                e164=row.e164,
                attempts=row.attempts,
                run_id=run_id,
            )
            for row in sorted(rows, key=lambda row: (row.due_at, row.priority, row.id))
        ]
    if not claims and not _is_live(connection, run_id):
        raise superseded()
    return claims


def put_back(connection: sa.Connection, claims: Sequence[Claim], due_at: Sequence[datetime | None]) -> None:
    """Let claims wait until then, None: as before. Raises StoreError when one is no longer in hand."""
    rows = [
        {"claim": each.queue_id, "run_id": each.run_id, "due": due} for each, due in zip(claims, due_at, strict=True)
    ]
    if rows and connection.execute(_PUT_BACK, rows).rowcount != len(rows):
        raise StoreError("a contact is no longer in the hands of this run")


def dialed_since(connection: sa.Connection, since: datetime) -> list[tuple[str, datetime]]:
    """The numbers dialed from then on, and when, oldest first."""
    found: list[tuple[str, datetime]] = []
    for campaign_id in connection.scalars(sa.select(campaign.c.id)).all():
        query = sa.select(attempt.c.e164, attempt.c.placed_at).where(
            attempt.c.campaign_id == campaign_id, attempt.c.placed_at >= since
        )
        found += [(row.e164, row.placed_at) for row in connection.execute(query)]
    return sorted(found, key=lambda each: each[1])


def superseded() -> EngineRunning:
    """What a run is told whose store another one took."""
    return EngineRunning(
        f"this run said nothing for {SILENCE.seconds} seconds and another engine took the store over",
        hint="start again once the other has ended",
    )


def _is_live(connection: sa.Connection, run_id: str) -> bool:
    return connection.execute(_LIVE, {"run_id": run_id}).first() is not None


def _claim() -> ReturningUpdate[Any]:
    other = queue.alias("other")
    due = (
        sa.select(queue.c.id)
        .where(
            queue.c.campaign_id == sa.bindparam("of_campaign"),
            queue.c.state == QueueState.WAITING,
            queue.c.place_id == sa.bindparam("of_place"),
            queue.c.due_at <= sa.bindparam("now"),
            sa.exists().where(campaign.c.id == sa.bindparam("of_campaign"), campaign.c.state == CampaignState.RUNNING),
            sa.exists().where(run.c.run_id == sa.bindparam("run_id"), run.c.ended_at.is_(None)),
            ~sa.exists().where(other.c.e164 == queue.c.e164, sa.text(f"other.{IN_HAND}")),
        )
        .order_by(queue.c.due_at, queue.c.priority, queue.c.id)
        .limit(sa.bindparam("how_many"))
    )
    return (
        sa.update(queue)
        .where(queue.c.id.in_(due.correlate(None)))
        .values(state=QueueState.CLAIMED, claimed_by=sa.bindparam("run_id"), claimed_at=sa.bindparam("at"))
        .returning(queue.c.id, queue.c.contact_id, queue.c.e164, queue.c.attempts, queue.c.due_at, queue.c.priority)
    )


_CLAIM = _claim()
_LIVE = sa.select(run.c.run_id).where(run.c.run_id == sa.bindparam("run_id"), run.c.ended_at.is_(None))
_PUT_BACK = (
    sa.update(queue)
    .where(
        queue.c.id == sa.bindparam("claim"),
        queue.c.state == QueueState.CLAIMED,
        queue.c.claimed_by == sa.bindparam("run_id"),
    )
    .values(
        state=QueueState.WAITING,
        claimed_by=None,
        claimed_at=None,
        due_at=sa.func.coalesce(sa.bindparam("due", type_=queue.c.due_at.type), queue.c.due_at),
    )
)
