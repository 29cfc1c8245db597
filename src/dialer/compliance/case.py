"""One question to the gate."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property

from dialer.compliance import caps, consent
from dialer.compliance.ground import Ground
from dialer.compliance.policy import CampaignPolicy, Facts
from dialer.contacts.zones import CandidateZones


class Case:
    """One question to the gate, on the ground that it stands on; ``now`` is UTC."""

    def __init__(
        self,
        facts: Facts,
        policy: CampaignPolicy,
        now: datetime,
        ground: Ground,
        zones: CandidateZones,
        facts_max_age: timedelta,
    ) -> None:
        self.facts = facts
        self.policy = policy
        self.now = now
        self.ground = ground
        self.zones = zones
        self.facts_max_age = facts_max_age

    @cached_property
    def consent(self) -> consent.Standing:
        return consent.standing(self.facts.consents, self.policy.seller, self.now)

    def caps_at(self, at: datetime) -> list[caps.CapCount]:
        ground = self.ground
        return caps.count_caps(
            ground.rows if ground.holds_at(at) else ground.rows_at(at),
            self.facts.history,
            self.policy.purpose,
            consented=self.consent.kind is not None,
            at=at,
        )
