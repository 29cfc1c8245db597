"""What a restored store must not forget: taken from the store it replaces, attached as ``old``.

What binds by law comes over: the do-not-call list, revocations, suppressed and reassigned numbers, and every attempt
with its outcome, for caps and gaps count them. What permits calls (consents, dealings, new lists) does not: an older
state may call fewer people, never more.
"""

# ruff: noqa: S608  statements are made of words of this file alone

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from dialer.contacts.micros import to_micros
from dialer.results.audit import AuditHead, AuditKind
from dialer.store.audit import BATCH, append, vouch
from dialer.store.schema import attempt, basis_text, outcome

PAUSED = "restored from a backup: look at it, then resume"

_CONTACT = (
    "id, list_id, e164, region, kind, name, time_zone, postal_code, state, address, recipient, line_type, "
    "relationship, language, extra, digest, imported_at, updated_at, place_id, priority"
)
_ATTEMPT = (
    "attempt_id, queue_id, campaign_id, contact_id, e164, caller_id, rules_version, script_id, permit, placed_at, basis"
)
_OUTCOME = (
    "attempt_id, campaign_id, outcome, ended_at, answered_at, sip_code, q850, answered_by, heard_ms, key_value, record"
)


@dataclass(frozen=True, slots=True)
class Carried:
    """How much came over, by what it is; and what could not, with the reason."""

    counts: dict[str, int]
    lost: tuple[str, ...]


def carry_over(connection: sa.Connection, backup_head: AuditHead | None, now: datetime, lost: list[str]) -> Carried:
    """Bring over what binds. A part that cannot be read is left out whole and told; ``lost`` is what is known before.

    The connection is in a transaction, and the old store attached to it.
    """
    parts: dict[str, Callable[[sa.Connection], int]] = {
        "do-not-call entries": lambda it: _do_not_call(it, now),
        "revocations": _revocations,
        "answers on reassigned numbers": _reassigned,
        "erased numbers": _suppressed,
        "attempts": lambda it: _attempts(it, backup_head, now),
        "stopped campaigns": _stopped,
    }
    counts: dict[str, int] = {}
    lost = list(lost)
    for what, part in parts.items():
        if any(each.startswith(what) for each in lost):
            continue
        try:
            with connection.begin_nested():
                counts[what] = part(connection)
        except (sa.exc.DBAPIError, AnotherStore) as error:
            lost.append(f"{what}: {getattr(error, 'orig', None) or error}")
    return Carried(counts, tuple(lost))


class AnotherStore(Exception):
    """The backup is not of the store that it is to replace."""


def settle(connection: sa.Connection, now: datetime) -> None:
    """Nothing of a restored store runs by itself, and no run has anything in hand but its open attempts."""
    connection.exec_driver_sql("UPDATE run SET ended_at = heartbeat_at WHERE ended_at IS NULL")
    connection.exec_driver_sql(
        "UPDATE queue SET state = 'waiting', claimed_by = NULL, claimed_at = NULL WHERE state = 'claimed'"
    )
    connection.exec_driver_sql(
        "UPDATE campaign SET state = 'paused', pause_reason = ?, changed_at = ? WHERE state = 'running'",
        (PAUSED, to_micros(now)),
    )


def _do_not_call(connection: sa.Connection, now: datetime) -> int:
    """A number that was taken off the list since the backup stays on it; an entry without an end replaces one with."""
    connection.exec_driver_sql(
        "UPDATE main.internal_dnc SET removed_at = ?, removed_reason = 'replaced by the entry of a later state' "
        "WHERE removed_at IS NULL AND expires_at IS NOT NULL AND EXISTS (SELECT 1 FROM old.internal_dnc AS o "
        "WHERE o.e164 = main.internal_dnc.e164 AND o.removed_at IS NULL "
        "AND coalesce(o.expires_at, 9e18) > main.internal_dnc.expires_at)",
        (to_micros(now),),
    )
    return connection.exec_driver_sql(
        "INSERT INTO main.internal_dnc (e164, added_at, reason, source, expires_at) "
        "SELECT e164, added_at, reason, source, expires_at FROM old.internal_dnc AS o WHERE o.removed_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM main.internal_dnc AS m WHERE m.e164 = o.e164 AND m.removed_at IS NULL)"
    ).rowcount


def _revocations(connection: sa.Connection) -> int:
    return connection.exec_driver_sql(
        "INSERT OR IGNORE INTO main.revocation (e164, revoked_at, reason, source, means, scope) "
        "SELECT e164, revoked_at, reason, source, means, scope FROM old.revocation ORDER BY id"
    ).rowcount


def _reassigned(connection: sa.Connection) -> int:
    return connection.exec_driver_sql(
        "INSERT OR IGNORE INTO main.reassigned (e164, answer, since, asked_at, source) "
        "SELECT e164, answer, since, asked_at, source FROM old.reassigned ORDER BY id"
    ).rowcount


def _suppressed(connection: sa.Connection) -> int:
    return connection.exec_driver_sql(
        "INSERT OR IGNORE INTO main.suppressed (mac, since, reason) SELECT mac, since, reason FROM old.suppressed"
    ).rowcount


def _stopped(connection: sa.Connection) -> int:
    return connection.exec_driver_sql(
        "UPDATE main.campaign SET state = 'stopped', changed_at = o.changed_at FROM old.campaign AS o "
        "WHERE o.id = main.campaign.id AND o.name = main.campaign.name AND o.state = 'stopped' "
        "AND main.campaign.state IN ('created', 'running', 'paused')"
    ).rowcount


def _attempts(connection: sa.Connection, backup_head: AuditHead | None, now: datetime) -> int:
    """Attempts since the backup, with outcomes; outcomes of those that were in flight. Each comes as it did first:
    claimed, dialing, ended, so that every trigger looks at it; one of a number in each turn."""
    head = (backup_head.seq, backup_head.hash) if backup_head else (0, "")
    if not connection.exec_driver_sql("SELECT 1 FROM old.audit WHERE seq = ? AND hash = ?", head).first():
        raise AnotherStore("the backup is not of this store, or this store's audit chain is cut short")
    # Turn 0: in flight at the backup, ended since.
    connection.exec_driver_sql(
        "CREATE TEMP TABLE coming AS SELECT attempt_id, queue_id, 0 AS turn FROM main.attempt "
        "WHERE state = 'open' AND attempt_id IN (SELECT attempt_id FROM old.outcome) UNION ALL "
        "SELECT attempt_id, queue_id, row_number() OVER (PARTITION BY e164 ORDER BY placed_at, attempt_id) "
        "FROM old.attempt WHERE attempt_id NOT IN (SELECT attempt_id FROM main.attempt)"
    )
    connection.exec_driver_sql("CREATE INDEX temp.coming_turn ON coming (turn)")
    texts = _only_strings(
        connection, "SELECT digest FROM old.basis_text WHERE digest NOT IN (SELECT digest FROM main.basis_text)"
    )
    _parents(connection)
    run_id = f"restore {now:%Y-%m-%dT%H:%M:%SZ}"
    micros = to_micros(now)
    connection.exec_driver_sql(
        "INSERT INTO run (run_id, pid, host, started_at, heartbeat_at, ended_at) VALUES (?, ?, ?, ?, ?, ?)",
        (run_id, os.getpid(), socket.gethostname(), micros, micros, micros),
    )
    last = connection.exec_driver_sql("SELECT max(turn) FROM coming").scalar()
    for turn in range((last or 0) + 1):
        _take_turn(connection, turn, run_id)
    _live_answers(connection)
    attempts = _only_strings(connection, "SELECT attempt_id FROM coming WHERE turn > 0")
    outcomes = _only_strings(
        connection, "SELECT attempt_id FROM coming WHERE attempt_id IN (SELECT attempt_id FROM main.outcome)"
    )
    connection.exec_driver_sql("DROP TABLE coming")
    for what, table, key, ids in (
        ("texts", basis_text, basis_text.c.digest, texts),
        ("attempts", attempt, attempt.c.attempt_id, attempts),
        ("outcomes", outcome, outcome.c.attempt_id, outcomes),
    ):
        for start in range(0, len(ids), BATCH):
            rows = connection.execute(sa.select(table).where(key.in_(ids[start : start + BATCH]))).mappings().all()
            append(connection, now, AuditKind.RESTORE, f"{what} since the backup", **{what: vouch(what, rows)})
    return len(set(attempts) | set(outcomes))


def _parents(connection: sa.Connection) -> None:
    """What the attempts refer to. A campaign made since the backup comes as created: it must be started again."""
    for statement in _PARENTS:
        connection.exec_driver_sql(statement)


def _take_turn(connection: sa.Connection, turn: int, run_id: str) -> None:
    for statement in (*(_DIAL if turn else ()), *_END):
        connection.execute(sa.text(statement), {"turn": turn, "run": run_id})


_PARENTS = (
    """
    INSERT INTO main.basis_text (digest, kind, body, recorded_at) SELECT digest, kind, body, recorded_at
    FROM old.basis_text WHERE digest NOT IN (SELECT digest FROM main.basis_text)
    """,
    """
    INSERT INTO main.contact_list (id, name, created_at) SELECT id, name, created_at
    FROM old.contact_list WHERE id NOT IN (SELECT id FROM main.contact_list)
    """,
    "INSERT INTO main.place (id, key) SELECT id, key FROM old.place WHERE id NOT IN (SELECT id FROM main.place)",
    f"""
    INSERT INTO main.contact ({_CONTACT}) SELECT {_CONTACT} FROM old.contact
    WHERE id IN (SELECT contact_id FROM old.queue WHERE id IN (SELECT queue_id FROM coming))
        AND id NOT IN (SELECT id FROM main.contact)
    """,
    """
    INSERT INTO main.campaign (
        id, name, definition, sha256, base_dir, state, pause_reason, created_at, changed_at, cps, channels)
    SELECT id, name, definition, sha256, base_dir, 'created', '', created_at, changed_at, cps, channels
    FROM old.campaign WHERE id NOT IN (SELECT id FROM main.campaign)
    """,
    """
    INSERT OR IGNORE INTO main.campaign_list (campaign_id, list_id, position)
    SELECT campaign_id, list_id, position FROM old.campaign_list
    """,
    """
    INSERT INTO main.queue (
        id, campaign_id, contact_id, e164, state, due_at, attempts, last_outcome, why_finished, place_id, priority)
    SELECT id, campaign_id, contact_id, e164, 'waiting', due_at, 0, '', '', place_id, priority FROM old.queue
    WHERE id IN (SELECT queue_id FROM coming) AND id NOT IN (SELECT id FROM main.queue)
    """,
)

_PLACES = "(SELECT queue_id FROM coming WHERE turn = :turn)"
_THESE = "(SELECT attempt_id FROM coming WHERE turn = :turn)"

_DIAL = (
    f"UPDATE main.queue SET state = 'claimed', claimed_by = :run WHERE id IN {_PLACES}",
    f"UPDATE main.queue SET state = 'dialing' WHERE id IN {_PLACES}",
    f"""
    INSERT INTO main.attempt ({_ATTEMPT}, state) SELECT {_ATTEMPT}, 'open' FROM old.attempt
    WHERE attempt_id IN {_THESE}
    """,
)

_OVER = """
    o.state = 'finished' AND NOT EXISTS (SELECT 1 FROM coming AS c WHERE c.queue_id = main.queue.id AND c.turn > :turn)
    """

_END = (
    f"INSERT INTO main.outcome ({_OUTCOME}) SELECT {_OUTCOME} FROM old.outcome WHERE attempt_id IN {_THESE}",
    f"""
    UPDATE main.attempt SET state = 'ended'
    WHERE attempt_id IN {_THESE} AND attempt_id IN (SELECT attempt_id FROM main.outcome)
    """,
    f"""
    UPDATE main.queue SET attempts = o.attempts, due_at = o.due_at, last_outcome = o.last_outcome
    FROM old.queue AS o WHERE o.id = main.queue.id AND main.queue.id IN {_PLACES}
    """,
    f"""
    UPDATE main.queue SET claimed_by = NULL, claimed_at = NULL,
        state = CASE WHEN {_OVER} THEN 'finished' ELSE 'waiting' END,
        why_finished = CASE WHEN {_OVER} THEN o.why_finished ELSE '' END
    FROM old.queue AS o WHERE o.id = main.queue.id AND main.queue.id IN {_PLACES}
        AND NOT EXISTS (SELECT 1 FROM main.attempt AS a WHERE a.queue_id = main.queue.id AND a.state = 'open')
    """,
)


def _live_answers(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        "INSERT INTO main.live_answers (campaign_id, since, answered, abandoned) "
        "SELECT campaign_id, since, answered, abandoned FROM old.live_answers WHERE true "
        "ON CONFLICT (campaign_id, since) DO UPDATE SET "
        "answered = max(answered, excluded.answered), abandoned = max(abandoned, excluded.abandoned)"
    )


def _only_strings(connection: sa.Connection, query: str) -> list[str]:
    return [str(row[0]) for row in connection.exec_driver_sql(query)]
