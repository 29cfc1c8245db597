"""Campaign files, good and bad."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from dialer.campaigns.definition import Answer, parse_definition
from dialer.campaigns.retry import Spread
from dialer.compliance.policy import DailyHours, MessagePart, PartKind, Purpose, Voice
from dialer.errors import CampaignError

GOOD = """
[campaign]
name = "Flu shots"
purpose = "health"
caller_id = "+1 305 555 0100"
[seller]
name = "Sunrise Clinic LLC"
callback = "+13055550100"
[message]
sound = "message.wav"
"""


def test_a_short_file_has_careful_defaults() -> None:
    campaign = parse_definition(GOOD, "flu.toml")
    assert campaign.campaign.caller_id == "+13055550100"
    assert campaign.keys == {"1": "accept", "2": "repeat", "9": "opt_out"}
    assert campaign.limits.ring_timeout_s >= 15
    assert campaign.machines.policy == "hang_up"
    policy = campaign.policy(7)
    assert (policy.campaign_id, policy.purpose, policy.seller) == (7, Purpose.HEALTH, "Sunrise Clinic LLC")
    assert policy.gap == timedelta(hours=4)
    assert policy.hours is None


def test_a_name_may_have_eighty_letters_of_any_alphabet() -> None:
    assert parse_definition(GOOD.replace("Flu shots", "é" * 80), "flu.toml").campaign.name == "é" * 80


def test_everything_that_is_set_is_heard() -> None:
    campaign = parse_definition(
        GOOD
        + """
[keys]
3 = { answer = "call me back" }
9 = "opt_out"
[hours]
opens = 10:00:00
closes = 17:30:00
[attempts]
max = 2
gap_minutes = 60
retry_minutes = { busy = 15 }
""",
        "flu.toml",
    )
    assert campaign.keys["3"] == Answer(answer="call me back")
    assert campaign.policy(1).hours == DailyHours(time(10), time(17, 30))
    retry = campaign.retry()
    assert (retry.max_attempts, dict(retry.waits)) == (2, {"busy": timedelta(minutes=15)})
    assert retry.spread is Spread.EARLIEST


def test_retries_are_spread_when_the_file_asks_for_it() -> None:
    campaign = parse_definition(GOOD + "[attempts]\nspread = true\n", "flu.toml")
    assert campaign.retry().spread is Spread.PARTS_OF_DAY


TRANSFER = """
[transfer]
operators = ["sip:anna@10.0.0.5", "sip:ben@pbx.example:5080"]
trunk = "office"
hold = "hold.wav"
nobody = "nobody.wav"
"""
WISH = '[keys]\n5 = "transfer"\n9 = "opt_out"\n'


def test_a_ring_group_has_lines() -> None:
    groups = TRANSFER.replace('"sip:ben@pbx.example:5080"', '{ group = "sip:sales@pbx.example", lines = 3 }')
    campaign = parse_definition(GOOD + WISH + groups, "flu.toml")
    assert campaign.transfer is not None
    assert campaign.transfer.addresses == ("sip:anna@10.0.0.5", *["sip:sales@pbx.example"] * 3)


def test_operators_for_those_who_ask() -> None:
    campaign = parse_definition(GOOD + WISH + TRANSFER, "flu.toml")
    assert campaign.keys["5"] == "transfer"
    assert campaign.transfer is not None
    assert campaign.transfer.operators == ("sip:anna@10.0.0.5", "sip:ben@pbx.example:5080")
    assert (campaign.transfer.ring_s, campaign.transfer.max_talk_s, campaign.transfer.whisper) == (15, 3600, "")
    assert campaign.transfer.dialing == "progressive"


PARTS = """
voice = "artificial"
opt_out_number = "+1 800 555 0100"
parts = [
    { says = "opt_out", from_s = 2, to_s = 4.5 },
    { says = "seller_name", from_s = 0, to_s = 2 },
]
"""


def test_what_the_message_says_is_part_of_the_policy() -> None:
    assert parse_definition(GOOD, "flu.toml").policy(1).message is None
    declared = parse_definition(GOOD + PARTS, "flu.toml").policy(1).message
    assert declared is not None
    assert (declared.voice, declared.opt_out_number) == (Voice.ARTIFICIAL, "+18005550100")
    assert declared.parts == (
        MessagePart(PartKind.SELLER_NAME, 0, 2),
        MessagePart(PartKind.OPT_OUT, 2, 4.5),
    )
    assert declared.machine_parts == (), "nothing is left on machines"


def test_machines_get_the_same_message_or_one_of_their_own() -> None:
    leaves = GOOD + PARTS + '[machines]\npolicy = "leave_message"\n'
    same = parse_definition(leaves, "flu.toml").policy(1).message
    assert same is not None
    assert same.machine_parts == same.parts
    own = 'machine_sound = "after.wav"\nmachine_parts = [{ says = "callback", from_s = 1, to_s = 2 }]\n[machines]'
    other = parse_definition(leaves.replace("[machines]", own), "flu.toml").policy(1).message
    assert other is not None
    assert other.machine_parts == (MessagePart(PartKind.CALLBACK, 1, 2),)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("health", "spam"), "campaign.purpose: .*'marketing'"),
        (("+1 305 555 0100", "555 0100"), "campaign.caller_id: not a telephone number"),
        (('name = "Flu shots"', 'name = "Flu\\nshots"'), "campaign.name"),
        (("Flu shots", "é" * 81), "campaign.name: .*at most 80"),
        (("Flu shots", ""), "campaign.name"),
        (("[seller]", "[seler]"), "seller: .*required.*; seler: unknown setting"),
        (("[message]", "[pacing]\ncps = 0\n[message]"), "pacing.cps: .*greater than 0"),
        (("[message]", "[limits]\nring_timeout_s = 10\n[message]"), "limits.ring_timeout_s: .*15"),
        (("[message]", '[keys]\n1 = "accept"\n[message]'), "keys: one key must be .opt_out."),
        (("[message]", '[keys]\n9 = "opt_out"\nA = "accept"\n[message]'), "keys.A"),
        (("[message]", "[machines]\ndetect = false\n[message]"), "detect = false needs"),
        (("[message]", "[hours]\nopens = 18:00:00\ncloses = 09:00:00\n[message]"), "opens must be before closes"),
        (("[message]", "[attempts]\nretry_minutes = { opted_out = 5 }\n[message]"), "retry_minutes"),
        (("[message]", "[attempts]\nretry_minutes = { network_blocked = 5 }\n[message]"), "retry_minutes"),
        (("[message]", f"{WISH}[message]"), "needs .transfer."),
        (("[message]", f"{TRANSFER}[message]"), "needs such a key"),
        (("[message]", f"{WISH}{TRANSFER.replace('nobody', '# nobody')}[message]"), "transfer.nobody: .*required"),
        (("[message]", f"{WISH}{TRANSFER.replace('hold =', '# hold =')}[message]"), "transfer.hold: .*required"),
        (("[message]", f"{WISH}{TRANSFER.replace('sip:anna@10.0.0.5', '')}[message]"), "transfer.operators.0"),
        (("[message]", f"{WISH}{TRANSFER.replace('anna@', '+1305@x?Replaces=y@')}[message]"), "transfer.operators.0"),
        (("[message]", f"{WISH}{TRANSFER.replace('ben@pbx.example:5080', 'anna@10.0.0.5')}[message]"), "named twice"),
        (("[campaign]", "[campaign"), "flu.toml: not valid TOML"),
        (('"message.wav"', f'"message.wav"{PARTS}machine_sound = "after.wav"'), "needs message.machine_parts"),
        (('"message.wav"', '"m.wav"\nparts = [{ says = "hello", from_s = 0, to_s = 1 }]'), "message.parts.0.says"),
        (('"message.wav"', '"m.wav"\nparts = [{ says = "opt_out", from_s = 1, to_s = 1 }]'), "from_s must be before"),
    ],
)
def test_a_mistake_names_its_key(change: tuple[str, str], says: str) -> None:
    with pytest.raises(CampaignError, match=says):
        parse_definition(GOOD.replace(*change), "flu.toml")
