"""The ear: who answered, and when a machine is ready to record. 8 kHz, mono, 16-bit samples in; events out.

The greeting is judged as answering-machine detectors do: a person says a word or two and waits, a machine talks on. The
figures below part a "hello" from a recorded greeting; a doubtful one counts as a person's, because a message that
talks over a machine is a lesser harm than silence towards a person (47 CFR 64.1200(a)(7): two seconds).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dialer.audio import SAMPLE_RATE
from dialer.calls.events import BeepHeard, GreetingOver
from dialer.calls.plan import AnsweredBy

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = 256  # samples: 32 ms, 31.25 Hz to a bin
FRAME_S = FRAME / SAMPLE_RATE

INITIAL_SILENCE_S = 2.5  # nobody speaks for this long: the message begins
GREETING_S = 2.2  # a person's "hello, Smith speaking" is shorter, a machine's greeting longer
SILENCE_AFTER_S = 0.7  # this much silence ends a greeting
DECIDE_BY_S = 5.0
VOICE_LEVEL = 10 ** (-38 / 20)  # of full scale; line noise on G.711 lies below

TONE_SHARE = 0.85  # of a frame's energy within two bins of its peak: a pure tone
TONE_HZ = (350.0, 2500.0)
BEEP_FRAMES = 5  # 160 ms on one pitch
MACHINE_SILENCE_S = 2.5  # a machine without a beep, silent for this long, records


class _Frames:
    """Cuts what was received into frames and keeps the rest."""

    def __init__(self) -> None:
        self._rest = np.empty(0, dtype=np.float32)

    def feed(self, pcm: bytes) -> NDArray[np.float32]:
        """Rows of FRAME samples, full scale 1."""
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768.0
        joined = np.concatenate([self._rest, samples]) if self._rest.size else samples
        whole = joined.size // FRAME * FRAME
        self._rest = joined[whole:]
        return joined[:whole].reshape(-1, FRAME)


def _levels(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.sqrt(np.mean(np.square(frames), axis=1, dtype=np.float32))


class GreetingEar:
    """Listens from the answer on, until it knows who answered."""

    def __init__(self) -> None:
        self._frames = _Frames()
        self._heard_s = 0.0
        self._voice_from: float | None = None
        self._voice_to = 0.0

    def feed(self, pcm: bytes, now: float) -> GreetingOver | None:
        """Hear ``pcm``, whose last sample came at ``now`` (monotonic seconds); the verdict once, then None for ever."""
        frames = self._frames.feed(pcm)
        behind = len(frames) * FRAME_S
        for level in _levels(frames):
            behind -= FRAME_S
            verdict = self._step(float(level))
            if verdict is not None:
                silence = self._heard_s - self._voice_to if self._voice_from is not None else 0.0
                return GreetingOver(answered_by=verdict, ended=now - behind - silence)
        return None

    def _step(self, level: float) -> AnsweredBy | None:
        self._heard_s += FRAME_S
        if level >= VOICE_LEVEL:
            if self._voice_from is None:
                self._voice_from = self._heard_s - FRAME_S
            self._voice_to = self._heard_s
        if self._voice_from is None:
            return AnsweredBy.SILENCE if self._heard_s >= INITIAL_SILENCE_S else None
        if self._voice_to - self._voice_from >= GREETING_S:
            return AnsweredBy.MACHINE
        if self._heard_s - self._voice_to >= SILENCE_AFTER_S or self._heard_s >= DECIDE_BY_S:
            return AnsweredBy.HUMAN
        return None


class BeepEar:
    """Listens to a machine until its beep is over, or until it has been silent so long that it must be recording."""

    def __init__(self) -> None:
        self._frames = _Frames()
        self._window = np.hanning(FRAME).astype(np.float32)
        self._pitch = 0
        self._tone_frames = 0
        self._silent_s = 0.0

    def feed(self, pcm: bytes, now: float) -> BeepHeard | None:
        """Hear ``pcm``; the beep once."""
        for frame in self._frames.feed(pcm):
            if self._step(frame):
                return BeepHeard()
        return None

    def _step(self, frame: NDArray[np.float32]) -> bool:
        loud = float(np.sqrt(np.mean(np.square(frame)))) >= VOICE_LEVEL
        self._silent_s = 0.0 if loud else self._silent_s + FRAME_S
        pitch = _pitch(frame * self._window) if loud else 0
        if pitch and (not self._tone_frames or abs(pitch - self._pitch) <= 1):
            self._pitch = pitch
            self._tone_frames += 1
            return False
        beeped = self._tone_frames >= BEEP_FRAMES
        self._tone_frames = 1 if pitch else 0
        self._pitch = pitch
        return beeped or self._silent_s >= MACHINE_SILENCE_S


def _pitch(windowed: NDArray[np.float32]) -> int:
    """The bin of a pure tone, or 0."""
    energy = np.square(np.abs(np.fft.rfft(windowed)))
    peak = int(np.argmax(energy))
    if not TONE_HZ[0] <= peak * SAMPLE_RATE / FRAME <= TONE_HZ[1]:
        return 0
    near = float(energy[peak - 2 : peak + 3].sum())
    return peak if near >= TONE_SHARE * float(energy.sum()) else 0
