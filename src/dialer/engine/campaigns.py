"""The campaigns of a run: one task each, begun and ended as the store says."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dialer.calls.plan import OperatorLine
from dialer.engine.campaign_run import CampaignRun, Shared
from dialer.errors import DialerError, StoreError
from dialer.log import Log
from dialer.results.records import CampaignRow, CampaignState, Claim

if TYPE_CHECKING:
    from dialer.engine.ports import CampaignLoader

_log = Log("dialer.engine")


class Campaigns:
    """Begins, wakes, paces and ends the tasks. One that fails is paused with the reason; its contacts stay due."""

    def __init__(self, shared: Shared, loader: CampaignLoader, may_begin: Callable[[], bool]) -> None:
        self._shared = shared
        self._loader = loader
        self._may_begin = may_begin
        self._runs: dict[int, tuple[CampaignRun, asyncio.Task[None]]] = {}
        self._held: defaultdict[int, list[Claim]] = defaultdict(list)
        self.seen: set[int] = set()  # campaigns that were running in this run

    @property
    def runs(self) -> list[CampaignRun]:
        """Those at work."""
        return [run for run, _ in self._runs.values()]

    @property
    def next_at(self) -> datetime | None:
        """When the first of the idle ones goes on."""
        return min((run.next_at for run in self.runs if run.idle and run.next_at is not None), default=None)

    async def match(self, running: Sequence[CampaignRow]) -> None:
        """Make the tasks those of these campaigns, at the pace that their rows say."""
        wanted = {row.id: row for row in running}
        self.seen |= wanted.keys()
        for campaign_id in list(self._runs):
            run, task = self._runs[campaign_id]
            if task.done():
                await self._reap(campaign_id)
                wanted.pop(campaign_id, None)  # ``running`` may be older than its end: the next look tells
            elif campaign_id not in wanted:
                run.end()
            else:
                run.pace(wanted[campaign_id].cps, wanted[campaign_id].channels)
        for row in wanted.values():
            if row.id not in self._runs and self._may_begin():
                try:
                    await self._begin(row)
                except Exception as error:  # noqa: BLE001  the campaign is paused with it
                    await self._failed(row, error)

    def wake(self) -> None:
        """Something has changed: everybody looks again, now."""
        for run in self.runs:
            run.wake()

    def end(self) -> None:
        """Nobody claims or places anything more."""
        for run in self.runs:
            run.end()

    async def ended(self, within_s: float) -> None:
        """Wait until all tasks are over, or so long."""
        if self._runs:
            await asyncio.wait(self._tasks(), timeout=within_s)

    async def cancel(self) -> None:
        """End all tasks where they stand."""
        for task in self._tasks():
            task.cancel()
        await asyncio.gather(*self._tasks(), return_exceptions=True)
        for campaign_id in list(self._runs):
            await self._reap(campaign_id)

    def _tasks(self) -> Iterable[asyncio.Task[None]]:
        return [task for _, task in self._runs.values()]

    async def _begin(self, row: CampaignRow) -> None:
        loaded = await self._loader.load(row)
        await self._shared.pool.load_sounds(dict(loaded.sounds))
        if (plan := loaded.operators) is not None:
            await self._shared.pool.meet_operators(OperatorLine(address=a, trunk=plan.trunk) for a in plan.addresses)
            self._shared.operators.serve(row.id, plan)
        run = CampaignRun(loaded, self._shared, self._held[row.id])
        self._runs[row.id] = (run, asyncio.create_task(run.run()))

    async def _reap(self, campaign_id: int) -> None:
        run, task = self._runs.pop(campaign_id)
        if not task.cancelled() and (error := task.exception()) is not None:
            await self._failed(run.campaign.row, error)

    async def _failed(self, row: CampaignRow, error: BaseException) -> None:
        if isinstance(error, DialerError):
            reason = str(error)
        else:
            reason = f"internal error: {error!r}"
            _log.error("a campaign's task failed", campaign=row.name, exc_info=error)
        shared = self._shared
        shared.observer.trouble("campaign", f"{row.name}: {reason}")
        with contextlib.suppress(StoreError):  # then it is found running again, and fails again
            await shared.store.set_campaign_state(row.id, CampaignState.PAUSED, shared.clock.now(), reason=reason)
            shared.observer.campaign_changed(row, CampaignState.PAUSED, reason)
