"""Making a sound file fit for the telephone: 8 kHz, mono, 16-bit WAV.

Done, and complained about, before a campaign starts; never at dial time.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from dialer.audio import SAMPLE_RATE
from dialer.errors import AudioError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydub looks for ffmpeg, which WAV files do not need, and imports audioop
    from pydub import AudioSegment
    from pydub.exceptions import CouldntDecodeError

PROMPTS = Path(__file__).with_name("prompts")
MIN_MS = 200
MAX_MS = 10 * 60 * 1000
SILENT_DBFS = -50.0
PASSBAND_HZ = 3600.0
TAPS = 101


@dataclass(frozen=True, slots=True)
class PreparedSound:
    """A sound ready for the line; ``sound`` is the hash of its samples, by which agents know it."""

    sound: str
    path: Path
    ms: int


def prepare_sound(source: Path, directory: Path) -> PreparedSound:
    """Convert ``source`` (WAV of any rate, width and channels) into ``directory``; seconds when it is there already.

    Raises AudioError: missing, unreadable, not WAV, too short, too long, silent.
    """
    segment = _read(source)
    if segment.frame_rate > SAMPLE_RATE:
        segment = _without_aliases(segment)
    segment = segment.set_channels(1).set_sample_width(2).set_frame_rate(SAMPLE_RATE)
    if len(segment) < MIN_MS:
        raise AudioError(f"{source}: only {len(segment)} ms long", hint=f"at least {MIN_MS} ms")
    if len(segment) > MAX_MS:
        raise AudioError(f"{source}: {len(segment) / 60000:.1f} minutes long", hint="at most 10 minutes")
    if segment.dBFS < SILENT_DBFS:
        raise AudioError(f"{source}: nothing to hear ({segment.dBFS:.0f} dBFS)", hint="is it the right file?")
    pcm: bytes = segment.raw_data
    sound = hashlib.sha256(pcm).hexdigest()[:24]
    path = directory / f"{sound}.wav"
    if not path.exists():
        _write(segment, path)
    return PreparedSound(sound=sound, path=path, ms=len(pcm) * 1000 // (2 * SAMPLE_RATE))


def prompt_path(name: str) -> Path:
    """The file of a prompt that ships: accepted, opted_out, answered, demo_message."""
    return PROMPTS / f"{name}.wav"


def _read(source: Path) -> AudioSegment:
    try:
        with source.open("rb") as file:
            return AudioSegment(data=file.read())  # not from_file: that would try ffmpeg
    except FileNotFoundError as error:
        raise AudioError(f"{source}: no such sound file", hint="paths are relative to the campaign file") from error
    except (CouldntDecodeError, EOFError, ValueError, IndexError, KeyError) as error:
        raise AudioError(f"{source}: not a WAV file that can be read", hint="convert it to PCM WAV first") from error
    except OSError as error:
        raise AudioError(f"{source}: cannot be read: {error.strerror or error}") from error


def _without_aliases(segment: AudioSegment) -> AudioSegment:
    """Low-pass below the telephone's 4 kHz: plain resampling would fold higher frequencies into the speech."""
    import numpy as np  # 70 ms: most starts of an engine find sounds that need no filter

    segment = segment.set_sample_width(2)
    taps = np.arange(TAPS) - (TAPS - 1) / 2
    kernel = np.sinc(2 * PASSBAND_HZ / segment.frame_rate * taps) * np.hamming(TAPS)
    kernel /= kernel.sum()
    channels = np.frombuffer(segment.raw_data, dtype="<i2").reshape(-1, segment.channels)
    filtered = np.stack(
        [np.convolve(channels[:, each], kernel, mode="same") for each in range(segment.channels)], axis=1
    )
    clipped = np.clip(np.rint(filtered), -32768, 32767).astype("<i2")
    return segment._spawn(clipped.tobytes())  # noqa: SLF001  pydub's own way to a segment of the same kind


def _write(segment: AudioSegment, path: Path) -> None:
    """Write beside the target and rename: a reader never sees half a sound."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        segment.export(part, format="wav").close()
        part.replace(path)
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {error.strerror or error}") from error
