"""What a lawful call has: a complete consent, a message that says all it must, documents on file, fresh registries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from dialer.compliance.operator import Document, Operator
from dialer.compliance.policy import (
    CallerIdRight,
    MessageDeclaration,
    MessagePart,
    PartKind,
    RegistryAnswer,
    Voice,
)
from dialer.compliance.rules import RuleTable
from dialer.contacts.contact import Consent, ConsentKind

LONG_AGO = datetime(2024, 9, 1, tzinfo=UTC)
TOLL_FREE = "+18005550199"

WRITTEN = Consent(
    ConsentKind.WRITTEN,
    LONG_AGO,
    "web form",
    text="Yes, call me with recorded offers; I need not agree to buy anything",
    seller="Acme",
    signature="e-sign 88",
    authorises_recorded=True,
    not_a_condition=True,
)

MESSAGE = MessageDeclaration(
    Voice.HUMAN,
    parts=(
        MessagePart(PartKind.SELLER_NAME, 0.0, 2.0),
        MessagePart(PartKind.OPT_OUT, 2.5, 5.0),
        MessagePart(PartKind.SALES_PURPOSE, 5.0, 7.0),
        MessagePart(PartKind.ASKS_TO_CONTINUE, 7.0, 8.0),
        MessagePart(PartKind.CALLBACK, 8.0, 11.0),
    ),
    opt_out_number=TOLL_FREE,
)


def documents(rules: RuleTable) -> tuple[Document, ...]:
    """Everything that any row wants on file."""
    return tuple(Document(rule.kind, row.jurisdiction, "folder 1") for row in rules.rows for rule in row.documents)


def operator(rules: RuleTable, caller_ids: Iterable[CallerIdRight]) -> Operator:
    """One with every document, and no override."""
    return Operator(tuple(caller_ids), documents=documents(rules))


def answer(registry: str, on: date, *, listed: bool = False, covered: bool = True, age_days: int = 1) -> RegistryAnswer:
    data_date = on - timedelta(days=age_days)
    loaded_at = datetime.combine(data_date, datetime.min.time(), UTC)
    return RegistryAnswer(registry, listed, covered, data_date, loaded_at, f"{registry}-1", "ab" * 32)


def registries(rules: RuleTable, on: date, listed: Iterable[str] = ()) -> tuple[RegistryAnswer, ...]:
    """Fresh answers of every registry that any row names."""
    names = dict.fromkeys(rule.registry for row in rules.rows for rule in row.registries)
    return tuple(answer(name, on, listed=name in listed) for name in names)
