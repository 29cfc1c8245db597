"""Whoever watches the run must not be able to harm it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dialer.calls.frames import FromAgent
    from dialer.engine.ports import Observer
    from dialer.results.records import AttemptLine, CampaignRow, CampaignState, Decided


class SafeObserver:
    """Passes everything on. What the observer raises goes to ``on_error``, never into the task that told it."""

    def __init__(self, observer: Observer, on_error: Callable[[Exception], None]) -> None:
        self._observer = observer
        self._on_error = on_error

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        self._pass(lambda: self._observer.decided(campaign, decided))

    def heard(self, frame: FromAgent) -> None:
        self._pass(lambda: self._observer.heard(frame))

    def ended(self, line: AttemptLine) -> None:
        self._pass(lambda: self._observer.ended(line))

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        self._pass(lambda: self._observer.campaign_changed(campaign, state, reason))

    def trouble(self, what: str, detail: str) -> None:
        self._pass(lambda: self._observer.trouble(what, detail))

    def _pass(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  handed on, and the run ends with it
            self._on_error(error)
