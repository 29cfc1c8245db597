"""The two files an operator writes: ``dialer.toml`` (how dialer runs) and ``sip.conf`` (the ways into the network).

Every setting is documented where it is declared, with its unit; ``dialer init`` writes both files with these sentences
in them. An unknown setting, or one out of range, is a :class:`~dialer.errors.ConfigError` that names the file, the line
where it stands, and what is allowed.
"""

from __future__ import annotations

import configparser
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from dialer.calls.frames import AgentSettings
from dialer.calls.trunk import Codec, MediaFrom, TransferBy, Transport, Trunk
from dialer.campaigns.throttle import ThrottleRule
from dialer.compliance.operator import Document, Operator, Override
from dialer.compliance.policy import CallerIdRight
from dialer.config_sections import (
    DocumentSection,
    EngineSection,
    LogSection,
    MetricsSection,
    OperatorSection,
    OverrideSection,
    Section,
    SipSection,
    StoreSection,
    ThrottleSection,
)
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import ConfigError


class Settings(Section):
    """A whole dialer.toml."""

    store: StoreSection = StoreSection()
    sip: SipSection = SipSection()
    engine: EngineSection = EngineSection()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()
    operator: OperatorSection = OperatorSection()
    override: tuple[OverrideSection, ...] = ()
    """Rule rows that are not verified and are relied on all the same."""
    document: tuple[DocumentSection, ...] = ()
    """What is on file."""
    throttle: tuple[ThrottleSection, ...] = ()
    """How often numbers and destinations may be called."""


class TrunkSection(Section):
    """One section of sip.conf; its name is the trunk's."""

    host: Annotated[str, Field(min_length=1, pattern=r"^[\w.:\-\[\]]+$")]
    """Where the trunk is: a name or an address."""
    port: Annotated[int, Field(ge=1, le=65535)] = 5060
    """Its SIP port."""
    transport: Transport = Transport.UDP
    """udp or tcp."""
    register_: Annotated[bool, Field(alias="register")] = False
    """yes: keep registered there. no: the trunk trusts our address, or asks for the digest with each call."""
    register_seconds: Annotated[int, Field(ge=60, le=86400)] = 300
    """How long a registration is asked for, in seconds."""
    user: str = ""
    """The digest user."""
    secret_file: str = ""
    """A file whose first line is the digest secret, relative to sip.conf."""
    secret_env: str = ""
    """Or the environment variable that holds it."""
    realm: str = "*"
    """The digest realm; *: whichever the trunk names."""
    domain: str = ""
    """The domain of From and To; empty: the host."""
    codecs: tuple[Codec, ...] = (Codec.PCMU, Codec.PCMA)
    """PCMU and PCMA, the preferred one first."""
    media_from: MediaFrom = MediaFrom.SDP
    """sdp: sound and keys count from the address that the trunk names alone. anywhere: strangers are heard, too."""
    caller_ids: tuple[str, ...] = ()
    """The numbers this operator may present here, one a line: number | ground | evidence | valid until (a date).
    Ground: owned, assigned, or authorised (by letter). Only these can be presented at all."""
    cps: Annotated[float, Field(gt=0, le=500)] = 10.0
    """New calls a second that the trunk takes."""
    channels: Annotated[int, Field(ge=1, le=10000)] = 100
    """Live calls at once that the trunk takes."""
    ring_timeout_s: Annotated[float, Field(ge=15, le=120)] = 30.0
    """The longest a call may ring here, in seconds: at least 15 (47 CFR 64.1200(a)(6))."""
    options_seconds: Annotated[int, Field(ge=0, le=3600)] = 30
    """How often to ask with OPTIONS whether it is there, in seconds; 0: never."""
    transfer: TransferBy = TransferBy.BRIDGE
    """How a call here gets to an operator. bridge: we call them and join the two. refer: the trunk does (RFC 3515)."""
    private: bool = False
    """yes: ask the trunk to withhold the number from the callee (RFC 3323). Unlawful for telemarketing."""

    @field_validator("codecs", mode="before")
    @classmethod
    def _codecs(cls, value: object) -> object:
        return tuple(part.strip().upper() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("caller_ids", mode="before")
    @classmethod
    def _lines(cls, value: object) -> object:
        return tuple(line.strip() for line in value.splitlines() if line.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _secret(self) -> TrunkSection:
        if self.secret_file and self.secret_env:
            raise ValueError("secret_file and secret_env are both set: one of them")
        if bool(self.user) != bool(self.secret_file or self.secret_env):
            raise ValueError("user needs secret_file or secret_env, and these need user")
        if self.register_ and not self.user:
            raise ValueError("register = yes needs user")
        return self


@dataclass(frozen=True, slots=True)
class Config:
    """Everything configured, checked; ``directory`` is what relative paths are relative to."""

    directory: Path
    settings: Settings
    trunks: tuple[Trunk, ...]
    caller_ids: tuple[CallerIdRight, ...]

    @property
    def store_path(self) -> Path:
        """The database file."""
        return self.directory / self.settings.store.path

    @property
    def operator(self) -> Operator:
        """What the operator has on file."""
        return Operator(
            caller_ids=self.caller_ids,
            overrides=tuple(Override(**each.model_dump()) for each in self.settings.override),
            documents=tuple(Document(**each.model_dump()) for each in self.settings.document),
        )

    @property
    def throttles(self) -> tuple[ThrottleRule, ...]:
        """How often numbers and destinations may be called, besides the law."""
        return tuple(each.rule() for each in self.settings.throttle)

    @property
    def registries_path(self) -> Path:
        """Where the do-not-call registries are kept."""
        return self.directory / self.settings.store.registries

    @property
    def log_path(self) -> Path:
        """The log that is written to."""
        return self.directory / self.settings.log.file

    def agent_settings(self) -> AgentSettings:
        """What an agent is told."""
        sip = self.settings.sip
        return AgentSettings(
            bind=sip.bind,
            sip_port=sip.port,
            rtp_port=sip.rtp_port,
            rtp_ports=sip.rtp_ports,
            max_calls=sip.max_calls,
            user_agent=sip.user_agent,
            session_timer_s=sip.session_timer_s,
            log_level=sip.log_level,
        )

    def trunk(self, name: str) -> Trunk:
        """The trunk of this name. Raises ConfigError."""
        for trunk in self.trunks:
            if trunk.name == name:
                return trunk
        known = ", ".join(each.name for each in self.trunks)
        raise ConfigError(f"no trunk is called {name!r}", hint=f"{self.settings.sip.trunks} has: {known or 'none'}")


def load_config(path: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read dialer.toml at ``path`` and the sip.conf it names. Raises ConfigError."""
    text = _read(path, hint="`dialer init` writes one")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        raise _config_error(path, text, error, "") from error
    directory = path.resolve().parent
    trunks, rights = load_trunks(directory / settings.sip.trunks, environ)
    return Config(directory=directory, settings=settings, trunks=trunks, caller_ids=rights)


def load_trunks(path: Path, environ: Mapping[str, str]) -> tuple[tuple[Trunk, ...], tuple[CallerIdRight, ...]]:
    """Read sip.conf: the trunks, and the rights to caller IDs. Raises ConfigError."""
    text = _read(path, hint="`dialer init` writes one; sip.conf.example explains each setting")
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    try:
        parser.read_string(text, source=str(path))
    except configparser.Error as error:
        raise ConfigError(" ".join(str(error).split())) from error
    trunks = []
    rights: dict[str, CallerIdRight] = {}
    for name in parser.sections():
        try:
            section = TrunkSection.model_validate(dict(parser[name]))
        except ValidationError as error:
            raise _config_error(path, text, error, name) from error
        mine = [_right(line, path, text, name) for line in section.caller_ids]
        rights.update((right.number, right) for right in mine)
        trunks.append(_trunk(name, section, mine, path, environ))
    if not trunks:
        raise ConfigError(f"{path}: no trunk", hint="a section such as [carrier] with host = sip.example.net is one")
    return tuple(trunks), tuple(rights.values())


def _trunk(
    name: str, section: TrunkSection, rights: list[CallerIdRight], path: Path, environ: Mapping[str, str]
) -> Trunk:
    values: dict[str, Any] = section.model_dump(exclude={"secret_file", "secret_env", "caller_ids", "register_"})
    secret = ""
    if section.secret_file:
        lines = _read(path.parent / section.secret_file, hint=f"[{name}] secret_file names it").splitlines()
        secret = lines[0].strip() if lines else ""
    elif section.secret_env:
        secret = environ.get(section.secret_env, "")
    if section.user and not secret:
        source = section.secret_file or f"environment variable {section.secret_env}"
        raise ConfigError(f"{path}: [{name}]: the secret is empty", hint=f"it is taken from {source}")
    return Trunk(
        name=name,
        register=section.register_,
        secret=secret,
        caller_ids=tuple(right.number for right in rights),
        **values,
    )


def _right(line: str, path: Path, text: str, section: str) -> CallerIdRight:
    parts = [part.strip() for part in line.split("|")]
    where = f"{path}:{_line_of(text, section, 'caller_ids')}: [{section}] caller_ids"
    number = parse_number(parts[0], None)
    if isinstance(number, NumberProblem):
        raise ConfigError(f"{where}: {parts[0]!r}: {number.reason}")
    if len(parts) < 2 or parts[1] not in {"owned", "assigned", "authorised"}:
        raise ConfigError(f"{where}: {number.e164} has no ground", hint="allowed: owned, assigned, authorised")
    valid_until = None
    if len(parts) > 3 and parts[3]:
        try:
            valid_until = datetime.strptime(parts[3], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError as error:
            raise ConfigError(f"{where}: {parts[3]!r} is not a date (2027-12-31)") from error
    return CallerIdRight(
        number=number.e164,
        ground=parts[1],
        evidence=parts[2] if len(parts) > 2 else "",
        valid_until=valid_until,
    )


def _read(path: Path, *, hint: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file", hint=hint) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _config_error(path: Path, text: str, error: ValidationError, section: str) -> ConfigError:
    item = error.errors()[0]
    keys = [str(part) for part in item["loc"] if isinstance(part, str)]
    table = section or (keys[0] if keys else "")
    key = keys[-1] if keys else ""
    message = "unknown setting" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
    allowed = ""
    if item["type"] == "extra_forbidden":
        names = TrunkSection.model_fields if section else _table_fields(keys)
        allowed = "known: " + ", ".join((field.alias or name) for name, field in names.items())
    setting = ".".join(keys) if not section else f"[{section}] {key}".strip()
    nth = next((part for part in item["loc"] if isinstance(part, int)), 0) if not section else 0
    return ConfigError(f"{path}:{_line_of(text, table, key, nth)}: {setting}: {message}", hint=allowed)


def _table_fields(keys: list[str]) -> Mapping[str, Any]:
    field = Settings.model_fields.get(keys[0]) if len(keys) > 1 else None
    annotation = field.annotation if field else Settings
    annotation = next(iter(get_args(annotation)), annotation)  # of [[tables]]
    return annotation.model_fields if isinstance(annotation, type) and issubclass(annotation, BaseModel) else {}


def _line_of(text: str, section: str, key: str, nth: int = 0) -> int:
    """The line where a setting stands, else its section's (the ``nth`` of [[sections]]), else 1."""
    found = 1
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[([^\]]+)\]", line):
            named = header.group(1).strip("[ ") == section
            inside = named and nth == 0
            nth -= named
            if inside:
                found = number
        elif inside and key and re.match(rf"\s*{re.escape(key)}\s*[=:]", line, re.IGNORECASE):
            return number
    return found
