"""The forecast in ``dialer campaign status``: when a campaign ends, and how many it reaches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from dialer.campaigns.retry import Finished
from dialer.cli.context import Context
from dialer.errors import DialerError
from dialer.results.records import CampaignState

if TYPE_CHECKING:
    from dialer.campaigns.definition import Definition
    from dialer.campaigns.spread import DayOpening
    from dialer.compliance.policy import CampaignPolicy
    from dialer.results.records import CampaignRow
    from dialer.store.glance import CampaignProgress, Glance
    from dialer.store.rates import Standing

AHEAD = timedelta(days=14)
MOST_PLACES = 8  # whose hours are looked up; contacts elsewhere are taken to be open like most are


def forecast_of(
    context: Context, store: Glance, row: CampaignRow, definition: Definition, progress: CampaignProgress
) -> dict[str, Any] | None:
    """As JSON has it. None before the first outcome, and for a campaign that is not to go on."""
    if row.state not in {CampaignState.RUNNING, CampaignState.PAUSED} or not progress.outcomes:
        return None
    # They need numpy and the law, which a status without a forecast does without.
    from dialer.campaigns.figures import Figures, call_length, pace_of, scaled
    from dialer.campaigns.forecast import forecast
    from dialer.store.rates import rates_of

    rates = rates_of(store, row.id)
    now = context.clock.now()
    groups, openings = _openings(context, rates.sample, definition.policy(row.id), now)
    calling: Counter[tuple[int, datetime, int]] = Counter()
    waiting: Counter[tuple[int, datetime, int]] = Counter()
    for each, group in zip(rates.sample, groups, strict=True):
        (calling if each.calling else waiting)[each.attempts, each.due_at, group] += each.contacts
    finished = progress.finished_because
    call_s = call_length(rates.lengths_s)
    told = forecast(
        Figures(
            waiting=scaled(waiting, rates.waiting),
            calling=scaled(calling, rates.calling),
            openings=openings,
            finished=sum(finished.values()),
            reached=finished.get(Finished.REACHED, 0),
            refused=finished.get(Finished.REFUSED, 0),
            outcomes=rates.outcomes,
            pace=pace_of(rates.dials, _configured_pace(context, row, definition, call_s)),
            call_s=call_s,
        ),
        definition.retry(),
        now,
        seed=row.id,
    )
    return {
        "ends": {"p10": told.ends.p10, "median": told.ends.median, "p90": told.ends.p90},
        "reached": {"p10": told.reached.p10, "median": told.reached.median, "p90": told.reached.p90},
        "contacts": told.contacts,
        "looked_ahead_until": now + AHEAD,
    }


def forecast_line(status: dict[str, Any]) -> str:
    """The same in words, for a campaign's status; empty without a forecast."""
    told = status["forecast"]
    if told is None:
        return ""
    ends, reached = told["ends"], told["reached"]
    late = f"after {_moment(told['looked_ahead_until'])}"
    median, p10, p90 = (_moment(ends[key]) if ends[key] else late for key in ("median", "p10", "p90"))
    between = f" (between {p10} and {p90})" if ends["p10"] else ""
    resumed = ", if resumed now" if status["state"] == CampaignState.PAUSED else ""
    return (
        f"  forecast{resumed}: ends {median}{between}, {reached['median']:,} of {told['contacts']:,} reached "
        f"({reached['p10']:,} to {reached['p90']:,})"
    )


def _moment(at: datetime) -> str:
    return f"{at:%a %Y-%m-%d %H:%M} UTC"


def _configured_pace(context: Context, row: CampaignRow, definition: Definition, call_s: float) -> float:
    """Dials a second: the campaign's, its trunks', and what its channels carry."""
    from dialer.cli.loading import trunks_for

    cps = row.cps or definition.pacing.cps
    channels = row.channels or definition.pacing.channels
    with suppress(DialerError):  # the status is told even if sip.conf has changed
        trunks = trunks_for(definition, context.config)
        cps = min(cps, sum(trunk.cps for trunk in trunks))
        channels = min(channels, sum(trunk.channels for trunk in trunks))
    return min(cps, channels / call_s)


def _openings(
    context: Context, sample: Sequence[Standing], policy: CampaignPolicy, now: datetime
) -> tuple[list[int], list[list[DayOpening]]]:
    """For each of the sample the place of its openings in the list that is returned as well."""
    from dialer.campaigns.spread import openings_of
    from dialer.compliance.policy import Purpose
    from dialer.compliance.whereabouts import Whereabouts
    from dialer.compliance.windows import CallingWindow

    whereabouts = Whereabouts()
    where = [(place.jurisdictions, place.zones) for place in (whereabouts.of_key(each.place) for each in sample)]
    contacts: Counter[tuple[tuple[str, ...], tuple[str, ...]]] = Counter()
    for place, each in zip(where, sample, strict=True):
        contacts[place] += each.contacts
    found: list[list[DayOpening]] = []
    group_of: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for place, _ in contacts.most_common(MOST_PLACES):
        window = CallingWindow(context.rules, *place, policy.hours, policy.purpose is Purpose.EMERGENCY)
        opens = openings_of(window)
        openings: list[DayOpening] = []
        at = now
        while at < now + AHEAD and (opening := opens(at)) is not None and opening.opens_at < now + AHEAD:
            openings.append(opening)
            at = opening.closes_at
        if openings not in found:
            found.append(openings)
        group_of[place] = found.index(openings)
    return [group_of.get(place, 0) for place in where], found or [[]]
