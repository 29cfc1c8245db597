"""What goes on beside a run: it is measured, it can be asked how it is, and its service manager is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec

from dialer.cli.endpoint import Endpoint, Page
from dialer.cli.health import Fitness, Health, health_of
from dialer.engine.status import Phase

if TYPE_CHECKING:
    from dialer.cli.metrics import Metrics
    from dialer.cli.notify import ServiceManager
    from dialer.cli.survey import Survey
    from dialer.config_sections import MetricsSection
    from dialer.engine.status import EngineStatus

PULSE_S = 0.25  # how often the event loop is measured, and what has changed is told
LOOK_S = 1.0  # how often the survey is asked whether it is time again
LAST_S = 30.0  # for a run to end once its drain is over: agents, last outcomes
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Watch:
    """Looks after one run: ``status`` is how it stands, ``drain_s`` how long live calls may go on after a stop.

    Without ``metrics`` there is no page.
    """

    def __init__(
        self,
        status: Callable[[], EngineStatus],
        *,
        metrics: Metrics | None,
        survey: Survey,
        settings: MetricsSection,
        manager: ServiceManager,
        drain_s: float,
    ) -> None:
        self._status = status
        self._metrics = metrics
        self._survey = survey
        self._settings = settings
        self._teller = _Teller(manager, drain_s)

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Watch for as long as the context lasts. Raises ConfigError, before anything else, when the port is taken."""
        async with AsyncExitStack() as stack:
            if self._metrics is not None:
                metrics = self._metrics
                pages = {
                    "/metrics": lambda: Page(metrics.page(), METRICS_TYPE),
                    "/health": self._health_page,
                }
                await stack.enter_async_context(Endpoint(pages, self._settings.bind, self._settings.port))
            # The pulse feeds the watchdog: it waits for nothing that may take long, such as the store.
            tasks = [asyncio.create_task(self._pulse())]
            if self._metrics is not None:
                tasks.append(asyncio.create_task(self._look()))
            try:
                yield
            finally:
                self._teller.over()
                for task in tasks:
                    task.cancel()
                for result in await asyncio.gather(*tasks, return_exceptions=True):
                    if isinstance(result, Exception):
                        raise result

    async def _pulse(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + PULSE_S
            await asyncio.sleep(PULSE_S)
            now = loop.time()
            if self._metrics is not None:
                self._metrics.lagged(max(0.0, now - due))
            self._teller.tell(self._health(), now)

    async def _look(self) -> None:
        while True:
            await self._survey.look()
            await asyncio.sleep(LOOK_S)

    def _health(self) -> Health:
        return health_of(self._status(), self._survey.found.registry_trouble)

    def _health_page(self) -> Page:
        health = self._health()
        status = HTTPStatus.SERVICE_UNAVAILABLE if health.status is Fitness.FAILING else HTTPStatus.OK
        return Page(msgspec.json.encode(health) + b"\n", "application/json", status)


class _Teller:
    """Tells the service manager what is new to it."""

    def __init__(self, manager: ServiceManager, drain_s: float) -> None:
        self._manager = manager
        self._drain_s = drain_s
        self._told = ""
        self._phase = Phase.STARTING  # as told
        self._alive_until = 0.0

    def tell(self, health: Health, now: float) -> None:
        """``now`` is the event loop's time: that this is called is the sign of life."""
        if self._manager.watchdog_s is not None and now >= self._alive_until:
            self._alive_until = now + self._manager.watchdog_s / 3
            self._manager.alive()
        line = _line(health)
        if health.phase is Phase.RUNNING and self._phase is Phase.STARTING:
            if self._manager.ready(line):  # again with the next pulse, if it could not be delivered
                self._phase, self._told = Phase.RUNNING, line
        elif health.phase is Phase.STOPPING and self._phase is not Phase.STOPPING:
            self._stopping(line)
        elif line != self._told:
            self._told = line
            self._manager.status(line)

    def over(self) -> None:
        """The run has ended, whether or not it was asked to."""
        if self._phase is not Phase.STOPPING:
            self._stopping("ending")
        self._manager.close()

    def _stopping(self, line: str) -> None:
        self._phase, self._told = Phase.STOPPING, line
        self._manager.stopping(line, self._drain_s + LAST_S)


def _line(health: Health) -> str:
    calls = f"{health.live_calls} live call{'' if health.live_calls == 1 else 's'}"
    return "; ".join([f"{health.phase}, {health.status}, {calls}", *health.reasons])
