"""The audit chain, and what erasure needs: rows that are being erased may go, and leave a keyed hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dialer.contacts.micros import from_micros
from dialer.results.audit import AuditKind
from dialer.store.audit import append

revision = "0003"
down_revision: str | None = "0002"

# Whose rows may be removed, and changed, while their number stands in ``erasing``.
BY_NUMBER = ("consent", "revocation", "internal_dnc", "refusal", "dealing", "reassigned", "attempt", "queue", "contact")

APPEND_ONLY = (
    """
    CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
    """,
    """
    CREATE TRIGGER audit_kept BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END
    """,
    """
    CREATE TRIGGER suppressed_unchanged BEFORE UPDATE ON suppressed
    BEGIN SELECT RAISE(ABORT, 'suppressed rows are never changed'); END
    """,
    """
    CREATE TRIGGER suppressed_kept BEFORE DELETE ON suppressed
    BEGIN SELECT RAISE(ABORT, 'suppressed rows are never deleted'); END
    """,
)

MAY_GO = """
    CREATE TRIGGER TABLE_kept BEFORE DELETE ON TABLE WHEN OLD.e164 NOT IN (SELECT e164 FROM erasing)
    BEGIN SELECT RAISE(ABORT, 'TABLE rows are never deleted'); END
    """


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        _required("who"),
        _required("kind"),
        _required("subject"),
        _required("body"),
        _required("prev"),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "suppressed",
        sa.Column("mac", sa.LargeBinary, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        _required("reason"),
    )
    op.create_table("erasing", sa.Column("e164", sa.Text, primary_key=True))
    for trigger in APPEND_ONLY:
        op.execute(trigger)
    _begin()
    for table in BY_NUMBER:
        op.execute(f"DROP TRIGGER {table}_kept")
        op.execute(MAY_GO.replace("TABLE", table))
    op.execute("DROP TRIGGER outcome_kept")
    op.execute(
        """
    CREATE TRIGGER outcome_kept BEFORE DELETE ON outcome WHEN NOT EXISTS (
        SELECT 1 FROM attempt JOIN erasing USING (e164) WHERE attempt.attempt_id = OLD.attempt_id)
    BEGIN SELECT RAISE(ABORT, 'outcome rows are never deleted'); END
    """
    )


def _begin() -> None:
    """The first entry: rows that are there already are counted, and not vouched for."""
    connection = op.get_bind()
    counts = {
        what: connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar()
        for what, name in (
            ("attempts", "attempt"), ("refusals", "refusal"), ("outcomes", "outcome"), ("texts", "basis_text")
        )
    }  # fmt: skip
    seconds = connection.execute(sa.text("SELECT CAST(strftime('%s', 'now') AS INTEGER)")).scalar()
    append(connection, from_micros(int(seconds or 0) * 1_000_000), AuditKind.BEGIN, "", **counts)


def _required(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
