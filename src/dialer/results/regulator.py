"""The record of one call as 16 CFR 310.5(a) wants it kept, field by field, from what was stored with the call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dialer.campaigns.definition import Definition
from dialer.compliance.basis import Basis
from dialer.compliance.consent import relationship_until, standing
from dialer.compliance.operator import Operator
from dialer.results.records import AttemptRow

COLUMNS: Mapping[str, str] = {
    "attempt_id": "the call's id, also the Call-ID's beginning",
    "campaign": "the campaign",
    "calling_number": "the number presented",
    "calling_name": "the name presented beside it",
    "right_to_number": "on what ground it may be presented, and where that is proven",
    "called_number": "the number called",
    "date": "UTC, of the INVITE",
    "time": "UTC, of the INVITE",
    "duration_s": "from answer to end, in seconds; 0: not answered",
    "disposition": "what became of the call",
    "answered_by": "human, machine, silence, unknown; empty: not answered",
    "transferred_to": "where an accepted call was put through; empty: nowhere",
    "seller": "on whose behalf",
    "telemarketer": "who placed the call",
    "purpose": "the kind of call: marketing says a good or service was offered",
    "recipient": "household, business or unknown",
    "recorded_message": "yes: every call plays one",
    "message": "the recording, by its content hash",
    "said": "what it says and when, as the campaign declares",
    "consent_kind": "of the consent that was relied on",
    "consent_at": "when it was given",
    "consent_source": "where",
    "consent_text": "the request as shown",
    "consent_seller": "in whose favour",
    "consent_signature": "how it was signed",
    "consent_evidence": "what proves it",
    "relationship_until": "the end of an established business relationship",
    "do_not_call": "the operator's own entry for the number at that time",
    "registries": "registry, version and date of the data that the number was checked against",
    "rules_version": "the rules that the call was permitted by",
    "placed_at": "when the permit was made durable",
    "script": "the campaign file's SHA-256",
}
"""The export's columns, in order, with what each holds."""


def regulator_row(
    row: AttemptRow, basis: Basis | None, definition: Definition, operator: Operator | None, *,
    telemarketer: str, message: str, script: str,
) -> dict[str, str]:  # fmt: skip
    """One call. What was not kept at its time is empty."""
    record = row.record
    begun = record.invite_at if record and record.invite_at else row.placed_at
    talked = (record.ended_at - record.answered_at).total_seconds() if record and record.answered_at else 0.0
    told = dict.fromkeys(COLUMNS, "") | {
        "attempt_id": row.attempt_id,
        "campaign": row.campaign,
        "calling_number": row.permit.caller_id,
        "calling_name": definition.campaign.display_name,
        "called_number": row.number,
        "date": f"{begun:%Y-%m-%d}",
        "time": f"{begun:%H:%M:%S}",
        "duration_s": f"{talked:.1f}",
        "disposition": record.outcome.value if record else "open",
        "answered_by": record.answered_by.value if record and record.answered_at else "",
        "seller": definition.seller.name,
        "telemarketer": telemarketer,
        "purpose": definition.campaign.purpose.value,
        "recorded_message": "yes",
        "message": message,
        "said": "; ".join(f"{part.says} {part.from_s:g}-{part.to_s:g} s" for part in definition.message.parts),
        "rules_version": row.permit.rules_version,
        "placed_at": row.placed_at.isoformat(),
        "script": script,
    }
    if operator is not None:
        right = next((each for each in operator.caller_ids if each.number == row.permit.caller_id), None)
        told["right_to_number"] = f"{right.ground}: {right.evidence}" if right else ""
    return told | (_facts(basis, definition) if basis else {})


def _facts(basis: Basis, definition: Definition) -> dict[str, str]:
    facts, seller = basis.facts, definition.seller.name
    best = standing(facts.consents, seller, basis.at).best
    told = {
        "recipient": facts.contact.recipient.value,
        "relationship_until": _date(relationship_until(facts.dealings, seller)),
        "do_not_call": facts.internal_dnc.reason if facts.internal_dnc else "",
        "registries": "; ".join(
            f"{each.registry} {each.version} of {each.data_date}{'' if each.covered else ' (not covered)'}"
            for each in facts.registries
        ),
    }
    if best is not None:
        told |= {
            "consent_kind": best.kind.value,
            "consent_at": _date(best.given_at),
            "consent_source": best.source,
            "consent_text": best.text,
            "consent_seller": best.seller,
            "consent_signature": best.signature,
            "consent_evidence": best.evidence,
        }
    return told


def _date(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
