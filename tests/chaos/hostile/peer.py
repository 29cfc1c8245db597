"""A SIP peer over UDP that says whatever its script tells it to, true or not. One coroutine for each call."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable

from tests.chaos.hostile.sound import Ear
from tests.sip.conftest import HOST, header

Address = tuple[str, int]


def sdp(port: int, *, host: str = HOST, payload: str = "0 101", more: str = "", version: int = 1) -> str:
    """A plain answer: G.711 and RFC 4733 events at ``port``."""
    return (
        f"v=0\r\no=peer 1 {version} IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {payload}\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n{more}"
    )


def media_address(message: str) -> Address:
    """Where the SDP of this message wants its RTP."""
    host = re.search(r"^c=IN IP4 (\S+)", message, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", message, re.MULTILINE)
    assert host is not None
    assert port is not None
    return host.group(1), int(port.group(1))


class Call:
    """One INVITE of the agent's, and the dialog that may come of it."""

    def __init__(self, peer: Peer, invite: str, source: Address) -> None:
        self.peer = peer
        self.invite = invite
        self.source = source
        self.call_id = header(invite, "Call-ID")
        self.tag = uuid.uuid4().hex[:8]
        self.received: list[str] = []
        self._news = asyncio.Condition()
        self._sequence = 0

    def response(
        self, status: str, body: str = "", *, to: str = "", tag: str = "", more: Iterable[str] = (), kind: str = ""
    ) -> str:
        """A response to the INVITE, or to the request ``to``."""
        request = to or self.invite
        target = header(request, "To")
        if "tag=" not in target:
            target += f";tag={tag or self.tag}"
        return "\r\n".join(
            [
                f"SIP/2.0 {status}",
                f"Via: {header(request, 'Via')}",
                f"From: {header(request, 'From')}",
                f"To: {target}",
                f"Call-ID: {header(request, 'Call-ID')}",
                f"CSeq: {header(request, 'CSeq')}",
                f"Contact: <sip:peer@{HOST}:{self.peer.port}>",
                *more,
                *([f"Content-Type: {kind or 'application/sdp'}"] if body else []),
                f"Content-Length: {len(body.encode())}",
                "",
                body,
            ]
        )

    def request(
        self, method: str, body: str = "", *, kind: str = "application/sdp", more: Iterable[str] = (), number: int = 0
    ) -> str:
        """A request within the dialog."""
        self._sequence += 1
        contact = re.search(r"<(sip:[^>]+)>", header(self.invite, "Contact"))
        assert contact is not None
        return "\r\n".join(
            [
                f"{method} {contact.group(1)} SIP/2.0",
                f"Via: SIP/2.0/UDP {HOST}:{self.peer.port};branch=z9hG4bK{uuid.uuid4().hex}",
                f"From: {header(self.invite, 'To')};tag={self.tag}",
                f"To: {header(self.invite, 'From')}",
                f"Call-ID: {self.call_id}",
                f"CSeq: {number or self._sequence} {method}",
                "Max-Forwards: 70",
                f"Contact: <sip:peer@{HOST}:{self.peer.port}>",
                *more,
                *([f"Content-Type: {kind}"] if body else []),
                f"Content-Length: {len(body.encode())}",
                "",
                body,
            ]
        )

    def send(self, message: str) -> None:
        """To whoever called."""
        self.peer.send(message, self.source)

    def ring(self) -> None:
        self.send(self.response("180 Ringing"))

    async def answer(self, body: str) -> None:
        """200 until the ACK comes, as RFC 3261 section 13.3.1.4 wants it."""
        for wait in (0.5, 1.0, 2.0, 4.0):
            self.send(self.response("200 OK", body))
            with contextlib.suppress(TimeoutError):
                await self.until("ACK", wait)
                return
        raise AssertionError("the agent never sent an ACK")

    async def until(self, start: str, timeout_s: float = 40.0) -> str:
        """Wait for a message that starts so: a method, or "SIP/2.0 200". Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(lambda: bool(self.got(start)))
        return self.got(start)[0]

    def got(self, start: str) -> list[str]:
        """What came of this kind so far, retransmissions included."""
        return [message for message in self.received if message.startswith(start)]

    async def take(self, message: str) -> None:
        """A message of this call has come."""
        self.received.append(message)
        async with self._news:
            self._news.notify_all()
        if message.startswith(("SIP/2.0", "ACK", "INVITE")):
            return
        method = message.partition(" ")[0]
        if method in self.peer.deaf_to:
            return
        self.send(self.response("200 OK", to=message))
        if method == "CANCEL":
            self.send(self.response("487 Request Terminated"))


Script = Callable[[Call], Awaitable[None]]


class Peer(asyncio.DatagramProtocol):
    """A UDP port with a script. ``deaf_to`` names the methods that get no answer; others get the right one."""

    def __init__(self, script: Script, deaf_to: Iterable[str] = ()) -> None:
        self.deaf_to = frozenset(deaf_to)
        self.calls: dict[str, Call] = {}
        self.port = 0
        self._script = script
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport

    async def listen(self) -> None:
        """Take a port of its own."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, (HOST, 0))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Give the port back; what a script raised is raised here."""
        self._transport.close()
        for task in list(self._tasks):
            if not task.done():
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def send(self, message: str | bytes, where: Address) -> None:
        self._transport.sendto(message.encode() if isinstance(message, str) else message, where)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        message = data.decode(errors="replace")
        call_id = header(message, "Call-ID")
        call = self.calls.get(call_id)
        if call is not None:
            self._begin(call.take(message))
        elif message.startswith("INVITE "):
            call = self.calls[call_id] = Call(self, message, addr)
            self._begin(call.take(message))
            self._begin(self._script(call))

    def _begin(self, work: Awaitable[None]) -> None:
        async def run() -> None:
            await work

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: None if done.cancelled() or done.exception() else self._tasks.discard(done))


class GoodPeer(Peer):
    """Rings, answers, listens to the end. Its ears are kept by Call-ID."""

    def __init__(self) -> None:
        super().__init__(self._listen)
        self.ears: dict[str, Ear] = {}

    async def _listen(self, call: Call) -> None:
        ear = self.ears[call.call_id] = await Ear.open()
        ear.speaker = media_address(call.invite)  # others' calls may be told to send here
        call.ring()
        await call.answer(sdp(ear.port))
        try:
            await call.until("BYE")
            await ear.drain()
        finally:
            ear.close()
