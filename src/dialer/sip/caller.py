"""One attempt on the wire: carries out what the call machine commands, and tells it what happens.

Everything runs on the owner thread, outside callbacks: a leg's events are queued by it and handed over by the agent.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from time import monotonic

import pjsua2 as pj

from dialer.calls.events import (
    Answered,
    AskForOperator,
    Bridge,
    CallCommand,
    CallEvent,
    CallGone,
    CallOperator,
    DropOperator,
    FinalResponse,
    Finish,
    Instant,
    Listen,
    Loop,
    MediaCounters,
    MediaReady,
    OperatorGone,
    Play,
    ReportOperatorFailed,
    ReportOptOut,
    ReportProgress,
    SendBye,
    SendCancel,
    SendInvite,
    StopPlaying,
    TimerDue,
    Whisper,
)
from dialer.calls.frames import CallEnded, CallProgress, FromAgent, OperatorFailed, OptOut, Stage, TransferAsked
from dialer.calls.machine import CallMachine
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallPlan, CallRecord, EndedBy, OperatorLine
from dialer.calls.plan import Leg as LegRecord
from dialer.calls.trunk import TransferBy
from dialer.errors import CallStateError
from dialer.log import Log
from dialer.sip.leg import OVER, CallbackFailed, Leg, LegEvent, MediaChanged
from dialer.sip.operator_leg import OperatorLeg
from dialer.sip.schedule import Due, Schedule
from dialer.sip.trunks import TrunkLine, Trunks
from dialer.sip.voice import Sound, Voice

_log = Log("dialer.sip")


def now() -> Instant:
    """This moment."""
    return Instant(at=datetime.now(UTC), mono=monotonic())


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that befell a leg of a call."""

    caller: Caller
    leg: int
    event: LegEvent
    instant: Instant


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the calls of one agent share."""

    trunks: Trunks
    operators: set[OperatorLine]
    sounds: Mapping[str, Sound]
    schedule: Schedule
    happenings: deque[Happened]
    send: Callable[[FromAgent], None]
    finished: Callable[[str], None]


class Caller:
    """One attempt, from its plan to its record."""

    def __init__(self, plan: CallPlan, around: Surroundings) -> None:
        """Raises CallStateError when the plan cannot be carried out."""
        self.plan = plan
        self.ended = False
        self._around = around
        self._machine = CallMachine(plan, {name: sound.length_ms for name, sound in around.sounds.items()})
        self._leg: Leg | None = None
        self._leg_numbers = itertools.count(1)
        self._leg_number = 0
        self._trunk = ""
        self._call_id = ""
        self._invited: datetime | None = None
        self._counters = MediaCounters()
        self._voice = Voice(around.schedule, self.receive, hears=plan.script.detect_machine)
        self._operator: OperatorLeg | None = None
        self._media_told = False
        self._answered = False
        self._timer_due: Due | None = None
        self._timer_at: float | None = None
        self._log = _log.bind(attempt_id=plan.attempt_id)

    # --- what the agent hands over -----------------------------------------------------------------------------

    def start(self) -> None:
        """Send the first INVITE."""
        self._carefully(lambda: self._do(self._machine.start(now())))

    def receive(self, event: CallEvent) -> None:
        """Something that is not of the wire: a timer, the engine's word, the ear's."""
        self._carefully(lambda: self._tell_machine(event, now()))

    def let_go(self) -> None:
        """Give back a leg that is over (see Leg). The agent sees to this before any call of its goes on."""
        if self._leg is not None and self._leg.over:
            self._drop_leg()
        if self._operator is not None:
            self._operator.let_go()

    def take(self, happened: Happened) -> None:
        """An event of the wire. One of an earlier leg is nobody's any more."""
        if self.ended:
            return
        if happened.leg == self._leg_number:
            self._carefully(lambda: self._take(happened.event, happened.instant))
        elif self._operator is not None and happened.leg == self._operator.number:
            operator = self._operator
            self._carefully(lambda: self._take_operators(operator, happened.event, happened.instant))

    def abandon(self, outcome: Outcome, detail: str) -> None:
        """End the call at once, whatever the machine thinks, with a record of what is known."""
        if self.ended:
            return
        try:
            if self._leg is not None:
                self._leg.hang_up()
        except pj.Error as error:
            self._log.error("a call could not be hung up", error=error.reason)
        self._drop_leg()
        self._end(
            CallRecord(
                attempt_id=self.plan.attempt_id,
                outcome=outcome,
                legs=(LegRecord(trunk=self._trunk, call_id=self._call_id, sip_code=0),) if self._invited else (),
                invite_at=self._invited,
                ended_at=now().at,
                ended_by=EndedBy.DIALER,
                rtp_sent=self._counters.rtp_sent,
                rtp_received=self._counters.rtp_received,
                rtp_lost=self._counters.rtp_lost,
                detail=detail,
            )
        )

    # --- events to the machine ---------------------------------------------------------------------------------

    def _carefully(self, step: Callable[[], None]) -> None:
        """A fault in one call ends that call alone, and is told."""
        try:
            step()
        except Exception as error:  # noqa: BLE001  logged, and the call's record says it
            self._log.exception("a call failed")
            self.abandon(Outcome.FAILED, f"{type(error).__name__}: {error}")

    def _take(self, event: LegEvent, instant: Instant) -> None:
        match event:
            case CallbackFailed(detail=detail):
                self._log.error("a callback failed", detail=detail)
                self.abandon(Outcome.FAILED, detail)
            case MediaChanged():
                self._media_changed(instant)
            case FinalResponse(code=401 | 407 as code, phrase=phrase, local=False):
                self._around.trunks[self._trunk].secret_refused(code, phrase)
                self._tell_machine(event, instant)
            case Answered():
                self._answered = True
                self._join()
                self._tell_machine(event, instant)
            case _:
                self._tell_machine(event, instant)

    def _tell_machine(self, event: CallEvent, instant: Instant) -> None:
        if self.ended:
            return
        try:
            commands = self._machine.receive(event, instant)
        except CallStateError as error:
            if isinstance(event, OVER):  # the leg is gone, and the machine will hear no more of it
                raise
            self._log.warning("an event out of turn", error=str(error))
            return
        self._do(commands)

    def _set_timer(self) -> None:
        wanted = None if self.ended else self._machine.timer()
        if wanted == self._timer_at and (wanted is None or self._timer_due is not None):
            return
        if self._timer_due is not None:
            self._timer_due.cancel()
        self._timer_at = wanted
        self._timer_due = None if wanted is None else self._around.schedule.at(wanted, self._timer)

    def _timer(self) -> None:
        self._timer_due = None
        self.receive(TimerDue())

    # --- commands of the machine -------------------------------------------------------------------------------

    def _do(self, commands: list[CallCommand]) -> None:
        for command in commands:
            match command:
                case SendInvite(trunk=trunk, call_id=call_id):
                    self._invite(trunk, call_id)
                case SendCancel():
                    self._withdraw(Leg.cancel)
                case SendBye():
                    self._withdraw(Leg.hang_up)
                case Listen(ear=ear):
                    self._voice.listen(ear)
                case Play(sound=sound):
                    self._voice.play(self._around.sounds[sound])
                case Loop(sound=sound):
                    self._voice.loop(self._around.sounds[sound])
                case StopPlaying():
                    self._voice.be_silent()
                case ReportOptOut(how=how):
                    number = self.plan.permit.number
                    self._around.send(OptOut(attempt_id=self.plan.attempt_id, number=number, at=now().at, how=how))
                case ReportProgress(stage=stage, detail=detail):
                    self._around.send(
                        CallProgress(attempt_id=self.plan.attempt_id, stage=Stage(stage), at=now().at, detail=detail)
                    )
                case AskForOperator():
                    self._around.send(TransferAsked(attempt_id=self.plan.attempt_id, at=now().at))
                case CallOperator(address=address, trunk=trunk):
                    self._call_operator(address, trunk)
                case Whisper(sound=sound):
                    if self._operator is not None:
                        self._operator.whisper(self._around.sounds[sound])
                case Bridge():
                    self._bridge()
                case DropOperator():
                    self._drop_operator()
                case ReportOperatorFailed(address=address, sip_code=code):
                    self._around.send(OperatorFailed(attempt_id=self.plan.attempt_id, address=address, sip_code=code))
                case Finish():
                    self._drop_leg()
                    self._end(self._machine.record(self._counters))
        self._set_timer()

    def _invite(self, trunk: str, call_id: str) -> None:
        self._drop_leg()
        self._leg_number = next(self._leg_numbers)
        self._trunk, self._call_id = trunk, call_id
        line = self._around.trunks[trunk]
        if not line.free:
            self._happened(FinalResponse(code=503, phrase=f"no free channel on {trunk}", local=True))
            return
        hears = self.plan.script.detect_machine
        leg = Leg(line.account, line.trunk, partial(self._tell, self._leg_number), hears=hears)
        self._leg = leg
        line.busy += 1
        self._invited = self._invited or now().at
        try:
            leg.invite(line.invitation(self.plan, call_id))
        except pj.Error as error:
            self._happened(FinalResponse(code=503, phrase=error.reason, local=True))

    def _withdraw(self, how: Callable[[Leg], None]) -> None:
        """CANCEL or BYE; one that cannot be sent leaves nothing to wait for."""
        if self._leg is None:
            return
        try:
            how(self._leg)
        except pj.Error as error:
            self._happened(CallGone(detail=error.reason))
        self.let_go()

    def _tell(self, leg: int, event: LegEvent) -> None:
        self._around.happenings.append(Happened(self, leg, event, now()))

    def _happened(self, event: LegEvent) -> None:
        self._tell(self._leg_number, event)

    # --- sound -------------------------------------------------------------------------------------------------

    def _media_changed(self, instant: Instant) -> None:
        self._join()
        if self._leg is None or self._media_told or not (codec := self._leg.codec()):
            return
        self._media_told = True
        self._tell_machine(MediaReady(codec=codec), instant)

    def _join(self) -> None:
        """Join the call's audio, which a re-INVITE may have made anew, with whoever speaks to the person.

        Never before the answer: a message played into early media reaches nobody who answered.
        """
        if self._leg is None or not self._answered:
            return
        if self._operator is not None and self._operator.bridged:
            self._operator.join(self._leg.bridged())
        else:
            self._voice.join(self._leg.audio())

    # --- the operator ------------------------------------------------------------------------------------------

    def _call_operator(self, address: str, trunk: str) -> None:
        """Nobody but those named when the agent was set up, and over no other trunk than theirs."""
        self._drop_operator()
        if OperatorLine(address=address, trunk=trunk) not in self._around.operators:
            self._log.error("not an operator, not called", address=address, trunk=trunk)
            self._happened(OperatorGone(detail=f"not named as an operator over trunk {trunk!r}"))
        elif self._leg is not None and self._around.trunks[self._trunk].trunk.transfer is TransferBy.REFER:
            self._ask_trunk(self._leg, address)
        elif trunk not in (trunks := self._around.trunks) or not (trunks[trunk].usable and trunks[trunk].free):
            self._happened(OperatorGone(detail=f"trunk {trunk} is down or has no free channel"))
        else:
            self._ring(address, trunks[trunk])

    def _ask_trunk(self, leg: Leg, address: str) -> None:
        try:
            leg.refer(address)
        except pj.Error as error:
            self._happened(OperatorGone(detail=error.reason))

    def _ring(self, address: str, line: TrunkLine) -> None:
        number = next(self._leg_numbers)
        operator = OperatorLeg(number, line, self._around.schedule, partial(self._tell, number), self.receive)
        self._operator = operator
        try:
            operator.ring(address, self.plan.attempt_id)
        except pj.Error as error:
            self._tell(number, CallGone(detail=error.reason))

    def _take_operators(self, operator: OperatorLeg, event: LegEvent, instant: Instant) -> None:
        if (news := operator.take(event)) is not None:
            self._tell_machine(news, instant)

    def _bridge(self) -> None:
        if self._leg is None or self._operator is None:
            return
        self._voice.be_silent()
        self._operator.join(self._leg.bridged())

    def _drop_operator(self) -> None:
        if self._operator is None:
            return
        operator, self._operator = self._operator, None
        operator.close()
        if operator.bridged:
            self._join()

    # --- the end -----------------------------------------------------------------------------------------------

    def _drop_leg(self) -> None:
        leg, self._leg = self._leg, None
        self._drop_operator()
        if leg is None:
            return
        self._voice.close()
        self._answered = self._media_told = False
        self._counters = leg.counters
        self._around.trunks[self._trunk].busy -= 1

    def _end(self, record: CallRecord) -> None:
        self.ended = True
        self._set_timer()
        self._around.send(CallEnded(record=record))
        self._around.finished(self.plan.attempt_id)
