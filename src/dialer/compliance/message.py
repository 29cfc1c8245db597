"""What a recorded message must say, and what the operator must have on file before it is played to anybody.

47 CFR 64.1200(b) and 16 CFR 310.4(b)(1)(v) in the United States; elsewhere what the rule rows say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from dialer.compliance.operator import Document, DocumentKind, Operator
from dialer.compliance.policy import MessageDeclaration, MessagePart, PartKind, Purpose, Voice
from dialer.compliance.rules import DocumentRule, MessageRule, RuleRow
from dialer.contacts.contact import Number, NumberKind
from dialer.contacts.plan import number_of_e164

WORDS = {
    PartKind.SELLER_NAME: "the seller's legal name",
    PartKind.CALLBACK: "a number at which the seller can be reached",
    PartKind.OPT_OUT: "how to opt out",
    PartKind.SALES_PURPOSE: "that the call is to sell",
    PartKind.ARTIFICIAL_VOICE: "that the voice is artificial",
    PartKind.ASKS_TO_CONTINUE: "whether the person wants to hear more",
}
ON_MACHINES = (PartKind.SELLER_NAME, PartKind.CALLBACK)  # said there whenever a row asks for them at all


@dataclass(frozen=True, slots=True)
class MissingDuty:
    """Something that a row asks of the message and the declaration lacks."""

    jurisdiction: str
    what: str
    citation: str


@dataclass(frozen=True, slots=True)
class MissingDocument:
    """Something that a row asks the operator to have on file; ``expired`` is the one that was."""

    jurisdiction: str
    kind: DocumentKind
    what: str
    citation: str
    expired: Document | None = None


def missing_duties(
    declaration: MessageDeclaration | None, purpose: Purpose, rows: Sequence[RuleRow]
) -> tuple[MissingDuty, ...]:
    """What the message lacks under ``rows``; in an emergency, countries that except it ask for nothing."""
    return tuple(
        MissingDuty(row.jurisdiction, what, row.citation)
        for row in binding_rows(rows, purpose)
        if row.message is not None
        for what in _lacking(declaration, purpose, row.message)
    )


def binding_rows(rows: Sequence[RuleRow], purpose: Purpose) -> Sequence[RuleRow]:
    """The rows whose message duties bind a call for ``purpose``."""
    if purpose is not Purpose.EMERGENCY:
        return rows
    excepting = {row.country for row in rows if row.emergency_citation}
    return [row for row in rows if row.country not in excepting]


def missing_documents(
    operator: Operator, rows: Sequence[RuleRow], purpose: Purpose, on: date
) -> tuple[MissingDocument, ...]:
    """What ``rows`` want on file before a sales call on this date, and the operator has not, or no longer."""
    if purpose is not Purpose.MARKETING:
        return ()
    missing = []
    for row in rows:
        for rule in row.documents:
            on_file = documents_for(operator, row, rule)
            if not any(each.valid_until is None or on <= each.valid_until for each in on_file):
                expired = on_file[-1] if on_file else None
                missing.append(MissingDocument(row.jurisdiction, rule.kind, rule.what, row.citation, expired))
    return tuple(missing)


def documents_for(operator: Operator, row: RuleRow, rule: DocumentRule) -> list[Document]:
    """The operator's documents of the kind that the row asks for, valid or not."""
    return [each for each in operator.documents if each.jurisdiction == row.jurisdiction and each.kind is rule.kind]


def _lacking(declaration: MessageDeclaration | None, purpose: Purpose, rule: MessageRule) -> Iterator[str]:
    if declaration is None:
        yield "any declared parts"
        return
    wanted = (*rule.parts, *(rule.sales_parts if purpose is Purpose.MARKETING else ()))
    if rule.artificial_voice and declaration.voice is Voice.ARTIFICIAL:
        wanted = (*wanted, PartKind.ARTIFICIAL_VOICE)
    for kind in dict.fromkeys(wanted):
        if _first(declaration.parts, kind) is None:
            yield WORDS[kind]
    yield from _late(declaration.parts, rule)
    if declaration.machine_parts:
        yield from _lacking_on_machines(declaration, rule, wanted)


def _late(parts: Sequence[MessagePart], rule: MessageRule) -> Iterator[str]:
    name, opt_out = _first(parts, PartKind.SELLER_NAME), _first(parts, PartKind.OPT_OUT)
    if name is None:
        return
    if rule.name_within_s and name.begins_s > rule.name_within_s:
        yield f"{WORDS[PartKind.SELLER_NAME]} within {rule.name_within_s:g} s of the beginning"
    latest = name.ends_s + rule.opt_out_after_name_s
    if rule.opt_out_after_name_s and opt_out is not None and opt_out.begins_s > latest:
        yield f"{WORDS[PartKind.OPT_OUT]} within {rule.opt_out_after_name_s:g} s of {WORDS[PartKind.SELLER_NAME]}"


def _lacking_on_machines(
    declaration: MessageDeclaration, rule: MessageRule, wanted: Sequence[PartKind]
) -> Iterator[str]:
    for kind in ON_MACHINES:
        if kind in wanted and _first(declaration.machine_parts, kind) is None:
            yield f"{WORDS[kind]}, on machines"
    if not rule.toll_free_on_machines:
        return
    if _first(declaration.machine_parts, PartKind.OPT_OUT) is None:
        yield f"{WORDS[PartKind.OPT_OUT]}, on machines"
    number = number_of_e164(declaration.opt_out_number)
    if not isinstance(number, Number) or number.kind is not NumberKind.TOLL_FREE:
        yield "a toll-free number that takes opt-outs, on machines"


def _first(parts: Sequence[MessagePart], kind: PartKind) -> MessagePart | None:
    return next((part for part in parts if part.kind is kind), None)
