"""What a decision rested on, kept small enough to be stored with every attempt and refusal.

The facts are kept whole, but for the person's name, address and the list's own columns, which decide nothing. The
rules, the operator's file and the campaign's policy are named by digest; their texts are kept once each.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, get_type_hints

import msgspec

from dialer.compliance.decision import CheckName, Verdict
from dialer.compliance.operator import Operator
from dialer.compliance.policy import (
    AbandonmentCount,
    CampaignPolicy,
    Dealing,
    DncEntry,
    Facts,
    PastAttempt,
    ReassignedAnswer,
    RegistryAnswer,
)
from dialer.compliance.rules import RuleTable
from dialer.contacts.contact import Consent, Contact, LineType, Number, NumberKind, Recipient, Relationship
from dialer.errors import ComplianceError

T = TypeVar("T")
FORMAT = 1


class BasisText(NamedTuple):
    """A text that decisions refer to by its digest."""

    digest: str
    kind: str  # "rules", "operator", "policy"
    body: bytes


class Versions(NamedTuple):
    """The digests of the texts that a decision was made by."""

    rules: str
    operator: str
    policy: str


class Basis(NamedTuple):
    """A decision as it can be made again; ``objections`` are the checks that did not pass."""

    at: datetime
    versions: Versions
    facts: Facts
    objections: dict[CheckName, Verdict]
    defer_until: datetime | None


class _Packed:
    """Packs dataclasses of one kind as arrays, in the order of their fields: fields are only ever added at the end."""

    def __init__(self, kind: type[Any]) -> None:
        hints = get_type_hints(kind)
        fields = dataclasses.fields(kind)
        self.pack: Callable[[Any], tuple[Any, ...]] = attrgetter(*(field.name for field in fields))
        self.mirror = msgspec.defstruct(
            kind.__name__,
            [
                (field.name, hints[field.name])
                if field.default is dataclasses.MISSING
                else (field.name, hints[field.name], field.default)
                for field in fields
            ],
            array_like=True,
            frozen=True,
        )
        self._kind = kind

    def unpack(self, mirrored: Any) -> Any:
        return self._kind(*msgspec.structs.astuple(mirrored))


_CONSENT, _PAST, _REGISTRY = _Packed(Consent), _Packed(PastAttempt), _Packed(RegistryAnswer)
_DEALING, _DNC, _REASSIGNED = _Packed(Dealing), _Packed(DncEntry), _Packed(ReassignedAnswer)
_ABANDONMENT = _Packed(AbandonmentCount)


class _Who(msgspec.Struct, frozen=True, array_like=True):
    e164: str
    region: str
    kind: NumberKind
    time_zone: str | None
    postal_code: str
    state: str
    recipient: Recipient
    line_type: LineType
    relationship: Relationship


_Written = msgspec.defstruct(
    "Written",
    [
        ("format", int),
        ("at", datetime),
        ("versions", tuple[str, str, str]),
        ("who", _Who),
        ("consents", list[_CONSENT.mirror]),  # type: ignore[name-defined]
        ("dnc", _DNC.mirror | None),
        ("history", list[_PAST.mirror]),  # type: ignore[name-defined]
        ("read_at", datetime),
        ("registries", list[_REGISTRY.mirror]),  # type: ignore[name-defined]
        ("dealings", list[_DEALING.mirror]),  # type: ignore[name-defined]
        ("reassigned", _REASSIGNED.mirror | None),
        ("abandonment", _ABANDONMENT.mirror | None),
        ("objections", dict[CheckName, Verdict]),
        ("defer_until", datetime | None),
    ],
    array_like=True,
    frozen=True,
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Written).decode


def packed(
    facts: Facts, at: datetime, versions: Versions, objections: dict[CheckName, Verdict], defer_until: datetime | None
) -> bytes:
    """The basis of a decision, packed."""
    contact = facts.contact
    number = contact.number
    return _encode(
        (
            FORMAT,
            at,
            versions,
            (
                number.e164,
                number.region,
                number.kind,
                contact.time_zone,
                contact.postal_code,
                contact.state,
                contact.recipient,
                contact.line_type,
                contact.relationship,
            ),
            [_CONSENT.pack(each) for each in facts.consents],
            facts.internal_dnc and _DNC.pack(facts.internal_dnc),
            [_PAST.pack(each) for each in facts.history],
            facts.read_at,
            [_REGISTRY.pack(each) for each in facts.registries],
            [_DEALING.pack(each) for each in facts.dealings],
            facts.reassigned and _REASSIGNED.pack(facts.reassigned),
            facts.abandonment and _ABANDONMENT.pack(facts.abandonment),
            objections,
            defer_until,
        )
    )


def unpacked(basis: bytes) -> Basis:
    """What ``packed`` packed; the contact is nameless. Raises ComplianceError for anything else."""
    try:
        written: Any = _decode(basis)
    except msgspec.MsgspecError as error:
        raise ComplianceError(
            f"the basis of the decision cannot be read: {error}", hint="`dialer audit verify` finds what was changed"
        ) from error
    if written.format != FORMAT:
        raise ComplianceError(f"the basis has format {written.format}, this version reads {FORMAT}")
    who = written.who
    contact = Contact(
        number=Number(who.e164, who.region, who.kind),
        time_zone=who.time_zone,
        postal_code=who.postal_code,
        state=who.state,
        recipient=who.recipient,
        line_type=who.line_type,
        relationship=who.relationship,
    )
    facts = Facts(
        contact=contact,
        consents=_all(_CONSENT, written.consents),
        internal_dnc=written.dnc and _DNC.unpack(written.dnc),
        history=_all(_PAST, written.history),
        read_at=written.read_at,
        registries=_all(_REGISTRY, written.registries),
        dealings=_all(_DEALING, written.dealings),
        reassigned=written.reassigned and _REASSIGNED.unpack(written.reassigned),
        abandonment=written.abandonment and _ABANDONMENT.unpack(written.abandonment),
    )
    return Basis(written.at, Versions(*written.versions), facts, written.objections, written.defer_until)


def _all(kind: _Packed, mirrored: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(kind.unpack(each) for each in mirrored)


def rules_text(rules: RuleTable) -> BasisText:
    """The rule table's own text."""
    return BasisText(rules.version, "rules", msgspec.json.encode(rules.texts))


def operator_text(operator: Operator) -> BasisText:
    """What the operator had on file."""
    return BasisText(operator.version, "operator", msgspec.json.encode(operator))


def policy_text(policy: CampaignPolicy) -> BasisText:
    """The campaign's policy."""
    body = msgspec.json.encode(policy)
    return BasisText(hashlib.sha256(body).hexdigest()[:12], "policy", body)


def read_text(text: BasisText, kind: type[T]) -> T:
    """The value of a text. Raises ComplianceError when it cannot be read."""
    try:
        return msgspec.json.decode(text.body, type=kind)
    except msgspec.MsgspecError as error:
        raise ComplianceError(f"the {text.kind} {text.digest} cannot be read: {error}") from error
