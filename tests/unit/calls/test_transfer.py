"""From the key that asks for an operator to the end of the talk, or of the wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.unit.calls.conftest import KEYS, TRANSFER

from dialer.calls.events import (
    Answered,
    AskForOperator,
    BeepHeard,
    Bridge,
    CallCommand,
    CallEvent,
    CallGone,
    CallOperator,
    DropOperator,
    Ear,
    Finish,
    GreetingOver,
    HangUpAsked,
    KeyHeard,
    Listen,
    Loop,
    MediaReady,
    NoOperator,
    OperatorAnswered,
    OperatorGone,
    OperatorNamed,
    OperatorTookOver,
    OptOutDurable,
    PeerHungUp,
    Play,
    ReportOperatorFailed,
    ReportOptOut,
    ReportProgress,
    SendBye,
    SoundFinished,
    StopPlaying,
    TimerDue,
    Whisper,
    WhisperOver,
)
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import AnsweredBy, EndedBy, MachinePolicy, TransferResult
from dialer.calls.states import CallState
from dialer.errors import CallStateError

if TYPE_CHECKING:
    from tests.unit.calls.conftest import Call, PlaceCall

MONO = 1000.0
ANNA, BEN = "sip:anna@192.0.2.7", "sip:ben@192.0.2.7"
CONNECT = KeyHeard("6", "rfc4733")
OPT_OUT = KeyHeard("9", "rfc4733")


def asked(place: PlaceCall, **given: object) -> Call:
    """The key came at 15 s, three seconds into the message of a call answered at 10 s."""
    call = place(**given)
    call.at(10, MediaReady("PCMU"), Answered("192.0.2.1:5060"))
    call.at(12, GreetingOver(AnsweredBy.HUMAN, ended=MONO + 11.4))
    call.at(15, CONNECT)
    return call


def talking(place: PlaceCall, **given: object) -> Call:
    """Anna answered at 20 s, her whisper was over at 21.2 s."""
    call = asked(place, **given)
    call.at(15.5, OperatorNamed(ANNA))
    call.at(20, OperatorAnswered())
    call.at(21.2, WhisperOver())
    return call


def said(commands: list[CallCommand]) -> list[CallCommand]:
    """Without what is only for those who watch."""
    return [command for command in commands if not isinstance(command, ReportProgress)]


class TestAsking:
    def test_the_message_stops_and_hold_plays(self, place: PlaceCall) -> None:
        call = place()
        call.at(10, MediaReady(), Answered())
        call.at(12, GreetingOver(AnsweredBy.HUMAN, ended=MONO + 11.4))
        assert said(call.at(15, CONNECT)) == [StopPlaying(), AskForOperator(), Loop("hold")]
        call.at(16, PeerHungUp())
        record = call.record
        assert (record.outcome, record.heard_ms) == (Outcome.ACCEPTED, 3000)
        assert (record.transfer, record.ended_by) == (TransferResult.LEFT_WAITING, EndedBy.CALLEE)

    def test_the_ear_is_turned_off(self, place: PlaceCall) -> None:
        call = place()
        call.at(10, MediaReady(), Answered())
        assert said(call.at(11, CONNECT))[0] == Listen(Ear.OFF)

    def test_a_key_before_there_is_audio_asks_for_nothing(self, place: PlaceCall) -> None:
        call = place()
        call.at(10, Answered())
        assert said(call.at(10.1, CONNECT)) == []
        assert call.machine.state is CallState.ANSWERED

    def test_the_first_decision_stands(self, place: PlaceCall) -> None:
        call = place()
        call.at(10, MediaReady(), Answered())
        call.at(11, KeyHeard("1", "info"))
        call.at(11.5, CONNECT)
        assert call.sent(AskForOperator) == []
        call = asked(place)
        assert said(call.at(15.2, CONNECT, KeyHeard("1", "info"), KeyHeard("2", "info"), KeyHeard("3", "info"))) == []
        assert call.machine.state is CallState.TRANSFER_ASKED

    def test_a_person_may_come_to_a_machine_that_records(self, place: PlaceCall) -> None:
        call = place(machine=MachinePolicy.LEAVE_MESSAGE)
        call.at(10, MediaReady(), Answered())
        call.at(12, GreetingOver(AnsweredBy.MACHINE, ended=MONO + 11.4), BeepHeard())
        assert said(call.at(15, CONNECT)) == [StopPlaying(), AskForOperator(), Loop("hold")]

    def test_a_key_for_operators_needs_to_know_how_to_get_one(self, place: PlaceCall) -> None:
        with pytest.raises(CallStateError, match="no operators"):
            place(transfer=None)
        place(transfer=None, keys={"9": KEYS["9"]})

    @pytest.mark.parametrize("missing", ["hold", "nobody", "whisper"])
    def test_its_sounds_must_be_loaded(self, place: PlaceCall, missing: str) -> None:
        with pytest.raises(CallStateError, match="nowhere"):
            place(transfer=msgspec.structs.replace(TRANSFER, **{missing: "nowhere"}))


class TestNobody:
    def test_two_seconds_after_the_key_nobody_is_free(self, place: PlaceCall) -> None:
        call = asked(place)
        assert call.until_timer() == [Play("nobody")]
        assert call.seconds == 17.0
        assert said(call.at(24, SoundFinished())) == [SendBye()]
        call.at(24.1, CallGone())
        record = call.record
        assert (record.outcome, record.transfer) == (Outcome.ACCEPTED, TransferResult.NOBODY_FREE)
        assert (record.operator, record.transfer_ms, record.talk_ms) == ("", None, 0)

    def test_the_engine_may_say_so_at_once(self, place: PlaceCall) -> None:
        call = asked(place)
        assert call.at(15.1, NoOperator()) == [Play("nobody")]
        assert call.at(15.2, OperatorNamed(ANNA), NoOperator()) == [], "too late"

    def test_the_sound_is_played_whole_however_long_the_call_has_lasted(self, place: PlaceCall) -> None:
        call = place()
        call.at(10, MediaReady(), Answered())
        call.at(12, GreetingOver(AnsweredBy.HUMAN, ended=MONO + 11.4))
        call.at(129, CONNECT)
        call.at(130.5, NoOperator())
        assert call.at(131, TimerDue()) == []
        assert said(call.at(137.5, SoundFinished())) == [SendBye()]

    def test_who_hangs_up_on_it_had_nobody_all_the_same(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.1, NoOperator())
        assert call.at(16, PeerHungUp()) == [Finish()]
        assert call.record.transfer is TransferResult.NOBODY_FREE

    def test_opting_out_of_it_stops_it(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.1, NoOperator())
        assert said(call.at(16, OPT_OUT)) == [StopPlaying(), ReportOptOut("key 9"), Play("removed")]
        call.at(18, SoundFinished(), OptOutDurable())
        call.at(18.1, CallGone())
        assert (call.record.outcome, call.record.transfer) == (Outcome.OPTED_OUT, TransferResult.NOBODY_FREE)


class TestRinging:
    def test_the_named_operator_is_called_and_hears_the_whisper_first(self, place: PlaceCall) -> None:
        call = asked(place)
        assert said(call.at(15.5, OperatorNamed(ANNA))) == [CallOperator(ANNA, "office")]
        assert said(call.at(20, OperatorAnswered())) == [Whisper("whisper")]
        assert said(call.at(21.2, WhisperOver())) == [StopPlaying(), Bridge()]

    def test_without_a_whisper_they_talk_at_once(self, place: PlaceCall) -> None:
        call = asked(place, transfer=msgspec.structs.replace(TRANSFER, whisper=""))
        call.at(15.5, OperatorNamed(ANNA))
        assert said(call.at(20, OperatorAnswered())) == [StopPlaying(), Bridge()]

    def test_another_is_called_when_one_is_busy(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.5, OperatorNamed(ANNA))
        assert call.at(16, OperatorGone(486, "Busy Here")) == [DropOperator(), ReportOperatorFailed(ANNA, 486)]
        assert said(call.at(16.1, OperatorNamed(BEN))) == [CallOperator(BEN, "office")]
        call.at(18, OperatorAnswered(), WhisperOver())
        call.at(28, PeerHungUp())
        record = call.record
        assert (record.transfer, record.operator) == (TransferResult.CONNECTED, BEN)
        assert (record.transfer_ms, record.talk_ms) == (3000, 10_000)
        assert record.detail == f"operator {ANNA}: 486 Busy Here"

    def test_an_operator_is_rung_so_long(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.5, OperatorNamed(ANNA))
        assert call.until_timer() == [DropOperator(), ReportOperatorFailed(ANNA, 0)]
        assert call.seconds == 30.5
        assert call.until_timer() == [Play("nobody")]
        assert call.seconds == 32.5
        call.at(39.5, SoundFinished(), CallGone())
        assert call.record.transfer is TransferResult.NOT_ANSWERED
        assert call.record.detail == f"operator {ANNA}: no answer in 15 s"

    def test_one_who_leaves_during_the_whisper_did_not_take_the_call(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.5, OperatorNamed(ANNA))
        call.at(20, OperatorAnswered())
        assert call.at(20.5, OperatorGone()) == [DropOperator(), ReportOperatorFailed(ANNA, 0)]
        assert call.at(20.6, NoOperator()) == [Play("nobody")]
        call.at(30, SoundFinished(), CallGone())
        assert (call.record.transfer, call.record.operator) == (TransferResult.NOT_ANSWERED, "")

    def test_the_wait_has_an_end(self, place: PlaceCall) -> None:
        """It may last as long as the call might have, counted from the key."""
        call = asked(place, transfer=msgspec.structs.replace(TRANSFER, ring_s=1000))
        call.at(15.5, OperatorNamed(ANNA))
        assert call.until_timer() == [DropOperator(), Play("nobody")]
        assert call.seconds == 135.0


class TestTalking:
    def test_the_longest_call_is_not_the_longest_talk(self, place: PlaceCall) -> None:
        call = talking(place)
        assert said(call.until_timer()) == [DropOperator(), SendBye()]
        assert call.seconds == 20 + 3600
        call.at(3620.1, CallGone())
        assert (call.record.outcome, call.record.detail) == (Outcome.ACCEPTED, "longest talk")
        assert call.record.talk_ms == 3_598_800

    def test_the_operator_hangs_up(self, place: PlaceCall) -> None:
        call = talking(place)
        assert said(call.at(51.2, OperatorGone())) == [DropOperator(), SendBye()]
        assert call.at(51.3, CallGone()) == [Finish()]
        record = call.record
        assert (record.transfer, record.operator, record.talk_ms) == (TransferResult.CONNECTED, ANNA, 30_000)
        assert (record.outcome, record.ended_by) == (Outcome.ACCEPTED, EndedBy.DIALER)

    def test_the_person_hangs_up(self, place: PlaceCall) -> None:
        call = talking(place)
        assert call.at(31.2, PeerHungUp()) == [DropOperator(), Finish()]
        assert (call.record.ended_by, call.record.talk_ms) == (EndedBy.CALLEE, 10_000)

    def test_opting_out_ends_the_talk_and_is_durable_before_the_bye(self, place: PlaceCall) -> None:
        call = talking(place)
        assert said(call.at(30, OPT_OUT)) == [DropOperator(), ReportOptOut("key 9"), Play("removed")]
        assert call.at(32, SoundFinished()) == []
        assert call.at(32.5, OptOutDurable()) == [SendBye()]
        call.at(32.6, CallGone())
        record = call.record
        assert (record.outcome, record.transfer, record.operator) == (
            Outcome.OPTED_OUT,
            TransferResult.CONNECTED,
            ANNA,
        )
        assert record.talk_ms == 8800

    def test_a_confirmation_that_never_ends_is_cut(self, place: PlaceCall) -> None:
        call = talking(place)
        call.at(30, OPT_OUT)
        call.until_timer()
        assert call.seconds == 150.0
        assert call.machine.state is CallState.HANGING_UP


class TestRefer:
    def test_when_the_trunk_has_connected_them_our_call_ends(self, place: PlaceCall) -> None:
        call = asked(place)
        call.at(15.5, OperatorNamed(ANNA))
        assert said(call.at(19, OperatorTookOver())) == [DropOperator(), SendBye()]
        call.at(19.1, CallGone())
        record = call.record
        assert (record.transfer, record.operator) == (TransferResult.CONNECTED, ANNA)
        assert (record.transfer_ms, record.talk_ms) == (4000, 0)

    @pytest.mark.parametrize("before", [(), (NoOperator(),)])
    def test_it_may_come_after_we_gave_up(self, place: PlaceCall, before: tuple[CallEvent, ...]) -> None:
        call = asked(place)
        call.at(15.5, OperatorNamed(ANNA))
        call.until_timer()
        call.at(31, *before)
        assert said(call.at(31.5, OperatorTookOver())) == [SendBye()]
        call.at(31.6, CallGone())
        assert (call.record.transfer, call.record.operator) == (TransferResult.CONNECTED, ANNA)


ENDS = {"asked": (), "ringing": (OperatorNamed(ANNA),), "whispering": (OperatorNamed(ANNA), OperatorAnswered())}


@pytest.mark.parametrize("so_far", ENDS.values(), ids=ENDS.keys())
class TestEndsOfTheWait:
    def test_the_person_leaves(self, place: PlaceCall, so_far: tuple[CallEvent, ...]) -> None:
        call = asked(place)
        call.at(16, *so_far)
        assert said(call.at(17, PeerHungUp())) == [*([DropOperator()] if so_far else []), Finish()]
        assert (call.record.outcome, call.record.transfer) == (Outcome.ACCEPTED, TransferResult.LEFT_WAITING)

    def test_the_person_opts_out(self, place: PlaceCall, so_far: tuple[CallEvent, ...]) -> None:
        call = asked(place)
        call.at(16, *so_far)
        commands = said(call.at(16.5, OPT_OUT))
        assert commands == [
            *([DropOperator()] if so_far else []),
            StopPlaying(),
            ReportOptOut("key 9"),
            Play("removed"),
        ]
        assert call.at(16.6, OperatorNamed(BEN), NoOperator()) == []
        call.at(20, OptOutDurable(), SoundFinished(), CallGone())
        assert (call.record.outcome, call.record.transfer) == (Outcome.OPTED_OUT, TransferResult.LEFT_WAITING)

    def test_the_engine_stops(self, place: PlaceCall, so_far: tuple[CallEvent, ...]) -> None:
        call = asked(place)
        call.at(16, *so_far)
        commands = said(call.at(16.5, HangUpAsked(NotDialed.STOPPED)))
        assert commands == [*([DropOperator()] if so_far else []), SendBye()]
        call.at(16.6, CallGone())
        assert (call.record.outcome, call.record.transfer) == (Outcome.ACCEPTED, TransferResult.CUT_OFF)

    def test_the_line_is_lost(self, place: PlaceCall, so_far: tuple[CallEvent, ...]) -> None:
        call = asked(place)
        call.at(16, *so_far)
        assert said(call.at(17, CallGone("BYE 408"))) == [*([DropOperator()] if so_far else []), Finish()]
        assert call.record.transfer is TransferResult.CUT_OFF


def test_a_call_without_the_wish_has_nothing_of_it_in_its_record(place: PlaceCall) -> None:
    call = place()
    call.at(10, MediaReady(), Answered())
    call.at(12, PeerHungUp())
    assert (call.record.transfer, call.record.operator) == (None, "")
