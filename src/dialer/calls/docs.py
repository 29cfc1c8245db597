"""Pages of the documentation made from data: ``python -m dialer.calls.docs outcomes > docs/outcomes.md``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from dialer.calls.causes import Q850_TO_SIP, SIP_TO_Q850
from dialer.calls.states import IGNORED, LIVE, TRANSITIONS, UNANSWERED, CallState, Kind, Row, Then, Timer
from dialer.calls.vocabulary import vocabulary

_OUTCOMES_HEAD: Final = """\
# Outcomes

Every attempt ends in exactly one of these words. The codes that led to it are kept beside it, never replaced by it.
This page is made from `src/dialer/calls/outcomes.toml`; change that file, then run
`python -m dialer.calls.docs outcomes > docs/outcomes.md`.

**Counts** says whether the attempt counts toward the caps of the law: yes, wherever an INVITE left, for a telephone may
have rung. **Again** says whether a campaign tries again unless its file says otherwise, within its caps and gaps.
"""

_CAUSES_HEAD: Final = """\
## How a failed call gets its word

1. 607 is an opt-out, 608 a block by analytics; 401, 402 and 407 mean that the trunk does not accept us.
2. 603+ (ATIS-1000099) is told from a plain 603 by its phrase `Network Blocked`, or by a Reason text that starts with
   `v=analytics1`. Its URL, telephone number or e-mail address, and the Call-Info of a 608, are kept as the redress.
3. A Q.850 cause in a Reason header (RFC 3326) decides next, unless it says nothing (16, 31 and 127).
4. Else the SIP code decides. An unknown code counts as its x00 (RFC 3261 section 8.1.3.2), an unknown 6xx as rejected.

A 3xx is never followed: nobody has asked whether its new target may be called. Only a 503 that carries no cause of the
callee's own, a time-out and a transport error lead to the next trunk, and none of them once the telephone has rung.

The cause on record is the one received, else the one that RFC 3398 section 8.2.6.1 derives from the code:
"""

_STATES_HEAD: Final = """\
# The states of a call

This page is drawn from the table in `src/dialer/calls/states.py`, which has every transition there is: any other event
raises `CallStateError` and changes nothing. Late events that a state ignores are not drawn. Made with
`python -m dialer.calls.docs states > docs/call-states.md`.

"""

_GROUPS: Final[Mapping[str, Row]] = MappingProxyType({"before_the_answer": UNANSWERED, "answered_call": LIVE})


def outcomes_page() -> str:
    """docs/outcomes.md."""
    rows = [
        (
            f"`{outcome}`",
            facts.description,
            facts.on_the_wire,
            _listed(facts.q850),
            _listed(facts.dialstatus),
            _listed(facts.vicidial),
            _listed(facts.twilio),
            "yes" if facts.counts_toward_caps else "no",
            "yes" if facts.retriable else "no",
        )
        for outcome, facts in vocabulary().items()
    ]
    head = ("Outcome", "Meaning", "SIP", "Q.850", "Asterisk", "VICIdial", "Twilio", "Counts", "Again")
    to_q850 = _table(("SIP", "Q.850"), _grouped(SIP_TO_Q850))
    to_sip = _table(("Q.850", "SIP"), _grouped(Q850_TO_SIP))
    back = "\nand from a cause to a code, as RFC 3398 section 7.2.4.1 has it (any other cause is 500):\n"
    return "\n".join([_OUTCOMES_HEAD, _table(head, rows), "", _CAUSES_HEAD, to_q850, back, to_sip, ""])


def states_page() -> str:
    """docs/call-states.md."""
    members = {
        group: [
            state for state, row in TRANSITIONS.items() if all(row.get(kind) is shared[kind] for kind in _ways(shared))
        ]
        for group, shared in _GROUPS.items()
    }
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {CallState.INVITING}: start"]
    for group, states in members.items():
        lines += [f"    state {group} {{", *(f"        {state}" for state in states), "    }"]
        lines += _arrows(group, _GROUPS[group])
    for state, row in TRANSITIONS.items():
        drawn_with_group = [shared for group, shared in _GROUPS.items() if state in members[group]]
        own = {kind: then for kind, then in row.items() if all(then is not g.get(kind) for g in drawn_with_group)}
        lines += _arrows(state, own)
    lines += [f"    {CallState.ENDED} --> [*]", "```", ""]
    meanings = _table(
        ("State", "May end by"), [(f"`{state}`", _listed(_timers(row))) for state, row in TRANSITIONS.items()]
    )
    return _STATES_HEAD + "\n".join([*lines, "The timers that run in each state:", "", meanings, ""])


def _ways(row: Row) -> list[Kind]:
    return [kind for kind, then in row.items() if then is not IGNORED and then.to]


def _arrows(source: str, row: Row) -> list[str]:
    targets: dict[CallState, list[str]] = {}
    for kind, then in row.items():
        for target in sorted(then.to, key=list(CallState).index):
            if then is not IGNORED:
                targets.setdefault(target, []).append(_name(kind))
    return [f"    {source} --> {target}: {', '.join(names)}" for target, names in targets.items()]


def _name(kind: Kind) -> str:
    return kind.value if isinstance(kind, Timer) else kind.__name__


def _timers(row: Mapping[Kind, Then]) -> list[str]:
    return [kind.value for kind in row if isinstance(kind, Timer)]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in values) or "–"


def _grouped(mapping: Mapping[int, int]) -> list[tuple[str, str]]:
    targets = sorted(set(mapping.values()))
    return [(_listed(code for code in mapping if mapping[code] == target), str(target)) for target in targets]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    sys.stdout.write({"outcomes": outcomes_page, "states": states_page}[sys.argv[1]]())
