"""The evidence of one attempt as it gathers, and the record made of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from dialer.calls.causes import Failure, received_q850
from dialer.calls.events import FinalResponse, Instant, MediaCounters
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import AnsweredBy, CallRecord, EndedBy, KeyPress, Leg, TransferResult

MAX_KEYS = 100  # more of them are pressed by no person
NORMAL_CLEARING = 16  # what a BYE is in Q.850 (RFC 3398 section 8.1)


@dataclass(slots=True)
class Evidence:
    """What is known so far; the call machine fills it in. Fields mean what they mean in CallRecord."""

    attempt_id: str
    legs: list[Leg] = field(default_factory=list)
    invited: Instant | None = None
    ringing: Instant | None = None
    answered: Instant | None = None
    ended: Instant | None = None
    ended_by: EndedBy = EndedBy.DIALER
    sip_code: int = 0
    sip_reason: str = ""
    reason_header: str = ""
    q850: int | None = None
    q850_received: bool = False
    redress: str = ""
    answered_by: AnsweredBy = AnsweredBy.UNKNOWN
    greeting_to_message_ms: int | None = None
    message_started_ms: int | None = None
    message_ms: int = 0
    heard_ms: int = 0
    plays: int = 0
    keys: list[KeyPress] = field(default_factory=list)  # the first MAX_KEYS
    keys_dropped: int = 0
    key_value: str = ""
    transfer: TransferResult | None = None
    operator: str = ""
    transfer_ms: int | None = None
    talk_ms: int = 0
    peer: str = ""
    codec: str = ""
    details: list[str] = field(default_factory=list)

    def after_answer_ms(self, now: Instant) -> int:
        """Milliseconds from the answer to ``now``; 0 while there is none."""
        return round((now.mono - self.answered.mono) * 1000) if self.answered else 0

    def key(self, digit: str, via: str, now: Instant) -> bool:
        """A key was pressed; whether it is kept. It counts for what the call does next either way."""
        if len(self.keys) >= MAX_KEYS:
            self.keys_dropped += 1
            return False
        self.keys.append(KeyPress(digit=digit, after_answer_ms=self.after_answer_ms(now), via=via))
        return True

    def start_leg(self, leg: Leg, now: Instant) -> None:
        """An INVITE leaves: what was said to an earlier one stays with its leg alone."""
        self.legs.append(leg)
        self.invited = self.invited or now
        self.sip_code, self.sip_reason, self.reason_header, self.redress = 0, "", "", ""
        self.q850, self.q850_received = None, False

    def leg_failed(self, response: FinalResponse, failure: Failure) -> None:
        """Keep what was said to the last INVITE. What pjsip made up itself is nobody's SIP code: it stays 0."""
        self.sip_code = 0 if response.local else response.code
        self.sip_reason = response.phrase
        self.reason_header = response.reason_header
        self.q850, self.q850_received = failure.q850, failure.q850_received
        self.redress = failure.redress
        self._amend_leg()

    def leg_answered(self, peer: str, now: Instant) -> None:
        """The last INVITE got its 200."""
        self.answered, self.peer = now, peer
        self.sip_code, self.sip_reason = 200, "OK"
        self._amend_leg()

    def leg_silent(self, phrase: str) -> None:
        """Nothing was said to the last INVITE."""
        self.sip_code, self.sip_reason = 0, phrase
        self._amend_leg()

    def _amend_leg(self) -> None:
        self.legs[-1] = msgspec.structs.replace(
            self.legs[-1],
            sip_code=self.sip_code,
            sip_reason=self.sip_reason,
            reason_header=self.reason_header,
            q850=self.q850,
        )

    def hung_up(self, reason_header: str) -> None:
        """A BYE ended the call: the cause it names, else normal clearing."""
        received = received_q850(reason_header)
        self.reason_header = reason_header
        self.q850, self.q850_received = received or NORMAL_CLEARING, received is not None

    def end(self, now: Instant, by: EndedBy) -> None:
        """The call is over for us: a BYE or CANCEL was sent, or the other side ended it."""
        self.ended, self.ended_by = now, by

    def record(self, outcome: Outcome, ended_at: datetime, media: MediaCounters) -> CallRecord:
        """The whole account."""
        details = list(self.details)
        if self.keys_dropped:
            details.append(f"{self.keys_dropped} more keys were pressed")
        if media.rtp_strangers:
            details.append(f"{media.rtp_strangers} RTP packets came from an address that the answer did not name")
        return CallRecord(
            attempt_id=self.attempt_id,
            outcome=outcome,
            legs=tuple(self.legs),
            invite_at=self.invited.at if self.invited else None,
            ringing_at=self.ringing.at if self.ringing else None,
            answered_at=self.answered.at if self.answered else None,
            ended_at=ended_at,
            ended_by=self.ended_by,
            sip_code=self.sip_code,
            sip_reason=self.sip_reason,
            reason_header=self.reason_header,
            q850=self.q850,
            q850_received=self.q850_received,
            redress=self.redress,
            answered_by=self.answered_by,
            greeting_to_message_ms=self.greeting_to_message_ms,
            message_started_ms=self.message_started_ms,
            message_ms=self.message_ms,
            heard_ms=self.heard_ms,
            plays=self.plays,
            keys=tuple(self.keys),
            key_value=self.key_value,
            transfer=self.transfer,
            operator=self.operator,
            transfer_ms=self.transfer_ms,
            talk_ms=self.talk_ms,
            peer=self.peer,
            codec=self.codec,
            rtp_sent=media.rtp_sent,
            rtp_received=media.rtp_received,
            rtp_lost=media.rtp_lost,
            detail="; ".join(details),
        )


def record_not_dialed(attempt_id: str, why: NotDialed, now: Instant, detail: str = "") -> CallRecord:
    """The record of a durable attempt whose INVITE never left."""
    return CallRecord(
        attempt_id=attempt_id,
        outcome=Outcome.NOT_DIALED,
        not_dialed=why,
        ended_at=now.at,
        ended_by=EndedBy.DIALER,
        detail=detail,
    )
