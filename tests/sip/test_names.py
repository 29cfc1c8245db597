"""A trunk that is given by name: looked up beside the calls, and followed when its name leads elsewhere."""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sip.conftest import KEY, Desk, eventually, permit, write_tone

from dialer.calls.frames import AgentSettings, LoadSound, PlaceCall, ProbeTrunk
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallLimits, CallPlan, CallScript
from dialer.calls.trunk import Trunk, TrunkState
from dialer.sip.client import AgentProcess
from dialer.sip.names import Names

NAME = "trunk.test"
HERE_FIRST, HERE_THEN = "127.0.0.11", "127.0.0.12"


class Busy:
    """A trunk at one address that answers OPTIONS, and every call with 486."""

    def __init__(self, address: str, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self.calls: list[str] = []
        self._over = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._over = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._over:
            try:
                packet, sender = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            lines = packet.decode().split("\r\n")
            method = lines[0].partition(" ")[0]
            if method == "ACK":
                continue
            if method == "INVITE":
                self.calls.append(lines[0])
            kept = [line for line in lines if line.partition(":")[0] in {"Via", "From", "Call-ID", "CSeq"}]
            to = next(line for line in lines if line.startswith("To:"))
            status = "486 Busy Here" if method == "INVITE" else "200 OK"
            answer = [f"SIP/2.0 {status}", *kept, f"{to};tag=busy", "Content-Length: 0", "", ""]
            self._socket.sendto("\r\n".join(answer).encode(), sender)


@pytest.fixture
def two_places() -> Iterator[tuple[Busy, Busy]]:
    first = Busy(HERE_FIRST, 0)
    then = Busy(HERE_THEN, first.port)
    yield first, then
    first.close()
    then.close()


def python_with_hosts(folder: Path, hosts: Path) -> str:
    """A Python that sees another /etc/hosts, in a mount namespace of its own."""
    script = folder / "python-with-hosts"
    inner = f'mount --bind {hosts} /etc/hosts && exec {sys.executable} "$@"'
    script.write_text(f"#!/bin/sh\nexec unshare -m sh -c '{inner}' sh \"$@\"\n")
    script.chmod(0o755)
    return str(script)


@pytest.mark.sip
@pytest.mark.skipif(os.geteuid() != 0, reason="a mount namespace of its own needs root")
async def test_calls_follow_a_name_that_leads_elsewhere(two_places: tuple[Busy, Busy], tmp_path: Path) -> None:
    pytest.importorskip("pjsua2")
    first, then = two_places
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{HERE_FIRST} {NAME}\n")
    agent = await AgentProcess.start(
        AgentSettings(bind="0.0.0.0", rtp_port=20000, rtp_ports=400, max_calls=20),  # noqa: S104
        [Trunk(name="named", host=NAME, port=first.port, options_seconds=60)],
        KEY,
        python=python_with_hosts(tmp_path, hosts),
        log_path=tmp_path / "agent.log",
    )
    desk = Desk(agent)

    async def call(attempt_id: str) -> None:
        script = CallScript(message="none", keys={}, detect_machine=False)
        plan = CallPlan(
            attempt_id=attempt_id, permit=permit(attempt_id), trunks=("named",), script=script, limits=CallLimits()
        )
        await agent.send(PlaceCall(plan=plan))

    try:
        write_tone(tmp_path / "none.wav", 0.5)
        await agent.send(LoadSound(sound="none", path=str(tmp_path / "none.wav")))
        await desk.status("named", TrunkState.UP)
        await call("before")
        await desk.until(lambda: desk.attempts["before"].record is not None)
        hosts.write_text(f"{HERE_THEN} {NAME}\n")
        await agent.send(ProbeTrunk(trunk="named"))
        await eventually(lambda: "another address" in (tmp_path / "agent.log").read_text())
        await call("after")
        await desk.until(lambda: desk.attempts["after"].record is not None)
    finally:
        await desk.close()
    assert [len(first.calls), len(then.calls)] == [1, 1]
    assert all(NAME in line for line in first.calls + then.calls), "the Request-URI keeps the name"
    records = [desk.attempts[each].record for each in ("before", "after")]
    assert [record.outcome for record in records if record] == [Outcome.BUSY] * 2


def test_one_of_several_addresses_is_kept_while_it_is_among_them() -> None:
    answers = [["10.0.0.1", "10.0.0.2"], ["10.0.0.2", "10.0.0.1"], ["10.0.0.3"]]
    asked = threading.Semaphore(0)

    def lookup(name: str) -> list[str]:
        asked.release()
        return answers.pop(0) if answers else ["10.0.0.3"]

    names = Names([NAME, "192.0.2.1"], lookup)
    seen = [names.address(NAME)]
    try:
        for _ in range(2):
            names.look_again()
            assert asked.acquire(timeout=5)
    finally:
        names.close()
    assert seen == ["10.0.0.1"]
    assert names.address("192.0.2.1") is None


def test_a_name_that_cannot_be_looked_up_any_more_keeps_its_address() -> None:
    answers: list[list[str]] = [["10.0.0.1"]]

    def lookup(name: str) -> list[str]:
        if not answers:
            raise OSError("no answer")
        return answers.pop()

    names = Names([NAME], lookup)
    names.look_again()
    names.close()
    assert names.address(NAME) == "10.0.0.1"
