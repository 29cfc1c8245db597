"""How an attempt ended: one word each, never overwritten with a friendlier one."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """Every attempt ends in exactly one of these. The mapping to SIP, Q.850 and other dialers is outcomes.toml."""

    ACCEPTED = "accepted"  # pressed the accept key
    RESPONDED = "responded"  # pressed a survey answer
    HEARD = "heard"  # listened to the end of the message, pressed nothing
    HUNG_UP = "hung_up"  # answered and hung up before the end; the record has the second
    OPTED_OUT = "opted_out"  # asked never to be called again
    ABUSE = "abuse"  # SIP 607 Unwanted (RFC 8197); heard in speech later
    VOICEMAIL_LEFT = "voicemail_left"  # a machine answered, the message was left after its beep
    MACHINE = "machine"  # a machine answered, no message was left
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"  # declined by the person or their telephone
    NETWORK_BLOCKED = "network_blocked"  # 603+ (ATIS-1000099) or 608 (RFC 8688): analytics on the way
    INVALID_NUMBER = "invalid_number"
    CONGESTION = "congestion"  # the network had no way through
    TRUNK_FAILURE = "trunk_failure"  # no trunk took the call
    CANCELED = "canceled"  # we hung up before it was decided: stop, shutdown
    INTERRUPTED = "interrupted"  # engine or agent died; it may have rung, so it counts
    FAILED = "failed"  # a final response with no place above; the evidence has it
    NOT_DIALED = "not_dialed"  # the INVITE never left: expired permit, trunk down


class NotDialed(StrEnum):
    """Why no INVITE left for an attempt that was already durable."""

    PERMIT_INVALID = "permit_invalid"
    NO_TRUNK = "no_trunk"
    NO_CHANNEL = "no_channel"
    STOPPED = "stopped"
    BAD_PLAN = "bad_plan"
    ENGINE_STOPPED = "engine_stopped"
