"""Whom one campaign calls next, and when it may go on if it may call nobody now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dialer.campaigns.planning import Plan, WaitingPlace, plan
from dialer.campaigns.spread import Opens, openings_of

if TYPE_CHECKING:
    from dialer.compliance.gate import Gate
    from dialer.compliance.policy import CampaignPolicy
    from dialer.compliance.whereabouts import Place
    from dialer.compliance.windows import Opening
    from dialer.engine.ports import EngineStore
    from dialer.results.records import PlaceDue


class Planner:
    """Reads where contacts wait, and knows the hours of these places. Holds no contact."""

    def __init__(self, store: EngineStore, campaign_id: int, policy: CampaignPolicy) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._policy = policy
        self._openings: dict[int, tuple[datetime, Opening]] = {}  # with the time they were asked for
        self._days: dict[Place, Opens] = {}
        self._gate: Gate | None = None

    async def plan(self, gate: Gate, now: datetime) -> Plan:
        """The plan at ``now``. Raises StoreError."""
        self._use(gate)
        waiting = await self._store.places(self._campaign_id)
        return plan(
            (WaitingPlace(each.place_id, each.next_due, self._opening(gate, each, now)) for each in waiting), now
        )

    def openings(self, gate: Gate, place: Place) -> Opens:
        """The hours of a place day by day, as campaigns.spread wants them."""
        self._use(gate)
        known = self._days.get(place)
        if known is None:
            known = self._days[place] = openings_of(gate.window(place, self._policy))
        return known

    def _use(self, gate: Gate) -> None:
        if gate is not self._gate:
            self._gate = gate
            self._openings.clear()
            self._days.clear()

    def _opening(self, gate: Gate, place: PlaceDue, now: datetime) -> Opening | None:
        """Kept until the hours are over: they are asked for at every step. None: not known, or none to come."""
        if not place.key:
            return None
        at = max(place.next_due, now)
        asked_at, known = self._openings.get(place.place_id, (at, None))
        if known is None or not (known.open_at(at) or asked_at <= at < known.opens_at):
            known = gate.opening(gate.place_of_key(place.key), self._policy, at)
            if known is not None:
                self._openings[place.place_id] = at, known
        return known
