"""Group commit: work handed in while a transaction runs shares the next one, and with it one fsync."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from dialer.errors import StoreError
from dialer.store.faults import store_errors
from dialer.store.link import Transact

T = TypeVar("T")

MAX_GROUP = 64


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writer:
    """The one task that writes.

    Work is a function of a connection; it must be safe to run again, because a group of which one member fails is
    rolled back and its members are then run one by one, so that none suffers for another. A caller that is cancelled
    leaves its work to be finished or, if it had not begun, undone.
    """

    def __init__(self, transact: Transact, path: Path, hold_on: Callable[[], Awaitable[None]]) -> None:
        """``hold_on`` sees to it, before and after each transaction, that what is written stays; raises StoreError."""
        self._transact = transact
        self._hold_on = hold_on
        self._path = path
        self._jobs: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._closed = False
        self._task = asyncio.create_task(self._run(), name=f"writer of {path.name}")

    async def do(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction; return once it is on disk. Raises what it raises; SQL errors as StoreError."""
        if self._closed:
            raise StoreError(f"{self._path} was closed")
        job = _Job(work)
        self._jobs.put_nowait(job)
        result: T = await job.done
        return result

    async def close(self) -> None:
        """Finish what was handed in, then end."""
        self._closed = True
        self._jobs.put_nowait(None)
        await self._task

    async def _run(self) -> None:
        while True:
            group = [await self._jobs.get()]
            while len(group) < MAX_GROUP and not self._jobs.empty():
                group.append(self._jobs.get_nowait())
            jobs = [job for job in group if job is not None and not job.done.cancelled()]
            if jobs:
                await self._commit(jobs)
            if None in group:
                return

    async def _commit(self, jobs: Sequence[_Job]) -> None:
        begun = False

        def work(connection: Connection) -> list[Any]:
            nonlocal begun
            begun = True
            return [job.work(connection) for job in jobs]

        try:
            with store_errors(self._path):
                await self._hold_on()
                results = await self._transact(work)
                begun = False  # it is done: not to be run again, whatever comes
                await self._hold_on()
        except Exception as error:  # noqa: BLE001  belongs to the callers, who get it
            if begun and len(jobs) > 1:
                for job in jobs:
                    await self._commit([job])
                return
            for job in jobs:
                if not job.done.done():
                    job.done.set_exception(error)
        else:
            for job, result in zip(jobs, results, strict=True):
                if not job.done.done():
                    job.done.set_result(result)
