"""The gate's checks. Each looks at one thing and says what it saw, whether or not another one has said no already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from dialer.compliance import caps, consent
from dialer.compliance.decision import CheckName, CheckResult, Verdict
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, Facts, Purpose
from dialer.compliance.rules import MarketingRule, RowStatus, RuleRow, RuleTable, Span
from dialer.compliance.windows import CallingWindow, Reading, clock_of
from dialer.contacts.contact import ConsentKind, NumberKind
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.contacts.zones import CandidateZones, candidate_zones, jurisdictions

CALLABLE = {NumberKind.FIXED, NumberKind.MOBILE, NumberKind.FIXED_OR_MOBILE, NumberKind.VOIP}
PRESENTABLE = CALLABLE | {NumberKind.TOLL_FREE, NumberKind.COMPANY}


@dataclass(frozen=True)
class Case:
    """One question to the gate, with what is derived from its facts once."""

    facts: Facts
    policy: CampaignPolicy
    now: datetime  # UTC
    rules: RuleTable
    rights: Mapping[str, CallerIdRight]
    facts_max_age: timedelta

    @cached_property
    def jurisdictions(self) -> tuple[str, ...]:
        return jurisdictions(self.facts.contact)

    @cached_property
    def zones(self) -> CandidateZones:
        return candidate_zones(self.facts.contact)

    @cached_property
    def window(self) -> CallingWindow:
        return CallingWindow(
            rules=self.rules,
            jurisdictions=self.jurisdictions,
            zones=self.zones.zones,
            own=self.policy.hours,
            emergency=self.policy.purpose is Purpose.EMERGENCY,
        )

    @cached_property
    def rows(self) -> tuple[RuleRow, ...]:
        return self.rows_at(self.now)

    @cached_property
    def consent(self) -> consent.Standing:
        return consent.standing(self.facts.consents, self.policy.seller, self.now)

    def rows_at(self, at: datetime) -> tuple[RuleRow, ...]:
        """The rows in force on any of the called person's calendars."""
        found = {
            (row.jurisdiction, row.valid_from): row
            for zone in self.zones.zones or ("UTC",)
            for row in self.rules.rows_for(self.jurisdictions, at.astimezone(clock_of(zone)).date())
        }
        return tuple(found.values())

    def caps_at(self, at: datetime) -> list[caps.CapCount]:
        return caps.count_caps(
            self.rows_at(at),
            self.facts.history,
            self.policy.purpose,
            consented=self.consent.kind is not None,
            at=at,
        )


def check_facts(case: Case) -> CheckResult:
    facts, age = case.facts, case.now - case.facts.read_at
    number, entry = facts.contact.number.e164, facts.internal_dnc
    evidence = {"read_at": facts.read_at.isoformat(), "age_s": round(age.total_seconds(), 3)}
    if entry is not None and entry.e164 != number:
        return _never(CheckName.FACTS, "the facts are about another number than the contact's", evidence=evidence)
    if abs(age) > case.facts_max_age:
        how = "old" if age > timedelta() else "ahead of the clock"
        return _defer(
            CheckName.FACTS,
            case.now + case.facts_max_age,
            f"the facts are {abs(age).total_seconds():.0f} s {how}; they must be read anew",
            evidence=evidence,
        )
    return _pass(CheckName.FACTS, "read just now", evidence=evidence)


def check_number(case: Case) -> CheckResult:
    number = case.facts.contact.number
    evidence: dict[str, Any] = {"kind": number.kind.value, "region": number.region}
    read = parse_number(number.e164, None)
    if isinstance(read, NumberProblem):
        return _never(CheckName.NUMBER, f"not a number that can be called: {read.reason}", evidence=evidence)
    if read != number:
        evidence["numbering_plan"] = {"kind": read.kind.value, "region": read.region}
        reason = "the numbering plan has another kind or region for it than the contact: import the contact again"
        return _never(CheckName.NUMBER, reason, evidence=evidence)
    if number.kind not in CALLABLE:
        kind = number.kind.value.replace("_", " ")
        return _never(CheckName.NUMBER, f"numbers of the kind {kind!r} are never called", evidence=evidence)
    return _pass(CheckName.NUMBER, "a subscriber's number", evidence=evidence)


def check_internal_dnc(case: Case) -> CheckResult:
    citation = "47 CFR 64.1200(d)"
    entry = case.facts.internal_dnc
    if entry is None:
        return _pass(CheckName.INTERNAL_DNC, "not on the internal do-not-call list", citation)
    evidence = {"added_at": entry.added_at.isoformat(), "reason": entry.reason, "source": entry.source}
    return _never(CheckName.INTERNAL_DNC, f"on the internal do-not-call list: {entry.reason}", citation, evidence)


def check_rules(case: Case) -> CheckResult:
    days = {case.now.astimezone(clock_of(zone)).date() for zone in case.zones.zones or ("UTC",)}
    unruled = dict.fromkeys(each for day in sorted(days) for each in case.rules.unruled(case.jurisdictions, day))
    marketing = case.policy.purpose is Purpose.MARKETING
    evidence: dict[str, Any] = {
        "rules": case.rules.version,
        "jurisdictions": list(case.jurisdictions),
        "rows": {row.jurisdiction: row.status.value for row in case.rows},
        "duties_not_checked": [f"{row.jurisdiction}: {duty}" for row in case.rows for duty in row.duties],
    }
    if not case.jurisdictions:
        return _never(CheckName.RULES, "unknown jurisdiction: the number belongs to no country", evidence=evidence)
    if unruled:
        return _never(
            CheckName.RULES,
            f"unknown jurisdiction: no rule in force for {', '.join(unruled)}",
            evidence=evidence | {"without_rule": list(unruled)},
        )
    for row in case.rows:
        if row.status is RowStatus.UNVERIFIED:
            return _never(
                CheckName.RULES,
                f"the rules of {row.name} are not verified; a signed override of the operator's own counsel "
                "will be able to release them in a later version",
                row.citation,
                evidence,
            )
        if not marketing:
            continue
        mobile = not consent.is_landline(case.facts.contact)
        if row.marketing is MarketingRule.BAN:
            return _never(CheckName.RULES, f"{row.name} bans recorded sales calls", row.citation, evidence)
        if row.marketing is MarketingRule.BAN_MOBILE and mobile:
            reason = f"{row.name} bans sales calls to mobiles, and the line is not confirmed to be a landline"
            return _never(CheckName.RULES, reason, row.citation, evidence)
        if row.marketing_needs:
            reason = f"a recorded sales call to {row.name} needs what the gate cannot check: {row.marketing_needs[0]}"
            return _never(CheckName.RULES, reason, row.citation, evidence | {"needs": list(row.marketing_needs)})
    names = ", ".join(f"{row.name} ({row.status.value})" for row in case.rows)
    return _pass(CheckName.RULES, f"rules known: {names}", "; ".join(row.citation for row in case.rows), evidence)


def check_consent(case: Case) -> CheckResult:
    contact, purpose, found = case.facts.contact, case.policy.purpose, case.consent
    free = consent.may_go_without(contact, purpose, case.rows)
    need = consent.needed(purpose, case.rows)
    citation = "47 CFR 64.1200(a)" if "US" in case.jurisdictions else "; ".join(row.citation for row in case.rows)
    evidence: dict[str, Any] = {
        "purpose": purpose.value,
        "needed": "none" if free else need.value,
        "on_file": found.kind.value if found.kind else "none",
        "line": "landline" if consent.is_landline(contact) else "counts as mobile",
        "relationship": contact.relationship.value,
    }
    if found.best is not None:
        evidence["consent"] = {
            "given_at": found.best.given_at.isoformat(),
            "source": found.best.source,
            "seller": found.best.seller or "not recorded",
        }
    if found.not_counted:
        evidence["not_counted"] = [
            {"kind": each.kind.value, "source": each.source, "given_at": each.given_at.isoformat(), "why": why.value}
            for each, why in found.not_counted
        ]
    if found.revoked_at is not None:
        evidence["revoked_at"] = found.revoked_at.isoformat()
        if found.best is None:
            reason = f"consent was revoked on {found.revoked_at:%Y-%m-%d} and not given again"
            return _never(CheckName.CONSENT, reason, "47 CFR 64.1200(a)(10)", evidence)
    if free:
        allowed = "an emergency" if purpose is Purpose.EMERGENCY else "a landline, up to the cap"
        return _pass(CheckName.CONSENT, f"no consent needed: {allowed}", citation, evidence)
    if found.kind is ConsentKind.WRITTEN or found.kind is need:
        return _pass(CheckName.CONSENT, f"{need.value} consent needed, {found.kind.value} on file", citation, evidence)
    if found.best is not None and found.best.kind is ConsentKind.WRITTEN:
        reason = "written consent is needed, and the one on file names no seller: it counts as express"
    else:
        reason = f"{need.value} consent is needed, {evidence['on_file']} is on file"
    return _never(CheckName.CONSENT, reason, citation, evidence)


def check_window(case: Case) -> CheckResult:
    readings = case.window.readings(case.now)
    evidence: dict[str, Any] = {
        "basis": case.zones.basis.value,
        "from": case.zones.evidence,
        "clocks": [_clock(reading) for reading in readings],
    }
    if not case.zones.zones:
        reason = "nothing tells the called person's time zone"
        return _never(CheckName.CALLING_WINDOW, reason, "47 CFR 64.1200(c)(1)", evidence)
    shut = [(reading, hours) for reading in readings for hours in reading.shut]
    if not shut:
        asked = next((hours.citation for reading in readings for hours in reading.hours), "")
        exception = next((row.emergency_citation for row in case.rows if row.emergency_citation), "")
        citation = exception if case.window.emergency and exception else asked
        return _pass(CheckName.CALLING_WINDOW, "inside the calling hours on every clock", citation, evidence)
    reading, hours = shut[0]
    reason = f"{reading.local:%a %H:%M} in {reading.zone} is outside the hours of {hours.source}: {_spans(hours.spans)}"
    opening = case.window.next_opening(case.now)
    if opening is None:
        reason += "; no instant within 14 days is inside the hours on every clock"
        return _never(CheckName.CALLING_WINDOW, reason, hours.citation, evidence)
    return _defer(CheckName.CALLING_WINDOW, opening, reason, hours.citation, evidence)


def check_caps(case: Case) -> CheckResult:
    policy = case.policy
    mine = caps.used_up(case.facts.history, policy.campaign_id)
    counts = case.caps_at(case.now)
    evidence: dict[str, Any] = {
        "campaign": {"attempts": len(mine), "max": policy.max_attempts},
        "caps": [
            {
                "jurisdiction": each.row.jurisdiction,
                "scope": each.cap.scope,
                "counted": each.counted,
                "max": each.cap.max,
                "window_hours": each.cap.window.total_seconds() / 3600 or None,
            }
            for each in counts
        ],
    }
    if len(mine) >= policy.max_attempts:
        reason = f"all {policy.max_attempts} attempts of the campaign are made"
        return _never(CheckName.ATTEMPT_CAPS, reason, "the campaign's own cap", evidence)
    reached = [each for each in counts if each.reached]
    for each in reached:
        if each.clear_at is None:
            return _never(CheckName.ATTEMPT_CAPS, f"{each.row.name}: {each.cap.scope}", each.row.citation, evidence)
    if reached:
        clear, last = max(((each.clear_at or case.now, each) for each in reached), key=lambda pair: pair[0])
        window = f"{last.cap.days} days" if last.cap.days else f"{last.cap.hours} hours"
        reason = f"{last.row.name} allows {last.cap.max} within {window}, {last.counted} were made: {last.cap.scope}"
        return _defer(CheckName.ATTEMPT_CAPS, clear, reason, last.row.citation, evidence)
    return _pass(CheckName.ATTEMPT_CAPS, f"attempt {len(mine) + 1} of {policy.max_attempts}", evidence=evidence)


def check_gap(case: Case) -> CheckResult:
    history = caps.placed(case.facts.history)
    evidence: dict[str, Any] = {"gap_s": case.policy.gap.total_seconds()}
    if history:
        evidence["last"] = {
            "attempt_id": history[-1].attempt_id,
            "campaign_id": history[-1].campaign_id,
            "at": history[-1].at.isoformat(),
            "outcome": history[-1].outcome,
        }
    clear = caps.gap_clear_at(history, case.policy.gap, case.now)
    if clear == case.now:
        return _pass(CheckName.GAP, "the number was left in peace long enough", evidence=evidence)
    if any(each.outcome == caps.OPEN for each in history):
        reason = "a call to this number is open"
    else:
        reason = f"last dialed at {history[-1].at:%Y-%m-%d %H:%M} UTC, and the gap is {case.policy.gap}"
    return _defer(CheckName.GAP, clear, reason, "the campaign's own gap", evidence)


def check_caller_id(case: Case) -> CheckResult:
    policy, right = case.policy, case.rights.get(case.policy.caller_id)
    evidence: dict[str, Any] = {"caller_id": policy.caller_id, "callback": policy.callback_number}
    citation = "47 CFR 64.1601(e), 64.1604"
    if right is None:
        reason = f"{policy.caller_id} is not among the numbers that this operator may present"
        return _never(CheckName.CALLER_ID, reason, citation, evidence)
    evidence["right"] = {"ground": right.ground, "evidence": right.evidence}
    if right.valid_until is not None:
        evidence["right"]["valid_until"] = right.valid_until.isoformat()
        if right.valid_until <= case.now:
            return _never(CheckName.CALLER_ID, f"the right to present {right.number} has expired", citation, evidence)
    presented = parse_number(policy.caller_id, None)
    for number, what in ((presented, "caller ID"), (parse_number(policy.callback_number, None), "callback number")):
        if isinstance(number, NumberProblem):
            return _never(CheckName.CALLER_ID, f"the {what} is no valid number: {number.reason}", citation, evidence)
        if number.kind not in PRESENTABLE:
            reason = f"a number of the kind {number.kind.value!r} may not be the {what}"
            return _never(CheckName.CALLER_ID, reason, citation, evidence)
    if policy.purpose is Purpose.MARKETING:
        for row in case.rows:
            if not isinstance(presented, NumberProblem) and presented.kind in row.barred_caller_kinds:
                reason = f"{row.name} bars {presented.kind.value} numbers as caller ID of sales calls"
                return _never(CheckName.CALLER_ID, reason, row.citation, evidence)
    return _pass(CheckName.CALLER_ID, f"right to present: {right.ground}", citation, evidence)


CHECKS: Mapping[CheckName, Callable[[Case], CheckResult]] = {
    CheckName.FACTS: check_facts,
    CheckName.NUMBER: check_number,
    CheckName.INTERNAL_DNC: check_internal_dnc,
    CheckName.RULES: check_rules,
    CheckName.CONSENT: check_consent,
    CheckName.CALLING_WINDOW: check_window,
    CheckName.ATTEMPT_CAPS: check_caps,
    CheckName.GAP: check_gap,
    CheckName.CALLER_ID: check_caller_id,
}


def run_checks(case: Case) -> tuple[CheckResult, ...]:
    """Every check's result, in the order of CheckName. Facts with a time of no zone cannot be judged at all."""
    naive = _naive_times(case.facts)
    if naive:
        reason = f"a time in the facts has no zone: {', '.join(naive)}"
        return tuple(_never(name, reason if name is CheckName.FACTS else "not judged: " + reason) for name in CheckName)
    return tuple(CHECKS[name](case) for name in CheckName)


def _naive_times(facts: Facts) -> list[str]:
    times: list[tuple[str, datetime | None]] = [("read_at", facts.read_at)]
    times += [("consent", moment) for each in facts.consents for moment in (each.given_at, each.revoked_at)]
    times += [("history", each.at) for each in facts.history]
    if facts.internal_dnc is not None:
        times.append(("internal_dnc", facts.internal_dnc.added_at))
    return list(dict.fromkeys(name for name, moment in times if moment is not None and moment.utcoffset() is None))


def earliest(case: Case, at: datetime) -> datetime | None:
    """The first instant from ``at`` on that the calling window and the caps both allow; None: not to be found."""
    for _ in range(50):
        opening = case.window.next_opening(at)
        if opening is None:
            return None
        clear = [each.clear_at for each in case.caps_at(opening) if each.reached]
        if not clear:
            return opening
        if None in clear:
            return None
        at = max(moment for moment in clear if moment is not None)
    return None


def _clock(reading: Reading) -> dict[str, Any]:
    return {
        "zone": reading.zone,
        "local": f"{reading.local:%a %Y-%m-%d %H:%M:%S%z}",
        "hours": {hours.source: _spans(hours.spans) for hours in reading.hours},
        "open": not reading.shut,
    }


def _spans(spans: Sequence[Span]) -> str:
    return ", ".join(f"{span.opens:%H:%M}-{span.closes:%H:%M}" for span in spans) or "closed that day"


def _pass(check: CheckName, reason: str, citation: str = "", evidence: dict[str, Any] | None = None) -> CheckResult:
    return CheckResult(check=check, verdict=Verdict.PASS, reason=reason, citation=citation, evidence=evidence or {})


def _never(check: CheckName, reason: str, citation: str = "", evidence: dict[str, Any] | None = None) -> CheckResult:
    return CheckResult(check=check, verdict=Verdict.NEVER, reason=reason, citation=citation, evidence=evidence or {})


def _defer(
    check: CheckName, until: datetime, reason: str, citation: str = "", evidence: dict[str, Any] | None = None
) -> CheckResult:
    return CheckResult(
        check=check,
        verdict=Verdict.DEFER,
        reason=reason,
        citation=citation,
        evidence=evidence or {},
        defer_until=until.astimezone(UTC),
    )
