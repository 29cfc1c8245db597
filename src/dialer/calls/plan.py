"""What the engine tells the SIP agent about one call, and the account that comes back.

Everything here is plain data that crosses a socket (msgspec, MessagePack). Durations in seconds are floats ending in
``_s``, in milliseconds integers ending in ``_ms``; instants are aware UTC datetimes ending in ``_at``.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dialer.calls.outcome import NotDialed, Outcome
from dialer.compliance.decision import Permit


class KeyAction(StrEnum):
    """What a key does while the message plays or after it."""

    ACCEPT = "accept"
    REPEAT = "repeat"
    OPT_OUT = "opt_out"
    ANSWER = "answer"  # one of a survey's answers
    TRANSFER = "transfer"  # accept, and talk to an operator


class MachinePolicy(StrEnum):
    """What to do when a machine answers."""

    HANG_UP = "hang_up"
    LEAVE_MESSAGE = "leave_message"  # wait for the beep, then play
    PLAY = "play"  # as to a person, at once


class KeyRule(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the script; ``value`` is what a survey answer stands for, ``prompt`` the sound that confirms it."""

    action: KeyAction
    value: str = ""
    prompt: str = ""


class TransferScript(msgspec.Struct, frozen=True, kw_only=True):
    """How a person who asks for an operator gets one. An operator is a person at a SIP telephone."""

    trunk: str  # over which operators are called
    hold: str  # the sound that the person hears meanwhile, over and over
    nobody: str  # the sound that the person hears when no operator is free: who called, how to call back
    whisper: str = ""  # the sound that the operator hears before the person does; empty: none
    ring_s: float = 15.0  # for one operator to answer
    max_talk_s: float = 3600.0  # from the operator's answer to BYE


class OperatorLine(msgspec.Struct, frozen=True, kw_only=True):
    """An operator who may be called, and the one trunk over which."""

    address: str  # sip:anna@10.0.0.5
    trunk: str


class TransferResult(StrEnum):
    """What became of a wish to talk to an operator."""

    CONNECTED = "connected"
    NOBODY_FREE = "nobody_free"  # none was named in time
    NOT_ANSWERED = "not_answered"  # some were rung, none answered
    LEFT_WAITING = "left_waiting"  # the person hung up, or opted out, before they were connected
    CUT_OFF = "cut_off"  # the wait ended otherwise: a stop, a lost line


class CallScript(msgspec.Struct, frozen=True, kw_only=True):
    """What is played to whom. Sounds are named by the ids under which the agent was told to load them."""

    message: str
    keys: dict[str, KeyRule]  # "0".."9", "*", "#"
    machine: MachinePolicy = MachinePolicy.HANG_UP
    machine_message: str = ""  # empty: the message itself
    goodbye: str = ""  # played after the message when no key came in time; empty: nothing
    key_wait_s: float = 5.0  # after the message, for a key
    max_repeats: int = 2
    detect_machine: bool = True
    beep_wait_s: float = 20.0  # for a machine's beep, before the call is given up
    transfer: TransferScript | None = None  # None: no key of the script asks for an operator


class CallLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When to stop, whatever the peer does."""

    ring_timeout_s: float = 30.0  # from INVITE to CANCEL; never below 15 s (47 CFR 64.1200(a)(6))
    max_duration_s: float = 120.0  # from answer to BYE
    response_timeout_s: float = 8.0  # from INVITE to any response at all, then the next trunk


class CallPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One call to place: permit, script, limits, and the trunks to try in order (the next after 503 or time-out)."""

    attempt_id: str
    permit: Permit
    script: CallScript
    limits: CallLimits
    trunks: tuple[str, ...]
    display_name: str = ""


class AnsweredBy(StrEnum):
    """What the ear made of whoever answered."""

    HUMAN = "human"
    MACHINE = "machine"
    SILENCE = "silence"  # nobody spoke; treated as a person
    UNKNOWN = "unknown"  # not listened for, or hung up before it was clear


class EndedBy(StrEnum):
    """Who ended the call."""

    CALLEE = "callee"
    DIALER = "dialer"
    NETWORK = "network"  # a failure response, a time-out, a lost agent


class KeyPress(msgspec.Struct, frozen=True, kw_only=True):
    """One key heard; ``after_answer_ms`` counts from the answer, ``via`` is "rfc4733" or "info"."""

    digit: str
    after_answer_ms: int
    via: str


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """One INVITE of the attempt: its trunk, Call-ID, and how it was answered (0: not at all)."""

    trunk: str
    call_id: str
    sip_code: int
    sip_reason: str = ""
    reason_header: str = ""
    q850: int | None = None


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's whole account of one attempt: the outcome and the raw evidence it was drawn from."""

    attempt_id: str
    outcome: Outcome
    not_dialed: NotDialed | None = None
    legs: tuple[Leg, ...] = ()
    invite_at: datetime | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime
    ended_by: EndedBy
    sip_code: int = 0  # final response to the INVITE; 0: none
    sip_reason: str = ""
    reason_header: str = ""  # of the final response or the BYE, as received (RFC 3326)
    q850: int | None = None  # received, else derived from the SIP code (RFC 3398)
    q850_received: bool = False
    redress: str = ""  # where a 603+/608 says to complain: url, telephone or e-mail
    answered_by: AnsweredBy = AnsweredBy.UNKNOWN
    greeting_to_message_ms: int | None = None  # end of the greeting to start of the message
    message_started_ms: int | None = None  # from the answer
    message_ms: int = 0  # length of the message
    heard_ms: int = 0  # most of the message played in one go
    plays: int = 0
    keys: tuple[KeyPress, ...] = ()
    key_value: str = ""  # of the survey answer pressed
    transfer: TransferResult | None = None  # None: nobody asked for an operator
    operator: str = ""  # address of the one who took the call
    transfer_ms: int | None = None  # from the key to the operator's answer
    talk_ms: int = 0  # with the operator; 0 where the trunk made the connection (REFER)
    peer: str = ""  # signalling address that answered
    codec: str = ""
    rtp_sent: int = 0  # packets
    rtp_received: int = 0
    rtp_lost: int = 0
    detail: str = ""  # one line more, where the codes do not say it all
