"""A call before its answer: trunks, ringing, refusals, canceling; and what holds for any course of events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.calls.events import (
    Answered,
    BeepHeard,
    CallEvent,
    CallGone,
    CallOperator,
    DropOperator,
    FinalResponse,
    Finish,
    GreetingOver,
    HangUpAsked,
    KeyHeard,
    MediaReady,
    NoOperator,
    OperatorAnswered,
    OperatorGone,
    OperatorNamed,
    OperatorTookOver,
    OptOutDurable,
    PeerHungUp,
    Play,
    Provisional,
    ReportOptOut,
    ReportProgress,
    SendBye,
    SendCancel,
    SendInvite,
    SoundFinished,
    TimerDue,
    WhisperOver,
)
from dialer.calls.frames import Stage
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import AnsweredBy, CallLimits, CallRecord, EndedBy, MachinePolicy, TransferResult
from dialer.calls.states import CallState
from dialer.errors import CallStateError

if TYPE_CHECKING:
    from tests.unit.calls.conftest import PlaceCall

BUSY = FinalResponse(486, "Busy Here")
UNAVAILABLE = FinalResponse(503, "Service Unavailable")
TERMINATED = FinalResponse(487, "Request Terminated")
TIMED_OUT = FinalResponse(408, "Request Timeout", local=True)
UNREACHABLE = FinalResponse(503, "Connection refused", local=True)


def stages(commands: Sequence[object]) -> list[str]:
    return [command.stage for command in commands if isinstance(command, ReportProgress)]


class TestTrunks:
    def test_the_first_trunk_is_called_with_a_call_id_of_the_attempt(self, place: PlaceCall) -> None:
        call = place()
        assert call.commands[0] == SendInvite("north", "a1-1")
        assert call.machine.state is CallState.INVITING

    @pytest.mark.parametrize("failure", [UNAVAILABLE, TIMED_OUT, UNREACHABLE])
    @pytest.mark.parametrize("trying", [(), (Provisional(100),)])
    def test_the_next_trunk_is_tried_where_the_network_failed(
        self, place: PlaceCall, failure: FinalResponse, trying: tuple[Provisional, ...]
    ) -> None:
        call = place()
        call.at(0.1, *trying)
        assert call.at(0.5, failure)[0] == SendInvite("south", "a1-2")

    @pytest.mark.parametrize(
        "code", [302, 400, 403, 404, 408, 410, 480, 484, 486, 487, 500, 504, 600, 603, 604, 607, 608]
    )
    def test_what_anyone_answered_is_not_offered_to_the_next_trunk(self, place: PlaceCall, code: int) -> None:
        call = place()
        call.at(1, Provisional(100), FinalResponse(code, "no"))
        assert len(call.sent(SendInvite)) == 1

    def test_a_503_with_the_callees_own_cause_is_not_offered_on(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, FinalResponse(503, "Service Unavailable", reason_header="Q.850;cause=17"))
        assert call.record.outcome is Outcome.BUSY
        assert len(call.record.legs) == 1

    @pytest.mark.parametrize("ringing", [Provisional(180), Provisional(183), Provisional(181), Provisional(180, True)])
    @pytest.mark.parametrize("failure", [UNAVAILABLE, TIMED_OUT, UNREACHABLE])
    def test_once_it_rang_no_other_trunk_is_tried(
        self, place: PlaceCall, ringing: Provisional, failure: FinalResponse
    ) -> None:
        call = place()
        call.at(2, ringing)
        call.at(5, failure)
        assert len(call.sent(SendInvite)) == 1
        assert call.record.outcome is (Outcome.FAILED if failure.local else Outcome.CONGESTION)

    def test_a_trunk_without_any_response_is_left_after_eight_seconds(self, place: PlaceCall) -> None:
        call = place()
        assert call.until_timer() == [SendCancel()]
        assert call.seconds == 8.0
        assert call.at(8.1, CallGone())[0] == SendInvite("south", "a1-2")
        call.at(8.2, Provisional(100))
        call.at(9, BUSY)
        north, south = call.record.legs
        assert (north.trunk, north.sip_code, north.sip_reason) == ("north", 0, "no response")
        assert (south.trunk, south.sip_code, south.call_id) == ("south", 486, "a1-2")
        assert call.record.outcome is Outcome.BUSY

    @pytest.mark.parametrize(
        ("end", "reason"),
        [(CallGone(), "no response"), (TIMED_OUT, "no response"), (TERMINATED, "Request Terminated")],
    )
    def test_when_no_trunk_responds_it_is_a_trunk_failure(self, place: PlaceCall, end: CallEvent, reason: str) -> None:
        call = place()
        call.until_timer()
        call.at(9, end)
        call.until_timer()
        assert call.at(20, end) == [Finish()]
        assert call.record.outcome is Outcome.TRUNK_FAILURE
        assert [leg.sip_reason for leg in call.record.legs] == [reason] * 2
        assert call.record.ended_by is EndedBy.NETWORK

    def test_the_last_trunks_503_is_congestion(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, UNAVAILABLE)
        call.at(2, UNAVAILABLE)
        assert call.record.outcome is Outcome.CONGESTION
        assert (call.record.sip_code, call.record.q850, call.record.q850_received) == (503, 41, False)

    def test_a_local_failure_is_nobodys_sip_code(self, place: PlaceCall) -> None:
        call = place(trunks=("north",))
        call.at(1, UNREACHABLE)
        assert call.record.outcome is Outcome.TRUNK_FAILURE
        assert (call.record.sip_code, call.record.sip_reason, call.record.q850) == (0, "Connection refused", None)

    def test_what_went_wrong_after_the_callee_spoke_is_not_offered_on(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, FinalResponse(488, "Not Acceptable Here", local=True))
        assert (call.record.outcome, call.record.detail) == (Outcome.FAILED, "Not Acceptable Here")
        assert len(call.record.legs) == 1

    def test_audio_of_the_first_trunk_is_not_the_seconds(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, MediaReady(), UNAVAILABLE)
        call.at(2, Answered())
        assert call.machine.state is CallState.ANSWERED

    def test_the_second_trunks_record_carries_nothing_of_the_firsts_refusal(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, FinalResponse(503, "Service Unavailable", reason_header="Q.850;cause=34"))
        call.at(2, UNREACHABLE)
        assert (call.record.reason_header, call.record.q850) == ("", None)
        assert call.record.legs[0].q850 == 34

    @pytest.mark.parametrize("late", [Provisional(180), Provisional(183)])
    def test_a_trunk_that_rings_after_it_was_given_up_means_no_second_call(
        self, place: PlaceCall, late: Provisional
    ) -> None:
        call = place()
        call.until_timer()
        call.at(8.5, late)
        assert call.at(8.7, TERMINATED) == [Finish()]
        assert len(call.sent(SendInvite)) == len(call.sent(SendCancel)) == 1
        assert call.record.outcome is Outcome.CANCELED
        assert call.record.ringing_at is not None

    def test_an_answer_to_a_withdrawn_invite_is_hung_up_and_not_called_again(self, place: PlaceCall) -> None:
        call = place()
        call.until_timer()
        assert call.at(8.5, Answered()) == [SendBye()]
        call.at(8.6, CallGone())
        assert call.record.outcome is Outcome.CANCELED
        assert call.record.answered_at is not None
        assert len(call.sent(SendInvite)) == 1

    def test_a_late_refusal_of_a_withdrawn_invite_counts(self, place: PlaceCall) -> None:
        call = place()
        call.until_timer()
        call.at(8.5, FinalResponse(603, "Decline"))
        assert call.record.outcome is Outcome.REJECTED
        assert len(call.record.legs) == 1


class TestRinging:
    def test_it_rings_until_the_ring_time_out(self, place: PlaceCall) -> None:
        call = place(limits=CallLimits(ring_timeout_s=20))
        call.at(0.1, Provisional(100))
        assert stages(call.at(2, Provisional(180), Provisional(180))) == [Stage.RINGING]
        assert call.until_timer() == [SendCancel()]
        assert call.seconds == 20.0
        assert call.at(20.1, TERMINATED) == [Finish()]
        record = call.record
        assert record.outcome is Outcome.NO_ANSWER
        assert record.ringing_at is not None
        assert (record.ended_at - record.ringing_at).total_seconds() == 18
        assert (record.ended_by, record.sip_code) == (EndedBy.DIALER, 487)

    def test_a_response_ends_the_wait_for_a_response(self, place: PlaceCall) -> None:
        call = place()
        call.at(7.9, Provisional(100))
        assert call.at(8, TimerDue()) == []
        assert call.machine.state is CallState.PROCEEDING

    def test_an_answer_that_crosses_the_cancel_is_hung_up_and_is_no_answer(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180))
        call.until_timer()
        assert call.at(30.05, MediaReady(), Answered("192.0.2.1:5060")) == [SendBye()]
        assert call.at(30.2, CallGone()) == [Finish()]
        assert call.record.outcome is Outcome.NO_ANSWER
        assert call.record.answered_at is not None
        assert "canceled" in call.record.detail
        assert call.record.plays == 0

    def test_what_crosses_the_cancel_is_not_overwritten(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180))
        call.until_timer()
        call.at(30.05, BUSY)
        assert (call.record.outcome, call.record.ended_by) == (Outcome.BUSY, EndedBy.NETWORK)

    def test_early_media_is_told_and_nothing_plays_before_the_answer(self, place: PlaceCall) -> None:
        call = place()
        assert stages(call.at(1, Provisional(183, early_media=True), MediaReady("PCMA"))) == [
            Stage.RINGING,
            Stage.EARLY_MEDIA,
        ]
        assert call.sent(Play) == []
        call.at(5, Answered())
        assert call.machine.state is CallState.GREETING

    def test_of_keys_before_the_answer_an_opt_out_binds_once_it_comes(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180), KeyHeard("1", "info"), KeyHeard("9", "info"))
        assert call.sent(ReportOptOut) == []
        call.at(2, Answered())
        assert call.sent(ReportOptOut) == [ReportOptOut("key 9")]
        call.at(2.1, OptOutDurable())
        assert call.sent(SendBye)
        call.at(2.2, CallGone())
        assert call.record.outcome is Outcome.OPTED_OUT
        assert [(key.digit, key.after_answer_ms) for key in call.record.keys] == [("9", 0)]

    def test_a_key_of_a_call_that_is_never_answered_counts_for_nothing(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(183, early_media=True), KeyHeard("9", "rfc4733"))
        call.at(2, BUSY)
        assert call.record.outcome is Outcome.BUSY
        assert call.sent(ReportOptOut) == []

    def test_an_opt_out_that_crosses_our_cancel_binds_if_the_answer_does_too(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180))
        call.until_timer()
        assert call.machine.state is CallState.CANCELING
        call.at(31, KeyHeard("9", "info"), Answered())
        assert call.sent(ReportOptOut) == [ReportOptOut("key 9")]
        call.at(31.1, OptOutDurable(), CallGone())
        assert call.record.outcome is Outcome.OPTED_OUT

    def test_a_cancel_that_nothing_confirms_ends_all_the_same(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180))
        call.until_timer()
        assert call.until_timer() == [Finish()]
        assert call.seconds == 65.0
        assert call.record.outcome is Outcome.NO_ANSWER
        assert call.record.ended_at == call.record.invite_at + timedelta(seconds=30)  # type: ignore[operator]

    def test_a_bye_before_the_answer_ends_the_call(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, Provisional(180))
        assert call.at(2, PeerHungUp()) == [Finish()]
        assert call.record.outcome is Outcome.FAILED


class TestRefusals:
    @pytest.mark.parametrize(
        ("response", "outcome"),
        [
            (FinalResponse(301, "Moved Permanently"), Outcome.INVALID_NUMBER),
            (FinalResponse(302, "Moved Temporarily"), Outcome.FAILED),
        ],
    )
    def test_a_redirect_is_not_followed(self, place: PlaceCall, response: FinalResponse, outcome: Outcome) -> None:
        call = place()
        assert call.at(1, response) == [Finish()]
        assert (call.record.outcome, call.record.detail) == (outcome, "redirect not followed")

    def test_a_network_block_keeps_where_to_complain(self, place: PlaceCall) -> None:
        header = 'SIP;cause=603;text="v=analytics1;url=https://block.example/x";location=RLN'
        call = place()
        call.at(1, FinalResponse(603, "Network Blocked", reason_header=header))
        record = call.record
        assert (record.outcome, record.redress) == (Outcome.NETWORK_BLOCKED, "https://block.example/x")
        assert (record.reason_header, record.legs[0].reason_header) == (header, header)

    def test_607_is_abuse_and_waits_for_the_opt_out_to_be_durable(self, place: PlaceCall) -> None:
        call = place()
        assert call.at(1, FinalResponse(607, "Unwanted")) == [ReportOptOut("sip 607")]
        assert call.at(1.2, OptOutDurable()) == [Finish()]
        assert (call.record.outcome, call.record.detail) == (Outcome.ABUSE, "")
        assert call.record.ended_at == call.record.invite_at + timedelta(seconds=1)  # type: ignore[operator]

    def test_607_waits_ten_seconds_at_most(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, FinalResponse(607, "Unwanted"))
        assert call.until_timer() == [Finish()]
        assert call.seconds == 11.0
        assert "did not confirm" in call.record.detail


class TestStopping:
    @pytest.mark.parametrize("before", [(), (Provisional(100),), (Provisional(180),)])
    def test_a_stop_before_the_answer_cancels(self, place: PlaceCall, before: tuple[Provisional, ...]) -> None:
        call = place()
        call.at(1, *before)
        assert call.at(2, HangUpAsked(NotDialed.STOPPED)) == [SendCancel()]
        assert call.at(2.1, HangUpAsked(NotDialed.STOPPED), TERMINATED) == [Finish()]
        assert call.record.outcome is Outcome.CANCELED
        assert "stopped" in call.record.detail

    def test_a_stop_while_changing_trunks_calls_no_other(self, place: PlaceCall) -> None:
        call = place()
        call.until_timer()
        assert call.at(8.1, HangUpAsked(NotDialed.STOPPED)) == []
        assert call.at(8.2, CallGone()) == [Finish()]
        assert call.record.outcome is Outcome.CANCELED

    def test_a_stop_does_not_wait_for_the_store(self, place: PlaceCall) -> None:
        call = place()
        call.at(1, FinalResponse(607, "Unwanted"))
        assert call.at(2, HangUpAsked(NotDialed.ENGINE_STOPPED)) == [Finish()]
        assert call.record.outcome is Outcome.ABUSE


class TestContract:
    def test_a_sound_that_is_not_loaded_is_refused_before_the_call(self, place: PlaceCall) -> None:
        with pytest.raises(CallStateError, match="nowhere"):
            place(message="nowhere")

    def test_a_plan_without_trunks_is_refused(self, place: PlaceCall) -> None:
        with pytest.raises(CallStateError, match="no trunk"):
            place(trunks=())

    def test_a_call_starts_once(self, place: PlaceCall) -> None:
        call = place()
        with pytest.raises(CallStateError):
            call.machine.start(call.now)

    def test_there_is_no_record_before_the_end(self, place: PlaceCall) -> None:
        with pytest.raises(CallStateError):
            place().machine.record()

    def test_a_timer_handed_over_too_early_does_nothing(self, place: PlaceCall) -> None:
        call = place()
        assert call.at(7.99, TimerDue()) == []
        assert call.machine.state is CallState.INVITING

    def test_a_timer_handed_over_late_takes_all_that_is_due_in_order(self, place: PlaceCall) -> None:
        call = place()
        assert call.at(60, TimerDue()) == [SendCancel()]
        assert call.machine.state is CallState.DIVERTING


# --- any course of events ----------------------------------------------------------------------------------------

CODES = st.sampled_from([301, 302, 404, 408, 480, 486, 487, 500, 503, 600, 603, 607, 608])
EVENTS: st.SearchStrategy[CallEvent] = st.one_of(
    st.builds(Provisional, st.sampled_from([100, 180, 181, 183]), st.booleans()),
    st.builds(Answered, st.just("192.0.2.1")),
    st.builds(MediaReady, st.just("PCMU")),
    st.builds(GreetingOver, st.sampled_from(AnsweredBy), st.just(1000.0)),
    st.just(BeepHeard()),
    st.builds(KeyHeard, st.sampled_from("12345689"), st.just("rfc4733")),
    st.builds(KeyHeard, st.sampled_from("12345689"), st.just("rfc4733")),
    st.just(SoundFinished()),
    st.just(SoundFinished()),
    st.builds(FinalResponse, CODES, st.just("x"), local=st.booleans()),
    st.just(PeerHungUp()),
    st.just(CallGone()),
    st.just(OptOutDurable()),
    st.builds(OperatorNamed, st.sampled_from(["sip:anna@192.0.2.7", "sip:ben@192.0.2.7"])),
    st.just(NoOperator()),
    st.just(OperatorAnswered()),
    st.just(WhisperOver()),
    st.builds(OperatorGone, st.sampled_from([0, 486])),
    st.just(OperatorTookOver()),
    st.builds(HangUpAsked, st.sampled_from(NotDialed)),
    st.just(TimerDue()),
)
TALKING: tuple[CallEvent, ...] = (
    Answered(),
    MediaReady(),
    GreetingOver(AnsweredBy.HUMAN, 1000.0),
    KeyHeard("6", "info"),
    OperatorNamed("sip:anna@192.0.2.7"),
    OperatorAnswered(),
    WhisperOver(),
)
OPENINGS = st.sampled_from(
    [
        (),
        (Provisional(100), Provisional(180)),
        (Answered(), MediaReady()),
        (Answered(), MediaReady(), GreetingOver(AnsweredBy.HUMAN, 1000.0)),
        (Answered(), MediaReady(), GreetingOver(AnsweredBy.MACHINE, 1000.0)),
        (Answered(), MediaReady(), GreetingOver(AnsweredBy.HUMAN, 1000.0), SoundFinished()),
        TALKING[:-3],
        TALKING[:-2],
        TALKING,
    ]
)
STEPS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 1.0, 6.0, 12.0]), EVENTS), max_size=25)


@settings(max_examples=400, deadline=None)
@given(opening=OPENINGS, steps=STEPS, machine=st.sampled_from(MachinePolicy), detect=st.booleans())
def test_any_course_of_events_ends_once_and_is_told_as_it_was(
    place: PlaceCall,
    opening: tuple[CallEvent, ...],
    steps: list[tuple[float, CallEvent]],
    machine: MachinePolicy,
    detect: bool,
) -> None:
    call = place(machine=machine, machine_message="drop", goodbye="goodbye", detect_machine=detect)
    invites_allowed, pressed, asked_out, answered = True, False, False, False

    def take(event: CallEvent, after: float) -> None:
        nonlocal invites_allowed, pressed, asked_out, answered
        if isinstance(event, OperatorTookOver) and not call.sent(CallOperator):
            return  # nobody has asked the trunk for it
        over = call.machine.state in (CallState.STORING, CallState.ENDED)
        try:
            brought = call.at(call.seconds + after, event)
        except CallStateError:
            return
        answered = answered or isinstance(event, Answered)
        pressed = pressed or (not over and isinstance(event, KeyHeard) and event.digit in "89")
        asked_out = asked_out or (answered and pressed)
        if isinstance(event, Provisional) and (event.code >= 180 or event.early_media):
            invites_allowed = False
        if isinstance(event, FinalResponse) and not (event.local or event.code in (487, 503)):
            invites_allowed = False
        assert invites_allowed or not [each for each in brought if isinstance(each, SendInvite)]

    for event in opening:
        take(event, 0.1)
    for after, event in steps:
        take(event, after)
    for _ in range(20):
        if call.machine.state is CallState.ENDED:
            break
        call.until_timer()

    assert call.machine.state is CallState.ENDED
    assert call.machine.timer() is None
    assert len(call.sent(Finish)) == 1
    assert call.commands[-1] == Finish()
    assert len(call.sent(SendBye)) <= 1
    assert len(call.sent(ReportOptOut)) <= 1
    assert len(call.sent(SendInvite)) <= 2
    assert len(call.sent(SendCancel)) <= len(call.sent(SendInvite))
    assert operator_calls(call.commands) <= 1, "two operators at once"
    assert operator_calls(call.commands[: call.commands.index(Finish())]) == 0, (
        "an operator's call outlived the person's"
    )
    assert answered or (not call.sent(Play) and not call.sent(SendBye))
    record = call.record
    assert (record.outcome is Outcome.OPTED_OUT) == asked_out
    assert (record.answered_at is not None) == answered
    check_record(record)


def operator_calls(commands: Sequence[object]) -> int:
    """Calls to operators that were never dropped."""
    return sum(isinstance(each, CallOperator) - isinstance(each, DropOperator) for each in commands)


def check_record(record: CallRecord) -> None:
    """The outcome and its evidence say the same."""
    if record.outcome in (Outcome.ACCEPTED, Outcome.RESPONDED):
        assert any(key.digit in "1346" for key in record.keys)
    assert record.outcome in (Outcome.ACCEPTED, Outcome.OPTED_OUT) or record.transfer is None
    assert record.operator or record.transfer is not TransferResult.CONNECTED
    assert record.talk_ms == 0 or record.transfer is TransferResult.CONNECTED
    if record.outcome in (Outcome.HEARD, Outcome.VOICEMAIL_LEFT):
        assert record.heard_ms > 0
    if record.outcome is Outcome.HUNG_UP:
        assert record.ended_by is EndedBy.CALLEE
    if record.outcome in (Outcome.MACHINE, Outcome.VOICEMAIL_LEFT):
        assert record.answered_by is AnsweredBy.MACHINE
    assert record.heard_ms <= record.message_ms
    assert record.invite_at is not None
    assert record.invite_at <= record.ended_at
