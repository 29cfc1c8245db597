"""When a campaign's waiting contacts may be called: what the engine's planner sees, for whoever asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from dialer.campaigns.planning import WaitingPlace, plan
from dialer.compliance.decision import CheckName
from dialer.compliance.gate import KEY_BYTES, Gate
from dialer.results.summary import RefusalCount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dialer.cli.context import Context
    from dialer.compliance.policy import CampaignPolicy
    from dialer.results.records import PlaceDue


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the next contact may be called (None: nobody waits), and who waits for the hours of which place."""

    next_at: datetime | None
    shut: tuple[RefusalCount, ...]


def outlook(context: Context, places: Iterable[tuple[PlaceDue, int]], policy: CampaignPolicy, now: datetime) -> Outlook:
    """A campaign's outlook at ``now``, of the places where so many contacts wait.

    Those who wait for the hours were not refused: nobody asked the gate yet.
    """
    gate = Gate(context.rules, context.config.operator, bytes(KEY_BYTES))
    waiting, shut = [], []
    for place, contacts in places:
        at = max(place.next_due, now)
        opening = gate.opening(gate.place_of_key(place.key), policy, at) if place.key else None
        waiting.append(WaitingPlace(place.place_id, place.next_due, opening))
        if opening is not None and place.next_due <= now < opening.opens_at:
            reason, citation = gate.why_shut(gate.place_of_key(place.key), policy, now)
            shut.append(
                RefusalCount(
                    check=CheckName.CALLING_WINDOW,
                    reason=reason,
                    citation=citation,
                    deferred=True,
                    contacts=contacts,
                    next_due=opening.opens_at,
                )
            )
    return Outlook(plan(waiting, now).next_at, tuple(sorted(shut, key=lambda each: -each.contacts)))
