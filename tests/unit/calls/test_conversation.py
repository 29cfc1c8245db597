"""A call after its answer: who answered, the message, the keys, opting out, and every way to end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from dialer.calls.events import (
    Answered,
    BeepHeard,
    CallGone,
    Ear,
    Finish,
    GreetingOver,
    HangUpAsked,
    KeyHeard,
    Listen,
    MediaReady,
    OptOutDurable,
    PeerHungUp,
    Play,
    Provisional,
    ReportOptOut,
    ReportProgress,
    SendBye,
    SoundFinished,
    StopPlaying,
)
from dialer.calls.frames import Stage
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import AnsweredBy, CallLimits, EndedBy, KeyPress, MachinePolicy
from dialer.calls.record import MAX_KEYS
from dialer.calls.states import CallState

if TYPE_CHECKING:
    from tests.unit.calls.conftest import Call, PlaceCall

MONO = 1000.0


def press(digit: str) -> KeyHeard:
    return KeyHeard(digit, "rfc4733")


def answered(place: PlaceCall, **given: object) -> Call:
    """Answered at 10 s, listening to the greeting."""
    call = place(**given)
    call.at(1, Provisional(180))
    call.at(10, MediaReady("PCMU"), Answered("192.0.2.1:5060"))
    return call


def hearing(place: PlaceCall, **given: object) -> Call:
    """A person answered; the 10 s message began at 12 s."""
    call = answered(place, **given)
    call.at(12, GreetingOver(AnsweredBy.HUMAN, ended=MONO + 11.4))
    return call


class TestAnswer:
    def test_the_greeting_is_listened_to_and_then_the_message_plays(self, place: PlaceCall) -> None:
        call = answered(place)
        assert Listen(Ear.GREETING) in call.commands
        assert call.at(12, GreetingOver(AnsweredBy.HUMAN, ended=MONO + 11.4))[:2] == [Listen(Ear.OFF), Play("message")]
        call.at(30, PeerHungUp())
        record = call.record
        assert (record.greeting_to_message_ms, record.message_started_ms) == (600, 2000)
        assert (record.codec, record.peer, record.answered_by) == ("PCMU", "192.0.2.1:5060", AnsweredBy.HUMAN)

    def test_audio_may_come_after_the_200(self, place: PlaceCall) -> None:
        call = place()
        call.at(5, Answered())
        assert call.machine.state is CallState.ANSWERED
        assert call.at(5.1, MediaReady()) == [Listen(Ear.GREETING)]

    def test_an_answer_without_audio_is_hung_up(self, place: PlaceCall) -> None:
        call = place()
        call.at(5, Answered())
        assert call.until_timer() == [SendBye()]
        call.at(10.1, CallGone())
        assert call.record.outcome is Outcome.FAILED
        assert "no audio" in call.record.detail

    def test_without_detection_the_message_plays_at_once(self, place: PlaceCall) -> None:
        call = answered(place, detect_machine=False)
        assert call.sent(Play) == [Play("message")]
        assert call.sent(Listen) == []

    def test_a_greeting_is_waited_for_six_seconds_at_most(self, place: PlaceCall) -> None:
        call = answered(place)
        assert Play("message") in call.until_timer()
        assert call.seconds == 16.0
        call.at(17, GreetingOver(AnsweredBy.MACHINE, ended=MONO + 17), PeerHungUp())
        assert call.record.answered_by is AnsweredBy.SILENCE
        assert call.record.greeting_to_message_ms is None

    @pytest.mark.parametrize("who", [AnsweredBy.SILENCE, AnsweredBy.UNKNOWN])
    def test_who_is_not_known_for_a_machine_is_a_person(self, place: PlaceCall, who: AnsweredBy) -> None:
        call = answered(place)
        assert Play("message") in call.at(12, GreetingOver(who, ended=MONO + 10))
        call.at(13, PeerHungUp())
        assert (call.record.answered_by, call.record.greeting_to_message_ms) == (who, None)


class TestMessage:
    def test_heard_to_the_end(self, place: PlaceCall) -> None:
        call = hearing(place, goodbye="goodbye")
        call.at(22, SoundFinished())
        assert call.until_timer() == [Play("goodbye")]
        assert call.seconds == 27.0
        assert call.at(27.8, SoundFinished()) == [SendBye()]
        assert call.at(27.9, CallGone()) == [Finish()]
        record = call.record
        assert (record.outcome, record.heard_ms, record.message_ms, record.plays) == (Outcome.HEARD, 10_000, 10_000, 1)
        assert (record.ended_by, record.q850, record.q850_received) == (EndedBy.DIALER, 16, False)
        assert record.answered_at is not None
        assert record.ended_at - record.answered_at == timedelta(seconds=17.8)

    def test_without_a_goodbye_the_call_just_ends(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(22, SoundFinished())
        assert call.until_timer() == [SendBye()]

    def test_hung_up_early_says_how_much_was_heard(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(15.25, PeerHungUp("Q.850;cause=16")) == [Finish()]
        record = call.record
        assert (record.outcome, record.heard_ms, record.ended_by) == (Outcome.HUNG_UP, 3250, EndedBy.CALLEE)
        assert (record.q850, record.q850_received, record.reason_header) == (16, True, "Q.850;cause=16")

    def test_hung_up_during_the_greeting_heard_nothing(self, place: PlaceCall) -> None:
        call = answered(place)
        call.at(11, PeerHungUp())
        assert (call.record.outcome, call.record.heard_ms, call.record.plays) == (Outcome.HUNG_UP, 0, 0)

    def test_hung_up_after_the_message_is_heard(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(22, SoundFinished())
        call.at(23, PeerHungUp())
        assert (call.record.outcome, call.record.ended_by) == (Outcome.HEARD, EndedBy.CALLEE)

    def test_hung_up_in_a_repetition_is_heard(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(22, SoundFinished())
        call.at(23, press("2"))
        call.at(25, PeerHungUp())
        record = call.record
        assert (record.outcome, record.heard_ms, record.plays) == (Outcome.HEARD, 10_000, 2)

    def test_a_late_response_or_a_second_media_change_does_not_disturb(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(13, Provisional(180), MediaReady(), BeepHeard()) == []
        assert call.machine.state is CallState.MESSAGE


class TestKeys:
    def test_accept_stops_the_message_confirms_and_ends(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, press("1")) == [ReportProgress(Stage.KEY, "1"), StopPlaying(), Play("thanks")]
        assert call.at(15.5, SoundFinished()) == [SendBye()]
        call.at(15.6, CallGone())
        record = call.record
        assert (record.outcome, record.heard_ms) == (Outcome.ACCEPTED, 2000)
        assert record.keys == (KeyPress(digit="1", after_answer_ms=4000, via="rfc4733"),)

    def test_accept_without_a_prompt_ends_at_once(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, press("4"))[-2:] == [StopPlaying(), SendBye()]

    def test_accept_counts_when_the_callee_hangs_up_during_the_confirmation(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("1"))
        call.at(14.5, PeerHungUp())
        assert call.record.outcome is Outcome.ACCEPTED

    def test_a_survey_answer_is_kept(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("3"))
        call.at(15, SoundFinished(), CallGone())
        assert (call.record.outcome, call.record.key_value) == (Outcome.RESPONDED, "very satisfied")

    def test_the_first_answer_stands(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("1"))
        assert call.at(14.2, press("3"), press("2")) == [ReportProgress(Stage.KEY, "3"), ReportProgress(Stage.KEY, "2")]
        call.at(15, PeerHungUp())
        assert (call.record.outcome, call.record.key_value) == (Outcome.ACCEPTED, "")

    def test_a_key_during_the_greeting_acts(self, place: PlaceCall) -> None:
        call = answered(place)
        assert call.at(11, press("1"))[1:] == [Listen(Ear.OFF), Play("thanks")]

    def test_a_key_before_there_is_audio_acts_without_a_prompt(self, place: PlaceCall) -> None:
        call = place()
        call.at(5, Answered())
        assert call.at(5.1, KeyHeard("1", "info"))[-1] == SendBye()

    def test_repeat_plays_again_up_to_the_limit(self, place: PlaceCall) -> None:
        call = hearing(place, max_repeats=2)
        assert call.at(14, press("2"))[1:3] == [StopPlaying(), Play("message")]
        call.at(24, SoundFinished())
        assert Play("message") in call.at(25, press("2"))
        assert call.at(26, press("2")) == [ReportProgress(Stage.KEY, "2")]
        call.at(35, SoundFinished())
        call.until_timer()
        call.at(41, CallGone())
        assert (call.record.outcome, call.record.plays) == (Outcome.HEARD, 3)

    def test_repeat_during_the_goodbye_plays_again(self, place: PlaceCall) -> None:
        call = hearing(place, goodbye="goodbye")
        call.at(22, SoundFinished())
        call.until_timer()
        assert call.at(27.3, press("2"))[1:3] == [StopPlaying(), Play("message")]

    def test_a_flood_of_keys_neither_fills_the_record_nor_drowns_an_opt_out(self, place: PlaceCall) -> None:
        call = hearing(place)
        told = [call.at(14, press("#")) for _ in range(MAX_KEYS + 50)]
        assert told[MAX_KEYS - 1] == [ReportProgress(Stage.KEY, "#")]
        assert told[MAX_KEYS:] == [[]] * 50
        assert ReportOptOut("key 9") in call.at(15, press("9"))
        call.at(16, OptOutDurable(), SoundFinished(), CallGone())
        assert (call.record.outcome, len(call.record.keys)) == (Outcome.OPTED_OUT, MAX_KEYS)

    def test_a_key_without_a_rule_is_kept_and_does_nothing(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, press("#")) == [ReportProgress(Stage.KEY, "#")]
        call.at(15, PeerHungUp())
        assert [key.digit for key in call.record.keys] == ["#"]
        assert call.record.outcome is Outcome.HUNG_UP


class TestOptingOut:
    def test_it_is_reported_at_once_and_the_call_ends_when_confirmed_and_durable(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, press("9"))[1:] == [StopPlaying(), ReportOptOut("key 9"), Play("removed")]
        assert call.at(14.3, OptOutDurable()) == []
        assert call.at(16, SoundFinished()) == [SendBye()]
        call.at(16.1, CallGone())
        assert (call.record.outcome, call.record.detail) == (Outcome.OPTED_OUT, "")

    def test_the_call_is_held_until_the_store_confirms(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        assert call.at(16, SoundFinished()) == []
        assert call.at(17, OptOutDurable()) == [SendBye()]

    def test_it_is_held_for_ten_seconds_at_most(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        call.at(16, SoundFinished())
        assert call.until_timer() == [SendBye()]
        assert call.seconds == 26.0
        assert call.at(26.1, CallGone()) == [Finish()]
        assert call.record.outcome is Outcome.OPTED_OUT
        assert call.record.detail == "the store did not confirm the opt-out"

    def test_a_sound_told_late_does_not_hold_it_longer(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        call.at(16, SoundFinished())
        call.at(20, SoundFinished())
        call.until_timer()
        assert call.seconds == 26.0

    def test_before_there_is_audio_it_waits_for_the_store_alone(self, place: PlaceCall) -> None:
        call = place()
        call.at(5, Answered())
        assert call.at(5.1, KeyHeard("9", "info"))[1:] == [ReportOptOut("key 9")]
        assert call.at(5.2, OptOutDurable()) == [SendBye()]

    def test_a_confirmation_that_arrives_with_the_bye_is_believed(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        call.at(16, SoundFinished())
        call.until_timer()
        call.at(26.05, OptOutDurable())
        assert call.at(26.1, CallGone()) == [Finish()]
        assert call.record.detail == ""

    def test_it_binds_when_the_callee_hangs_up_at_once(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        assert call.at(14.1, PeerHungUp()) == []
        assert call.machine.state is CallState.STORING
        assert call.at(14.4, CallGone(), OptOutDurable()) == [Finish()]
        assert (call.record.outcome, call.record.ended_by) == (Outcome.OPTED_OUT, EndedBy.CALLEE)
        assert call.record.ended_at == call.record.invite_at + timedelta(seconds=14.1)  # type: ignore[operator]

    def test_without_a_prompt_it_waits_for_the_store_alone(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, press("8"))[1:] == [StopPlaying(), ReportOptOut("key 8")]
        assert call.at(14.2, OptOutDurable()) == [SendBye()]

    def test_it_overrides_an_acceptance(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("1"))
        assert ReportOptOut("key 9") in call.at(14.5, press("9"))
        call.at(15, PeerHungUp(), OptOutDurable())
        assert call.record.outcome is Outcome.OPTED_OUT

    def test_it_binds_though_it_crossed_our_bye(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(22, SoundFinished())
        call.until_timer()
        assert call.at(27.1, press("1"), press("9"))[-1] == ReportOptOut("key 9")
        assert call.at(27.2, CallGone()) == []
        assert call.at(27.3, OptOutDurable()) == [Finish()]
        assert call.record.outcome is Outcome.OPTED_OUT

    def test_pressing_it_twice_reports_it_once(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"), press("9"), press("8"))
        assert call.sent(ReportOptOut) == [ReportOptOut("key 9")]

    def test_it_binds_against_a_machine_too(self, place: PlaceCall) -> None:
        call = answered(place, machine=MachinePolicy.LEAVE_MESSAGE)
        call.at(12, GreetingOver(AnsweredBy.MACHINE, ended=MONO + 12))
        assert ReportOptOut("key 9") in call.at(13, press("9"))


class TestMachines:
    def greeted(self, place: PlaceCall, **given: object) -> Call:
        call = answered(place, **given)
        call.at(14, GreetingOver(AnsweredBy.MACHINE, ended=MONO + 13.5))
        return call

    def test_hang_up(self, place: PlaceCall) -> None:
        call = self.greeted(place)
        assert call.commands[-1] == SendBye()
        call.at(14.1, CallGone())
        assert (call.record.outcome, call.record.plays) == (Outcome.MACHINE, 0)

    @pytest.mark.parametrize(("own", "played"), [("drop", "drop"), ("", "message")])
    def test_a_message_is_left_after_the_beep(self, place: PlaceCall, own: str, played: str) -> None:
        call = self.greeted(place, machine=MachinePolicy.LEAVE_MESSAGE, machine_message=own)
        assert call.commands[-1] == Listen(Ear.BEEP)
        assert call.at(20, BeepHeard())[:2] == [Listen(Ear.OFF), Play(played)]
        assert call.at(32, SoundFinished()) == [SendBye()]
        call.at(32.1, CallGone())
        record = call.record
        assert record.outcome is Outcome.VOICEMAIL_LEFT
        assert record.greeting_to_message_ms is None  # the beep said when
        assert record.heard_ms == record.message_ms == {"drop": 12_000, "message": 10_000}[played]

    def test_a_beep_is_waited_for_only_so_long(self, place: PlaceCall) -> None:
        call = self.greeted(place, machine=MachinePolicy.LEAVE_MESSAGE, beep_wait_s=7)
        assert call.until_timer() == [SendBye()]
        assert call.seconds == 21.0
        call.at(21.1, CallGone())
        assert (call.record.outcome, call.record.detail) == (Outcome.MACHINE, "no beep came")

    def test_a_machine_that_hangs_up_has_no_message(self, place: PlaceCall) -> None:
        call = self.greeted(place, machine=MachinePolicy.LEAVE_MESSAGE)
        call.at(20, BeepHeard())
        call.at(25, PeerHungUp())
        record = call.record
        assert (record.outcome, record.heard_ms) == (Outcome.MACHINE, 5000)
        assert record.detail == "the machine hung up before the message ended"

    def test_play_treats_it_as_a_person_and_calls_it_a_machine(self, place: PlaceCall) -> None:
        call = self.greeted(place, machine=MachinePolicy.PLAY)
        assert call.sent(Play) == [Play("message")]
        call.at(24, SoundFinished())
        call.until_timer()
        call.at(30, CallGone())
        assert call.record.outcome is Outcome.VOICEMAIL_LEFT

    def test_play_cut_short_left_nothing(self, place: PlaceCall) -> None:
        call = self.greeted(place, machine=MachinePolicy.PLAY)
        call.at(20, PeerHungUp())
        assert call.record.outcome is Outcome.MACHINE


class TestEnding:
    def test_the_longest_duration_ends_an_unfinished_message(self, place: PlaceCall) -> None:
        call = hearing(place, limits=CallLimits(max_duration_s=8))
        assert call.until_timer() == [SendBye()]
        assert call.seconds == 18.0
        call.at(18.1, CallGone())
        record = call.record
        assert (record.outcome, record.detail, record.heard_ms) == (Outcome.CANCELED, "maximum duration", 6000)

    def test_the_longest_duration_keeps_what_was_achieved(self, place: PlaceCall) -> None:
        call = hearing(place, limits=CallLimits(max_duration_s=14))
        call.at(22, SoundFinished())
        assert call.until_timer() == [SendBye()]
        call.at(24.1, CallGone())
        assert (call.record.outcome, call.record.detail) == (Outcome.HEARD, "maximum duration")

    def test_a_stop_hangs_up_at_once(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(15, HangUpAsked(NotDialed.STOPPED)) == [SendBye()]
        call.at(15.1, CallGone())
        assert (call.record.outcome, call.record.heard_ms) == (Outcome.CANCELED, 3000)

    def test_a_stop_keeps_an_acceptance(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("1"))
        call.at(15, HangUpAsked(NotDialed.STOPPED), CallGone())
        assert call.record.outcome is Outcome.ACCEPTED

    def test_a_stop_hangs_up_though_the_opt_out_is_not_stored(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(14, press("9"))
        assert call.at(14.1, HangUpAsked(NotDialed.ENGINE_STOPPED)) == [SendBye()]
        assert call.at(14.2, CallGone()) == [Finish()]
        assert call.record.outcome is Outcome.OPTED_OUT
        assert "did not confirm" in call.record.detail

    def test_byes_that_cross_end_the_call_once(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(22, SoundFinished())
        call.until_timer()
        assert call.at(27.01, PeerHungUp()) == [Finish()]
        assert call.at(27.02, CallGone(), SoundFinished(), press("9"), OptOutDurable()) == []
        assert (call.record.outcome, call.record.ended_by) == (Outcome.HEARD, EndedBy.DIALER)

    def test_a_bye_that_nothing_confirms_ends_all_the_same(self, place: PlaceCall) -> None:
        call = hearing(place)
        call.at(15, HangUpAsked(NotDialed.STOPPED))
        assert call.until_timer() == [Finish()]
        assert call.record.ended_at == call.record.invite_at + timedelta(seconds=15)  # type: ignore[operator]

    def test_a_dialog_that_dies_is_not_the_callees_doing(self, place: PlaceCall) -> None:
        call = hearing(place)
        assert call.at(14, CallGone("session timer expired")) == [Finish()]
        record = call.record
        assert (record.outcome, record.ended_by, record.heard_ms) == (Outcome.FAILED, EndedBy.NETWORK, 2000)
        assert record.detail == "the call was lost: session timer expired"
