"""The gate: the only place where permits are made.

Every check is evaluated for every decision, and the same evaluation serves ``decide`` and ``explain``; the latter never
makes a permit. The strictest verdict wins. Time is an argument; nothing here looks at a clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from dialer.compliance.basis import Basis, BasisText, Versions, operator_text, packed, policy_text, rules_text
from dialer.compliance.caps import ABANDONMENT_PERIOD
from dialer.compliance.case import Case
from dialer.compliance.checks import FEWEST_ANSWERED, earliest, run_checks, why_shut
from dialer.compliance.decision import CheckName, CheckResult, Decision, Finding, Permit, Refusal, Verdict
from dialer.compliance.ground import Ground, window_of
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CampaignPolicy, Facts
from dialer.compliance.rules import RuleTable
from dialer.compliance.whereabouts import Place, Whereabouts
from dialer.compliance.windows import CallingWindow, Opening
from dialer.contacts.contact import Contact
from dialer.errors import ComplianceError

KEY_BYTES = 16  # the shortest key that a permit may be sealed with


@dataclass(frozen=True)
class Judgement:
    """What all checks come to. ``refused_by`` is None, and ``reason`` empty, when the call may be placed."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    refused_by: CheckName | None = None
    reason: str = ""
    citation: str = ""
    defer_until: datetime | None = None  # the earliest instant at which every check that defers now would pass

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """Every check's result with its evidence, in order."""
        return tuple(finding.result() for finding in self.findings)

    @property
    def objections(self) -> dict[CheckName, Verdict]:
        """The checks that did not pass."""
        return {each.check: each.verdict for each in self.findings if each.verdict is not Verdict.PASS}


@dataclass(frozen=True, slots=True)
class _Campaign:
    """A policy with its text, and the grounds of its calls so far by place."""

    policy: CampaignPolicy
    text: BasisText
    grounds: dict[Place, Ground]


class Gate:
    """Decides whether a call may be placed, by one rule table and for one operator."""

    def __init__(
        self,
        rules: RuleTable,
        operator: Operator,
        key: bytes,
        *,
        facts_max_age: timedelta = timedelta(seconds=10),
    ) -> None:
        """``key`` seals the permits. Raises ComplianceError for a short key, or a right whose end has no time zone."""
        if len(key) < KEY_BYTES:
            raise ComplianceError(f"the permit key has {len(key)} bytes", hint=f"at least {KEY_BYTES} random bytes")
        for right in operator.caller_ids:
            if right.valid_until is not None:
                _utc(right.valid_until, f"the end of the right to present {right.number}")
        self.rules = rules
        self.operator = operator
        self._operator_version = operator.version
        self._key = key
        self._facts_max_age = facts_max_age
        self._whereabouts = Whereabouts()
        self._campaigns: dict[int, _Campaign] = {}

    def decide(self, attempt_id: str, facts: Facts, policy: CampaignPolicy, now: datetime) -> Decision:
        """Permit the call, for a few seconds, or refuse it. Raises ComplianceError when ``now`` has no zone."""
        case = self._case(facts, policy, _utc(now, "the time of the decision"))
        judgement = _judge(case)
        number = facts.contact.number.e164
        versions = Versions(self.rules.version, self._operator_version, self._campaign(policy).text.digest)
        basis = packed(facts, case.now, versions, judgement.objections, judgement.defer_until)
        if judgement.refused_by is not None:
            return Refusal(
                campaign_id=policy.campaign_id,
                number=number,
                rules_version=self.rules.version,
                decided_at=case.now,
                refused_by=judgement.refused_by,
                reason=judgement.reason,
                citation=judgement.citation,
                defer_until=judgement.defer_until,
                basis=basis,
            )
        return Permit(
            attempt_id=attempt_id,
            campaign_id=policy.campaign_id,
            number=number,
            caller_id=policy.caller_id,
            rules_version=self.rules.version,
            issued_at=case.now,
            expires_at=case.ground.permit_end(case.now),
            basis=basis,
        ).sealed(self._key)

    def judge(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> Judgement:
        """What ``decide`` would say, as a value that no call can be placed with."""
        return _judge(self._case(facts, policy, _utc(now, "the time of the decision")))

    def explain(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> tuple[CheckResult, ...]:
        """Every check's result, in order."""
        return self.judge(facts, policy, now).checks

    def abandonment_pressure(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> float:
        """How much of the abandoned calls that the law allows is used up: 0 none, 1 all, and then no call is placed."""
        cap = self._case(facts, policy, _utc(now, "the time of the decision")).ground.abandonment
        count = facts.abandonment
        if cap is None or count is None or count.since + ABANDONMENT_PERIOD <= now:
            return 0.0
        return min(1.0, count.abandoned * 100 / (cap[0] * max(count.answered, FEWEST_ANSWERED)))

    def place_of(self, contact: Contact) -> Place:
        """Where the contact may be, as far as the law asks."""
        return self._whereabouts.place(contact)

    def place_of_key(self, key: str) -> Place:
        """The place of this ``Place.key``. Raises ComplianceError when it is none."""
        return self._whereabouts.of_key(key)

    def opening(self, place: Place, policy: CampaignPolicy, at: datetime) -> Opening | None:
        """The hours around ``at``, or the next after it, in which people there may be called; None: none is to come.

        That is for planning: whether a call may be placed is decided when it is.
        """
        return self._standing(place, policy, at).opening_hours

    def why_shut(self, place: Place, policy: CampaignPolicy, at: datetime) -> tuple[str, str]:
        """Why people there may not be called at ``at``, as the gate would say it, and by which law; or empty texts."""
        return why_shut(self._standing(place, policy, at), at)

    def _standing(self, place: Place, policy: CampaignPolicy, at: datetime) -> Ground:
        """The ground at ``at``; of decisions, when it holds then."""
        at = _utc(at, "the time of the plan")
        ground = self._campaign(policy).grounds.get(place)
        return ground if ground and ground.holds_at(at) else Ground(self.rules, self.operator, policy, place, at)

    def window(self, place: Place, policy: CampaignPolicy) -> CallingWindow:
        """The hours of a place, at any time."""
        return window_of(self.rules, policy, place)

    def texts(self, policy: CampaignPolicy) -> tuple[BasisText, ...]:
        """The texts that decisions for ``policy`` refer to; they are to be kept with them."""
        return rules_text(self.rules), operator_text(self.operator), self._campaign(policy).text

    def _case(self, facts: Facts, policy: CampaignPolicy, now: datetime) -> Case:
        contact = facts.contact
        ground = self._ground(policy, self._whereabouts.place(contact), now)
        return Case(facts, policy, now, ground, self._whereabouts.known(contact).zones, self._facts_max_age)

    def _ground(self, policy: CampaignPolicy, place: Place, at: datetime) -> Ground:
        grounds = self._campaign(policy).grounds
        ground = grounds.get(place)
        if ground is None or not ground.holds_at(at):
            ground = grounds[place] = Ground(self.rules, self.operator, policy, place, at)
        return ground

    def _campaign(self, policy: CampaignPolicy) -> _Campaign:
        known = self._campaigns.get(policy.campaign_id)
        if known is None or (known.policy is not policy and known.policy != policy):
            known = self._campaigns[policy.campaign_id] = _Campaign(policy, policy_text(policy), {})
        return known


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored decision, and what the gate says to the same question now."""

    basis: Basis
    judgement: Judgement

    @property
    def differences(self) -> dict[CheckName, tuple[Verdict, Verdict]]:
        """Checks whose verdict is another now: (then, now). Empty, with the same deferral: they agree."""
        then, now = self.basis.objections, self.judgement.objections
        return {
            check: (then.get(check, Verdict.PASS), now.get(check, Verdict.PASS))
            for check in CheckName
            if then.get(check) is not now.get(check)
        }

    @property
    def agrees(self) -> bool:
        """Whether the same facts, rules, operator's file and policy lead to the same decision."""
        return not self.differences and self.basis.defer_until == self.judgement.defer_until


def replay(basis: Basis, rules: RuleTable, operator: Operator, policy: CampaignPolicy) -> Replay:
    """Make a stored decision again, by the texts that it names. Raises ComplianceError when they are others."""
    gate = Gate(rules, operator, bytes(KEY_BYTES))
    given = Versions(*(text.digest for text in gate.texts(policy)))
    if given != basis.versions:
        raise ComplianceError("the texts are not those by which the decision was made")
    return Replay(basis, gate.judge(basis.facts, policy, basis.at))


def _judge(case: Case) -> Judgement:
    findings = run_checks(case)
    deferring: Finding | None = None
    for each in findings:
        if each.verdict is Verdict.NEVER:
            return Judgement(Verdict.NEVER, findings, each.check, each.reason, each.citation)
        if each.verdict is Verdict.DEFER and (deferring is None or _until(each, case) > _until(deferring, case)):
            deferring = each
    if deferring is None:
        return Judgement(Verdict.PASS, findings)
    until = earliest(case, _until(deferring, case))
    if until is None:
        reason = f"{deferring.reason}; and no lawful instant was found after that"
        return Judgement(Verdict.NEVER, findings, deferring.check, reason, deferring.citation)
    return Judgement(Verdict.DEFER, findings, deferring.check, deferring.reason, deferring.citation, until)


def _until(finding: Finding, case: Case) -> datetime:
    return finding.defer_until or case.now


def _utc(moment: datetime, what: str) -> datetime:
    if moment.utcoffset() is None:
        raise ComplianceError(f"{what} has no time zone: {moment.isoformat()}", hint="times are aware, UTC")
    return moment.astimezone(UTC)
