"""The tables of dialer.toml, each setting with its unit and default."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from dialer.campaigns.throttle import EVERY_DIGIT, HOUR, MINUTE, QUARTER, ThrottleRule
from dialer.compliance.operator import DocumentKind

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Section(BaseModel):
    """One table: what is not declared is unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSection(Section):
    """``[store]``"""

    path: str = "dialer.db"
    """The database file, relative to dialer.toml."""
    registries: str = "dnc"
    """The folder of the do-not-call registries, relative to dialer.toml."""


class SipSection(Section):
    """``[sip]``"""

    trunks: str = "sip.conf"
    """The file with the trunks, relative to dialer.toml."""
    bind: str = "0.0.0.0"  # noqa: S104  a trunk may be behind any interface; an operator narrows it here
    """The address that SIP and RTP are bound to."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """The SIP port, UDP and TCP; 0: any free one."""
    rtp_port: Annotated[int, Field(ge=1024, le=65000)] = 16384
    """The first RTP port."""
    rtp_ports: Annotated[int, Field(ge=2, le=60000)] = 8000
    """How many ports from there on may be used: two for each live call."""
    max_calls: Annotated[int, Field(ge=1, le=10000)] = 500
    """Live calls in one agent process; at most what pjsua2 was compiled with."""
    # Its length is no part of the pattern: a count of \w there takes 14 ms to compile.
    user_agent: Annotated[str, Field(max_length=60, pattern=r"^[\w./ -]+$")] = "dialer"
    """The User-Agent header: letters, digits, points, slashes, dashes and spaces."""
    session_timer_s: Annotated[int, Field(ge=90, le=86400)] = 600
    """Session-Expires offered, in seconds (RFC 4028: at least 90): so long a carrier may hold a dead agent's calls."""
    log_level: Annotated[int, Field(ge=0, le=6)] = 1
    """pjsip's own log level."""

    @model_validator(mode="after")
    def _ports(self) -> SipSection:
        if self.rtp_ports < 2 * self.max_calls:
            raise ValueError(f"rtp_ports is too few for {self.max_calls} calls: allowed are {2 * self.max_calls} up")
        if self.rtp_port + self.rtp_ports > 65536:
            raise ValueError(f"rtp_port + rtp_ports is {self.rtp_port + self.rtp_ports}: ports end at 65535")
        return self


class EngineSection(Section):
    """``[engine]``"""

    agents: Annotated[int, Field(ge=1, le=64)] = 1
    """SIP agent processes: one for each core that is to carry calls."""
    drain_s: Annotated[float, Field(ge=0, le=3600)] = 180.0
    """How long live calls may go on after a stop before they are hung up, in seconds."""


class LogSection(Section):
    """``[log]``"""

    file: str = "dialer.log"
    """JSON lines, relative to dialer.toml."""
    rotate_mb: Annotated[int, Field(ge=1, le=10000)] = 100
    """A new file is begun at this size, in megabytes."""
    keep: Annotated[int, Field(ge=1, le=1000)] = 20
    """How many old files are kept."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """debug: every SIP event. info: every attempt. warning: what needs a look. error: what needs a hand."""
    mask_numbers: bool = True
    """Show only the first digits and the last two of a telephone number."""


class MetricsSection(Section):
    """``[metrics]``"""

    bind: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = "127.0.0.1"
    """The address of /metrics and /health, plain HTTP for whoever can reach it: this machine, or a private network."""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Its TCP port, 9464 for instance; 0: there is no such page."""


class OperatorSection(Section):
    """``[operator]``"""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    """The legal name of who places the calls, as records name it; empty: each campaign's seller does."""


class OverrideSection(Section):
    """``[[override]]``: Leave to rely on a rule row that is not verified; `dialer rules show` prints what to sign."""

    jurisdiction: str
    """Of the row: US-MI."""
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Of the row as it was signed: when the row changes, this no longer fits."""
    by: Line
    """Who signed."""
    on: date
    """When."""
    advice: Line
    """On whose advice, and where that is kept."""


class DocumentSection(Section):
    """``[[document]]``: What a jurisdiction wants on file before sales calls; `dialer campaign check` tells what."""

    kind: DocumentKind
    """registration, bond, permit, policy or review."""
    jurisdiction: str
    """Whose: US-TX."""
    reference: Line
    """Its number, or where it is kept."""
    valid_until: date | None = None
    """Its last day; not set: it does not end."""


class ThrottleSection(Section):
    """``[[throttle]]``: So many calls to one number or destination, by whichever campaign; besides the law's caps."""

    prefix: Annotated[str, Field(pattern=r"^\+[0-9]{0,14}$")] = "+"
    """Numbers that begin so: +1305. +: every number."""
    each: Annotated[int, Field(ge=1, le=15)] | Literal["number", "prefix"] = "number"
    """Who shares the limit: number, each number for itself; prefix, all of them; a count, those that are the same in so
    many first digits."""
    per_minute: Annotated[int, Field(ge=1)] | None = None
    """Calls in any minute."""
    per_quarter: Annotated[int, Field(ge=1)] | None = None
    """Calls in any 15 minutes."""
    per_hour: Annotated[int, Field(ge=1)] | None = None
    """Calls in any hour."""

    @model_validator(mode="after")
    def _limits(self) -> ThrottleSection:
        if self.per_minute is None and self.per_quarter is None and self.per_hour is None:
            raise ValueError("one of per_minute, per_quarter and per_hour is needed")
        return self

    def rule(self) -> ThrottleRule:
        """As the engine counts it."""
        digits = {"number": EVERY_DIGIT, "prefix": len(self.prefix) - 1}.get(str(self.each), self.each)
        given = ((MINUTE, self.per_minute), (QUARTER, self.per_quarter), (HOUR, self.per_hour))
        return ThrottleRule(self.prefix, int(digits), tuple((span, most) for span, most in given if most is not None))
