"""Values that store tests are made of."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.compliance.decision import CheckName, Permit, Refusal
from dialer.contacts.contact import Consent, ConsentKind, Contact, Number, NumberKind
from dialer.results.records import CampaignState, Claim, Decided, Ended
from dialer.store.open import Store

NOW = datetime(2026, 11, 20, 17, 30, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CALLER_ID = "+13055550100"
RUN = "run-1"


def e164(index: int) -> str:
    return f"+1305555{index:04}"


def a_contact(index: int, *, name: str = "", consent: Consent | None = None) -> Contact:
    number = Number(e164(index), "US", NumberKind.FIXED_OR_MOBILE)
    return Contact(number=number, name=name or f"Person {index}", consent=consent, extra={"visit": "9:30"})


def a_consent(given_at: datetime = NOW - DAY, source: str = "web form") -> Consent:
    return Consent(kind=ConsentKind.WRITTEN, given_at=given_at, source=source, text="Yes, call me", seller="Acme")


def permitted(claim: Claim, attempt_id: str = "", at: datetime = NOW) -> Decided:
    attempt_id = attempt_id or f"attempt-{claim.queue_id}-{claim.attempts}"
    permit = Permit(
        attempt_id=attempt_id,
        campaign_id=claim.campaign_id,
        number=claim.e164,
        caller_id=CALLER_ID,
        rules_version="2026-11",
        issued_at=at,
        expires_at=at + timedelta(seconds=5),
        basis=b"what it rests on",
        seal=b"\x00sealed",
    )
    return Decided(claim=claim, attempt_id=attempt_id, decision=permit, decided_at=at, script_id="abc")


def refused(claim: Claim, defer_until: datetime | None = None, at: datetime = NOW) -> Decided:
    refusal = Refusal(
        campaign_id=claim.campaign_id,
        number=claim.e164,
        rules_version="2026-11",
        decided_at=at,
        refused_by=CheckName.CALLING_WINDOW,
        reason="the calling window is closed",
        citation="47 CFR 64.1200(c)(1)",
        defer_until=defer_until,
        basis=b"what it rests on",
    )
    return Decided(claim=claim, attempt_id="", decision=refusal, decided_at=at, due_at=defer_until)


def ended(
    decided: Decided, outcome: Outcome = Outcome.HEARD, due_at: datetime | None = None, at: datetime = NOW + MINUTE
) -> Ended:
    record = CallRecord(
        attempt_id=decided.attempt_id,
        outcome=outcome,
        answered_at=at - timedelta(seconds=12),
        ended_at=at,
        ended_by=EndedBy.CALLEE,
        sip_code=200,
        q850=16,
        heard_ms=9_500,
        key_value="yes",
        peer="127.0.0.1:5060",
    )
    why = "" if due_at is not None else "reached"
    return Ended(queue_id=decided.claim.queue_id, record=record, due_at=due_at, why_finished=why)


async def a_campaign(store: Store, name: str = "reminders", lists: Sequence[str] = ("patients",)) -> int:
    """A running campaign over lists that exist; its id."""
    row = (await store.campaigns.create(name, "[campaign]\n", "/srv/campaigns", lists, NOW)).row
    await store.campaigns.set_state(row.id, CampaignState.RUNNING, NOW)
    return row.id


async def a_run(store: Store, contacts: int = 3, name: str = "reminders") -> int:
    """A list of so many contacts, a running campaign over it, and a run at work; the campaign's id."""
    await store.lists.import_contacts("patients", [a_contact(index) for index in range(contacts)], NOW)
    campaign_id = await a_campaign(store, name)
    await store.engine.start_run(RUN, os.getpid(), NOW)
    return campaign_id


async def take_due(store: Store, run_id: str, campaign_id: int, limit: int, now: datetime) -> Sequence[Claim]:
    """Claim wherever contacts wait, in the order in which the places have somebody due."""
    places = sorted(await store.engine.places(campaign_id), key=lambda each: each.next_due)
    return await store.engine.claim(run_id, campaign_id, [each.place_id for each in places], limit, now)
