"""The states of a call and every transition between them.

The table is the whole truth: what is not in it is illegal and raises CallStateError. An entry names the step of
:class:`dialer.calls.machine.CallMachine` that is taken and the states that the call may move to; it may always stay.
What the wire can deliver late, twice or crossing something of ours is in the table as ``IGNORED``.

``docs/call-states.md`` is drawn from this table (:mod:`dialer.calls.docs`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from dialer.calls.events import (
    Answered,
    BeepHeard,
    CallEvent,
    CallGone,
    FinalResponse,
    GreetingOver,
    HangUpAsked,
    KeyHeard,
    MediaReady,
    NoOperator,
    OperatorAnswered,
    OperatorGone,
    OperatorNamed,
    OperatorTookOver,
    OptOutDurable,
    PeerHungUp,
    Provisional,
    SoundFinished,
    WhisperOver,
)


class CallState(StrEnum):
    """Where a call stands."""

    IDLE = "idle"  # not started
    INVITING = "inviting"  # INVITE sent, nothing heard
    PROCEEDING = "proceeding"  # the trunk works on it (100)
    RINGING = "ringing"  # 18x heard: from here on no other trunk is tried
    DIVERTING = "diverting"  # the trunk gave no response: its INVITE is withdrawn, then the next trunk is tried
    CANCELING = "canceling"  # CANCEL sent: ring time-out, or we were asked to stop
    ANSWERED = "answered"  # 200, no audio yet
    GREETING = "greeting"  # listening for who answered
    MESSAGE = "message"  # the message plays
    KEY_WAIT = "key_wait"  # the message is over, a key may come
    LAST_WORDS = "last_words"  # goodbye or a confirmation plays, then BYE
    OPTING_OUT = "opting_out"  # the confirmation plays and the opt-out is stored; BYE when both are done
    BEEP_WAIT = "beep_wait"  # a machine answered: waiting for its beep
    VOICEMAIL = "voicemail"  # the message is left on a machine
    TRANSFER_ASKED = "transfer_asked"  # hold plays: waiting for the engine to name an operator
    OPERATOR_RINGING = "operator_ringing"  # hold plays: an operator is called
    WHISPERING = "whispering"  # hold plays: the operator hears the whisper
    TALKING = "talking"  # person and operator are joined
    NOBODY = "nobody"  # the person is told that no operator is free, then BYE
    HANGING_UP = "hanging_up"  # BYE sent
    STORING = "storing"  # the call is over, its opt-out is not yet durable
    ENDED = "ended"  # Finish was given


# Waiting for an operator: the hold sound plays.
HOLDING = frozenset({CallState.TRANSFER_ASKED, CallState.OPERATOR_RINGING, CallState.WHISPERING})


class Timer(StrEnum):
    """What a TimerDue can mean. A timer runs only while the call is in states whose row of the table has it."""

    RESPONSE = "no response"  # from INVITE to any response
    RING = "ring time-out"  # from INVITE to CANCEL
    MEDIA = "no audio"  # from answer to MediaReady
    GREETING = "greeting cap"  # from MediaReady to GreetingOver
    BEEP = "no beep"
    KEY = "no key"  # from the message's end
    NAMING = "no operator named"  # from the key, or the last operator's failure, to OperatorNamed
    OPERATOR = "operator silent"  # from the call to the operator to their answer
    TALK = "longest talk"  # from the operator's answer to BYE
    STORE = "store silent"  # to OptOutDurable
    DURATION = "maximum duration"  # from answer, or from the wish for an operator, to BYE
    CLOSE = "close time-out"  # to the end of a CANCEL or BYE


class Step(StrEnum):
    """The steps of the call machine, each by the name of its method there."""

    IGNORE = "ignore"
    PROGRESS = "progress"
    MEDIA = "media"
    ANSWER = "answer"
    ANSWER_TOO_LATE = "answer_too_late"
    FAIL = "fail"
    WITHDRAW = "withdraw"
    RING_OUT = "ring_out"
    NO_MEDIA = "no_media"
    GREETED = "greeted"
    BEEP = "beep"
    NO_BEEP = "no_beep"
    MESSAGE_OVER = "message_over"
    NO_KEY = "no_key"
    LAST_SOUND_OVER = "last_sound_over"
    CONFIRMED = "confirmed"
    KEY = "key"
    EARLY_KEY = "early_key"
    LATE_KEY = "late_key"
    CALL_OPERATOR = "call_operator"
    OPERATOR_ANSWERED = "operator_answered"
    OPERATOR_FAILED = "operator_failed"
    OPERATOR_SILENT = "operator_silent"
    WHISPERED = "whispered"
    OPERATOR_LEFT = "operator_left"
    TALKED_ENOUGH = "talked_enough"
    TOOK_OVER = "took_over"
    NOBODY_CAME = "nobody_came"
    STORED = "stored"
    STORE_SILENT = "store_silent"
    STOPUNANSWERED = "stop_unanswered"
    STOP = "stop"
    STOP_WAITING = "stop_waiting"
    TOO_LONG = "too_long"
    PEER_LEFT = "peer_left"
    GONE = "gone"
    STUCK = "stuck"


class Then:
    """One entry of the table: the step to take, and the states that the call may move to."""

    __slots__ = ("step", "to")

    def __init__(self, step: Step, *to: CallState) -> None:
        self.step = step
        self.to = frozenset(to)


Kind = type[CallEvent] | Timer
Row = Mapping[Kind, Then]

_S = CallState
IGNORED = Then(Step.IGNORE)
_TOO_EARLY = Then(Step.EARLY_KEY)  # nobody has answered, or their 200 was lost and comes again

# What every state before the answer shares.
UNANSWERED: Row = {
    MediaReady: Then(Step.MEDIA),  # early media, or SDP agreed just before the 200 is told
    KeyHeard: _TOO_EARLY,
    HangUpAsked: Then(Step.STOPUNANSWERED, _S.CANCELING),
    Timer.RING: Then(Step.RING_OUT, _S.CANCELING),
    CallGone: Then(Step.GONE, _S.ENDED),
    PeerHungUp: Then(Step.GONE, _S.ENDED),  # RFC 3261 section 15 forbids a BYE before the 200; it ends the call anyway
}

# What every state from the answer to the BYE shares, where it does not say otherwise.
LIVE: Row = {
    Provisional: IGNORED,  # overtaken by the 200
    MediaReady: IGNORED,
    GreetingOver: IGNORED,  # the ear had made up its mind as a key came
    BeepHeard: IGNORED,
    SoundFinished: IGNORED,
    HangUpAsked: Then(Step.STOP, _S.HANGING_UP),
    Timer.DURATION: Then(Step.TOO_LONG, _S.HANGING_UP),
    PeerHungUp: Then(Step.PEER_LEFT, _S.ENDED, _S.STORING),
    CallGone: Then(Step.GONE, _S.ENDED, _S.STORING),
}

# Words about an operator that our own time-out, or the person, was quicker than.
LATE_OPERATOR: Row = {
    OperatorNamed: IGNORED,
    NoOperator: IGNORED,
    OperatorGone: IGNORED,
    OperatorTookOver: IGNORED,
}
_WITHOUT_DURATION: Row = {kind: then for kind, then in LIVE.items() if kind is not Timer.DURATION}

_KEY_WITHOUT_AUDIO = Then(Step.KEY, _S.LAST_WORDS, _S.OPTING_OUT, _S.HANGING_UP)
_KEY = Then(Step.KEY, _S.LAST_WORDS, _S.OPTING_OUT, _S.HANGING_UP, _S.TRANSFER_ASKED)
_KEY_OR_REPEAT = Then(Step.KEY, _S.LAST_WORDS, _S.OPTING_OUT, _S.HANGING_UP, _S.TRANSFER_ASKED, _S.MESSAGE)
_ONLY_OPT_OUT = Then(Step.KEY, _S.OPTING_OUT)
_TOOK_OVER = Then(Step.TOOK_OVER, _S.HANGING_UP)
_NOBODY_CAME = Then(Step.NOBODY_CAME, _S.NOBODY)
_TALKED_ENOUGH = Then(Step.TALKED_ENOUGH, _S.HANGING_UP)
_GREETED = Then(Step.GREETED, _S.MESSAGE, _S.BEEP_WAIT, _S.HANGING_UP)

TRANSITIONS: Mapping[CallState, Row] = MappingProxyType(
    {
        _S.IDLE: {},
        _S.INVITING: {
            **UNANSWERED,
            Provisional: Then(Step.PROGRESS, _S.PROCEEDING, _S.RINGING),
            Answered: Then(Step.ANSWER, _S.ANSWERED, _S.GREETING, _S.MESSAGE),
            FinalResponse: Then(Step.FAIL, _S.INVITING, _S.STORING, _S.ENDED),
            Timer.RESPONSE: Then(Step.WITHDRAW, _S.DIVERTING),
        },
        _S.PROCEEDING: {
            **UNANSWERED,
            Provisional: Then(Step.PROGRESS, _S.PROCEEDING, _S.RINGING),
            Answered: Then(Step.ANSWER, _S.ANSWERED, _S.GREETING, _S.MESSAGE),
            FinalResponse: Then(Step.FAIL, _S.INVITING, _S.STORING, _S.ENDED),
        },
        _S.RINGING: {
            **UNANSWERED,
            Provisional: Then(Step.PROGRESS, _S.RINGING),
            Answered: Then(Step.ANSWER, _S.ANSWERED, _S.GREETING, _S.MESSAGE),
            FinalResponse: Then(Step.FAIL, _S.STORING, _S.ENDED),
        },
        _S.DIVERTING: {
            Provisional: Then(Step.PROGRESS, _S.CANCELING),  # it rings after all: no second call to that telephone
            MediaReady: IGNORED,
            KeyHeard: _TOO_EARLY,
            Answered: Then(Step.ANSWER_TOO_LATE, _S.HANGING_UP),
            FinalResponse: Then(Step.FAIL, _S.INVITING, _S.STORING, _S.ENDED),
            CallGone: Then(Step.GONE, _S.INVITING, _S.ENDED),
            PeerHungUp: Then(Step.GONE, _S.ENDED),
            HangUpAsked: Then(Step.STOPUNANSWERED, _S.CANCELING),
            Timer.CLOSE: Then(Step.STUCK, _S.ENDED),
        },
        _S.CANCELING: {
            Provisional: IGNORED,
            MediaReady: IGNORED,
            KeyHeard: _TOO_EARLY,
            Answered: Then(Step.ANSWER_TOO_LATE, _S.HANGING_UP),  # RFC 3261 section 9.1: the 200 crossed our CANCEL
            FinalResponse: Then(Step.FAIL, _S.STORING, _S.ENDED),
            CallGone: Then(Step.GONE, _S.ENDED),
            PeerHungUp: Then(Step.GONE, _S.ENDED),
            HangUpAsked: IGNORED,
            Timer.CLOSE: Then(Step.STUCK, _S.ENDED),
        },
        _S.ANSWERED: {
            **LIVE,
            MediaReady: Then(Step.MEDIA, _S.GREETING, _S.MESSAGE),
            KeyHeard: _KEY_WITHOUT_AUDIO,  # SIP INFO needs no audio; an operator does
            Timer.MEDIA: Then(Step.NO_MEDIA, _S.HANGING_UP),
        },
        _S.GREETING: {
            **LIVE,
            GreetingOver: _GREETED,
            KeyHeard: _KEY,
            Timer.GREETING: _GREETED,
        },
        _S.MESSAGE: {
            **LIVE,
            SoundFinished: Then(Step.MESSAGE_OVER, _S.KEY_WAIT),
            KeyHeard: _KEY_OR_REPEAT,
        },
        _S.KEY_WAIT: {
            **LIVE,
            KeyHeard: _KEY_OR_REPEAT,
            Timer.KEY: Then(Step.NO_KEY, _S.LAST_WORDS, _S.HANGING_UP),
        },
        _S.LAST_WORDS: {
            **LIVE,
            SoundFinished: Then(Step.LAST_SOUND_OVER, _S.HANGING_UP),
            KeyHeard: _KEY_OR_REPEAT,
        },
        _S.OPTING_OUT: {
            **LIVE,
            **LATE_OPERATOR,
            SoundFinished: Then(Step.CONFIRMED, _S.OPTING_OUT, _S.HANGING_UP),
            KeyHeard: Then(Step.LATE_KEY),
            OptOutDurable: Then(Step.STORED, _S.OPTING_OUT, _S.HANGING_UP),
            Timer.STORE: Then(Step.STORE_SILENT, _S.HANGING_UP),
        },
        _S.BEEP_WAIT: {
            **LIVE,
            BeepHeard: Then(Step.BEEP, _S.VOICEMAIL),
            KeyHeard: _KEY,
            Timer.BEEP: Then(Step.NO_BEEP, _S.HANGING_UP),
        },
        _S.VOICEMAIL: {
            **LIVE,
            SoundFinished: Then(Step.LAST_SOUND_OVER, _S.HANGING_UP),
            KeyHeard: _KEY,
        },
        _S.TRANSFER_ASKED: {
            **LIVE,
            KeyHeard: _ONLY_OPT_OUT,
            OperatorNamed: Then(Step.CALL_OPERATOR, _S.OPERATOR_RINGING),
            NoOperator: _NOBODY_CAME,
            OperatorGone: IGNORED,  # a REFER that was given up cannot be taken back
            OperatorTookOver: _TOOK_OVER,
            Timer.NAMING: _NOBODY_CAME,
            Timer.DURATION: _NOBODY_CAME,
        },
        _S.OPERATOR_RINGING: {
            **LIVE,
            KeyHeard: _ONLY_OPT_OUT,
            OperatorAnswered: Then(Step.OPERATOR_ANSWERED, _S.WHISPERING, _S.TALKING),
            OperatorGone: Then(Step.OPERATOR_FAILED, _S.TRANSFER_ASKED),
            OperatorTookOver: _TOOK_OVER,
            Timer.OPERATOR: Then(Step.OPERATOR_SILENT, _S.TRANSFER_ASKED),
            Timer.DURATION: _NOBODY_CAME,
        },
        _S.WHISPERING: {
            **_WITHOUT_DURATION,
            KeyHeard: _ONLY_OPT_OUT,
            WhisperOver: Then(Step.WHISPERED, _S.TALKING),
            OperatorGone: Then(Step.OPERATOR_FAILED, _S.TRANSFER_ASKED),
            Timer.TALK: _TALKED_ENOUGH,
        },
        _S.TALKING: {
            **_WITHOUT_DURATION,
            KeyHeard: _ONLY_OPT_OUT,
            OperatorGone: Then(Step.OPERATOR_LEFT, _S.HANGING_UP),
            Timer.TALK: _TALKED_ENOUGH,
        },
        _S.NOBODY: {
            **LIVE,
            **LATE_OPERATOR,
            SoundFinished: Then(Step.LAST_SOUND_OVER, _S.HANGING_UP),
            KeyHeard: _ONLY_OPT_OUT,
            OperatorTookOver: _TOOK_OVER,
        },
        _S.HANGING_UP: {
            **LATE_OPERATOR,
            Provisional: IGNORED,
            MediaReady: IGNORED,
            GreetingOver: IGNORED,
            BeepHeard: IGNORED,
            SoundFinished: IGNORED,
            KeyHeard: Then(Step.LATE_KEY),  # pressed before our BYE arrived: an opt-out binds
            OptOutDurable: Then(Step.STORED),
            HangUpAsked: Then(Step.STOP_WAITING),
            PeerHungUp: Then(Step.PEER_LEFT, _S.ENDED, _S.STORING),  # its BYE crossed ours
            CallGone: Then(Step.GONE, _S.ENDED, _S.STORING),
            Timer.CLOSE: Then(Step.STUCK, _S.ENDED, _S.STORING),
        },
        _S.STORING: {
            **LATE_OPERATOR,
            Provisional: IGNORED,
            MediaReady: IGNORED,
            GreetingOver: IGNORED,
            BeepHeard: IGNORED,
            SoundFinished: IGNORED,
            KeyHeard: IGNORED,
            PeerHungUp: IGNORED,
            CallGone: IGNORED,
            OptOutDurable: Then(Step.STORED, _S.ENDED),
            HangUpAsked: Then(Step.STOP_WAITING, _S.ENDED),
            Timer.STORE: Then(Step.STORE_SILENT, _S.ENDED),
        },
        _S.ENDED: {
            **LATE_OPERATOR,
            Provisional: IGNORED,
            MediaReady: IGNORED,
            GreetingOver: IGNORED,
            BeepHeard: IGNORED,
            KeyHeard: IGNORED,
            SoundFinished: IGNORED,
            FinalResponse: IGNORED,
            PeerHungUp: IGNORED,
            CallGone: IGNORED,
            OptOutDurable: IGNORED,
            HangUpAsked: IGNORED,
        },
    }
)
