"""What one call is told and what it says: its RTP, as mouth and ear. On the owner thread."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import pjsua2 as pj

from dialer.calls.events import CallEvent, Ear, SoundFinished
from dialer.errors import CallStateError
from dialer.sip.schedule import Due, Schedule

if TYPE_CHECKING:
    from dialer.audio.ear import BeepEar, GreetingEar

EAR_EVERY_S = 0.1  # each look costs as much as what it looks at; the judgement waits for 0.7 s of silence anyway
SOUND_CHECK_S = 0.02
SOUND_TAIL_S = 0.1  # from the last sample sent until it has passed the far end's jitter buffer
MAX_READ = 8000  # samples


@dataclass(frozen=True, slots=True)
class Sound:
    """A loaded sound, shared by all calls that play it."""

    buffer: pj.PcmBuffer
    length_ms: int


class Voice:
    """One call's mouth and ear. ``tell`` is given SoundFinished, and what the ear makes of the far end."""

    def __init__(self, schedule: Schedule, tell: Callable[[CallEvent], None], *, hears: bool = False) -> None:
        self._schedule = schedule
        self._tell = tell
        if hears:
            _load_ears()
        self._audio: pj.CallRtp | None = None
        self._ear: GreetingEar | BeepEar | None = None
        self._sound_due: Due | None = None
        self._ear_due: Due | None = None

    def join(self, audio: pj.CallRtp | None) -> None:
        """Speak and listen there; again whenever a re-INVITE may have given a call audio, or taken it away: None."""
        if audio is not None and audio is not self._audio:
            self._audio = audio
            audio.listen(self._ear is not None)

    def close(self) -> None:
        """The call is over, or has no more use for us."""
        for due in (self._sound_due, self._ear_due):
            if due is not None:
                due.cancel()
        self._audio = self._ear = None

    def play(self, sound: Sound) -> None:
        """Play from the beginning, instead of whatever plays now. Raises CallStateError before there is audio."""
        self._start(sound)
        self._await_end(sound.length_ms / 1000)

    def loop(self, sound: Sound) -> None:
        """Play over and over. Raises CallStateError before there is audio."""
        self._start(sound, loop=True)

    def _start(self, sound: Sound, *, loop: bool = False) -> None:
        if self._audio is None:
            raise CallStateError("no audio to play a sound into")
        if self._sound_due is not None:
            self._sound_due.cancel()
        self._audio.play(sound.buffer, loop)

    def be_silent(self) -> None:
        """Stop playing."""
        if self._sound_due is not None:
            self._sound_due.cancel()
        if self._audio is not None:
            self._audio.stop()

    def _await_end(self, wait_s: float) -> None:
        self._sound_due = self._schedule.at(monotonic() + wait_s, self._check_sound)

    def _check_sound(self) -> None:
        if self._audio is None:
            return
        if self._audio.finished():
            self._sound_due = self._schedule.at(monotonic() + SOUND_TAIL_S, self._sound_finished)
        else:
            self._await_end(SOUND_CHECK_S)

    def _sound_finished(self) -> None:
        self._tell(SoundFinished())

    def listen(self, ear: Ear) -> None:
        """Point the ear. A deaf call keeps nothing of what it hears."""
        self._ear = _made(ear)
        if self._ear_due is not None:
            self._ear_due.cancel()
        if self._audio is None:
            return
        self._audio.listen(self._ear is not None)
        if self._ear is not None:
            self._ear_due = self._schedule.at(monotonic() + EAR_EVERY_S, self._hear)

    def _hear(self) -> None:
        if self._audio is None or self._ear is None:
            return
        pcm = self._audio.read(MAX_READ)
        instant = monotonic()
        heard = self._ear.feed(pcm, instant) if pcm else None
        self._ear_due = self._schedule.at(instant + EAR_EVERY_S, self._hear)
        if heard is not None:
            self._tell(heard)


def _load_ears() -> None:
    """They take 70 ms, numpy's: agents whose calls listen to nobody start without, all others before they dial."""
    if "dialer.audio.ear" not in sys.modules:
        import dialer.audio.ear  # noqa: F401

        gc.freeze()  # as at the start: numpy is not to be looked through for garbage while calls wait


def _made(ear: Ear) -> GreetingEar | BeepEar | None:
    if ear is Ear.OFF:
        return None
    from dialer.audio.ear import BeepEar, GreetingEar

    return GreetingEar() if ear is Ear.GREETING else BeepEar()
