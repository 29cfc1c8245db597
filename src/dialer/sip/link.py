"""The agent's end of the socket to the engine: frames in, frames out, and never a wait."""

from __future__ import annotations

import select
import socket
import time

import msgspec

from dialer.calls.frames import (
    CallEnded,
    CallProgress,
    FrameSplitter,
    FromAgent,
    ToAgent,
    framed,
    from_agent_encoder,
    to_agent_decoder,
)

RECEIVE_BYTES = 256 * 1024
GATHER_S = 0.05  # for what nobody waits for: to be woken costs the engine as much as a frame does
MAX_UNSENT_BYTES = 16 * 1024 * 1024  # some 20,000 records: an engine that far behind is as good as gone


class EngineGoneError(Exception):
    """The engine has closed its end, or what came through makes no sense: it is to be taken for dead."""


class Link:
    """Frames over one end of a stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._splitter = FrameSplitter()
        self._unsent = bytearray()
        self._send_at = 0.0  # monotonic

    def receive(self) -> list[ToAgent]:
        """The frames that are there. Raises EngineGoneError."""
        frames: list[ToAgent] = []
        try:
            while data := self._socket.recv(RECEIVE_BYTES):
                frames += [to_agent_decoder.decode(body) for body in self._splitter.feed(data)]
                if len(data) < RECEIVE_BYTES:
                    return frames
        except BlockingIOError:
            return frames
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise EngineGoneError(str(error)) from error
        raise EngineGoneError("the engine closed the connection")

    def send(self, frame: FromAgent) -> None:
        """Queue a frame; ``flush`` sends it, with all that was queued before.

        How a call goes and how it ended may wait a moment for more of the kind.
        """
        if not isinstance(frame, CallProgress | CallEnded):
            self._send_at = 0.0
        elif not self._unsent:
            self._send_at = time.monotonic() + GATHER_S
        self._unsent += framed(from_agent_encoder.encode(frame))

    def flush(self) -> None:
        """Send what the socket takes now of what is to be sent. Raises EngineGoneError."""
        if not self._unsent or time.monotonic() < self._send_at:
            return
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent)
                del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            raise EngineGoneError(str(error)) from error
        if len(self._unsent) > MAX_UNSENT_BYTES:
            raise EngineGoneError("the engine does not read")

    def fileno(self) -> int:
        """The socket's descriptor, to wait for."""
        return self._socket.fileno()

    def wait(self, timeout_s: float) -> None:
        """Wait until something can be received. Only before the endpoint runs: afterwards nothing waits here."""
        select.select([self._socket], [], [], timeout_s)

    def finish(self, timeout_s: float) -> None:
        """Send what is left, for at most ``timeout_s`` seconds, and close."""
        deadline = time.monotonic() + timeout_s
        self._send_at = 0.0
        try:
            self.flush()
            while self._unsent and (left := deadline - time.monotonic()) > 0:
                select.select([], [self._socket], [], left)
                self.flush()
        except EngineGoneError:
            pass  # nobody is there to be told
        self._socket.close()
