from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.contract import lawful_values

import dialer
from dialer.compliance import checks
from dialer.compliance.basis import unpacked
from dialer.compliance.decision import PERMIT_LIFETIME, CheckName, Permit, Refusal, Verdict
from dialer.compliance.gate import Gate, replay
from dialer.compliance.operator import Operator
from dialer.compliance.policy import (
    AbandonmentCount,
    CallerIdRight,
    CampaignPolicy,
    DailyHours,
    DncEntry,
    Facts,
    PastAttempt,
    Purpose,
)
from dialer.compliance.rules import builtin_rules, load_rules
from dialer.contacts.contact import Contact, LineType, Number
from dialer.contacts.numbers import parse_number
from dialer.contacts.zones import candidate_zones, jurisdictions
from dialer.errors import ComplianceError, PermitError

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)  # a Friday; 13:00 in New York
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
RULES = builtin_rules()
KEY = b"sixteen bytes or more"
RIGHT = CallerIdRight("+12125550100", "owned")
OPERATOR = lawful_values.operator(RULES, [RIGHT])
GATE = Gate(RULES, OPERATOR, KEY)


@dataclass(frozen=True)
class Question:
    facts: Facts
    policy: CampaignPolicy
    now: datetime = NOW

    def decide(self, gate: Gate = GATE) -> Permit | Refusal:
        return gate.decide("attempt-1", self.facts, self.policy, self.now)

    def at(self, now: datetime) -> Question:
        """The same, asked at another time with facts read then."""
        fresh = lawful_values.registries(RULES, now.date())
        return Question(dataclasses.replace(self.facts, read_at=now, registries=fresh), self.policy, now)

    def with_facts(self, **changes: Any) -> Question:
        return dataclasses.replace(self, facts=dataclasses.replace(self.facts, **changes))

    def with_policy(self, **changes: Any) -> Question:
        return dataclasses.replace(self, policy=dataclasses.replace(self.policy, **changes))


def question(number: str = "+12125550123", *, purpose: Purpose = Purpose.INFORMATIONAL, **contact: Any) -> Question:
    """A lawful call with written consent."""
    read = parse_number(number, None)
    assert isinstance(read, Number)
    policy = CampaignPolicy(7, purpose, "Acme", RIGHT.number, RIGHT.number, None, max_attempts=9, gap=4 * HOUR)
    return Question(
        Facts(
            Contact(read, **contact),
            (lawful_values.WRITTEN,),
            None,
            (),
            NOW,
            lawful_values.registries(RULES, NOW.date()),
        ),
        dataclasses.replace(policy, message=lawful_values.MESSAGE),
    )


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def past(hours_ago: float, outcome: str = "no_answer", *, now: datetime = NOW, campaign_id: int = 7) -> PastAttempt:
    return PastAttempt(f"a{hours_ago}", campaign_id, now - hours_ago * HOUR, outcome)


def test_a_lawful_call_gets_a_permit_for_exactly_that_call() -> None:
    permit = permitted(question())
    assert (permit.attempt_id, permit.campaign_id) == ("attempt-1", 7)
    assert (permit.number, permit.caller_id) == ("+12125550123", RIGHT.number)
    assert permit.rules_version == RULES.version
    assert permit.expires_at == NOW + PERMIT_LIFETIME
    assert unpacked(permit.basis).objections == {}
    permit.verify(KEY, NOW)


def permitted(asked: Question) -> Permit:
    decision = asked.decide()
    assert isinstance(decision, Permit)
    return decision


class TestSeal:
    permit = permitted(question())

    @pytest.mark.parametrize(
        "change",
        [
            {"attempt_id": "attempt-2"},
            {"campaign_id": 8},
            {"number": "+12125550124"},
            {"caller_id": "+12125550199"},
            {"rules_version": "0"},
            {"issued_at": NOW + SECOND},
            {"expires_at": NOW + HOUR},
            {"basis": b""},
            {"seal": b""},
        ],
    )
    def test_breaks_with_every_change(self, change: dict[str, Any]) -> None:
        with pytest.raises(PermitError):
            msgspec.structs.replace(self.permit, **change).verify(KEY, NOW)

    def test_survives_the_wire(self) -> None:
        received = msgspec.msgpack.decode(msgspec.msgpack.encode(self.permit), type=Permit)
        received.verify(KEY, NOW)

    def test_of_another_key_does_not_verify(self) -> None:
        with pytest.raises(PermitError):
            self.permit.verify(b"another key of the gate", NOW)

    @pytest.mark.parametrize("when", [NOW + PERMIT_LIFETIME, NOW + HOUR, NOW - HOUR])
    def test_expires(self, when: datetime) -> None:
        with pytest.raises(PermitError):
            self.permit.verify(KEY, when)


def test_a_permit_ends_with_the_calling_hours() -> None:
    closing = local("2026-11-20T21:00", "America/New_York")
    assert permitted(question().at(closing - 2 * SECOND)).expires_at == closing


def test_a_permit_ends_with_the_right_to_its_caller_id() -> None:
    gate = Gate(RULES, Operator((dataclasses.replace(RIGHT, valid_until=NOW + SECOND),)), KEY)
    permit = question().decide(gate)
    assert isinstance(permit, Permit)
    assert permit.expires_at == NOW + SECOND


def refusal(asked: Question) -> Refusal:
    decision = asked.decide()
    assert isinstance(decision, Refusal)
    return decision


def deferring(no: Refusal) -> set[CheckName]:
    return {check for check, verdict in unpacked(no.basis).objections.items() if verdict is Verdict.DEFER}


def test_pensacola_in_the_evening() -> None:
    evening = question("+18505550123").at(local("2026-11-20T20:30", "America/New_York"))
    no = refusal(evening)
    assert no.refused_by is CheckName.CALLING_WINDOW
    assert no.defer_until == local("2026-11-21T08:00", "America/Chicago")
    assert "501.616" in no.citation


def test_oslo_on_the_seventeenth_of_may() -> None:
    no = refusal(question("+4722555012").at(local("2027-05-17T12:00", "Europe/Oslo")))
    assert no.defer_until == local("2027-05-18T09:00", "Europe/Oslo")


def test_sales_calls_to_moscow_never() -> None:
    no = refusal(question("+79161234567", purpose=Purpose.MARKETING))
    assert no.refused_by is CheckName.RULES
    assert no.defer_until is None
    assert "38-FZ" in no.citation


def test_pennsylvania_closes_on_the_first_sunday_of_its_new_law() -> None:
    philadelphia = question("+12155550123")
    assert isinstance(philadelphia.at(local("2026-10-17T20:30", "America/New_York")).decide(), Permit)
    no = refusal(philadelphia.at(local("2026-10-18T12:00", "America/New_York")))
    assert no.defer_until == local("2026-10-19T09:00", "America/New_York")


def test_the_fourth_call_of_a_day_in_florida_waits_for_the_oldest_to_age() -> None:
    miami = question("+13055550123").with_facts(history=(past(20), past(10), past(5)))
    no = refusal(miami)
    assert no.refused_by is CheckName.ATTEMPT_CAPS
    assert no.defer_until == NOW + 4 * HOUR


def test_a_deferral_waits_for_every_check_that_defers() -> None:
    history = (past(22), past(10), past(5))  # the cap clears at 23:00 in Miami, which is closed then
    no = refusal(question("+13055550123").with_facts(history=history).at(NOW + 8 * HOUR))
    assert deferring(no) == {CheckName.CALLING_WINDOW}
    evening = question("+13055550123").with_facts(history=(past(15), past(10), past(2))).at(NOW + 2 * HOUR)
    no = refusal(evening)  # the cap clears at 22:00
    assert no.refused_by is CheckName.ATTEMPT_CAPS
    assert no.defer_until == local("2026-11-21T08:00", "America/New_York")


def test_a_caps_end_after_a_holiday_weekend_in_france() -> None:
    paris = question("+33199001234").with_facts(history=tuple(past(hours) for hours in (700, 200, 100, 50)))
    no = refusal(paris.at(local("2026-11-20T15:00", "Europe/Paris")))
    assert no.defer_until == local("2026-11-23T10:00", "Europe/Paris")  # cleared on Saturday


def test_a_deferral_reckons_with_the_law_of_the_day_it_leads_to() -> None:
    row = """
        [[row]]
        jurisdiction = "GB"
        name = "United Kingdom"
        status = "verified"
        citation = "an Act"
        marketing = "express"
        {dates}
        [row.hours]
        mon_fri = [[08:00:00, 18:00:00]]
        sat = [[08:00:00, 18:00:00]]
        sun = [[08:00:00, 18:00:00]]
        holidays = "same"
    """
    until_friday, from_saturday = row.format(dates="valid_to = 2026-11-20"), row.format(dates="valid_from = 2026-11-21")
    cap = '[[row.caps]]\nmax = 1\ndays = 2\nscope = "a new cap"\n'
    gate = Gate(load_rules({"gb.toml": until_friday + from_saturday + cap}), OPERATOR, KEY)
    no = question("+442079460123").with_facts(history=(past(9),)).decide(gate)
    assert isinstance(no, Refusal)
    assert no.refused_by is CheckName.CALLING_WINDOW
    assert no.defer_until == NOW + 39 * HOUR  # Sunday, when the new cap lets go


def test_the_strictest_verdict_wins() -> None:
    entry = DncEntry("+12125550123", NOW - HOUR, "pressed 9", "a1")
    no = refusal(question().with_facts(history=(past(1),), internal_dnc=entry))
    assert no.refused_by is CheckName.INTERNAL_DNC
    assert no.defer_until is None
    assert deferring(no) == {CheckName.GAP}


def test_stale_facts_are_read_anew_soon() -> None:
    no = refusal(question().with_facts(read_at=NOW - 11 * SECOND))
    assert no.refused_by is CheckName.FACTS
    assert no.defer_until == NOW + 10 * SECOND


def test_explaining_says_what_deciding_does_and_makes_no_permit() -> None:
    for asked in (question(), question("+18505550123").at(NOW + 10 * HOUR)):
        explained = GATE.explain(asked.facts, asked.policy, asked.now)
        verdicts = {check.check: check.verdict for check in explained if check.verdict is not Verdict.PASS}
        assert unpacked(asked.decide().basis).objections == verdicts


def test_the_same_question_has_the_same_answer() -> None:
    assert question().decide() == question().decide()


def test_a_time_without_a_zone_is_refused_at_the_door() -> None:
    naive = NOW.replace(tzinfo=None)
    with pytest.raises(ComplianceError, match="no time zone"):
        GATE.decide("a", question().facts, question().policy, naive)
    with pytest.raises(ComplianceError, match="no time zone"):
        Gate(RULES, Operator((dataclasses.replace(RIGHT, valid_until=naive),)), KEY)


def test_a_time_of_any_zone_means_the_same() -> None:
    assert (
        question().decide()
        == dataclasses.replace(question(), now=local("2026-11-20T13:00", "America/New_York")).decide()
    )


def test_a_short_key_is_no_key() -> None:
    with pytest.raises(ComplianceError, match="15 bytes"):
        Gate(RULES, OPERATOR, b"x" * 15)


def test_only_the_gate_makes_permits() -> None:
    source = Path(dialer.__file__).parent
    makers = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr == "sealed")
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Permit")
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "Permit")
    }
    assert makers == {"compliance/gate.py"}


NUMBERS = [
    "+12125550123",
    "+13055550123",
    "+18505550123",
    "+12155550123",
    "+16015550123",
    "+17025550123",
    "+12075550123",
]
NUMBERS += [
    "+442079460123",
    "+33199001234",
    "+4722555012",
    "+97142220123",
    "+17095550123",
    "+61855501234",
    "+19075550123",
]
OUTCOMES = ["no_answer", "hung_up", "heard", "busy", "interrupted", "not_dialed"]
QUARTERS = st.integers(0, 4 * 24 * 29).map(lambda quarters: quarters / 4)


@st.composite
def questions(draw: st.DrawFn) -> Question:
    """Calls that are mostly lawful but for the hour, the caps and the gap."""
    base = datetime(2026, 9, 1, tzinfo=UTC)
    now = base + timedelta(seconds=draw(st.integers(0, 4 * 365 * 86400)))
    purpose = draw(st.sampled_from([Purpose.INFORMATIONAL, Purpose.INFORMATIONAL, Purpose.DEBT, Purpose.EMERGENCY]))
    asked = question(draw(st.sampled_from(NUMBERS)), purpose=purpose, line_type=draw(st.sampled_from([*LineType])))
    history = draw(
        st.lists(
            st.builds(past, QUARTERS, st.sampled_from(OUTCOMES), now=st.just(now), campaign_id=st.sampled_from([7, 8])),
            max_size=6,
        )
    )
    if draw(st.integers(0, 9)) == 0:
        asked = asked.with_facts(consents=())
    hours = draw(st.sampled_from([None, None, DailyHours(time(9, 30), time(18))]))
    gap = draw(st.sampled_from([1, 4, 48])) * HOUR
    history.sort(key=lambda each: each.at)
    return asked.with_facts(history=tuple(history)).with_policy(hours=hours, gap=gap, max_attempts=6).at(now)


def inside_every_window(asked: Question, instant: datetime) -> bool:
    contact = asked.facts.contact
    for zone in candidate_zones(contact).zones:
        moment = instant.astimezone(ZoneInfo(zone))
        own = asked.policy.hours
        if own and not own.opens <= moment.time() < own.closes:
            return False
        for row in RULES.rows_for(jurisdictions(contact), moment.date()):
            if asked.policy.purpose is Purpose.EMERGENCY and row.country == "US":
                continue
            for week in (row.hours, row.recorded_hours):
                spans = week.on(moment.date()) if week else ((time.min, time.max),)
                if not any(opens <= moment.time() < closes for opens, closes in spans):
                    return False
    return True


@given(questions())
@settings(max_examples=200)
def test_no_permit_lives_outside_any_window(asked: Question) -> None:
    decision = asked.decide()
    if isinstance(decision, Permit):
        assert inside_every_window(asked, decision.issued_at)
        assert inside_every_window(asked, decision.expires_at - timedelta(microseconds=1))
        assert asked.now < decision.expires_at <= asked.now + PERMIT_LIFETIME


@given(questions())
@settings(max_examples=200)
@example(question("+13055550123").with_facts(history=(past(20), past(10), past(5))))
def test_a_deferral_is_the_earliest_instant_at_which_the_call_is_lawful(asked: Question) -> None:
    decision = asked.decide()
    if isinstance(decision, Permit) or decision.defer_until is None:
        return
    assert decision.defer_until > asked.now
    assert isinstance(asked.at(decision.defer_until).decide(), Permit)
    span = decision.defer_until - asked.now
    for earlier in [
        *(asked.now + span * n / 40 for n in range(1, 40)),
        decision.defer_until - timedelta(microseconds=1),
    ]:
        assert isinstance(asked.at(earlier).decide(), Refusal)


RESTRICTIONS: dict[str, Callable[[Question], Question]] = {
    "internal list": lambda q: q.with_facts(
        internal_dnc=DncEntry(q.facts.contact.number.e164, q.now, "pressed 9", "a1")
    ),
    "no consent": lambda q: q.with_facts(consents=()),
    "revocation": lambda q: q.with_facts(
        consents=tuple(dataclasses.replace(each, revoked_at=q.now) for each in q.facts.consents)
    ),
    "another seller": lambda q: q.with_policy(seller="Other Inc"),
    "sales": lambda q: q.with_policy(purpose=Purpose.MARKETING) if q.policy.purpose is Purpose.INFORMATIONAL else q,
    "one call more": lambda q: q.with_facts(history=(*q.facts.history, past(9, now=q.now))),
    "open call": lambda q: q.with_facts(history=(*q.facts.history, past(90, "open", now=q.now))),
    "narrow hours": lambda q: q.with_policy(hours=DailyHours(time(10), time(12))),
    "wider gap": lambda q: q.with_policy(gap=q.policy.gap * 3),
    "fewer attempts": lambda q: q.with_policy(max_attempts=1),
    "no right": lambda q: q.with_policy(caller_id="+12125550101"),
    "stale": lambda q: q.with_facts(read_at=q.now - 11 * SECOND),
    "another state": lambda q: q.with_facts(contact=dataclasses.replace(q.facts.contact, state="RI")),
    "line unknown": lambda q: q.with_facts(contact=dataclasses.replace(q.facts.contact, line_type=LineType.UNKNOWN)),
}


@given(asked=questions(), names=st.lists(st.sampled_from(sorted(RESTRICTIONS)), min_size=1, max_size=3, unique=True))
@settings(max_examples=200)
def test_no_restriction_turns_a_refusal_into_a_permit(asked: Question, names: list[str]) -> None:
    restricted = asked
    for name in names:
        restricted = RESTRICTIONS[name](restricted)
    if isinstance(asked.decide(), Refusal):
        assert isinstance(restricted.decide(), Refusal)


@given(questions())
@settings(max_examples=200)
def test_every_decision_can_be_made_again_from_what_is_kept_of_it(asked: Question) -> None:
    basis = unpacked(asked.decide().basis)
    remade = replay(basis, load_rules(RULES.texts), OPERATOR, asked.policy)
    assert remade.agrees
    assert remade.differences == {}


def test_a_decision_that_was_altered_does_not_agree() -> None:
    late = question("+13055550123").with_facts(history=(past(20), past(10), past(5)))
    basis = unpacked(late.decide().basis)
    kinder = basis._replace(facts=dataclasses.replace(basis.facts, history=()))
    remade = replay(kinder, RULES, OPERATOR, late.policy)
    assert remade.differences == {CheckName.ATTEMPT_CAPS: (Verdict.DEFER, Verdict.PASS)}
    assert not remade.agrees


def test_other_texts_than_those_of_the_time_are_refused() -> None:
    basis = unpacked(question().decide().basis)
    with pytest.raises(ComplianceError, match="not those"):
        replay(basis, RULES, Operator((RIGHT,)), question().policy)
    with pytest.raises(ComplianceError, match="not those"):
        replay(basis, RULES, OPERATOR, question().with_policy(max_attempts=1).policy)


@given(questions(), st.permutations(list(CheckName)))
@settings(max_examples=150)
def test_the_order_of_the_checks_does_not_change_the_verdict(asked: Question, order: list[CheckName]) -> None:
    usual = GATE.judge(asked.facts, asked.policy, asked.now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_IN_ORDER", tuple(checks.CHECKS[name] for name in order))
        other = GATE.judge(asked.facts, asked.policy, asked.now)
    assert (other.verdict, other.defer_until) == (usual.verdict, usual.defer_until)
    assert other.objections == usual.objections


@given(st.lists(questions(), min_size=2, max_size=6))
@settings(max_examples=50)
def test_what_was_decided_before_does_not_change_a_decision(asked: list[Question]) -> None:
    remembering = Gate(RULES, OPERATOR, KEY)
    assert [each.decide(remembering) for each in asked] == [each.decide(Gate(RULES, OPERATOR, KEY)) for each in asked]


class TestAbandonment:
    @staticmethod
    def asked(answered: int, abandoned: int, *, days_ago: float = 3, purpose: Purpose = Purpose.MARKETING) -> Question:
        since = NOW - timedelta(days=days_ago)
        return question(purpose=purpose).with_facts(abandonment=AbandonmentCount(since, answered, abandoned))

    @pytest.mark.parametrize(
        ("answered", "abandoned", "pressure"),
        [(0, 0, 0), (1000, 0, 0), (1000, 15, 0.5), (1000, 29, 0.9666), (1000, 30, 1), (10, 2, 0.6666), (10, 3, 1)],
    )
    def test_dialing_slows_down_before_the_cap_and_stops_at_it(
        self, answered: int, abandoned: int, pressure: float
    ) -> None:
        asked = self.asked(answered, abandoned)
        assert GATE.abandonment_pressure(asked.facts, asked.policy, NOW) == pytest.approx(pressure, abs=1e-3)
        decision = asked.decide()
        assert isinstance(decision, Refusal if pressure >= 1 else Permit)
        if isinstance(decision, Refusal):
            assert decision.refused_by is CheckName.ABANDONMENT
            assert decision.defer_until == NOW + timedelta(days=27, hours=0)

    def test_a_new_period_begins_anew(self) -> None:
        over = self.asked(10, 10, days_ago=30)
        assert isinstance(over.decide(), Permit)
        assert GATE.abandonment_pressure(over.facts, over.policy, NOW) == 0

    def test_it_is_of_sales_calls(self) -> None:
        reminder = self.asked(10, 10, purpose=Purpose.HEALTH)
        assert isinstance(reminder.decide(), Permit)


class TestOpening:
    """What the planner goes by: it never sees hours in which the gate would defer for the hour alone."""

    @given(st.integers(0, 60 * 24 * 14), st.sampled_from(["+12125550123", "+18085550123", "+442079460123"]))
    @settings(max_examples=120)
    def test_it_is_the_hours_of_the_gate_itself(self, minutes: int, number: str) -> None:
        asked = question(number, purpose=Purpose.HEALTH).at(NOW + timedelta(minutes=minutes))
        opening = GATE.opening(GATE.place_of(asked.facts.contact), asked.policy, asked.now)
        assert opening is not None
        assert opening.closes_at is not None
        window = GATE.judge(asked.facts, asked.policy, asked.now).objections.get(CheckName.CALLING_WINDOW)
        assert opening.open_at(asked.now) is (window is None)
        for moment, is_open in (
            (opening.opens_at, True),
            (opening.closes_at, False),
            (opening.closes_at - SECOND, True),
        ):
            then = asked.at(moment)
            shut = CheckName.CALLING_WINDOW in GATE.judge(then.facts, then.policy, then.now).objections
            assert shut is not is_open

    def test_where_no_hours_are_to_come_there_is_none(self) -> None:
        toll_free = question("+18005550123")
        assert GATE.opening(GATE.place_of(toll_free.facts.contact), toll_free.policy, NOW) is None

    def test_a_place_is_found_again_by_its_key(self) -> None:
        place = GATE.place_of(question().facts.contact)
        assert GATE.place_of_key(place.key) is place

    def test_a_naive_time_is_refused(self) -> None:
        with pytest.raises(ComplianceError, match="time zone"):
            GATE.opening(GATE.place_of(question().facts.contact), question().policy, NOW.replace(tzinfo=None))
