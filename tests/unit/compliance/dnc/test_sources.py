"""Every form of a registry's file gives the same numbers; a broken one names its line."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dialer.compliance.dnc.history import Form
from dialer.compliance.dnc.sources import Columns, changes, flat_numbers, form_of, table_numbers, xml_numbers
from dialer.errors import RegistryError

NUMBERS = [12015550100, 13055550123, 13055550124, 19895559999]
FLAT = "".join(f"{str(each)[1:4]},{str(each)[4:]}\n" for each in NUMBERS)
XML = """<?xml version="1.0"?><list><ac val="201"><ph val="5550100"/></ac>
<ac val="305"><ph val="5550123"/><ph val="5550124"/></ac><ac val="989"><ph val="5559999"/></ac></list>"""


def quiet(_: int) -> None:
    """Who is told of the progress."""


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def flat(path: Path) -> list[int]:
    return [int(each) for numbers in flat_numbers(path, quiet) for each in numbers]


@pytest.mark.parametrize(
    "text",
    [
        FLAT,
        FLAT.replace(",", ""),
        FLAT.replace("\n", "\r\n"),
        FLAT.rstrip("\n"),
        "\ufeff" + FLAT,
        FLAT.replace("305,5550123", '"305","5550123"'),
    ],
    ids=["commas", "digits", "windows", "no last line end", "byte order mark", "quotes"],
)
def test_flat_files(tmp_path: Path, text: str) -> None:
    path = written(tmp_path / "list.txt", text)
    assert form_of(path) is Form.FLAT
    assert flat(path) == NUMBERS


def test_long_flat_files_are_read_by_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialer.compliance.dnc.sources.STRETCH", 17)
    assert flat(written(tmp_path / "list.txt", FLAT * 50)) == NUMBERS * 50


def _zipped(path: Path, content: bytes) -> None:
    half = len(content) // 2 // 12 * 12
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one.txt", content[:half])
        archive.writestr("two.txt", content[half:])


@pytest.mark.parametrize(
    "pack", [_zipped, lambda path, content: path.write_bytes(gzip.compress(content))], ids=["zip", "gzip"]
)
def test_packed_files(tmp_path: Path, pack: Callable[[Path, bytes], None]) -> None:
    path = tmp_path / "list.packed"
    pack(path, FLAT.encode())
    assert form_of(path) is Form.FLAT
    assert flat(path) == NUMBERS


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FLAT + "305,555012\n", 5),
        (FLAT + "305,55501234\n", 5),
        (FLAT.replace("5550124", "555O124"), 3),
        (FLAT.replace("5550124", "55501/4"), 3),
        (FLAT.replace("5550124", "555012:"), 3),
        ("305,5550123\n\n305,5550124\n", 2),
        (FLAT + "305,55", 5),
    ],
)
def test_a_line_that_is_no_number_is_named(tmp_path: Path, text: str, line: int) -> None:
    with pytest.raises(RegistryError, match=rf"list.txt:{line}: "):
        flat(written(tmp_path / "list.txt", text))


def test_xml(tmp_path: Path) -> None:
    path = written(tmp_path / "list.xml", XML)
    assert form_of(path) is Form.XML
    assert [int(each) for numbers in xml_numbers(path, quiet) for each in numbers] == NUMBERS


@pytest.mark.parametrize("harm", [XML[:-20], XML.replace("5550124", "555012"), XML.replace("<list>", "<list><x>")])
def test_broken_xml_is_refused(tmp_path: Path, harm: str) -> None:
    with pytest.raises(RegistryError):
        list(xml_numbers(written(tmp_path / "list.xml", harm), quiet))


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="document type"):
        form_of(written(tmp_path / "list.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a/>'))


def test_the_last_word_of_a_change_list_counts(tmp_path: Path) -> None:
    text = "305,5550123,2026-11-02,D\n305,5550123,2026-11-01,A\n201,5550100,2026-11-01,A\n305,5550124,2026-11-01,D\n"
    path = written(tmp_path / "changes.txt", text)
    assert form_of(path) is Form.CHANGES
    listed = changes(path, quiet)
    assert listed.added.tolist() == [12015550100]
    assert listed.deleted.tolist() == [13055550123, 13055550124]
    with pytest.raises(RegistryError, match=r"changes.txt:5"):
        changes(written(path, text + "305,5550125,2026-11-01,X\n"), quiet)


def test_tables_by_column_in_national_form(tmp_path: Path) -> None:
    path = written(tmp_path / "tps.csv", "id;Telephone\n1;020 7946 0123\n2;+44 20 7946 0124\n")
    numbers = [
        int(each) for part in table_numbers(path, Columns("telephone", ";", region="GB"), quiet) for each in part
    ]
    assert numbers == [442079460123, 442079460124]


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "tps.csv", "id;Telephone\n1;020 7946 0123\n2;unknown\n")
    with pytest.raises(RegistryError, match="1 of 2 rows"):
        list(table_numbers(path, Columns("Telephone", ";", region="GB"), quiet))
    with pytest.raises(RegistryError, match="no column"):
        list(table_numbers(path, Columns("mobile", ";", region="GB"), quiet))


@pytest.mark.parametrize("content", [b"", b"phone,name\n", b"PK\x03\x04 and so on", b"\x1f\x8b cut off"])
def test_what_is_no_registry_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RegistryError):
        form_of(written(tmp_path / "list", content))
