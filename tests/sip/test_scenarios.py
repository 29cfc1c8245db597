"""Every way a call can go, each against its own SIPp, all at once over one agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.sip.conftest import CALLEE, CALLER_ID, MESSAGE_S, SCRIPT, Attempt, Hole, Ports, Sipp, Wire, header, to

from dialer.calls.frames import AgentSettings, HangUp, OptOut, Stage
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallLimits, CallRecord, EndedBy
from dialer.calls.trunk import Codec, Transport, TrunkState, TrunkStatus

pytestmark = pytest.mark.sip

NO_HEADER = "X-Nothing: to see"
BLOCKED = 'SIP;cause=603;text="v=analytics1;url=https://redress.example/"'
VERIFY = '<verifyauth assign_to="known" username="alice" password="s3cret"/>'
SEEN = '<ereg regexp="alice" search_in="hdr" header="Proxy-Authorization:" assign_to="known"/>'  # SIPp verifies no 407
LONG = msgspec.structs.replace(SCRIPT, message="long")


@dataclass
class Campaign:
    """What all the scenarios came to."""

    attempts: dict[str, Attempt] = field(default_factory=dict)
    peers: dict[str, Sipp | Hole] = field(default_factory=dict)
    statuses: list[TrunkStatus] = field(default_factory=list)
    opt_outs: list[OptOut] = field(default_factory=list)
    after_refusal: CallRecord | None = None

    def record(self, name: str) -> CallRecord:
        record = self.attempts[name].record
        assert record is not None, f"{name} never ended"
        return record

    def sipp(self, name: str) -> Sipp:
        peer = self.peers[name]
        assert isinstance(peer, Sipp)
        return peer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def campaign(needs_sipp: None, ports: Ports, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Campaign]:
    wire = Wire(tmp_path_factory.mktemp("scenarios"), ports)
    try:
        yield await asyncio.wait_for(_run(wire), 240)
    finally:
        await wire.close()


async def _run(wire: Wire) -> Campaign:  # the whole of it, in one place, for the order in which things happen
    elsewhere = wire.hole()

    def refuse(status: str, line: str = NO_HEADER) -> Sipp:
        return wire.sipp("refuse", status=status, header=line)

    auth = {"challenge": "401", "challenge_header": "WWW-Authenticate", "check": VERIFY}
    proxy_auth = {"challenge": "407", "challenge_header": "Proxy-Authenticate", "check": SEEN}
    known = {"user": "alice", "secret": "s3cret"}
    peers: dict[str, Sipp | Hole] = {
        "elsewhere": elsewhere,
        "answer": wire.sipp("answer"),
        "busy": refuse("486 Busy Here"),
        "invalid": refuse("404 Not Found", "Reason: Q.850;cause=1"),
        "blocked": refuse("603 Network Blocked", f"Reason: {BLOCKED}"),
        "declined": refuse("603 Decline"),
        "unwanted": refuse("607 Unwanted"),
        "rejected608": refuse("608 Rejected", "Call-Info: <https://block.example/jcard>; purpose=jwscard"),
        "congested": refuse("503 Service Unavailable"),
        "second": wire.sipp("answer", calls=2),
        "silent": wire.hole(),
        "ring": wire.sipp("ring"),
        "ring2": wire.sipp("ring"),
        "race": wire.sipp("cancel_race"),
        "moved": refuse("302 Moved Temporarily", f"Contact: <sip:+19995550199@127.0.0.1:{elsewhere.port}>"),
        "refer": wire.sipp("refer", refer_to=f"<sip:+19995550199@127.0.0.1:{elsewhere.port}>"),
        "early": wire.sipp("early_media"),
        "hold": wire.sipp("hold"),
        "hang_up": wire.sipp("hang_up", header='Reason: Q.850;cause=27;text="Destination out of order"'),
        "auth401": wire.sipp("auth", **auth),
        "auth407": wire.sipp("auth", **proxy_auth),
        "wrong": wire.sipp("auth", **auth),
        "accept": wire.sipp("info", digit="1"),
        "opt_out": wire.sipp("info", digit="9"),
        "overtaken": wire.sipp("info_first", digit="9"),
        "tcp": wire.sipp("answer", transport="tcp"),
        "pcma": wire.sipp("answer", pt="8"),
        "private": wire.sipp("answer"),
        "too_long": wire.sipp("answer"),
        "stopped": wire.sipp("answer"),
        "narrow": wire.sipp("answer"),
        "other_caller": wire.hole(),
    }
    special: dict[str, dict[str, Any]] = {
        "auth401": known,
        "auth407": known,
        "wrong": {"user": "alice", "secret": "guessed"},
        "tcp": {"transport": Transport.TCP},
        "pcma": {"codecs": (Codec.PCMA,)},
        "private": {"private": True, "domain": "operator.example"},
        "narrow": {"channels": 1},
        "other_caller": {"caller_ids": ("+13055559999",)},
    }
    desk = await wire.desk(*(to(peer, name, **special.get(name, {})) for name, peer in peers.items()))
    quick = CallLimits(ring_timeout_s=1.5, response_timeout_s=1.0)

    async def hang_up_while_ringing() -> None:
        await desk.reached("ring2", Stage.RINGING)
        await desk.agent.send(HangUp(attempt_id="ring2"))

    async def hang_up_while_playing() -> None:
        await desk.reached("stopped", Stage.PLAYING)
        await asyncio.sleep(0.5)
        await desk.agent.send(HangUp(attempt_id="stopped"))

    await asyncio.gather(
        desk.place("answer", "answer", display_name='City of "Example"\r\nX-Evil: 1'),
        *(
            desk.place(name, name, "elsewhere")
            for name in ("busy", "invalid", "blocked", "declined", "unwanted", "rejected608", "moved")
        ),
        desk.place("congested", "congested", "second"),
        desk.place("silent", "silent", "second", limits=quick),
        desk.place("ring", "ring", "elsewhere", limits=quick),
        desk.place("ring2", "ring2"),
        desk.place("race", "race", limits=quick),
        *(
            desk.place(name, name)
            for name in ("refer", "early", "hold", "auth401", "auth407", "wrong", "accept", "tcp", "pcma")
        ),
        desk.place("opt_out", "opt_out"),
        desk.place("overtaken", "overtaken"),
        desk.place("hang_up", "hang_up"),
        desk.place("private", "private"),
        desk.place("too_long", "too_long", script=LONG, limits=CallLimits(max_duration_s=1.0)),
        desk.place("stopped", "stopped", script=LONG),
        desk.place("narrow", "narrow"),
        desk.place("crowded", "narrow"),
        desk.place("other_caller", "other_caller"),
        desk.place("no_such_sound", "answer", script=msgspec.structs.replace(SCRIPT, message="unheard-of")),
        hang_up_while_ringing(),
        hang_up_while_playing(),
    )
    again = await desk.place("wrong-again", "wrong")
    await asyncio.sleep(0.2)  # a message that should not come needs time to come
    await desk.agent.close(timedelta(seconds=5))
    return Campaign(desk.attempts, peers, desk.statuses, desk.opt_outs, again.record)


def test_an_answered_call_is_heard_and_carries_the_permitted_identity(campaign: Campaign) -> None:
    record = campaign.record("answer")
    invite = campaign.sipp("answer").received("INVITE")[0]
    assert record.outcome is Outcome.HEARD
    assert (record.heard_ms, record.codec, record.sip_code) == (2000, "PCMU", 200)
    assert record.ended_by is EndedBy.DIALER
    assert record.peer == f"127.0.0.1:{campaign.peers['answer'].port}"
    assert header(invite, "Call-ID") == "answer-1"
    assert f"<sip:{CALLER_ID}@127.0.0.1>" in header(invite, "From")
    assert header(invite, "P-Asserted-Identity") == f"<sip:{CALLER_ID}@127.0.0.1>"
    assert header(invite, "Privacy") == ""
    assert invite.startswith(f"INVITE sip:{CALLEE}@127.0.0.1:{campaign.peers['answer'].port};transport=udp SIP/2.0")
    assert header(invite, "To") == f"<sip:{CALLEE}@127.0.0.1>" or header(invite, "To") == f"sip:{CALLEE}@127.0.0.1"
    assert f"Session-Expires: {AgentSettings().session_timer_s}" in invite
    assert len(campaign.sipp("answer").received("BYE")) == 1


def test_the_message_is_sent_without_a_gap(campaign: Campaign) -> None:
    record = campaign.record("answer")
    packets = (record.ended_at - record.answered_at).total_seconds() / 0.02  # type: ignore[operator]
    assert abs(record.rtp_sent - packets) <= 8


def test_a_display_name_cannot_add_a_header(campaign: Campaign) -> None:
    invite = campaign.sipp("answer").received("INVITE")[0]
    assert header(invite, "X-Evil") == ""
    assert header(invite, "From").startswith('"City of \\"Example\\"X-Evil: 1" <sip:')


def test_stages_are_told_in_order(campaign: Campaign) -> None:
    assert campaign.attempts["answer"].stages() == [Stage.INVITED, Stage.RINGING, Stage.ANSWERED, Stage.PLAYING]


@pytest.mark.parametrize(
    ("name", "outcome", "code", "q850"),
    [
        ("busy", Outcome.BUSY, 486, 17),
        ("invalid", Outcome.INVALID_NUMBER, 404, 1),
        ("blocked", Outcome.NETWORK_BLOCKED, 603, 21),
        ("declined", Outcome.REJECTED, 603, 21),
        ("unwanted", Outcome.ABUSE, 607, 21),
        ("rejected608", Outcome.NETWORK_BLOCKED, 608, 21),
    ],
)
def test_a_refusal_is_kept_as_it_came_and_offered_to_no_other_trunk(
    campaign: Campaign, name: str, outcome: Outcome, code: int, q850: int
) -> None:
    record = campaign.record(name)
    assert (record.outcome, record.sip_code, record.q850) == (outcome, code, q850)
    assert [leg.trunk for leg in record.legs] == [name]
    assert record.ended_by is EndedBy.NETWORK
    assert len(campaign.sipp(name).received("ACK")) == 1


def test_the_whole_reason_header_and_the_redress_are_on_record(campaign: Campaign) -> None:
    record = campaign.record("blocked")
    assert record.reason_header == BLOCKED
    assert "https://redress.example/" in record.redress
    assert campaign.record("rejected608").redress.startswith("https://block.example/jcard")
    assert campaign.record("invalid").q850_received


def test_607_is_reported_as_an_opt_out(campaign: Campaign) -> None:
    assert ("unwanted", CALLEE, "sip 607") in [(each.attempt_id, each.number, each.how) for each in campaign.opt_outs]


def test_nothing_is_ever_offered_to_the_trunk_behind_a_refusal(campaign: Campaign) -> None:
    """Nor does a redirection (302) or a transfer (REFER) reach the number that it names."""
    elsewhere = campaign.peers["elsewhere"]
    assert elsewhere.received() == []


def test_503_goes_to_the_next_trunk(campaign: Campaign) -> None:
    record = campaign.record("congested")
    assert record.outcome is Outcome.HEARD
    assert [(leg.trunk, leg.call_id, leg.sip_code) for leg in record.legs] == [
        ("congested", "congested-1", 503),
        ("second", "congested-2", 200),
    ]


def test_a_silent_trunk_is_given_up_for_the_next(campaign: Campaign) -> None:
    record = campaign.record("silent")
    assert record.outcome is Outcome.HEARD
    assert [(leg.trunk, leg.sip_code) for leg in record.legs] == [("silent", 0), ("second", 200)]


def test_a_ring_time_out_is_canceled(campaign: Campaign) -> None:
    record = campaign.record("ring")
    assert (record.outcome, record.sip_code) == (Outcome.NO_ANSWER, 487)
    assert [leg.trunk for leg in record.legs] == ["ring"]
    assert record.answered_at is None
    assert record.invite_at is not None
    assert 1.4 < (record.ended_at - record.invite_at).total_seconds() < 2.5
    assert len(campaign.sipp("ring").received("CANCEL")) == 1


def test_a_200_that_crosses_the_cancel_is_hung_up_and_on_record(campaign: Campaign) -> None:
    record = campaign.record("race")
    assert record.outcome is Outcome.NO_ANSWER
    assert record.answered_at is not None
    assert record.plays == 0
    assert [len(campaign.sipp("race").received(method)) for method in ("CANCEL", "ACK", "BYE")] == [1, 1, 1]


def test_a_redirection_is_not_followed(campaign: Campaign) -> None:
    record = campaign.record("moved")
    assert record.sip_code == 302
    assert "redirect" in record.detail


def test_a_transfer_is_declined_and_the_call_goes_on(campaign: Campaign) -> None:
    assert campaign.record("refer").outcome is Outcome.HEARD
    assert "SIP/2.0 603" in campaign.sipp("refer").received("603")[0]


def test_the_message_waits_for_the_answer_through_early_media(campaign: Campaign) -> None:
    attempt = campaign.attempts["early"]
    record = campaign.record("early")
    assert attempt.stages() == [Stage.INVITED, Stage.RINGING, Stage.EARLY_MEDIA, Stage.ANSWERED, Stage.PLAYING]
    assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
    assert record.message_started_ms is not None
    assert record.message_started_ms < 100


def test_a_hold_does_not_end_the_call(campaign: Campaign) -> None:
    record = campaign.record("hold")
    assert (record.outcome, record.heard_ms) == (Outcome.HEARD, 2000)
    assert len(campaign.sipp("hold").received("200")) == 2, "both re-INVITEs are answered"
    assert record.rtp_sent > MESSAGE_S * 50 * 0.7, "and counted across them"


def test_the_far_ends_bye_and_its_reason_are_on_record(campaign: Campaign) -> None:
    record = campaign.record("hang_up")
    assert (record.outcome, record.ended_by) == (Outcome.HUNG_UP, EndedBy.CALLEE)
    assert (record.q850, record.q850_received) == (27, True)
    assert record.reason_header.startswith("Q.850;cause=27")
    assert 600 < record.heard_ms < 1100


@pytest.mark.parametrize("name", ["auth401", "auth407"])
def test_the_right_secret_opens_the_trunk(campaign: Campaign, name: str) -> None:
    record = campaign.record(name)
    assert record.outcome is Outcome.HEARD
    assert [header(invite, "Call-ID") for invite in campaign.sipp(name).received("INVITE")] == [f"{name}-1"] * 2


def test_the_wrong_secret_closes_the_trunk_until_it_is_mended(campaign: Campaign) -> None:
    record = campaign.record("wrong")
    assert (record.outcome, record.sip_code) == (Outcome.TRUNK_FAILURE, 401)
    assert [(status.trunk, status.state) for status in campaign.statuses] == [("wrong", TrunkState.REFUSED)]
    again = campaign.after_refusal
    assert again is not None
    assert (again.outcome, again.not_dialed) == (Outcome.NOT_DIALED, NotDialed.NO_TRUNK)
    assert "secret" in again.detail
    assert len(campaign.sipp("wrong").received("INVITE")) == 2


def test_a_key_in_sip_info_counts(campaign: Campaign) -> None:
    record = campaign.record("accept")
    assert record.outcome is Outcome.ACCEPTED
    assert [(key.digit, key.via) for key in record.keys] == [("1", "info")]
    assert 300 < record.heard_ms < 1200, "the key stops the message"


def test_an_opt_out_is_told_and_stored_before_the_call_ends(campaign: Campaign) -> None:
    assert campaign.record("opt_out").outcome is Outcome.OPTED_OUT
    assert ("opt_out", CALLEE, "key 9") in [(each.attempt_id, each.number, each.how) for each in campaign.opt_outs]


def test_an_opt_out_that_overtakes_its_answer_binds(campaign: Campaign) -> None:
    assert campaign.record("overtaken").outcome is Outcome.OPTED_OUT
    assert ("overtaken", "key 9") in [(each.attempt_id, each.how) for each in campaign.opt_outs]


def test_tcp(campaign: Campaign) -> None:
    invite = campaign.sipp("tcp").received("INVITE")[0]
    assert campaign.record("tcp").outcome is Outcome.HEARD
    assert "SIP/2.0/TCP" in header(invite, "Via")
    assert ";transport=tcp" in invite.partition("\n")[0]


def test_a_trunks_codecs_are_what_is_offered(campaign: Campaign) -> None:
    offer = campaign.sipp("pcma").received("INVITE")[0]
    assert campaign.record("pcma").codec == "PCMA"
    assert "RTP/AVP 8 101" in offer
    assert "PCMU" not in offer


def test_privacy_and_domain(campaign: Campaign) -> None:
    invite = campaign.sipp("private").received("INVITE")[0]
    assert campaign.record("private").outcome is Outcome.HEARD
    assert header(invite, "Privacy") == "id"
    assert header(invite, "P-Asserted-Identity") == f"<sip:{CALLER_ID}@operator.example>"
    assert header(invite, "Route") == ""


def test_a_call_ends_at_its_maximum(campaign: Campaign) -> None:
    record = campaign.record("too_long")
    assert record.ended_by is EndedBy.DIALER
    assert "maximum duration" in record.detail
    assert record.answered_at is not None
    assert 0.9 < (record.ended_at - record.answered_at).total_seconds() < 1.5


def test_the_engines_word_ends_a_call(campaign: Campaign) -> None:
    assert campaign.record("ring2").outcome is Outcome.CANCELED
    assert len(campaign.sipp("ring2").received("CANCEL")) == 1
    assert campaign.record("stopped").outcome is Outcome.CANCELED
    assert len(campaign.sipp("stopped").received("BYE")) == 1


def test_a_trunk_carries_no_more_calls_than_its_channels(campaign: Campaign) -> None:
    assert campaign.record("narrow").outcome is Outcome.HEARD
    assert campaign.record("crowded").not_dialed is NotDialed.NO_CHANNEL


def test_a_trunk_presents_only_its_own_caller_ids(campaign: Campaign) -> None:
    assert campaign.record("other_caller").not_dialed is NotDialed.BAD_PLAN
    assert campaign.peers["other_caller"].received() == []


def test_a_plan_with_an_unknown_sound_is_not_dialed(campaign: Campaign) -> None:
    assert campaign.record("no_such_sound").not_dialed is NotDialed.BAD_PLAN
