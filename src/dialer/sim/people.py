"""What callees do, call by call: they ring, answer, speak, press keys, hang up, and keep an account of their own."""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dialer.audio.prepare import prompt_path
from dialer.sim.population import Does, Fate, Population, Refusal
from dialer.sip.callee import CalleeCall, CalleeNews, Sound
from dialer.sip.schedule import Due, Schedule

SAMPLE_RATE = 8000
BEEP_HZ, BEEP_S = 1000.0, 0.4
LISTEN_EVERY_S = 0.5
VOICE = 300  # of 32768: louder than the noise of G.711
ANALYTICS = 'SIP;cause=603;text="v=analytics1;url=https://redress.example/appeal";location=RLN'  # ATIS-1000099


@dataclass(frozen=True, slots=True)
class Voices:
    """What callees say."""

    hello: Sound
    greeting: Sound
    beep: Sound
    ringback: Sound


def voices() -> Voices:
    """Load the sounds; needs a running endpoint."""

    def spoken(name: str) -> Sound:
        with wave.open(str(prompt_path(name))) as file:
            return Sound(file.readframes(file.getnframes()))

    return Voices(
        hello=spoken("sim_hello"),
        greeting=spoken("sim_greeting"),
        beep=_tone(BEEP_S, BEEP_HZ),
        ringback=_tone(2.0, 440.0, 480.0),
    )


@dataclass(slots=True)
class _Visit:
    """One call at one callee's."""

    call: CalleeCall
    fate: Fate
    due: list[Due] = field(default_factory=list)
    answered: bool = False
    greeted: bool = False
    keys_heard: str = ""
    heard_ms: int = 0


class People:
    """Answers every call as the population says. ``account`` gets one dictionary for each thing worth noting."""

    def __init__(
        self,
        population: Population,
        sounds: Voices,
        schedule: Schedule,
        monotonic: Callable[[], float],
        account: Callable[[dict[str, Any]], None],
    ) -> None:
        self._population = population
        self._voices = sounds
        self._schedule = schedule
        self._monotonic = monotonic
        self._account = account
        self._visits: dict[str, _Visit] = {}
        self._gone: list[str] = []

    @property
    def live(self) -> int:
        """Calls that are up."""
        return len(self._visits)

    def ringing(self, call: CalleeCall) -> None:
        """An INVITE has come."""
        visit = _Visit(call, self._population.fate(call.number))
        self._visits[call.sip_call_id] = visit
        self._note(visit, "invite", caller=call.caller, branch=call.branch)
        callee = visit.fate.callee
        if callee.does is Does.REFUSE:
            _refuse(call, callee.code)
            return
        early = callee.does is Does.EARLY_MEDIA
        call.ring(early_media=early)
        if callee.does is not Does.NO_ANSWER:
            self._after(visit, visit.fate.ring_s, self._pick_up)

    def news(self, call: CalleeCall, news: CalleeNews, detail: str) -> None:
        """Something happened to a call."""
        visit = self._visits.get(call.sip_call_id)
        if visit is None:
            return
        match news:
            case CalleeNews.OVER:
                for due in visit.due:
                    due.cancel()
                self._note(visit, "over", reason=detail, heard_ms=visit.heard_ms, keys=visit.keys_heard)
                self._gone.append(call.sip_call_id)
            case CalleeNews.FAILED:
                self._note(visit, "fault", detail=detail)
                self._after(visit, 0.0, self._hang_up)
            case CalleeNews.KEY:
                visit.keys_heard += detail
            case CalleeNews.MEDIA if visit.answered:
                self._greet(visit)
            case CalleeNews.MEDIA if visit.fate.callee.does is Does.EARLY_MEDIA:
                visit.call.say(self._voices.ringback)
            case CalleeNews.MEDIA:
                pass  # the 180 has no audio in it

    def forget_gone(self) -> None:
        """Let go of calls that are over; to be called outside every callback."""
        for call_id in self._gone:
            self._visits.pop(call_id, None)
        self._gone.clear()

    def hang_up_all(self) -> None:
        """End everything."""
        for visit in list(self._visits.values()):
            visit.call.hang_up()

    def _pick_up(self, visit: _Visit) -> None:
        visit.answered = True
        visit.call.be_silent()
        visit.call.pick_up()
        self._note(visit, "answer")
        if visit.call.has_audio:  # up since the 180 or 183: no further news of it will come
            self._greet(visit)

    def _greet(self, visit: _Visit) -> None:
        if visit.greeted:
            return
        visit.greeted = True
        self._after(visit, LISTEN_EVERY_S, self._listen)
        fate = visit.fate
        does = fate.callee.does
        if does is Does.VOICEMAIL:
            visit.call.say(self._voices.greeting)
            self._after(visit, max(fate.after_s, self._voices.greeting.seconds + 0.3), self._beep)
            return
        if does is not Does.SILENT:
            visit.call.say(self._voices.hello)
        if does is Does.PRESS_KEY:
            self._after(visit, fate.after_s, self._press)
        elif does is Does.HANG_UP:
            self._after(visit, fate.after_s, self._hang_up)
        elif does is Does.REINVITE:
            self._after(visit, fate.after_s, lambda each: each.call.renegotiate())

    def _beep(self, visit: _Visit) -> None:
        visit.call.say(self._voices.beep)
        self._note(visit, "beep")

    def _press(self, visit: _Visit) -> None:
        callee = visit.fate.callee
        visit.call.press(callee.key, via_info=callee.via_info)
        self._note(visit, "press", key=callee.key)

    def _hang_up(self, visit: _Visit) -> None:
        self._note(visit, "hang_up")
        visit.call.hang_up()

    def _listen(self, visit: _Visit) -> None:
        samples = np.frombuffer(visit.call.heard(), dtype="<i2")
        whole = samples[: samples.size // 160 * 160].reshape(-1, 160)
        visit.heard_ms += 20 * int(np.count_nonzero(np.abs(whole).max(axis=1) > VOICE)) if whole.size else 0
        self._after(visit, LISTEN_EVERY_S, self._listen)

    def _after(self, visit: _Visit, seconds: float, action: Callable[[_Visit], None]) -> None:
        visit.due = [due for due in visit.due if due.action is not None]
        visit.due.append(self._schedule.at(self._monotonic() + seconds, lambda: action(visit)))

    def _note(self, visit: _Visit, event: str, **more: object) -> None:
        who = {"number": visit.call.number, "call_id": visit.call.sip_call_id, "callee": visit.fate.callee.name}
        self._account({"event": event, **who, **more})


def _refuse(call: CalleeCall, code: Refusal) -> None:
    match code:
        case Refusal.BLOCKED_PLUS:
            call.refuse(603, "Network Blocked", {"Reason": ANALYTICS})
        case Refusal.BLOCKED:
            call.refuse(608, "Rejected")
        case Refusal.UNWANTED:
            call.refuse(607, "Unwanted")
        case Refusal.BUSY:
            call.refuse(486, "", {"Reason": 'Q.850;cause=17;text="User busy"'})
        case _:
            call.refuse(int(code.value))


def _tone(seconds: float, *pitches: float) -> Sound:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    mixed = np.sum([np.sin(2 * np.pi * pitch * at) for pitch in pitches], axis=0) / len(pitches)
    return Sound((mixed * 9000).astype("<i2").tobytes())
