"""Decisions and outcomes on their way into the tables, with what they do to the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from dialer.calls.abandonment import LiveAnswer, live_answer
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord
from dialer.campaigns.retry import NOBODY_RANG, Finished
from dialer.compliance.basis import BasisText
from dialer.compliance.caps import ABANDONMENT_PERIOD
from dialer.compliance.decision import Permit
from dialer.contacts.micros import to_micros
from dialer.errors import StoreError
from dialer.results.audit import AuditKind
from dialer.results.records import Decided, Ended, QueueState
from dialer.store.audit import append, vouch
from dialer.store.schema import AttemptState, attempt, basis_text, live_answers, outcome, queue, refusal, run
from dialer.store.types import among, in_sql

_json = msgspec.json.Encoder()

# Made once: putting a statement together takes longer than running it.
_TO_DIALING = (
    sa.update(queue)
    .where(among(queue.c.id, "ids"), queue.c.state == QueueState.CLAIMED)
    .values(state=QueueState.DIALING)
)

# These run once a row: the driver gets them as text, for SQLAlchemy's look at every value costs as much as the row.
_FROM_HAND = in_sql(
    sa.update(queue)
    .where(queue.c.id == sa.bindparam("queue"), queue.c.state == sa.bindparam("was"))
    .values(
        state=sa.bindparam("becomes"),
        due_at=sa.func.coalesce(sa.bindparam("due"), queue.c.due_at),
        why_finished=sa.bindparam("why"),
        attempts=queue.c.attempts + sa.bindparam("counted"),
        last_outcome=sa.func.coalesce(sa.bindparam("ended_as"), queue.c.last_outcome),
        claimed_by=sa.null(),
        claimed_at=sa.null(),
    )
)
_ENDED = in_sql(
    sa.update(attempt).where(attempt.c.attempt_id == sa.bindparam("ended")).values(state=sa.bindparam("becomes"))
)
_NEW_ATTEMPT, _NEW_OUTCOME, _NEW_REFUSAL = (in_sql(sa.insert(table)) for table in (attempt, outcome, refusal))

_STILL_HELD = (
    sa.select(queue.c.id, queue.c.claimed_by)
    .join(run, run.c.run_id == queue.c.claimed_by)
    .where(among(queue.c.id, "ids"), run.c.ended_at.is_(None))
)
_KNOWN = (
    sa.select(attempt.c.attempt_id, attempt.c.queue_id, attempt.c.campaign_id, outcome.c.outcome)
    .outerjoin(outcome, outcome.c.attempt_id == attempt.c.attempt_id)
    .where(among(attempt.c.attempt_id, "ids"))
)
_NEWEST_PERIODS = (
    sa.select(live_answers.c.campaign_id, sa.func.max(live_answers.c.since).label("since"))
    .where(among(live_answers.c.campaign_id, "campaigns"))
    .group_by(live_answers.c.campaign_id)
)
_LIVE_ANSWERS = insert(live_answers)
_COUNT = _LIVE_ANSWERS.on_conflict_do_update(
    index_elements=[live_answers.c.campaign_id, live_answers.c.since],
    set_={
        "answered": live_answers.c.answered + _LIVE_ANSWERS.excluded.answered,
        "abandoned": live_answers.c.abandoned + _LIVE_ANSWERS.excluded.abandoned,
    },
)
_LAST_REFUSAL = sa.select(sa.func.max(refusal.c.id))


def record_decisions(connection: sa.Connection, decided: Sequence[Decided]) -> None:
    if not decided:
        return
    _still_held(connection, decided)
    attempts: list[dict[str, Any]] = []
    refusals: list[dict[str, Any]] = []
    permitted = [(each, each.decision) for each in decided if isinstance(each.decision, Permit)]
    refused = [(each, each.decision) for each in decided if not isinstance(each.decision, Permit)]
    if permitted:
        moved = connection.execute(_TO_DIALING, {"ids": [each.claim.queue_id for each, _ in permitted]})
        if moved.rowcount != len(permitted):
            raise _taken_over()
        attempts = [
            {
                "attempt_id": each.attempt_id,
                "queue_id": each.claim.queue_id,
                "campaign_id": permit.campaign_id,
                "contact_id": each.claim.contact_id,
                "e164": permit.number,
                "caller_id": permit.caller_id,
                "rules_version": permit.rules_version,
                "script_id": each.script_id,
                "permit": _json.encode(msgspec.structs.replace(permit, basis=b"")).decode(),
                "placed_at": to_micros(each.decided_at),
                "state": AttemptState.OPEN,
                "basis": permit.basis,
            }
            for each, permit in permitted
        ]
        connection.exec_driver_sql(_NEW_ATTEMPT, attempts)
    if refused:
        _move(
            connection,
            [_next_step(each.claim.queue_id, QueueState.CLAIMED, each.due_at, Finished.REFUSED) for each, _ in refused],
        )
        first = (connection.scalar(_LAST_REFUSAL) or 0) + 1
        refusals = [
            {
                "id": number,
                "queue_id": each.claim.queue_id,
                "campaign_id": no.campaign_id,
                "e164": no.number,
                "decided_at": to_micros(no.decided_at),
                "check_name": no.refused_by,
                "reason": no.reason,
                "citation": no.citation,
                "defer_until": _micros(no.defer_until),
                "refusal": _json.encode(msgspec.structs.replace(no, basis=b"")).decode(),
                "basis": no.basis,
            }
            for number, (each, no) in enumerate(refused, start=first)
        ]
        connection.exec_driver_sql(_NEW_REFUSAL, refusals)
    append(
        connection, max(each.decided_at for each in decided), AuditKind.DECISIONS, "",
        attempts=vouch("attempts", attempts), refusals=vouch("refusals", refusals),
    )  # fmt: skip


def record_outcomes(connection: sa.Connection, ended: Sequence[Ended]) -> None:
    found = connection.execute(_KNOWN, {"ids": [each.record.attempt_id for each in ended]})
    known = {row.attempt_id: row for row in found}
    news: dict[str, Ended] = {}
    for each in ended:
        record = each.record
        if record.attempt_id not in known:
            raise StoreError(f"an outcome for attempt {record.attempt_id}, which the store does not know")
        earlier = news.get(record.attempt_id)
        stored = earlier.record.outcome if earlier else known[record.attempt_id].outcome
        if stored is None:
            news[record.attempt_id] = each
        elif stored != record.outcome:
            raise StoreError(
                f"attempt {record.attempt_id} ended as {stored}, it cannot end as {record.outcome} as well"
            )
    if not news:
        return
    rows = [_outcome_row(each, known[attempt_id].campaign_id) for attempt_id, each in news.items()]
    connection.exec_driver_sql(_NEW_OUTCOME, rows)
    at = max(each.record.ended_at for each in news.values())
    append(connection, at, AuditKind.OUTCOMES, "", outcomes=vouch("outcomes", rows))
    connection.exec_driver_sql(_ENDED, [{"ended": attempt_id, "becomes": AttemptState.ENDED} for attempt_id in news])
    _move(
        connection,
        [
            _next_step(
                known[attempt_id].queue_id,
                QueueState.DIALING,
                each.due_at,
                each.why_finished or each.record.outcome,
                each.record.outcome,
            )
            for attempt_id, each in news.items()
        ],
    )
    _count_live_answers(connection, [(known[attempt_id].campaign_id, each.record) for attempt_id, each in news.items()])


def _count_live_answers(connection: sa.Connection, ended: Sequence[tuple[int, CallRecord]]) -> None:
    """Into each campaign's periods of 30 days: the first began with its first answered call."""
    answers = [
        (campaign_id, record.ended_at, answer)
        for campaign_id, record in ended
        if (answer := live_answer(record)) is not None
    ]
    if not answers:
        return
    newest = connection.execute(_NEWEST_PERIODS, {"campaigns": {campaign_id for campaign_id, _, _ in answers}})
    begun: dict[int, datetime] = {row.campaign_id: row.since for row in newest}
    counts: dict[tuple[int, datetime], list[int]] = {}
    for campaign_id, at, answer in sorted(answers, key=lambda each: each[1]):
        since = begun.setdefault(campaign_id, at)
        periods = max(0, (at - since) // ABANDONMENT_PERIOD)  # a call from before the newest period counts into it
        begun[campaign_id] = since = since + periods * ABANDONMENT_PERIOD
        count = counts.setdefault((campaign_id, since), [0, 0])
        count[0] += 1
        count[1] += answer is LiveAnswer.ABANDONED
    connection.execute(
        _COUNT,
        [
            {"campaign_id": campaign_id, "since": since, "answered": answered, "abandoned": abandoned}
            for (campaign_id, since), (answered, abandoned) in counts.items()
        ],
    )


def keep_texts(connection: sa.Connection, texts: Iterable[BasisText], now: datetime) -> None:
    """Keep each text once, by its digest."""
    rows = {
        each.digest: {"digest": each.digest, "kind": each.kind, "body": each.body, "recorded_at": now} for each in texts
    }
    known = set(connection.scalars(sa.select(basis_text.c.digest).where(basis_text.c.digest.in_(rows))))
    new = [row for digest, row in rows.items() if digest not in known]
    if new:
        connection.execute(sa.insert(basis_text), new)
        kinds = ", ".join(f"{row['kind']} {row['digest']}" for row in new)
        append(connection, now, AuditKind.TEXT, kinds, texts=vouch("texts", new))


def _outcome_row(each: Ended, campaign_id: int) -> dict[str, Any]:
    record = each.record
    return {
        "attempt_id": record.attempt_id,
        "campaign_id": campaign_id,
        "outcome": record.outcome,
        "ended_at": to_micros(record.ended_at),
        "answered_at": _micros(record.answered_at),
        "sip_code": record.sip_code,
        "q850": record.q850,
        "answered_by": record.answered_by,
        "heard_ms": record.heard_ms,
        "key_value": record.key_value,
        "record": _json.encode(record).decode(),
    }


def _next_step(
    queue_id: int, was: QueueState, due_at: datetime | None, why: str, ended_as: Outcome | None = None
) -> dict[str, Any]:
    return {
        "queue": queue_id,
        "was": was,
        "becomes": QueueState.FINISHED if due_at is None else QueueState.WAITING,
        "due": _micros(due_at),
        "why": why if due_at is None else "",
        "counted": 1 if ended_as is not None and ended_as not in NOBODY_RANG else 0,
        "ended_as": ended_as,
    }


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def _still_held(connection: sa.Connection, decided: Sequence[Decided]) -> None:
    """Each by the run that claimed it, and that run not taken for dead: it may have slept since."""
    held = connection.execute(_STILL_HELD, {"ids": [each.claim.queue_id for each in decided]})
    holders = {row.id: row.claimed_by for row in held}
    if any(holders.get(each.claim.queue_id) != each.claim.run_id for each in decided):
        raise _taken_over()


def _taken_over() -> StoreError:
    return StoreError(
        "a contact is no longer in the hands of this run",
        hint="another engine has taken the store over; its attempts stand",
    )


def _move(connection: sa.Connection, steps: list[dict[str, Any]]) -> None:
    if connection.exec_driver_sql(_FROM_HAND, steps).rowcount != len(steps):
        raise _taken_over()
