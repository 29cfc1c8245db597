"""What happens to a call, and what the call machine wants done about it: plain values, no pjsua2.

The driver (the SIP agent) translates what the wire says into events, hands them to
:meth:`dialer.calls.machine.CallMachine.receive` together with the instant, and carries out the commands it gets
back, in order.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dialer.calls.outcome import NotDialed
from dialer.calls.plan import AnsweredBy


class Instant(msgspec.Struct, frozen=True):
    """One moment on both clocks: ``at`` is for the record (aware, UTC), ``mono`` in seconds for measuring."""

    at: datetime
    mono: float


# --- events: what happened ---------------------------------------------------------------------------------------


class Provisional(msgspec.Struct, frozen=True):
    """A 1xx response. 100 only ends the wait for any response; 180 rings; 183, or SDP in any, is early media."""

    code: int
    early_media: bool = False


class Answered(msgspec.Struct, frozen=True):
    """A 200 to the INVITE; pjsip has sent the ACK."""

    peer: str = ""


class MediaReady(msgspec.Struct, frozen=True):
    """Audio flows both ways (first time only; re-INVITE and hold do not repeat it)."""

    codec: str = ""


class GreetingOver(msgspec.Struct, frozen=True):
    """The ear has made up its mind. ``ended`` is the mono time at which the greeting ended."""

    answered_by: AnsweredBy
    ended: float


class BeepHeard(msgspec.Struct, frozen=True):
    """The machine's beep, or the silence after its greeting, is over: it records."""


class KeyHeard(msgspec.Struct, frozen=True):
    """One key, however it came; the driver has taken out repetitions of one RFC 4733 event."""

    digit: str
    via: str  # "rfc4733" or "info"


class SoundFinished(msgspec.Struct, frozen=True):
    """The sound asked for last has played to its end."""


class FinalResponse(msgspec.Struct, frozen=True):
    """A final response of 300 or more to the INVITE, or a time-out or transport error that pjsip makes into one.

    ``local`` is True when nobody sent it: pjsip's own 408 or 503. ``reason_header`` is the whole value of
    Reason (RFC 3326), ``call_info`` that of Call-Info (RFC 8688).
    """

    code: int
    phrase: str
    reason_header: str = ""
    call_info: str = ""
    local: bool = False


class PeerHungUp(msgspec.Struct, frozen=True):
    """The far end's BYE."""

    reason_header: str = ""


class CallGone(msgspec.Struct, frozen=True):
    """Our BYE or CANCEL is done, or the dialog has died (``detail`` says how): nothing more will come."""

    detail: str = ""


class OptOutDurable(msgspec.Struct, frozen=True):
    """The engine has stored the opt-out."""


class OperatorNamed(msgspec.Struct, frozen=True):
    """The engine says whom to call."""

    address: str


class NoOperator(msgspec.Struct, frozen=True):
    """The engine says that no operator is free."""


class OperatorAnswered(msgspec.Struct, frozen=True):
    """The operator's call was answered and has audio."""


class WhisperOver(msgspec.Struct, frozen=True):
    """The operator has heard the whisper to its end."""


class OperatorGone(msgspec.Struct, frozen=True):
    """The operator's call was refused, could not be made, or has ended. ``sip_code`` 0: no final response came."""

    sip_code: int = 0
    detail: str = ""


class OperatorTookOver(msgspec.Struct, frozen=True):
    """The trunk has connected the person and the operator (REFER): our call has no more use."""


class HangUpAsked(msgspec.Struct, frozen=True):
    """The engine, or the end of its connection, ends this call now."""

    why: NotDialed


class TimerDue(msgspec.Struct, frozen=True):
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


class SendInvite(msgspec.Struct, frozen=True):
    """Call over this trunk with this Call-ID; a local failure comes back as FinalResponse(local=True)."""

    trunk: str
    call_id: str


class SendCancel(msgspec.Struct, frozen=True):
    """CANCEL the INVITE (a 200 may cross it: the driver reports Answered, the machine then sends BYE).

    Before any response no CANCEL may leave (RFC 3261 section 9.1): the driver then gives the INVITE up on its own
    side and reports FinalResponse(408, local=True) at once. A 200 that comes all the same is answered with ACK and BYE.
    """


class SendBye(msgspec.Struct, frozen=True):
    """End the answered call."""


class Ear(StrEnum):
    """What the driver is to listen for in the inbound audio."""

    OFF = "off"
    GREETING = "greeting"  # who answered -> GreetingOver
    BEEP = "beep"  # -> BeepHeard


class Listen(msgspec.Struct, frozen=True):
    """Point the ear at something else."""

    ear: Ear


class Play(msgspec.Struct, frozen=True):
    """Play this sound from its beginning, instead of whatever plays now."""

    sound: str


class Loop(msgspec.Struct, frozen=True):
    """Play this sound over and over, instead of whatever plays now; no SoundFinished comes of it."""

    sound: str


class StopPlaying(msgspec.Struct, frozen=True):
    """Be silent now."""


class ReportOptOut(msgspec.Struct, frozen=True):
    """Tell the engine; it answers with OptOutDurable."""

    how: str  # "key 9", "sip 607"


class ReportProgress(msgspec.Struct, frozen=True):
    """Tell the engine how far the call has come."""

    stage: str  # value of frames.Stage
    detail: str = ""


class AskForOperator(msgspec.Struct, frozen=True):
    """Tell the engine; it answers with OperatorNamed or NoOperator."""


class CallOperator(msgspec.Struct, frozen=True):
    """Call this operator, or have the trunk connect them (REFER), as the person's trunk wants it.

    OperatorAnswered, OperatorTookOver or OperatorGone comes of it.
    """

    address: str
    trunk: str


class Whisper(msgspec.Struct, frozen=True):
    """Play this sound to the operator alone; WhisperOver comes of it."""

    sound: str


class Bridge(msgspec.Struct, frozen=True):
    """Join the person's audio and the operator's, both ways."""


class DropOperator(msgspec.Struct, frozen=True):
    """End the operator's call, whatever its state. Nothing more of it is handed over; the person is with us again."""


class ReportOperatorFailed(msgspec.Struct, frozen=True):
    """Tell the engine; it answers as to AskForOperator."""

    address: str
    sip_code: int


class Finish(msgspec.Struct, frozen=True):
    """The call is over: take ``CallMachine.record()`` and forget the call. Always the last command."""


class MediaCounters(msgspec.Struct, frozen=True):
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
