"""Opt-outs said in a call: durable first, then the call may end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from dialer.calls.frames import OptOut
from dialer.compliance.policy import DncEntry
from dialer.engine.complaint import Complaint
from dialer.engine.ports import EngineStore, Spawn


class OptOuts:
    """Makes each opt-out durable, however long that takes, and then confirms it to its call."""

    def __init__(
        self,
        store: EngineStore,
        spawn: Spawn,
        *,
        confirm: Callable[[str], Awaitable[None]],
        on_trouble: Callable[[str], None],
        retry_s: float,
    ) -> None:
        """``confirm`` is given the attempt's id."""
        self._store = store
        self._spawn = spawn
        self._confirm = confirm
        self._retry_s = retry_s
        self._complaint = Complaint(on_trouble, well_again="opt-outs are stored again")
        self._tasks: set[asyncio.Task[None]] = set()
        self.unstored: set[str] = set()  # attempts

    @property
    def failing(self) -> bool:
        """Whether one could not be stored, and still is not: no call may be placed meanwhile."""
        return self._complaint.standing

    def heard(self, frame: OptOut) -> None:
        """A person has opted out."""
        self.unstored.add(frame.attempt_id)
        task = self._spawn(self._keep(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stored(self) -> None:
        """Wait until every one heard so far is durable. Cancelled, it gives up those that are not."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, frame: OptOut) -> None:
        entry = DncEntry(
            e164=frame.number, added_at=frame.at, reason=f"opted out: {frame.how}", source=frame.attempt_id
        )
        while True:
            try:
                await self._store.add_opt_outs([entry])
                break
            except Exception as error:  # noqa: BLE001  whatever it is, the opt-out is not stored
                self._complaint.failed(f"an opt-out cannot be stored, no call is placed: {error}")
            await asyncio.sleep(self._retry_s)
        self.unstored.discard(frame.attempt_id)
        if not self.unstored:
            self._complaint.well()
        await self._confirm(frame.attempt_id)
