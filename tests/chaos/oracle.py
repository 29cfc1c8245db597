"""The judge of a campaign under fire. It trusts nothing of ours but the files, and holds three accounts against each
other: the callees' own, the store (plain sqlite3), and the log.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

PERMIT_LIFE = timedelta(seconds=5)  # the longest from a decision to its INVITE
SENT_AGAIN = PERMIT_LIFE + timedelta(seconds=8)  # where the other side may not be there to answer
BUSY = timedelta(seconds=1)  # a callee on a busy machine may see an INVITE so late
HEARD_AFTER = timedelta(seconds=1)  # a key pressed so shortly before its call ended may have come too late
LANDLINE_CAP, LANDLINE_WINDOW = 1, timedelta(days=1)  # health care without consent: 47 CFR 64.1200(a)(3)(v)
BROKEN_OFF = frozenset({"interrupted", "failed"})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stage(StrEnum):
    """How far a call had come when it was struck."""

    BEFORE_INVITE = "before its INVITE"
    RINGING = "ringing"
    PLAYING = "playing"
    BEFORE_RECORD = "between BYE and record"


@dataclass(frozen=True, slots=True)
class Strike:
    """One blow, and when."""

    what: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """What the campaign may do at most."""

    max_attempts: int
    gap: timedelta
    # The longest from a decision to its INVITE's arrival at the callees: an INVITE without any response is sent again
    # for eight seconds.
    transit: timedelta = PERMIT_LIFE
    agents_lost: bool = False  # agents were killed: nobody was left to end their calls
    waited: bool = True  # long enough for the session timers of such calls


@dataclass(slots=True)
class Report:
    """What came of it. ``problems`` is empty when every promise was kept."""

    title: str
    seed: int
    contacts: int
    struck: int
    calls: int  # INVITEs that the callees saw
    at_stake: dict[str, int]  # calls that were struck, by how far they had come
    double_dials: int = 0
    lost_outcomes: int = 0
    orphan_calls: int = 0  # answered, and up at the callees when all was over
    left_ringing: int = 0  # by a killed agent: until the network's own timer
    pauses: int = 0  # that the operator had to resume
    lost_log_lines: int = 0  # an outcome in the store without its line in the log
    opt_outs: int = 0  # keys pressed by callees
    opt_outs_missed: int = 0  # of these, in a call that was broken off, or pressed as it ended
    longest_up_s: float = 0.0  # of any call, from the INVITE to its end at the callee
    recovery_s: list[float] = field(default_factory=list)  # from each strike to the next INVITE
    problems: list[str] = field(default_factory=list)

    def row(self) -> str:
        """One line of a table under ``HEAD``."""
        median = f"{statistics.median(self.recovery_s):.1f}" if self.recovery_s else "-"
        worst = f"{max(self.recovery_s):.1f}" if self.recovery_s else "-"
        return (
            f"{self.title:<28} {self.seed:>5} {self.contacts:>6} {self.calls:>6} {self.struck:>6} "
            f"{sum(self.at_stake.values()):>8} {self.double_dials:>6} {self.lost_outcomes:>5} {self.orphan_calls:>7} "
            f"{self.lost_log_lines:>9} {self.opt_outs:>6}/{self.opt_outs_missed:<4} {median:>6}/{worst}"
        )

    def json(self) -> str:
        """All of it."""
        return json.dumps(asdict(self), indent=2)


HEAD = (
    f"{'what':<28} {'seed':>5} {'people':>6} {'calls':>6} {'struck':>6} {'at stake':>8} {'double':>6} {'lost':>5} "
    f"{'orphans':>7} {'log lines':>9} {'9 pressed':>9}  recovery s"
)


@dataclass(slots=True)
class _Call:
    """One Call-ID at the callees, by the callees' clock."""

    number: str
    invites: list[datetime] = field(default_factory=list)
    # Of these INVITEs, where the callees tell it. Callees that died before they answered one are sent it again when
    # they are back, with the same branch: that is no second call (RFC 3261 section 17.1.1.2).
    branches: set[str] = field(default_factory=set)
    answered: datetime | None = None
    over: datetime | None = None
    opted_out: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A row of the attempt table, by the engine's clock."""

    number: str
    placed_at: datetime
    landline: bool
    outcome: str | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accounts:
    """All three, as they are on disk once nothing runs any more."""

    calls: dict[str, _Call]  # by Call-ID
    attempts: dict[str, _Attempt]  # by attempt id, in the order in which they were written
    outcomes_of: Counter[str]  # rows of the outcome table, by attempt
    queue: list[tuple[str, str, int | None]]  # number, state, due_at
    barred: dict[str, tuple[datetime, str]]  # on the do-not-call list since, by which attempt
    lines: Counter[str]  # of the log, by attempt
    excused: set[str]  # calls that were up when the callee side itself died
    engine_time: Callable[[datetime], datetime]  # what the engine's clock showed at an instant of the callees'

    def by_number(self) -> dict[str, list[datetime]]:
        """Every INVITE of each number, in order."""
        found: defaultdict[str, list[datetime]] = defaultdict(list)
        for call in self.calls.values():
            found[call.number] += call.invites
        return {number: sorted(times) for number, times in found.items()}


def one_clock(at: datetime) -> datetime:
    """The engine and the callees live by the same clock."""
    return at


def read(
    home: Path, deaths: Sequence[datetime] = (), engine_time: Callable[[datetime], datetime] = one_clock
) -> Accounts:
    """Read the three accounts. ``deaths`` are of the callee side itself."""
    calls, excused = _callee_side(home / "callees.jsonl", sorted(deaths))
    with closing(sqlite3.connect(f"{(home / 'dialer.db').absolute().as_uri()}?mode=ro", uri=True)) as store:
        attempts = {
            attempt_id: _Attempt(
                number, _instant(placed), line == "landline", outcome, None if ended is None else _instant(ended)
            )
            for attempt_id, number, placed, line, outcome, ended in store.execute(
                "SELECT a.attempt_id, a.e164, a.placed_at, c.line_type, o.outcome, o.ended_at FROM attempt a"
                " JOIN contact c ON c.id = a.contact_id LEFT JOIN outcome o ON o.attempt_id = a.attempt_id"
                " ORDER BY a.rowid"
            )
        }
        outcomes_of = Counter(row[0] for row in store.execute("SELECT attempt_id FROM outcome"))
        queue = store.execute("SELECT e164, state, due_at FROM queue").fetchall()
        barred = {
            number: (_instant(since), source)
            for number, since, source in store.execute(
                "SELECT e164, added_at, source FROM internal_dnc WHERE removed_at IS NULL"
            )
        }
    lines = Counter(line["attempt_id"] for line in _lines(home / "dialer.log") if line["event"] == "attempt")
    return Accounts(calls, attempts, outcomes_of, queue, barred, lines, excused, engine_time)


def _callee_side(path: Path, deaths: list[datetime]) -> tuple[dict[str, _Call], set[str]]:
    calls: dict[str, _Call] = {}
    excused: set[str] = set()
    for event in _lines(path):
        at = datetime.fromisoformat(event["at"])
        while deaths and at > deaths[0]:
            del deaths[0]
            excused |= {call_id for call_id, call in calls.items() if call.over is None}
        call = calls.setdefault(event["call_id"], _Call("+" + event["number"].lstrip("+")))
        match event["event"]:
            case "invite" if event.get("branch", "") not in call.branches:
                call.invites.append(at)
                call.branches |= {event.get("branch", "")} - {""}
            case "answer":
                call.answered = at
            case "over":
                call.over = at
            case "press" if event["key"] == "9":
                call.opted_out = call.opted_out or at
            case _:
                pass
    if deaths:
        excused |= {call_id for call_id, call in calls.items() if call.over is None}
    return calls, excused


def judge(title: str, seed: int, accounts: Accounts, limits: Limits, strikes: Sequence[Strike] = ()) -> Report:
    """Hold the accounts against each other and against what was promised."""
    report = Report(
        title=title,
        seed=seed,
        contacts=len(accounts.queue),
        struck=len(strikes),
        calls=sum(len(call.invites) for call in accounts.calls.values()),
        at_stake=_at_stake(accounts, strikes),
    )
    for check in (
        _every_attempt_has_one_outcome, _opt_outs_bind, _queue_at_rest,
    ):  # fmt: skip
        check(accounts, report)
    _each_invite_has_its_attempt(accounts, limits, report)
    _nothing_left_up(accounts, limits, report)
    _nobody_twice(accounts, limits, report)
    _caps(accounts, limits, report)
    invites = sorted(at for call in accounts.calls.values() for at in call.invites)
    for strike in strikes:
        after = next((at for at in invites if at > strike.at), None)
        if after is not None:
            report.recovery_s.append(round((after - strike.at).total_seconds(), 2))
    return report


def _each_invite_has_its_attempt(accounts: Accounts, limits: Limits, report: Report) -> None:
    for call_id, call in accounts.calls.items():
        attempt = accounts.attempts.get(attempt_of(call_id))
        if attempt is None:
            report.problems.append(f"INVITE {call_id} has no attempt in the store")
        elif attempt.number != call.number:
            report.problems.append(f"INVITE {call_id} went to another number than its attempt's")
        elif accounts.engine_time(call.invites[0]) < attempt.placed_at:
            report.problems.append(f"INVITE {call_id} left before its attempt was written down")
        elif accounts.engine_time is one_clock and call.invites[0] - attempt.placed_at > limits.transit + BUSY:
            report.problems.append(f"INVITE {call_id} left on a permit that had expired")


def _every_attempt_has_one_outcome(accounts: Accounts, report: Report) -> None:
    dialed = {attempt_of(call_id) for call_id in accounts.calls}
    for attempt_id, attempt in accounts.attempts.items():
        rows, lines = accounts.outcomes_of[attempt_id], accounts.lines[attempt_id]
        if rows != 1:
            report.lost_outcomes += 1
            report.problems.append(f"attempt {attempt_id} has {rows} outcomes")
        elif attempt.outcome == "not_dialed" and attempt_id in dialed:
            report.problems.append(f"attempt {attempt_id} is not_dialed, and was dialed")
        if lines > 1:
            report.problems.append(f"attempt {attempt_id} has {lines} lines in the log")
        report.lost_log_lines += lines == 0
    report.problems += [
        f"the log has attempt {attempt_id}, the store has not"
        for attempt_id in accounts.lines.keys() - accounts.attempts.keys()
    ]


def _opt_outs_bind(accounts: Accounts, report: Report) -> None:
    dialed = accounts.by_number()
    by_attempt = {attempt_of(call_id): call for call_id, call in accounts.calls.items()}
    for number, (since, source) in accounts.barred.items():
        call = by_attempt.get(source)
        if call is not None and call.invites and dialed[number][-1] > call.invites[0]:
            report.problems.append(f"{number} was dialed after it had opted out at {since}")
    for call_id, call in accounts.calls.items():
        if call.opted_out is None:
            continue
        report.opt_outs += 1
        entry = accounts.barred.get(call.number)
        if entry is not None and entry[1] == attempt_of(call_id):
            # The engine's clock may have been stepped between the two: then they cannot be compared.
            if call.over is not None and accounts.engine_time is one_clock and entry[0] > call.over:
                report.problems.append(f"{call_id}: its opt-out was heard {entry[0] - call.over} after its end")
            continue
        attempt = accounts.attempts.get(attempt_of(call_id))
        too_late = call.over is not None and call.over - call.opted_out < HEARD_AFTER
        if attempt is None or attempt.outcome in BROKEN_OFF or too_late:
            report.opt_outs_missed += 1
        else:
            report.problems.append(f"{call_id} pressed 9, ended as {attempt.outcome}, and is not on the list")


def _nothing_left_up(accounts: Accounts, limits: Limits, report: Report) -> None:
    for call_id, call in accounts.calls.items():
        if call.over is not None and call.invites:
            report.longest_up_s = max(report.longest_up_s, round((call.over - call.invites[0]).total_seconds(), 1))
        if call.over is not None or call_id in accounts.excused:
            continue
        attempt = accounts.attempts.get(attempt_of(call_id))
        unguarded = limits.agents_lost and attempt is not None and attempt.outcome == "interrupted"
        if call.answered is None and unguarded:
            report.left_ringing += 1
            continue
        report.orphan_calls += 1
        if limits.waited or not unguarded:
            report.problems.append(f"{call_id} is still up at the callee")


def _queue_at_rest(accounts: Accounts, report: Report) -> None:
    for number, state, due_at in accounts.queue:
        if state not in {"finished", "waiting"} or due_at is None:
            report.problems.append(f"{number} is left {state} in the queue")


def _nobody_twice(accounts: Accounts, limits: Limits, report: Report) -> None:
    """By the larger of what the two clocks say has gone by between two dials of a number."""
    twice = []
    for call_id, call in accounts.calls.items():
        twice += [f"{call_id}: another INVITE for the same leg"] * (len(call.invites) - 1)
    for number, times in accounts.by_number().items():
        for earlier, later in pairwise(times):
            gone_by = max(later - earlier, accounts.engine_time(later) - accounts.engine_time(earlier))
            if gone_by < limits.gap - limits.transit:
                twice.append(f"{number}: dialed again after {gone_by}, the gap is {limits.gap}")
    placed: defaultdict[str, list[datetime]] = defaultdict(list)
    for attempt in accounts.attempts.values():
        if attempt.outcome != "not_dialed":
            placed[attempt.number].append(attempt.placed_at)
    for number, times in placed.items():
        for earlier, later in pairwise(times):
            if later - earlier < limits.gap:
                twice.append(f"{number}: placed again after {later - earlier}, the gap is {limits.gap}")
    report.double_dials += len(twice)
    report.problems += twice


def _caps(accounts: Accounts, limits: Limits, report: Report) -> None:
    landlines = {attempt.number for attempt in accounts.attempts.values() if attempt.landline}
    found_no_trunk = Counter(
        attempt.number for attempt in accounts.attempts.values() if attempt.outcome == "trunk_failure"
    )
    for number, times in accounts.by_number().items():
        if len(times) - found_no_trunk[number] > limits.max_attempts:
            report.problems.append(f"{number}: {len(times)} INVITEs, the campaign's maximum is {limits.max_attempts}")
        shown = [accounts.engine_time(at) for at in times]
        if number in landlines and any(later - earlier < LANDLINE_WINDOW for earlier, later in pairwise(shown)):
            report.problems.append(f"{number}: called twice within a day without consent")


def _at_stake(accounts: Accounts, strikes: Sequence[Strike]) -> dict[str, int]:
    """The interrupted attempts, by how far the callee side says that they had come when they were struck."""
    stages: Counter[Stage] = Counter()
    calls = {attempt_of(call_id): call for call_id, call in accounts.calls.items()}
    for attempt_id, attempt in accounts.attempts.items():
        if attempt.outcome != "interrupted" or attempt.ended_at is None:
            continue
        struck = max((each.at for each in strikes if each.at <= attempt.ended_at), default=attempt.ended_at)
        stages[_stage(calls.get(attempt_id), struck)] += 1
    return {stage.value: stages[stage] for stage in Stage}


def _stage(call: _Call | None, struck: datetime) -> Stage:
    if call is None or not call.invites or call.invites[0] > struck:
        return Stage.BEFORE_INVITE
    if call.over is not None and call.over <= struck:
        return Stage.BEFORE_RECORD
    return Stage.PLAYING if call.answered is not None and call.answered <= struck else Stage.RINGING


def attempt_of(call_id: str) -> str:
    """A Call-ID is the attempt's id, a dash, and the number of the leg."""
    return call_id.rpartition("-")[0]


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    """JSON lines; a last one that was cut off by a kill is none."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
