"""What is heard at the far end, and what is made of what it says: another pjsua2 endpoint has the callees."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from tests.sip.conftest import HERE, HOST, SCRIPT, Ports, Wire, permit

from dialer.calls.outcome import Outcome
from dialer.calls.plan import AnsweredBy, CallRecord, MachinePolicy
from dialer.calls.trunk import Trunk

pytestmark = pytest.mark.sip

CALLEES = {
    "listens": "+13055550001",
    "presses": "+13055550002",
    "presses_twice": "+13055550003",
    "says_hello": "+13055550004",
    "is_a_machine": "+13055550005",
    "renegotiates": "+13055550006",
}
PIECE = 800  # samples
DETECTING = msgspec.structs.replace(SCRIPT, detect_machine=True, machine=MachinePolicy.LEAVE_MESSAGE)


@dataclass
class Heard:
    """Each callee's record, and what it heard: 8 kHz samples."""

    records: dict[str, CallRecord]
    audio: dict[str, NDArray[np.float64]]
    message: NDArray[np.float64]

    def pieces(self, name: str) -> list[float | None]:
        """When each 100 ms of the message was heard, in seconds, in their order; None for a piece that was not.

        Piece by piece, because a jitter buffer on a busy machine may leave out or put in a frame between two of them.
        """
        audio, found, earliest = self.audio[name], [], 0
        energy = np.concatenate([[0.0], np.cumsum(audio**2)])
        for start in range(0, len(self.message), PIECE):
            piece = self.message[start : start + PIECE]
            size = 1 << (len(audio) + PIECE).bit_length()
            product = np.fft.irfft(np.fft.rfft(audio, size) * np.conj(np.fft.rfft(piece, size)), size)
            places = len(audio) - PIECE + 1
            norms = np.sqrt(np.maximum(energy[PIECE:] - energy[:places], 1.0)) * np.linalg.norm(piece)
            likeness = product[:places] / norms
            likeness[:earliest] = 0.0
            best = int(np.argmax(likeness))
            heard = likeness[best] > 0.9
            found.append(best / 8000 if heard else None)
            earliest = best + PIECE // 2 if heard else earliest
        return found

    def share(self, name: str) -> float:
        """The share of the message that was heard, in its order."""
        pieces = self.pieces(name)
        return sum(piece is not None for piece in pieces) / len(pieces)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def heard(needs_sipp: None, ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Heard]:
    wire = Wire(tmp_path_factory.mktemp("media"), ports)
    peer = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "callees.py"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    try:
        port = int(await peer.stdout.readline())
        desk = await wire.desk(Trunk(name="callees", host=HOST, port=port, options_seconds=0))
        detecting = {"says_hello", "is_a_machine"}
        attempts = await asyncio.gather(
            *(
                desk.place(
                    name,
                    "callees",
                    permit=permit(name, number),
                    script=DETECTING if name in detecting else SCRIPT,
                )
                for name, number in CALLEES.items()
            )
        )
        out, _ = await peer.communicate(b"\n")
        audio = {number: base64.b64decode(samples) for number, samples in json.loads(out).items()}
        yield Heard(
            {name: attempt.record for name, attempt in zip(CALLEES, attempts, strict=True) if attempt.record},
            {name: _samples(audio[number]) for name, number in CALLEES.items()},
            _wav(wire.folder / "message.wav"),
        )
    finally:
        await wire.close()
        if peer.returncode is None:
            peer.kill()
            await peer.wait()


def _samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def _wav(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path), "rb") as wav:
        return _samples(wav.readframes(wav.getnframes()))


def test_the_callee_hears_the_message_whole(heard: Heard) -> None:
    record = heard.records["listens"]
    assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
    assert heard.share("listens") >= 0.8
    assert any(heard.pieces("listens")[-2:]), "to its end"
    assert record.rtp_received > 80
    assert record.rtp_lost == 0


def test_a_key_as_rfc4733_event_stops_the_message(heard: Heard) -> None:
    record = heard.records["presses"]
    assert record.outcome is Outcome.ACCEPTED
    assert [(key.digit, key.via) for key in record.keys] == [("1", "rfc4733")]
    assert 500 < record.keys[0].after_answer_ms < 1200
    assert record.heard_ms < 1300
    assert heard.share("presses") < 0.8, "the rest of it was not heard"


def test_one_press_is_one_key_and_two_are_two(heard: Heard) -> None:
    record = heard.records["presses_twice"]
    assert [key.digit for key in record.keys] == ["5", "5", "1"]
    assert record.outcome is Outcome.ACCEPTED


def test_a_person_hears_the_message_within_two_seconds_of_their_greeting(heard: Heard) -> None:
    """47 CFR 64.1200(a)(7)."""
    record = heard.records["says_hello"]
    assert record.answered_by is AnsweredBy.HUMAN
    assert record.outcome is Outcome.HEARD
    assert record.greeting_to_message_ms is not None
    assert 400 < record.greeting_to_message_ms < 1500
    assert heard.share("says_hello") >= 0.8


def test_a_machine_gets_the_message_after_its_beep(heard: Heard) -> None:
    record = heard.records["is_a_machine"]
    assert record.answered_by is AnsweredBy.MACHINE
    assert record.outcome is Outcome.VOICEMAIL_LEFT
    assert heard.share("is_a_machine") >= 0.8
    assert any(heard.pieces("is_a_machine")[-2:]), "to its end, though the BYE follows at once"
    first = next(piece for piece in heard.pieces("is_a_machine") if piece is not None)
    assert first > 0.3 + 4.8 - 0.2, "not into its greeting or beep"


def test_a_re_invite_does_not_cut_the_message(heard: Heard) -> None:
    record = heard.records["renegotiates"]
    assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
    assert heard.share("renegotiates") >= 0.8
