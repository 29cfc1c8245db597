"""The files that ``dialer init`` writes, made from the settings' own declarations: what they say is what is read."""

from __future__ import annotations

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import TYPE_CHECKING, get_args

from dialer.config import Settings, TrunkSection

if TYPE_CHECKING:
    from pydantic import BaseModel

TRUNK_VALUES = {
    "host": "127.0.0.1",
    "caller_ids": "\n    +13055550100 | owned | number order 2025-113",
    "register": "no",
    "private": "no",
    "codecs": "PCMU, PCMA",
    "transport": "udp",
    "transfer": "bridge",
}

CAMPAIGN = """\
# A campaign. `dialer campaign check FILE` tells whether it holds together, and what is missing.

[campaign]
name = "Appointment reminders"
purpose = "health"                # marketing, informational, survey, nonprofit, health, political, debt, emergency
caller_id = "+13055550100"        # one of the caller_ids in sip.conf
# trunks = ["carrier"]            # sections of sip.conf in the order they are tried; default: all that fit

[seller]
name = "Sunrise Clinic LLC"       # the legal name: the message must say it
callback = "+18005550100"         # answered in business hours

[message]
sound = "message.wav"             # any WAV; it is converted for the line when the campaign is checked
voice = "artificial"              # human, or artificial: synthesised or AI-generated
parts = [                         # what the sound says and when, in seconds; the law asks for some of it
    { says = "seller_name", from_s = 0.0, to_s = 2.1 },
    { says = "artificial_voice", from_s = 2.1, to_s = 3.2 },
    { says = "opt_out", from_s = 3.2, to_s = 5.6 },
    { says = "callback", from_s = 8.1, to_s = 12.4 },
]
machine_parts = [                 # on a machine no key can be pressed: the toll-free number takes opt-outs
    { says = "seller_name", from_s = 0.0, to_s = 2.1 },
    { says = "artificial_voice", from_s = 2.1, to_s = 3.2 },
    { says = "callback", from_s = 8.1, to_s = 12.4 },
    { says = "opt_out", from_s = 8.1, to_s = 12.4 },
]
opt_out_number = "+18005550100"
key_wait_s = 4                    # seconds for a key after the message
max_repeats = 2

[keys]
1 = "accept"
2 = "repeat"
9 = "opt_out"                     # always needed
# 3 = { answer = "call me back" } # a survey's answer
# 5 = "transfer"                  # accept, and talk to an operator: needs [transfer]

[machines]
policy = "leave_message"          # hang_up, leave_message (after the beep), play
beep_wait_s = 20

# [transfer]
# operators = ["sip:anna@10.0.0.5", "sip:ben@10.0.0.5"]  # each one line, one call at a time; a ring group has several:
#                                 # { group = "sip:sales@10.0.0.5", lines = 5 }
# trunk = "office"                # the section of sip.conf over which they are called
# ring_s = 15                     # how long one of them is rung
# hold = "hold.wav"               # what the person hears meanwhile, repeated
# whisper = "whisper.wav"         # what the operator hears first
# nobody = "nobody.wav"           # when no operator is free within 2 s: who called, and how to call back
# max_talk_s = 3600
# dialing = "progressive"         # never more calls than free operators; or "predictive"

[hours]                           # on the called person's clock; they only narrow what the law allows
opens = 09:00:00
closes = 19:30:00

[pacing]
cps = 5                           # new calls a second
channels = 50                     # live calls

[attempts]
max = 3                           # dials of one contact
gap_minutes = 240                 # between two dials of one number, by any campaign
retry_minutes = { busy = 30, no_answer = 240, congestion = 30, trunk_failure = 5 }
# spread = true                   # try again at another part of the day

[limits]
ring_timeout_s = 25               # at least 15
max_duration_s = 90
"""


def explanations(section: type[BaseModel]) -> dict[str, str]:
    """The text below each setting where it is declared, by name.

    pydantic would read all sources for it whenever a configuration is loaded.
    """
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    return {
        line.target.id: text.value.value
        for line, text in pairwise(declared.body)  # type: ignore[attr-defined]  # it is a class
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def settings_toml() -> str:
    """A dialer.toml with every setting at its default, explained."""
    lines = ["# How dialer runs. Every setting stands at its default.", ""]
    for name, field in Settings.model_fields.items():
        if get_args(field.annotation):
            lines += _tables(name, get_args(field.annotation)[0])
            continue
        section: type[BaseModel] = field.annotation  # type: ignore[assignment]  # each is a section
        lines.append(f"[{name}]")
        told = explanations(section)
        for key, setting in section.model_fields.items():
            lines += _comment(told[key])
            lines.append(f"{key} = {_toml(setting.default)}")
        lines.append("")
    return "\n".join(lines)


def _tables(name: str, section: type[BaseModel]) -> list[str]:
    """A table that may come any number of times: none is written, its form is shown."""
    lines = [*_comment(" ".join((section.__doc__ or "").split()[1:])), f"# [[{name}]]"]
    for key, text in explanations(section).items():
        lines.append(f"# {key} = ...  # {' '.join(text.split())}")
    return [*lines, ""]


def trunks_ini() -> str:
    """A sip.conf with one trunk and every setting of it, explained; what can stay at its default is commented out."""
    lines = [
        "# The ways into the telephone network: one section a trunk. The secret is never written here.",
        "",
        "[carrier]",
    ]
    told = explanations(TrunkSection)
    for name, setting in TrunkSection.model_fields.items():
        key = setting.alias or name
        lines += _comment(told[name])
        value = TRUNK_VALUES.get(
            key,
            ""
            if setting.is_required()
            else f"{setting.default:g}"
            if isinstance(setting.default, float)
            else str(setting.default),
        )
        off = "" if key in {"host", "caller_ids"} else "# "
        lines.append(f"{off}{key} = {value}".rstrip())
        lines.append("")
    return "\n".join(lines)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), 100)]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
