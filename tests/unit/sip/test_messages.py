"""What is read from a SIP message's text."""

from __future__ import annotations

import pytest

from dialer.sip.messages import branch


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKPj1", "z9hG4bKPj1"),
        ("v: SIP/2.0/TCP 192.0.2.1 ; BRANCH = z9hG4bK2 ;alias", "z9hG4bK2"),
        ("Via: SIP/2.0/UDP 192.0.2.1\r\n ;branch=z9hG4bK3", "z9hG4bK3"),
        ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK4\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK5", "z9hG4bK4"),
        ("Via: SIP/2.0/UDP 192.0.2.1, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK6", ""),
        ("To: <sip:x@192.0.2.1;branch=z9hG4bK7>", ""),
    ],
)
def test_the_branch_is_that_of_the_topmost_via(lines: str, expected: str) -> None:
    assert branch(f"INVITE sip:x@192.0.2.1 SIP/2.0\r\n{lines}\r\nContent-Length: 0\r\n\r\n") == expected
