"""The gate's checks. Each looks at one thing and says what it saw, whether or not another one has said no already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dialer.compliance import caps, consent
from dialer.compliance.case import Case
from dialer.compliance.decision import CheckName, Finding, Verdict
from dialer.compliance.ground import CALLABLE, Ground
from dialer.compliance.policy import Facts, Purpose
from dialer.compliance.rules import Span
from dialer.compliance.screening import DEFER, NEVER, PASS, check_internal_dnc, check_reassigned, check_registries
from dialer.compliance.windows import Reading, clock_of
from dialer.contacts.contact import Consent, ConsentKind
from dialer.contacts.numbers import NumberProblem
from dialer.contacts.plan import number_of_e164

FEWEST_ANSWERED = 100  # below so many answered calls, abandoned ones are held against so many


def check_facts(case: Case) -> Finding:
    facts, age = case.facts, case.now - case.facts.read_at

    def evidence() -> dict[str, Any]:
        return {"read_at": facts.read_at.isoformat(), "age_s": round(age.total_seconds(), 3)}

    entry = facts.internal_dnc
    if entry is not None and entry.e164 != facts.contact.number.e164:
        reason = "the facts are about another number than the contact's"
        return Finding(CheckName.FACTS, NEVER, reason, "", evidence)
    if abs(age) > case.facts_max_age:
        how = "old" if age > timedelta() else "ahead of the clock"
        reason = f"the facts are {abs(age).total_seconds():.0f} s {how}; they must be read anew"
        return Finding(CheckName.FACTS, DEFER, reason, "", evidence, case.now + case.facts_max_age)
    return Finding(CheckName.FACTS, PASS, "read just now", "", evidence)


def check_number(case: Case) -> Finding:
    number = case.facts.contact.number
    read = number_of_e164(number.e164)

    def evidence() -> dict[str, Any]:
        seen: dict[str, Any] = {"kind": number.kind.value, "region": number.region}
        if read != number and not isinstance(read, NumberProblem):
            seen["numbering_plan"] = {"kind": read.kind.value, "region": read.region}
        return seen

    if isinstance(read, NumberProblem):
        return Finding(CheckName.NUMBER, NEVER, f"not a number that can be called: {read.reason}", "", evidence)
    if read != number:
        reason = "the numbering plan has another kind or region for it than the contact: import the contact again"
        return Finding(CheckName.NUMBER, NEVER, reason, "", evidence)
    if number.kind not in CALLABLE:
        kind = number.kind.value.replace("_", " ")
        return Finding(CheckName.NUMBER, NEVER, f"numbers of the kind {kind!r} are never called", "", evidence)
    return Finding(CheckName.NUMBER, PASS, "a subscriber's number", "", evidence)


def check_consent(case: Case) -> Finding:
    ground, found = case.ground, case.consent
    need, citation = ground.need, ground.consent_citation

    def evidence() -> dict[str, Any]:
        return _consent_evidence(case)

    if found.revoked_at is not None and found.best is None:
        reason = f"consent was revoked on {found.revoked_at:%Y-%m-%d} and not given again"
        return Finding(CheckName.CONSENT, NEVER, reason, "47 CFR 64.1200(a)(10)", evidence)
    if ground.relationship is not None:
        until = consent.relationship_until(case.facts.dealings, case.policy.seller)
        if until is None or until <= case.now:
            reason = f"{ground.relationship.name} wants an established business relationship, and none is on file"
            return Finding(CheckName.CONSENT, NEVER, reason, ground.relationship.citation, evidence)
    if ground.free:
        allowed = "an emergency" if case.policy.purpose is Purpose.EMERGENCY else "a landline, up to the cap"
        return Finding(CheckName.CONSENT, PASS, f"no consent needed: {allowed}", citation, evidence)
    if found.kind is not None and found.suffices(need):
        reason = f"{need.value} consent needed, {found.kind.value} on file"
        return Finding(CheckName.CONSENT, PASS, reason, citation, evidence)
    if found.best is not None and found.best.kind is ConsentKind.WRITTEN:
        lacks = ", ".join(consent.missing_from_written(found.best))
        reason = f"written consent is needed, and the one on file counts as express: it lacks {lacks}"
    else:
        reason = f"{need.value} consent is needed, {found.kind.value if found.kind else 'none'} is on file"
    return Finding(CheckName.CONSENT, NEVER, reason, citation, evidence)


def _consent_evidence(case: Case) -> dict[str, Any]:
    ground, found, contact = case.ground, case.consent, case.facts.contact
    seen: dict[str, Any] = {
        "purpose": case.policy.purpose.value,
        "needed": "none" if ground.free else ground.need.value,
        "on_file": found.kind.value if found.kind else "none",
        "line": "landline" if ground.place.landline else "counts as mobile",
        "relationship": contact.relationship.value,
    }
    if found.best is not None:
        seen["consent"] = _told(found.best)
    if found.not_counted:
        seen["not_counted"] = [
            {"kind": each.kind.value, "source": each.source, "given_at": each.given_at.isoformat(), "why": why.value}
            for each, why in found.not_counted
        ]
    if found.revoked_at is not None:
        seen["revoked_at"] = found.revoked_at.isoformat()
    until = consent.relationship_until(case.facts.dealings, case.policy.seller)
    if until is not None:
        seen["established_relationship_until"] = until.isoformat()
    return seen


def _told(given: Consent) -> dict[str, Any]:
    told: dict[str, Any] = {
        "given_at": given.given_at.isoformat(),
        "source": given.source,
        "seller": given.seller or "not recorded",
    }
    if given.expires_at is not None:
        told["expires_at"] = given.expires_at.isoformat()
    if given.kind is ConsentKind.WRITTEN:
        told["lacks"] = list(consent.missing_from_written(given))
    return told | {name: text for name in ("signature", "evidence") if (text := getattr(given, name))}


def check_window(case: Case) -> Finding:
    ground = case.ground

    def evidence() -> dict[str, Any]:
        return {
            "basis": case.zones.basis.value,
            "from": case.zones.evidence,
            "clocks": [_clock(reading) for reading in ground.window.readings(case.now)],
        }

    def say(verdict: Verdict, reason: str, citation: str, until: datetime | None = None) -> Finding:
        return Finding(CheckName.CALLING_WINDOW, verdict, reason, citation, evidence, until)

    if not ground.place.zones:
        return say(NEVER, "nothing tells the called person's time zone", "47 CFR 64.1200(c)(1)")
    if ground.shut is None:
        return say(PASS, "inside the calling hours on every clock", ground.window_citation)
    reason, citation = why_shut(ground, case.now)
    if ground.opening is None:
        return say(NEVER, f"{reason}; no instant within 14 days is inside the hours on every clock", citation)
    return say(DEFER, reason, citation, ground.opening)


def why_shut(ground: Ground, now: datetime) -> tuple[str, str]:
    """The clock that stands outside of hours that bind it, in words, and by which law; empty while all are open."""
    if ground.shut is None:
        return "", ""
    zone, hours = ground.shut
    local = now.astimezone(clock_of(zone))
    reason = f"{local:%a %H:%M} in {zone} is outside the hours of {hours.source}: {_spans(hours.spans)}"
    return reason, hours.citation


def check_caps(case: Case) -> Finding:
    policy, history = case.policy, case.facts.history
    mine = caps.used_up(history, policy.campaign_id) if history else []

    def evidence() -> dict[str, Any]:
        return {
            "campaign": {"attempts": len(mine), "max": policy.max_attempts},
            "caps": [
                {
                    "jurisdiction": each.row.jurisdiction,
                    "scope": each.cap.scope,
                    "counted": each.counted,
                    "max": each.cap.max,
                    "window_hours": each.cap.window.total_seconds() / 3600 or None,
                }
                for each in case.caps_at(case.now)
            ],
        }

    def say(verdict: Verdict, reason: str, citation: str = "", until: datetime | None = None) -> Finding:
        return Finding(CheckName.ATTEMPT_CAPS, verdict, reason, citation, evidence, until)

    if len(mine) >= policy.max_attempts:
        return say(NEVER, f"all {policy.max_attempts} attempts of the campaign are made", "the campaign's own cap")
    reached = [each for each in case.caps_at(case.now) if each.reached] if history and case.ground.has_caps else []
    for each in reached:
        if each.clear_at is None:
            return say(NEVER, f"{each.row.name}: {each.cap.scope}", each.row.citation)
    if reached:
        clear, last = max(((each.clear_at or case.now, each) for each in reached), key=lambda pair: pair[0])
        window = f"{last.cap.days} days" if last.cap.days else f"{last.cap.hours} hours"
        reason = f"{last.row.name} allows {last.cap.max} within {window}, {last.counted} were made: {last.cap.scope}"
        return say(DEFER, reason, last.row.citation, clear.astimezone(UTC))
    return say(PASS, f"attempt {len(mine) + 1} of {policy.max_attempts}")


def check_gap(case: Case) -> Finding:
    history = caps.placed(case.facts.history) if case.facts.history else []

    def evidence() -> dict[str, Any]:
        seen: dict[str, Any] = {"gap_s": case.policy.gap.total_seconds()}
        if history:
            seen["last"] = {
                "attempt_id": history[-1].attempt_id,
                "campaign_id": history[-1].campaign_id,
                "at": history[-1].at.isoformat(),
                "outcome": history[-1].outcome,
            }
        return seen

    clear = caps.gap_clear_at(history, case.policy.gap, case.now) if history else case.now
    if clear == case.now:
        return Finding(CheckName.GAP, PASS, "the number was left in peace long enough", "", evidence)
    if any(each.outcome == caps.OPEN for each in history):
        reason = "a call to this number is open"
    else:
        reason = f"last dialed at {history[-1].at:%Y-%m-%d %H:%M} UTC, and the gap is {case.policy.gap}"
    return Finding(CheckName.GAP, DEFER, reason, "the campaign's own gap", evidence, clear.astimezone(UTC))


def check_abandonment(case: Case) -> Finding:
    count, cap = case.facts.abandonment, case.ground.abandonment

    def evidence() -> dict[str, Any]:
        seen: dict[str, Any] = {"percent_allowed": cap[0] if cap else None}
        if count is not None:
            seen |= {"since": count.since.isoformat(), "answered": count.answered, "abandoned": count.abandoned}
        return seen

    def say(verdict: Verdict, reason: str, citation: str = "", until: datetime | None = None) -> Finding:
        return Finding(CheckName.ABANDONMENT, verdict, reason, citation, evidence, until)

    if cap is None or count is None:
        return say(PASS, "no abandoned call counts")
    percent, row = cap
    end = (count.since + caps.ABANDONMENT_PERIOD).astimezone(UTC)
    if end > case.now and count.abandoned * 100 >= percent * max(count.answered, FEWEST_ANSWERED):
        reason = f"{count.abandoned} of {count.answered} answered calls were abandoned, {percent:g} % are allowed"
        return say(DEFER, reason, row.citation, end)
    return say(PASS, f"{count.abandoned} of {count.answered} answered calls were abandoned", row.citation)


def _of_ground(name: CheckName) -> Callable[[Case], Finding]:
    return lambda case: case.ground.findings[name]


CHECKS: Mapping[CheckName, Callable[[Case], Finding]] = {
    CheckName.FACTS: check_facts,
    CheckName.NUMBER: check_number,
    CheckName.INTERNAL_DNC: check_internal_dnc,
    CheckName.RULES: _of_ground(CheckName.RULES),
    CheckName.DOCUMENTS: _of_ground(CheckName.DOCUMENTS),
    CheckName.CONSENT: check_consent,
    CheckName.REASSIGNED: check_reassigned,
    CheckName.REGISTRIES: check_registries,
    CheckName.CALLING_WINDOW: check_window,
    CheckName.ATTEMPT_CAPS: check_caps,
    CheckName.GAP: check_gap,
    CheckName.CALLER_ID: _of_ground(CheckName.CALLER_ID),
    CheckName.MESSAGE: _of_ground(CheckName.MESSAGE),
    CheckName.ABANDONMENT: check_abandonment,
}
_IN_ORDER = tuple(CHECKS[name] for name in CheckName)


def run_checks(case: Case) -> tuple[Finding, ...]:
    """Every check's finding, in the order of CheckName. Facts with a time of no zone cannot be judged at all."""
    naive = _naive_times(case.facts)
    if naive:
        reason = f"a time in the facts has no zone: {', '.join(naive)}"
        return tuple(
            Finding(name, NEVER, reason if name is CheckName.FACTS else "not judged: " + reason) for name in CheckName
        )
    return tuple([check(case) for check in _IN_ORDER])


def _naive_times(facts: Facts) -> list[str]:
    """The kinds of times in the facts that have no zone."""
    times: list[tuple[str, datetime | None]] = [("read_at", facts.read_at)]
    for each in facts.consents:
        times += (("consent", each.given_at), ("consent", each.revoked_at), ("consent", each.expires_at))
    for past in facts.history:
        times.append(("history", past.at))
    for dealing in facts.dealings:
        times.append(("dealings", dealing.at))
    if facts.internal_dnc is not None:
        times += (("internal_dnc", facts.internal_dnc.added_at), ("internal_dnc", facts.internal_dnc.expires_at))
    if facts.reassigned is not None:
        times.append(("reassigned", facts.reassigned.asked_at))
    if facts.abandonment is not None:
        times.append(("abandonment", facts.abandonment.since))
    return list(dict.fromkeys([name for name, at in times if at is not None and at.utcoffset() is None]))


def earliest(case: Case, at: datetime) -> datetime | None:
    """The first instant from ``at`` on that the calling window and the caps both allow; None: not to be found."""
    for _ in range(50):
        opening = at if at == case.ground.opening else case.ground.window.next_opening(at)
        if opening is None:
            return None
        if not case.facts.history:
            return opening
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
