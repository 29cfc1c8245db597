"""Whom one campaign calls next, and when it may go on if it may call nobody now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dialer.campaigns.planning import Plan, WaitingPlace, plan

if TYPE_CHECKING:
    from dialer.compliance.gate import Gate
    from dialer.compliance.policy import CampaignPolicy
    from dialer.compliance.windows import Opening
    from dialer.engine.ports import EngineStore
    from dialer.results.records import PlaceDue


class Planner:
    """Reads where contacts wait, and knows the hours of these places. Holds no contact."""

    def __init__(self, store: EngineStore, campaign_id: int, policy: CampaignPolicy) -> None:
        self._store = store
        self._campaign_id = campaign_id
        self._policy = policy
        self._openings: dict[int, Opening | None] = {}
        self._gate: Gate | None = None

    async def plan(self, gate: Gate, now: datetime) -> Plan:
        """The plan at ``now``. Raises StoreError."""
        if gate is not self._gate:
            self._gate = gate
            self._openings.clear()
        waiting = await self._store.places(self._campaign_id)
        return plan((WaitingPlace(each.place_id, each.next_due, self._opening(each, now)) for each in waiting), now)

    def opening(self, key: str, at: datetime) -> Opening | None:
        """The hours around or after ``at`` of the place with this key; None: not known, or none to come."""
        if self._gate is None or not key:
            return None
        return self._gate.opening(self._gate.place_of_key(key), self._policy, at)

    def _opening(self, place: PlaceDue, now: datetime) -> Opening | None:
        """Kept until the hours are over: they are asked for at every step."""
        at = max(place.next_due, now)
        known = self._openings.get(place.place_id)
        if known is None or (known.closes_at or now) <= at or known.opens_at > at:
            known = self._openings[place.place_id] = self.opening(place.key, at)
        return known
