"""Records of attempts, and what an attempt that never left says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from dialer.calls.causes import outcome_of_failure
from dialer.calls.events import FinalResponse, Instant, MediaCounters
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallRecord, EndedBy, Leg
from dialer.calls.record import MAX_KEYS, Evidence, record_not_dialed

NOW = Instant(datetime(2026, 3, 2, 12, 0, tzinfo=UTC), 50.0)


def test_an_attempt_that_was_not_dialed_says_why() -> None:
    record = record_not_dialed("a1", NotDialed.PERMIT_INVALID, NOW, "the permit expired")
    assert (record.outcome, record.not_dialed) == (Outcome.NOT_DIALED, NotDialed.PERMIT_INVALID)
    assert (record.ended_at, record.ended_by, record.detail) == (NOW.at, EndedBy.DIALER, "the permit expired")
    assert record.invite_at is None
    assert record.legs == ()


def test_a_leg_keeps_what_was_said_to_it() -> None:
    evidence = Evidence("a1")
    evidence.start_leg(Leg(trunk="north", call_id="a1-1", sip_code=0), NOW)
    response = FinalResponse(486, "Busy Here", reason_header="Q.850;cause=17")
    evidence.leg_failed(response, outcome_of_failure(response))
    evidence.start_leg(Leg(trunk="south", call_id="a1-2", sip_code=0), Instant(NOW.at, 51.0))
    assert evidence.legs[0] == Leg(
        trunk="north",
        call_id="a1-1",
        sip_code=486,
        sip_reason="Busy Here",
        reason_header="Q.850;cause=17",
        q850=17,
    )
    assert (evidence.sip_code, evidence.q850, evidence.invited) == (0, None, NOW)


def test_the_drivers_counts_are_in_the_record() -> None:
    evidence = Evidence("a1")
    record = evidence.record(Outcome.HEARD, NOW.at, MediaCounters(rtp_sent=500, rtp_received=498, rtp_lost=2))
    assert (record.rtp_sent, record.rtp_received, record.rtp_lost) == (500, 498, 2)


def test_records_of_before_there_were_transfers_still_decode() -> None:
    old = b'{"attempt_id":"a1","outcome":"heard","ended_at":"2026-03-02T12:00:00Z","ended_by":"dialer"}'
    record = msgspec.json.decode(old, type=CallRecord)
    assert (record.transfer, record.operator, record.transfer_ms, record.talk_ms) == (None, "", None, 0)


def test_only_so_many_keys_are_kept_and_the_rest_counted() -> None:
    evidence = Evidence("a1")
    kept = [evidence.key("5", "rfc4733", NOW) for _ in range(MAX_KEYS + 7)]
    record = evidence.record(Outcome.HEARD, NOW.at, MediaCounters())
    assert kept == [True] * MAX_KEYS + [False] * 7
    assert len(record.keys) == MAX_KEYS
    assert record.detail == "7 more keys were pressed"


def test_packets_of_strangers_are_told() -> None:
    record = Evidence("a1").record(Outcome.HEARD, NOW.at, MediaCounters(rtp_strangers=3))
    assert record.detail == "3 RTP packets came from an address that the answer did not name"
