"""Calls handed to operators: what person and operator hear, over real SIP and RTP, and every way it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import sys
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sip.conftest import (
    CALLEE,
    CALLER_ID,
    HERE,
    HOST,
    SCRIPT,
    Desk,
    Hole,
    Sipp,
    Wire,
    eventually,
    header,
    permit,
    to,
)

from dialer.calls.frames import (
    ConnectOperator,
    FromAgent,
    HangUp,
    LoadSound,
    NobodyFree,
    OperatorFailed,
    OptOutStored,
    Stage,
    TransferAsked,
)
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallRecord, EndedBy, KeyAction, KeyRule, OperatorLine, TransferResult, TransferScript
from dialer.calls.trunk import TransferBy, Trunk

pytestmark = pytest.mark.sip

PERSON = "+13055550001"
SOUNDS = {"hold": (1400.0, 0.7), "whisper": (1800.0, 0.8), "nobody": (2200.0, 1.5)}  # id -> (hertz, seconds)
PERSONS, ANNAS = 2600.0, 3000.0  # voices, in hertz
KEYS = {
    "1": KeyRule(action=KeyAction.TRANSFER),
    "9": KeyRule(action=KeyAction.OPT_OUT, prompt="nobody"),
}
TRANSFER = TransferScript(trunk="office", hold="hold", nobody="nobody", whisper="whisper")
WISHING = msgspec.structs.replace(SCRIPT, message="long", keys=KEYS, transfer=TRANSFER)
PIECE = 400  # samples


@dataclass
class Heard:
    """What one of the talkers heard, and when their call was over."""

    audio: NDArray[np.float64]
    began: float
    over: float

    def when(self, hertz: float) -> list[float]:
        """The times of each 50 ms in which this tone was heard."""
        times = np.arange(PIECE) / 8000
        wave = np.exp(-2j * np.pi * hertz * times)
        pieces = self.audio[: len(self.audio) // PIECE * PIECE].reshape(-1, PIECE)
        loudness = np.abs(pieces @ wave) / PIECE
        return [self.began + index * PIECE / 8000 for index in np.flatnonzero(loudness > 1500)]

    def seconds(self, hertz: float) -> float:
        return len(self.when(hertz)) * PIECE / 8000


class Talkers:
    """The program talkers.py, with the manners of each."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.port = port

    @classmethod
    async def start(cls, **manners: dict[str, Any]) -> Talkers:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "talkers.py"), json.dumps({PERSON: manners.pop("person"), **manners}),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        return cls(process, int(await process.stdout.readline()))

    def sip(self, user: str) -> str:
        return f"sip:{user}@{HOST}:{self.port}"

    async def stop(self) -> dict[str, Heard]:
        """What each heard, once their calls have had time to end."""
        await asyncio.sleep(0.3)
        out, _ = await self._process.communicate(b"\n")
        return {
            user: Heard(
                np.frombuffer(base64.b64decode(each["heard"]), dtype="<i2").astype(np.float64),
                each["began"],
                each["over"],
            )
            for user, each in json.loads(out).items()
        }

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@dataclass
class Office:
    """An agent with talkers at both its ends, and the engine's answers to its questions."""

    wire: Wire
    talkers: Talkers | None = None
    desk: Desk | None = None

    async def open(self, **manners: dict[str, Any]) -> Desk:
        self.talkers = await Talkers.start(**manners)
        trunks = [
            Trunk(name=name, host=HOST, port=self.talkers.port, options_seconds=0, channels=1)
            for name in ("out", "office")
        ]
        operators = [OperatorLine(address=self.talkers.sip(user), trunk="office") for user in ("anna", "ben")]
        return await self.with_trunks(trunks, operators)

    async def with_trunks(self, trunks: list[Trunk], operators: list[OperatorLine], **settings: Any) -> Desk:
        self.desk = await self.wire.desk(*trunks, operators=operators, **settings)
        for sound, (hertz, seconds) in SOUNDS.items():
            path = self.wire.folder / f"{sound}.wav"
            write_pure_tone(path, hertz, seconds)
            await self.desk.agent.send(LoadSound(sound=sound, path=str(path)))
        return self.desk

    async def call(self, **script: Any) -> None:
        assert self.desk is not None
        paper = permit("a", PERSON if self.talkers else CALLEE)
        await self.desk.hand_over("a", "out", permit=paper, script=msgspec.structs.replace(WISHING, **script))

    async def told(self, kind: type[FromAgent], nth: int = 1) -> FromAgent:
        """Wait for the ``nth`` frame of this kind."""
        assert self.desk is not None
        desk = self.desk

        def frames() -> list[FromAgent]:
            return [frame for frame in desk.other if isinstance(frame, kind)]

        await desk.until(lambda: len(frames()) >= nth)
        return frames()[nth - 1]

    async def connect(self, user: str) -> None:
        assert self.desk is not None
        assert self.talkers is not None
        await self.desk.agent.send(ConnectOperator(attempt_id="a", address=self.talkers.sip(user)))

    async def record(self) -> CallRecord:
        assert self.desk is not None
        attempt = self.desk.attempts["a"]
        async with asyncio.timeout(20):
            await attempt.ended.wait()
        assert attempt.record is not None
        return attempt.record

    async def heard(self) -> dict[str, Heard]:
        assert self.talkers is not None
        return await self.talkers.stop()


@pytest.fixture
async def office(wire: Wire) -> AsyncIterator[Office]:
    made = Office(wire)
    try:
        yield made
    finally:
        if made.talkers is not None:
            await made.talkers.close()


def write_pure_tone(path: Path, hertz: float, seconds: float) -> None:
    samples = [int(8000 * sin(2 * pi * hertz * i / 8000)) for i in range(int(seconds * 8000))]
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(struct.pack(f"<{len(samples)}h", *samples))


PERSON_WISHES = {"hertz": PERSONS, "presses": [(0.6, "1")]}


async def test_they_hear_each_other_after_hold_and_whisper(office: Office) -> None:
    await office.open(person=PERSON_WISHES, anna={"hertz": ANNAS, "rings_s": 0.5, "leaves_s": 3.0})
    await office.call()
    await office.told(TransferAsked)
    await office.connect("anna")
    record = await office.record()
    heard = await office.heard()
    person, anna = heard[PERSON], heard["anna"]

    assert (record.outcome, record.transfer) == (Outcome.ACCEPTED, TransferResult.CONNECTED)
    assert (record.operator, record.ended_by) == (office.talkers and office.talkers.sip("anna"), EndedBy.DIALER)
    assert record.transfer_ms is not None
    assert 500 <= record.transfer_ms < 1200
    assert 1700 < record.talk_ms < 2400
    assert person.seconds(SOUNDS["hold"][0]) > 1.0, "while it rang, and during the whisper, over and over"
    assert anna.seconds(SOUNDS["hold"][0]) == 0, "hold is for the person alone"
    assert 0.7 < anna.seconds(SOUNDS["whisper"][0]) < 0.95
    assert person.seconds(SOUNDS["whisper"][0]) == 0, "the whisper is for the operator alone"
    assert person.seconds(ANNAS) > 1.5
    assert anna.seconds(PERSONS) > 1.5
    assert min(anna.when(PERSONS)) > max(anna.when(SOUNDS["whisper"][0]))
    assert min(person.when(ANNAS)) > max(person.when(SOUNDS["hold"][0]))
    assert 0 <= person.over - anna.over < 1, "the operator's BYE ended the person's call"


@pytest.mark.parametrize("who", ["person", "anna"])
async def test_holding_the_line_does_not_part_them(office: Office, who: str) -> None:
    manners: dict[str, dict[str, Any]] = {"person": {**PERSON_WISHES}, "anna": {"hertz": ANNAS, "leaves_s": 3.5}}
    manners[who]["holds_s"] = 1.9
    await office.open(**manners)
    await office.call(transfer=msgspec.structs.replace(TRANSFER, whisper=""))
    await office.told(TransferAsked)
    await office.connect("anna")
    await office.record()
    heard = await office.heard()
    assert 2.3 < heard[PERSON].seconds(ANNAS) < 3.3
    assert 2.3 < heard["anna"].seconds(PERSONS) < 3.3


async def test_when_the_engine_says_nothing_nobody_is_free_after_two_seconds(office: Office) -> None:
    await office.open(person=PERSON_WISHES)
    await office.call()
    await office.told(TransferAsked)
    record = await office.record()
    person = (await office.heard())[PERSON]
    assert (record.outcome, record.transfer) == (Outcome.ACCEPTED, TransferResult.NOBODY_FREE)
    hold, nobody = person.when(SOUNDS["hold"][0]), person.when(SOUNDS["nobody"][0])
    assert min(nobody) - min(hold) < 2.2
    assert person.seconds(SOUNDS["nobody"][0]) > 1.35, "to its end"
    assert person.over - max(nobody) < 0.6


async def test_the_engine_may_say_at_once_that_nobody_is_free(office: Office) -> None:
    desk = await office.open(person=PERSON_WISHES)
    await office.call()
    await office.told(TransferAsked)
    await desk.agent.send(NobodyFree(attempt_id="a"))
    record = await office.record()
    person = (await office.heard())[PERSON]
    assert record.transfer is TransferResult.NOBODY_FREE
    assert person.seconds(SOUNDS["hold"][0]) < 0.4
    assert person.seconds(SOUNDS["nobody"][0]) > 1.35


@pytest.mark.parametrize(
    ("ben", "code"), [({"refuses": 486}, 486), ({"rings_s": None}, 0), ({"rings_s": 0.1, "leaves_s": 0.3}, 0)]
)
async def test_when_one_operator_does_not_take_it_the_next_may(office: Office, ben: dict[str, Any], code: int) -> None:
    await office.open(person=PERSON_WISHES, ben=ben, anna={"hertz": ANNAS, "leaves_s": 2.0})
    await office.call(transfer=msgspec.structs.replace(TRANSFER, ring_s=1.0))
    await office.told(TransferAsked)
    await office.connect("ben")
    failed = await office.told(OperatorFailed)
    assert office.talkers is not None
    assert failed == OperatorFailed(attempt_id="a", address=office.talkers.sip("ben"), sip_code=code)
    await office.connect("anna")
    record = await office.record()
    heard = await office.heard()
    assert (record.transfer, record.operator) == (TransferResult.CONNECTED, office.talkers.sip("anna"))
    assert heard["ben"].over, "his call is over"
    assert heard["anna"].seconds(PERSONS) > 0.7
    assert heard["ben"].seconds(PERSONS) == 0


async def test_when_none_takes_it_the_person_is_told(office: Office) -> None:
    desk = await office.open(person=PERSON_WISHES, ben={"refuses": 603})
    await office.call()
    await office.told(TransferAsked)
    await office.connect("ben")
    await office.told(OperatorFailed)
    await desk.agent.send(NobodyFree(attempt_id="a"))
    record = await office.record()
    assert record.transfer is TransferResult.NOT_ANSWERED
    assert (await office.heard())[PERSON].seconds(SOUNDS["nobody"][0]) > 1.35


@pytest.mark.parametrize("rings_s", [None, 0.1])
async def test_the_persons_bye_ends_the_operators_call(office: Office, rings_s: float | None) -> None:
    await office.open(person={**PERSON_WISHES, "leaves_s": 2.5}, anna={"hertz": ANNAS, "rings_s": rings_s})
    await office.call()
    await office.told(TransferAsked)
    await office.connect("anna")
    record = await office.record()
    heard = await office.heard()
    talked = rings_s is not None
    assert record.transfer is (TransferResult.CONNECTED if talked else TransferResult.LEFT_WAITING)
    assert (record.outcome, record.ended_by) == (Outcome.ACCEPTED, EndedBy.CALLEE)
    assert 0 <= heard["anna"].over - heard[PERSON].over < 1


async def test_the_opt_out_key_works_while_they_talk(office: Office) -> None:
    """Stored before the call ends; the operator is let go, and the person hears the confirmation."""
    desk = await office.open(person={"hertz": PERSONS, "presses": [(0.6, "1"), (3.0, "9")]}, anna={"hertz": ANNAS})
    desk.store_opt_outs = False
    await office.call()
    await office.told(TransferAsked)
    await office.connect("anna")
    await desk.reached("a", Stage.TALKING)
    await desk.until(lambda: bool(desk.opt_outs))
    await asyncio.sleep(2.0)
    assert desk.attempts["a"].record is None, "not before it is stored"
    await desk.agent.send(OptOutStored(attempt_id="a"))
    record = await office.record()
    heard = await office.heard()
    assert (record.outcome, record.transfer) == (Outcome.OPTED_OUT, TransferResult.CONNECTED)
    assert heard[PERSON].seconds(SOUNDS["nobody"][0]) > 1.35, "the confirmation"
    assert heard["anna"].seconds(SOUNDS["nobody"][0]) == 0
    assert heard["anna"].over < heard[PERSON].over - 1.0


@pytest.mark.parametrize("how", ["hang_up", "shutdown", "engine_gone"])
@pytest.mark.parametrize("rings_s", [None, 0.1])
async def test_operators_calls_end_with_all_others_within_two_seconds(
    office: Office, how: str, rings_s: float | None
) -> None:
    desk = await office.open(person=PERSON_WISHES, anna={"hertz": ANNAS, "rings_s": rings_s})
    await office.call()
    await office.told(TransferAsked)
    await office.connect("anna")
    await desk.reached("a", Stage.OPERATOR if rings_s is None else Stage.TALKING)
    await asyncio.sleep(0.3)
    asked = time.monotonic()
    match how:
        case "hang_up":
            await desk.agent.send(HangUp())
        case "shutdown":
            await desk.close()
        case _:
            desk.agent._writer.transport.abort()
    await asyncio.sleep(2.0)
    for heard in (await office.heard()).values():
        assert 0 < heard.over - asked < 2


async def test_nobody_else_is_called_whatever_the_engine_says(office: Office) -> None:
    hole = office.wire.hole()
    desk = await office.open(person=PERSON_WISHES)
    await office.call()
    await office.told(TransferAsked)
    stranger = f"sip:+13055550199@{HOST}:{hole.port}"
    await desk.agent.send(ConnectOperator(attempt_id="a", address=stranger))
    assert await office.told(OperatorFailed) == OperatorFailed(attempt_id="a", address=stranger, sip_code=0)
    record = await office.record()
    assert record.transfer is TransferResult.NOT_ANSWERED
    assert list(await office.heard()) == [PERSON]
    assert hole.received() == []


async def test_an_operator_is_called_over_their_own_trunk_only(office: Office) -> None:
    await office.open(person=PERSON_WISHES, anna={})
    await office.call(transfer=msgspec.structs.replace(TRANSFER, trunk="out"))
    await office.told(TransferAsked)
    await office.connect("anna")
    await office.told(OperatorFailed)
    await office.record()
    assert list(await office.heard()) == [PERSON]


def sipp_office(office: Office, peer: Sipp, person: Sipp | Hole, by: TransferBy = TransferBy.BRIDGE) -> Any:
    trunks = [to(person, "out", transfer=by), to(peer, "office", user="desk7", domain="office.example")]
    return office.with_trunks(trunks, [OperatorLine(address="sip:anna@10.9.8.7", trunk="office")])


async def test_the_operator_sees_the_attempt_and_nothing_of_the_person(office: Office) -> None:
    person = office.wire.sipp("info", digit="1")
    peer = office.wire.sipp("refuse", status="486 Busy Here", header="X-Nothing: to see")
    desk = await sipp_office(office, peer, person)
    await office.call()
    await office.told(TransferAsked)
    await desk.agent.send(ConnectOperator(attempt_id="a", address="sip:anna@10.9.8.7"))
    await office.told(OperatorFailed)
    invite = peer.received("INVITE")[0]
    assert invite.startswith(f"INVITE sip:anna@{HOST}:{peer.port};transport=udp SIP/2.0"), "over the trunk"
    assert header(invite, "To") == "sip:anna@10.9.8.7"
    assert header(invite, "From").startswith("<sip:desk7@office.example>")
    assert header(invite, "X-Dialer-Attempt") == "a"
    assert CALLEE not in invite
    assert CALLER_ID not in invite


async def test_a_trunk_that_is_down_is_not_waited_for(office: Office) -> None:
    hole = office.wire.hole()
    trunks = [to(office.wire.sipp("info", digit="1"), "out"), to(hole, "office", options_seconds=1)]
    desk = await office.with_trunks(trunks, [OperatorLine(address="sip:anna@10.9.8.7", trunk="office")])
    await desk.status("office", "down")
    await office.call()
    await office.told(TransferAsked)
    await desk.agent.send(ConnectOperator(attempt_id="a", address="sip:anna@10.9.8.7"))
    await office.told(OperatorFailed)
    assert not any(message.startswith("INVITE") for message in hole.received())


async def test_an_operators_call_is_one_of_the_agents(office: Office) -> None:
    person, peer = office.wire.sipp("info", digit="1"), office.wire.sipp("ring")
    desk = await office.with_trunks(
        [to(person, "out"), to(peer, "office")],
        [OperatorLine(address="sip:anna@10.9.8.7", trunk="office")],
        max_calls=2,
    )
    await office.call()
    await office.told(TransferAsked)
    await desk.agent.send(ConnectOperator(attempt_id="a", address="sip:anna@10.9.8.7"))
    await desk.reached("a", Stage.OPERATOR)
    other = await desk.place("b", "out")
    assert other.record is not None
    assert other.record.not_dialed is NotDialed.NO_CHANNEL


@pytest.mark.parametrize(
    ("answer", "said", "code"),
    [("202 Accepted", "200 OK", None), ("202 Accepted", "486 Busy Here", 486), ("603 Decline", "", 603)],
)
async def test_a_trunk_that_wants_refer_connects_them_itself(
    office: Office, answer: str, said: str, code: int | None
) -> None:
    person = office.wire.sipp("referred" if said else "refers_not", answer=answer, said=said)
    hole = office.wire.hole()
    desk = await office.with_trunks(
        [to(person, "out", transfer=TransferBy.REFER), to(hole, "office")],
        [OperatorLine(address="sip:anna@10.9.8.7", trunk="office")],
    )
    await office.call()
    await office.told(TransferAsked)
    await desk.agent.send(ConnectOperator(attempt_id="a", address="sip:anna@10.9.8.7"))
    if code is not None:
        assert await office.told(OperatorFailed) == OperatorFailed(
            attempt_id="a", address="sip:anna@10.9.8.7", sip_code=code
        )
        await desk.agent.send(NobodyFree(attempt_id="a"))
    record = await office.record()
    wanted = TransferResult.CONNECTED if code is None else TransferResult.NOT_ANSWERED
    assert (record.outcome, record.transfer, record.ended_by) == (Outcome.ACCEPTED, wanted, EndedBy.DIALER)
    assert record.operator == ("sip:anna@10.9.8.7" if code is None else "")
    [refer] = person.received("REFER")
    assert header(refer, "Refer-To") == "<sip:anna@10.9.8.7>"
    await eventually(lambda: len(person.received("BYE")) == 1)
    assert hole.received() == [], "we call nobody ourselves"
