"""A real agent process on one side, SIPp on the other, both on loopback; permits come from the real gate."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import re
import shutil
import socket
import struct
import subprocess
import time
import wave
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dialer.calls.frames import (
    AgentSettings,
    CallEnded,
    CallProgress,
    FromAgent,
    LoadSound,
    OptOut,
    OptOutStored,
    PlaceCall,
    Stage,
    TrunkChanged,
)
from dialer.calls.plan import CallLimits, CallPlan, CallRecord, CallScript, KeyAction, KeyRule, OperatorLine
from dialer.calls.trunk import Trunk, TrunkStatus
from dialer.compliance.decision import Permit
from dialer.compliance.gate import Gate
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CallerIdRight, CampaignPolicy, Facts, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.contacts.contact import Contact, Number, NumberKind
from dialer.sip.client import AgentProcess

HERE = Path(__file__).parent
HOST = "127.0.0.1"
CALLER_ID = "+13055550100"
CALLEE = "+13055550123"
KEY = b"0123456789abcdef"
MESSAGE_S = 2.0
KEYS = {
    "1": KeyRule(action=KeyAction.ACCEPT, prompt="beep"),
    "9": KeyRule(action=KeyAction.OPT_OUT, prompt="beep"),
}
SCRIPT = CallScript(message="message", keys=KEYS, key_wait_s=0.2, detect_machine=False)


class Ports:
    """Ports for whoever asks for a certain one: below those that the kernel gives to whoever asks for any, above those
    of the agents and callees here for RTP. So nobody's start takes what was given to another."""

    FIRST, LAST, SPAN = 28000, 32760, 4

    def __init__(self) -> None:
        spans = range(self.FIRST, self.LAST, self.SPAN)
        begin = os.getpid() % len(spans)  # another run on this machine goes through others
        self._spans: Iterator[int] = itertools.cycle([*spans[begin:], *spans[:begin]])

    def take(self) -> int:
        """One that is free on loopback for UDP and TCP, and so are the three behind it: no other is given those."""
        for port in itertools.islice(self._spans, (self.LAST - self.FIRST) // self.SPAN):
            if all(is_free(each) for each in range(port, port + self.SPAN)):
                return port
        raise RuntimeError(f"no port from {self.FIRST} to {self.LAST} is free")


def is_free(port: int) -> bool:
    """Whether this port of loopback can be had, for UDP and TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # an earlier connection that is over holds nobody up
        try:
            udp.bind((HOST, port))
            tcp.bind((HOST, port))
        except OSError:
            return False
    return True


def is_bound(port: int) -> bool:
    """Whether somebody has this port, over UDP or listening over TCP."""
    wanted = f":{port:04X}"
    for table in ("udp", "tcp"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            if local.endswith(wanted) and (table == "udp" or state == "0A"):
                return True
    return False


class Sipp:
    """One SIPp process playing a scenario; its message trace is what the dialer said to it."""

    def __init__(
        self,
        folder: Path,
        ports: Ports,
        scenario: str,
        *,
        transport: str = "udp",
        calls: int = 1,
        port: int = 0,
        **keys: str,
    ) -> None:
        self.port = port or ports.take()
        self._trace = folder / f"{scenario}-{self.port}.msg"
        text = (HERE / "scenarios" / f"{scenario}.xml").read_text()
        # SIPp's own -key does not reach the response code
        for key, value in {"pt": "0", "ptime": "20", **keys}.items():
            text = text.replace(f"[{key}]", value)
        played = self._trace.with_suffix(".xml")
        played.write_text(text)
        self.process = subprocess.Popen(
            [
                "sipp", "-sf", str(played), "-i", HOST, "-p", str(self.port), "-mi", HOST, "-mp", str(ports.take()),
                "-m", str(calls), "-t", "t1" if transport == "tcp" else "u1", "-timeout", "60",
                "-nostdin", "-trace_msg", "-message_file", str(self._trace),
            ],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"},
        )  # fmt: skip

    async def listening(self) -> None:
        """Wait until the port is taken."""
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError(f"SIPp ended with code {self.process.returncode}: try {self.process.args!r}")
            if is_bound(self.port):  # asked of the kernel: to try the port would be to take it from SIPp
                return
            await asyncio.sleep(0.02)
        raise RuntimeError("SIPp does not listen")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def received(self, method: str = "") -> list[str]:
        """The messages that SIPp received, or those of one method or status code."""
        if not self._trace.exists():
            return []
        blocks = re.split(r"-{40,} [\d-]+ [\d:.]+\n", self._trace.read_text())
        texts = [block.split("\n\n", 1)[1] for block in blocks if re.match(r"\S+ message received", block)]
        return [text for text in texts if text.startswith((f"{method} ", f"SIP/2.0 {method}"))] if method else texts


class Hole:
    """A UDP port that takes everything and answers nothing."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._heard: list[str] = []

    def received(self) -> list[str]:
        with contextlib.suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(65536).decode())
        return self._heard

    def stop(self) -> None:
        self.received()
        self._socket.close()


async def eventually(true: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Wait for what another process is to do or to write down."""
    async with asyncio.timeout(timeout_s):
        while not true():  # noqa: ASYNC110  it has no event to wait for
            await asyncio.sleep(0.05)


def header(message: str, name: str) -> str:
    """The first header of this name in a SIP message."""
    found = re.search(rf"^{name}:\s*(.*?)\s*$", message, re.MULTILINE | re.IGNORECASE)
    return found.group(1) if found else ""


def permit(attempt_id: str, number: str = CALLEE, *, key: bytes = KEY, at: datetime | None = None) -> Permit:
    """What the real gate says of an emergency notice: those may be given at any hour (47 CFR 64.1200(a)(1))."""
    now = at or datetime.now(UTC)
    contact = Contact(number=Number(number, "US", NumberKind.FIXED_OR_MOBILE), time_zone="America/New_York")
    policy = CampaignPolicy(
        campaign_id=1, purpose=Purpose.EMERGENCY, seller="City of Example", caller_id=CALLER_ID,
        callback_number=CALLER_ID, hours=None, max_attempts=3, gap=timedelta(hours=1),
    )  # fmt: skip
    gate = Gate(builtin_rules(), Operator((CallerIdRight(CALLER_ID, "owned"),)), key)
    decision = gate.decide(attempt_id, Facts(contact, (), None, (), now), policy, now)
    assert isinstance(decision, Permit), decision.reason
    return decision


@dataclass(slots=True)
class Attempt:
    """What the agent said about one attempt."""

    frames: list[tuple[float, FromAgent]] = field(default_factory=list)
    record: CallRecord | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def stages(self) -> list[Stage]:
        return [frame.stage for _, frame in self.frames if isinstance(frame, CallProgress)]


class Desk:
    """The engine's side of one agent, as tests need it: places calls, stores opt-outs, keeps every frame."""

    def __init__(self, agent: AgentProcess) -> None:
        self.agent = agent
        self.attempts: dict[str, Attempt] = defaultdict(Attempt)
        self.statuses: list[TrunkStatus] = []
        self.other: list[FromAgent] = []
        self.opt_outs: list[OptOut] = []
        self.store_opt_outs = True
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls, trunks: Iterable[Trunk], folder: Path, operators: Iterable[OperatorLine] = (), **settings: Any
    ) -> Desk:
        agent = await AgentProcess.start(
            AgentSettings(bind=HOST, **{"rtp_port": 20000, "rtp_ports": 4000, "max_calls": 200, **settings}),
            trunks,
            KEY,
            operators=operators,
            log_path=folder / "agent.log",
        )
        desk = cls(agent)
        try:
            for sound, seconds in {"message": MESSAGE_S, "long": 30.0, "beep": 0.2}.items():
                path = folder / f"{sound}.wav"
                write_tone(path, seconds)
                await agent.send(LoadSound(sound=sound, path=str(path)))
        except BaseException:
            await desk.close()
            raise
        return desk

    async def place(self, attempt_id: str, *trunks: str, **plan: Any) -> Attempt:
        """Place a call and wait for its end."""
        await self.hand_over(attempt_id, *trunks, **plan)
        attempt = self.attempts[attempt_id]
        async with asyncio.timeout(30):
            await attempt.ended.wait()
        return attempt

    async def hand_over(self, attempt_id: str, *trunks: str, **plan: Any) -> None:
        plan = {"script": SCRIPT, "limits": CallLimits(), "permit": None, **plan}
        if plan["permit"] is None:
            plan["permit"] = permit(attempt_id)
        await self.agent.send(PlaceCall(plan=CallPlan(attempt_id=attempt_id, trunks=trunks, **plan)))

    async def until(self, true: Callable[[], bool], timeout_s: float = 15.0) -> None:
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(true)

    async def reached(self, attempt_id: str, stage: Stage) -> None:
        await self.until(lambda: stage in self.attempts[attempt_id].stages())

    async def status(self, trunk: str, wanted: str) -> TrunkStatus:
        """Wait until the trunk's last known state is ``wanted``."""

        def last() -> TrunkStatus | None:
            return next((status for status in reversed(self.statuses) if status.trunk == trunk), None)

        await self.until(lambda: (known := last()) is not None and known.state == wanted)
        known = last()
        assert known is not None
        return known

    async def close(self) -> None:
        await self.agent.close(timedelta(seconds=5))
        await self._reading

    async def _read(self) -> None:
        async for frame in self.agent.frames():
            match frame:
                case CallEnded(record=record):
                    attempt = self.attempts[record.attempt_id]
                    assert attempt.record is None, "an attempt ended twice"
                    attempt.record = record
                    attempt.ended.set()
                case TrunkChanged(status=status):
                    self.statuses.append(status)
                case OptOut(attempt_id=attempt_id):
                    self.opt_outs.append(frame)
                    if self.store_opt_outs:
                        await self.agent.send(OptOutStored(attempt_id=attempt_id))
                case CallProgress(attempt_id=attempt_id):
                    self.attempts[attempt_id].frames.append((time.monotonic(), frame))
                case _:
                    self.other.append(frame)
            async with self._news:
                self._news.notify_all()


def write_tone(path: Path, seconds: float) -> None:
    """A rising tone: it matches itself at one offset only."""
    times = (i / 8000 for i in range(int(seconds * 8000)))
    samples = [int(9000 * math.sin(2 * math.pi * (300 * t + 400 / seconds * t * t))) for t in times]
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(struct.pack(f"<{len(samples)}h", *samples))


@dataclass
class Wire:
    """Starts the peers of a test, and whatever they are, stops them after it."""

    folder: Path
    ports: Ports
    started: list[Sipp | Hole] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)

    def sipp(self, scenario: str, **options: Any) -> Sipp:
        peer = Sipp(self.folder, self.ports, scenario, **options)
        self.started.append(peer)
        return peer

    def hole(self) -> Hole:
        hole = Hole()
        self.started.append(hole)
        return hole

    async def desk(self, *trunks: Trunk, operators: Iterable[OperatorLine] = (), **settings: Any) -> Desk:
        """An agent with these trunks, once every SIPp listens."""
        await asyncio.gather(*(peer.listening() for peer in self.started if isinstance(peer, Sipp)))
        desk = await Desk.open(trunks, self.folder, operators, **settings)
        self.desks.append(desk)
        return desk

    async def close(self) -> None:
        try:
            for desk in self.desks:
                await desk.close()
        finally:
            for peer in self.started:
                peer.stop()


def to(peer: Sipp | Hole, name: str, **settings: Any) -> Trunk:
    """A trunk to this peer, without OPTIONS unless a test is about them."""
    return Trunk(name=name, host=HOST, port=peer.port, **{"options_seconds": 0, **settings})


@pytest.fixture(scope="session")
def needs_sipp() -> None:
    pytest.importorskip("pjsua2")
    if shutil.which("sipp") is None:
        pytest.skip("SIPp is not installed")


@pytest.fixture(scope="session")
def ports() -> Ports:
    return Ports()


@pytest.fixture
async def wire(needs_sipp: None, tmp_path: Path, ports: Ports) -> AsyncIterator[Wire]:
    """Peers and agents of one test."""
    made = Wire(tmp_path, ports)
    try:
        yield made
    finally:
        await made.close()
