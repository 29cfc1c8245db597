"""Logs: one JSON object a line, no telephone number and no secret in them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialer.calls.outcome import Outcome
from dialer.calls.plan import KeyPress
from dialer.errors import ConfigError
from dialer.log import Log, configure_logging, mask, reopen_log


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_numbers_are_masked_wherever_they_stand(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True)
    log = Log("dialer.test")
    log.info("call", number="+13055550123", detail="to sip:+13055550123@host", nested={"x": ["+442079460100"]})
    text = (tmp_path / "a.log").read_text()
    assert "5550123" not in text
    assert "79460100" not in text
    assert lines(tmp_path / "a.log")[0]["number"] == "+1305*****23"


def test_numbers_are_whole_when_the_operator_wants_them(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=False)
    Log("dialer.test").info("call", number="+13055550123")
    assert lines(tmp_path / "a.log")[0]["number"] == "+13055550123"


def test_secrets_never_reach_the_log(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="debug", mask_numbers=False)
    Log("dialer.test").warning("trunk", secret="hunter2", Authorization="Digest hunter2")
    Log("dialer.test").usual().warning("trunk", secret="hunter2", Authorization="Digest hunter2")
    Log("dialer.test", {"password": "hunter2"}).bind(permit_key="hunter2").warning("trunk")
    assert "hunter2" not in (tmp_path / "a.log").read_text()
    assert len(lines(tmp_path / "a.log")) == 3


def test_what_was_bound_is_in_every_line_and_an_exception_is_told_whole(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True)
    log = Log("dialer.test").bind(attempt_id="a1")
    log.warning("odd", detail="x")
    try:
        int("+13055550123 calls")
    except ValueError as error:
        log.exception("a call failed")
        caught = error
    log.error("again", exc_info=caught)
    odd, failed, again = lines(tmp_path / "a.log")
    assert (odd["attempt_id"], odd["level"], odd["detail"]) == ("a1", "warning", "x")
    for each, event in ((failed, "a call failed"), (again, "again")):
        assert (each["event"], each["attempt_id"], each["level"]) == (event, "a1", "error")
        assert str(each["exception"]).startswith("Traceback")
        assert str(each["exception"]).endswith("base 10: '+1305*****23 calls'")


def test_standard_error_that_is_no_terminal_has_the_same_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(path=None, level="debug", mask_numbers=True, console=True)
    Log("dialer.test").debug("call", number="+13055550123")
    Log("dialer.test").usual().debug("call", number="+13055550123")
    quick, usual = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (quick["event"], quick["level"], quick["number"]) == ("call", "debug", "+1305*****23")
    assert {**quick, "timestamp": ""} == {**usual, "timestamp": ""}


def test_levels_are_kept(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="warning", mask_numbers=True)
    log = Log("dialer.test")
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
    log = Log("dialer.test")
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
    log = Log("dialer.test")
    for _ in range(3):
        log.info("x" * 600_000)
    assert (tmp_path / "a.log.1").exists()


AN_EVENT = {
    "campaign": 'Say "hello" to +13055550123',
    "number": "+13055550123",
    "outcome": Outcome.HEARD,
    "defer_until": None,
    "ended_at": datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
    "keys": (KeyPress(digit="9", after_answer_ms=3, via="rfc4733"),),
    "detail": "from sip:+442079460100@host\nand +13055550123, caf\u00e9",
    "heard_ms": 7000,
}


@pytest.mark.parametrize("masks", [True, False])
def test_the_quick_way_writes_what_the_usual_one_writes(tmp_path: Path, masks: bool) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=masks)
    Log("dialer.test").usual().info("attempt", **AN_EVENT)
    Log("dialer.test").info("attempt", **AN_EVENT)
    usual, quick = lines(tmp_path / "a.log")
    assert list(usual) == list(quick)
    assert [*usual.values()][:-1] == [*quick.values()][:-1]
    assert datetime.fromisoformat(str(quick["timestamp"])) >= datetime.fromisoformat(str(usual["timestamp"]))
    assert ("5550123" in (tmp_path / "a.log").read_text()) is not masks


def test_the_lines_of_one_turn_are_written_together_and_before_what_comes_later(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True)

    async def turns() -> None:
        Log("dialer.test").info("one")
        Log("dialer.test").info("two")
        assert lines(tmp_path / "a.log") == []
        Log("dialer.test").warning("three")
        Log("dialer.test").info("four")
        await asyncio.sleep(0)
        assert len(lines(tmp_path / "a.log")) == 4
        Log("dialer.test").info("five")
        reopen_log()

    asyncio.run(turns())
    Log("dialer.test").info("six")
    assert [line["event"] for line in lines(tmp_path / "a.log")] == ["one", "two", "three", "four", "five", "six"]


def test_the_quick_way_keeps_the_level_and_rotates(tmp_path: Path) -> None:
    configure_logging(path=tmp_path / "a.log", level="warning", mask_numbers=True, rotate_mb=1)
    Log("dialer.test").info("quiet")
    assert not (tmp_path / "a.log").read_text()
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True, rotate_mb=1)
    for _ in range(3):
        Log("dialer.test").info("x" * 600_000)
    assert (tmp_path / "a.log.1").exists()


def test_a_log_that_cannot_be_written_any_more_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(path=tmp_path / "logs" / "a.log", level="info", mask_numbers=True)
    reopen_log()
    (tmp_path / "logs" / "a.log").unlink()
    (tmp_path / "logs").rmdir()
    Log("dialer.test").info("nowhere")
    assert "No such file" in capsys.readouterr().err


def test_on_a_terminal_the_quick_way_is_the_usual_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(path=tmp_path / "a.log", level="info", mask_numbers=True, console=True)
    Log("dialer.test").info("attempt", number="+13055550123")
    assert "+1305*****23" in capsys.readouterr().err
    assert len(lines(tmp_path / "a.log")) == 1
