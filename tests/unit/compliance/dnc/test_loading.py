"""A load puts a whole new version in force, or changes nothing at all."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialer.compliance.dnc import loading
from dialer.compliance.dnc.history import Form, Load, current_version, loads_of
from dialer.compliance.dnc.loading import Order, load
from dialer.compliance.dnc.sources import Columns
from dialer.compliance.dnc.volume import Volume
from dialer.errors import RegistryError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
TEN = [13055550100 + each for each in range(10)]


def written(path: Path, numbers: list[int]) -> Path:
    path.write_text("".join(f"{str(each)[1:4]},{str(each)[4:]}\n" for each in numbers))
    return path


def order(file: Path, **changes: Any) -> Order:
    return replace(Order("us_national", file, TODAY, "10234567"), **changes)


def listed(directory: Path, registry: str = "us_national") -> set[int]:
    path = current_version(directory / registry)
    assert path is not None
    volume = Volume(path)
    return {each for each in range(12015550000, 12015550200) if volume.contains(each)} | {
        each for each in range(13055550000, 13055550200) if volume.contains(each)
    }


def test_what_is_loaded_is_recorded(tmp_path: Path) -> None:
    done = load(tmp_path, order(written(tmp_path / "list.txt", TEN)), NOW)
    assert (done.organisation, done.file, done.form, done.data_date) == ("10234567", "list.txt", Form.FLAT, TODAY)
    assert (done.read, done.count, done.added, done.deleted, done.area_codes) == (10, 10, 10, 0, 1)
    assert loads_of(tmp_path / "us_national") == [done]
    assert listed(tmp_path) == set(TEN)


def test_a_full_list_replaces_a_part_adds_and_a_change_list_changes(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    load(tmp_path, order(written(file, TEN)), NOW)
    load(tmp_path, order(written(file, [12015550100]), part=True), NOW + DAY)
    assert listed(tmp_path) == {*TEN, 12015550100}
    file.write_text("305,5550100,2026-11-19,D\n201,5550101,2026-11-19,A\n")
    changed = load(tmp_path, order(file), NOW + 2 * DAY)
    assert (changed.form, changed.added, changed.deleted) == (Form.CHANGES, 1, 1)
    assert listed(tmp_path) == {*TEN[1:], 12015550100, 12015550101}
    load(tmp_path, order(written(file, TEN), shrink_reason="201 given up"), NOW + 3 * DAY)
    assert listed(tmp_path) == set(TEN)


def test_each_area_code_keeps_its_own_date(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    load(tmp_path, order(written(file, TEN), data_date=TODAY - 20 * DAY), NOW)
    load(tmp_path, order(written(file, [12015550100]), part=True), NOW + DAY)
    path = current_version(tmp_path / "us_national")
    assert path is not None
    dates = {area: section.data_date for area, section in Volume(path).header.sections.items()}
    assert dates == {305: TODAY - 20 * DAY, 201: TODAY}


@given(
    st.lists(st.sets(st.integers(13055550000, 13055550020), min_size=1), min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(13055550000, 13055550020), st.sampled_from("AD")), max_size=8),
)
@settings(max_examples=25, deadline=None)
def test_versions_are_what_a_set_would_be(
    tmp_path_factory: pytest.TempPathFactory, fulls: list[set[int]], changes: list[tuple[int, str]]
) -> None:
    home = tmp_path_factory.mktemp("dnc")
    expected: set[int] = set()
    for place, numbers in enumerate(fulls):
        load(home, order(written(home / "list.txt", sorted(numbers)), shrink_reason="test"), NOW + place * DAY)
        expected = set(numbers)
    if changes:
        lines = (f"305,{str(n)[4:]},{place:04},{what}\n" for place, (n, what) in enumerate(changes))
        (home / "changes.txt").write_text("".join(lines))
        load(home, order(home / "changes.txt"), NOW + 9 * DAY)
        for number, what in changes:
            (expected.add if what == "A" else expected.discard)(number)
    assert listed(home) == expected


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


@pytest.mark.parametrize(
    ("text", "changes", "says"),
    [
        ("305,5550100\n305,55", {}, "no number of ten digits"),
        ("305,5550100\nhello\n", {}, "list.txt:2"),
        ("305,5550100\n", {}, "it may be cut off"),
        ("201,5550100\n" * 3, {}, "it may be cut off"),
        ("", {}, "neither a number nor XML"),
        ("305,5550100\n" * 20, {"data_date": TODAY + DAY}, "to come"),
        ("305,5550100\n" * 20, {"data_date": TODAY - DAY}, "those in force"),
        ("212,5550100,1,A\n", {}, "212, which was never loaded"),
        ("305,5550100\n", {"registry": "../us"}, "no registry's name"),
        ("number\n5550100\n", {"columns": Columns("number")}, "no readable number"),
    ],
)
def test_a_bad_file_changes_nothing(tmp_path: Path, text: str, changes: dict[str, Any], says: str) -> None:
    home = tmp_path / "dnc"
    load(home, order(written(tmp_path / "list.txt", TEN)), NOW)
    before = contents(home)
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(RegistryError, match=says):
        load(home, order(tmp_path / "list.txt", **changes), NOW + timedelta(seconds=1))
    assert contents(home) == before


def test_a_change_list_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "changes.txt").write_text("305,5550100,1,A\n")
    with pytest.raises(RegistryError, match="full list"):
        load(tmp_path, order(tmp_path / "changes.txt"), NOW)


def test_two_loads_at_once_are_one_too_many(tmp_path: Path) -> None:
    file = written(tmp_path / "list.txt", TEN)
    (tmp_path / "us_national").mkdir()
    with (tmp_path / "us_national/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(RegistryError, match="another load"):
            load(tmp_path, order(file), NOW)
    assert isinstance(load(tmp_path, order(file), NOW), Load)


def test_a_death_before_the_swap_leaves_the_old_version_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path / "list.txt", TEN)
    load(tmp_path, order(file), NOW)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loading, "_put_in_force", dies)
    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, order(written(file, [*TEN, 12015550100])), NOW + DAY)
    assert listed(tmp_path) == set(TEN)
    monkeypatch.undo()
    load(tmp_path, order(file), NOW + 2 * DAY)
    assert listed(tmp_path) == {*TEN, 12015550100}


def test_old_versions_are_removed_but_the_one_before(tmp_path: Path) -> None:
    file = written(tmp_path / "list.txt", TEN)
    for day in range(4):
        load(tmp_path, order(file), NOW + day * DAY)
    assert len(list((tmp_path / "us_national").glob("*.dnc"))) == 2
    assert len(loads_of(tmp_path / "us_national")) == 4


def test_foreign_registries_are_of_one_country(tmp_path: Path) -> None:
    table = tmp_path / "tps.csv"
    table.write_text("phone\n020 7946 0123\n020 7946 0124\n")
    done = load(tmp_path, order(table, registry="gb_tps", columns=Columns("phone", region="GB")), NOW)
    assert (done.count, done.area_codes) == (2, 0)
    table.write_text("phone\n+442079460123\n+33199001234\n")
    with pytest.raises(RegistryError, match="several countries"):
        load(tmp_path, order(table, registry="gb_tps", columns=Columns("phone")), NOW + DAY)


def test_an_area_code_without_numbers_can_be_covered(tmp_path: Path) -> None:
    file = written(tmp_path / "list.txt", TEN)
    load(tmp_path, order(file, area_codes=(201,), data_date=date(2026, 11, 1)), NOW)
    path = current_version(tmp_path / "us_national")
    assert path is not None
    assert set(Volume(path).header.sections) == {201, 305}
