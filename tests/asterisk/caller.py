"""A telephone of two sockets: enough SIP (RFC 3261) and RTP to see what a callee does, and nothing of the dialer."""

from __future__ import annotations

import hashlib
import re
import socket
import time
import uuid
from dataclasses import dataclass
from types import TracebackType

PACKET_MS = 20
PCMU, TELEPHONE_EVENT = 0, 101


@dataclass(frozen=True, slots=True)
class Message:
    """A SIP message: the start line, the headers by lower-case name (the first of each), and the whole text."""

    start: str
    headers: dict[str, str]
    text: str

    @property
    def status(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    @property
    def phrase(self) -> str:
        return self.start.split(" ", 2)[2]

    @property
    def q850(self) -> int | None:
        """The Q.850 cause of the Reason header, RFC 3326."""
        found = re.search(r"^Reason: *Q\.850 *;.*?cause=(\d+)", self.text, re.MULTILINE | re.IGNORECASE)
        return int(found[1]) if found else None


def parse(packet: bytes) -> Message:
    head = packet.decode().split("\r\n\r\n", 1)[0].split("\r\n")
    headers: dict[str, str] = {}
    for line in head[1:]:
        name, _, value = line.partition(":")
        headers.setdefault(name.strip().lower(), value.strip())
    return Message(head[0], headers, packet.decode())


class Caller:
    """One call to `number` at 127.0.0.1:`port`, over UDP."""

    def __init__(self, port: int, number: str = "") -> None:
        self.port = port
        self.target = f"sip:{number}@127.0.0.1:{port}" if number else f"sip:127.0.0.1:{port}"
        self.call_id = uuid.uuid4().hex
        self.tag = uuid.uuid4().hex[:8]
        self.cseq = 0
        self.to = f"<{self.target}>"
        self.digits_by_info = ""
        self._branch = ""
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.connect(("127.0.0.1", port))
        self._rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtp.bind(("127.0.0.1", 0))
        self._rtp.setblocking(False)
        self._media_port = 0

    def __enter__(self) -> Caller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sip.close()
        self._rtp.close()

    def request(self, method: str, *, body: str = "", extra: tuple[str, ...] = (), uri: str = "") -> None:
        """Send one request; ACK and CANCEL take the number and the branch of the INVITE they belong to."""
        own = self._sip.getsockname()[1]
        if method not in {"ACK", "CANCEL"}:
            self.cseq += 1
            self._branch = f"z9hG4bK{uuid.uuid4().hex[:12]}"
        lines = (
            f"{method} {uri or self.target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{own};rport;branch={self._branch}",
            "Max-Forwards: 70",
            f"From: <sip:+12125550100@127.0.0.1>;tag={self.tag}",
            f"To: {'<' + self.target + '>' if method == 'CANCEL' else self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            f"Contact: <sip:dialer@127.0.0.1:{own}>",
            *extra,
            *(("Content-Type: application/sdp",) if body else ()),
            f"Content-Length: {len(body)}",
        )
        self._sip.send(("\r\n".join(lines) + "\r\n\r\n" + body).encode())

    def invite(self, *, extra: tuple[str, ...] = ()) -> None:
        """Offer PCMU and telephone events (RFC 4733)."""
        offer = (
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {self._rtp.getsockname()[1]} RTP/AVP {PCMU} {TELEPHONE_EVENT}",
            f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
            f"a=fmtp:{TELEPHONE_EVENT} 0-15",
        )
        self.request("INVITE", extra=extra, body="".join(line + "\r\n" for line in offer))

    def receive(self, timeout: float) -> Message | None:
        """The next message, or None; answers INFO and BYE with 200 (an INFO's digit is remembered)."""
        self._sip.settimeout(timeout)
        try:
            message = parse(self._sip.recv(65535))
        except TimeoutError:
            return None
        if media := re.search(r"^m=audio (\d+)", message.text, re.MULTILINE):
            self._media_port = int(media[1])
        if not message.status:
            if digit := re.search(r"^Signal= *(\S)", message.text, re.MULTILINE):
                self.digits_by_info += digit[1]
            copied = ("via", "from", "to", "call-id", "cseq")
            answer = ["SIP/2.0 200 OK", *(f"{name}: {message.headers[name]}" for name in copied), "Content-Length: 0"]
            self._sip.send(("\r\n".join(answer) + "\r\n\r\n").encode())
        return message

    def responses(self, timeout: float) -> list[Message]:
        """The responses to the last request up to the final one, which is acknowledged if it was an INVITE."""
        got: list[Message] = []
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is None or not message.status:
                continue
            got.append(message)
            if message.status >= 200:
                if message.headers["cseq"].endswith("INVITE"):
                    self._acknowledge(message)
                return got
        raise TimeoutError(f"no final response after {timeout} s: {[m.start for m in got]}")

    def _acknowledge(self, final: Message) -> None:
        self.to = final.headers["to"]
        if final.status == 200:
            self._branch = f"z9hG4bK{uuid.uuid4().hex[:12]}"
            self.request("ACK", uri=final.headers["contact"].strip("<>"))
        else:
            self.request("ACK")
            self.to = f"<{self.target}>"

    def hang_up(self) -> Message:
        """BYE; the response to it."""
        self.request("BYE", extra=("Reason: Q.850;cause=16",))
        return self.responses(2)[-1]

    def wait_for_bye(self, timeout: float) -> Message:
        """The far end's BYE, answered; TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            message = self.receive(left)
            if message is not None and message.start.startswith("BYE "):
                return message
        raise TimeoutError(f"no BYE after {timeout} s")

    def credentials(self, challenge: Message, method: str, user: str, secret: str) -> str:
        """The Authorization header that answers a 401 (RFC 2617, MD5, qop auth)."""
        asked = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.headers["www-authenticate"]))

        def digest(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

        proof = digest(
            digest(user, asked["realm"], secret),
            asked["nonce"],
            "00000001",
            "cafe",
            "auth",
            digest(method, self.target),
        )
        return (
            f'Authorization: Digest username="{user}", realm="{asked["realm"]}", nonce="{asked["nonce"]}", '
            f'uri="{self.target}", response="{proof}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cafe"'
            + (f', opaque="{asked["opaque"]}"' if "opaque" in asked else "")
        )

    def speak(self, ulaw: bytes) -> None:
        """Send mu-law audio in real time, 160 bytes a packet (RFC 3550)."""
        began = time.monotonic()
        for number, at in enumerate(range(0, len(ulaw), 160)):
            header = bytes([0x80, PCMU]) + number.to_bytes(2, "big") + at.to_bytes(4, "big") + b"call"
            self._rtp.sendto(header + ulaw[at : at + 160], ("127.0.0.1", self._media_port))
            time.sleep(max(0.0, began + (number + 1) * PACKET_MS / 1000 - time.monotonic()))

    def heard(self) -> tuple[bytes, str]:
        """The mu-law audio and the RFC 4733 digits that came so far."""
        audio, digits, last_event = b"", "", None
        while True:
            try:
                packet = self._rtp.recv(2048)
            except BlockingIOError:
                return audio, digits
            kind, stamp, payload = packet[1] & 0x7F, packet[4:8], packet[12:]
            if kind == PCMU:
                audio += payload
            elif kind == TELEPHONE_EVENT and stamp != last_event:
                last_event = stamp
                digits += "0123456789*#ABCD"[payload[0]]
