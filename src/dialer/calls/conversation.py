"""The steps of a call from its answer to its end.

:class:`dialer.calls.machine.CallMachine` has those before it, :class:`dialer.calls.transfer.Transfer` those with an
operator.

A step is called with the event and the instant, appends its commands, and returns the state the call is in then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dialer.calls.events import (
    BeepHeard,
    CallCommand,
    CallEvent,
    Ear,
    Finish,
    GreetingOver,
    HangUpAsked,
    Instant,
    KeyHeard,
    Listen,
    OptOutDurable,
    PeerHungUp,
    Play,
    ReportOptOut,
    ReportProgress,
    SendBye,
    SoundFinished,
    StopPlaying,
    TimerDue,
)
from dialer.calls.frames import Stage
from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallPlan, EndedBy, KeyAction, KeyRule, MachinePolicy
from dialer.calls.record import Evidence
from dialer.calls.states import HOLDING, CallState, Timer

MEDIA_TIMEOUT_S: Final = 5.0  # from the 200 to audio
GREETING_CAP_S: Final = 6.0  # a greeting that the ear makes nothing of in this time is a person's
STORE_TIMEOUT_S: Final = 10.0  # from the end of the confirmation, or of the call, to OptOutDurable
CLOSE_TIMEOUT_S: Final = 35.0  # for a BYE or CANCEL to be done: SIP itself gives up after 32 s (RFC 3261, 64*T1)

_SOUNDING = frozenset({CallState.MESSAGE, CallState.LAST_WORDS, CallState.VOICEMAIL, CallState.NOBODY, *HOLDING})
_LISTENING = frozenset({CallState.GREETING, CallState.BEEP_WAIT})
_REPEATABLE = frozenset({CallState.MESSAGE, CallState.KEY_WAIT, CallState.LAST_WORDS})


class Conversation:
    """A call that somebody answered."""

    def __init__(self, plan: CallPlan, sound_ms: Mapping[str, int]) -> None:
        self._plan = plan
        self._sound_ms = sound_ms
        self._state = CallState.IDLE
        self._out: list[CallCommand] = []
        self._timers: dict[Timer, float] = {}
        self._evidence = Evidence(plan.attempt_id)
        self._media_ready = False
        self._early_media_told = False
        self._greeting_ended: float | None = None
        self._message = plan.script.message
        self._playing_since: float | None = None
        self._heard_whole = False
        self._repeats = 0
        self._decision: Outcome | None = None  # by the person: opted out, accepted, responded
        self._otherwise = Outcome.FAILED  # the outcome if nothing better was achieved
        self._confirmation_over = False
        self._opt_out_reported = False
        self._opt_out_durable = False
        self._patient = True  # waits for the store when the call is over

    def _commands(self) -> list[CallCommand]:
        commands, self._out = self._out, []
        return commands

    def _progress_report(self, stage: Stage, detail: str = "") -> None:
        self._out.append(ReportProgress(stage, detail))

    def _outcome(self) -> Outcome:
        """The best that was achieved; an opt-out stands above all, then an answer by key."""
        if self._decision is not None:
            return self._decision
        if self._evidence.answered_by is AnsweredBy.MACHINE:
            return Outcome.VOICEMAIL_LEFT if self._heard_whole else Outcome.MACHINE
        return Outcome.HEARD if self._heard_whole else self._otherwise

    def _ignore(self, event: CallEvent, now: Instant) -> CallState:
        return self._state

    # --- who answered ---------------------------------------------------------------------------------------

    def _no_media(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.details.append("answered, but no audio came up")
        return self._bye(Outcome.FAILED, now)

    def _begin(self, now: Instant) -> CallState:
        if not self._plan.script.detect_machine:
            return self._play_message(now)
        self._out.append(Listen(Ear.GREETING))
        self._timers[Timer.GREETING] = now.mono + GREETING_CAP_S
        return CallState.GREETING

    def _greeted(self, event: GreetingOver | TimerDue, now: Instant) -> CallState:
        if isinstance(event, GreetingOver):
            self._evidence.answered_by = event.answered_by
            if event.answered_by in (AnsweredBy.HUMAN, AnsweredBy.MACHINE):
                self._greeting_ended = event.ended
        else:
            self._evidence.answered_by = AnsweredBy.SILENCE
        if self._evidence.answered_by is AnsweredBy.MACHINE:
            match self._plan.script.machine:
                case MachinePolicy.HANG_UP:
                    return self._bye(Outcome.MACHINE, now)
                case MachinePolicy.LEAVE_MESSAGE:
                    self._out.append(Listen(Ear.BEEP))
                    self._timers[Timer.BEEP] = now.mono + self._plan.script.beep_wait_s
                    return CallState.BEEP_WAIT
                case MachinePolicy.PLAY:
                    pass
        self._out.append(Listen(Ear.OFF))
        return self._play_message(now)

    def _beep(self, event: BeepHeard, now: Instant) -> CallState:
        self._message = self._plan.script.machine_message or self._plan.script.message
        self._greeting_ended = None  # the message was timed by the beep
        self._out.append(Listen(Ear.OFF))
        self._play_message(now)
        return CallState.VOICEMAIL

    def _no_beep(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.details.append("no beep came")
        return self._bye(Outcome.MACHINE, now)

    # --- the message ----------------------------------------------------------------------------------------

    def _play_message(self, now: Instant) -> CallState:
        evidence = self._evidence
        evidence.message_ms = self._sound_ms[self._message]
        evidence.plays += 1
        if evidence.plays == 1:
            evidence.message_started_ms = evidence.after_answer_ms(now)
            if self._greeting_ended is not None:
                evidence.greeting_to_message_ms = max(0, round((now.mono - self._greeting_ended) * 1000))
        self._playing_since = now.mono
        self._out.append(Play(self._message))
        self._progress_report(Stage.PLAYING, self._message)
        return CallState.MESSAGE

    def _message_ends(self, now: Instant, *, whole: bool = False) -> None:
        if self._playing_since is None:
            return
        played = round((now.mono - self._playing_since) * 1000)
        heard = self._evidence.message_ms if whole else min(played, self._evidence.message_ms)
        self._evidence.heard_ms = max(self._evidence.heard_ms, heard)
        self._heard_whole = self._heard_whole or whole
        self._playing_since = None

    def _message_over(self, event: SoundFinished, now: Instant) -> CallState:
        self._message_ends(now, whole=True)
        self._timers[Timer.KEY] = now.mono + self._plan.script.key_wait_s
        return CallState.KEY_WAIT

    def _no_key(self, event: TimerDue, now: Instant) -> CallState:
        return self._last_words(self._plan.script.goodbye, now)

    def _last_words(self, sound: str, now: Instant) -> CallState:
        if not sound or not self._media_ready:
            return self._bye(Outcome.HEARD, now)
        self._out.append(Play(sound))
        return CallState.LAST_WORDS

    def _last_sound_over(self, event: SoundFinished, now: Instant) -> CallState:
        self._message_ends(now, whole=True)
        return self._bye(Outcome.HEARD, now)

    # --- keys -----------------------------------------------------------------------------------------------

    def _heard_key(self, event: KeyHeard, now: Instant) -> KeyRule | None:
        if self._evidence.key(event.digit, event.via, now):
            self._progress_report(Stage.KEY, event.digit)
        return self._plan.script.keys.get(event.digit)

    def _key(self, event: KeyHeard, now: Instant) -> CallState:
        rule = self._heard_key(event, now)
        return self._state if rule is None else self._act(rule, event.digit, now)

    def _act(self, rule: KeyRule, digit: str, now: Instant) -> CallState:
        match rule.action:
            case KeyAction.OPT_OUT:
                return self._opt_out(digit, rule.prompt, now)
            case KeyAction.REPEAT:
                return self._repeat(now)
            case KeyAction.ACCEPT | KeyAction.ANSWER if self._decision is None:
                accepted = rule.action is KeyAction.ACCEPT
                self._decision = Outcome.ACCEPTED if accepted else Outcome.RESPONDED
                self._evidence.key_value = rule.value
                self._hush(now)
                return self._last_words(rule.prompt, now)
            case _:  # the first answer stands
                return self._state

    def _late_key(self, event: KeyHeard, now: Instant) -> CallState:
        rule = self._heard_key(event, now)
        if rule is not None and rule.action is KeyAction.OPT_OUT and not self._opt_out_reported:
            self._decision = Outcome.OPTED_OUT
            self._report_opt_out(f"key {event.digit}")
        return self._state

    def _repeat(self, now: Instant) -> CallState:
        may_repeat = self._state in _REPEATABLE and self._decision is None
        if not may_repeat or self._repeats >= self._plan.script.max_repeats:
            return self._state
        self._repeats += 1
        self._hush(now)
        return self._play_message(now)

    def _hush(self, now: Instant) -> None:
        self._message_ends(now)
        if self._state in _SOUNDING:
            self._out.append(StopPlaying())
        if self._state in _LISTENING:
            self._out.append(Listen(Ear.OFF))

    # --- opting out -----------------------------------------------------------------------------------------

    def _report_opt_out(self, how: str) -> None:
        self._opt_out_reported = True
        self._out.append(ReportOptOut(how))

    def _opt_out(self, digit: str, prompt: str, now: Instant) -> CallState:
        self._decision = Outcome.OPTED_OUT
        self._hush(now)
        self._report_opt_out(f"key {digit}")
        if prompt and self._media_ready:
            self._out.append(Play(prompt))
        else:
            self._confirmation_said(now)
        return CallState.OPTING_OUT

    def _confirmation_said(self, now: Instant) -> None:
        self._confirmation_over = True
        self._timers[Timer.STORE] = now.mono + STORE_TIMEOUT_S

    def _confirmed(self, event: SoundFinished, now: Instant) -> CallState:
        if self._opt_out_durable:
            return self._bye(Outcome.OPTED_OUT, now)
        if not self._confirmation_over:
            self._confirmation_said(now)
        return CallState.OPTING_OUT

    def _stored(self, event: OptOutDurable, now: Instant) -> CallState:
        self._opt_out_durable = True
        if self._state is CallState.OPTING_OUT and self._confirmation_over:
            return self._bye(Outcome.OPTED_OUT, now)
        if self._state is CallState.STORING:
            return self._over(now, self._evidence.ended_by)
        return self._state

    def _store_silent(self, event: TimerDue, now: Instant) -> CallState:
        self._patient = False
        if self._state is CallState.STORING:
            return self._over(now, self._evidence.ended_by)
        return self._bye(Outcome.OPTED_OUT, now)

    # --- the end --------------------------------------------------------------------------------------------

    def _bye(self, otherwise: Outcome, now: Instant) -> CallState:
        self._message_ends(now)
        self._otherwise = otherwise
        self._evidence.end(now, EndedBy.DIALER)
        self._evidence.hung_up("")
        self._out.append(SendBye())
        self._timers[Timer.CLOSE] = now.mono + CLOSE_TIMEOUT_S
        return CallState.HANGING_UP

    def _stop(self, event: HangUpAsked, now: Instant) -> CallState:
        self._patient = False
        self._evidence.details.append(f"asked to hang up: {event.why}")
        return self._bye(Outcome.CANCELED, now)

    def _stop_waiting(self, event: HangUpAsked, now: Instant) -> CallState:
        self._patient = False
        return self._over(now, self._evidence.ended_by) if self._state is CallState.STORING else self._state

    def _too_long(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.details.append("maximum duration")
        return self._bye(Outcome.CANCELED, now)

    def _peer_left(self, event: PeerHungUp, now: Instant) -> CallState:
        if self._state is CallState.HANGING_UP:
            return self._over(now, EndedBy.DIALER)
        if self._state is CallState.BEEP_WAIT:
            self._evidence.details.append("the machine hung up before its beep")
        if self._state is CallState.VOICEMAIL:
            self._evidence.details.append("the machine hung up before the message ended")
        self._message_ends(now)
        self._otherwise = Outcome.HUNG_UP
        self._evidence.hung_up(event.reason_header)
        return self._over(now, EndedBy.CALLEE)

    def _stuck(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.details.append("the other side never confirmed the end of the call")
        return self._over(now, EndedBy.NETWORK)

    def _over(self, now: Instant, by: EndedBy) -> CallState:
        """Nothing more comes over the wire. An earlier end (our BYE or CANCEL) stands."""
        if self._evidence.ended is None:
            self._evidence.end(now, by)
        if self._opt_out_reported and not self._opt_out_durable:
            if self._patient:
                self._timers[Timer.STORE] = now.mono + STORE_TIMEOUT_S
                return CallState.STORING
            self._evidence.details.append("the store did not confirm the opt-out")
        self._out.append(Finish())
        return CallState.ENDED
