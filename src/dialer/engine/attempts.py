"""The attempts in flight: from the durable permit to the durable outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.campaigns.retry import NOBODY_RANG, Finished, RetryPlan, TryAgain, after_attempt
from dialer.engine.recorder import Recorder, opt_out_of
from dialer.results.records import AttemptLine, CampaignRow, Claim, Ended, InterruptedAttempt

if TYPE_CHECKING:
    from datetime import datetime

    from dialer.engine.ports import Clock, Observer


@dataclass(frozen=True, slots=True)
class _InFlight:
    claim: Claim
    campaign: CampaignRow
    retry: RetryPlan


class Attempts:
    """Knows every attempt whose outcome is not yet on disk, and what its contact's next step is."""

    def __init__(self, recorder: Recorder, clock: Clock, observer: Observer) -> None:
        self._recorder = recorder
        self._clock = clock
        self._observer = observer
        self._in_flight: dict[str, _InFlight] = {}
        self._ending: dict[str, _InFlight] = {}
        self._trunk_failures: dict[int, int] = {}

    def opened(self, attempt_id: str, claim: Claim, campaign: CampaignRow, retry: RetryPlan) -> None:
        """The attempt is durable; from here on exactly one outcome follows."""
        self._in_flight[attempt_id] = _InFlight(claim, campaign, retry)

    def live(self, campaign_id: int) -> int:
        """Attempts of this campaign whose outcome has not come yet."""
        return sum(1 for each in self._in_flight.values() if each.campaign.id == campaign_id)

    def unrecorded(self, campaign_id: int) -> int:
        """Attempts of this campaign whose outcome is not yet on disk."""
        return self.live(campaign_id) + sum(1 for each in self._ending.values() if each.campaign.id == campaign_id)

    def trunk_failures(self, campaign_id: int) -> int:
        """How many of the campaign's attempts in a row found no trunk."""
        return self._trunk_failures.get(campaign_id, 0)

    def ended(self, record: CallRecord) -> None:
        """The agent's account of an attempt. One that is not ours any more is ignored: its outcome stands."""
        flight = self._in_flight.pop(record.attempt_id, None)
        if flight is None:
            return
        failed = record.outcome is Outcome.TRUNK_FAILURE
        self._trunk_failures[flight.campaign.id] = self.trunk_failures(flight.campaign.id) + 1 if failed else 0
        self._record(flight, record)

    def lost(self, attempt_id: str) -> None:
        """The attempt's agent has gone: it may have rung, so it is interrupted and counts."""
        flight = self._in_flight.pop(attempt_id, None)
        if flight is not None:
            self._record(flight, _interrupted(attempt_id, self._clock.now(), "the SIP agent ended during the call"))

    def not_dialed(self, attempt_id: str, why: NotDialed) -> None:
        """The attempt never went to an agent."""
        flight = self._in_flight.pop(attempt_id)
        now = self._clock.now()
        record = CallRecord(
            attempt_id=attempt_id,
            outcome=Outcome.NOT_DIALED,
            not_dialed=why,
            ended_at=now,
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
        self._record(_InFlight(claim, campaign, retry), record)

    def durable(self, ended: Ended) -> None:
        """The recorder has it on disk: tell those who watch."""
        flight = self._ending.pop(ended.record.attempt_id)
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

    def _record(self, flight: _InFlight, record: CallRecord) -> None:
        made = flight.claim.attempts + (0 if record.outcome in NOBODY_RANG else 1)
        match after_attempt(flight.retry, record.outcome, made, record.ended_at):
            case TryAgain(due_at=due_at):
                ended = Ended(queue_id=flight.claim.queue_id, record=record, due_at=due_at)
            case Finished() as why:
                ended = Ended(queue_id=flight.claim.queue_id, record=record, due_at=None, why_finished=why)
        self._ending[record.attempt_id] = flight
        self._recorder.ended(ended, opt_out_of(ended, flight.claim.e164))


def _interrupted(attempt_id: str, now: datetime, detail: str) -> CallRecord:
    return CallRecord(
        attempt_id=attempt_id,
        outcome=Outcome.INTERRUPTED,
        ended_at=now,
        ended_by=EndedBy.NETWORK,
        detail=detail,
    )
