"""A web server that does almost nothing, and that nobody can hold up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from http import HTTPStatus

import pytest

from dialer.cli import endpoint
from dialer.cli.endpoint import MAX_CONNECTIONS, MAX_HEAD_BYTES, Endpoint, Page
from dialer.errors import ConfigError

PAGES: dict[str, Callable[[], Page]] = {
    "/metrics": lambda: Page(b"one 1\n", "text/plain; version=0.0.4"),
    "/health": lambda: Page(b"{}", "application/json", HTTPStatus.SERVICE_UNAVAILABLE),
}


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection is closed, one way or the other."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def asked(port: int, request: bytes) -> bytes:
    """What a request is answered with."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await until_closed(reader)
    writer.close()
    return answer


async def test_a_page_is_answered_with_its_type_and_length() -> None:
    async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
        head, _, body = (await asked(open_endpoint.port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")).partition(
            b"\r\n\r\n"
        )
    assert body == b"one 1\n"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: text/plain; version=0.0.4",
        b"Content-Length: 6",
        b"Cache-Control: no-store",
        b"Connection: close",
    ]


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /health HTTP/1.0", b"503 Service Unavailable", b"{}"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK", b""),
        (b"GET / HTTP/1.1", b"404 Not Found", b"Not Found\n"),
        (b"GET //metrics HTTP/1.1", b"404 Not Found", b"Not Found\n"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed", b"Method Not Allowed\n"),
        (b"GET /metrics", b"400 Bad Request", b"Bad Request\n"),
        (b"GET /metrics HTTP/2.0", b"400 Bad Request", b"Bad Request\n"),
        (b"\x16\x03\x01\xff", b"400 Bad Request", b"Bad Request\n"),
    ],
)
async def test_everything_else_is_told_what_is_wrong(request_line: bytes, status: bytes, body: bytes) -> None:
    async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
        answer = await asked(open_endpoint.port, request_line + b"\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == body


async def test_a_request_that_goes_on_and_on_is_cut_off() -> None:
    async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
        answer = await asked(open_endpoint.port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * (MAX_HEAD_BYTES + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_S", 0.05)
    async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
        assert await asked(open_endpoint.port, b"GET /metr") == b""
        assert (await asked(open_endpoint.port, b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"one 1\n")


async def test_many_who_say_nothing_leave_no_room_and_then_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "REQUEST_S", 0.3)
    async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
        silent = [await asyncio.open_connection("127.0.0.1", open_endpoint.port) for _ in range(MAX_CONNECTIONS)]
        assert await asked(open_endpoint.port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
        for reader, _ in silent:
            assert await until_closed(reader) == b""
        assert (await asked(open_endpoint.port, b"GET /metrics HTTP/1.1\r\n\r\n")).endswith(b"one 1\n")
        for _, writer in silent:
            writer.close()


async def test_the_end_does_not_wait_for_who_still_asks() -> None:
    async with asyncio.timeout(2):
        async with Endpoint(PAGES, "127.0.0.1", 0) as open_endpoint:
            reader, writer = await asyncio.open_connection("127.0.0.1", open_endpoint.port)
            writer.write(b"GET /met")
            await writer.drain()
        assert await until_closed(reader) == b""
        writer.close()


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"\[metrics\] 127\.0\.0\.1:{port} cannot be listened at: .*in use"):
            await Endpoint(PAGES, "127.0.0.1", port).__aenter__()


async def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(ConfigError, match="192\\.0\\.2\\.1:0 cannot be listened at"):
        await Endpoint(PAGES, "192.0.2.1", 0).__aenter__()
