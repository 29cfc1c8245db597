"""What the dialer reads from a SIP message as text. It comes from strangers: reading never raises."""

from __future__ import annotations

import re

MAX_VALUE = 2_000  # characters kept of one header


def header(message: str, name: str) -> str:
    """The value of a header; several of one name are joined by ", " (RFC 3261 section 7.3.1), none is ""."""
    head = message.partition("\r\n\r\n")[0].replace("\r\n ", " ").replace("\r\n\t", " ")
    values = []
    for line in head.split("\r\n")[1:]:
        key, colon, value = line.partition(":")
        if colon and key.strip().lower() == name.lower():
            values.append(value.strip())
    return ", ".join(values)[:MAX_VALUE]


def has_sdp(message: str) -> bool:
    """Whether the message carries a session description."""
    kind = header(message, "Content-Type") or header(message, "c")
    return kind.lower().startswith("application/sdp") and bool(message.partition("\r\n\r\n")[2].strip())


def branch(message: str) -> str:
    """The branch of the topmost Via: a request that is sent again has that of the first (RFC 3261 section 17.2.3)."""
    topmost = (header(message, "Via") or header(message, "v")).partition(",")[0]
    found = re.search(r";\s*branch\s*=\s*([^;\s]+)", topmost, re.IGNORECASE)
    return found[1] if found else ""


def status_phrase(message: str) -> str:
    """The words after the code in a response's first line."""
    parts = message.partition("\r\n")[0].split(" ", 2)
    return parts[2].strip()[:200] if len(parts) == 3 else ""


def quoted(name: str) -> str:
    """A display name as a quoted string with a blank after it, or nothing (RFC 3261 section 25.1)."""
    printable = "".join(char for char in name if char.isprintable()).strip()
    if not printable:
        return ""
    return '"' + printable.replace("\\", "\\\\").replace('"', '\\"') + '" '


def ordered_codecs(sdp: str, payload_types: tuple[int, ...]) -> str:
    """An SDP offer with the audio codecs of ``payload_types`` only, in that order; dynamic payload types stay.

    0 is PCMU, 8 is PCMA (RFC 3551 section 6).
    """
    lines = []
    for line in sdp.split("\r\n"):
        attribute, _, rest = line.partition(":")
        if attribute in {"a=rtpmap", "a=fmtp"}:
            payload = rest.partition(" ")[0]
            if payload.isdigit() and int(payload) < 96 and int(payload) not in payload_types:
                continue
        if line.startswith("m=audio "):
            fields = line.split(" ")
            offered = [int(each) for each in fields[3:]]
            kept = [each for each in payload_types if each in offered] + [each for each in offered if each >= 96]
            line = " ".join(fields[:3] + [str(each) for each in kept])  # noqa: PLW2901  the line is what is rewritten
        lines.append(line)
    return "\r\n".join(lines)
