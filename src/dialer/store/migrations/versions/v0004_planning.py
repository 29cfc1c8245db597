"""Planning by place, priorities, live changes of pace, and orders to a running engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"


def upgrade() -> None:
    op.create_table(
        "place",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
    )
    for table in ("contact", "queue"):
        op.add_column(table, sa.Column("place_id", sa.Integer, nullable=False, server_default="0"))
        op.add_column(table, sa.Column("priority", sa.Integer, nullable=False, server_default="5"))
    op.add_column("queue", sa.Column("claimed_at", sa.BigInteger))
    op.drop_index("queue_due", "queue")
    op.create_index("queue_due", "queue", ["campaign_id", "state", "place_id", "due_at", "priority"])
    op.add_column("campaign", sa.Column("cps", sa.Float))
    op.add_column("campaign", sa.Column("channels", sa.Integer))
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id")),
        sa.Column("taken_at", sa.BigInteger),
        sa.CheckConstraint("kind IN ('look', 'hang_up', 'drain', 'stop')", name="kind_known"),
    )
    op.create_index("orders_open", "orders", ["id"], sqlite_where=sa.text("taken_at IS NULL"))
