"""The attempts in flight: from the durable permit to the durable outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.campaigns.backoff import Sign
from dialer.campaigns.retry import NOBODY_RANG, Finished, RetryPlan, TryAgain, after_attempt
from dialer.engine.recorder import Recorder, opt_out_of
from dialer.results.records import AttemptLine, CampaignRow, Claim, Ended, InterruptedAttempt

if TYPE_CHECKING:
    from datetime import datetime

    from dialer.engine.lanes import Ticket
    from dialer.engine.ports import Clock, Observer

TRUNK_FAILURES = 5  # in a row, after which the trunk is taken for dead

_SAYS_NOTHING_OF_TRUNKS = {Outcome.NOT_DIALED, Outcome.INTERRUPTED, Outcome.CANCELED}


@dataclass(frozen=True, slots=True)
class Flight:
    """What is known of an attempt besides its record; ``next_try`` tells when, from a moment on, to try again."""

    claim: Claim
    campaign: CampaignRow
    retry: RetryPlan
    next_try: Callable[[datetime], datetime] | None = None


@dataclass(frozen=True, slots=True)
class _InFlight:
    flight: Flight
    ticket: Ticket | None = None
    opened_at: float = 0.0  # monotonic


class Attempts:
    """Knows every attempt whose outcome is not yet on disk, and what its contact's next step is."""

    def __init__(
        self, recorder: Recorder, clock: Clock, observer: Observer, on_choked: Callable[[str], None] = lambda _: None
    ) -> None:
        """``on_choked`` is told the trunk whose rate was cut because of how its last attempts fared."""
        self._on_choked = on_choked
        self._recorder = recorder
        self._clock = clock
        self._observer = observer
        self._in_flight: dict[str, _InFlight] = {}
        self._ending: dict[str, _InFlight] = {}
        self._trunk_failures: dict[int, int] = {}
        self._trouble: dict[int, str] = {}
        self._hopeless: set[int] = set()  # campaigns whose trouble no waiting mends

    def hurry(self) -> None:
        """Decisions are about to be written: the outcomes that wait go into the same transaction."""
        self._recorder.hurry()

    def opened(self, attempt_id: str, flight: Flight, ticket: Ticket | None = None) -> None:
        """The attempt is durable; from here on exactly one outcome follows. Its lanes are told when it has ended."""
        self._in_flight[attempt_id] = _InFlight(flight, ticket, self._clock.monotonic())

    def of_campaign(self, campaign_id: int) -> list[str]:
        """The attempts of a campaign that are live."""
        return [attempt_id for attempt_id, each in self._in_flight.items() if each.flight.campaign.id == campaign_id]

    def overdue(self, longest_s: float) -> list[str]:
        """Attempts that have been open for longer than any call may last."""
        latest = self._clock.monotonic() - longest_s
        return [attempt_id for attempt_id, each in self._in_flight.items() if each.opened_at < latest]

    def unrecorded(self, campaign_id: int) -> bool:
        """Whether an attempt of this campaign is live, or has an outcome that is not yet on disk."""
        return any(
            each.flight.campaign.id == campaign_id
            for flights in (self._in_flight, self._ending)
            for each in flights.values()
        )

    def trouble(self, campaign_id: int) -> str | None:
        """Why further calls of this campaign would come to nothing, going by how its last ones ended; None: nothing."""
        return self._trouble.get(campaign_id)

    def forget_trouble(self, campaign_id: int) -> None:
        """The campaign starts anew: whatever was wrong may have been mended."""
        self._trunk_failures.pop(campaign_id, None)
        self._trouble.pop(campaign_id, None)
        self._hopeless.discard(campaign_id)

    def try_again(self, campaign_id: int) -> bool:
        """Whether one more call may tell if things are well again: its failure is then as bad as all of them."""
        if campaign_id in self._hopeless:
            return False
        self._trouble.pop(campaign_id, None)
        self._trunk_failures[campaign_id] = TRUNK_FAILURES - 1
        return True

    def went_well(self, campaign_id: int) -> bool:
        """Whether the last call that says anything of trunks found one that took it."""
        return campaign_id not in self._trunk_failures

    def ended(self, record: CallRecord) -> None:
        """The agent's account of an attempt. One that is not ours any more is ignored: its outcome stands."""
        flight = self._taken(record.attempt_id)
        if flight is not None:
            self._learn(flight.flight.campaign.id, record)
            self._pace(flight.ticket, record)
            self._record(flight, record)

    def lost(self, attempt_id: str) -> None:
        """The attempt's agent has gone: it may have rung, so it is interrupted and counts."""
        flight = self._taken(attempt_id)
        if flight is not None:
            self._record(flight, _interrupted(attempt_id, self._clock.now(), "the SIP agent ended during the call"))

    def not_dialed(self, attempt_id: str, why: NotDialed) -> None:
        """The attempt never went to an agent."""
        flight = self._taken(attempt_id)
        if flight is not None:
            record = CallRecord(
                attempt_id=attempt_id,
                outcome=Outcome.NOT_DIALED,
                not_dialed=why,
                ended_at=self._clock.now(),
                ended_by=EndedBy.DIALER,
            )
            self._record(flight, record)

    def interrupted(self, attempt: InterruptedAttempt, campaign: CampaignRow, retry: RetryPlan) -> None:
        """An attempt that an earlier run left open."""
        claim = Claim(
            queue_id=attempt.queue_id,
            campaign_id=attempt.campaign_id,
            contact_id=0,
            e164=attempt.e164,
            attempts=attempt.attempts,
        )
        record = _interrupted(attempt.attempt_id, self._clock.now(), "the engine ended during the call")
        self._record(_InFlight(Flight(claim, campaign, retry)), record)

    def durable(self, ended: Ended) -> None:
        """The recorder has it on disk: tell those who watch."""
        flight = self._ending.pop(ended.record.attempt_id).flight
        self._observer.ended(
            AttemptLine(
                attempt_id=ended.record.attempt_id,
                campaign=flight.campaign.name,
                number=flight.claim.e164,
                outcome=ended.record.outcome,
                record=ended.record,
                attempt_number=flight.claim.attempts + 1,
            )
        )

    def _taken(self, attempt_id: str) -> _InFlight | None:
        flight = self._in_flight.pop(attempt_id, None)
        for lane in flight.ticket.lanes if flight and flight.ticket else ():
            lane.ended()
        return flight

    def _pace(self, ticket: Ticket | None, record: CallRecord) -> None:
        """Tell the trunk's lane how the attempt fared there: the trunk's own word, of its first leg."""
        if ticket is None or record.invite_at is None or not record.legs or record.legs[0].trunk != ticket.trunk:
            return
        first = record.legs[0]
        gave_up = record.outcome in _SAYS_NOTHING_OF_TRUNKS
        if gave_up and first.sip_code == 0:
            return
        refused = first.sip_code == 503 or (first.sip_code == 0 and record.outcome is Outcome.TRUNK_FAILURE)
        rang = record.ringing_at if len(record.legs) == 1 else None
        delay = (rang - record.invite_at).total_seconds() if rang else None
        lane = ticket.lanes[-1]
        if lane.heard(Sign.REFUSED if refused else Sign.TAKEN, delay, self._clock.monotonic()):
            self._on_choked(ticket.trunk)

    def _learn(self, campaign_id: int, record: CallRecord) -> None:
        """See what an agent's record says of the way out."""
        if record.not_dialed is NotDialed.BAD_PLAN:
            self._trouble[campaign_id] = f"its calls cannot be placed: {record.detail}"
            self._hopeless.add(campaign_id)
        elif _took_nothing(record):
            failures = self._trunk_failures.get(campaign_id, 0) + 1
            self._trunk_failures[campaign_id] = failures
            if failures >= TRUNK_FAILURES:
                said = f"{record.sip_code or ''} {record.sip_reason or record.detail}".strip()
                self._trouble[campaign_id] = f"{failures} calls in a row found no trunk that takes them; last: {said}"
        elif record.outcome not in _SAYS_NOTHING_OF_TRUNKS:
            self._trunk_failures.pop(campaign_id, None)

    def _record(self, in_flight: _InFlight, record: CallRecord) -> None:
        flight = in_flight.flight
        made = flight.claim.attempts + (0 if record.outcome in NOBODY_RANG else 1)
        match after_attempt(flight.retry, record.outcome, made, record.ended_at):
            case TryAgain(due_at=due_at):
                due_at = flight.next_try(due_at) if flight.next_try else due_at
                ended = Ended(queue_id=flight.claim.queue_id, record=record, due_at=due_at)
            case Finished() as why:
                ended = Ended(queue_id=flight.claim.queue_id, record=record, due_at=None, why_finished=why)
        self._ending[record.attempt_id] = in_flight
        self._recorder.ended(ended, opt_out_of(ended, flight.claim.e164))


def _took_nothing(record: CallRecord) -> bool:
    """Whether this says that the trunk takes no calls. A 503 with a cause of the network's own is about the callee."""
    refused_here = record.outcome is Outcome.CONGESTION and record.sip_code == 503 and not record.q850_received
    return refused_here or record.outcome is Outcome.TRUNK_FAILURE or record.not_dialed is NotDialed.NO_TRUNK


def _interrupted(attempt_id: str, now: datetime, detail: str) -> CallRecord:
    return CallRecord(
        attempt_id=attempt_id,
        outcome=Outcome.INTERRUPTED,
        ended_at=now,
        ended_by=EndedBy.NETWORK,
        detail=detail,
    )
