"""Where the contacts of each campaign stand now, as a gauge wants it: one look at one index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dialer.results.records import CampaignState, QueueState
from dialer.store.schema import campaign, queue


@dataclass(frozen=True, slots=True)
class QueueStanding:
    """The contacts of one campaign, each counted once."""

    campaign: str
    due: int  # may be claimed now
    deferred: int  # waiting for a time to come
    in_hand: int  # claimed, or with an open attempt
    finished: int


def queue_standing(connection: sa.Connection, now: datetime) -> list[QueueStanding]:
    """Of every campaign that is running or paused; those that are over change no more."""
    due = sa.func.sum(sa.case((queue.c.due_at <= now, 1), else_=0)).label("due")
    count = sa.select(queue.c.state, sa.func.count().label("contacts"), due).group_by(queue.c.state)
    watched = campaign.c.state.in_([CampaignState.RUNNING, CampaignState.PAUSED])
    standing = []
    for row in connection.execute(sa.select(campaign.c.id, campaign.c.name).where(watched)).all():
        counts = {each.state: each for each in connection.execute(count.where(queue.c.campaign_id == row.id))}
        contacts = {state: counts[state].contacts if state in counts else 0 for state in QueueState}
        ready = counts[QueueState.WAITING].due if QueueState.WAITING in counts else 0
        standing.append(
            QueueStanding(
                campaign=row.name,
                due=ready,
                deferred=contacts[QueueState.WAITING] - ready,
                in_hand=contacts[QueueState.CLAIMED] + contacts[QueueState.DIALING],
                finished=contacts[QueueState.FINISHED],
            )
        )
    return standing
