"""The checks against lists: the operator's own, the reassigned-numbers database and the do-not-call registries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dialer.compliance.case import Case
from dialer.compliance.decision import CheckName, Finding, Verdict
from dialer.compliance.policy import Purpose, Reassigned, RegistryAnswer
from dialer.compliance.rules import RegistryRule
from dialer.contacts.contact import Recipient

ASK_AGAIN = timedelta(hours=1)  # when something that the operator must bring, such as a newer registry, is wanting
PASS, DEFER, NEVER = Verdict.PASS, Verdict.DEFER, Verdict.NEVER


def check_internal_dnc(case: Case) -> Finding:
    citation = "47 CFR 64.1200(d)"
    entry = case.facts.internal_dnc
    if entry is None:
        return Finding(CheckName.INTERNAL_DNC, PASS, "not on the internal do-not-call list", citation)

    def evidence() -> dict[str, Any]:
        seen = {"added_at": entry.added_at.isoformat(), "reason": entry.reason, "source": entry.source}
        return seen | ({"expires_at": entry.expires_at.isoformat()} if entry.expires_at else {})

    if entry.expires_at is not None and entry.expires_at <= case.now:
        reason = f"the entry on the internal do-not-call list ended on {entry.expires_at:%Y-%m-%d}"
        return Finding(CheckName.INTERNAL_DNC, PASS, reason, citation, evidence)
    reason = f"on the internal do-not-call list: {entry.reason}"
    return Finding(CheckName.INTERNAL_DNC, NEVER, reason, citation, evidence)


def check_reassigned(case: Case) -> Finding:
    answer, row = case.facts.reassigned, case.ground.reassigned
    citation = row.citation if row else "47 CFR 64.1200(m)"

    def evidence() -> dict[str, Any]:
        seen: dict[str, Any] = {"fresh_for_days": row.reassigned_check_days if row else None}
        if answer is not None:
            seen["answer"] = {
                "reassigned": answer.answer.value,
                "since": answer.since.isoformat(),
                "asked_at": answer.asked_at.isoformat(),
                "source": answer.source,
            }
        return seen

    def say(verdict: Verdict, reason: str, until: datetime | None = None) -> Finding:
        return Finding(CheckName.REASSIGNED, verdict, reason, citation, evidence, until)

    best = case.consent.best
    if answer is not None and answer.answer is Reassigned.YES and case.policy.purpose is not Purpose.EMERGENCY:
        if best is None or best.given_at <= answer.asked_at:
            return say(NEVER, f"the number has gone to somebody else since {answer.since:%Y-%m-%d}")
        return say(PASS, "reassigned before the consent was given")
    if row is None:
        return say(PASS, "no check is asked for" if answer is None else f"the database said: {answer.answer.value}")
    days = row.reassigned_check_days
    if answer is None or answer.asked_at + timedelta(days=days) <= case.now or answer.answer is Reassigned.NO_DATA:
        reason = (
            f"{row.name} wants an answer of the reassigned-numbers database within {days} days, and none is on file"
        )
        return say(DEFER, reason, case.now + ASK_AGAIN)
    if best is not None and best.given_at.date() < answer.since:
        return say(DEFER, "the database was asked about a date after the consent", case.now + ASK_AGAIN)
    return say(PASS, "not reassigned since the consent was given")


def check_registries(case: Case) -> Finding:
    """The registries protect households; a person whose kind is not known counts as one."""
    wanted = case.ground.registries
    answers = {each.registry: each for each in case.facts.registries}
    business = case.facts.contact.recipient is Recipient.BUSINESS

    def evidence() -> dict[str, Any]:
        return {
            "recipient": case.facts.contact.recipient.value,
            "purpose": case.policy.purpose.value,
            "asked_for": {each.registry: f"at most {each.max_age_days} days old" for _, each in wanted},
            "answers": [_answer(each, case.now) for each in case.facts.registries],
        }

    def say(verdict: Verdict, reason: str, citation: str = "", until: datetime | None = None) -> Finding:
        return Finding(CheckName.REGISTRIES, verdict, reason, citation, evidence, until)

    if not wanted:
        return say(PASS, "no registry binds this call")
    if business:
        return say(PASS, "the registries protect households, and this is a business", wanted[0][0].citation)
    wanting: Finding | None = None
    lifted = ""
    for row, rule in wanted:
        answer = answers.get(rule.registry)
        problem = _not_current(answer, rule, case.now)
        if problem:
            reason = f"{rule.registry}: {problem}"
            wanting = wanting or say(DEFER, reason, row.citation, case.now + ASK_AGAIN)
        elif answer is not None and answer.listed:
            if not (rule.consent_lifts and case.consent.suffices(case.ground.need)):
                return say(NEVER, f"listed in {rule.registry}", row.citation)
            lifted = f"listed in {rule.registry}, and the person's consent names the seller"
    return wanting or say(PASS, lifted or "not listed in any registry that binds", wanted[0][0].citation)


def _not_current(answer: RegistryAnswer | None, rule: RegistryRule, now: datetime) -> str:
    """Why this answer cannot be relied on; empty when it can."""
    if answer is None:
        return "not loaded"
    age = (now.date() - answer.data_date).days
    if age > rule.max_age_days:
        return f"the data are {age} days old, {rule.max_age_days} are allowed"
    if age < -1:  # a day ahead may be another calendar
        return f"the data are dated {answer.data_date.isoformat()}, which is to come"
    return "" if answer.covered else "the data that are loaded do not cover this number"


def _answer(answer: RegistryAnswer, now: datetime) -> dict[str, Any]:
    return {
        "registry": answer.registry,
        "listed": answer.listed if answer.covered else "not covered",
        "data": answer.data_date.isoformat(),
        "age_days": (now.date() - answer.data_date).days,
        "version": answer.version,
        "sha256": answer.sha256,
    }
