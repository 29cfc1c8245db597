"""What happens to a call, and what the call machine wants done about it: plain values, no pjsua2.

The driver (the SIP agent) translates what the wire says into events, hands them to
:meth:`dialer.calls.machine.CallMachine.receive` together with the instant, and carries out the commands it gets
back, in order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dialer.calls.outcome import NotDialed
from dialer.calls.plan import AnsweredBy


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment on both clocks: ``at`` is for the record (aware, UTC), ``mono`` in seconds for measuring."""

    at: datetime
    mono: float


# --- events: what happened ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 1xx response. 100 only ends the wait for any response; 180 rings; 183, or SDP in any, is early media."""

    code: int
    early_media: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """A 200 to the INVITE; pjsip has sent the ACK."""

    peer: str = ""


@dataclass(frozen=True, slots=True)
class MediaReady:
    """Audio flows both ways (first time only; re-INVITE and hold do not repeat it)."""

    codec: str = ""


@dataclass(frozen=True, slots=True)
class GreetingOver:
    """The ear has made up its mind. ``ended`` is the mono time at which the greeting ended."""

    answered_by: AnsweredBy
    ended: float


@dataclass(frozen=True, slots=True)
class BeepHeard:
    """The machine's beep, or the silence after its greeting, is over: it records."""


@dataclass(frozen=True, slots=True)
class KeyHeard:
    """One key, however it came; the driver has taken out repetitions of one RFC 4733 event."""

    digit: str
    via: str  # "rfc4733" or "info"


@dataclass(frozen=True, slots=True)
class SoundFinished:
    """The sound asked for last has played to its end."""


@dataclass(frozen=True, slots=True)
class FinalResponse:
    """A final response of 300 or more to the INVITE, or a time-out or transport error that pjsip makes into one.

    ``local`` is True when nobody sent it: pjsip's own 408 or 503. ``reason_header`` is the whole value of
    Reason (RFC 3326), ``call_info`` that of Call-Info (RFC 8688).
    """

    code: int
    phrase: str
    reason_header: str = ""
    call_info: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class PeerHungUp:
    """The far end's BYE."""

    reason_header: str = ""


@dataclass(frozen=True, slots=True)
class CallGone:
    """Our BYE or CANCEL is done, or the dialog has died (``detail`` says how): nothing more will come."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class OptOutDurable:
    """The engine has stored the opt-out."""


@dataclass(frozen=True, slots=True)
class OperatorNamed:
    """The engine says whom to call."""

    address: str


@dataclass(frozen=True, slots=True)
class NoOperator:
    """The engine says that no operator is free."""


@dataclass(frozen=True, slots=True)
class OperatorAnswered:
    """The operator's call was answered and has audio."""


@dataclass(frozen=True, slots=True)
class WhisperOver:
    """The operator has heard the whisper to its end."""


@dataclass(frozen=True, slots=True)
class OperatorGone:
    """The operator's call was refused, could not be made, or has ended. ``sip_code`` 0: no final response came."""

    sip_code: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OperatorTookOver:
    """The trunk has connected the person and the operator (REFER): our call has no more use."""


@dataclass(frozen=True, slots=True)
class HangUpAsked:
    """The engine, or the end of its connection, ends this call now."""

    why: NotDialed


@dataclass(frozen=True, slots=True)
class TimerDue:
    """The instant that ``CallMachine.timer()`` named has come."""


CallEvent = (
    Provisional
    | Answered
    | MediaReady
    | GreetingOver
    | BeepHeard
    | KeyHeard
    | SoundFinished
    | FinalResponse
    | PeerHungUp
    | CallGone
    | OptOutDurable
    | OperatorNamed
    | NoOperator
    | OperatorAnswered
    | WhisperOver
    | OperatorGone
    | OperatorTookOver
    | HangUpAsked
    | TimerDue
)


# --- commands: what is to be done --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendInvite:
    """Call over this trunk with this Call-ID; a local failure comes back as FinalResponse(local=True)."""

    trunk: str
    call_id: str


@dataclass(frozen=True, slots=True)
class SendCancel:
    """CANCEL the INVITE (a 200 may cross it: the driver reports Answered, the machine then sends BYE).

    Before any response no CANCEL may leave (RFC 3261 section 9.1): the driver then gives the INVITE up on its own
    side and reports FinalResponse(408, local=True) at once. A 200 that comes all the same is answered with ACK and BYE.
    """


@dataclass(frozen=True, slots=True)
class SendBye:
    """End the answered call."""


class Ear(StrEnum):
    """What the driver is to listen for in the inbound audio."""

    OFF = "off"
    GREETING = "greeting"  # who answered -> GreetingOver
    BEEP = "beep"  # -> BeepHeard


@dataclass(frozen=True, slots=True)
class Listen:
    """Point the ear at something else."""

    ear: Ear


@dataclass(frozen=True, slots=True)
class Play:
    """Play this sound from its beginning, instead of whatever plays now."""

    sound: str


@dataclass(frozen=True, slots=True)
class Loop:
    """Play this sound over and over, instead of whatever plays now; no SoundFinished comes of it."""

    sound: str


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Be silent now."""


@dataclass(frozen=True, slots=True)
class ReportOptOut:
    """Tell the engine; it answers with OptOutDurable."""

    how: str  # "key 9", "sip 607"


@dataclass(frozen=True, slots=True)
class ReportProgress:
    """Tell the engine how far the call has come."""

    stage: str  # value of frames.Stage
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AskForOperator:
    """Tell the engine; it answers with OperatorNamed or NoOperator."""


@dataclass(frozen=True, slots=True)
class CallOperator:
    """Call this operator, or have the trunk connect them (REFER), as the person's trunk wants it.

    OperatorAnswered, OperatorTookOver or OperatorGone comes of it.
    """

    address: str
    trunk: str


@dataclass(frozen=True, slots=True)
class Whisper:
    """Play this sound to the operator alone; WhisperOver comes of it."""

    sound: str


@dataclass(frozen=True, slots=True)
class Bridge:
    """Join the person's audio and the operator's, both ways."""


@dataclass(frozen=True, slots=True)
class DropOperator:
    """End the operator's call, whatever its state. Nothing more of it is handed over; the person is with us again."""


@dataclass(frozen=True, slots=True)
class ReportOperatorFailed:
    """Tell the engine; it answers as to AskForOperator."""

    address: str
    sip_code: int


@dataclass(frozen=True, slots=True)
class Finish:
    """The call is over: take ``CallMachine.record()`` and forget the call. Always the last command."""


@dataclass(frozen=True, slots=True)
class MediaCounters:
    """What the driver counted of a call's audio, in RTP packets, for the record."""

    rtp_sent: int = 0
    rtp_received: int = 0
    rtp_lost: int = 0
    rtp_strangers: int = 0  # from addresses that the answer did not name, dropped


CallCommand = (
    SendInvite
    | SendCancel
    | SendBye
    | Listen
    | Play
    | Loop
    | StopPlaying
    | ReportOptOut
    | ReportProgress
    | AskForOperator
    | CallOperator
    | Whisper
    | Bridge
    | DropOperator
    | ReportOperatorFailed
    | Finish
)
