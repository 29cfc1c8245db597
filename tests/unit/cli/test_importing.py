"""A long file is read by another process: in the same order, with the same lines, reasons and errors."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
from bench.contact_files import write_file

from dialer.cli import importing
from dialer.cli.importing import FilePart, parts_of
from dialer.contacts.importing import read_file
from dialer.contacts.rows import Defaults
from dialer.errors import ContactsError

ROWS, SEED = 6_000, 3
pytestmark = pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="one core: the file is read in line")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    write_file(path, ROWS, SEED)
    return path


def parts_in(path: Path, *, apart: bool) -> list[FilePart]:
    with path.open("rb") as file:
        contents = read_file(file, Defaults(region="US"))
        with parts_of(contents, file, importing.LONG if apart else 0) as parts:
            assert bool(multiprocessing.active_children()) is apart
            return list(parts)


def test_another_process_reads_the_same(people: Path) -> None:
    apart, here = parts_in(people, apart=True), parts_in(people, apart=False)
    assert apart == here
    assert len(apart) == 3
    assert sum(len(part.contacts.contacts) + len(part.rejected) for part in apart) == ROWS
    assert {row.code.value for part in apart for row in part.rejected} == {"number", "duplicate"}
    assert not multiprocessing.active_children()


def test_an_error_in_the_middle_of_the_file_comes_through(people: Path) -> None:
    with people.open("ab") as file:
        file.write(b"+13055550123,\xff\n")
    said = []
    for apart in (True, False):
        with pytest.raises(ContactsError) as error:
            parts_in(people, apart=apart)
        said.append((error.value.message, error.value.hint))
    assert said[0] == said[1]
    assert "not text in utf-8" in said[0][0]
    assert not multiprocessing.active_children()


def test_a_reader_that_is_not_wanted_any_more_ends(people: Path) -> None:
    with people.open("rb") as file:
        contents = read_file(file, Defaults(region="US"))
        with parts_of(contents, file, importing.LONG) as parts:
            next(parts)
    assert not multiprocessing.active_children()


def test_a_reader_that_was_killed_is_no_end_of_the_file(people: Path) -> None:
    with people.open("rb") as file:
        contents = read_file(file, Defaults(region="US"))
        with parts_of(contents, file, importing.LONG) as parts:
            next(parts)
            for child in multiprocessing.active_children():
                child.kill()
            with pytest.raises(ContactsError, match="was ended"):
                list(parts)
