"""What the store and the registries say for metrics and health, read now and then and never often."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from dialer.errors import RegistryError, StoreError

if TYPE_CHECKING:
    from dialer.compliance.dnc.registries import Registries
    from dialer.engine.ports import Clock
    from dialer.store.reports import Reports
    from dialer.store.standing import QueueStanding

EVERY_S = 5.0
REST = 20  # times as long as reading took, at least: a long queue is read more seldom


@dataclass(frozen=True, slots=True)
class Found:
    """The last survey. What could not be read is not there: an old figure would look like a new one."""

    queues: tuple[QueueStanding, ...] = ()
    registries: Mapping[str, date] = field(default_factory=dict)  # the day of the oldest data of each
    registry_trouble: str = ""


class Survey:
    """Looks again when it is time to."""

    def __init__(self, reports: Reports, registries: Registries, clock: Clock) -> None:
        self._reports = reports
        self._registries = registries
        self._clock = clock
        self._next_at = clock.monotonic()
        self.found = Found()

    async def look(self) -> None:
        """Read anew, unless the last time is too recent."""
        begun = self._clock.monotonic()
        if begun < self._next_at:
            return
        queues: tuple[QueueStanding, ...] = ()
        days: dict[str, date] = {}
        trouble = ""
        with contextlib.suppress(StoreError):  # the engine meets the same store, and says so
            queues = tuple(await self._reports.queue_standing(self._clock.now()))
        try:
            for name, volume in self._registries.volumes().items():
                days[name] = min(section.data_date for section in volume.header.sections.values())
        except RegistryError as error:
            trouble = str(error)
        self.found = Found(queues, days, trouble)
        now = self._clock.monotonic()
        self._next_at = now + max(EVERY_S, REST * (now - begun))
