"""What the law asks of a campaign before its first call, place by place: what is met, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from dialer.compliance.message import MissingDuty, documents_for, missing_documents, missing_duties
from dialer.compliance.operator import Document, DocumentKind, Operator
from dialer.compliance.policy import CampaignPolicy, Purpose
from dialer.compliance.rules import MarketingRule, RegistryRule, RuleRow, RuleTable


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document that a row asks for; ``on_file`` is the operator's, ``valid`` whether it counts."""

    jurisdiction: str
    kind: DocumentKind
    what: str
    on_file: Document | None
    valid: bool


@dataclass(frozen=True, slots=True)
class Readiness:
    """Where a campaign stands before the law of the places it calls."""

    rows: tuple[RuleRow, ...]
    without_rule: tuple[str, ...]  # no row is in force: nobody is called there
    to_override: tuple[RuleRow, ...]  # not verified, and not signed for
    banned: tuple[RuleRow, ...]  # sales calls are, whatever else is in order
    duties: tuple[MissingDuty, ...]  # of the message, missing
    documents: tuple[DocumentLine, ...]
    registries: tuple[tuple[str, RegistryRule], ...]  # to be loaded, with the jurisdiction that asks

    @property
    def national_duties(self) -> tuple[MissingDuty, ...]:
        """Those that a whole country asks for: without them the campaign does not start."""
        return tuple(each for each in self.duties if "-" not in each.jurisdiction)


def readiness(
    rules: RuleTable, operator: Operator, policy: CampaignPolicy, jurisdictions: Sequence[str], on: date
) -> Readiness:
    """Where a campaign for ``policy`` stands on a date, when it calls people in these jurisdictions."""
    rows = rules.rows_for(jurisdictions, on)
    sales = policy.purpose is Purpose.MARKETING
    missing = {(each.jurisdiction, each.what) for each in missing_documents(operator, rows, policy.purpose, on)}
    signed = {(each.jurisdiction, each.digest) for each in operator.overrides}
    documents = [
        DocumentLine(
            row.jurisdiction,
            rule.kind,
            rule.what,
            on_file=next(reversed(documents_for(operator, row, rule)), None),
            valid=(row.jurisdiction, rule.what) not in missing,
        )
        for row in rows
        for rule in row.documents
        if sales
    ]
    return Readiness(
        rows=rows,
        without_rule=rules.unruled(jurisdictions, on),
        to_override=tuple(row for row in rows if row.needs_override and (row.jurisdiction, row.digest) not in signed),
        banned=tuple(row for row in rows if sales and (row.marketing is MarketingRule.BAN or row.marketing_needs)),
        duties=missing_duties(policy.message, policy.purpose, rows),
        documents=tuple(documents),
        registries=tuple((row.jurisdiction, rule) for row in rows for rule in row.registries if sales),
    )
