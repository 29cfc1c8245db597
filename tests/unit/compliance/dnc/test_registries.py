"""A running campaign is told what is in force, and a new version within a second."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from dialer.compliance.dnc.history import current_version
from dialer.compliance.dnc.loading import Order, load
from dialer.compliance.dnc.registries import Registries
from dialer.compliance.dnc.sources import Columns
from dialer.errors import RegistryError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LISTED, OTHER, ELSEWHERE = "+13055550100", "+13055550101", "+12125550100"


class Seconds:
    """A clock that stands until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def loaded(directory: Path, numbers: str, registry: str = "us_national", days: int = 0) -> None:
    (directory / "list.txt").write_text(numbers)
    now = NOW + timedelta(days=days)
    load(directory / "dnc", Order(registry, directory / "list.txt", now.date(), "1", shrink_reason="test"), now)


def test_what_is_not_loaded_says_nothing(tmp_path: Path) -> None:
    assert Registries(tmp_path / "dnc").answers(LISTED) == ()


def test_listed_not_listed_and_not_covered(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n")
    registries = Registries(tmp_path / "dnc")
    answers = [registries.answers(each)[0] for each in (LISTED, OTHER, ELSEWHERE)]
    assert [(each.listed, each.covered) for each in answers] == [(True, True), (False, True), (False, False)]
    assert {(each.registry, each.data_date) for each in answers} == {("us_national", date(2026, 11, 20))}
    assert all(len(each.sha256) == 64 and each.version for each in answers)


def test_a_states_list_speaks_of_every_area_code(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n", registry="us_fl")
    (answer,) = Registries(tmp_path / "dnc").answers(ELSEWHERE)
    assert (answer.listed, answer.covered) == (False, True)


def test_only_the_registries_of_the_numbers_country_are_asked(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n")
    (tmp_path / "tps.csv").write_text("020 7946 0123\n")
    load(tmp_path / "dnc", Order("gb_tps", tmp_path / "tps.csv", NOW.date(), "2", Columns(region="GB")), NOW)
    registries = Registries(tmp_path / "dnc")
    assert [each.registry for each in registries.answers("+442079460123")] == ["gb_tps"]
    assert registries.answers("+442079460123")[0].listed
    assert not registries.answers("+442079460124")[0].listed
    assert [each.registry for each in registries.answers(LISTED)] == ["us_national"]
    assert registries.answers("+33199001234") == ()


def test_a_new_version_is_in_force_within_a_second(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n")
    clock = Seconds()
    registries = Registries(tmp_path / "dnc", clock)
    assert registries.answers(LISTED)[0].listed
    loaded(tmp_path, "305,5550101\n", days=1)
    clock.now += 0.9
    assert registries.answers(LISTED)[0].listed, "the old version, whole"
    clock.now += 0.1
    assert not registries.answers(LISTED)[0].listed
    assert registries.answers(OTHER)[0].listed


def test_a_damaged_version_is_an_error_and_never_a_no(tmp_path: Path) -> None:
    loaded(tmp_path, "305,5550100\n")
    path = current_version(tmp_path / "dnc/us_national")
    assert path is not None
    path.write_bytes(b"")
    with pytest.raises(RegistryError):
        Registries(tmp_path / "dnc").answers(LISTED)


def test_every_load_is_on_record(tmp_path: Path) -> None:
    for day in range(3):
        loaded(tmp_path, "305,5550100\n", days=day)
    assert len(Registries(tmp_path / "dnc").loads()) == 3
