"""Logs: one JSON object a line, no telephone number and no secret in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog

from dialer.errors import ConfigError
from dialer.log import configure_logging, mask, reopen_log


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_numbers_are_masked_wherever_they_stand(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True)
    log = structlog.stdlib.get_logger("dialer.test")
    log.info("call", number="+13055550123", detail="to sip:+13055550123@host", nested={"x": ["+442079460100"]})
    text = (tmp_path / "a.log").read_text()
    assert "5550123" not in text
    assert "79460100" not in text
    assert lines(tmp_path / "a.log")[0]["number"] == "+1305*****23"


def test_numbers_are_whole_when_the_operator_wants_them(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=False)
    structlog.stdlib.get_logger("dialer.test").info("call", number="+13055550123")
    assert lines(tmp_path / "a.log")[0]["number"] == "+13055550123"


def test_secrets_never_reach_the_log(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="debug", mask_numbers=False)
    structlog.stdlib.get_logger("dialer.test").warning("trunk", secret="hunter2", Authorization="Digest hunter2")
    assert "hunter2" not in (tmp_path / "a.log").read_text()


def test_levels_are_kept(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="warning", mask_numbers=True)
    log = structlog.stdlib.get_logger("dialer.test")
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(tmp_path / "a.log")] == ["loud"]


def test_a_log_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        configure_logging(path=tmp_path / "file" / "a.log", level="info", mask_numbers=True)


def test_a_masked_number_keeps_what_tells_calls_apart() -> None:
    assert mask("+13055550123") == "+1305*****23"


def test_a_log_that_was_moved_away_is_begun_again_and_nothing_is_lost(tmp_path: Path) -> None:
    path, moved = tmp_path / "a.log", tmp_path / "a.log.moved"
    configure_logging(path=path, level="info", mask_numbers=True)
    log = structlog.stdlib.get_logger("dialer.test")
    log.info("one")
    path.rename(moved)
    log.info("two")
    reopen_log()
    log.info("three")
    reopen_log()
    log.info("four")
    assert [line["event"] for line in lines(moved)] == ["one", "two"]
    assert [line["event"] for line in lines(path)] == ["three", "four"]


def test_a_log_that_was_begun_again_still_rotates(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True, rotate_mb=1)
    reopen_log()
    log = structlog.stdlib.get_logger("dialer.test")
    for _ in range(3):
        log.info("x" * 600_000)
    assert (tmp_path / "a.log.1").exists()
