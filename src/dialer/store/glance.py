"""What commands that only look read of campaigns, in plain SQL: one wording, for whoever has SQLAlchemy loaded or not.

Loading it takes longer than all that `dialer campaign status` does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialer.calls.outcome import Outcome
from dialer.contacts.micros import from_micros, to_micros
from dialer.errors import StoreError
from dialer.results.records import CampaignRow, CampaignState, Overdue, PlaceDue, QueueState, QueueSummary
from dialer.results.summary import CallerIdCount, RefusalCount
from dialer.store.faults import store_errors
from dialer.store.migrate import HEAD, revision_of

Ask = Callable[[str, Mapping[str, Any]], Iterable[Any]]
"""Runs a SELECT with named parameters, and gives its rows."""

BUSY_TIMEOUT_S = 5.0
CLAIM_LASTS = timedelta(minutes=1)  # from being taken to the gate's decision
WAIT_LASTS = timedelta(days=1)  # from being due: a whole day's hours have passed
MOST_OVERDUE = 100  # of each state
UNWANTED = 607  # RFC 8197

_CAMPAIGNS = "SELECT id, name, state, definition, base_dir, pause_reason, cps, channels FROM campaign"

# Each place costs two steps into the index queue_due, whatever waits there.
PLACES = """
    WITH RECURSIVE waiting(place_id) AS (
        SELECT min(place_id) FROM queue WHERE campaign_id = :of_campaign AND state = 'waiting'
        UNION ALL
        SELECT (SELECT min(place_id) FROM queue
                WHERE campaign_id = :of_campaign AND state = 'waiting' AND place_id > waiting.place_id)
        FROM waiting WHERE waiting.place_id IS NOT NULL
    )
    SELECT waiting.place_id, place.key,
           (SELECT min(due_at) FROM queue
            WHERE campaign_id = :of_campaign AND state = 'waiting' AND queue.place_id = waiting.place_id) AS due
    FROM waiting LEFT JOIN place ON place.id = waiting.place_id
    WHERE waiting.place_id IS NOT NULL
"""

_OVERDUE = """
    SELECT e164, since FROM (
        SELECT e164, {since} AS since FROM queue WHERE campaign_id = :of_campaign AND state = :state
    ) WHERE since < :late ORDER BY since LIMIT :most
"""
_CALL_BEGAN = (
    "coalesce((SELECT placed_at FROM attempt WHERE queue_id = queue.id AND attempt.state = 'open'), claimed_at)"
)

_REFUSALS = """
    SELECT check_name, reason, citation, defer_until IS NOT NULL AS deferred,
           count(DISTINCT queue_id) AS contacts, min(defer_until)
    FROM refusal WHERE campaign_id = :of_campaign
    GROUP BY check_name, reason, citation, deferred
    ORDER BY contacts DESC, check_name, reason
"""

_CALLER_ID = """
    SELECT count(*), count(*) FILTER (WHERE outcome.outcome = :blocked),
           count(*) FILTER (WHERE outcome.sip_code = :unwanted)
    FROM attempt JOIN outcome ON outcome.attempt_id = attempt.attempt_id
    WHERE attempt.caller_id = :caller_id
"""


@dataclass(frozen=True, slots=True)
class CampaignProgress:
    """Where a campaign stands; ``finished_because`` counts finished contacts by reason."""

    queue: QueueSummary
    outcomes: dict[Outcome, int]
    finished_because: dict[str, int]


class Glance:
    """Looks at what ``ask`` reads from. Every method of one that :func:`glance` made raises StoreError."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def campaigns(self) -> list[CampaignRow]:
        """Every campaign, oldest first."""
        return [_row_of(row) for row in self.ask(f"{_CAMPAIGNS} ORDER BY id", {})]

    def campaign(self, name: str) -> CampaignRow:
        """Raises StoreError, naming those there are, when there is none of this name."""
        for row in self.ask(f"{_CAMPAIGNS} WHERE name = :name", {"name": name}):
            return _row_of(row)
        there_are = ", ".join(name for (name,) in self.ask("SELECT name FROM campaign ORDER BY id DESC LIMIT 10", {}))
        raise StoreError(
            f"there is no campaign called {name}",
            hint=f"there are: {there_are}" if there_are else "`dialer campaign create` makes one",
        )

    def progress(self, campaign_id: int) -> CampaignProgress:
        """Where it stands."""
        because = (
            "SELECT why_finished, count(*) FROM queue WHERE campaign_id = :of_campaign AND state = 'finished'"
            " GROUP BY why_finished"
        )
        return CampaignProgress(
            queue=self.queue_summary(campaign_id),
            outcomes=self.outcome_counts(campaign_id),
            finished_because=dict(self.ask(because, {"of_campaign": campaign_id})),
        )

    def queue_summary(self, campaign_id: int) -> QueueSummary:
        """How many contacts stand where, and when the next waiting one is due."""
        query = "SELECT state, count(*), min(due_at) FROM queue WHERE campaign_id = :of_campaign GROUP BY state"
        rows = {state: (count, due) for state, count, due in self.ask(query, {"of_campaign": campaign_id})}
        counts = {state: rows.get(state, (0, None))[0] for state in QueueState}
        next_due = rows.get(QueueState.WAITING, (0, None))[1]
        return QueueSummary(
            waiting=counts[QueueState.WAITING],
            claimed=counts[QueueState.CLAIMED],
            dialing=counts[QueueState.DIALING],
            finished=counts[QueueState.FINISHED],
            next_due=_moment(next_due),
        )

    def outcome_counts(self, campaign_id: int) -> dict[Outcome, int]:
        """How many attempts ended how, most frequent first."""
        query = (
            "SELECT outcome, count(*) AS attempts FROM outcome WHERE campaign_id = :of_campaign"
            " GROUP BY outcome ORDER BY attempts DESC, outcome"
        )
        return {Outcome(word): attempts for word, attempts in self.ask(query, {"of_campaign": campaign_id})}

    def waiting(self, campaign_id: int) -> list[tuple[PlaceDue, int]]:
        """Where contacts wait, and how many in each place. Counts the queue: not for every step of an engine."""
        of = {"of_campaign": campaign_id}
        query = (
            "SELECT place_id, count(*) FROM queue WHERE campaign_id = :of_campaign AND state = 'waiting'"
            " GROUP BY place_id"
        )
        counts: dict[int, int] = dict(self.ask(query, of))
        return [
            (PlaceDue(place_id, key or "", from_micros(due)), counts[place_id])
            for place_id, key, due in self.ask(PLACES, of)
        ]

    def overdue(self, campaign_id: int, longest_call: timedelta, now: datetime) -> list[Overdue]:
        """Contacts that have stood in one state past its deadline, the longest overdue first; none should.

        At most ``MOST_OVERDUE`` of each state; ``longest_call`` is from the permit to the record.
        """
        found: list[Overdue] = []
        for state, since, lasts in (
            (QueueState.CLAIMED, "claimed_at", CLAIM_LASTS),
            (QueueState.DIALING, _CALL_BEGAN, longest_call),
            (QueueState.WAITING, "due_at", WAIT_LASTS),
        ):
            asked = {
                "of_campaign": campaign_id, "state": state.value, "late": to_micros(now - lasts), "most": MOST_OVERDUE,
            }  # fmt: skip
            for e164, began in self.ask(_OVERDUE.format(since=since), asked):
                found.append(Overdue(e164, state, from_micros(began), from_micros(began) + lasts))
        return found

    def caller_id_count(self, caller_id: str) -> CallerIdCount:
        """How often a caller ID was presented, blocked on the way, and called unwanted."""
        asked = {"caller_id": caller_id, "blocked": Outcome.NETWORK_BLOCKED.value, "unwanted": UNWANTED}
        ((calls, blocked, unwanted),) = self.ask(_CALLER_ID, asked)
        return CallerIdCount(caller_id, calls, blocked, unwanted)

    def refusal_counts(self, campaign_id: int) -> list[RefusalCount]:
        """How many contacts each check turned away for which reason, most frequent first."""
        return [
            RefusalCount(
                check=check,
                reason=reason,
                citation=citation,
                deferred=bool(deferred),
                contacts=contacts,
                next_due=_moment(next_due),
            )
            for check, reason, citation, deferred, contacts, next_due in self.ask(
                _REFUSALS, {"of_campaign": campaign_id}
            )
        ]


def is_current(path: Path) -> bool:
    """Whether there are tables of this version to look at; opening it as a store tells what is wrong otherwise."""
    try:
        with store_errors(path):
            return path.is_file() and revision_of(path) == HEAD
    except StoreError:
        return False


@contextmanager
def glance(path: Path) -> Iterator[Glance]:
    """One snapshot of a store whose tables are up to date, for reading alone. Raises StoreError."""
    # Not mode=ro: that leaves an empty WAL behind.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with store_errors(path):
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
        with closing(connection):
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            yield Glance(connection.execute)


def _row_of(row: Sequence[Any]) -> CampaignRow:
    campaign_id, name, state, definition, base_dir, pause_reason, cps, channels = row
    return CampaignRow(
        id=campaign_id,
        name=name,
        state=CampaignState(state),
        definition=definition,
        base_dir=base_dir,
        pause_reason=pause_reason,
        cps=cps,
        channels=channels,
    )


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
