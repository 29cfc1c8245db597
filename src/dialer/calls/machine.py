"""One call, from its first INVITE to its record: events in, commands out, no I/O and no waiting.

The caller's duties:

- hand over every event with its instant, in the order in which they happened, and carry out the commands in order;
- when ``timer()`` has come, hand over TimerDue (too early is harmless);
- events carry no leg: once a leg has ended with FinalResponse or CallGone, nothing more of it is handed over;
- a SoundFinished of a sound that was stopped or replaced is not handed over;
- after DropOperator nothing more of that operator's call is handed over, but OperatorTookOver and OperatorGone of a
  REFER, which cannot be taken back;
- after Finish take ``record()`` and forget the call.
"""

from __future__ import annotations

from collections.abc import Mapping

from dialer.calls.causes import Failure, outcome_of_failure
from dialer.calls.conversation import CLOSE_TIMEOUT_S, MEDIA_TIMEOUT_S
from dialer.calls.events import (
    Answered,
    CallCommand,
    CallEvent,
    CallGone,
    FinalResponse,
    HangUpAsked,
    Instant,
    KeyHeard,
    MediaCounters,
    MediaReady,
    PeerHungUp,
    Provisional,
    SendCancel,
    SendInvite,
    TimerDue,
)
from dialer.calls.frames import Stage
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallPlan, CallRecord, EndedBy, KeyAction, Leg
from dialer.calls.states import TRANSITIONS, CallState, Kind, Timer
from dialer.calls.transfer import Transfer
from dialer.errors import CallStateError


def _says_nothing_of_the_callee(response: FinalResponse, failure: Failure) -> bool:
    """Another trunk may be tried. A refused call is not offered to the next: a 503 may carry the callee's own cause."""
    if response.local:
        return failure.outcome is Outcome.TRUNK_FAILURE
    return response.code == 503 and failure.outcome is Outcome.CONGESTION


class CallMachine(Transfer):
    """Decides what a call does next. The transitions are :data:`dialer.calls.states.TRANSITIONS`."""

    def __init__(self, plan: CallPlan, sound_ms: Mapping[str, int]) -> None:
        """``sound_ms`` has the length of every sound of the script.

        Raises CallStateError when one is missing, when the plan names no trunk, or when a key asks for an operator
        and the script does not say how to get one.
        """
        script = plan.script
        prompts = (rule.prompt for rule in script.keys.values())
        needed = {script.message, script.machine_message, script.goodbye, *prompts}
        if script.transfer is not None:
            needed |= {script.transfer.hold, script.transfer.nobody, script.transfer.whisper}
        elif any(rule.action is KeyAction.TRANSFER for rule in script.keys.values()):
            raise CallStateError(f"attempt {plan.attempt_id} has a key for an operator, and no operators")
        if missing := sorted(needed - {""} - sound_ms.keys()):
            raise CallStateError(f"sounds of attempt {plan.attempt_id} are not loaded: {', '.join(missing)}")
        if not plan.trunks:
            raise CallStateError(f"the plan of attempt {plan.attempt_id} names no trunk")
        super().__init__(plan, sound_ms)
        self._early_opt_out: KeyHeard | None = None

    @property
    def state(self) -> CallState:
        """Where the call stands."""
        return self._state

    def start(self, now: Instant) -> list[CallCommand]:
        """Call over the first trunk. Raises CallStateError when the call was started before."""
        if self._state is not CallState.IDLE:
            raise CallStateError(f"attempt {self._plan.attempt_id} was started before")
        self._state = self._invite(now)
        return self._commands()

    def receive(self, event: CallEvent, now: Instant) -> list[CallCommand]:
        """What is to be done about ``event``.

        Raises CallStateError when the state does not allow it; nothing has changed then.
        """
        if isinstance(event, TimerDue):
            if self._state is CallState.IDLE:
                raise CallStateError("a call that was not started has no timer")
            while due := [timer for timer, deadline in self._timers.items() if deadline <= now.mono]:
                first = min(due, key=self._timers.__getitem__)
                del self._timers[first]
                self._take(first, event, now)
        else:
            self._take(type(event), event, now)
            if isinstance(event, Answered) and self._early_opt_out is not None:
                self._take(KeyHeard, self._early_opt_out, now)
        return self._commands()

    def timer(self) -> float | None:
        """The mono time at which the next TimerDue is wanted; None: none is."""
        return min(self._timers.values(), default=None)

    def record(self, media: MediaCounters | None = None) -> CallRecord:
        """The account of the call. Raises CallStateError before Finish was given."""
        ended = self._evidence.ended
        if self._state is not CallState.ENDED or ended is None:
            raise CallStateError(f"attempt {self._plan.attempt_id} has not ended")
        return self._evidence.record(self._outcome(), ended.at, media or MediaCounters())

    # --- the engine of the table ----------------------------------------------------------------------------

    def _take(self, kind: Kind, event: CallEvent, now: Instant) -> None:
        then = TRANSITIONS[self._state].get(kind)
        if then is None:
            name = kind.value if isinstance(kind, Timer) else kind.__name__
            raise CallStateError(f"attempt {self._plan.attempt_id}: {name} is not legal in {self._state}")
        state: CallState = getattr(self, f"_{then.step}")(event, now)
        if state is not self._state and state not in then.to:
            raise AssertionError(f"{then.step} led from {self._state} to {state}: not in the table")
        self._state = state
        allowed = TRANSITIONS[state]
        self._timers = {timer: deadline for timer, deadline in self._timers.items() if timer in allowed}

    # --- before the answer ----------------------------------------------------------------------------------

    def _invite(self, now: Instant) -> CallState:
        evidence, limits = self._evidence, self._plan.limits
        trunk = self._plan.trunks[len(evidence.legs)]
        call_id = f"{self._plan.attempt_id}-{len(evidence.legs) + 1}"
        evidence.start_leg(Leg(trunk=trunk, call_id=call_id, sip_code=0), now)
        self._media_ready = False
        self._timers = {
            Timer.RESPONSE: now.mono + limits.response_timeout_s,
            Timer.RING: now.mono + limits.ring_timeout_s,
        }
        self._out.append(SendInvite(trunk, call_id))
        self._progress_report(Stage.INVITED, trunk)
        return CallState.INVITING

    def _next_trunk(self, otherwise: Outcome, now: Instant) -> CallState:
        if len(self._evidence.legs) < len(self._plan.trunks):
            return self._invite(now)
        self._otherwise = otherwise
        return self._over(now, EndedBy.NETWORK)

    def _progress(self, event: Provisional, now: Instant) -> CallState:
        early_media = event.early_media or event.code == 183
        if event.code < 180 and not early_media:
            return CallState.PROCEEDING if self._state is CallState.INVITING else self._state
        if (event.code == 180 or early_media) and self._evidence.ringing is None:
            self._evidence.ringing = now
            self._progress_report(Stage.RINGING)
        if early_media and not self._early_media_told:
            self._early_media_told = True
            self._progress_report(Stage.EARLY_MEDIA)
        if self._state is CallState.DIVERTING:
            self._evidence.details.append("the trunk rang only after the response time-out")
            return self._cancel(Outcome.CANCELED, now)
        return CallState.RINGING

    def _early_key(self, event: KeyHeard, now: Instant) -> CallState:
        """Counts once the answer is here: SIP INFO may overtake a 200. In doubt only an opt-out is taken."""
        rule = self._plan.script.keys.get(event.digit)
        if rule is not None and rule.action is KeyAction.OPT_OUT:
            self._early_opt_out = event
        return self._state

    def _media(self, event: MediaReady, now: Instant) -> CallState:
        self._media_ready = True
        self._evidence.codec = event.codec
        return self._begin(now) if self._state is CallState.ANSWERED else self._state

    def _fail(self, event: FinalResponse, now: Instant) -> CallState:
        failure = outcome_of_failure(event)
        withdrawn = event.local or event.code == 487
        if not (event.local and self._state is CallState.DIVERTING):  # there the silence is what is on record
            self._evidence.leg_failed(event, failure)
        if self._state is CallState.CANCELING and withdrawn:
            return self._over(now, EndedBy.DIALER)
        if self._state is CallState.DIVERTING and withdrawn:
            return self._next_trunk(Outcome.TRUNK_FAILURE, now)
        if failure.detail:
            self._evidence.details.append(failure.detail)
        rang = self._state in (CallState.RINGING, CallState.CANCELING)
        if not rang and _says_nothing_of_the_callee(event, failure):
            return self._next_trunk(failure.outcome, now)
        self._otherwise = Outcome.FAILED if rang and event.local else failure.outcome
        if failure.outcome is Outcome.ABUSE:
            self._report_opt_out(f"sip {event.code}")
        self._evidence.end(now, EndedBy.NETWORK)
        return self._over(now, EndedBy.NETWORK)

    def _withdraw(self, event: TimerDue, now: Instant) -> CallState:
        self._evidence.leg_silent("no response")
        self._out.append(SendCancel())
        self._timers[Timer.CLOSE] = now.mono + CLOSE_TIMEOUT_S
        return CallState.DIVERTING

    def _ring_out(self, event: TimerDue, now: Instant) -> CallState:
        return self._cancel(Outcome.NO_ANSWER, now)

    def _stop_unanswered(self, event: HangUpAsked, now: Instant) -> CallState:
        self._evidence.details.append(f"asked to hang up: {event.why}")
        return self._cancel(Outcome.CANCELED, now)

    def _cancel(self, otherwise: Outcome, now: Instant) -> CallState:
        self._otherwise = otherwise
        self._evidence.end(now, EndedBy.DIALER)
        if self._state is not CallState.DIVERTING:  # there the CANCEL is on its way
            self._out.append(SendCancel())
            self._timers[Timer.CLOSE] = now.mono + CLOSE_TIMEOUT_S
        return CallState.CANCELING

    # --- the answer -----------------------------------------------------------------------------------------

    def _answer(self, event: Answered, now: Instant) -> CallState:
        self._evidence.leg_answered(event.peer, now)
        self._progress_report(Stage.ANSWERED)
        self._timers[Timer.DURATION] = now.mono + self._plan.limits.max_duration_s
        if self._media_ready:
            return self._begin(now)
        self._timers[Timer.MEDIA] = now.mono + MEDIA_TIMEOUT_S
        return CallState.ANSWERED

    def _answer_too_late(self, event: Answered, now: Instant) -> CallState:
        self._evidence.leg_answered(event.peer, now)
        self._evidence.details.append("answered as the call was being canceled")
        diverting = self._state is CallState.DIVERTING
        return self._bye(Outcome.CANCELED if diverting else self._otherwise, now)

    def _gone(self, event: CallGone | PeerHungUp, now: Instant) -> CallState:
        asked_for = self._state in (CallState.CANCELING, CallState.HANGING_UP)
        if isinstance(event, CallGone) and self._state is CallState.DIVERTING:
            return self._next_trunk(Outcome.TRUNK_FAILURE, now)
        if not asked_for:
            why = event.detail or "no reason given" if isinstance(event, CallGone) else "BYE before the answer"
            self._evidence.details.append(f"the call was lost: {why}")
            self._message_ends(now)
            self._otherwise = Outcome.FAILED
        return self._over(now, EndedBy.NETWORK)
