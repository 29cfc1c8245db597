"""The work of a SIP agent: one owner thread, one endpoint, many calls.

The owner thread alternates: frames from the engine, what the wire brought, timers and ears. Whatever the engine sends,
no INVITE leaves without a permit that verifies here and now, for the number that is dialed, once.
"""

from __future__ import annotations

import os
import re
import time
import wave
from collections import deque
from datetime import datetime
from pathlib import Path

import pjsua2 as pj

from dialer.calls.events import CallEvent, HangUpAsked, NoOperator, OperatorNamed, OptOutDurable
from dialer.calls.frames import (
    AgentFailed,
    CallEnded,
    Configure,
    ConnectOperator,
    HangUp,
    LoadSound,
    MeetOperators,
    NobodyFree,
    OptOutStored,
    Ping,
    PlaceCall,
    Pong,
    ProbeTrunk,
    Ready,
    Shutdown,
    ToAgent,
    TrunkChanged,
)
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallPlan
from dialer.calls.record import record_not_dialed
from dialer.calls.trunk import TrunkStatus
from dialer.errors import AudioError, CallStateError, PermitError
from dialer.log import Log
from dialer.sip.bell import Bell
from dialer.sip.caller import Caller, Happened, Surroundings, now
from dialer.sip.endpoint import SAMPLE_RATE, SipEndpoint, compiled_limits
from dialer.sip.link import EngineGoneError, Link
from dialer.sip.schedule import Schedule
from dialer.sip.trunks import Trunks, with_trunks
from dialer.sip.voice import Sound

TURN_MS = 20  # for what comes over SIP and what is due: as long as a packet of sound
CLOSING_S = 1.1  # for calls to end in good order; what is left then is hung up: all within 2 s
LAST_WORDS_S = 0.7  # for a BYE or REGISTER to be answered: time for one retransmission (RFC 3261: T1 is 0.5 s)
LINK_CLOSING_S = 0.2  # for an engine that is alive to read the last records
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
ATTEMPT_ID = re.compile(r"[A-Za-z0-9._-]{1,80}")  # what may stand in a Call-ID

_log = Log("dialer.sip")


class SipAgent:
    """All calls of one agent. Everything runs on the thread that calls ``run``."""

    def __init__(self, link: Link, configure: Configure) -> None:
        """Raises AgentError, or PortInUse, when the endpoint cannot be set up."""
        self.endpoint = SipEndpoint(configure.settings)
        self.endpoint.only_call()
        self._bell = Bell(link)
        self._link = link
        self._key = configure.permit_key
        self._max_calls = configure.settings.max_calls
        self._schedule = Schedule()
        self._happenings: deque[Happened] = deque()
        self._sounds: dict[str, Sound] = {}
        self._calls: dict[str, Caller] = {}
        self._used: dict[str, datetime] = {}  # attempts placed, until their permits expire
        self._closing = False
        self._quiet_at = 0.0  # when what was said last has been heard
        self._trunks = Trunks(self.endpoint, configure.trunks, self._schedule, time.monotonic, self._trunk_changed)
        self._around = Surroundings(
            trunks=self._trunks,
            operators=set(configure.operators),
            sounds=self._sounds,
            schedule=self._schedule,
            happenings=self._happenings,
            send=link.send,
            finished=self._finished,
        )

    def run(self) -> None:
        """Work until the engine says so, or is gone; then end every call, at the latest within two seconds."""
        self._link.send(Ready(pid=os.getpid(), sip_port=self.endpoint.sip_port, limits=compiled_limits()))
        try:
            while not self._closing:
                self._turn()
            self._hang_up_all(NotDialed.ENGINE_STOPPED)
            deadline = time.monotonic() + CLOSING_S
            while self._calls and time.monotonic() < deadline:
                self._turn()
        except EngineGoneError as closed:
            _log.warning("the engine is gone, hanging up everything", calls=len(self._calls), why=str(closed))
        except Exception as error:
            _log.exception("the agent failed, hanging up everything", calls=len(self._calls))
            self._link.send(AgentFailed(kind="AgentError", message=f"the SIP agent failed: {error}"))
            raise
        finally:
            self._end()

    def shut_down(self) -> None:
        """Take no more calls, hang up, end. Safe to call from a signal handler."""
        self._closing = True

    # --- the owner thread's round ------------------------------------------------------------------------------

    def _turn(self) -> None:
        if self._bell.wait(TURN_MS):
            for frame in self._link.receive():
                self._obey(frame)
                self._go_on()
        self.endpoint.poll(0)
        self._go_on()
        self._schedule.run(time.monotonic())
        self._go_on()
        self._link.flush()

    def _go_on(self) -> None:
        """Hand over what happened. Legs that are over go first: see Leg."""
        while self._happenings:
            batch = list(self._happenings)
            self._happenings.clear()
            for happened in batch:
                happened.caller.let_go()
            for happened in batch:
                happened.caller.take(happened)

    def _end(self) -> None:
        for caller in list(self._calls.values()):
            caller.abandon(Outcome.CANCELED, "the agent ended")
        self._happenings.clear()
        if self._trunks.unregister():
            self._quiet_at = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < self._quiet_at:
            self.endpoint.poll(TURN_MS)
        self._trunks.close()
        self._sounds.clear()
        self._link.finish(LINK_CLOSING_S)
        self.endpoint.close()
        self._bell.close()

    # --- the engine's frames -----------------------------------------------------------------------------------

    def _obey(self, frame: ToAgent) -> None:
        match frame:
            case PlaceCall(plan=plan):
                self._place(plan)
            case HangUp(attempt_id=""):
                self._hang_up_all(NotDialed.STOPPED)
            case HangUp(attempt_id=attempt_id):
                self._tell_call(attempt_id, HangUpAsked(why=NotDialed.STOPPED))
            case OptOutStored(attempt_id=attempt_id):
                self._tell_call(attempt_id, OptOutDurable())
            case ConnectOperator(attempt_id=attempt_id, address=address):
                self._tell_call(attempt_id, OperatorNamed(address=address))
            case NobodyFree(attempt_id=attempt_id):
                self._tell_call(attempt_id, NoOperator())
            case LoadSound(sound=sound, path=path):
                self._load(sound, Path(path))
            case MeetOperators(operators=operators):
                self._around.operators.update(operators)
            case ProbeTrunk(trunk=trunk):
                if trunk in self._trunks:
                    self._trunks[trunk].probe()
            case Ping(number=number):
                self._link.send(Pong(number=number, live_calls=len(self._calls)))
            case Shutdown():
                self.shut_down()
            case Configure():
                _log.error("configured twice; the first configuration stands")

    def _tell_call(self, attempt_id: str, event: CallEvent) -> None:
        if caller := self._calls.get(attempt_id):
            caller.receive(event)

    def _place(self, plan: CallPlan) -> None:
        if plan.attempt_id in self._calls:
            # Its one CallEnded is still to come; a second would say "not dialed" of a call that was.
            _log.error("an attempt was handed over twice", attempt_id=plan.attempt_id)
            return
        refusal = self._refusal(plan)
        if refusal is None:
            lines = [line for line in self._trunks.allowed(plan) if line.usable and line.free]
            try:
                caller = Caller(with_trunks(plan, lines), self._around)
            except CallStateError as error:
                refusal = NotDialed.BAD_PLAN, str(error)
            else:
                self._calls[plan.attempt_id] = caller
                caller.start()
        if refusal is not None:
            why, detail = refusal
            _log.warning("not dialed", attempt_id=plan.attempt_id, why=why, detail=detail)
            self._link.send(CallEnded(record=record_not_dialed(plan.attempt_id, why, now(), detail)))

    def _refusal(self, plan: CallPlan) -> tuple[NotDialed, str] | None:
        """Why no INVITE may leave for this plan, or None."""
        permit, at = plan.permit, now().at
        try:
            permit.verify(self._key, at)
        except PermitError as error:
            return NotDialed.PERMIT_INVALID, error.message
        if permit.attempt_id != plan.attempt_id:
            return NotDialed.PERMIT_INVALID, f"the permit is for attempt {permit.attempt_id}"
        while self._used and next(iter(self._used.values())) <= at:
            del self._used[next(iter(self._used))]
        if plan.attempt_id in self._used:
            return NotDialed.PERMIT_INVALID, "the permit was used before"
        self._used[plan.attempt_id] = permit.expires_at
        if self._closing:
            return NotDialed.ENGINE_STOPPED, ""
        if not (E164.fullmatch(permit.number) and E164.fullmatch(permit.caller_id)):
            return NotDialed.BAD_PLAN, "the number or the caller ID is not in E.164 form"
        if not ATTEMPT_ID.fullmatch(plan.attempt_id):
            return NotDialed.BAD_PLAN, "the attempt's id cannot be a Call-ID"
        lines = self._trunks.allowed(plan)
        if not lines:
            return NotDialed.BAD_PLAN, "no trunk of the plan may present this caller ID"
        if not any(line.usable for line in lines):
            return NotDialed.NO_TRUNK, "; ".join(_said(line.status) for line in lines)
        if self._trunks.busy >= self._max_calls:
            return NotDialed.NO_CHANNEL, f"{self._max_calls} calls are live in this agent"
        if not any(line.usable and line.free for line in lines):
            return NotDialed.NO_CHANNEL, "every channel of its trunks is busy"
        return None

    def _hang_up_all(self, why: NotDialed) -> None:
        for caller in list(self._calls.values()):
            caller.receive(HangUpAsked(why=why))
            self._go_on()

    def _load(self, sound: str, path: Path) -> None:
        try:
            loaded = _load_sound(path)
        except AudioError as error:
            self._link.send(AgentFailed(kind="AudioError", message=error.message, hint=error.hint))
        else:
            self._sounds[sound] = loaded

    def _finished(self, attempt_id: str) -> None:
        del self._calls[attempt_id]
        self._quiet_at = time.monotonic() + LAST_WORDS_S

    def _trunk_changed(self, status: TrunkStatus) -> None:
        self._link.send(TrunkChanged(status=status))


def _said(status: TrunkStatus) -> str:
    code = f" {status.sip_code}" if status.sip_code else ""
    return f"trunk {status.trunk} is {status.state}:{code} {status.detail}"


def _load_sound(path: Path) -> Sound:
    """Raises AudioError unless ``path`` is an 8 kHz mono 16-bit WAV with something in it."""
    try:
        with wave.open(str(path), "rb") as wav:
            shape = (wav.getframerate(), wav.getnchannels(), wav.getsampwidth())
            pcm = wav.readframes(wav.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise AudioError(f"{path}: the sound cannot be read: {error}") from error
    if shape != (SAMPLE_RATE, 1, 2) or not pcm:
        raise AudioError(
            f"{path}: not an 8 kHz mono 16-bit WAV with sound in it",
            hint="sounds are prepared by `dialer campaign check`",
        )
    buffer = pj.PcmBuffer(pcm)
    return Sound(buffer=buffer, length_ms=buffer.duration_ms())
