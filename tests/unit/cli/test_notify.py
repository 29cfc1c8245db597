"""What a service manager hears, over the socket it would listen at."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer.cli.notify import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The socket of a service manager, and its address as NOTIFY_SOCKET has it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@dialer-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0"))
        listening.settimeout(2)
        yield listening, name


def test_each_message_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listening, address = manager
    told = ServiceManager({"NOTIFY_SOCKET": address})
    assert told.listens
    assert told.ready("3 live calls")
    told.alive()
    told.status("all is well")
    told.stopping("no new calls", 210.5)
    assert [listening.recv(4096) for _ in range(4)] == [
        b"READY=1\nSTATUS=3 live calls",
        b"WATCHDOG=1",
        b"STATUS=all is well",
        b"STOPPING=1\nSTATUS=no new calls\nEXTEND_TIMEOUT_USEC=210500000",
    ]
    told.close()
    told.alive()
    listening.setblocking(False)
    with pytest.raises(BlockingIOError):
        listening.recv(4096)


def test_without_a_service_manager_nothing_is_sent() -> None:
    nobody = ServiceManager({})
    assert not nobody.listens
    assert nobody.ready("")
    nobody.alive()
    nobody.close()


def test_an_address_of_another_kind_is_nobody() -> None:
    assert not ServiceManager({"NOTIFY_SOCKET": "vsock:2:1234"}).listens


def test_a_manager_that_has_gone_does_no_harm_and_readiness_is_known_not_to_have_arrived(tmp_path: Path) -> None:
    told = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody listens here")})
    assert not told.ready("up")
    told.alive()
    told.close()


def test_a_manager_that_does_not_read_is_not_waited_for(manager: tuple[socket.socket, str]) -> None:
    _, address = manager
    told = ServiceManager({"NOTIFY_SOCKET": address})
    delivered = [told.ready("up") for _ in range(10_000)]
    assert delivered[0]
    assert not delivered[-1]
    told.close()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_when_it_is_meant_for_us(environ: dict[str, str], seconds: float | None) -> None:
    assert ServiceManager(environ).watchdog_s == seconds
