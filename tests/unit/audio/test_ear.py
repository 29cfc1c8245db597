"""The ear on real (synthesised) speech, tones and silence."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from dialer.audio import SAMPLE_RATE
from dialer.audio.ear import BeepEar, GreetingEar
from dialer.audio.prepare import prompt_path
from dialer.calls.events import BeepHeard, GreetingOver
from dialer.calls.plan import AnsweredBy


def speech(seconds: float) -> bytes:
    with wave.open(str(prompt_path("demo_message"))) as file:
        frames: bytes = file.readframes(int(seconds * SAMPLE_RATE))
        return frames


def silence(seconds: float) -> bytes:
    return bytes(2 * int(seconds * SAMPLE_RATE))


def tone(seconds: float, *pitches: float) -> bytes:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    mixed = sum(np.sin(2 * np.pi * pitch * at) for pitch in pitches)
    return (np.asarray(mixed) * 9000 / len(pitches)).astype("<i2").tobytes()


def listen(
    ear: GreetingEar | BeepEar, pcm: bytes, block_s: float = 0.04
) -> tuple[GreetingOver | BeepHeard | None, float]:
    """Feed ``pcm`` in blocks as the agent does; what was heard, and when."""
    step = 2 * int(block_s * SAMPLE_RATE)
    for start in range(0, len(pcm), step):
        now = (start + step) / 2 / SAMPLE_RATE
        heard = ear.feed(pcm[start : start + step], now)
        if heard is not None:
            return heard, now
    return None, len(pcm) / 2 / SAMPLE_RATE


def test_a_short_hello_is_a_person_and_its_end_is_known() -> None:
    heard, at = listen(GreetingEar(), silence(0.5) + speech(0.9) + silence(3))
    assert isinstance(heard, GreetingOver)
    assert heard.answered_by is AnsweredBy.HUMAN
    assert heard.ended == pytest.approx(1.4, abs=0.25)
    assert at - heard.ended < 1.0, "the message must be able to start within two seconds of the greeting"


def test_a_long_greeting_is_a_machine() -> None:
    heard, at = listen(GreetingEar(), silence(0.3) + speech(6))
    assert isinstance(heard, GreetingOver)
    assert heard.answered_by is AnsweredBy.MACHINE
    assert at < 4.0


def test_a_silent_answer_does_not_wait_for_ever() -> None:
    heard, at = listen(GreetingEar(), silence(6))
    assert isinstance(heard, GreetingOver)
    assert heard.answered_by is AnsweredBy.SILENCE
    assert at < 2.7


def test_line_noise_is_not_speech() -> None:
    noise = (np.random.default_rng(7).standard_normal(4 * SAMPLE_RATE) * 60).astype("<i2").tobytes()
    heard, _ = listen(GreetingEar(), noise)
    assert isinstance(heard, GreetingOver)
    assert heard.answered_by is AnsweredBy.SILENCE


@pytest.mark.parametrize("pitch", [440.0, 800.0, 1000.0, 1400.0, 2100.0])
def test_the_beep_is_heard_when_it_is_over(pitch: float) -> None:
    heard, at = listen(BeepEar(), speech(3) + tone(0.5, pitch) + silence(2))
    assert heard == BeepHeard()
    assert at == pytest.approx(3.5, abs=0.15)


def test_speech_and_two_tone_signals_are_no_beep() -> None:
    assert listen(BeepEar(), speech(9)) == (None, 9.0)
    heard, _ = listen(BeepEar(), tone(2, 480, 620) + speech(1))
    assert heard is None


def test_a_machine_without_a_beep_is_taken_to_record_after_its_silence() -> None:
    heard, at = listen(BeepEar(), speech(3) + silence(4))
    assert heard == BeepHeard()
    assert 5.3 < at < 5.8


@pytest.mark.parametrize("block_s", [0.001, 0.02, 0.032, 0.1, 0.5])
def test_the_size_of_the_blocks_does_not_matter(block_s: float) -> None:
    heard, _ = listen(GreetingEar(), silence(0.5) + speech(0.9) + silence(3), block_s)
    assert isinstance(heard, GreetingOver)
    assert heard.answered_by is AnsweredBy.HUMAN
