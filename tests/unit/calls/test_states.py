"""Every state meets every event: legal ones lead where the table says, illegal ones change nothing."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, get_args

import pytest

from dialer.calls.events import (
    Answered,
    BeepHeard,
    CallEvent,
    CallGone,
    FinalResponse,
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
    Provisional,
    SoundFinished,
    TimerDue,
    WhisperOver,
)
from dialer.calls.machine import CallMachine
from dialer.calls.outcome import NotDialed
from dialer.calls.plan import AnsweredBy, MachinePolicy
from dialer.calls.states import IGNORED, TRANSITIONS, CallState, Kind, Step, Timer
from dialer.errors import CallStateError

if TYPE_CHECKING:
    from tests.unit.calls.conftest import Call, PlaceCall

HUMAN = GreetingOver(AnsweredBy.HUMAN, 1000.0)
MACHINE = GreetingOver(AnsweredBy.MACHINE, 1000.0)
OPT_OUT = KeyHeard("9", "rfc4733")
ANSWER = (Answered(), MediaReady())
ASKED = (*ANSWER, HUMAN, KeyHeard("6", "rfc4733"))
NAMED = OperatorNamed("sip:anna@192.0.2.7")

# How a call gets into each state; TimerDue lets time pass until the next timer.
WAYS: dict[CallState, tuple[CallEvent, ...]] = {
    CallState.IDLE: (),
    CallState.INVITING: (),
    CallState.PROCEEDING: (Provisional(100),),
    CallState.RINGING: (Provisional(180),),
    CallState.DIVERTING: (TimerDue(),),
    CallState.CANCELING: (Provisional(180), TimerDue()),
    CallState.ANSWERED: (Answered(),),
    CallState.GREETING: ANSWER,
    CallState.MESSAGE: (*ANSWER, HUMAN),
    CallState.KEY_WAIT: (*ANSWER, HUMAN, SoundFinished()),
    CallState.LAST_WORDS: (*ANSWER, HUMAN, KeyHeard("1", "info")),
    CallState.OPTING_OUT: (*ANSWER, HUMAN, OPT_OUT, SoundFinished()),
    CallState.BEEP_WAIT: (*ANSWER, MACHINE),
    CallState.VOICEMAIL: (*ANSWER, MACHINE, BeepHeard()),
    CallState.TRANSFER_ASKED: ASKED,
    CallState.OPERATOR_RINGING: (*ASKED, NAMED),
    CallState.WHISPERING: (*ASKED, NAMED, OperatorAnswered()),
    CallState.TALKING: (*ASKED, NAMED, OperatorAnswered(), WhisperOver()),
    CallState.NOBODY: (*ASKED, NoOperator()),
    CallState.HANGING_UP: (*ANSWER, HUMAN, HangUpAsked(NotDialed.STOPPED)),
    CallState.STORING: (FinalResponse(607, "Unwanted"),),
    CallState.ENDED: (FinalResponse(486, "Busy Here"),),
}
EXAMPLES: dict[Kind, CallEvent] = {
    type(event): event
    for event in (
        Provisional(180),
        Answered(),
        MediaReady(),
        HUMAN,
        BeepHeard(),
        OPT_OUT,
        SoundFinished(),
        FinalResponse(480, "Temporarily Unavailable"),
        PeerHungUp(),
        CallGone(),
        OptOutDurable(),
        NAMED,
        NoOperator(),
        OperatorAnswered(),
        WhisperOver(),
        OperatorGone(486, "Busy Here"),
        OperatorTookOver(),
        HangUpAsked(NotDialed.STOPPED),
    )
}


def call_in(place: PlaceCall, state: CallState) -> Call:
    call = place(machine=MachinePolicy.LEAVE_MESSAGE)
    if state is CallState.IDLE:
        call.machine = CallMachine(call.plan, call.sound_ms)
    for event in WAYS[state]:
        if isinstance(event, TimerDue):
            call.until_timer()
        else:
            call.at(call.seconds + 0.1, event)
    assert call.machine.state is state
    return call


@pytest.mark.parametrize("state", CallState)
@pytest.mark.parametrize("kind", [*EXAMPLES, *Timer], ids=lambda kind: getattr(kind, "__name__", str(kind)))
def test_every_event_in_every_state(place: PlaceCall, state: CallState, kind: Kind) -> None:
    call = call_in(place, state)
    before = copy.deepcopy(vars(call.machine))
    then = TRANSITIONS[state].get(kind)
    if isinstance(kind, Timer):
        running = call.machine.timer() is not None and kind in before["_timers"]
        assert running <= (then is not None), "a timer runs that the state has no answer to"
        if not running:
            return
        call.machine._timers = {kind: call.now.mono}
        call.at(call.seconds, TimerDue())
    elif then is None:
        with pytest.raises(CallStateError):
            call.at(call.seconds, EXAMPLES[kind])
        assert vars(call.machine) == before
        return
    else:
        call.at(call.seconds, EXAMPLES[kind])
    assert then is not None
    assert call.machine.state in then.to | {state}
    if then is IGNORED:
        assert vars(call.machine) == before


def test_a_call_that_was_not_started_has_no_timer(place: PlaceCall) -> None:
    call = call_in(place, CallState.IDLE)
    with pytest.raises(CallStateError):
        call.at(0, TimerDue())


def test_every_state_has_a_row_and_every_kind_of_event_an_example() -> None:
    assert set(TRANSITIONS) == set(WAYS) == set(CallState)
    assert {*EXAMPLES, TimerDue} == set(get_args(CallEvent))


def test_every_step_is_taken_somewhere_and_known_to_the_machine() -> None:
    used = {then.step for row in TRANSITIONS.values() for then in row.values()}
    assert used == set(Step)
    assert all(callable(getattr(CallMachine, f"_{step}", None)) for step in Step)


def test_every_timer_is_answered_in_some_state() -> None:
    assert {kind for row in TRANSITIONS.values() for kind in row if isinstance(kind, Timer)} == set(Timer)


@pytest.mark.parametrize("state", [state for state in CallState if state not in (CallState.IDLE, CallState.ENDED)])
def test_no_state_can_be_stuck_in(place: PlaceCall, state: CallState) -> None:
    """Whatever the other side leaves out, timers alone bring the call to its end."""
    call = call_in(place, state)
    for _ in range(10):
        if call.machine.state is CallState.ENDED:
            break
        call.until_timer()
    assert call.machine.state is CallState.ENDED
