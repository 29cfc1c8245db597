from __future__ import annotations

from tests.unit.engine.bench import Watcher

from dialer.calls.frames import Pong
from dialer.engine.observing import SafeObserver
from dialer.results.records import CampaignRow, CampaignState

CAMPAIGN = CampaignRow(1, "reminders", CampaignState.RUNNING, "", "")


class Broken(Watcher):
    def trouble(self, what: str, detail: str) -> None:
        raise ZeroDivisionError


def test_everything_is_passed_on() -> None:
    watcher, errors = Watcher(), list[Exception]()
    observer = SafeObserver(watcher, errors.append)
    observer.heard(Pong(number=1, live_calls=0))
    observer.campaign_changed(CAMPAIGN, CampaignState.PAUSED, "why")
    observer.trouble("store", "disk full")
    assert watcher.frames == [Pong(number=1, live_calls=0)]
    assert watcher.changes == [("reminders", CampaignState.PAUSED, "why")]
    assert watcher.troubles == ["store: disk full"]
    assert errors == []


def test_an_error_goes_to_the_one_who_can_end_the_run() -> None:
    errors: list[Exception] = []
    SafeObserver(Broken(), errors.append).trouble("store", "disk full")
    assert [type(error) for error in errors] == [ZeroDivisionError]
