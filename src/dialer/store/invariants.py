"""What must always hold in a store, held against what is in it; nothing is changed."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from dialer.calls.abandonment import LiveAnswer, live_answer
from dialer.calls.plan import CallRecord
from dialer.campaigns.definition import parse_definition
from dialer.campaigns.retry import NOBODY_RANG
from dialer.compliance.caps import NO_TRUNK, NOT_DIALED
from dialer.contacts.plain import FIELDS
from dialer.errors import CampaignError, StoreError
from dialer.results.audit import AuditHead, AuditKind
from dialer.store.audit import head_path, noted_head, verify_chain
from dialer.store.faults import store_errors
from dialer.store.importing import contact_digest
from dialer.store.migrate import is_current, revision_of, upgrade
from dialer.store.runs import SILENCE, live_run
from dialer.store.schema import audit, campaign, contact, live_answers, outcome
from dialer.store.snapshot import snapshot
from dialer.store.suppression import suppressed_among

SHOWN = 3  # examples of what is wrong
RESTORE = "no call should be placed on this store: restore the last backup with `dialer restore`"
BY_HAND = "it was changed by hand or by a fault of dialer's: keep a copy of the file, and restore a backup or report it"

PAGES = "the pages of the file add up"
REFERENCES = "references lead to rows that are there"
SCHEMA = "tables, indexes and triggers are as the migrations make them"
CHAIN = "the audit chain and its rows are whole"
WHOLE = frozenset({PAGES, REFERENCES, SCHEMA, CHAIN})
"""Without these a file is not what dialer wrote; the other invariants are about what dialer did."""

_decode = msgspec.json.Decoder(CallRecord).decode


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be."""

    invariant: str
    detail: str
    hint: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What a deep look at a store came to."""

    checked: tuple[str, ...]  # the invariants, in words
    violations: tuple[Violation, ...]
    attempts: int
    entries: int  # of the audit chain
    rows: int  # that the chain vouches for


_RANG_NOBODY = ", ".join(f"'{each}'" for each in sorted(NOBODY_RANG))

# Each finds the rows that must not be; its first column names one. NOT INDEXED: an index may be what is wrong.
_QUERIES = {
    "an attempt has at most one outcome": (
        "SELECT attempt_id FROM outcome NOT INDEXED GROUP BY attempt_id HAVING count(*) > 1"
    ),
    "an ended attempt has its outcome, an open one has none": (
        "SELECT a.attempt_id FROM attempt AS a LEFT JOIN outcome AS o USING (attempt_id) "
        "WHERE (a.state = 'ended') <> (o.attempt_id IS NOT NULL)"
    ),
    "a number has at most one open attempt": (
        "SELECT e164 FROM attempt NOT INDEXED WHERE state = 'open' GROUP BY e164 HAVING count(*) > 1"
    ),
    "an open attempt is in hand, and a contact being dialed has one": (
        "SELECT a.attempt_id FROM attempt AS a JOIN queue AS q ON q.id = a.queue_id "
        "WHERE a.state = 'open' AND q.state <> 'dialing' UNION ALL "
        "SELECT 'place ' || q.id FROM queue AS q WHERE q.state = 'dialing' "
        "AND (SELECT count(*) FROM attempt WHERE queue_id = q.id AND state = 'open') <> 1"
    ),
    "an attempt is of the contact, number and campaign of its place in the queue": (
        "SELECT a.attempt_id FROM attempt AS a JOIN queue AS q ON q.id = a.queue_id "
        "WHERE a.e164 <> q.e164 OR a.campaign_id <> q.campaign_id OR a.contact_id <> q.contact_id"
    ),
    "an attempt has a permit for its number, caller ID and campaign": (
        "SELECT attempt_id FROM attempt WHERE CASE WHEN json_valid(permit) THEN "
        "json_extract(permit, '$.attempt_id') IS NOT attempt_id OR json_extract(permit, '$.number') IS NOT e164 OR "
        "json_extract(permit, '$.campaign_id') IS NOT campaign_id OR "
        "json_extract(permit, '$.caller_id') IS NOT caller_id ELSE 1 END"
    ),
    "a row of erasing lives no longer than its transaction": "SELECT e164 FROM erasing",
}


def examine_deeply(path: Path, now: datetime, progress: Callable[[str], None] = lambda _: None) -> Examination:
    """Check everything that must hold, on one snapshot; a run may go on meanwhile.

    Raises StoreError and its kinds when the file cannot be read that far: then it is damaged, locked or not a store.
    """
    with store_errors(path):
        path.stat()
        if not is_current(path, revision_of(path)):
            raise StoreError(
                f"{path} has the tables of an earlier version", hint="`dialer init` brings them up to date"
            )
    noted = noted_head(head_path(path))  # before the snapshot, which then has it
    with snapshot(path) as connection:
        return examine_snapshot(connection, noted, now, progress)


def examine_snapshot(
    connection: sa.Connection, noted: AuditHead | None, now: datetime, progress: Callable[[str], None]
) -> Examination:
    """The same, on a snapshot that is there already; ``noted`` is the newest audit entry as known elsewhere."""
    found: list[Violation] = []
    checked: list[str] = []

    def check(invariant: str, wrong: Iterator[str], hint: str = BY_HAND) -> None:
        progress(invariant)
        checked.append(invariant)
        examples = list(wrong)
        if examples:
            more = f" and {len(examples) - SHOWN} more" if len(examples) > SHOWN else ""
            found.append(Violation(invariant, ", ".join(examples[:SHOWN]) + more, hint))

    check(PAGES, _pragma(connection, "integrity_check(20)"), RESTORE)
    if found:  # nothing that is read from damaged pages says anything
        return Examination(tuple(checked), tuple(found), 0, 0, 0)
    check(REFERENCES, _pragma(connection, "foreign_key_check"), RESTORE)
    check(SCHEMA, _strange_schema(connection), RESTORE)
    for invariant, query in _QUERIES.items():
        check(invariant, _first_column(connection, query))
    check("only the live engine has contacts in hand", _in_dead_hands(connection, now))
    check("a contact is as its import said", _changed_contacts(connection), "import its list again")
    erased = _erased_attempts(connection)
    check("queue.attempts counts the attempts that may have rung", _miscounted(connection, erased))
    check("no campaign called a number more often than it may", _over_the_cap(connection))
    check("who opted out is on the do-not-call list", _opted_out_unlisted(connection),
          "`dialer dnc add` each of them now, then look for how the entries went")  # fmt: skip
    check("live_answers says what the outcomes say", _miscounted_answers(connection, erased))
    progress("reading the audit chain")
    verified = verify_chain(connection, noted, lambda done: progress(f"{done:,} entries of the audit chain hold"))
    broken = verified.broken
    check(CHAIN, iter([f"entry {broken.seq}: {broken.why}"] if broken else []),
          "docs/operations.md, \"The store has lost what was in it\", tells the cases apart")  # fmt: skip
    attempts = connection.exec_driver_sql("SELECT count(*) FROM attempt").scalar() or 0
    return Examination(tuple(checked), tuple(found), attempts, verified.entries, verified.rows)


def _pragma(connection: sa.Connection, pragma: str) -> Iterator[str]:
    for row in connection.exec_driver_sql(f"PRAGMA {pragma}"):
        if row[0] != "ok":
            yield row[0] if len(row) == 1 else f"{row[0]} row {row[1]} -> {row[2]}"


def _first_column(connection: sa.Connection, query: str) -> Iterator[str]:
    for row in connection.exec_driver_sql(query):
        yield str(row[0])


def _strange_schema(connection: sa.Connection) -> Iterator[str]:
    wanted = _migrated_schema()
    there = _schema_of(connection)
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{name} is not dialer's"
        elif there[name] != wanted[name]:
            yield f"{name} is another"


def _schema_of(connection: sa.Connection) -> dict[str, str]:
    rows = connection.exec_driver_sql("SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    # sqlite_stat1 and the like are ANALYZE's
    return {name: " ".join(sql.split()) for name, sql in rows if "sqlite_" not in name}


def _migrated_schema() -> dict[str, str]:
    with closing(sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)) as memory:
        engine = sa.create_engine("sqlite://", creator=lambda: memory, poolclass=sa.pool.StaticPool)
        with engine.begin() as connection:
            upgrade(connection)
            return _schema_of(connection)


def _in_dead_hands(connection: sa.Connection, now: datetime) -> Iterator[str]:
    """A run that has just begun is still putting in order what the last one left."""
    run = live_run(connection, now)
    if run is None or now - run.started_at < SILENCE:
        return
    query = sa.text("SELECT id, claimed_by FROM queue WHERE claimed_by IS NOT NULL AND claimed_by <> :live")
    for row in connection.execute(query, {"live": run.run_id}):
        yield f"place {row.id} of run {row.claimed_by}"


def _changed_contacts(connection: sa.Connection) -> Iterator[str]:
    """An erased person's contact has no digest."""
    query = sa.select(contact).where(contact.c.digest != b"").execution_options(yield_per=1000)
    for row in connection.execute(query).mappings():
        if contact_digest([row[name] for name in FIELDS], row["priority"]) != row["digest"]:
            yield f"contact {row['id']}"


def _erased_attempts(connection: sa.Connection) -> int:
    """How many attempts retention has removed: what counted them still does."""
    query = sa.select(audit.c.body).where(audit.c.kind == AuditKind.ERASURE)
    return sum(len(msgspec.json.decode(body).get("erased_attempts", ())) for body in connection.scalars(query))


def _miscounted(connection: sa.Connection, erased: int) -> Iterator[str]:
    rows = connection.exec_driver_sql(
        "SELECT q.id, q.attempts, count(o.attempt_id) AS rang FROM queue AS q "  # noqa: S608  the words are ours
        "LEFT JOIN attempt AS a ON a.queue_id = q.id "
        f"LEFT JOIN outcome AS o ON o.attempt_id = a.attempt_id AND o.outcome NOT IN ({_RANG_NOBODY}) "
        "GROUP BY q.id HAVING q.attempts <> rang"
    ).all()
    surplus = sum(max(0, row.attempts - row.rang) for row in rows)
    for row in rows:
        if row.attempts < row.rang or surplus > erased:
            yield f"place {row.id} says {row.attempts}, and has {row.rang}"


def _over_the_cap(connection: sa.Connection) -> Iterator[str]:
    counts = connection.exec_driver_sql(
        "SELECT a.campaign_id, a.e164, count(*) AS made FROM attempt AS a "  # noqa: S608  the words are ours
        "LEFT JOIN outcome AS o USING (attempt_id) "
        f"WHERE coalesce(o.outcome, 'open') NOT IN ('{NOT_DIALED}', '{NO_TRUNK}') "
        "GROUP BY a.campaign_id, a.e164 HAVING made > 1"
    ).all()
    most: dict[int, int] = {}
    for row in connection.execute(sa.select(campaign.c.id, campaign.c.name, campaign.c.definition)):
        try:
            most[row.id] = parse_definition(row.definition, row.name).attempts.max
        except CampaignError:  # it cannot be run either
            continue
    for row in counts:
        if row.made > most.get(row.campaign_id, row.made):
            yield f"{row.e164} {row.made} times in campaign {row.campaign_id}, at most {most[row.campaign_id]}"


def _opted_out_unlisted(connection: sa.Connection) -> Iterator[str]:
    """An entry that was removed later, with a reason, did its duty; one removed before the opt-out did not."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT a.e164 FROM outcome AS o JOIN attempt AS a USING (attempt_id) "
        "WHERE o.outcome IN ('opted_out', 'abuse') AND NOT EXISTS (SELECT 1 FROM internal_dnc AS d "
        "WHERE d.e164 = a.e164 AND (d.removed_at IS NULL OR d.removed_at >= o.ended_at))"
    )
    unlisted = [row.e164 for row in rows]
    try:
        suppressed = suppressed_among(connection, unlisted)
    except StoreError as error:
        yield error.message
        return
    yield from (e164 for e164 in unlisted if e164 not in suppressed)


def _miscounted_answers(connection: sa.Connection, erased: int) -> Iterator[str]:
    """By campaign: which period a late outcome fell into depends on when it was told."""
    said: Counter[tuple[int, str]] = Counter()
    query = sa.select(outcome.c.campaign_id, outcome.c.record).where(outcome.c.answered_at.is_not(None))
    for row in connection.execution_options(yield_per=1000).execute(query):
        answer = live_answer(_decode(row.record))
        said[row.campaign_id, "answered"] += answer is not None
        said[row.campaign_id, "abandoned"] += answer is LiveAnswer.ABANDONED
    counted: Counter[tuple[int, str]] = Counter()
    for row in connection.execute(sa.select(live_answers)):
        counted[row.campaign_id, "answered"] += row.answered
        counted[row.campaign_id, "abandoned"] += row.abandoned
    surplus = sum((counted - said).values())
    for campaign_id, what in sorted(said.keys() | counted.keys()):
        of_rows, of_outcomes = counted[campaign_id, what], said[campaign_id, what]
        if of_rows < of_outcomes or (of_rows > of_outcomes and surplus > 2 * erased):
            yield f"campaign {campaign_id}: {of_rows} {what}, and its outcomes say {of_outcomes}"
