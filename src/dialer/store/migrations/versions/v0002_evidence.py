"""What the whole law asks for: complete consents, dealings, reassigned numbers, and what each decision rested on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"

ADDED = ("dealing", "reassigned", "basis_text")

TRIGGERS = (
    """
    CREATE TRIGGER internal_dnc_end_stays BEFORE UPDATE OF expires_at ON internal_dnc
    BEGIN SELECT RAISE(ABORT, 'a do-not-call entry is never changed'); END
    """,
    """
    CREATE TRIGGER attempt_basis_stays BEFORE UPDATE OF basis ON attempt
    BEGIN SELECT RAISE(ABORT, 'an attempt is never changed'); END
    """,
    *(
        f"""
    CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END
    """
        for table in ADDED
    ),
    *(
        f"""
    CREATE TRIGGER {table}_kept BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are never deleted'); END
    """
        for table in (*ADDED, "live_answers")
    ),
)


def upgrade() -> None:
    op.add_column("consent", sa.Column("expires_at", sa.BigInteger))
    op.add_column("consent", _text("signature"))
    op.add_column("consent", _flag("authorises_recorded"))
    op.add_column("consent", _flag("not_a_condition"))
    op.add_column("consent", _text("evidence"))
    op.add_column("internal_dnc", sa.Column("expires_at", sa.BigInteger))
    op.add_column("revocation", _text("means"))
    op.add_column("revocation", _text("scope"))
    op.add_column("attempt", sa.Column("basis", sa.LargeBinary))
    op.add_column("refusal", sa.Column("basis", sa.LargeBinary))
    op.create_table(
        "dealing",
        _id(),
        _required("e164"),
        _required("kind"),
        _at("at"),
        _required("seller"),
        _required("source"),
        _at("recorded_at"),
        sa.CheckConstraint("kind IN ('purchase', 'inquiry')", name="kind_known"),
        sa.UniqueConstraint("e164", "kind", "at", "seller", "source"),
    )
    op.create_table(
        "reassigned",
        _id(),
        _required("e164"),
        _required("answer"),
        sa.Column("since", sa.Text, nullable=False),
        _at("asked_at"),
        _required("source"),
        sa.CheckConstraint("answer IN ('yes', 'no', 'no_data')", name="answer_known"),
        sa.UniqueConstraint("e164", "since", "asked_at", "source"),
    )
    op.create_table(
        "basis_text",
        sa.Column("digest", sa.Text, primary_key=True),
        _required("kind"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        _at("recorded_at"),
    )
    op.create_table(
        "live_answers",
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), primary_key=True),
        sa.Column("since", sa.BigInteger, primary_key=True),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("abandoned", sa.Integer, nullable=False),
        sa.CheckConstraint("abandoned BETWEEN 0 AND answered", name="abandoned_among_answered"),
    )
    for trigger in TRIGGERS:
        op.execute(trigger)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _required(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _flag(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False, server_default="0")


def _at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)
