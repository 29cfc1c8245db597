"""The account of a campaign: totals, funnel, medians. What the report shows, as values."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dialer.results.records import QueueSummary


class CallerIdCount(msgspec.Struct, frozen=True):
    """How a caller ID fares, over all campaigns. A block is answered by redress, never by another number."""

    caller_id: str
    calls: int
    network_blocked: int  # 603+ (ATIS-1000099) and 608 (RFC 8688): analytics on the way
    unwanted: int  # 607 (RFC 8197): the person's own word


class RefusalCount(msgspec.Struct, frozen=True):
    """How many contacts one check turned away, for the same reason; deferred ones come back."""

    check: str
    reason: str
    citation: str
    deferred: bool
    contacts: int
    next_due: datetime | None = None  # the earliest of the deferrals


class OutcomeCount(msgspec.Struct, frozen=True):
    """How many attempts ended so, and their share of all attempts."""

    outcome: Outcome
    attempts: int
    share: float


class FunnelStep(msgspec.Struct, frozen=True):
    """One step from the list to the accepted message; ``share`` is of the whole list."""

    name: str
    contacts: int
    share: float


class Timings(msgspec.Struct, frozen=True):
    """Medians over the calls that have the figure; None where none has. Seconds, but for the milliseconds named so."""

    ring_s: float | None
    talk_s: float | None
    heard_s: float | None
    greeting_to_message_ms: float | None


class CampaignReport(msgspec.Struct, frozen=True):
    """Everything the report of a campaign says."""

    campaign: str
    state: str
    contacts: int
    waiting: int
    finished: int
    next_due: datetime | None
    attempts: int
    outcomes: tuple[OutcomeCount, ...]  # most frequent first
    refusals: tuple[RefusalCount, ...]  # most frequent first
    funnel: tuple[FunnelStep, ...]
    timings: Timings
    answers: tuple[tuple[str, int], ...]  # survey answers, most frequent first


HUMAN = frozenset({Outcome.ACCEPTED, Outcome.RESPONDED, Outcome.HEARD, Outcome.HUNG_UP, Outcome.OPTED_OUT})


def build_report(
    campaign: str,
    state: str,
    queue: QueueSummary,
    attempts: Sequence[tuple[int, CallRecord]],
    refusals: Iterable[RefusalCount],
) -> CampaignReport:
    """Sum up a campaign. ``attempts`` are (contact id, record) pairs of everything that was dialed, in any order."""
    records = [record for _, record in attempts]
    counts = Counter(record.outcome for record in records)
    contacts = queue.waiting + queue.claimed + queue.dialing + queue.finished
    return CampaignReport(
        campaign=campaign,
        state=state,
        contacts=contacts,
        waiting=queue.waiting + queue.claimed + queue.dialing,
        finished=queue.finished,
        next_due=queue.next_due,
        attempts=len(records),
        outcomes=tuple(
            OutcomeCount(outcome, number, number / len(records)) for outcome, number in counts.most_common()
        ),
        refusals=_merged(refusals),
        funnel=_funnel(contacts, attempts),
        timings=_timings(records),
        answers=tuple(Counter(record.key_value for record in records if record.key_value).most_common()),
    )


def _merged(refusals: Iterable[RefusalCount]) -> tuple[RefusalCount, ...]:
    """One row for each check and reason, most frequent first; jurisdictions that say the same share it."""
    rows: dict[tuple[str, str, bool], RefusalCount] = {}
    for each in refusals:
        key = (each.check, each.reason, each.deferred)
        if (known := rows.get(key)) is not None:
            due = [moment for moment in (known.next_due, each.next_due) if moment is not None]
            each = replace(  # noqa: PLW2901  the merged row stands for both
                known,
                citation="; ".join(dict.fromkeys(filter(None, (*known.citation.split("; "), each.citation)))),
                contacts=known.contacts + each.contacts,
                next_due=min(due, default=None),
            )
        rows[key] = each
    return tuple(sorted(rows.values(), key=lambda each: -each.contacts))


def _funnel(contacts: int, attempts: Sequence[tuple[int, CallRecord]]) -> tuple[FunnelStep, ...]:
    dialed, answered, person, heard, accepted = (set[int]() for _ in range(5))
    for contact, record in attempts:
        if record.invite_at is not None:
            dialed.add(contact)
        if record.answered_at is None:
            continue
        answered.add(contact)
        if record.outcome not in HUMAN or record.answered_by is AnsweredBy.MACHINE:
            continue
        person.add(contact)
        if record.outcome in {Outcome.ACCEPTED, Outcome.RESPONDED}:
            accepted.add(contact)
        if record.outcome is Outcome.HEARD or contact in accepted or 0 < record.message_ms <= record.heard_ms:
            heard.add(contact)
    steps = [
        ("on the list", contacts),
        ("dialed", len(dialed)),
        ("answered", len(answered)),
        ("by a person", len(person)),
        ("heard the message or answered it", len(heard)),
        ("accepted", len(accepted)),
    ]
    return tuple(FunnelStep(name, number, number / contacts if contacts else 0.0) for name, number in steps)


def _timings(records: Sequence[CallRecord]) -> Timings:
    ring = [
        (record.answered_at - record.ringing_at).total_seconds()
        for record in records
        if record.answered_at and record.ringing_at
    ]
    talk = [(record.ended_at - record.answered_at).total_seconds() for record in records if record.answered_at]
    heard = [record.heard_ms / 1000 for record in records if record.heard_ms]
    greeting = [float(record.greeting_to_message_ms) for record in records if record.greeting_to_message_ms is not None]
    ring_s, talk_s, heard_s, greeting_ms = (median(each) if each else None for each in (ring, talk, heard, greeting))
    return Timings(ring_s=ring_s, talk_s=talk_s, heard_s=heard_s, greeting_to_message_ms=greeting_ms)
