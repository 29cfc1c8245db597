"""What must never be, the database itself refuses, whoever writes to it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import pytest
from tests.contract.store_values import NOW, RUN, a_consent, a_run, e164, ended, permitted, refused, take_due

from dialer.calls.outcome import Outcome
from dialer.compliance.basis import BasisText
from dialer.compliance.policy import Dealing, DealingKind, DncEntry, Reassigned, ReassignedAnswer
from dialer.results.records import CAMPAIGN_TRANSITIONS, QUEUE_TRANSITIONS, CampaignState, QueueState
from dialer.store.open import Store

State = TypeVar("State", bound=StrEnum)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[sqlite3.Connection]:
    """An sqlite3 shell on a store with an attempt open, one ended, a refusal, a consent and a do-not-call entry."""
    path = tmp_path / "dialer.db"
    async with await Store.open(path, create=True) as store:
        campaign_id = await a_run(store, contacts=4)
        await store.consents.add(e164(0), a_consent(), NOW)
        await store.engine.add_opt_outs([DncEntry(e164(3), NOW, "asked", "Jo")])
        claims = await take_due(store, RUN, campaign_id, 3, NOW)
        decided = [permitted(claims[0], "open"), permitted(claims[1], "ended"), refused(claims[2])]
        await store.engine.record_decisions(decided)
        await store.engine.record_outcomes([ended(decided[1])])
        await store.engine.keep_texts([BasisText("abc", "rules", b"{}")], NOW)
        await store.dealings.add(e164(0), Dealing(DealingKind.PURCHASE, NOW, "Acme", "order 5"), NOW)
        await store.reassigned.add({e164(0): ReassignedAnswer(Reassigned.YES, NOW.date(), NOW, "file 1")})
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    yield connection
    connection.close()


def path_to(goal: State, table: Mapping[State, frozenset[State]]) -> list[State]:
    """The shortest way to a state from the one that everything begins in."""
    start = next(iter(table))
    ways = [[start]]
    for way in ways:
        if way[-1] is goal:
            return way[1:]
        ways += [[*way, state] for state in table[way[-1]] if state not in way]
    raise AssertionError(f"{goal} cannot be reached")


@pytest.mark.parametrize(("before", "after"), list(itertools.product(CampaignState, repeat=2)))
def test_a_campaign_moves_as_its_table_says(
    shell: sqlite3.Connection, before: CampaignState, after: CampaignState
) -> None:
    shell.execute(
        "INSERT INTO campaign (id, name, definition, sha256, base_dir, state, pause_reason, created_at, changed_at)"
        " VALUES (9, 'x', '', '', '', 'created', '', 0, 0)"
    )
    for state in path_to(before, CAMPAIGN_TRANSITIONS):
        shell.execute("UPDATE campaign SET state = ? WHERE id = 9", [state])
    if after in CAMPAIGN_TRANSITIONS[before] or after is before:
        shell.execute("UPDATE campaign SET state = ? WHERE id = 9", [after])
    else:
        with pytest.raises(sqlite3.IntegrityError, match="does not go from that state"):
            shell.execute("UPDATE campaign SET state = ? WHERE id = 9", [after])


@pytest.mark.parametrize(("before", "after"), list(itertools.product(QueueState, repeat=2)))
def test_a_place_in_the_queue_moves_as_its_table_says(
    shell: sqlite3.Connection, before: QueueState, after: QueueState
) -> None:
    def move(state: QueueState) -> None:
        run = RUN if state in {QueueState.CLAIMED, QueueState.DIALING} else None
        why = "reached" if state is QueueState.FINISHED else ""
        shell.execute(
            f"UPDATE queue SET state = ?, claimed_by = ?, why_finished = ? WHERE e164 = '{e164(3)}'",  # noqa: S608
            [state, run, why],
        )

    for state in path_to(before, QUEUE_TRANSITIONS):
        move(state)
    if after in QUEUE_TRANSITIONS[before] or after is before:
        move(after)
    else:
        with pytest.raises(sqlite3.IntegrityError, match="does not go from that state"):
            move(after)


ATTEMPT = """
    INSERT INTO attempt SELECT 'new', {queue_id}, campaign_id, {contact_id}, {e164}, caller_id, rules_version,
        script_id, permit, placed_at, {state}, basis FROM attempt WHERE attempt_id = 'open'
"""
OUTCOME = """
    INSERT INTO outcome SELECT {attempt_id}, campaign_id, {outcome}, ended_at, answered_at, sip_code, q850, answered_by,
        heard_ms, key_value, record FROM outcome
"""


@pytest.mark.parametrize(
    "forbidden",
    [
        # One open attempt per number and contact, only for one who is dialing, under the right number.
        ATTEMPT.format(queue_id="queue_id", contact_id="contact_id", e164="e164", state="'open'"),
        ATTEMPT.format(queue_id="queue_id", contact_id="contact_id", e164="e164", state="'ended'"),
        ATTEMPT.format(queue_id="queue_id", contact_id="contact_id", e164="'+13055559999'", state="'open'"),
        ATTEMPT.format(queue_id="queue_id + 1", contact_id="contact_id + 1", e164=f"'{e164(1)}'", state="'open'"),
        ATTEMPT.format(queue_id="queue_id + 3", contact_id="contact_id + 3", e164=f"'{e164(3)}'", state="'open'"),
        # One outcome per attempt, of the vocabulary, and of an attempt that there is.
        OUTCOME.format(attempt_id="'ended'", outcome="'busy'"),
        OUTCOME.format(attempt_id="'open'", outcome="'fine'"),
        OUTCOME.format(attempt_id="'unknown'", outcome="'busy'"),
        # An attempt ends with its outcome, once; its contact is dialing until then.
        "UPDATE attempt SET state = 'ended' WHERE attempt_id = 'open'",
        "UPDATE attempt SET state = 'open' WHERE attempt_id = 'ended'",
        "UPDATE queue SET state = 'waiting', claimed_by = NULL WHERE state = 'dialing'",
        # What happened and what was said is never rewritten.
        "UPDATE attempt SET e164 = '+13055559999'",
        "UPDATE attempt SET permit = '{}'",
        "UPDATE attempt SET basis = x'00'",
        "UPDATE refusal SET basis = x'00'",
        "UPDATE basis_text SET body = x'00'",
        "UPDATE dealing SET seller = 'other'",
        "UPDATE reassigned SET answer = 'no'",
        "UPDATE live_answers SET abandoned = answered + 1",
        "UPDATE outcome SET outcome = 'accepted'",
        "UPDATE refusal SET reason = 'none'",
        "UPDATE consent SET given_at = 0",
        "UPDATE revocation SET revoked_at = 0",
        "UPDATE internal_dnc SET reason = 'none'",
        "UPDATE internal_dnc SET removed_at = 1",
        "UPDATE campaign SET definition = 'other'",
        "UPDATE contact SET e164 = '+13055559999'",
        "UPDATE queue SET e164 = '+13055559999'",
        *(
            f"DELETE FROM {table}"  # noqa: S608  names of our own
            for table in (
                "attempt",
                "outcome",
                "refusal",
                "consent",
                "revocation",
                "internal_dnc",
                "basis_text",
                "dealing",
                "reassigned",
                "live_answers",
                "campaign",
                "queue",
                "contact",
                "run",
            )
        ),
        # Places in a queue.
        "UPDATE queue SET attempts = -1",
        "UPDATE queue SET state = 'claimed', claimed_by = NULL WHERE state = 'waiting'",
        "UPDATE queue SET state = 'claimed', claimed_by = 'nobody' WHERE state = 'waiting'",
        "UPDATE queue SET why_finished = '' WHERE state = 'finished'",
        "INSERT INTO queue SELECT 99, campaign_id, contact_id, e164, 'waiting', 0, 0, '', '', NULL, 0, 5, 0 FROM queue",
        # One run at a time.
        "INSERT INTO run (run_id, pid, host, started_at, heartbeat_at) VALUES ('second', 1, 'here', 0, 0)",
    ],
)
def test_what_must_never_be_is_refused(shell: sqlite3.Connection, forbidden: str) -> None:
    before = "\n".join(shell.iterdump())
    with pytest.raises(sqlite3.IntegrityError):
        shell.execute(forbidden)
    assert "\n".join(shell.iterdump()) == before


def test_a_number_is_in_one_hand_only(shell: sqlite3.Connection) -> None:
    shell.execute(
        "INSERT INTO campaign (id, name, definition, sha256, base_dir, state, pause_reason, created_at, changed_at)"
        " VALUES (9, 'x', '', '', '', 'created', '', 0, 0)"
    )
    shell.execute(
        "INSERT INTO queue SELECT 99, 9, contact_id, e164, 'waiting', 0, 0, '', '', NULL, 0, 5, NULL FROM queue"
        " WHERE state = 'dialing'"
    )
    with pytest.raises(sqlite3.IntegrityError):
        shell.execute("UPDATE queue SET state = 'claimed', claimed_by = ? WHERE id = 99", [RUN])


def test_every_outcome_can_be_stored(shell: sqlite3.Connection) -> None:
    for word in Outcome:
        shell.execute("BEGIN")
        shell.execute(OUTCOME.format(attempt_id="'open'", outcome=f"'{word}'"))
        shell.execute("ROLLBACK")
