"""GET /metrics and /health, answered by the event loop of the run: no thread, no framework, nothing else to be had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self

from dialer.errors import ConfigError

MAX_HEAD_BYTES = 8192
REQUEST_S = 5.0  # for a request to arrive, and again for its answer to be taken
MAX_CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: HTTPStatus = HTTPStatus.OK


Pages = Mapping[str, Callable[[], Page]]


class Endpoint:
    """Answers GET and HEAD of a few paths, one request a connection (RFC 9112). Use it as a context manager."""

    def __init__(self, pages: Pages, host: str, port: int) -> None:
        self._pages = pages
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened at."""
        assert self._server is not None  # noqa: S101  asked for while it is open
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def __aenter__(self) -> Self:
        """Raises ConfigError when the address cannot be had."""
        try:
            self._server = await asyncio.start_server(self._connected, self._host, self._port, limit=MAX_HEAD_BYTES)
        except OSError as error:
            raise ConfigError(
                f"[metrics] {self._host}:{self._port} cannot be listened at: {error.strerror or error}",
                hint="`ss -lntp` names a program that has the port; dialer.toml may name another one, or 0 for none",
            ) from error
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._answering) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except asyncio.LimitOverrunError:
                    method, page = "GET", _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                else:
                    method, page = self._answer(head)
            async with asyncio.timeout(REQUEST_S):
                writer.write(_response(page, with_body=method != "HEAD"))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, EOFError):
            pass  # who asks so slowly, or leaves, gets nothing
        finally:
            writer.transport.abort()

    def _answer(self, head: bytes) -> tuple[str, Page]:
        match head.split(b"\r\n", 1)[0].decode("latin-1").split(" "):
            case [method, target, version] if version.startswith("HTTP/1."):
                pass
            case _:
                return "GET", _plain(HTTPStatus.BAD_REQUEST)
        page = self._pages.get(target.partition("?")[0])
        if page is None:
            return method, _plain(HTTPStatus.NOT_FOUND)
        if method not in {"GET", "HEAD"}:
            return method, _plain(HTTPStatus.METHOD_NOT_ALLOWED)
        return method, page()


def _plain(status: HTTPStatus) -> Page:
    return Page(f"{status.phrase}\n".encode(), status=status)


def _response(page: Page, *, with_body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.content_type}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join([*lines, "", ""]).encode() + (page.body if with_body else b"")
