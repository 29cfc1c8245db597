"""The gate: the only place where permits are made.

Every check is evaluated for every decision, and the same evaluation serves ``decide`` and ``explain``; the latter never
makes a permit. The strictest verdict wins. Time is an argument; nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dialer.compliance.checks import Case, earliest, run_checks
from dialer.compliance.decision import PERMIT_LIFETIME, CheckName, CheckResult, Decision, Permit, Refusal, Verdict
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, Facts
from dialer.compliance.rules import RuleTable
from dialer.errors import ComplianceError

KEY_BYTES = 16  # the shortest key that a permit may be sealed with


@dataclass(frozen=True, slots=True)
class Judgement:
    """What all checks come to. ``refused_by`` is None, and ``reason`` empty, when the call may be placed."""

    verdict: Verdict
    checks: tuple[CheckResult, ...]
    refused_by: CheckName | None = None
    reason: str = ""
    citation: str = ""
    defer_until: datetime | None = None  # the earliest instant at which every check that defers now would pass


class Gate:
    """Decides whether a call may be placed, by one rule table and for one operator's caller IDs."""

    def __init__(
        self,
        rules: RuleTable,
        caller_ids: Sequence[CallerIdRight],
        key: bytes,
        *,
        facts_max_age: timedelta = timedelta(seconds=10),
    ) -> None:
        """``key`` seals the permits. Raises ComplianceError for a short key, or a right whose end has no time zone."""
        if len(key) < KEY_BYTES:
            raise ComplianceError(f"the permit key has {len(key)} bytes", hint=f"at least {KEY_BYTES} random bytes")
        for right in caller_ids:
            if right.valid_until is not None:
                _utc(right.valid_until, f"the end of the right to present {right.number}")
        self.rules = rules
        self._rights = {right.number: right for right in caller_ids}
        self._key = key
        self._facts_max_age = facts_max_age

    def decide(self, attempt_id: str, facts: Facts, policy: CampaignPolicy, now: datetime) -> Decision:
        """Permit the call, for a few seconds, or refuse it. Raises ComplianceError when ``now`` has no zone."""
        case = self._case(facts, policy, now)
        judgement = _judge(case)
        number = facts.contact.number.e164
        if judgement.refused_by is not None:
            return Refusal(
                campaign_id=policy.campaign_id,
                number=number,
                rules_version=self.rules.version,
                decided_at=case.now,
                refused_by=judgement.refused_by,
                reason=judgement.reason,
                citation=judgement.citation,
                checks=judgement.checks,
                defer_until=judgement.defer_until,
            )
        return Permit(
            attempt_id=attempt_id,
            campaign_id=policy.campaign_id,
            number=number,
            caller_id=policy.caller_id,
            rules_version=self.rules.version,
            issued_at=case.now,
            expires_at=self._expiry(case),
            checks=judgement.checks,
        ).sealed(self._key)

    def judge(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> Judgement:
        """What ``decide`` would say, as a value that no call can be placed with."""
        return _judge(self._case(facts, policy, now))

    def explain(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> tuple[CheckResult, ...]:
        """Every check's result, in order."""
        return self.judge(facts, policy, now).checks

    def _case(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> Case:
        return Case(facts, policy, _utc(now, "the time of the decision"), self.rules, self._rights, self._facts_max_age)

    def _expiry(self, case: Case) -> datetime:
        """No permit outlives the calling window or the right to its caller ID."""
        end = case.now + PERMIT_LIFETIME
        right = self._rights[case.policy.caller_id]
        closing = case.window.closes_before(case.now, end)
        return min(moment for moment in (end, closing, right.valid_until) if moment is not None).astimezone(UTC)


def _judge(case: Case) -> Judgement:
    checks = run_checks(case)
    never = next((each for each in checks if each.verdict is Verdict.NEVER), None)
    if never is not None:
        return Judgement(Verdict.NEVER, checks, never.check, never.reason, never.citation)
    deferring = [each for each in checks if each.verdict is Verdict.DEFER]
    if not deferring:
        return Judgement(Verdict.PASS, checks)
    last = max(deferring, key=lambda each: each.defer_until or case.now)
    until = earliest(case, last.defer_until or case.now)
    if until is None:
        reason = f"{last.reason}; and no lawful instant was found after that"
        return Judgement(Verdict.NEVER, checks, last.check, reason, last.citation)
    return Judgement(Verdict.DEFER, checks, last.check, last.reason, last.citation, until)


def _utc(moment: datetime, what: str) -> datetime:
    if moment.utcoffset() is None:
        raise ComplianceError(f"{what} has no time zone: {moment.isoformat()}", hint="times are aware, UTC")
    return moment.astimezone(UTC)
