"""From what SIP and the telephone network say to an outcome.

Followed here: RFC 3326 (Reason), RFC 3398 (SIP to ISUP and back), RFC 8197 (607), RFC 8688 (608), ATIS-1000099 (603+).
Everything in these headers comes from strangers: parsing never raises, and what does not parse is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from dialer.calls.events import FinalResponse
from dialer.calls.outcome import Outcome
from dialer.calls.vocabulary import outcome_of_q850, outcome_of_sip

# RFC 3398 section 8.2.6.1. Codes without a mapping there (487, 488, 606) are left out.
SIP_TO_Q850: Mapping[int, int] = MappingProxyType(
    {
        400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22,
        413: 127, 414: 127, 415: 79, 416: 127, 420: 127, 421: 127, 423: 127,
        480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17,
        500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127,
        600: 17, 603: 21, 604: 1,
        607: 21, 608: 21,  # RFC 8197 and RFC 8688: call rejected
    }
)  # fmt: skip

# RFC 3398 section 7.2.4.1. 16 is a BYE, not a response; every cause without a mapping is 500.
Q850_TO_SIP: Mapping[int, int] = MappingProxyType(
    {
        1: 404, 2: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 22: 410, 23: 410, 26: 404,
        27: 502, 28: 484, 29: 501, 31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503,
        65: 488, 70: 488, 79: 501, 87: 403, 88: 503, 102: 504, 111: 500, 127: 500,
    }
)  # fmt: skip

# Causes that say nothing (normal clearing, normal unspecified, interworking unspecified): the SIP code decides.
_EMPTY_CAUSES = frozenset({16, 31, 127})

# Codes that are not about the callee's line, whatever a gateway's Reason adds: the trunk does not accept us
# (401, 402, 407), the callee does not want us (607), analytics on the way does not (608).
_DECISIVE_CODES = frozenset({401, 402, 407, 607, 608})

# pjsip's own codes for a time-out and a failed transport; its others are about what was agreed with the callee.
_NO_TRUNK = frozenset({408, 503})

_ANALYTICS = "v=analytics1"
_NETWORK_BLOCKED = "network blocked"
_REDRESS_KEYS = ("url", "tel", "email")
_MAX_REDRESS = 500
_MAX_HEADER = 2_000  # characters looked at; a stranger's unclosed quotes shall cost no time


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of a Reason header."""

    protocol: str  # "SIP", "Q.850", as written
    cause: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a final response of 300 or more means."""

    outcome: Outcome
    q850: int | None  # received, else derived from the SIP code; None where RFC 3398 has no mapping
    q850_received: bool
    redress: str = ""  # where to complain about a block
    detail: str = ""


def outcome_of_failure(response: FinalResponse) -> Failure:
    """What ``response`` means, with the cause and the redress that it names."""
    if response.local:
        no_trunk = response.code in _NO_TRUNK
        return Failure(Outcome.TRUNK_FAILURE if no_trunk else Outcome.FAILED, None, False, detail=response.phrase)
    reasons = parse_reason_header(response.reason_header)
    received = _first_q850(reasons)
    derived = SIP_TO_Q850.get(response.code)
    return Failure(
        outcome=_outcome(response, reasons, received),
        q850=derived if received is None else received,
        q850_received=received is not None,
        redress=_redress(response, reasons),
        detail="redirect not followed" if 300 <= response.code < 400 else "",
    )


def _outcome(response: FinalResponse, reasons: tuple[Reason, ...], q850: int | None) -> Outcome:
    if response.code in _DECISIVE_CODES:
        return outcome_of_sip(response.code)
    if _blocked_by_analytics(response, reasons):
        return Outcome.NETWORK_BLOCKED
    if q850 is None or q850 in _EMPTY_CAUSES:
        return outcome_of_sip(response.code)
    return outcome_of_q850(q850) or outcome_of_sip(Q850_TO_SIP.get(q850, 500))


def _blocked_by_analytics(response: FinalResponse, reasons: tuple[Reason, ...]) -> bool:
    """603+: its phrase, or its text; the text tells too where a gateway made another code of the 603."""
    phrase = response.code == 603 and response.phrase.strip().lower() == _NETWORK_BLOCKED
    return phrase or any(reason.text.lower().startswith(_ANALYTICS) for reason in reasons)


def _redress(response: FinalResponse, reasons: tuple[Reason, ...]) -> str:
    if response.code == 608:
        return ", ".join(re.findall(r"<([^<>]*)>", response.call_info[:_MAX_HEADER]))[:_MAX_REDRESS]
    for reason in reasons:
        if reason.text.lower().startswith(_ANALYTICS):
            pairs = (pair.partition("=") for pair in reason.text.split(";"))
            found = [value.strip() for key, _, value in pairs if key.strip().lower() in _REDRESS_KEYS]
            return ", ".join(found)[:_MAX_REDRESS]
    return ""


def received_q850(reason_header: str) -> int | None:
    """The Q.850 cause that a Reason header brings, the first of several; None when it brings none."""
    return _first_q850(parse_reason_header(reason_header))


def _first_q850(reasons: tuple[Reason, ...]) -> int | None:
    causes = (r.cause for r in reasons if r.protocol.upper() == "Q.850" and r.cause is not None)
    return next((cause for cause in causes if 1 <= cause <= 127), None)


_QUOTED_OR_NOT = r'(?:[^"%s]|"(?:[^"\\]|\\.)*+\\?"?)++'  # a quote that is never closed goes to the end
_VALUES = re.compile(_QUOTED_OR_NOT % ",", re.DOTALL)
_PARAMETERS = re.compile(_QUOTED_OR_NOT % ";", re.DOTALL)


def parse_reason_header(header: str) -> tuple[Reason, ...]:
    """The values of a Reason header, in order: ``protocol *(;name=value)``, comma between (RFC 3326 section 2)."""
    reasons = []
    for value in _VALUES.findall(header[:_MAX_HEADER]):
        protocol, _, parameters = value.partition(";")
        named = {
            name.strip().lower(): _unquoted(content.strip())
            for name, _, content in (parameter.partition("=") for parameter in _PARAMETERS.findall(parameters))
        }
        cause = named.get("cause", "")
        reasons.append(
            Reason(
                protocol=protocol.strip(),
                cause=int(cause) if re.fullmatch(r"[0-9]{1,3}", cause) else None,
                text=named.get("text", ""),
            )
        )
    return tuple(reason for reason in reasons if reason.protocol)


def _unquoted(content: str) -> str:
    if len(content) >= 2 and content[0] == content[-1] == '"':
        return re.sub(r"\\(.)", r"\1", content[1:-1], flags=re.DOTALL)
    return content
