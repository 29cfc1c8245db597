"""What must hold for the repository as a whole: pins, rooms, file sizes, one test file per source file."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import dialer

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "dialer"
PURE_ROOMS = ("contacts", "compliance", "campaigns", "calls", "audio", "results")
WORLD_ROOMS = ("store", "sip", "engine", "sim", "cli")
LONGEST_FILE = 400

# Package indexes, distribution mirrors, container registries; in halves, so that this file passes too.
INDEX_HOSTS = [
    ".".join(halves)
    for halves in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("debian", "org"),
        ("ubuntu", "com"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("proxy.golang", "org"),
        ("docker", "io"),
        ("docker", "com"),
        ("quay", "io"),
        ("ghcr", "io"),
    )
]


def git_files() -> list[Path]:
    """Every file that is committed, or would be by `git add --all`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def python_files(room: str) -> list[Path]:
    return sorted(path for path in (SOURCE / room).rglob("*.py") if path.name != "__init__.py")


def test_no_package_index_is_named() -> None:
    hosts = re.compile("|".join(map(re.escape, INDEX_HOSTS)).encode())
    naming = {
        f"{path.relative_to(ROOT)}: {found[0].decode()}"
        for path in git_files()
        if (found := hosts.search(path.read_bytes()))
    }
    assert not naming


@pytest.mark.parametrize("name", ["requirements", "requirements-build", "requirements-dev"])
def test_every_pin_has_hashes(name: str) -> None:
    text = (ROOT / f"{name}.txt").read_text()
    entries = [entry for entry in text.replace("\\\n", " ").splitlines() if entry and entry[0] not in " #"]
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9.-]+==[^ ]+ ", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("name", ["requirements", "requirements-build", "requirements-dev"])
def test_everything_asked_for_is_pinned(name: str) -> None:
    pinned = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / f"{name}.txt").read_text(), re.MULTILINE))
    asked = set(re.findall(r"^([A-Za-z0-9.-]+)", (ROOT / f"{name}.in").read_text(), re.MULTILINE)) - {"-r"}
    assert asked <= pinned


def test_development_pins_agree_with_the_pins_for_running() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9.-]+==[^ ]+", (ROOT / name).read_text(), re.MULTILINE))

    assert pins("requirements.txt") | pins("requirements-build.txt") <= pins("requirements-dev.txt")


@pytest.mark.parametrize("room", PURE_ROOMS + WORLD_ROOMS)
def test_every_room_exists_and_says_what_it_is(room: str) -> None:
    assert (SOURCE / room / "__init__.py").read_text().startswith('"""')


def test_every_room_is_in_the_import_rules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}

    assert rooms >= set(PURE_ROOMS + WORLD_ROOMS)
    assert set(contracts["rooms"]["layers"]) == {f"dialer.{room}" for room in PURE_ROOMS} | {"dialer.errors"}
    assert set(contracts["pjsua2"]["source_modules"]) >= {f"dialer.{room}" for room in rooms - {"sip"}}


def test_the_installed_version_is_the_one_in_the_source() -> None:
    assert version("dialer") == dialer.__version__
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{dialer.__version__}]" in changes or f"## [Unreleased: {dialer.__version__}]" in changes


def test_the_command_is_installed() -> None:
    (command,) = entry_points(group="console_scripts", name="dialer")
    assert command.value == "dialer.cli.main:main"


def test_continuous_integration_only_runs_make_test() -> None:
    lines = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if "make" in line] == ["exec make test"]
    assert lines[-1] == "exec make test"


def test_no_source_file_is_two_things() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCE.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LONGEST_FILE
    }
    assert not long


@pytest.mark.parametrize("room", PURE_ROOMS)
def test_each_pure_source_file_has_its_test_file(room: str) -> None:
    missing = [
        str(wanted.relative_to(ROOT))
        for path in python_files(room)
        if not (
            wanted := ROOT / "tests/unit" / path.parent.relative_to(SOURCE) / f"test_{path.stem.lstrip('_')}.py"
        ).is_file()
    ]
    assert not missing
