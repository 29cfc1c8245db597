"""What a forecast wants to know of a campaign: who waits where since when, and how the latest attempts went.

A long queue is sampled and a long history cut, so that asking costs the same for a million contacts as for ten
thousand, but for one walk over the index of those who wait. In plain SQL, as all that only looks: see ``glance``.
"""

# ruff: noqa: S608  statements are made of words of this file alone

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

import msgspec

from dialer.campaigns.retry import NOBODY_RANG
from dialer.compliance.whereabouts import Whereabouts
from dialer.contacts.contact import Contact, LineType, Number, NumberKind
from dialer.contacts.micros import from_micros
from dialer.store.glance import Glance

SAMPLE = 4000  # contacts that wait
RECENT = 5000  # attempts that ended
MINUTE = 60_000_000  # microseconds

# The number of a row is part of the index, so rows passed over are not read.
_SAMPLED = """
    queue.campaign_id = :of_campaign AND queue.state IN ('waiting', 'claimed', 'dialing') AND queue.id % :every = 0
"""

STANDING = f"""
    SELECT place.key, standing.attempts, standing.minute, standing.calling, standing.contacts
    FROM (SELECT place_id, attempts, due_at / {MINUTE} AS minute, state = 'dialing' AS calling, count(*) AS contacts
          FROM queue WHERE {_SAMPLED} GROUP BY 1, 2, 3, 4) AS standing
    JOIN place ON place.id = standing.place_id
"""

UNPLACED = f"""
    SELECT contact.e164, contact.region, contact.kind, contact.time_zone, contact.postal_code, contact.state,
           contact.line_type, queue.attempts, queue.due_at / {MINUTE}, queue.state = 'dialing'
    FROM queue JOIN contact ON contact.id = queue.contact_id
    WHERE {_SAMPLED} AND queue.place_id NOT IN (SELECT id FROM place)
"""

LATEST = """
    SELECT newest.placed_at, newest.outcome, newest.ended_at,
           (SELECT count(*) FROM attempt AS earlier JOIN outcome AS ended ON ended.attempt_id = earlier.attempt_id
            WHERE earlier.queue_id = newest.queue_id AND earlier.placed_at < newest.placed_at
                  AND ended.outcome NOT IN (SELECT value FROM json_each(:nobody_rang)))
    FROM (SELECT attempt.queue_id, attempt.placed_at, outcome.outcome, outcome.ended_at
          FROM attempt JOIN outcome ON outcome.attempt_id = attempt.attempt_id
          WHERE attempt.campaign_id = :of_campaign ORDER BY attempt.placed_at DESC LIMIT :most) AS newest
    ORDER BY newest.placed_at
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """Contacts that are not finished and stand alike; in a sample each stands for as many as the sample does."""

    place: str  # a Place.key
    attempts: int  # that may have rung
    due_at: datetime  # to the minute
    calling: bool  # an attempt is open
    contacts: int


@dataclass(frozen=True, slots=True)
class CampaignRates:
    """Where a campaign's contacts stand, and its latest attempts, oldest first."""

    waiting: int  # contacts, of which ``sample`` has some or all
    calling: int
    sample: tuple[Standing, ...]
    dials: tuple[tuple[datetime, int], ...]  # when, and which attempt of its contact, from 1
    outcomes: dict[int, dict[str, int]]  # by attempt number
    lengths_s: tuple[float, ...]  # from the decision to the end of the call


def rates_of(store: Glance, campaign_id: int, *, sample: int = SAMPLE, recent: int = RECENT) -> CampaignRates:
    """About ``sample`` contacts and at most ``recent`` attempts are read. Raises StoreError."""
    queue = store.queue_summary(campaign_id)
    waiting = queue.waiting + queue.claimed
    every = 1 if waiting <= sample else waiting // sample | 1  # odd, so as not to fall in with a list's order
    asked = {"of_campaign": campaign_id, "every": every}
    standing = [
        Standing(key, attempts, from_micros(minute * MINUTE), bool(calling), contacts)
        for key, attempts, minute, calling, contacts in store.ask(STANDING, asked)
    ]
    whereabouts = Whereabouts()
    for e164, region, kind, zone, postal_code, state, line, *stands in store.ask(UNPLACED, asked):
        contact = Contact(
            Number(e164, region, NumberKind(kind)),
            time_zone=zone,
            postal_code=postal_code,
            state=state,
            line_type=LineType(line),
        )
        attempts, minute, calling = stands
        standing.append(
            Standing(whereabouts.place(contact).key, attempts, from_micros(minute * MINUTE), bool(calling), 1)
        )
    outcomes: defaultdict[int, Counter[str]] = defaultdict(Counter)
    dials: list[tuple[datetime, int]] = []
    lengths: list[float] = []
    history = {
        "of_campaign": campaign_id, "most": recent, "nobody_rang": msgspec.json.encode(sorted(NOBODY_RANG)).decode(),
    }  # fmt: skip
    for placed_at, outcome, ended_at, before in store.ask(LATEST, history):
        outcomes[before + 1][outcome] += 1
        dials.append((from_micros(placed_at), before + 1))
        if outcome not in NOBODY_RANG:
            lengths.append((ended_at - placed_at) / 1e6)
    by_number = {number: dict(counts) for number, counts in outcomes.items()}
    return CampaignRates(waiting, queue.dialing, tuple(standing), tuple(dials), by_number, tuple(lengths))
