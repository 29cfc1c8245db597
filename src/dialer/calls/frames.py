"""The messages between the engine and a SIP agent: tagged msgspec structs, MessagePack, 4-byte big-endian length first.

Both sides read and write them over one socket pair. A frame that does not decode ends the connection: the agent then
hangs up everything within two seconds, the engine takes its calls for interrupted.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from dialer.calls.plan import CallPlan, CallRecord, OperatorLine
from dialer.calls.trunk import Trunk, TrunkStatus

MAX_FRAME_BYTES = 4 * 1024 * 1024


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an agent's SIP endpoint is to be set up."""

    bind: str = "0.0.0.0"  # noqa: S104  a dialer's trunk may be reached over any interface; sip.conf narrows it
    sip_port: int = 0  # 0: any free one
    rtp_port: int = 16384  # first of the range
    rtp_ports: int = 8000
    max_calls: int = 500
    user_agent: str = "dialer"
    session_timer_s: int = 600  # RFC 4028 Session-Expires offered
    log_level: int = 1  # pjsip's own, 0 to 6


# --- engine to agent ---------------------------------------------------------------------------------------------


class Configure(msgspec.Struct, frozen=True, kw_only=True, tag="configure"):
    """The first frame: settings, trunks, the key that permits are sealed with, and who may be called without one."""

    settings: AgentSettings
    trunks: tuple[Trunk, ...]
    permit_key: bytes
    operators: tuple[OperatorLine, ...] = ()  # who may take a transfer: nobody else is called for one


class LoadSound(msgspec.Struct, frozen=True, kw_only=True, tag="load_sound"):
    """Load a prepared sound (8 kHz mono 16-bit WAV) under an id."""

    sound: str
    path: str


class MeetOperators(msgspec.Struct, frozen=True, kw_only=True, tag="meet_operators"):
    """These may take transfers, too: of a campaign that was not there when the agent was configured."""

    operators: tuple[OperatorLine, ...]


class PlaceCall(msgspec.Struct, frozen=True, kw_only=True, tag="place_call"):
    """Place one call. The agent verifies the permit first and answers with CallEnded(not_dialed) if it is no good."""

    plan: CallPlan


class HangUp(msgspec.Struct, frozen=True, kw_only=True, tag="hang_up"):
    """End one call, or all of them (attempt_id empty)."""

    attempt_id: str = ""


class OptOutStored(msgspec.Struct, frozen=True, kw_only=True, tag="opt_out_stored"):
    """The opt-out reported for this attempt is durable: the call may end."""

    attempt_id: str


class ConnectOperator(msgspec.Struct, frozen=True, kw_only=True, tag="connect_operator"):
    """The answer to TransferAsked, and to each OperatorFailed: call this operator. One that Configure names."""

    attempt_id: str
    address: str


class NobodyFree(msgspec.Struct, frozen=True, kw_only=True, tag="nobody_free"):
    """Or: no operator is free (any more)."""

    attempt_id: str


class ProbeTrunk(msgspec.Struct, frozen=True, kw_only=True, tag="probe_trunk"):
    """Send OPTIONS to a trunk now and answer with TrunkChanged."""

    trunk: str


class Ping(msgspec.Struct, frozen=True, kw_only=True, tag="ping"):
    """Are you alive? Answered with Pong of the same number."""

    number: int


class Shutdown(msgspec.Struct, frozen=True, kw_only=True, tag="shutdown"):
    """Hang up what is left, unregister, end the process."""


ToAgent = (
    Configure
    | LoadSound
    | MeetOperators
    | PlaceCall
    | HangUp
    | OptOutStored
    | ConnectOperator
    | NobodyFree
    | ProbeTrunk
    | Ping
    | Shutdown
)


# --- agent to engine ---------------------------------------------------------------------------------------------


class CompiledLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What pjsua2 was compiled with."""

    max_calls: int
    max_players: int
    max_conf_ports: int
    ioqueue_max_handles: int
    pjproject: str


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The endpoint is up."""

    pid: int
    sip_port: int
    limits: CompiledLimits


class AgentFailed(msgspec.Struct, frozen=True, kw_only=True, tag="agent_failed"):
    """The endpoint cannot be set up, or a sound cannot be loaded; ``kind`` is the error class in dialer.errors."""

    kind: str
    message: str
    hint: str = ""


class Stage(StrEnum):
    """How far a live call has come, for those who watch."""

    INVITED = "invited"
    RINGING = "ringing"
    EARLY_MEDIA = "early_media"
    ANSWERED = "answered"
    PLAYING = "playing"
    KEY = "key"
    WAITING = "waiting"  # for an operator
    OPERATOR = "operator"  # one is being called; the detail is the address
    TALKING = "talking"  # with the operator


class CallProgress(msgspec.Struct, frozen=True, kw_only=True, tag="call_progress"):
    """A live call has come a stage further."""

    attempt_id: str
    stage: Stage
    at: datetime
    detail: str = ""


class OptOut(msgspec.Struct, frozen=True, kw_only=True, tag="opt_out"):
    """The person asked not to be called again: to be made durable and answered with OptOutStored."""

    attempt_id: str
    number: str
    at: datetime
    how: str  # "key 9", "sip 607"


class TransferAsked(msgspec.Struct, frozen=True, kw_only=True, tag="transfer_asked"):
    """The person asked for an operator: to be answered with ConnectOperator or NobodyFree within two seconds."""

    attempt_id: str
    at: datetime


class OperatorFailed(msgspec.Struct, frozen=True, kw_only=True, tag="operator_failed"):
    """That operator did not take the call: to be answered like TransferAsked. ``sip_code`` 0: nobody sent one."""

    attempt_id: str
    address: str
    sip_code: int


class CallEnded(msgspec.Struct, frozen=True, kw_only=True, tag="call_ended"):
    """The last frame about an attempt, exactly one for each PlaceCall."""

    record: CallRecord


class TrunkChanged(msgspec.Struct, frozen=True, kw_only=True, tag="trunk_changed"):
    """A trunk's state, after a change or a probe."""

    status: TrunkStatus


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag="pong"):
    """The answer to Ping, with the live calls."""

    number: int
    live_calls: int


FromAgent = (
    Ready | AgentFailed | CallProgress | OptOut | TransferAsked | OperatorFailed | CallEnded | TrunkChanged | Pong
)

to_agent_encoder = msgspec.msgpack.Encoder()
to_agent_decoder: msgspec.msgpack.Decoder[ToAgent] = msgspec.msgpack.Decoder(ToAgent)
from_agent_encoder = msgspec.msgpack.Encoder()
from_agent_decoder: msgspec.msgpack.Decoder[FromAgent] = msgspec.msgpack.Decoder(FromAgent)


def framed(body: bytes) -> bytes:
    """``body`` with its length in front. Raises ValueError when it is longer than a frame may be."""
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is longer than {MAX_FRAME_BYTES}")
    return len(body).to_bytes(4, "big") + body


class FrameSplitter:
    """Cuts a byte stream into frame bodies."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Add what was received; return the bodies now complete. Raises ValueError on an impossible length."""
        self._buffer += data
        bodies = []
        start = 0
        while len(self._buffer) - start >= 4:
            length = int.from_bytes(self._buffer[start : start + 4], "big")
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes is longer than {MAX_FRAME_BYTES}")
            end = start + 4 + length
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[start + 4 : end]))
            start = end
        del self._buffer[:start]
        return bodies
