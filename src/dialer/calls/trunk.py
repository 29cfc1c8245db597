"""A way into the telephone network, as the agent needs to know it."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Transport(StrEnum):
    """How SIP travels to the trunk."""

    UDP = "udp"
    TCP = "tcp"


class Codec(StrEnum):
    """What is spoken over RTP (RFC 3551)."""

    PCMU = "PCMU"
    PCMA = "PCMA"


class TransferBy(StrEnum):
    """How a call over the trunk is handed to an operator."""

    BRIDGE = "bridge"  # the agent calls the operator and joins the two calls
    REFER = "refer"  # the trunk is asked to connect the operator itself (RFC 3515), and our call ends


class MediaFrom(StrEnum):
    """Whose RTP is a callee's."""

    SDP = "sdp"  # the address's that the trunk named in SDP, and nobody else's
    ANYWHERE = "anywhere"  # whoever's comes: for a trunk whose gateways send from other addresses than they name


class Trunk(msgspec.Struct, frozen=True, kw_only=True):
    """One section of sip.conf."""

    name: str
    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    register: bool = False  # else the trunk trusts our address
    register_seconds: int = 300
    user: str = ""
    secret: str = msgspec.field(default="")  # never logged: repr hides it
    realm: str = "*"
    domain: str = ""  # of From and To; empty: the host
    codecs: tuple[Codec, ...] = (Codec.PCMU, Codec.PCMA)
    media_from: MediaFrom = MediaFrom.SDP
    caller_ids: tuple[str, ...] = ()  # E.164; empty: any that the operator has on file
    cps: float = 10.0  # new calls a second
    channels: int = 100  # live calls
    ring_timeout_s: float = 30.0
    options_seconds: int = 30  # OPTIONS keep-alive; 0: none
    transfer: TransferBy = TransferBy.BRIDGE
    private: bool = False  # Privacy: id (RFC 3323), where the trunk wants the asserted identity kept from the callee

    def __repr__(self) -> str:
        return f"Trunk({self.name!r}, {self.host}:{self.port}/{self.transport})"


class TrunkState(StrEnum):
    """What is known of a trunk now."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"  # no answer to OPTIONS, or registration lost
    REFUSED = "refused"  # wrong secret, or registration forbidden


class TrunkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk's state with the code and words behind it."""

    trunk: str
    state: TrunkState
    sip_code: int = 0
    detail: str = ""
