"""What the law says of one campaign's calls to one place: all of a decision that does not depend on the person.

A ground holds from the instant it was made for until the next one at which a clock there reaches midnight, an hour of a
rule or a change of daylight saving time, or a right or document ends. Decisions within that time share it.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import cached_property, partial
from typing import Any

from dialer.compliance import consent
from dialer.compliance.decision import PERMIT_LIFETIME, CheckName, Finding, Verdict
from dialer.compliance.message import missing_documents, missing_duties
from dialer.compliance.operator import Operator, Override
from dialer.compliance.policy import CampaignPolicy, Purpose
from dialer.compliance.rules import MarketingRule, RegistryRule, RuleRow, RuleTable
from dialer.compliance.whereabouts import Place
from dialer.compliance.windows import CallingWindow, Hours, Opening, clock_of
from dialer.contacts.contact import ConsentKind, NumberKind
from dialer.contacts.numbers import NumberProblem
from dialer.contacts.plan import number_of_e164

CALLABLE = {NumberKind.FIXED, NumberKind.MOBILE, NumberKind.FIXED_OR_MOBILE, NumberKind.VOIP}
PRESENTABLE = CALLABLE | {NumberKind.TOLL_FREE, NumberKind.COMPANY}
OPEN_LOOK = timedelta(hours=36)  # hours that last longer have no end worth planning for
CALLER_ID_RULE = "47 CFR 64.1601(e), 64.1604"


def window_of(rules: RuleTable, policy: CampaignPolicy, place: Place) -> CallingWindow:
    """The hours in which a campaign may call people in one place."""
    return CallingWindow(
        rules=rules,
        jurisdictions=place.jurisdictions,
        zones=place.zones,
        own=policy.hours,
        emergency=policy.purpose is Purpose.EMERGENCY,
    )


class Ground:
    """The law of one place for one campaign, from ``at`` until ``until``; instants are aware, UTC."""

    def __init__(
        self, rules: RuleTable, operator: Operator, policy: CampaignPolicy, place: Place, at: datetime
    ) -> None:
        self.rules = rules
        self.operator = operator
        self.policy = policy
        self.place = place
        self.at = at
        self.window = window_of(rules, policy, place)
        self.right = next((right for right in operator.caller_ids if right.number == policy.caller_id), None)
        self.until = self._until()
        self.rows = self.rows_at(at)
        self.marketing = policy.purpose is Purpose.MARKETING
        self.free = consent.may_go_without(policy.purpose, self.rows, landline=place.landline)
        self.need: ConsentKind = consent.needed(policy.purpose, self.rows)
        self.citation = "; ".join(row.citation for row in self.rows)
        self.consent_citation = "47 CFR 64.1200(a)" if "US" in place.jurisdictions else self.citation
        self.registries: tuple[tuple[RuleRow, RegistryRule], ...] = tuple(
            (row, each) for row in self.rows for each in row.registries if self.marketing
        )
        self.reassigned = max(
            (row for row in self.rows if row.reassigned_check_days and self.marketing),
            key=lambda row: -row.reassigned_check_days,
            default=None,
        )
        self.relationship = next((row for row in self.rows if row.needs_relationship and self.marketing), None)
        self.abandonment = min(
            ((row.abandonment.percent, row) for row in self.rows if row.abandonment and self.marketing),
            key=lambda pair: pair[0],
            default=None,
        )
        self.has_caps = any(row.caps for row in self.rows)
        excepted = next((row.emergency_citation for row in self.rows if row.emergency_citation), "")
        asked = next((row.citation for row in self.rows if row.hours or row.recorded_hours), "")
        self.window_citation = excepted if self.window.emergency and excepted else asked

    def holds_at(self, at: datetime) -> bool:
        """Whether this ground is still, or already, the one to stand on."""
        return self.at <= at < self.until

    def rows_at(self, at: datetime) -> tuple[RuleRow, ...]:
        """The rows in force on any of the called person's calendars."""
        found = {
            (row.jurisdiction, row.valid_from): row
            for zone in self.place.zones or ("UTC",)
            for row in self.rules.rows_for(self.place.jurisdictions, at.astimezone(clock_of(zone)).date())
        }
        return tuple(found.values())

    def permit_end(self, at: datetime) -> datetime:
        """When a permit given at ``at`` must end: with its life, the calling window or the right to its caller ID."""
        end = at + PERMIT_LIFETIME
        if end < self.until:
            return end
        ends = (end, self.window.closes_before(at, end), self.right.valid_until if self.right else None)
        return min(moment for moment in ends if moment is not None).astimezone(UTC)

    @cached_property
    def shut(self) -> tuple[str, Hours] | None:
        """A clock that stands outside of hours that bind it, with these; None while all are open."""
        readings = self.window.readings(self.at)
        return next(((reading.zone, hours) for reading in readings for hours in reading.shut), None)

    @cached_property
    def opening(self) -> datetime | None:
        """The first lawful instant from here on, as far as the hours go."""
        return self.window.next_opening(self.at)

    @cached_property
    def opening_hours(self) -> Opening | None:
        """The hours that this ground lies in, or the next; None when none is to come."""
        opens_at = self.opening
        if opens_at is None:
            return None
        return Opening(opens_at, self.window.closes_before(opens_at, opens_at + OPEN_LOOK))

    @cached_property
    def findings(self) -> dict[CheckName, Finding]:
        """The checks that look at the place and the campaign alone."""
        return {
            CheckName.RULES: self._rules(),
            CheckName.DOCUMENTS: self._documents(),
            CheckName.CALLER_ID: self._caller_id(),
            CheckName.MESSAGE: self._message(),
        }

    def _until(self) -> datetime:
        midnight = datetime.combine(self.at.date() + timedelta(days=1), time(), UTC)
        ends = [midnight, self.window.next_change(self.at, midnight)]
        if self.right is not None and self.right.valid_until is not None and self.right.valid_until > self.at:
            ends.append(self.right.valid_until)
        return min(end for end in ends if end is not None)

    def _rules(self) -> Finding:
        """Known law, relied on rightly, that does not ban the call."""
        jurisdictions = self.place.jurisdictions
        days = {self.at.astimezone(clock_of(zone)).date() for zone in self.place.zones or ("UTC",)}
        unruled = dict.fromkeys(each for day in sorted(days) for each in self.rules.unruled(jurisdictions, day))
        overrides = {row.jurisdiction: self._override(row) for row in self.rows if row.needs_override}
        evidence: dict[str, Any] = {
            "rules": self.rules.version,
            "operator": self.operator.version,
            "jurisdictions": list(jurisdictions),
            "rows": {row.jurisdiction: row.status.value for row in self.rows},
            "overrides": {
                where: f"{each.by} on {each.on.isoformat()}: {each.advice}" for where, each in overrides.items() if each
            },
            "duties_not_checked": [f"{row.jurisdiction}: {duty}" for row in self.rows for duty in row.duties],
        }
        never = partial(_never, CheckName.RULES)
        if not jurisdictions:
            return never("unknown jurisdiction: the number belongs to no country", evidence=evidence)
        if unruled:
            evidence["without_rule"] = list(unruled)
            return never(f"unknown jurisdiction: no rule in force for {', '.join(unruled)}", evidence=evidence)
        for row in self.rows:
            if self.marketing and (banned := self._ban(row)):
                return never(banned, row.citation, evidence)
            if row.needs_override and overrides[row.jurisdiction] is None:
                reason = (
                    f"the rules of {row.name} are {row.status.value}, and no signed override of this row is on file"
                )
                evidence["to_override"] = f"`dialer rules show {row.jurisdiction}` prints what to sign"
                return never(reason, row.citation, evidence)
        names = ", ".join(f"{row.name} ({row.status.value})" for row in self.rows)
        return _found(CheckName.RULES, Verdict.PASS, f"rules known: {names}", self.citation, evidence)

    def _override(self, row: RuleRow) -> Override | None:
        """The operator's signature under exactly this row, if there is one."""
        return next(
            (
                each
                for each in self.operator.overrides
                if each.jurisdiction == row.jurisdiction
                and each.digest == row.digest
                and each.on <= self.at.date()
                and each.by.strip()
                and each.advice.strip()
            ),
            None,
        )

    def _ban(self, row: RuleRow) -> str:
        """Why no recorded sales call may be made under this row, whoever agreed to what; empty when it may."""
        if row.marketing is MarketingRule.BAN:
            return f"{row.name} bans recorded sales calls"
        if row.marketing is MarketingRule.BAN_MOBILE and not self.place.landline:
            return f"{row.name} bans sales calls to mobiles, and the line is not confirmed to be a landline"
        if row.marketing_needs:
            return f"a recorded sales call to {row.name} needs what the gate cannot check: {row.marketing_needs[0]}"
        return ""

    def _documents(self) -> Finding:
        missing = missing_documents(self.operator, self.rows, self.policy.purpose, self.at.date())
        asked = [f"{row.jurisdiction}: {each.what}" for row in self.rows for each in row.documents if self.marketing]
        evidence = {"asked_for": asked, "missing": [f"{each.jurisdiction}: {each.what}" for each in missing]}
        if missing:
            first = missing[0]
            reason = f"not on file: {first.what}" if first.expired is None else f"no longer valid: {first.what}"
            return _never(CheckName.DOCUMENTS, reason, first.citation, evidence)
        reason = "all that is asked for is on file" if asked else "none is asked for"
        return _found(CheckName.DOCUMENTS, Verdict.PASS, reason, self.citation if asked else "", evidence)

    def _message(self) -> Finding:
        missing = missing_duties(self.policy.message, self.policy.purpose, self.rows)
        declared = self.policy.message
        evidence: dict[str, Any] = {
            "declared": [f"{each.kind.value} {each.begins_s:g}-{each.ends_s:g} s" for each in declared.parts]
            if declared
            else [],
            "missing": [f"{each.jurisdiction}: {each.what}" for each in missing],
        }
        if missing:
            return _never(CheckName.MESSAGE, f"the message lacks: {missing[0].what}", missing[0].citation, evidence)
        asked = next((row.citation for row in self.rows if row.message), "")
        return _found(CheckName.MESSAGE, Verdict.PASS, "says all that it must", asked, evidence)

    def _caller_id(self) -> Finding:
        policy, right = self.policy, self.right
        evidence: dict[str, Any] = {"caller_id": policy.caller_id, "callback": policy.callback_number}
        never = partial(_never, CheckName.CALLER_ID)
        if right is None:
            reason = f"{policy.caller_id} is not among the numbers that this operator may present"
            return never(reason, CALLER_ID_RULE, evidence)
        evidence["right"] = {"ground": right.ground, "evidence": right.evidence}
        if right.valid_until is not None:
            evidence["right"]["valid_until"] = right.valid_until.isoformat()
            if right.valid_until <= self.at:
                return never(f"the right to present {right.number} has expired", CALLER_ID_RULE, evidence)
        presented = number_of_e164(policy.caller_id)
        for number, what in ((presented, "caller ID"), (number_of_e164(policy.callback_number), "callback number")):
            if isinstance(number, NumberProblem):
                return never(f"the {what} is no valid number: {number.reason}", CALLER_ID_RULE, evidence)
            if number.kind not in PRESENTABLE:
                reason = f"a number of the kind {number.kind.value!r} may not be the {what}"
                return never(reason, CALLER_ID_RULE, evidence)
        for row in self.rows if self.marketing else ():
            if not isinstance(presented, NumberProblem) and presented.kind in row.barred_caller_kinds:
                reason = f"{row.name} bars {presented.kind.value} numbers as caller ID of sales calls"
                return never(reason, row.citation, evidence)
        return _found(CheckName.CALLER_ID, Verdict.PASS, f"right to present: {right.ground}", CALLER_ID_RULE, evidence)


def _found(check: CheckName, verdict: Verdict, reason: str, citation: str, evidence: dict[str, Any]) -> Finding:
    return Finding(check, verdict, reason, citation, lambda: evidence)


def _never(check: CheckName, reason: str, citation: str = "", evidence: dict[str, Any] | None = None) -> Finding:
    return _found(check, Verdict.NEVER, reason, citation, evidence or {})
