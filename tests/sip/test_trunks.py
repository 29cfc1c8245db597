"""What becomes known of a trunk: OPTIONS, REGISTER, and what calls do about it."""

from __future__ import annotations

import asyncio

import pytest
from tests.sip.conftest import HOST, Wire, eventually, header, to

from dialer.calls.frames import ProbeTrunk
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.trunk import Transport, Trunk, TrunkState

pytestmark = pytest.mark.sip


@pytest.mark.parametrize(
    ("answer", "state", "code"),
    [
        ("200 OK", TrunkState.UP, 200),
        ("404 Not Found", TrunkState.UP, 404),  # alive, and has no one by that name
        ("503 Service Unavailable", TrunkState.DOWN, 503),
    ],
)
async def test_a_probe_tells_what_the_trunk_answers(wire: Wire, answer: str, state: TrunkState, code: int) -> None:
    peer = wire.sipp("options", status=answer)
    desk = await wire.desk(to(peer, "trunk"))
    await desk.agent.send(ProbeTrunk(trunk="trunk"))
    status = await desk.status("trunk", state)
    assert (status.sip_code, status.detail) == (code, answer[4:])
    assert len(peer.received("OPTIONS")) == 1


async def test_a_trunk_that_says_nothing_is_down_and_gets_no_call(wire: Wire) -> None:
    silent, other = wire.hole(), wire.sipp("answer")
    nobody = wire.ports.take()
    desk = await wire.desk(
        to(silent, "silent", options_seconds=60),
        Trunk(name="nobody", host=HOST, port=nobody, transport=Transport.TCP, options_seconds=60),
        to(other, "other"),
    )
    refused = await desk.status("nobody", TrunkState.DOWN)
    assert "reach" in refused.detail or "refused" in refused.detail.lower()
    status = await desk.status("silent", TrunkState.DOWN)
    assert "no answer to OPTIONS" in status.detail
    alone = (await desk.place("alone", "silent", "nobody")).record
    assert alone is not None
    assert alone.not_dialed is NotDialed.NO_TRUNK
    assert "silent" in alone.detail
    assert "nobody" in alone.detail
    helped = (await desk.place("helped", "silent", "other")).record
    assert helped is not None
    assert [leg.trunk for leg in helped.legs] == ["other"]
    assert all(message.startswith("OPTIONS ") for message in silent.received())


async def test_a_trunk_that_answers_no_options_is_called_all_the_same(wire: Wire) -> None:
    shy = wire.hole()
    desk = await wire.desk(to(shy, "shy", options_seconds=0))
    await desk.agent.send(ProbeTrunk(trunk="shy"))
    await desk.status("shy", TrunkState.UNKNOWN)
    record = (await desk.place("called", "shy")).record
    assert record is not None
    assert [leg.trunk for leg in record.legs] == ["shy"]
    assert any(message.startswith("INVITE ") for message in shy.received())


async def test_keep_alive_notices_when_a_trunk_comes_back(wire: Wire) -> None:
    port = wire.ports.take()
    desk = await wire.desk(Trunk(name="trunk", host=HOST, port=port, transport=Transport.TCP, options_seconds=1))
    await desk.status("trunk", TrunkState.DOWN)
    peer = wire.sipp("options", status="200 OK", port=port, calls=50, transport="tcp")
    await desk.status("trunk", TrunkState.UP)
    peer.stop()
    await desk.status("trunk", TrunkState.DOWN)
    assert [status.state for status in desk.statuses] == [TrunkState.DOWN, TrunkState.UP, TrunkState.DOWN]


async def test_a_registration_is_made_kept_and_taken_back(wire: Wire) -> None:
    peer = wire.sipp("register", expires="8")
    desk = await wire.desk(
        to(peer, "trunk", register=True, user="alice", secret="s3cret", domain="operator.example", register_seconds=60)
    )
    status = await desk.status("trunk", TrunkState.UP)
    assert status.sip_code == 200
    first = peer.received("REGISTER")
    assert first[0].startswith("REGISTER sip:operator.example SIP/2.0")
    assert header(first[0], "To") == "<sip:alice@operator.example>"
    assert header(first[0], "Expires") == "60"
    assert 'username="alice"' in header(first[1], "Authorization")
    assert "s3cret" not in first[1]
    await eventually(lambda: len(peer.received("REGISTER")) > len(first), 8)  # refreshed before it expires
    await asyncio.sleep(0.3)
    await desk.close()
    last = peer.received("REGISTER")[-1]
    assert header(last, "Expires") == "0"
    assert 'username="alice"' in header(last, "Authorization"), "asked for the secret, it was given"


async def test_a_registration_with_the_wrong_secret_refuses_calls(wire: Wire) -> None:
    peer = wire.sipp("register", expires="60")
    desk = await wire.desk(to(peer, "trunk", register=True, user="alice", secret="guessed"))
    status = await desk.status("trunk", TrunkState.REFUSED)
    assert status.sip_code == 401
    attempt = await desk.place("a", "trunk")
    assert attempt.record is not None
    assert attempt.record.not_dialed is NotDialed.NO_TRUNK
    assert peer.received("INVITE") == []


async def test_a_probe_forgives_a_refused_secret(wire: Wire) -> None:
    """The operator has mended it at the provider's: `doctor` probes, and calls go on."""
    port = wire.ports.take()
    challenge = wire.sipp("refuse", status="401 Unauthorized", header="X-Nothing: to see", port=port)
    desk = await wire.desk(Trunk(name="trunk", host=HOST, port=port, options_seconds=0))
    refused = await desk.place("a", "trunk")
    assert refused.record is not None
    assert refused.record.outcome is Outcome.TRUNK_FAILURE
    await desk.status("trunk", TrunkState.REFUSED)
    challenge.stop()
    peer = wire.sipp("options", status="200 OK", port=port)
    await peer.listening()
    await desk.agent.send(ProbeTrunk(trunk="trunk"))
    await desk.status("trunk", TrunkState.UP)
