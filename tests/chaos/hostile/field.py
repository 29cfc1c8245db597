"""One agent process under attack, a good callee beside the attackers, and the oracle: nobody else may notice."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.own_network import alone
from tests.chaos.hostile.peer import GoodPeer, Peer
from tests.sip.conftest import HOST, MESSAGE_S, Attempt, Desk

from dialer.calls.frames import Ping, Pong
from dialer.calls.outcome import Outcome
from dialer.calls.trunk import MediaFrom, Trunk

CANNOT = 77  # the exit code of an attack that found no network of its own
GROWTH_KB = 12 * 1024  # resident memory that one attack may leave behind
LOG_BYTES = 1_000_000  # of the agent's log, whatever strangers send
PING_S = 2.0  # for an answer while the attack goes on, on a busy machine


@dataclass
class Field:
    """What an attack needs: where the agent listens, calls to be placed, and the oracle."""

    folder: Path
    desk: Desk
    good: GoodPeer
    figures: list[str] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def sip_port(self) -> int:
        """Where the agent listens, over UDP and TCP."""
        return self.desk.agent.ready.sip_port

    def open_files(self) -> int:
        """How many the agent has."""
        return len(list(Path(f"/proc/{self.desk.agent.pid}/fd").iterdir()))

    def memory_kb(self) -> int:
        """The agent's resident memory."""
        status = Path(f"/proc/{self.desk.agent.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def note(self, figure: str) -> None:
        """Something measured, to be printed."""
        self.figures.append(figure)
        sys.stdout.write(f"{figure}\n")

    async def call(self, trunk: str, name: str = "", **plan: Any) -> Attempt:
        """Place a call and wait for its end."""
        return await self.desk.place(name or f"{trunk}-{next(self._numbers)}", trunk, **plan)

    async def good_call(self) -> None:
        """A call to the good callee: heard, to the last sample."""
        name = f"good-{next(self._numbers)}"
        attempt = await self.desk.place(name, "good")
        assert attempt.record is not None
        assert attempt.record.outcome is Outcome.HEARD, attempt.record
        assert attempt.record.heard_ms == MESSAGE_S * 1000
        ear = self.good.ears.pop(f"{name}-1")
        async with asyncio.timeout(20):
            await ear.closed.wait()
        missed = await asyncio.to_thread(ear.missed, self.folder / "message.wav")
        assert not missed, f"{name}: the message did not arrive as it was recorded: {missed}"

    async def pinged(self) -> int:
        """The live calls, as the agent tells them in time."""
        number = 1000 + next(self._numbers)
        await self.desk.agent.send(Ping(number=number))

        def pong() -> Pong | None:
            said = (each for each in self.desk.other if isinstance(each, Pong))
            return next((each for each in said if each.number == number), None)

        await self.desk.until(lambda: pong() is not None, PING_S)
        found = pong()
        assert found is not None
        return found.live_calls

    async def endure(self, attack: Awaitable[None]) -> None:
        """Let ``attack`` go on; during it and after it nobody else may notice."""
        await self.good_call()  # the first call takes memory that stays
        before = self.memory_kb()
        attacking = asyncio.ensure_future(attack)
        try:
            while not attacking.done():
                await self.good_call()
                await self.pinged()
        finally:
            await attacking
        await self.good_call()
        await self.desk.until(lambda: all(attempt.record for attempt in self.desk.attempts.values()), 40.0)
        assert await self.pinged() == 0, "a call was left up"
        after = self.memory_kb()
        self.note(f"resident memory: {before} kB before, {after} kB after")
        assert after - before < GROWTH_KB, f"the agent grew from {before} to {after} kB"
        written = (self.folder / "agent.log").stat().st_size
        self.note(f"the agent's log: {written} bytes")
        assert written < LOG_BYTES, f"strangers filled {written} bytes of the log"
        assert self.desk.agent.returncode is None


@asynccontextmanager
async def opened(
    folder: Path, peers: dict[str, Peer] | None = None, lenient: frozenset[str] = frozenset(), **settings: Any
) -> AsyncIterator[Field]:
    """An agent with a trunk to each peer, by name, and one to the good callee. ``lenient`` trunks take any RTP."""
    good = GoodPeer()
    all_peers: dict[str, Peer] = {"good": good, **(peers or {})}
    for peer in all_peers.values():
        await peer.listen()
    trunks = [
        Trunk(
            name=name, host=HOST, port=peer.port, options_seconds=0,
            media_from=MediaFrom.ANYWHERE if name in lenient else MediaFrom.SDP,
        )
        for name, peer in all_peers.items()
    ]  # fmt: skip
    desk = await Desk.open(trunks, folder, **settings)
    try:
        yield Field(folder, desk, good)
    finally:
        await desk.close()  # raises when an attempt ended twice
        for peer in all_peers.values():
            await peer.stop()
    assert desk.agent.returncode == 0


def by_hand(attack: Callable[[Path, argparse.Namespace], Awaitable[None]], **options: int) -> None:
    """Run an attack from the command line; ``options`` are whole numbers with their defaults."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    chosen = parser.parse_args()
    sys.stdout.write(f"{vars(chosen)}\n")
    try:
        alone()
    except OSError as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(CANNOT)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_awaited(attack(Path(folder), chosen)))
    sys.stdout.write("nobody noticed\n")


async def _awaited(work: Awaitable[None]) -> None:
    await work
