"""The campaign file: one TOML document that says who calls, why, with what message, when and how often.

Every setting is documented where it is declared, with its unit. The file is validated as a whole: an unknown key, a
value out of range or two settings that contradict each other is a :class:`~dialer.errors.CampaignError` naming the key.
"""

from __future__ import annotations

import tomllib
from datetime import time, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from dialer.campaigns.ahead import Dialing
from dialer.campaigns.retry import RetryPlan, Spread
from dialer.compliance.policy import (
    CampaignPolicy,
    DailyHours,
    MessageDeclaration,
    MessagePart,
    PartKind,
    Purpose,
    Voice,
)
from dialer.contacts.numbers import NumberProblem, parse_number
from dialer.errors import CampaignError

MIN_RING_S = 15.0
"""An unanswered call rings at least this long before we give up: 47 CFR 64.1200(a)(6), 16 CFR 310.4(b)(4)(ii)."""

MachineWord = Literal["hang_up", "leave_message", "play"]
KeyWord = Literal["accept", "repeat", "opt_out", "transfer"]
RetryWord = Literal[
    "busy",
    "no_answer",
    "hung_up",
    "voicemail_left",
    "machine",
    "congestion",
    "trunk_failure",
    "failed",
    "canceled",
]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def _e164(value: object) -> object:
    if not isinstance(value, str):
        return value
    number = parse_number(value, None)
    if isinstance(number, NumberProblem):
        raise ValueError(f"not a telephone number in international form (+13055550123): {number.reason}")
    return number.e164


OperatorAddress = Annotated[
    str, StringConstraints(max_length=200, pattern=r"^sip:[A-Za-z0-9_.+-]+@[A-Za-z0-9.-]+(:[0-9]{1,5})?$")
]
PhoneNumber = Annotated[str, BeforeValidator(_e164)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class About(_Section):
    """``[campaign]``"""

    # Its length is no part of the pattern: a count of \w there takes 24 ms to compile.
    name: Annotated[str, StringConstraints(max_length=80, pattern=r"^[\w][\w .\-]*$")]
    """What the operator calls it; unique in a store. Letters, digits, space, point, dash; at most 80."""
    purpose: Purpose
    """Why it calls: it decides which consent each call needs."""
    caller_id: PhoneNumber
    """The number presented, in international form. Its right of use must be on file in sip.conf."""
    display_name: Annotated[str, StringConstraints(max_length=15)] = ""
    """The name presented beside it, where trunks pass one on: at most 15 characters (CNAM)."""
    trunks: tuple[str, ...] = ()
    """Names of sip.conf sections, in the order in which they are tried. Empty: all of them."""


class Seller(_Section):
    """``[seller]``: on whose behalf the call is made (47 CFR 64.1200(b)(1))."""

    name: Text
    """The legal, registered name of the business responsible for the call."""
    callback: PhoneNumber
    """The number at which the called person reaches it in business hours, as spoken in the message."""


class Part(_Section):
    """A stretch of a message: ``{ says = "opt_out", from_s = 2.5, to_s = 5.0 }``"""

    says: PartKind
    """seller_name, callback, opt_out, sales_purpose, artificial_voice or asks_to_continue."""
    from_s: Annotated[float, Field(ge=0)]
    """Where it begins, in seconds from the beginning of the sound."""
    to_s: Annotated[float, Field(gt=0)]
    """Where it ends."""

    @model_validator(mode="after")
    def _in_order(self) -> Part:
        if not self.from_s < self.to_s:
            raise ValueError("from_s must be before to_s")
        return self


class Message(_Section):
    """``[message]``: sound files, relative to the campaign file. Anything that ffmpeg-free pydub reads (WAV)."""

    sound: Text
    """What is played to a person."""
    voice: Voice = Voice.HUMAN
    """Whose voice it is: human, or artificial (synthesised or AI-generated)."""
    parts: tuple[Part, ...] = ()
    """What the sound says, and when. The law asks for some of it, and a campaign that lacks that cannot start."""
    machine_sound: str = ""
    """What is left on a machine; empty: the same."""
    machine_parts: tuple[Part, ...] = ()
    """What is said there; empty: the same parts."""
    opt_out_number: PhoneNumber | Literal[""] = ""
    """A toll-free number at which an opt-out is taken at any hour; what is left on machines must give it."""
    accepted: str = ""
    """Played after the accept key; empty: the prompt that ships."""
    opted_out: str = ""
    """Played after the opt-out key; empty: the prompt that ships."""
    answered: str = ""
    """Played after a survey answer; empty: the prompt that ships."""
    goodbye: str = ""
    """Played when no key was pressed; empty: nothing."""
    key_wait_s: Annotated[float, Field(ge=0, le=30)] = 4.0
    """How long to wait for a key after the message, in seconds."""
    max_repeats: Annotated[int, Field(ge=0, le=5)] = 2
    """How often the repeat key plays the message again."""


class Answer(_Section):
    """A survey key: ``3 = { answer = "yes" }``"""

    answer: Text
    """What is recorded for it."""


class Machines(_Section):
    """``[machines]``: what to do when an answering machine is heard."""

    policy: MachineWord = "hang_up"
    """hang_up: at once. leave_message: wait for the beep, then play. play: as to a person."""
    detect: bool = True
    """Whether to listen for one at all; false needs policy "play"."""
    beep_wait_s: Annotated[float, Field(ge=5, le=60)] = 20.0
    """How long to wait for the beep, in seconds."""


class Group(_Section):
    """``{ group = "sip:sales@10.0.0.5", lines = 5 }``: a ring group of the trunk's."""

    group: OperatorAddress
    """Its SIP address."""
    lines: Annotated[int, Field(ge=1, le=200)]
    """How many calls it takes at once."""


class Transfer(_Section):
    """``[transfer]``: operators for those who press a key whose word is "transfer"."""

    operators: Annotated[tuple[OperatorAddress | Group, ...], Field(min_length=1, max_length=1000)]
    """Their SIP addresses, ``sip:anna@10.0.0.5``: each is one line and has one call at a time. A ring group has several
    lines, ``{ group = "sip:sales@10.0.0.5", lines = 5 }``."""
    trunk: Text
    """The section of sip.conf over which they are called."""
    hold: Text
    """What the person hears while an operator is called, repeated."""
    nobody: Text
    """What the person hears when no operator is free within two seconds. It must say who called and how to call back
    (16 CFR 310.4(b)(4)(iii))."""
    whisper: str = ""
    """What the operator hears before the two are joined; empty: nothing."""
    ring_s: Annotated[float, Field(ge=5, le=60)] = 15.0
    """How long one operator is rung, in seconds."""
    max_talk_s: Annotated[float, Field(ge=60, le=14400)] = 3600.0
    """The longest a talk may last, in seconds; ``limits.max_duration_s`` is not its limit."""
    wrap_up_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """What an operator has for notes after each talk, in seconds."""
    dialing: Dialing = Dialing.PROGRESSIVE
    """progressive: no more calls than operators are free. predictive: as many as keep them busy, within the cap on
    abandoned calls."""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of each line."""
        return tuple(
            address
            for each in self.operators
            for address in ([each] if isinstance(each, str) else [each.group] * each.lines)
        )

    @field_validator("operators")
    @classmethod
    def _each_once(cls, operators: tuple[str | Group, ...]) -> tuple[str | Group, ...]:
        named = [each if isinstance(each, str) else each.group for each in operators]
        if len(set(named)) < len(named):
            raise ValueError("an operator is named twice")
        return operators


class Hours(_Section):
    """``[hours]``: the campaign's own, on the called person's wall clock. They narrow the law's, never widen them."""

    opens: time
    closes: time

    @model_validator(mode="after")
    def _in_order(self) -> Hours:
        if not self.opens < self.closes:
            raise ValueError("opens must be before closes")
        return self


class Pacing(_Section):
    """``[pacing]``: the trunk's own limits hold as well."""

    cps: Annotated[float, Field(gt=0, le=500)] = 1.0
    """New calls a second."""
    channels: Annotated[int, Field(ge=1, le=2000)] = 10
    """Live calls at once."""
    ramp_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """How long the rate takes to grow from a tenth to cps, in seconds."""
    share: Annotated[float, Field(gt=0, le=100)] = 1.0
    """What this campaign gets of the trunks' room, against the others that call at the same time."""


class Attempts(_Section):
    """``[attempts]``"""

    max: Annotated[int, Field(ge=1, le=10)] = 3
    """Dials of one contact in this campaign, all told."""
    gap_minutes: Annotated[int, Field(ge=1, le=43200)] = 240
    """At least this long between two dials of one number, by whichever campaign or list."""
    retry_minutes: dict[RetryWord, Annotated[int, Field(ge=1, le=43200)]] = Field(
        default={"busy": 30, "no_answer": 240, "congestion": 30, "trunk_failure": 5, "canceled": 30}
    )
    """Outcome to minutes until the next attempt; what is not named is not tried again. ``gap_minutes`` holds as well.
    A person who was reached, opted out, swore, or whose network blocked the call is never tried again."""
    spread: bool = False
    """Whether the next try goes to a part of the day, and where it can to a kind of day (workday, weekend), in which
    there was none yet, at most three days later than it might; false: as soon as the wait is over."""


class Limits(_Section):
    """``[limits]``"""

    ring_timeout_s: Annotated[float, Field(ge=MIN_RING_S, le=120)] = 30.0
    """How long it rings before we give up, in seconds: at least 15, by law."""
    max_duration_s: Annotated[float, Field(ge=5, le=3600)] = 120.0
    """The longest an answered call may last, in seconds."""


class Definition(_Section):
    """A whole campaign file."""

    campaign: About
    seller: Seller
    message: Message
    keys: dict[Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"], KeyWord | Answer] = Field(
        default={"1": "accept", "2": "repeat", "9": "opt_out"}
    )
    """Key to "accept", "repeat", "opt_out", "transfer" or { answer = "..." }. One key must opt out."""
    transfer: Transfer | None = None
    """Operators for those who ask for one."""
    machines: Machines = Machines()
    hours: Hours | None = None
    pacing: Pacing = Pacing()
    attempts: Attempts = Attempts()
    limits: Limits = Limits()

    @field_validator("keys")
    @classmethod
    def _opt_out_key(cls, keys: dict[str, KeyWord | Answer]) -> dict[str, KeyWord | Answer]:
        if "opt_out" not in keys.values():
            raise ValueError('one key must be "opt_out" (47 CFR 64.1200(b)(3))')
        return keys

    @model_validator(mode="after")
    def _consistent(self) -> Definition:
        if not self.machines.detect and self.machines.policy != "play":
            raise ValueError('machines.detect = false needs machines.policy = "play"')
        if self.message.machine_sound and self.message.parts and not self.message.machine_parts:
            raise ValueError("message.machine_sound needs message.machine_parts: what it says, and when")
        if ("transfer" in self.keys.values()) is not (self.transfer is not None):
            raise ValueError('a key that says "transfer" needs [transfer], and [transfer] needs such a key')
        return self

    @property
    def longest_call_s(self) -> float:
        """From a permit to the record of its call, at the longest, with room for several trunks and the goodbye."""
        talk_s = self.transfer.max_talk_s + len(self.transfer.operators) * self.transfer.ring_s if self.transfer else 0
        return 4 * MIN_RING_S + self.limits.ring_timeout_s + 2 * self.limits.max_duration_s + talk_s + 60

    def policy(self, campaign_id: int) -> CampaignPolicy:
        """The part that the gate decides by."""
        return CampaignPolicy(
            campaign_id=campaign_id,
            purpose=self.campaign.purpose,
            seller=self.seller.name,
            caller_id=self.campaign.caller_id,
            callback_number=self.seller.callback,
            hours=DailyHours(self.hours.opens, self.hours.closes) if self.hours else None,
            max_attempts=self.attempts.max,
            gap=timedelta(minutes=self.attempts.gap_minutes),
            message=self._declaration(),
        )

    def _declaration(self) -> MessageDeclaration | None:
        message = self.message
        if not message.parts:
            return None
        on_machines = message.machine_parts or (() if message.machine_sound else message.parts)
        return MessageDeclaration(
            voice=message.voice,
            parts=_parts(message.parts),
            machine_parts=_parts(on_machines) if self.machines.policy != "hang_up" else (),
            opt_out_number=message.opt_out_number,
        )

    def retry(self) -> RetryPlan:
        """When a contact is tried again."""
        return RetryPlan(
            max_attempts=self.attempts.max,
            gap=timedelta(minutes=self.attempts.gap_minutes),
            waits={word: timedelta(minutes=minutes) for word, minutes in self.attempts.retry_minutes.items()},
            spread=Spread.PARTS_OF_DAY if self.attempts.spread else Spread.EARLIEST,
        )


def _parts(parts: tuple[Part, ...]) -> tuple[MessagePart, ...]:
    return tuple(MessagePart(part.says, part.from_s, part.to_s) for part in sorted(parts, key=lambda each: each.from_s))


def parse_definition(text: str, source: str) -> Definition:
    """Read and validate a campaign file; ``source`` names it in errors. Raises CampaignError."""
    try:
        document: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(f"{source}: not valid TOML: {error}") from error
    try:
        return Definition.model_validate(document)
    except ValidationError as error:
        raise CampaignError(
            f"{source}: {'; '.join(_problems(error))}",
            hint="`dialer campaign check --help` shows a whole campaign file",
        ) from error


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "the file"
        message = "unknown setting" if item["type"] == "extra_forbidden" else item["msg"].removeprefix("Value error, ")
        problem = f"{key}: {message}"
        if problem not in problems:
            problems.append(problem)
    return problems
