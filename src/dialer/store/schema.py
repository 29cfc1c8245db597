"""The tables as they are now, for queries. How a file came to have them is in migrations/; a test holds the two equal.

What a constraint can say is said here; what it cannot (legal transitions, rows that never change) is said by the
triggers in the migrations.
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DealingKind, Reassigned
from dialer.contacts.contact import ConsentKind
from dialer.results.records import CampaignState, OrderKind, QueueState
from dialer.store.types import Flag, Utc

IN_HAND = "state IN ('claimed', 'dialing')"
"""The queue rows whose number is taken: a claim or an open attempt. Literal, so that the partial index is used."""

metadata = sa.MetaData()


class AttemptState(StrEnum):
    """An attempt is open from before its INVITE until its outcome is on disk."""

    OPEN = "open"  # -> ended
    ENDED = "ended"  # final; exactly one outcome row


def _one_of(column: str, values: type[StrEnum]) -> sa.CheckConstraint:
    words = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=f"{column}_known")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _later_text(name: str) -> sa.Column[str]:
    """A column that earlier rows have nothing in."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, Flag, nullable=False, server_default="0")


def _number() -> sa.Column[str]:
    return sa.Column("e164", sa.Text, nullable=False)


def _place() -> sa.Column[int]:
    """Of the place table; 0: not known, as of rows from before there was one."""
    return sa.Column("place_id", sa.Integer, nullable=False, server_default="0")


def _priority() -> sa.Column[int]:
    return sa.Column("priority", sa.Integer, nullable=False, server_default="5")


contact_list = sa.Table(
    "contact_list",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", Utc, nullable=False),
)

place = sa.Table(  # where people may be, as far as the law asks
    "place",
    metadata,
    _id(),
    sa.Column("key", sa.Text, nullable=False, unique=True),  # compliance.whereabouts.Place.key
)

contact = sa.Table(
    "contact",
    metadata,
    _id(),
    sa.Column("list_id", sa.ForeignKey("contact_list.id"), nullable=False),
    _number(),
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
    sa.Column("extra", sa.Text, nullable=False),  # JSON object of strings
    sa.Column("digest", sa.LargeBinary, nullable=False),  # of all the above: tells a changed row from an unchanged
    sa.Column("imported_at", Utc, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
    _place(),
    _priority(),
    sa.UniqueConstraint("list_id", "e164"),
    sa.Index("contact_by_number", "e164"),
)

consent = sa.Table(  # append-only
    "consent",
    metadata,
    _id(),
    _number(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("given_at", Utc, nullable=False),
    _text("source"),
    _text("text"),
    _text("seller"),
    sa.Column("recorded_at", Utc, nullable=False),
    sa.Column("expires_at", Utc),
    _later_text("signature"),
    _flag("authorises_recorded"),
    _flag("not_a_condition"),
    _later_text("evidence"),
    _one_of("kind", ConsentKind),
    sa.UniqueConstraint("e164", "kind", "given_at", "source", "text", "seller"),
)

revocation = sa.Table(  # append-only; ends every consent of its number given until then
    "revocation",
    metadata,
    _id(),
    _number(),
    sa.Column("revoked_at", Utc, nullable=False),
    _text("reason"),
    _text("source"),
    _later_text("means"),
    _later_text("scope"),
    sa.UniqueConstraint("e164", "revoked_at"),
)

dealing = sa.Table(  # append-only
    "dealing",
    metadata,
    _id(),
    _number(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
    _text("seller"),
    _text("source"),
    sa.Column("recorded_at", Utc, nullable=False),
    _one_of("kind", DealingKind),
    sa.UniqueConstraint("e164", "kind", "at", "seller", "source"),
)

reassigned = sa.Table(  # append-only: answers of the reassigned-numbers database
    "reassigned",
    metadata,
    _id(),
    _number(),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("since", sa.Text, nullable=False),  # ISO date
    sa.Column("asked_at", Utc, nullable=False),
    _text("source"),
    _one_of("answer", Reassigned),
    sa.UniqueConstraint("e164", "since", "asked_at", "source"),
)

internal_dnc = sa.Table(  # an entry leaves the list by being marked removed, with a reason; the row stays
    "internal_dnc",
    metadata,
    _id(),
    _number(),
    sa.Column("added_at", Utc, nullable=False),
    _text("reason"),
    _text("source"),
    sa.Column("removed_at", Utc),
    sa.Column("removed_reason", sa.Text),
    sa.Column("expires_at", Utc),
    sa.CheckConstraint(
        "(removed_at IS NULL) = (removed_reason IS NULL) AND coalesce(removed_reason, '-') <> ''",
        name="removed_with_reason",
    ),
    sa.Index("internal_dnc_number", "e164", unique=True, sqlite_where=sa.text("removed_at IS NULL")),
    sa.Index("internal_dnc_history", "e164"),
)

campaign = sa.Table(
    "campaign",
    metadata,
    _id(),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    _text("definition"),
    sa.Column("sha256", sa.Text, nullable=False),  # of the definition, hexadecimal
    _text("base_dir"),
    sa.Column("state", sa.Text, nullable=False),
    _text("pause_reason"),
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("changed_at", Utc, nullable=False),
    sa.Column("cps", sa.Float),  # instead of what the definition says
    sa.Column("channels", sa.Integer),
    _one_of("state", CampaignState),
)

campaign_list = sa.Table(
    "campaign_list",
    metadata,
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), primary_key=True),
    sa.Column("list_id", sa.ForeignKey("contact_list.id"), primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),  # a number on two lists is called as the first one has it
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("pid", sa.Integer, nullable=False),
    _text("host"),
    sa.Column("started_at", Utc, nullable=False),
    sa.Column("heartbeat_at", Utc, nullable=False),
    sa.Column("ended_at", Utc),
    # Every live run has the same value here, and it must be unique: one engine works on a store.
    sa.Column("live", sa.Integer, sa.Computed("CASE WHEN ended_at IS NULL THEN 1 END")),
    sa.UniqueConstraint("live"),
)

queue = sa.Table(
    "queue",
    metadata,
    _id(),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("contact_id", sa.ForeignKey("contact.id"), nullable=False),
    _number(),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", Utc, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),  # that may have rung
    _text("last_outcome"),
    _text("why_finished"),
    sa.Column("claimed_by", sa.ForeignKey("run.run_id")),
    _place(),
    _priority(),
    sa.Column("claimed_at", Utc),
    _one_of("state", QueueState),
    sa.CheckConstraint("attempts >= 0", name="attempts_counted"),
    sa.CheckConstraint("(state = 'finished') = (why_finished <> '')", name="finished_with_reason"),
    sa.CheckConstraint(f"({IN_HAND}) = (claimed_by IS NOT NULL)", name="in_hand_of_a_run"),
    sa.UniqueConstraint("campaign_id", "e164"),  # one person, one number, whatever the lists
    sa.Index("queue_due", "campaign_id", "state", "place_id", "due_at", "priority"),
    sa.Index("queue_in_hand", "e164", unique=True, sqlite_where=sa.text(IN_HAND)),
)

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("attempt_id", sa.Text, primary_key=True),
    sa.Column("queue_id", sa.ForeignKey("queue.id"), nullable=False),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("contact_id", sa.ForeignKey("contact.id"), nullable=False),
    _number(),
    _text("caller_id"),
    _text("rules_version"),
    _text("script_id"),
    sa.Column("permit", sa.Text, nullable=False),  # JSON of compliance.decision.Permit
    sa.Column("placed_at", Utc, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("basis", sa.LargeBinary),  # compliance.basis.Basis, from which the decision can be made again
    _one_of("state", AttemptState),
    sa.Index("attempt_by_number", "e164", "placed_at"),
    sa.Index("attempt_by_queue", "queue_id"),
    sa.Index("attempt_by_campaign", "campaign_id", "placed_at"),
    sa.Index("attempt_open_number", "e164", unique=True, sqlite_where=sa.text("state = 'open'")),
    sa.Index("attempt_open_contact", "contact_id", unique=True, sqlite_where=sa.text("state = 'open'")),
)

outcome = sa.Table(  # never changed
    "outcome",
    metadata,
    sa.Column("attempt_id", sa.ForeignKey("attempt.attempt_id"), primary_key=True),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("ended_at", Utc, nullable=False),
    sa.Column("answered_at", Utc),
    sa.Column("sip_code", sa.Integer, nullable=False),
    sa.Column("q850", sa.Integer),
    _text("answered_by"),
    sa.Column("heard_ms", sa.Integer, nullable=False),
    _text("key_value"),
    sa.Column("record", sa.Text, nullable=False),  # JSON of calls.plan.CallRecord: the whole account
    _one_of("outcome", Outcome),
    sa.Index("outcome_by_campaign", "campaign_id", "outcome"),
)

refusal = sa.Table(  # never changed
    "refusal",
    metadata,
    _id(),
    sa.Column("queue_id", sa.ForeignKey("queue.id"), nullable=False),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), nullable=False),
    _number(),
    sa.Column("decided_at", Utc, nullable=False),
    sa.Column("check_name", sa.Text, nullable=False),
    _text("reason"),
    _text("citation"),
    sa.Column("defer_until", Utc),
    sa.Column("refusal", sa.Text, nullable=False),  # JSON of compliance.decision.Refusal
    sa.Column("basis", sa.LargeBinary),
    sa.Index("refusal_by_campaign", "campaign_id", "check_name"),
    sa.Index("refusal_by_number", "e164", "decided_at"),
)

basis_text = sa.Table(  # append-only: what decisions refer to by its digest
    "basis_text",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # "rules", "operator", "policy"
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("recorded_at", Utc, nullable=False),
)

live_answers = sa.Table(  # calls that a person answered, per campaign and successive 30 days; counted with each outcome
    "live_answers",
    metadata,
    sa.Column("campaign_id", sa.ForeignKey("campaign.id"), primary_key=True),
    sa.Column("since", Utc, primary_key=True),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("abandoned", sa.Integer, nullable=False),
    sa.CheckConstraint("abandoned BETWEEN 0 AND answered", name="abandoned_among_answered"),
)

audit = sa.Table(  # append-only: results.audit.AuditEntry
    "audit",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("at", Utc, nullable=False),
    _text("who"),
    sa.Column("kind", sa.Text, nullable=False),
    _text("subject"),
    _text("body"),
    sa.Column("prev", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
)

suppressed = sa.Table(  # append-only: numbers whose people were erased, as keyed hashes
    "suppressed",
    metadata,
    sa.Column("mac", sa.LargeBinary, primary_key=True),
    sa.Column("since", Utc, nullable=False),
    _text("reason"),
)

orders = sa.Table(  # what operators want of the running engine, now
    "orders",
    metadata,
    _id(),
    sa.Column("at", Utc, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.ForeignKey("campaign.id")),
    sa.Column("taken_at", Utc),
    _one_of("kind", OrderKind),
    sa.Index("orders_open", "id", sqlite_where=sa.text("taken_at IS NULL")),
)

erasing = sa.Table(  # filled and emptied within one transaction: whose rows the triggers let go
    "erasing",
    metadata,
    sa.Column("e164", sa.Text, primary_key=True),
)
