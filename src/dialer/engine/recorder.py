"""Writing outcomes down, and stopping everything when that cannot be done."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.engine.complaint import Complaint
from dialer.engine.ports import EngineStore
from dialer.results.records import Ended

BATCH = 256


class Recorder:
    """Takes ended attempts and makes them durable in groups.

    While the store refuses, nothing is dropped: what it did not take is tried again, one by one, and ``failing`` holds,
    during which the engine places no call. ``on_durable`` is called for each attempt once it is on disk.
    """

    def __init__(
        self,
        store: EngineStore,
        *,
        on_durable: Callable[[Ended], None],
        on_trouble: Callable[[str], None],
        retry_s: float,
        gather_s: float,
    ) -> None:
        """``gather_s`` is how long the first outcome of a group waits for others: transactions cost more than rows."""
        self._hurry = asyncio.Event()
        self._store = store
        self._on_durable = on_durable
        self._retry_s = retry_s
        self._gather_s = gather_s
        self._queue: asyncio.Queue[tuple[Ended, DncEntry | None]] = asyncio.Queue()
        self._refused: set[str] = set()  # attempts whose outcome failed on its own, not as one of a group
        self._complaint = Complaint(on_trouble, well_again="outcomes are stored again")
        self.unstored = 0

    @property
    def failing(self) -> bool:
        """Whether an outcome could not be stored, and still is not."""
        return self._complaint.standing

    def ended(self, ended: Ended, opt_out: DncEntry | None) -> None:
        """An attempt has ended; with ``opt_out`` its number goes on the do-not-call list first."""
        self.unstored += 1
        self._queue.put_nowait((ended, opt_out))
        if opt_out is not None:
            self.hurry()

    def hurry(self) -> None:
        """What waits for others goes now: a transaction is about to be written that can have it in it as well."""
        if self.unstored:
            self._hurry.set()

    async def flushed(self) -> None:
        """Wait until everything given so far is durable."""
        self.hurry()
        await self._queue.join()

    async def run(self) -> None:
        """Write until cancelled."""
        size = BATCH
        while True:
            group = [await self._queue.get()]
            if self._queue.qsize() < size:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._gather_s):
                        await self._hurry.wait()
            self._hurry.clear()
            while len(group) < size and not self._queue.empty():
                group.append(self._queue.get_nowait())
            if await self._write(group):
                size = min(2 * size, BATCH)
            else:
                for each in group:  # behind the others: one that the store will not take must not hold them up
                    self._queue.put_nowait(each)
                size = 1
                await asyncio.sleep(self._retry_s)
            for _ in group:
                self._queue.task_done()

    async def _write(self, group: list[tuple[Ended, DncEntry | None]]) -> bool:
        opt_outs = [opt_out for _, opt_out in group if opt_out is not None]
        ids = {ended.record.attempt_id for ended, _ in group}
        try:
            if opt_outs:
                await self._store.add_opt_outs(opt_outs)
            await self._store.record_outcomes([ended for ended, _ in group])
        except Exception as error:  # noqa: BLE001  whatever it is, these are not stored, and no call may be placed
            if len(ids) == 1:
                self._refused |= ids
            self._complaint.failed(f"outcomes cannot be stored, no call is placed: {error}")
            return False
        self._refused -= ids
        if not self._refused:
            self._complaint.well()
        self.unstored -= len(group)
        for ended, _ in group:
            self._on_durable(ended)
        return True


def opt_out_of(ended: Ended, number: str) -> DncEntry | None:
    """The do-not-call entry that an outcome asks for, or None."""
    record = ended.record
    reason = {Outcome.OPTED_OUT: "opted out in the call", Outcome.ABUSE: "unwanted (SIP 607)"}.get(record.outcome)
    if reason is None:
        return None
    return DncEntry(e164=number, added_at=record.ended_at, reason=reason, source=record.attempt_id)
