"""How often the store is asked, and what is made of no answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from tests.contract.store_values import NOW, a_run

from dialer.cli.survey import EVERY_S, REST, Survey
from dialer.compliance.dnc.loading import Order, load
from dialer.compliance.dnc.registries import Registries
from dialer.store.open import Store
from dialer.store.standing import QueueStanding


@dataclass
class Clock:
    """Each survey takes ``takes`` seconds."""

    at: float = 100.0
    takes: float = 0.0

    def now(self) -> datetime:
        self.at += self.takes
        return NOW

    def monotonic(self) -> float:
        return self.at


def loaded(directory: Path, numbers: str, data_date: date) -> None:
    file = directory / "list.txt"
    file.write_text(numbers)
    load(directory / "dnc", Order("us_national", file, data_date, "1", part=True), NOW)


async def test_queues_and_the_oldest_data_of_each_registry(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n", date(2026, 11, 1))
    loaded(tmp_path, "212,5550100\n", date(2026, 11, 19))
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        await a_run(store, contacts=2)
        survey = Survey(store.reports, Registries(tmp_path / "dnc"), Clock())
        await survey.look()
    assert survey.found.queues == (QueueStanding("reminders", due=2, deferred=0, in_hand=0, finished=0),)
    assert survey.found.registries == {"us_national": date(2026, 11, 1)}


async def test_it_looks_again_after_a_while_and_a_slow_store_is_left_alone_longer(tmp_path: Path) -> None:
    clock = Clock(takes=2.0)
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        survey = Survey(store.reports, Registries(tmp_path / "dnc"), clock)
        await survey.look()
        first = survey.found
        clock.at += EVERY_S
        await survey.look()
        assert survey.found is first, "reading took 2 s: 5 s of rest are too few"
        clock.at += 2.0 * REST - EVERY_S
        clock.takes = 0.0
        await survey.look()
        second = survey.found
        assert second is not first
        clock.at += EVERY_S - 0.1
        await survey.look()
        assert survey.found is second
        clock.at += 0.2
        await survey.look()
        assert survey.found is not second


async def test_what_cannot_be_read_is_not_there(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n", date(2026, 11, 1))
    clock = Clock()
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        await a_run(store)
        survey = Survey(store.reports, Registries(tmp_path / "dnc"), clock)
        await survey.look()
        assert survey.found.queues
    (tmp_path / "dialer.db").unlink()  # the store is closed, and opens again for whoever reads
    for volume in (tmp_path / "dnc").glob("*/*.dnc"):
        volume.write_bytes(b"torn")
    survey = Survey(store.reports, Registries(tmp_path / "dnc"), clock)
    await survey.look()
    assert survey.found.queues == ()
    assert survey.found.registries == {}
    assert "us_national" in survey.found.registry_trouble
