"""What commands load before they do anything: a second of imports is a second that somebody waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALWAYS_TOO_MUCH = {"alembic", "holidays", "pjsua2", "prometheus_client", "structlog"}
STORE = {"aiosqlite", "asyncio", "sqlalchemy"}
SOUND = {"numpy", "pydub"}
SETTINGS = {"msgspec", "phonenumbers", "pydantic", "rich", "tomllib"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An operator's directory with a campaign that runs, and nobody called yet."""
    home = tmp_path_factory.mktemp("home")
    (home / "people.csv").write_text("phone\n+12125550123\n")
    for words in (
        ["init", "."],
        ["contacts", "import", "people.csv", "--list", "people"],
        ["campaign", "create", "campaign.toml", "--list", "people"],
    ):
        loaded_by(home, *words)
    return home


def loaded_by(home: Path, *words: str) -> set[str]:
    """The packages that a command, which must go well, imported."""
    return loaded(home, "-m", "dialer", *words)


def loaded(home: Path, *arguments: str) -> set[str]:
    """The packages that an interpreter with these arguments, which must go well, imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=home, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-500:]
    modules = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize(
    ("words", "too_much"),
    [
        (("--help",), STORE | SOUND | SETTINGS),
        (("campaign", "--help"), STORE | SOUND),
        (("campaign", "status"), STORE | SOUND),
        (("campaign", "list"), STORE | SOUND),
        (("contacts", "list"), SOUND),
        (("report", "Appointment reminders"), SOUND),
    ],
    ids=" ".join,
)
def test_a_command_loads_no_more_than_it_needs(home: Path, words: tuple[str, ...], too_much: set[str]) -> None:
    loaded = loaded_by(home, *words)
    assert "dialer" in loaded
    assert loaded & (too_much | ALWAYS_TOO_MUCH) == set()


@pytest.mark.parametrize(
    ("modules", "too_much"),
    [
        ("cli.run cli.running store.open compliance.dnc.registries audio.prepare", ALWAYS_TOO_MUCH | {"numpy"}),
        ("sip.agent sip.owner", (ALWAYS_TOO_MUCH | STORE | SOUND | SETTINGS) - {"msgspec", "pjsua2", "tomllib"}),
        ("campaigns.forecast store.rates cli.forecast", ALWAYS_TOO_MUCH | STORE),
    ],
    ids=["an engine", "an agent", "a forecast"],
)
def test_what_runs_loads_no_more_than_it_needs(tmp_path: Path, modules: str, too_much: set[str]) -> None:
    code = "; ".join(f"import dialer.{module}" for module in modules.split())
    assert loaded(tmp_path, "-c", code) & too_much == set()


def test_a_status_leaves_the_store_as_it_is(home: Path) -> None:
    before = {path.name: path.read_bytes() for path in home.glob("dialer.db*")}
    loaded_by(home, "campaign", "status")
    assert {path.name: path.read_bytes() for path in home.glob("dialer.db*")} == before
