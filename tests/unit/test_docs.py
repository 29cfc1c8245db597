"""What the pages claim, held against the program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from dialer.campaigns.definition import Definition, parse_definition
from dialer.cli.context import Exit
from dialer.cli.main import app
from dialer.cli.templates import CAMPAIGN, explanations, settings_toml, trunks_ini
from dialer.config import Settings, TrunkSection, load_config

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docker/**/*.md"), *ROOT.glob("native/*/*.md")]


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below ``command``, with the words that call it."""
    if not hasattr(command, "list_commands"):
        yield name, command
        return
    for each in command.list_commands(None):
        yield from commands(command.get_command(None, each), f"{name} {each}")


ALL = dict(commands(get_command(app), "dialer"))


@pytest.mark.parametrize("name", ALL)
def test_every_help_ends_with_an_example_of_itself(name: str) -> None:
    last = (ALL[name].help or "").strip().splitlines()[-1]
    assert last.startswith("Example: "), f"{name}: {last}"
    assert name in last


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_in_the_operations_page(name: str) -> None:
    assert f"`{name}" in (ROOT / "docs/operations.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_of_sip_conf_is_what_init_writes() -> None:
    assert (ROOT / "sip.conf.example").read_text() == trunks_ini()


def test_what_init_writes_is_a_configuration_at_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "dialer.toml").write_text(settings_toml())
    (tmp_path / "sip.conf").write_text(trunks_ini())
    config = load_config(tmp_path / "dialer.toml", {})
    assert config.settings == Settings()
    assert config.trunk("carrier").caller_ids == ("+13055550100",)
    assert parse_definition(CAMPAIGN, "template").campaign.caller_id == "+13055550100"


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _models(field.annotation)


@pytest.mark.parametrize(
    "model", [*_models(Settings), TrunkSection, *_models(Definition)], ids=lambda each: each.__name__
)
def test_every_setting_is_explained_where_it_is_declared(model: type[BaseModel]) -> None:
    explained = explanations(model)
    for name, field in model.model_fields.items():
        section = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        told = name in {"opens", "closes", "hours"}  # the section says what they are
        assert section or told or explained.get(name), f"{model.__name__}.{name}"


def test_the_exit_codes_are_those_of_the_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    table = page[page.index("## Exit codes") : page.index("## Stopping")]
    assert {int(code) for code in re.findall(r"(?m)^\| (\d+) \|", table)} == {each.value for each in Exit}


def test_the_commands_of_the_readme_exist() -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?m)^    make ([a-z-]+)", (ROOT / "README.md").read_text())) <= targets
    for line in re.findall(r"(?m)^dialer ([a-z ]+)", (ROOT / "README.md").read_text()):
        assert any(f"dialer {line}".startswith(name) for name in ALL), line
