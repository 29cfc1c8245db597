"""The engine's end: a SIP agent process, started, spoken to and ended. No pjsua2 here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import IO

import msgspec

import dialer.errors
from dialer.calls.frames import (
    AgentFailed,
    AgentSettings,
    Configure,
    FrameSplitter,
    FromAgent,
    Ready,
    Shutdown,
    ToAgent,
    framed,
    from_agent_decoder,
    to_agent_encoder,
)
from dialer.calls.plan import OperatorLine
from dialer.calls.trunk import Trunk
from dialer.errors import AgentError, DialerError

START_TIMEOUT_S = 30.0
TAIL_BYTES = 2_000
READ_BYTES = 64 * 1024
NAME_LOOKUPS = {"RES_OPTIONS": "timeout:1 attempts:2"}  # resolv.conf(5): while pjsip asks, every call waits


class AgentProcess:
    """One SIP agent. Make it with :meth:`start`."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        log: IO[bytes],
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._log = log
        self._splitter = FrameSplitter()
        self._received: list[FromAgent] = []
        self.ready: Ready

    @classmethod
    async def start(
        cls,
        settings: AgentSettings,
        trunks: Iterable[Trunk],
        permit_key: bytes,
        *,
        operators: Iterable[OperatorLine] = (),
        python: str = sys.executable,
        log_path: Path | None = None,
    ) -> AgentProcess:
        """Start a process and wait for its endpoint. Its log (JSON lines) is appended to ``log_path``.

        ``operators`` are those who may take a transfer; nobody else is called without a permit.

        Raises what the agent says is wrong, PortInUse for one, or AgentError when it says nothing.
        """
        log = log_path.open("ab+") if log_path else tempfile.TemporaryFile()  # noqa: SIM115  close() closes it
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    python, "-m", "dialer.sip.agent", "--fd", str(theirs.fileno()),
                    pass_fds=[theirs.fileno()],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=log,
                    env={**NAME_LOOKUPS, **os.environ, "OPENBLAS_NUM_THREADS": "1"},  # the ear's frames are small
                    process_group=0,  # Ctrl-C reaches the engine alone
                )  # fmt: skip
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            log.close()
            raise
        agent = cls(process, reader, writer, log)
        try:
            with contextlib.suppress(AgentError):  # it has ended already: waiting for its first word tells why
                await agent.send(
                    Configure(
                        settings=settings, trunks=tuple(trunks), permit_key=permit_key, operators=tuple(operators)
                    )
                )
            async with asyncio.timeout(START_TIMEOUT_S):
                agent.ready = await agent._await_ready()
        except BaseException as error:
            last_words = agent._last_words()
            await agent.close(timedelta(0))
            if isinstance(error, TimeoutError):
                raise AgentError(
                    f"the SIP agent did not start within {START_TIMEOUT_S:g} s", hint=last_words
                ) from error
            raise
        return agent

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How the process ended; None while it runs."""
        return self._process.returncode

    async def send(self, frame: ToAgent) -> None:
        """Queue a frame, without waiting for the agent to take it. Raises AgentError when the agent has gone."""
        if self._writer.is_closing():
            raise AgentError("the SIP agent has gone")
        self._writer.write(framed(to_agent_encoder.encode(frame)))

    async def frames(self) -> AsyncIterator[FromAgent]:
        """What the agent says, until it ends. For one reader."""
        while True:
            for frame in self._received:
                yield frame
            self._received = await self._receive()
            if not self._received:
                return

    async def close(self, grace: timedelta) -> None:
        """Shut down, and kill what does not end within ``grace``."""
        if self._process.returncode is None and grace > timedelta(0):
            try:
                await self.send(Shutdown())
                async with asyncio.timeout(grace.total_seconds()):
                    await self._process.wait()
            except (AgentError, TimeoutError):
                pass  # killed below
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        self._writer.close()
        self._log.close()

    async def _await_ready(self) -> Ready:
        """The first frame. Frames behind it wait for ``frames``."""
        frames = await self._receive()
        match frames[:1]:
            case [Ready() as ready]:
                self._received = frames[1:]
                return ready
            case [AgentFailed(kind=kind, message=message, hint=hint)]:
                raise _named_error(kind)(message, hint=hint)
            case _:
                await self._process.wait()
                raise AgentError(
                    f"the SIP agent ended at its start with code {self._process.returncode}",
                    hint=self._last_words(),
                )

    async def _receive(self) -> list[FromAgent]:
        """The next frames, or none: the agent has ended, or what it says makes no sense any more."""
        while True:
            try:
                data = await self._reader.read(READ_BYTES)
                frames = [from_agent_decoder.decode(body) for body in self._splitter.feed(data)]
            except (OSError, ValueError, msgspec.MsgspecError):
                self._writer.close()
                return []
            if frames or not data:
                return frames

    def _last_words(self) -> str:
        """The end of the agent's log."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - TAIL_BYTES))
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return " | ".join(lines[-5:]) or "its log is empty"


def _named_error(kind: str) -> type[DialerError]:
    found = getattr(dialer.errors, kind, AgentError)
    return found if isinstance(found, type) and issubclass(found, DialerError) else AgentError
