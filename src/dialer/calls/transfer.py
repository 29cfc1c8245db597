"""The steps of a call whose person asked for an operator: hold, ring, whisper, talk; or nobody is free.

From the key on it is an accepted call. The engine names operators one after the other; this side only rings them, and
tells the person when nobody is named in time. The record says what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dialer.calls.conversation import Conversation
from dialer.calls.events import (
    AskForOperator,
    Bridge,
    CallEvent,
    CallOperator,
    DropOperator,
    Instant,
    Loop,
    OperatorAnswered,
    OperatorGone,
    OperatorNamed,
    OperatorTookOver,
    PeerHungUp,
    Play,
    ReportOperatorFailed,
    StopPlaying,
    TimerDue,
    Whisper,
    WhisperOver,
)
from dialer.calls.frames import Stage
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallPlan, EndedBy, KeyAction, KeyRule, TransferResult, TransferScript
from dialer.calls.states import HOLDING, CallState, Timer

NAMING_S: Final = 2.0  # for the engine to name an operator: 16 CFR 310.4(b)(4)(ii), 47 CFR 64.1200(a)(7)
_WITH_OPERATOR = frozenset({CallState.OPERATOR_RINGING, CallState.WHISPERING, CallState.TALKING})


class Transfer(Conversation):
    """A call that may be handed to an operator."""

    def __init__(self, plan: CallPlan, sound_ms: Mapping[str, int]) -> None:
        super().__init__(plan, sound_ms)
        self._asked_at = 0.0
        self._operators_called = 0
        self._operator = ""  # the one called last
        self._talking_since: float | None = None

    @property
    def _transfer(self) -> TransferScript:
        transfer = self._plan.script.transfer
        if transfer is None:
            raise AssertionError("a call without a transfer script is in a state of the transfer")
        return transfer

    # --- waiting --------------------------------------------------------------------------------------------

    def _act(self, rule: KeyRule, digit: str, now: Instant) -> CallState:
        if rule.action is KeyAction.TRANSFER and self._decision is None and self._media_ready:
            return self._ask_for_operator(now)
        return super()._act(rule, digit, now)

    def _ask_for_operator(self, now: Instant) -> CallState:
        self._decision = Outcome.ACCEPTED
        self._evidence.transfer = TransferResult.CUT_OFF  # unless something better becomes of it
        self._asked_at = now.mono
        self._hush(now)
        self._out += [AskForOperator(), Loop(self._transfer.hold)]
        self._progress_report(Stage.WAITING)
        self._restart_duration(now)
        return self._wait_for_operator(now)

    def _wait_for_operator(self, now: Instant) -> CallState:
        self._timers[Timer.NAMING] = now.mono + NAMING_S
        return CallState.TRANSFER_ASKED

    def _restart_duration(self, now: Instant) -> None:
        """The time that the message took is not to be the wait's loss, nor that of the words at its end."""
        self._timers[Timer.DURATION] = now.mono + self._plan.limits.max_duration_s

    def _call_operator(self, event: OperatorNamed, now: Instant) -> CallState:
        self._operators_called += 1
        self._operator = event.address
        self._out.append(CallOperator(event.address, self._transfer.trunk))
        self._progress_report(Stage.OPERATOR, event.address)
        self._timers[Timer.OPERATOR] = now.mono + self._transfer.ring_s
        return CallState.OPERATOR_RINGING

    def _operator_silent(self, event: TimerDue, now: Instant) -> CallState:
        return self._operator_failed(OperatorGone(detail=f"no answer in {self._transfer.ring_s:g} s"), now)

    def _operator_failed(self, event: OperatorGone, now: Instant) -> CallState:
        code = f"{event.sip_code} " if event.sip_code else ""
        self._evidence.details.append(f"operator {self._operator}: {code}{event.detail}".rstrip(": "))
        self._drop_operator(now)
        self._out.append(ReportOperatorFailed(self._operator, event.sip_code))
        if self._state is CallState.WHISPERING:
            self._restart_duration(now)
        return self._wait_for_operator(now)

    def _nobody_came(self, event: CallEvent, now: Instant) -> CallState:
        rung = self._operators_called > 0
        self._evidence.transfer = TransferResult.NOT_ANSWERED if rung else TransferResult.NOBODY_FREE
        self._drop_operator(now)
        self._restart_duration(now)
        self._out.append(Play(self._transfer.nobody))
        return CallState.NOBODY

    # --- an operator ----------------------------------------------------------------------------------------

    def _operator_answered(self, event: OperatorAnswered, now: Instant) -> CallState:
        self._evidence.transfer_ms = round((now.mono - self._asked_at) * 1000)
        self._timers[Timer.TALK] = now.mono + self._transfer.max_talk_s
        if not self._transfer.whisper:
            return self._bridge(now)
        self._out.append(Whisper(self._transfer.whisper))
        return CallState.WHISPERING

    def _whispered(self, event: WhisperOver, now: Instant) -> CallState:
        return self._bridge(now)

    def _bridge(self, now: Instant) -> CallState:
        self._connected()
        self._talking_since = now.mono
        self._out += [StopPlaying(), Bridge()]
        self._progress_report(Stage.TALKING, self._operator)
        return CallState.TALKING

    def _connected(self) -> None:
        self._evidence.transfer = TransferResult.CONNECTED
        self._evidence.operator = self._operator

    def _took_over(self, event: OperatorTookOver, now: Instant) -> CallState:
        self._evidence.transfer_ms = round((now.mono - self._asked_at) * 1000)
        self._connected()
        return self._bye(Outcome.ACCEPTED, now)

    def _operator_left(self, event: OperatorGone, now: Instant) -> CallState:
        self._evidence.details.append("the operator hung up")
        return self._bye(Outcome.ACCEPTED, now)

    def _talked_enough(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.details.append("longest talk")
        return self._bye(Outcome.ACCEPTED, now)

    def _drop_operator(self, now: Instant) -> None:
        if self._talking_since is not None:
            self._evidence.talk_ms = round((now.mono - self._talking_since) * 1000)
            self._talking_since = None
        if self._state in _WITH_OPERATOR:
            self._out.append(DropOperator())

    # --- every end is the operator's as well ----------------------------------------------------------------

    def _left_waiting(self) -> None:
        if self._state in HOLDING:
            self._evidence.transfer = TransferResult.LEFT_WAITING

    def _opt_out(self, digit: str, prompt: str, now: Instant) -> CallState:
        self._left_waiting()
        self._drop_operator(now)
        if Timer.DURATION not in self._timers:
            self._restart_duration(now)
        return super()._opt_out(digit, prompt, now)

    def _peer_left(self, event: PeerHungUp, now: Instant) -> CallState:
        self._left_waiting()
        return super()._peer_left(event, now)

    def _bye(self, otherwise: Outcome, now: Instant) -> CallState:
        self._drop_operator(now)
        return super()._bye(otherwise, now)

    def _over(self, now: Instant, by: EndedBy) -> CallState:
        self._drop_operator(now)
        return super()._over(now, by)
