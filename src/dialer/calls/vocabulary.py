"""The outcomes with what they mean and what other systems call them: outcomes.toml, typed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

from dialer.calls.outcome import Outcome


class OutcomeFacts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One outcome's row. The fields are explained at the top of outcomes.toml."""

    description: str
    counts_toward_caps: bool
    retriable: bool
    on_the_wire: str
    dialstatus: tuple[str, ...]
    vicidial: tuple[str, ...]
    twilio: tuple[str, ...]
    sip: tuple[int, ...] = ()
    q850: tuple[int, ...] = ()


@cache
def vocabulary() -> Mapping[Outcome, OutcomeFacts]:
    """Every outcome with its facts, in the order of the file. The data is part of the package and read once."""
    text = Path(__file__).with_name("outcomes.toml").read_text(encoding="utf-8")
    return MappingProxyType(msgspec.convert(tomllib.loads(text), dict[Outcome, OutcomeFacts]))


@cache
def _by_sip() -> Mapping[int, Outcome]:
    return {code: outcome for outcome, facts in vocabulary().items() for code in facts.sip}


@cache
def _by_q850() -> Mapping[int, Outcome]:
    return {cause: outcome for outcome, facts in vocabulary().items() for cause in facts.q850}


def outcome_of_sip(code: int) -> Outcome:
    """What the final response ``code`` (300 or more) means; an unknown one counts as its x00 (RFC 3261 8.1.3.2).

    Except 6xx: 600 is busy, but a 6xx that we do not know is a refusal all the same.
    """
    known = _by_sip()
    if code >= 600:
        return known.get(code, Outcome.REJECTED)
    return known.get(code) or known.get(code // 100 * 100) or Outcome.FAILED


def outcome_of_q850(cause: int) -> Outcome | None:
    """What the Q.850 ``cause`` means, None where outcomes.toml has no word of its own for it."""
    return _by_q850().get(cause)
