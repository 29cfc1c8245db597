"""Messages of the kinds that RFC 4475 describes, one for each of its sections 3.1 to 3.4, in words of our own.

The agent takes no calls, so a well-formed INVITE is turned away with 480, OPTIONS answered with 200, all else with 405;
what cannot be understood gets a 4xx, 5xx or 6xx, or nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.hostile.field import Field, by_hand, opened
from tests.sip.conftest import HOST

TURNED_AWAY, SEEN, NOT_TAKEN = "480", "200", "405"
NOTHING = ""
REFUSED = r"|[456]\d\d"  # or nothing
SEEN_OR_REFUSED = f"{SEEN}|{REFUSED}"
WAIT_S = 0.25
SDP = "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
LONG = "x" * 250


@dataclass(frozen=True)
class Torture:
    """One message: its name in RFC 4475, itself, and the final codes that may come back (a regular expression).

    ``{here}`` in it is our own address, ``{agent}`` the agent's.
    """

    name: str
    message: bytes
    allowed: str


def request(
    start: str, *more: str, via: str = "Via: SIP/2.0/UDP {here};branch=z9hG4bK-{name}", cseq: str = "", body: str = "",
    sender: str = "From: <sip:a@example.com>;tag=1", to: str = "To: <sip:b@example.com>", length: str = "",
) -> bytes:  # fmt: skip
    """A request that is in order but for what is given."""
    method = start.partition(" ")[0]
    lines = [
        start, via, sender, to, "Call-ID: torture-{name}", cseq or f"CSeq: 7 {method}", "Max-Forwards: 70",
        "Contact: <sip:a@{here}>", *more, length or f"Content-Length: {len(body)}",
    ]  # fmt: skip
    return ("\r\n".join(line for line in lines if line != "-") + "\r\n\r\n" + body).encode("latin-1")


def response(
    start: str, *more: str, via: str = "Via: SIP/2.0/UDP {agent};branch=z9hG4bKnever", cseq: str = ""
) -> bytes:
    lines = [start, via, "From: <sip:a@example.com>;tag=1", "To: <sip:b@example.com>;tag=2", "Call-ID: torture-{name}"]
    return "\r\n".join([*lines, cseq or "CSeq: 8 INVITE", *more, "Content-Length: 0", "", ""]).encode("utf-8")


def _call(start: str = "INVITE sip:b@{agent} SIP/2.0", *more: str, **parts: str) -> bytes:
    return request(start, "Content-Type: application/sdp", *more, **{"body": SDP, **parts})


def valid() -> Iterator[Torture]:
    """Section 3.1.1: unusual, and right."""
    folded = (
        "INVITE sip:b@{agent} SIP/2.0\r\nTO :\r\n sip:b@example.com ;   tag-is-no-tag  = x\r\n"
        'from   : "J Rosenberg \\\\\\""       <sip:a@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
        "MaX-fOrWaRdS: 0068\r\nCall-ID: torture-{name}\r\ncseq: 0009\r\n  INVITE\r\n"
        "v:  SIP  / 2.0  / UDP\r\n    {here} ;\r\n  branch  =   z9hG4bK-{name}\r\ns :\r\nNewFangled: a; b ;;c\r\n"
        'Content-Type: application/sdp\r\nm:"Quoted" <sip:a@{here}>;newparam = new ;\r\n   secondparam ; q = 0.33\r\n'
        f"l: {len(SDP)}\r\n\r\n{SDP}"
    )
    yield Torture("wsinv", folded.encode(), REFUSED)
    odd = "!odd-Method0123456789_*+`.%indeed'~"
    yield Torture("intmeth", request(f"{odd} sip:1_unusual.URI~(to-be!sure)&isn't+it$@{{agent}} SIP/2.0"), NOT_TAKEN)
    yield Torture("esc01", _call("INVITE sip:sips%3Auser%40example.com@{agent} SIP/2.0"), TURNED_AWAY)
    yield Torture(
        "escnull",
        request("REGISTER sip:{agent} SIP/2.0", "Contact: <sip:%00@example.com>, <sip:%00%00@example.com>"),
        NOT_TAKEN,
    )
    yield Torture("esc02", request("RE%47IST%45R sip:{agent} SIP/2.0", 'Contact: "%Z%45" <sip:a@{here}>'), NOT_TAKEN)
    yield Torture("lwsdisp", request("OPTIONS sip:{agent} SIP/2.0", sender="From: caller<sip:a@{here}>;tag=323"), SEEN)
    yield Torture(
        "longreq",
        _call(
            "INVITE sip:b@{agent} SIP/2.0",
            f"Unknown-{LONG}: {LONG}",
            f"Contact: <sip:{LONG}@{{here}}>",
            to=f'To: "{LONG}" <sip:{LONG}@example.com;unknown{LONG}={LONG}>;more-{LONG}',
        ),
        TURNED_AWAY,
    )
    first = request("REGISTER sip:{agent} SIP/2.0")
    yield Torture("dblreq", first + _call(), NOT_TAKEN)
    yield Torture("semiuri", request("OPTIONS sip:user;par=u%40example.net@{agent} SIP/2.0"), SEEN)
    vias = [
        f"Via: SIP/2.0/{kind} t{kind}.example.com;branch=z9hG4bK{kind}" for kind in ("TCP", "TLS", "SCTP", "UNKNOWN")
    ]
    yield Torture("transports", request("OPTIONS sip:{agent} SIP/2.0", *vias), SEEN)
    parts = "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\n\r\n\x00\x01\xff\r\n--x--\r\n"
    mixed = "Content-Type: multipart/mixed;boundary=x"
    yield Torture("mpart01", request("MESSAGE sip:b@{agent} SIP/2.0", mixed, body=parts), NOT_TAKEN)
    yield Torture("unreason", response("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое"), NOTHING)
    yield Torture("noreason", response("SIP/2.0 100 "), NOTHING)


def invalid() -> Iterator[Torture]:
    """Section 3.1.2: wrong."""
    yield Torture("badinv01", _call(via="Via: SIP/2.0/UDP {here};;,;,,", to="To: b <sip:b@example.com>;;"), REFUSED)
    yield Torture("clerr", _call(length="Content-Length: 9999"), REFUSED)
    yield Torture("ncl", _call(length="Content-Length: -999"), REFUSED)
    yield Torture(
        "scalar02",
        request("REGISTER sip:{agent} SIP/2.0", "Expires: 10000000000000000000000000000000000000",
                "Contact: <sip:a@{here}>;expires=280297596632815", cseq="CSeq: 36893488147419103232 REGISTER"),
        REFUSED,
    )  # fmt: skip
    yield Torture(
        "scalarlg",
        response("SIP/2.0 503 Busy", "Retry-After: 949302838503028349304023988",
                 cseq="CSeq: 9292394834772304023312 OPTIONS"),
        NOTHING,
    )  # fmt: skip
    yield Torture("quotbal", _call(to='To: "Mr. J. User <sip:b@example.com>'), REFUSED)
    yield Torture("ltgtruri", _call("INVITE <sip:b@{agent}> SIP/2.0"), REFUSED)
    yield Torture("lwsruri", _call("INVITE sip:b@{agent}; lr SIP/2.0"), REFUSED)
    yield Torture("lwsstart", _call("INVITE  sip:b@{agent}  SIP/2.0"), REFUSED)
    yield Torture("trws", request("OPTIONS sip:{agent} SIP/2.0  "), SEEN_OR_REFUSED)
    yield Torture("escruri", _call("INVITE sip:b@{agent}?Route=%3Csip:elsewhere.invalid%3E SIP/2.0"), REFUSED)
    yield Torture("baddate", _call("INVITE sip:b@{agent} SIP/2.0", "Date: Fri, 01 Jan 2010 16:00:00 EST"), REFUSED)
    yield Torture(
        "regbadct", request("REGISTER sip:{agent} SIP/2.0", "Contact: sip:a@{here}?Route=%3Csip:x%3E"), REFUSED
    )
    yield Torture("badaspec", request("OPTIONS sip:{agent} SIP/2.0", to="To: sip:b @example.com "), SEEN_OR_REFUSED)
    yield Torture(
        "baddn", request("OPTIONS sip:{agent} SIP/2.0", sender="From: Bell, Alex <sip:a@{here}>;tag=4"), SEEN_OR_REFUSED
    )
    yield Torture(
        "badvers", request("OPTIONS sip:{agent} SIP/7.0", via="Via: SIP/7.0/UDP {here};branch=z9hG4bK-{name}"), REFUSED
    )
    yield Torture("mismatch01", request("OPTIONS sip:{agent} SIP/2.0", cseq="CSeq: 8 INVITE"), REFUSED)
    yield Torture("mismatch02", request("NEWMETHOD sip:{agent} SIP/2.0", cseq="CSeq: 8 INVITE"), REFUSED)
    yield Torture("bigcode", response("SIP/2.0 4294967301 better not break the receiver"), NOTHING)


def at_large() -> Iterator[Torture]:
    """Sections 3.2 to 3.4: of transactions, of what applications make of it, and of RFC 2543."""
    yield Torture(
        "badbranch",
        request("OPTIONS sip:{agent} SIP/2.0", via="Via: SIP/2.0/UDP {here};branch=z9hG4bK"),
        SEEN_OR_REFUSED,
    )
    yield Torture(
        "insuf",
        b"INVITE sip:b@{agent} SIP/2.0\r\nCSeq: 193942 INVITE\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKi\r\n\r\n",
        REFUSED,
    )
    yield Torture("unkscm", request("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"), SEEN_OR_REFUSED)
    yield Torture("novelsc", request("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"), SEEN_OR_REFUSED)
    yield Torture("unksm2", request("REGISTER sip:{agent} SIP/2.0", to="To: isbn:2983792873"), REFUSED)
    yield Torture(
        "bext01",
        request("OPTIONS sip:{agent} SIP/2.0", "Require: nothingSupportsThis", "Proxy-Require: norThis"),
        SEEN_OR_REFUSED,
    )
    yield Torture(
        "invut",
        request("INVITE sip:b@{agent} SIP/2.0", "Content-Type: application/unknownformat", body="<audio/>"),
        REFUSED,
    )
    yield Torture(
        "regaut01",
        request("REGISTER sip:{agent} SIP/2.0", "Authorization: NoOneKnowsThisScheme opaque-data=here"),
        REFUSED,
    )
    twice = [
        "CSeq: 5 INVITE",
        "Call-ID: other",
        "Max-Forwards: 5",
        "From: <sip:c@example.com>;tag=3",
        "To: <sip:d@example.com>",
    ]
    yield Torture("multi01", _call("INVITE sip:b@{agent} SIP/2.0", *twice), REFUSED)
    yield Torture("mcl01", request("OPTIONS sip:{agent} SIP/2.0", "Content-Length: 500"), SEEN_OR_REFUSED)
    yield Torture(
        "bcast", response("SIP/2.0 200 OK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"), NOTHING
    )
    yield Torture("zeromf", request("OPTIONS sip:{agent} SIP/2.0", "Max-Forwards: 0"), SEEN_OR_REFUSED)
    yield Torture("cparam01", request("REGISTER sip:{agent} SIP/2.0", "Contact: sip:a@{here};unknownparam"), NOT_TAKEN)
    yield Torture(
        "cparam02", request("REGISTER sip:{agent} SIP/2.0", "Contact: <sip:a@{here};unknownparam>"), NOT_TAKEN
    )
    yield Torture(
        "regescrt",
        request("REGISTER sip:{agent} SIP/2.0", "Contact: <sip:a@{here}?Route=%3Csip:x.invalid%3E>"),
        NOT_TAKEN,
    )
    yield Torture("sdp01", _call("INVITE sip:b@{agent} SIP/2.0", "Accept: text/nobodyKnowsThis"), REFUSED)
    yield Torture(
        "inv2543",
        _call(via="Via: SIP/2.0/UDP {here}", sender="From: <sip:a@example.com>"),
        REFUSED,
    )
    yield Torture(
        "maddr",
        request("OPTIONS sip:{agent} SIP/2.0", via="Via: SIP/2.0/UDP {here};branch=z9hG4bK-{name};maddr=127.0.0.9"),
        SEEN,
    )


class Ears(asyncio.DatagramProtocol):
    """Keeps the responses."""

    def __init__(self) -> None:
        self.heard = b""

    def datagram_received(self, data: bytes, _addr: object) -> None:
        self.heard += data


async def over_udp(torture: Torture, port: int) -> str:
    """The final codes that came back."""
    loop = asyncio.get_running_loop()
    transport, ears = await loop.create_datagram_endpoint(Ears, (HOST, 0))
    try:
        transport.sendto(_addressed(torture, port, transport.get_extra_info("sockname")[1]), (HOST, port))
        await asyncio.sleep(WAIT_S)
    finally:
        transport.close()
    return _codes(ears.heard)


async def over_tcp(torture: Torture, port: int) -> str:
    reader, writer = await asyncio.open_connection(HOST, port)
    heard = b""
    try:
        here = writer.get_extra_info("sockname")[1]
        writer.write(_addressed(torture, port, here).replace(b"SIP/2.0/UDP", b"SIP/2.0/TCP"))
        async with asyncio.timeout(WAIT_S):
            while more := await reader.read(65536):
                heard += more
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return _codes(heard)


def _addressed(torture: Torture, port: int, here: int) -> bytes:
    text = torture.message.replace(b"{agent}", f"{HOST}:{port}".encode()).replace(b"{here}", f"{HOST}:{here}".encode())
    return text.replace(b"{name}", torture.name.encode())


def _codes(heard: bytes) -> str:
    codes = re.findall(rb"^SIP/2\.0 ([2-6]\d\d)", heard, re.MULTILINE)
    return " ".join(dict.fromkeys(code.decode() for code in codes))  # a retransmission says nothing new


async def torture(field: Field) -> None:
    """Send each over UDP and TCP; what comes back is what may come back."""
    wrong = []
    everything = [*valid(), *invalid(), *at_large()]
    for each in everything:
        udp, tcp = await asyncio.gather(over_udp(each, field.sip_port), over_tcp(each, field.sip_port))
        field.note(f"{each.name}: {udp or 'nothing'} over UDP, {tcp or 'nothing'} over TCP")
        if not re.fullmatch(each.allowed, udp):
            wrong.append(f"{each.name}: {udp or 'nothing'}, not {each.allowed}")
    assert not wrong, "; ".join(wrong)
    assert len(everything) >= 49


async def run(folder: Path, _options: argparse.Namespace) -> None:
    async with opened(folder) as field:
        await field.endure(torture(field))


if __name__ == "__main__":
    by_hand(run)
