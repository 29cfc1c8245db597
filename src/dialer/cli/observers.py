"""Who watches a run: the log, which has a canonical line for each attempt, and the display of a terminal."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dialer.calls.frames import CallEnded, CallProgress, FromAgent
from dialer.cli.context import heedless_of_readers
from dialer.compliance.decision import Refusal
from dialer.log import Log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dialer.engine.ports import Observer
    from dialer.results.records import AttemptLine, CampaignRow, CampaignState, Decided


class LogObserver:
    """Writes what happens to the log: *info* for attempts and refusals, *warning* for trouble."""

    def __init__(self) -> None:
        self._log = Log("dialer.run")

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        decision = decided.decision
        whose = {"campaign": campaign.name, "number": decided.claim.e164, "attempt_id": decided.attempt_id}
        if isinstance(decision, Refusal):
            said = {
                "check": decision.refused_by.value,
                "reason": decision.reason,
                "citation": decision.citation,
                "defer_until": decision.defer_until,
                "rules": decision.rules_version,
            }
            self._log.info("refused", **whose, **said)
        elif self._log.wants(logging.DEBUG):
            self._log.debug("permitted", **whose, rules=decision.rules_version, expires_at=decision.expires_at)

    def heard(self, frame: FromAgent) -> None:
        if isinstance(frame, CallProgress) and self._log.wants(logging.DEBUG):
            self._log.debug("call", attempt_id=frame.attempt_id, stage=frame.stage.value, detail=frame.detail)

    def ended(self, line: AttemptLine) -> None:
        """The canonical line: everything a supervisor needs to know of one attempt."""
        whose = {"campaign": line.campaign, "number": line.number, "outcome": line.outcome.value}
        record = msgspec.structs.asdict(line.record)
        del record["outcome"]
        self._log.info("attempt", **whose, attempt_number=line.attempt_number, **record)

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        self._log.warning("campaign", campaign=campaign.name, state=state.value, reason=reason)

    def trouble(self, what: str, detail: str) -> None:
        self._log.warning("trouble", what=what, detail=detail)


class Display:
    """A table that is drawn anew as calls end; plain lines where there is no terminal."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._on_terminal = console.is_terminal  # looks at the environment each time
        self._total = total
        self._live_calls: set[str] = set()
        self._outcomes: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._news = ""
        self._live = Live(
            self._draw(), console=console, refresh_per_second=4, transient=True, get_renderable=self._draw
        )

    def __enter__(self) -> Display:
        if self._on_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._on_terminal:
            self._live.stop()

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        if isinstance(decided.decision, Refusal):
            self._refused[decided.decision.refused_by.value] += 1

    def heard(self, frame: FromAgent) -> None:
        if isinstance(frame, CallProgress):
            self._live_calls.add(frame.attempt_id)
        elif isinstance(frame, CallEnded):
            self._live_calls.discard(frame.record.attempt_id)

    def ended(self, line: AttemptLine) -> None:
        self._outcomes[line.outcome.value] += 1
        if not self._on_terminal and (done := self._outcomes.total()) % 25 == 0:
            self._print(f"{done} attempts ended, {len(self._live_calls)} live, {self._refused_words()}")

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        self._say(f"{campaign.name} is {state.value}{f': {reason}' if reason else ''}")

    def trouble(self, what: str, detail: str) -> None:
        self._say(f"{what}: {detail}")

    def _say(self, news: str) -> None:
        self._news = news
        if not self._on_terminal:
            self._print(news)

    def _print(self, line: str) -> None:
        with heedless_of_readers():
            self._console.print(line)

    def _refused_words(self) -> str:
        return f"{sum(self._refused.values())} refused or deferred"

    def _draw(self) -> Group:
        table = Table(box=None, show_header=False, pad_edge=False)
        most = max(self._outcomes.values(), default=1)
        for outcome, number in self._outcomes.most_common():
            table.add_row(outcome.replace("_", " "), str(number), "█" * max(1, round(30 * number / most)))
        done = sum(self._outcomes.values())
        head = f"{self._total} contacts · {len(self._live_calls)} live · {done} ended · {self._refused_words()}"
        return Group(Text(head, style="bold"), table, Text(self._news, style="dim"))


class Observers:
    """Several observers as one."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._all = observers

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        for each in self._all:
            each.decided(campaign, decided)

    def heard(self, frame: FromAgent) -> None:
        for each in self._all:
            each.heard(frame)

    def ended(self, line: AttemptLine) -> None:
        for each in self._all:
            each.ended(line)

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        for each in self._all:
            each.campaign_changed(campaign, state, reason)

    def trouble(self, what: str, detail: str) -> None:
        for each in self._all:
            each.trouble(what, detail)
