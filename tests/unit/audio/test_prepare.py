"""Sounds as operators bring them, and what comes out for the line."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dialer.audio.prepare import prepare_sound, prompt_path
from dialer.errors import AudioError


def write_wav(path: Path, samples: np.ndarray, rate: int, *, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        data = samples.astype("<i2") if width == 2 else ((samples / 256) + 128).astype("u1")
        file.writeframes(data.tobytes())
    return path


def tone(pitch: float, rate: int, channels: int = 1, seconds: float = 1.0) -> np.ndarray:
    at = np.arange(int(seconds * rate)) / rate
    return np.repeat((8000 * np.sin(2 * np.pi * pitch * at))[:, None], channels, axis=1)


def strength(path: Path, pitch: float) -> float:
    """How much of ``pitch`` is in a prepared file, full scale 1."""
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    at = np.arange(samples.size) / 8000
    return float(2 * abs(np.mean(samples * np.exp(-2j * np.pi * pitch * at))))


@pytest.mark.parametrize(("rate", "channels", "width"), [(8000, 1, 2), (44100, 2, 2), (48000, 1, 2), (16000, 2, 1)])
def test_any_wav_comes_out_for_the_telephone(tmp_path: Path, rate: int, channels: int, width: int) -> None:
    source = write_wav(tmp_path / "in.wav", tone(1000, rate, channels), rate, width=width)
    sound = prepare_sound(source, tmp_path / "out")
    assert sound.ms == pytest.approx(1000, abs=5)
    assert strength(sound.path, 1000) == pytest.approx(8000 / 32768, rel=0.1)


def test_what_the_line_cannot_carry_is_not_folded_into_what_it_can(tmp_path: Path) -> None:
    both = tone(1000, 48000) + tone(6500, 48000)
    sound = prepare_sound(write_wav(tmp_path / "in.wav", both, 48000), tmp_path / "out")
    assert strength(sound.path, 1500) < 0.01, "6500 Hz at 8 kHz would be heard as 1500 Hz"


def test_the_same_sound_is_prepared_once(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", tone(500, 8000), 8000)
    first = prepare_sound(source, tmp_path / "out")
    stamp = first.path.stat().st_mtime_ns
    assert prepare_sound(source, tmp_path / "out") == first
    assert first.path.stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "no such sound file"),
        (lambda path: path.write_bytes(b"ID3 not a wav at all"), "not a WAV"),
        (lambda path: path.write_bytes(b""), "not a WAV"),
        (lambda path: path.mkdir(), "cannot be read"),
        (lambda path: write_wav(path, tone(500, 8000, seconds=0.1), 8000), "only 100 ms"),
        (lambda path: write_wav(path, np.zeros((8000, 1)), 8000), "nothing to hear"),
    ],
)
def test_what_is_of_no_use_is_said_at_once(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    source = tmp_path / "in.wav"
    make(source)
    with pytest.raises(AudioError, match=says):
        prepare_sound(source, tmp_path / "out")


@pytest.mark.parametrize("name", ["accepted", "answered", "opted_out", "demo_message"])
def test_the_prompts_that_ship_are_fit_for_the_line(tmp_path: Path, name: str) -> None:
    assert prepare_sound(prompt_path(name), tmp_path).ms > 1000
