"""Writing outcomes down, and stopping everything when that cannot be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dialer.calls.outcome import Outcome
from dialer.compliance.policy import DncEntry
from dialer.engine.ports import EngineStore
from dialer.errors import StoreError
from dialer.results.records import Ended

RETRY_S = 1.0
BATCH = 256


class Recorder:
    """Takes ended attempts and makes them durable in groups.

    While the store refuses, nothing is dropped: the same group is tried again and ``failing`` holds, during which the
    engine places no call. ``on_durable`` is called for each attempt once it is on disk.
    """

    def __init__(
        self, store: EngineStore, *, on_durable: Callable[[Ended], None], on_trouble: Callable[[str], None]
    ) -> None:
        self._store = store
        self._on_durable = on_durable
        self._on_trouble = on_trouble
        self._queue: asyncio.Queue[tuple[Ended, DncEntry | None]] = asyncio.Queue()
        self.failing = False

    def ended(self, ended: Ended, opt_out: DncEntry | None) -> None:
        """An attempt has ended; with ``opt_out`` its number goes on the do-not-call list first."""
        self._queue.put_nowait((ended, opt_out))

    async def flushed(self) -> None:
        """Wait until everything given so far is durable."""
        await self._queue.join()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            group = [await self._queue.get()]
            while len(group) < BATCH and not self._queue.empty():
                group.append(self._queue.get_nowait())
            await self._write(group)
            for ended, _ in group:
                self._on_durable(ended)
                self._queue.task_done()

    async def _write(self, group: list[tuple[Ended, DncEntry | None]]) -> None:
        opt_outs = [opt_out for _, opt_out in group if opt_out is not None]
        while True:
            try:
                if opt_outs:
                    await self._store.add_opt_outs(opt_outs)
                await self._store.record_outcomes([ended for ended, _ in group])
            except StoreError as error:
                if not self.failing:
                    self._on_trouble(f"outcomes cannot be stored, no call is placed: {error}")
                self.failing = True
                await asyncio.sleep(RETRY_S)
            else:
                if self.failing:
                    self._on_trouble("outcomes are stored again")
                self.failing = False
                return


def opt_out_of(ended: Ended, number: str) -> DncEntry | None:
    """The do-not-call entry that an outcome asks for, or None."""
    record = ended.record
    reason = {Outcome.OPTED_OUT: "opted out in the call", Outcome.ABUSE: "unwanted (SIP 607)"}.get(record.outcome)
    if reason is None:
        return None
    return DncEntry(e164=number, added_at=record.ended_at, reason=reason, source=record.attempt_id)
