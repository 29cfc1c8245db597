"""A judgement as plain data, for a table or for JSON. Printing is left to the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dialer.compliance.decision import CheckResult, Verdict
from dialer.compliance.gate import Judgement


@dataclass(frozen=True, slots=True)
class ExplanationRow:
    """One check as a row of a table; each line of ``evidence`` reads "what: value"."""

    check: str
    verdict: Verdict
    reason: str
    citation: str
    evidence: tuple[str, ...]
    defer_until: datetime | None


def explanation_rows(checks: Sequence[CheckResult]) -> list[ExplanationRow]:
    """The checks, in their order, ready to be printed."""
    return [
        ExplanationRow(
            check=each.check.value.replace("_", " "),
            verdict=each.verdict,
            reason=each.reason,
            citation=each.citation,
            evidence=tuple(_lines(each.evidence)),
            defer_until=each.defer_until,
        )
        for each in checks
    ]


def explanation(
    judgement: Judgement, *, number: str, campaign_id: int, rules_version: str, at: datetime
) -> dict[str, Any]:
    """The whole judgement, JSON-ready; instants are ISO 8601 in UTC."""
    return {
        "number": number,
        "campaign_id": campaign_id,
        "at": at.isoformat(),
        "rules_version": rules_version,
        "verdict": judgement.verdict.value,
        "refused_by": judgement.refused_by.value if judgement.refused_by else None,
        "reason": judgement.reason,
        "citation": judgement.citation,
        "defer_until": _iso(judgement.defer_until),
        "checks": [
            {
                "check": each.check.value,
                "verdict": each.verdict.value,
                "reason": each.reason,
                "citation": each.citation,
                "evidence": each.evidence,
                "defer_until": _iso(each.defer_until),
            }
            for each in judgement.checks
        ],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _lines(evidence: Mapping[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in evidence.items():
        name = f"{prefix}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _lines(value, f"{name} ")
        elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
            for place, each in enumerate(value, start=1):
                lines.append(f"{name} {place}: {'; '.join(_lines(each))}")
        elif isinstance(value, list):
            lines.append(f"{name}: {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{name}: {value}")
    return lines
