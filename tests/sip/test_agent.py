"""The agent process as a whole: permits, and every way it can end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.sip.conftest import HOST, KEY, SCRIPT, Ports, Wire, eventually, header, permit, to

from dialer.calls.frames import AgentFailed, AgentSettings, HangUp, LoadSound, Ping, Pong, Shutdown, Stage
from dialer.calls.outcome import NotDialed, Outcome
from dialer.calls.plan import CallLimits
from dialer.errors import AgentError, PortInUse
from dialer.sip.client import AgentProcess

pytestmark = pytest.mark.sip

LONG = msgspec.structs.replace(SCRIPT, message="long")


async def test_without_a_valid_permit_nothing_leaves(wire: Wire) -> None:
    hole = wire.hole()
    desk = await wire.desk(to(hole, "trunk"))
    good = permit("other")
    forged = permit("forged", key=b"another key of16")
    altered = msgspec.structs.replace(permit("altered"), number="+13055550199")
    early = datetime.now(UTC) - timedelta(seconds=30)
    cases = {
        "forged": (forged, "was not made by this gate"),
        "altered": (altered, "was not made by this gate"),
        "unsealed": (msgspec.structs.replace(permit("unsealed"), seal=b""), "was not made by this gate"),
        "expired": (permit("expired", at=early), "expired at"),
        "borrowed": (good, "is for attempt other"),
        "not_a_call_id!": (permit("not_a_call_id!"), "cannot be a Call-ID"),
        "odd_number": (
            msgspec.structs.replace(permit("odd_number"), number="+1305;x=y@elsewhere").sealed(KEY),
            "E.164",
        ),
    }
    for attempt_id, (paper, why) in cases.items():
        attempt = await desk.place(attempt_id, "trunk", permit=paper)
        assert attempt.record is not None
        assert attempt.record.outcome is Outcome.NOT_DIALED
        assert why in attempt.record.detail
    await asyncio.sleep(0.3)
    assert hole.received() == []


async def test_a_permit_is_good_for_one_call(wire: Wire) -> None:
    peer = wire.sipp("refuse", status="486 Busy Here", header="X-Nothing: to see")
    desk = await wire.desk(to(peer, "trunk"))
    paper = permit("once")
    first = await desk.place("once", "trunk", permit=paper)
    assert first.record is not None
    assert first.record.outcome is Outcome.BUSY
    del desk.attempts["once"]
    second = await desk.place("once", "trunk", permit=paper)
    assert second.record is not None
    assert second.record.not_dialed is NotDialed.PERMIT_INVALID
    assert len(peer.received("INVITE")) == 1


async def test_a_live_attempt_handed_over_again_is_not_called_again(wire: Wire) -> None:
    peer = wire.sipp("answer")
    desk = await wire.desk(to(peer, "trunk"))
    await desk.hand_over("live", "trunk")
    await desk.reached("live", Stage.PLAYING)
    attempt = await desk.place("live", "trunk")
    assert attempt.record is not None
    assert attempt.record.outcome is Outcome.HEARD
    assert len(peer.received("INVITE")) == 1


async def test_when_the_engine_dies_every_call_is_hung_up_within_two_seconds(wire: Wire) -> None:
    talking, ringing = wire.sipp("answer"), wire.sipp("ring")
    desk = await wire.desk(to(talking, "talking"), to(ringing, "ringing"))
    await desk.hand_over("a", "talking", script=LONG)
    await desk.hand_over("b", "ringing")
    await desk.reached("a", Stage.PLAYING)
    await desk.reached("b", Stage.RINGING)
    lost_at = time.monotonic()
    desk.agent._writer.transport.abort()  # as the kernel does for an engine that was killed
    async with asyncio.timeout(3):
        await desk.agent._process.wait()
    assert time.monotonic() - lost_at < 2
    assert len(talking.received("BYE")) == 1
    assert len(ringing.received("CANCEL")) == 1
    assert desk.agent.returncode == 0


async def test_what_makes_no_sense_is_taken_for_a_dead_engine(wire: Wire) -> None:
    talking = wire.sipp("answer")
    desk = await wire.desk(to(talking, "talking"))
    await desk.hand_over("a", "talking", script=LONG)
    await desk.reached("a", Stage.PLAYING)
    desk.agent._writer.write(b"\x00\x00\x00\x03\xc1\xc1\xc1")
    async with asyncio.timeout(2):
        await desk.agent._process.wait()
    assert len(talking.received("BYE")) == 1


@pytest.mark.parametrize("how", ["frame", "SIGTERM"])
async def test_shutdown_ends_calls_with_their_records(wire: Wire, how: str) -> None:
    talking, ringing = wire.sipp("answer"), wire.sipp("ring")
    desk = await wire.desk(to(talking, "talking"), to(ringing, "ringing"))
    await desk.hand_over("a", "talking", script=LONG)
    await desk.hand_over("b", "ringing")
    await desk.reached("a", Stage.PLAYING)
    await desk.reached("b", Stage.RINGING)
    os.kill(desk.agent.pid, signal.SIGINT)  # Ctrl-C in the operator's terminal is for the engine to answer
    started = time.monotonic()
    if how == "frame":
        await desk.agent.send(Shutdown())
    else:
        os.kill(desk.agent.pid, signal.SIGTERM)
    async with asyncio.timeout(3):
        await desk.agent._process.wait()
        await desk._reading
    assert time.monotonic() - started < 2
    assert desk.agent.returncode == 0
    for attempt_id in ("a", "b"):
        record = desk.attempts[attempt_id].record
        assert record is not None
        assert record.outcome is Outcome.CANCELED
    assert len(talking.received("BYE")) == 1
    assert len(ringing.received("CANCEL")) == 1


async def test_a_killed_agent_ends_the_frames(wire: Wire) -> None:
    desk = await wire.desk()
    os.kill(desk.agent.pid, signal.SIGKILL)
    async with asyncio.timeout(2):
        await desk._reading
    with pytest.raises(AgentError):
        await desk.agent.send(Ping(number=1))


async def test_hang_up_of_all_ends_all_within_two_seconds(wire: Wire) -> None:
    calls = 20
    peer = wire.sipp("answer", calls=calls)
    desk = await wire.desk(to(peer, "trunk"))
    for number in range(calls):
        await desk.hand_over(f"call-{number}", "trunk", script=LONG)
    for number in range(calls):
        await desk.reached(f"call-{number}", Stage.PLAYING)
    started = time.monotonic()
    await desk.agent.send(HangUp())
    await desk.until(lambda: all(attempt.record for attempt in desk.attempts.values()), 2)
    assert time.monotonic() - started < 2
    assert {attempt.record.outcome for attempt in desk.attempts.values() if attempt.record} == {Outcome.CANCELED}
    await eventually(lambda: len(peer.received("BYE")) == calls)


async def test_an_invite_that_was_asked_for_again_and_then_ignored_is_hung_up_as_soon(wire: Wire) -> None:
    peer = wire.sipp("ask_again")
    desk = await wire.desk(to(peer, "trunk"))
    await desk.hand_over("call", "trunk")
    await desk.reached("call", Stage.RINGING)
    await eventually(lambda: len(peer.received("INVITE")) == 2)
    await desk.agent.send(HangUp())
    await desk.until(lambda: desk.attempts["call"].record is not None, 2)
    record = desk.attempts["call"].record
    assert record is not None
    assert record.outcome is Outcome.CANCELED


async def test_ping_tells_the_live_calls(wire: Wire) -> None:
    peer = wire.sipp("answer")
    desk = await wire.desk(to(peer, "trunk"))
    await desk.agent.send(Ping(number=1))
    await desk.hand_over("a", "trunk")
    await desk.reached("a", Stage.PLAYING)
    await desk.agent.send(Ping(number=2))
    await desk.until(lambda: len(desk.other) == 2)
    assert desk.other == [Pong(number=1, live_calls=0), Pong(number=2, live_calls=1)]


async def test_an_opt_out_outlives_a_store_that_is_slow(wire: Wire) -> None:
    """The call is held until the opt-out is stored, though its confirmation is over."""
    peer = wire.sipp("info", digit="9")
    desk = await wire.desk(to(peer, "trunk"))
    desk.store_opt_outs = False
    await desk.hand_over("a", "trunk")
    await desk.until(lambda: bool(desk.opt_outs))
    await asyncio.sleep(1.0)
    assert desk.attempts["a"].record is None
    assert peer.received("BYE") == []


async def test_more_calls_than_an_agent_may_have_are_not_dialed(wire: Wire) -> None:
    peer = wire.sipp("answer", calls=2)
    desk = await wire.desk(to(peer, "trunk"), max_calls=2)
    records = [
        attempt.record for attempt in await asyncio.gather(*(desk.place(f"call-{n}", "trunk") for n in range(3)))
    ]
    assert [record.not_dialed for record in records if record] == [None, None, NotDialed.NO_CHANNEL]


@pytest.mark.parametrize(
    ("content", "words"), [(b"RIFF", "cannot be read"), (None, "cannot be read"), (b"stereo", "8 kHz mono")]
)
async def test_a_sound_that_cannot_be_played_is_told(
    wire: Wire, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / "odd.wav"
    if content == b"stereo":
        import wave

        with wave.open(str(path), "wb") as wav:
            wav.setnchannels(2)
            wav.setsampwidth(2)
            wav.setframerate(44100)
            wav.writeframes(bytes(400))
    elif content is not None:
        path.write_bytes(content)
    desk = await wire.desk()
    await desk.agent.send(LoadSound(sound="odd", path=str(path)))
    await desk.until(lambda: bool(desk.other))
    failed = desk.other[0]
    assert isinstance(failed, AgentFailed)
    assert (failed.kind, words in failed.message) == ("AudioError", True)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_a_port_in_use_is_named(needs_sipp: None, ports: Ports, kind: socket.SocketKind) -> None:
    port = ports.take()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(PortInUse, match=f"{HOST}:{port} is taken"):
            await AgentProcess.start(AgentSettings(bind=HOST, sip_port=port), (), KEY)


async def test_an_address_of_another_machine_is_named(needs_sipp: None) -> None:
    with pytest.raises(AgentError, match="no address of this machine"):
        await AgentProcess.start(AgentSettings(bind="192.0.2.1"), (), KEY)


async def test_more_calls_than_pjsua2_was_compiled_for_are_refused(needs_sipp: None) -> None:
    with pytest.raises(AgentError, match="is the most"):
        await AgentProcess.start(AgentSettings(bind=HOST, max_calls=5000, rtp_ports=20000), (), KEY)


async def test_an_agent_that_cannot_run_says_why(needs_sipp: None, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\necho 'no such module' >&2\nexec {sys.executable} -c 'raise SystemExit(3)'\n")
    broken.chmod(0o755)
    with pytest.raises(AgentError, match="code 3") as caught:
        await AgentProcess.start(AgentSettings(bind=HOST), (), KEY, python=str(broken))
    assert "no such module" in caught.value.hint


async def test_an_incoming_call_is_turned_away(wire: Wire) -> None:
    """A registered trunk may send calls, such as those of people who call back: nobody is here."""
    desk = await wire.desk(to(wire.hole(), "trunk"))
    answers = await _ask(
        desk.agent.ready.sip_port,
        "INVITE",
        "v=0\r\no=x 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    )
    assert "SIP/2.0 480" in answers
    assert "200 OK" in await _ask(desk.agent.ready.sip_port, "OPTIONS", "")


async def _ask(port: int, method: str, body: str) -> str:
    """Everything that comes back to one request within half a second."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((HOST, 0))
        udp.setblocking(False)
        here = f"{HOST}:{udp.getsockname()[1]}"
        kind = "Content-Type: application/sdp\r\n" if body else ""
        await loop.sock_sendto(
            udp,
            (
                f"{method} sip:dialer@{HOST}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bK-1\r\n"
                f"From: <sip:someone@{HOST}>;tag=1\r\nTo: <sip:dialer@{HOST}>\r\nCall-ID: from-outside-{method}\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:someone@{here}>\r\nMax-Forwards: 70\r\n{kind}"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode(),
            (HOST, port),
        )
        heard = ""
        try:
            async with asyncio.timeout(0.5):
                while True:
                    heard += (await loop.sock_recv(udp, 65536)).decode()
        except TimeoutError:
            return heard


async def test_the_log_has_neither_numbers_nor_secrets(wire: Wire) -> None:
    peer = wire.sipp("answer")
    desk = await wire.desk(to(peer, "trunk", user="alice", secret="s3cret"), log_level=5)
    await desk.place("a", "trunk", limits=CallLimits())
    await desk.close()
    log = (wire.folder / "agent.log").read_text()
    assert "INVITE" in log, "level 5 shows the messages"
    assert "3055550123" not in log
    assert "3055550100" not in log
    assert "s3cret" not in log
    assert KEY.decode() not in log
    assert header(peer.received("INVITE")[0], "To")
