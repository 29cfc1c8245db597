"""The rule table: the calling law of each jurisdiction as typed rows.

The rows are data (``law/*.toml``); ``docs/compliance.md`` describes every field. A national row has the country's ISO
3166-1 code ("US"); a row of a part of it (ISO 3166-2, "US-FL") applies on top of the national one, never instead of it.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from dialer.compliance.closed_days import closed_days
from dialer.compliance.operator import DocumentKind
from dialer.compliance.policy import PartKind, Purpose
from dialer.contacts.contact import NumberKind
from dialer.errors import ComplianceError

RETENTION_YEARS = 5  # 16 CFR 310.5(b), and wherever a row says nothing
LAW = Path(__file__).with_name("law")
HISTORY_DAYS = 30  # how far back Facts.history reaches for other campaigns: no cap can look further


class RowStatus(StrEnum):
    """How far a row can be relied on."""

    VERIFIED = "verified"  # seen in a source that quotes the rule
    COURTESY = "courtesy"  # no rule on hours; the window is a stricter default of this house
    CONFLICTING = "conflicting"  # sources differ; the stricter value is used, and only once the operator signed for it
    UNVERIFIED = "unverified"  # from memory: no call is placed by it until the operator signed for it


class MarketingRule(StrEnum):
    """What a recorded sales call needs."""

    WRITTEN = "written"  # prior express written consent
    EXPRESS = "express"  # prior consent in any provable form
    BAN = "ban"  # no consent cures it
    BAN_MOBILE = "ban_mobile"  # banned to mobiles; written consent for landlines


class Span(NamedTuple):
    """A stretch of one local day; the end is not part of it."""

    opens: time
    closes: time


Day = tuple[Span, ...]  # empty: closed


class Week(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The hours of each kind of day. ``holidays`` "same" means as the weekday that they fall on."""

    mon_fri: Day
    sat: Day
    sun: Day
    holidays: Literal["same", "closed"] | Day
    calendars: tuple[str, ...] = ()  # of the holidays package: "US", "US-AL", "ES-*" for every region's
    closed_days: tuple[str, ...] = ()  # holidays which those calendars lack

    def __post_init__(self) -> None:
        own = self.holidays if isinstance(self.holidays, tuple) else ()
        for day in (self.mon_fri, self.sat, self.sun, own):
            times = [moment for span in day for moment in span]
            if any(later <= earlier for earlier, later in pairwise(times)):
                raise ValueError("hours must be in order, each span closing after it opens")
        if self.holidays != "same" and not self.calendars:
            raise ValueError("special holiday hours need a calendar of the holidays")

    def check_calendars(self) -> None:
        """Raise LookupError for a calendar or day that nobody knows. Loads the holidays of every country."""
        if self.holidays != "same":
            closed_days(self.calendars, self.closed_days, 2026)

    def on(self, day: date) -> Day:
        """The hours of ``day``, a date on the called person's calendar."""
        if self.holidays != "same" and day in closed_days(self.calendars, self.closed_days, day.year):
            return () if self.holidays == "closed" else self.holidays
        return {5: self.sat, 6: self.sun}.get(day.weekday(), self.mon_fri)


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``max`` calls to one number within a rolling window; without a window: ever, as far as is known."""

    max: int
    scope: str  # what the rule counts, in words, with its section
    hours: int = 0
    days: int = 0
    purposes: tuple[Purpose, ...] = ()  # empty: every purpose
    outcomes: tuple[str, ...] = ()  # only these count, and calls whose outcome is not known; empty: all
    without_consent: bool = False  # binds only while no consent is on file

    def __post_init__(self) -> None:
        if self.max < 1 or self.hours < 0 or self.days < 0:
            raise ValueError("max must be at least 1, hours and days not negative")
        if self.window > timedelta(days=HISTORY_DAYS):
            raise ValueError(f"the window is longer than the {HISTORY_DAYS} days of history that the gate is given")
        if self.without_consent and not (self.window and self.purposes):
            raise ValueError("a cap on calls without consent needs a window and its purposes")

    @property
    def window(self) -> timedelta:
        return timedelta(days=self.days, hours=self.hours)


class RegistryRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A do-not-call registry that must be asked before a sales call to a household."""

    registry: str  # as loaded: "us_national"
    max_age_days: int  # of its data; older than that, no number that needs it is called
    consent_lifts: bool = True  # a listed person who gave this seller the consent that the call needs may be called

    def __post_init__(self) -> None:
        if self.max_age_days < 1:
            raise ValueError("max_age_days must be at least 1")


class DocumentRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator must have on file before the first sales call there."""

    kind: DocumentKind
    what: str  # in words, with its section


class AbandonmentRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``percent`` of a campaign's calls answered by a person may be abandoned, in each successive 30 days."""

    percent: float

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise ValueError("percent must be between 0 and 100")


class MessageRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recorded message must say."""

    parts: tuple[PartKind, ...] = ()  # of every message, whatever its purpose
    sales_parts: tuple[PartKind, ...] = ()  # of sales messages as well
    name_within_s: float = 0.0  # the seller's name begins by then; 0: anywhere
    opt_out_after_name_s: float = 0.0  # the opt-out begins at most so long after the name ends; 0: anywhere
    toll_free_on_machines: bool = False  # what is left on a machine gives a toll-free number that takes opt-outs
    artificial_voice: bool = False  # a voice that is artificial must be said to be


class RuleRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The law of one jurisdiction for one period."""

    jurisdiction: str
    name: str
    status: RowStatus
    citation: str
    marketing: MarketingRule
    hours: Week | None = None  # only a part of a country may leave them out
    recorded_hours: Week | None = None  # narrower ones for recorded messages
    zones: tuple[str, ...] = ()  # clocks that the row itself names, asked besides the called person's
    caps: tuple[Cap, ...] = ()
    marketing_needs: tuple[str, ...] = ()  # conditions of a recorded sales call that the gate has no facts about yet
    duties: tuple[str, ...] = ()  # of the operator, shown and not checked
    registries: tuple[RegistryRule, ...] = ()
    documents: tuple[DocumentRule, ...] = ()
    abandonment: AbandonmentRule | None = None
    message: MessageRule | None = None
    reassigned_check_days: int = 0  # how fresh a reassigned-numbers answer each sales call needs; 0: none is needed
    needs_relationship: bool = False  # a recorded sales call needs an established business relationship, too
    retain_years: int = 0  # how long records of calls there are kept
    source: str = ""  # where the rule was seen, for those who check it: keys of docs/compliance.md
    barred_caller_kinds: tuple[NumberKind, ...] = ()  # kinds of number that sales calls may not present
    every_part_ruled: bool = False  # every part of the country has a row: not knowing the part is not knowing the law
    emergency_citation: str = ""  # where emergency calls are excepted from hours and caps; empty: they are not
    valid_from: date | None = None  # first day, on the called person's calendar
    valid_to: date | None = None  # last day

    def __post_init__(self) -> None:
        if not self.citation:
            raise ValueError("a row without a citation")
        if "-" not in self.jurisdiction and self.hours is None:
            raise ValueError("a national row needs hours")
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError("valid_to is before valid_from")
        for zone in self.zones:
            ZoneInfo(zone)

    @property
    def country(self) -> str:
        return country_of(self.jurisdiction)

    @property
    def needs_override(self) -> bool:
        """Whether no call may rely on this row until the operator has signed for it."""
        return self.status in (RowStatus.UNVERIFIED, RowStatus.CONFLICTING)

    @property
    def digest(self) -> str:
        """Changes with any part of the row; an override signs it."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:16]

    def in_force(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


def country_of(jurisdiction: str) -> str:
    """The country that a jurisdiction is, or is part of: "US" of "US-FL"."""
    return jurisdiction.partition("-")[0]


class RuleTable:
    """All rows, and a version that changes when any of their text does."""

    def __init__(self, rows: Iterable[RuleRow], version: str, texts: Mapping[str, str] | None = None) -> None:
        self.rows = tuple(rows)
        self.version = version
        self.texts = dict(texts or {})  # TOML by file name, from which the table can be loaded again
        self._rows_of: dict[str, tuple[RuleRow, ...]] = {}
        for row in self.rows:
            self._rows_of[row.jurisdiction] = (*self._rows_of.get(row.jurisdiction, ()), row)

    def rows_for(self, jurisdictions: Sequence[str], local_date: date) -> tuple[RuleRow, ...]:
        """The rows in force in ``jurisdictions`` on a date of the called person's calendar."""
        return tuple(row for each in jurisdictions for row in self._rows_of.get(each, ()) if row.in_force(local_date))

    def unruled(self, jurisdictions: Sequence[str], local_date: date) -> tuple[str, ...]:
        """Where a row is wanting on that date: in a country, in a part that has rows for other dates, in any part of a
        country whose every part is ruled ("US-FLA"), and, as "US-?", where it is not known which part that would be.
        """
        wanting = []
        for each in jurisdictions:
            rows = self.rows_for((each,), local_date)
            if "-" not in each:
                if not rows:
                    wanting.append(each)
                elif rows[0].every_part_ruled and not any(other.startswith(f"{each}-") for other in jurisdictions):
                    wanting.append(f"{each}-?")
            elif not rows:
                national = self.rows_for((country_of(each),), local_date)
                if each in self._rows_of or any(row.every_part_ruled for row in national):
                    wanting.append(each)
        return tuple(wanting)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    row: list[dict[str, object]]


def load_rules(texts: Mapping[str, str], *, calendars_checked: bool = False) -> RuleTable:
    """The table of all rows in ``texts``, TOML by file name. Raises ComplianceError naming file and row.

    ``calendars_checked``: somebody has seen to it that every calendar the rows name is known.
    """
    rows: list[RuleRow] = []
    for name, text in sorted(texts.items()):
        try:
            raw_rows = msgspec.convert(tomllib.loads(text), _File).row
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ComplianceError(f"{name}: {error}", hint="a rule file is a list of [[row]] tables") from error
        for place, raw in enumerate(raw_rows, start=1):
            where = f"{name}: row {place} ({raw.get('jurisdiction', 'no jurisdiction')})"
            try:
                row = msgspec.convert(raw, RuleRow)
                for week in () if calendars_checked else (row.hours, row.recorded_hours):
                    if week is not None:
                        week.check_calendars()
            except (msgspec.ValidationError, LookupError) as error:
                raise ComplianceError(f"{where}: {error}", hint="docs/compliance.md describes every field") from error
            if any(_overlap(row, other) for other in rows):
                raise ComplianceError(
                    f"{where}: another row is in force there at the same time",
                    hint="give the older row a valid_to before the newer one's valid_from",
                )
            rows.append(row)
    countries = {row.jurisdiction for row in rows}
    for row in rows:
        if row.country not in countries:
            raise ComplianceError(
                f"{row.jurisdiction} has a row, {row.country} has none", hint="a part's row only adds to a national row"
            )
    digest = hashlib.sha256("\0".join(part for item in sorted(texts.items()) for part in item).encode())
    return RuleTable(rows, digest.hexdigest()[:12], texts)


def _overlap(row: RuleRow, other: RuleRow) -> bool:
    return (
        row.jurisdiction == other.jurisdiction
        and (row.valid_from or date.min) <= (other.valid_to or date.max)
        and (other.valid_from or date.min) <= (row.valid_to or date.max)
    )


def builtin_rules() -> RuleTable:
    """The table that ships with dialer; a test sees to its calendars."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in LAW.glob("*.toml")}
    return load_rules(texts, calendars_checked=True)


def retention_years(rules: RuleTable, region: str) -> int:
    """How long records of calls to a region are kept: the longest that any of its rows says, else five years."""
    kept = [row.retain_years for row in rules.rows if row.country == region and row.retain_years]
    return max(kept, default=RETENTION_YEARS)
