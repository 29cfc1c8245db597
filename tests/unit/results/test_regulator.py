"""The record of a call as a regulator asks for it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from tests.contract import lawful_values
from tests.unit.compliance.test_basis import NOW, NUMBER, VERSIONS

from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallRecord, EndedBy
from dialer.campaigns.definition import parse_definition
from dialer.cli.templates import CAMPAIGN
from dialer.compliance.basis import packed, unpacked
from dialer.compliance.decision import Permit
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CallerIdRight, Facts
from dialer.contacts.contact import Contact, Recipient
from dialer.results.records import AttemptRow
from dialer.results.regulator import COLUMNS, regulator_row

SELLER = "Sunrise Clinic LLC"
RECORD = CallRecord(
    attempt_id="a1",
    outcome=Outcome.ACCEPTED,
    invite_at=NOW,
    answered_at=NOW + timedelta(seconds=4),
    ended_at=NOW + timedelta(seconds=16.5),
    ended_by=EndedBy.DIALER,
    answered_by=AnsweredBy.HUMAN,
)


def attempt(record: CallRecord | None, basis: bytes = b"") -> AttemptRow:
    permit = Permit(
        attempt_id="a1", campaign_id=1, number=NUMBER.e164, caller_id="+13055550100", rules_version="r1",
        issued_at=NOW, expires_at=NOW, basis=basis,
    )  # fmt: skip
    return AttemptRow("a1", 1, "Reminders", 7, "Ana Souza", NUMBER.e164, NOW, permit, record, "sound1")


def test_every_field_of_the_rule_is_there() -> None:
    consent = dataclasses.replace(lawful_values.WRITTEN, seller=SELLER, evidence="ip 203.0.113.4")
    registries = (lawful_values.answer("us_national", NOW.date()),)
    facts = Facts(Contact(NUMBER, recipient=Recipient.HOUSEHOLD), (consent,), None, (), NOW, registries)
    basis = unpacked(packed(facts, NOW, VERSIONS, {}, None))
    operator = Operator((CallerIdRight("+13055550100", "owned", "order 7"),))
    row = regulator_row(
        attempt(RECORD), basis, parse_definition(CAMPAIGN, "c"), operator, telemarketer="Callers Inc", message="sound1",
        script="f" * 64,
    )  # fmt: skip
    assert list(row) == list(COLUMNS)
    assert (row["calling_number"], row["right_to_number"]) == ("+13055550100", "owned: order 7")
    assert (row["called_number"], row["date"], row["time"]) == (NUMBER.e164, "2026-11-20", "18:00:00")
    assert (row["duration_s"], row["disposition"], row["answered_by"]) == ("12.5", "accepted", "human")
    assert (row["seller"], row["telemarketer"], row["purpose"]) == (SELLER, "Callers Inc", "health")
    assert (row["recipient"], row["recorded_message"], row["message"]) == ("household", "yes", "sound1")
    assert (row["consent_kind"], row["consent_signature"]) == ("written", "e-sign 88")
    assert row["consent_evidence"] == "ip 203.0.113.4"
    assert row["registries"] == "us_national us_national-1 of 2026-11-19"
    assert row["said"].startswith("seller_name 0-2.1 s")


def test_what_was_not_kept_is_empty() -> None:
    row = regulator_row(
        attempt(None), None, parse_definition(CAMPAIGN, "c"), None, telemarketer="", message="", script=""
    )
    assert (row["disposition"], row["duration_s"], row["consent_kind"], row["registries"]) == ("open", "0.0", "", "")
