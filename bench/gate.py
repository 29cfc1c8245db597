"""The gate: full decisions a second on one core, with everything that a real sales campaign in the United States asks.

Every decision is about another number, in the area codes of ten states; a third of the people were called before, one
in ten is listed in the registries, and each decision carries what it rested on, packed. The peer is the same gate,
remembering nothing: what a decision costs when the law of the place is worked out anew for each call.

Run: python -m bench.gate [--decisions 200000] [--quick]
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from bench.common import Figure, machine

from dialer.compliance.decision import Permit
from dialer.compliance.gate import Gate
from dialer.compliance.operator import Document, Operator
from dialer.compliance.policy import (
    CallerIdRight,
    CampaignPolicy,
    Facts,
    MessageDeclaration,
    MessagePart,
    PartKind,
    PastAttempt,
    Purpose,
    RegistryAnswer,
    Voice,
)
from dialer.compliance.rules import RuleTable, builtin_rules
from dialer.contacts.contact import Consent, ConsentKind, Contact, Number, NumberKind

AREA_CODES = ("212", "305", "850", "404", "312", "713", "216", "503", "617", "615")
NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)  # a Friday: 13:00 in New York, 10:00 in Oregon
KEY = bytes(32)
CALLER_ID = "+12125550100"
RATE, P99_US = 20_000, 100
QUICK = 20_000
ANEW = 300  # decisions of the peer

CONSENT = Consent(
    ConsentKind.WRITTEN,
    NOW - timedelta(days=90),
    "web form",
    text="Yes, call me with recorded offers; I need not agree to buy anything",
    seller="Acme Ltd",
    signature="e-sign 88",
    authorises_recorded=True,
    not_a_condition=True,
)
MESSAGE = MessageDeclaration(
    Voice.HUMAN,
    (
        MessagePart(PartKind.SELLER_NAME, 0, 2),
        MessagePart(PartKind.OPT_OUT, 2.5, 5),
        MessagePart(PartKind.SALES_PURPOSE, 5, 7),
        MessagePart(PartKind.CALLBACK, 7, 10),
    ),
)
POLICY = CampaignPolicy(
    campaign_id=1,
    purpose=Purpose.MARKETING,
    seller="Acme Ltd",
    caller_id=CALLER_ID,
    callback_number=CALLER_ID,
    hours=None,
    max_attempts=3,
    gap=timedelta(hours=4),
    message=MESSAGE,
)


def main() -> None:
    """Measure, print, and close with the main figure: decisions a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=200_000)
    parser.add_argument("--quick", action="store_true", help="few decisions, many of them the first of their place")
    asked = parser.parse_args()
    count = QUICK if asked.quick else asked.decisions
    print(f"{machine()}\n{count:,} decisions{', quick' if asked.quick else ''}")
    rules = builtin_rules()
    operator = Operator(
        (CallerIdRight(CALLER_ID, "owned"),),
        documents=tuple(
            Document(rule.kind, row.jurisdiction, "on file") for row in rules.rows for rule in row.documents
        ),
    )
    questions = [_facts(index, rules) for index in range(count)]
    gc.freeze()  # the questions are the bench's own burden
    gate = Gate(rules, operator, KEY)
    verdicts: Counter[str] = Counter()
    times = []
    packed = 0
    begun = time.process_time()
    for facts in questions:
        before = time.perf_counter_ns()
        decision = gate.decide("attempt", facts, POLICY, NOW)
        times.append(time.perf_counter_ns() - before)
        packed += len(decision.basis)
        verdicts["permit" if isinstance(decision, Permit) else decision.refused_by.value] += 1
    rate = count / (time.process_time() - begun)
    times.sort()
    anew = _anew(rules, operator, questions[:: max(1, count // ANEW)])
    print("  ".join(f"{word} {number}" for word, number in verdicts.most_common()))
    print(f"{rate:12,.0f} decisions/s on one core       target >= {RATE:,}")
    print(f"{statistics.median(times) / 1000:12.1f} us, median")
    print(f"{times[int(count * 0.99)] / 1000:12.1f} us, 99th percentile          target <= {P99_US}")
    print(f"{times[-1] / 1000:12.1f} us, longest")
    print(f"{packed / count:12.0f} bytes of basis each")
    print(f"{anew:12,.0f} decisions/s by a gate that remembers nothing")
    Figure(
        name="gate decisions",
        value=round(rate),
        unit="1/s a core",
        target=RATE,
        peer="the same gate, remembering nothing",
        peer_value=round(anew),
        ratio=round(rate / anew, 1),
    ).print()


def _facts(index: int, rules: RuleTable) -> Facts:
    area = AREA_CODES[index % len(AREA_CODES)]
    e164 = f"+1{area}{200 + index // 10_000 % 700}{index % 10_000:04}"
    history = (PastAttempt(f"a{index}", 1, NOW - timedelta(hours=40), "no_answer"),) if index % 3 == 0 else ()
    registries = tuple(
        _answer(rule.registry, NOW.date(), listed=index % 10 == 7)
        for row in rules.rows
        for rule in row.registries
        if row.country == "US"
    )
    contact = Contact(Number(e164, "US", NumberKind.FIXED_OR_MOBILE))
    return Facts(contact, (CONSENT,), None, history, NOW, registries)


def _answer(registry: str, on: date, *, listed: bool) -> RegistryAnswer:
    return RegistryAnswer(registry, listed, True, on - timedelta(days=3), NOW, "20261118T060000-0123abcd", "ab" * 32)


def _anew(rules: RuleTable, operator: Operator, questions: list[Facts]) -> float:
    begun = time.process_time()
    for facts in questions:
        Gate(rules, operator, KEY).decide("attempt", facts, POLICY, NOW)
    return len(questions) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
