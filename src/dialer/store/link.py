"""A connection and the thread that it lives on: each piece of work is one trip there and back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
import sqlalchemy as sa

T = TypeVar("T")

KEPT = 4


class Transact(Protocol):
    """Runs work on a connection, in a transaction."""

    async def __call__(self, work: Callable[[sa.Connection], T], /) -> T: ...


class Link(aiosqlite.Connection):
    """aiosqlite's thread, on which whole transactions run over SQLAlchemy: statement by statement costs a trip each.

    Work that was begun is finished, whether or not its caller is cancelled; what is handed in next waits for it.
    """

    def __init__(self, engine: sa.Engine) -> None:
        """``engine`` has no pool: it makes the connection on the thread that it is then used on."""
        super().__init__(self._connected, iter_chunk_size=1)
        self._engine = engine

    @classmethod
    async def open(cls, engine: sa.Engine) -> Self:
        """Connected, its thread running. Raises what SQLite raises."""
        link = cls(engine)
        _ = await link
        return link

    def _connected(self) -> sqlite3.Connection:
        self._sql = self._engine.connect()
        driver: Any = self._sql.connection.driver_connection
        return driver  # type: ignore[no-any-return]

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` there, in the transaction that there is or in none."""
        result: T = await self._execute(work, self._sql)  # type: ignore[no-untyped-call]
        return result

    async def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Run ``work`` in a transaction of its own, undone when it raises."""

        def whole(connection: sa.Connection) -> T:
            with connection.begin():
                return work(connection)

        return await self.run(whole)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Transact]:
        """One transaction over several trips; nothing of it is kept."""
        try:
            await self.run(sa.Connection.begin)
            yield self.run
        finally:
            await self.run(sa.Connection.rollback)

    async def close(self) -> None:
        """Let the connection and its thread go, once what was handed in is done."""
        await self.run(sa.Connection.close)
        await super().close()


class Links:
    """Links to one file: made when they are wanted, a few kept for those who come next."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._idle: list[Link] = []
        self._going: set[asyncio.Task[None]] = set()
        self._closed = False

    @asynccontextmanager
    async def borrow(self) -> AsyncIterator[Link]:
        """A link that nobody else uses."""
        link = self._idle.pop() if self._idle else await Link.open(self._engine)
        try:
            yield link
        except asyncio.CancelledError:  # its work goes on, and nobody else is to wait for that
            going = asyncio.create_task(link.close())
            self._going.add(going)
            going.add_done_callback(self._going.discard)
            raise
        except BaseException:
            await self._put_back(link)
            raise
        else:
            await self._put_back(link)

    async def _put_back(self, link: Link) -> None:
        if self._closed or len(self._idle) == KEPT:
            await link.close()
        else:
            self._idle.append(link)

    async def close(self) -> None:
        """Let them go; those that are still used, as soon as they are put back."""
        self._closed = True
        while self._idle:
            await self._idle.pop().close()
        await asyncio.gather(*self._going)
