"""Orders to the running engine: an operator leaves one, the engine takes it, and the operator sees that it did."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from dialer.results.records import Order, OrderKind
from dialer.store.schema import orders

_OPEN = sa.select(orders).where(sa.text("taken_at IS NULL")).order_by(orders.c.id)


def give_order(connection: sa.Connection, kind: OrderKind, now: datetime, campaign_id: int | None = None) -> int:
    """Leave an order, in the transaction that makes true what it is about; return its number."""
    query = sa.insert(orders).values(kind=kind, at=now, campaign_id=campaign_id).returning(orders.c.id)
    return int(connection.execute(query).scalar_one())


def open_orders(connection: sa.Connection) -> list[Order]:
    """Those not taken yet, oldest first."""
    return [Order(row.id, OrderKind(row.kind), row.campaign_id) for row in connection.execute(_OPEN)]


def mark_taken(connection: sa.Connection, last: int | None, now: datetime) -> None:
    """The orders up to this one have been carried out; None: all that there are, for they were to an earlier engine."""
    query = sa.update(orders).where(sa.text("taken_at IS NULL"))
    connection.execute((query if last is None else query.where(orders.c.id <= last)).values(taken_at=now))
