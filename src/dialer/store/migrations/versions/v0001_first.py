"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None

NOT_CHANGED = ("consent", "revocation", "outcome", "refusal", "campaign_list")
NOT_DELETED = (*NOT_CHANGED, "attempt", "internal_dnc", "campaign", "queue", "contact", "run")

TRIGGERS = (
    """
    CREATE TRIGGER campaign_begins BEFORE INSERT ON campaign WHEN NEW.state <> 'created'
    BEGIN SELECT RAISE(ABORT, 'a campaign begins as created'); END
    """,
    """
    CREATE TRIGGER campaign_moves BEFORE UPDATE OF state ON campaign
    WHEN NEW.state <> OLD.state AND NOT CASE OLD.state
        WHEN 'created' THEN NEW.state IN ('running', 'stopped')
        WHEN 'running' THEN NEW.state IN ('paused', 'stopped', 'done')
        WHEN 'paused' THEN NEW.state IN ('running', 'stopped')
        WHEN 'done' THEN NEW.state = 'running'
        ELSE 0 END
    BEGIN SELECT RAISE(ABORT, 'a campaign does not go from that state to this'); END
    """,
    """
    CREATE TRIGGER campaign_stays BEFORE UPDATE OF id, name, definition, sha256, created_at ON campaign
    BEGIN SELECT RAISE(ABORT, 'a campaign''s definition is never changed'); END
    """,
    """
    CREATE TRIGGER queue_begins BEFORE INSERT ON queue WHEN NEW.state <> 'waiting' OR NEW.attempts <> 0
    BEGIN SELECT RAISE(ABORT, 'a contact''s place in a queue begins as waiting'); END
    """,
    """
    CREATE TRIGGER queue_moves BEFORE UPDATE OF state ON queue
    WHEN NEW.state <> OLD.state AND NOT CASE OLD.state
        WHEN 'waiting' THEN NEW.state = 'claimed'
        WHEN 'claimed' THEN NEW.state IN ('dialing', 'waiting', 'finished')
        WHEN 'dialing' THEN NEW.state IN ('waiting', 'finished')
        ELSE 0 END
    BEGIN SELECT RAISE(ABORT, 'a contact''s place in a queue does not go from that state to this'); END
    """,
    """
    CREATE TRIGGER queue_waits_for_outcome BEFORE UPDATE OF state ON queue
    WHEN OLD.state = 'dialing' AND NEW.state <> 'dialing'
        AND EXISTS (SELECT 1 FROM attempt WHERE queue_id = OLD.id AND state = 'open')
    BEGIN SELECT RAISE(ABORT, 'a contact with an open attempt is dialing'); END
    """,
    """
    CREATE TRIGGER queue_stays BEFORE UPDATE OF id, campaign_id, contact_id, e164 ON queue
    BEGIN SELECT RAISE(ABORT, 'a place in a queue belongs to one contact and number'); END
    """,
    """
    CREATE TRIGGER attempt_begins BEFORE INSERT ON attempt
    WHEN NEW.state <> 'open' OR NOT EXISTS (
        SELECT 1 FROM queue WHERE id = NEW.queue_id AND campaign_id = NEW.campaign_id
            AND contact_id = NEW.contact_id AND e164 = NEW.e164 AND state = 'dialing')
    BEGIN SELECT RAISE(ABORT, 'an attempt begins as open, for a contact of the campaign that is dialing'); END
    """,
    """
    CREATE TRIGGER attempt_moves BEFORE UPDATE OF state ON attempt
    WHEN NEW.state <> OLD.state AND NOT (
        NEW.state = 'ended' AND EXISTS (SELECT 1 FROM outcome WHERE attempt_id = OLD.attempt_id))
    BEGIN SELECT RAISE(ABORT, 'an attempt ends once, with its outcome'); END
    """,
    """
    CREATE TRIGGER attempt_stays BEFORE UPDATE OF attempt_id, queue_id, campaign_id, contact_id, e164, caller_id,
        rules_version, script_id, permit, placed_at ON attempt
    BEGIN SELECT RAISE(ABORT, 'an attempt is never changed'); END
    """,
    """
    CREATE TRIGGER internal_dnc_stays BEFORE UPDATE OF id, e164, added_at, reason, source ON internal_dnc
    BEGIN SELECT RAISE(ABORT, 'a do-not-call entry is never changed'); END
    """,
    """
    CREATE TRIGGER internal_dnc_removed_once BEFORE UPDATE OF removed_at, removed_reason ON internal_dnc
    WHEN OLD.removed_at IS NOT NULL
    BEGIN SELECT RAISE(ABORT, 'a do-not-call entry is removed once'); END
    """,
    """
    CREATE TRIGGER contact_stays BEFORE UPDATE OF id, list_id, e164 ON contact
    BEGIN SELECT RAISE(ABORT, 'a contact keeps its list and number'); END
    """,
    *(
        f"""
    CREATE TRIGGER {table}_unchanged BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END
    """
        for table in NOT_CHANGED
    ),
    *(
        f"""
    CREATE TRIGGER {table}_kept BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} rows are never deleted'); END
    """
        for table in NOT_DELETED
    ),
)


def upgrade() -> None:
    _lists()
    _permissions()
    _campaigns()
    _attempts()
    for trigger in TRIGGERS:
        op.execute(trigger)


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _at(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _lists() -> None:
    op.create_table(
        "contact_list",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        _at("created_at"),
    )
    op.create_table(
        "contact",
        _id(),
        sa.Column("list_id", sa.Integer, sa.ForeignKey("contact_list.id"), nullable=False),
        _text("e164"),
        _text("region"),
        _text("kind"),
        _text("name"),
        sa.Column("time_zone", sa.Text),
        _text("postal_code"),
        _text("state"),
        _text("address"),
        _text("recipient"),
        _text("line_type"),
        _text("relationship"),
        _text("language"),
        _text("extra"),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        _at("imported_at"),
        _at("updated_at"),
        sa.UniqueConstraint("list_id", "e164"),
    )
    op.create_index("contact_by_number", "contact", ["e164"])


def _permissions() -> None:
    op.create_table(
        "consent",
        _id(),
        _text("e164"),
        _text("kind"),
        _at("given_at"),
        _text("source"),
        _text("text"),
        _text("seller"),
        _at("recorded_at"),
        sa.CheckConstraint("kind IN ('express', 'written')", name="kind_known"),
        sa.UniqueConstraint("e164", "kind", "given_at", "source", "text", "seller"),
    )
    op.create_table(
        "revocation",
        _id(),
        _text("e164"),
        _at("revoked_at"),
        _text("reason"),
        _text("source"),
        sa.UniqueConstraint("e164", "revoked_at"),
    )
    op.create_table(
        "internal_dnc",
        _id(),
        _text("e164"),
        _at("added_at"),
        _text("reason"),
        _text("source"),
        _at("removed_at", nullable=True),
        sa.Column("removed_reason", sa.Text),
        sa.CheckConstraint(
            "(removed_at IS NULL) = (removed_reason IS NULL) AND coalesce(removed_reason, '-') <> ''",
            name="removed_with_reason",
        ),
    )
    op.create_index(
        "internal_dnc_number",
        "internal_dnc",
        ["e164"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
    )
    op.create_index("internal_dnc_history", "internal_dnc", ["e164"])


def _campaigns() -> None:
    op.create_table(
        "campaign",
        _id(),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        _text("definition"),
        _text("sha256"),
        _text("base_dir"),
        _text("state"),
        _text("pause_reason"),
        _at("created_at"),
        _at("changed_at"),
        sa.CheckConstraint("state IN ('created', 'running', 'paused', 'stopped', 'done')", name="state_known"),
    )
    op.create_table(
        "campaign_list",
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), primary_key=True),
        sa.Column("list_id", sa.Integer, sa.ForeignKey("contact_list.id"), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_table(
        "run",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("pid", sa.Integer, nullable=False),
        _text("host"),
        _at("started_at"),
        _at("heartbeat_at"),
        _at("ended_at", nullable=True),
        sa.Column("live", sa.Integer, sa.Computed("CASE WHEN ended_at IS NULL THEN 1 END")),
        sa.UniqueConstraint("live"),
    )
    op.create_table(
        "queue",
        _id(),
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
        sa.Column("contact_id", sa.Integer, sa.ForeignKey("contact.id"), nullable=False),
        _text("e164"),
        _text("state"),
        _at("due_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        _text("last_outcome"),
        _text("why_finished"),
        sa.Column("claimed_by", sa.Text, sa.ForeignKey("run.run_id")),
        sa.CheckConstraint("state IN ('waiting', 'claimed', 'dialing', 'finished')", name="state_known"),
        sa.CheckConstraint("attempts >= 0", name="attempts_counted"),
        sa.CheckConstraint("(state = 'finished') = (why_finished <> '')", name="finished_with_reason"),
        sa.CheckConstraint("(state IN ('claimed', 'dialing')) = (claimed_by IS NOT NULL)", name="in_hand_of_a_run"),
        sa.UniqueConstraint("campaign_id", "e164"),
    )
    op.create_index("queue_due", "queue", ["campaign_id", "state", "due_at"])
    op.create_index(
        "queue_in_hand",
        "queue",
        ["e164"],
        unique=True,
        sqlite_where=sa.text("state IN ('claimed', 'dialing')"),
    )


def _attempts() -> None:
    op.create_table(
        "attempt",
        sa.Column("attempt_id", sa.Text, primary_key=True),
        sa.Column("queue_id", sa.Integer, sa.ForeignKey("queue.id"), nullable=False),
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
        sa.Column("contact_id", sa.Integer, sa.ForeignKey("contact.id"), nullable=False),
        _text("e164"),
        _text("caller_id"),
        _text("rules_version"),
        _text("script_id"),
        _text("permit"),
        _at("placed_at"),
        _text("state"),
        sa.CheckConstraint("state IN ('open', 'ended')", name="state_known"),
    )
    op.create_index("attempt_by_number", "attempt", ["e164", "placed_at"])
    op.create_index("attempt_by_queue", "attempt", ["queue_id"])
    op.create_index("attempt_by_campaign", "attempt", ["campaign_id", "placed_at"])
    for name, column in (("attempt_open_number", "e164"), ("attempt_open_contact", "contact_id")):
        op.create_index(name, "attempt", [column], unique=True, sqlite_where=sa.text("state = 'open'"))
    op.create_table(
        "outcome",
        sa.Column("attempt_id", sa.Text, sa.ForeignKey("attempt.attempt_id"), primary_key=True),
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
        _text("outcome"),
        _at("ended_at"),
        _at("answered_at", nullable=True),
        sa.Column("sip_code", sa.Integer, nullable=False),
        sa.Column("q850", sa.Integer),
        _text("answered_by"),
        sa.Column("heard_ms", sa.Integer, nullable=False),
        _text("key_value"),
        _text("record"),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'responded', 'heard', 'hung_up', 'opted_out', 'abuse', 'voicemail_left', "
            "'machine', 'busy', 'no_answer', 'rejected', 'network_blocked', 'invalid_number', 'congestion', "
            "'trunk_failure', 'canceled', 'interrupted', 'failed', 'not_dialed')",
            name="outcome_known",
        ),
    )
    op.create_index("outcome_by_campaign", "outcome", ["campaign_id", "outcome"])
    op.create_table(
        "refusal",
        _id(),
        sa.Column("queue_id", sa.Integer, sa.ForeignKey("queue.id"), nullable=False),
        sa.Column("campaign_id", sa.Integer, sa.ForeignKey("campaign.id"), nullable=False),
        _text("e164"),
        _at("decided_at"),
        _text("check_name"),
        _text("reason"),
        _text("citation"),
        _at("defer_until", nullable=True),
        _text("refusal"),
    )
    op.create_index("refusal_by_campaign", "refusal", ["campaign_id", "check_name"])
    op.create_index("refusal_by_number", "refusal", ["e164", "decided_at"])
