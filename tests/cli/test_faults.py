"""What goes wrong around a campaign: a clear line, nothing lost, no traceback."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
import wave
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.operators import Operator

PEOPLE = "phone,name,consent,consent date,consent source\n+12125550100,Ann,express,2026-01-05,form\n"


def test_a_missing_message_is_told_when_the_campaign_is_checked(operator: Operator) -> None:
    (operator.home / "message.wav").unlink()
    assert "message.wav: no such sound file" in operator.run("campaign", "check", "campaign.toml", code=1)


def test_a_message_that_is_no_sound_is_told_when_the_campaign_is_created(operator: Operator) -> None:
    operator.write("message.wav", "not a sound")
    operator.write("people.csv", PEOPLE)
    operator.run("contacts", "import", "people.csv")
    said = operator.run("campaign", "create", "campaign.toml", "--list", "people", code=1)
    assert "not a WAV file" in said
    assert json.loads(operator.run("campaign", "list", "--json")) == []


def test_a_message_of_another_rate_and_two_channels_is_converted(operator: Operator) -> None:
    with wave.open(str(operator.home / "message.wav")) as file:
        frames = file.readframes(file.getnframes())
    with wave.open(str(operator.home / "message.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
        file.writeframes(frames * 12)
    checked = json.loads(operator.run("campaign", "check", "campaign.toml", "--json"))
    with wave.open(checked["sounds"][0]) as file:
        assert (file.getnchannels(), file.getframerate()) == (1, 8000)


def test_a_message_longer_than_the_call_may_last_is_told(operator: Operator) -> None:
    text = (operator.home / "campaign.toml").read_text().replace("max_duration_s = 90", "max_duration_s = 5")
    operator.write("campaign.toml", text)
    assert "does not fit into limits.max_duration_s" in operator.run("campaign", "check", "campaign.toml", code=1)


def test_a_caller_id_without_a_right_on_file_is_told(operator: Operator) -> None:
    text = (
        (operator.home / "campaign.toml")
        .read_text()
        .replace('caller_id = "+13055550100"', 'caller_id = "+13055550177"')
    )
    operator.write("campaign.toml", text)
    assert "not among the caller_ids" in operator.run("campaign", "check", "campaign.toml", code=1)


def test_a_sales_call_may_not_withhold_its_number(operator: Operator) -> None:
    trunk = "[t]\nhost = 127.0.0.1\nprivate = yes\ncaller_ids = +13055550100 | owned | x\n"
    operator.write("sip.conf", trunk)
    operator.run("campaign", "check", "campaign.toml")
    text = (operator.home / "campaign.toml").read_text().replace('purpose = "health"', 'purpose = "marketing"')
    operator.write("campaign.toml", text)
    assert "withholds the number" in operator.run("campaign", "check", "campaign.toml", code=1)


def test_a_typo_in_a_configuration_is_named_with_its_line(operator: Operator) -> None:
    text = (operator.home / "dialer.toml").read_text().replace("max_calls =", "max_cals =")
    operator.write("dialer.toml", text)
    said = operator.run("campaign", "list", code=1)
    line = text.splitlines().index("max_cals = 500") + 1
    assert f"dialer.toml:{line}: sip.max_cals: unknown setting" in said
    assert "max_calls" in said, "what is known is listed"


def test_a_port_in_use_is_named_and_nothing_is_lost(operator: Operator) -> None:
    operator.write("people.csv", PEOPLE)
    operator.run("contacts", "import", "people.csv")
    operator.run("campaign", "create", "campaign.toml", "--list", "people", "--start")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        operator.write("dialer.toml", f'[sip]\nbind = "127.0.0.1"\nport = {port}\n')
        said = operator.run("run", code=1)
    assert str(port) in said
    assert "taken" in said
    assert json.loads(operator.run("campaign", "status", "--json"))[0]["waiting"] == 1


def test_a_store_that_another_program_holds_is_told(operator: Operator) -> None:
    holder = sqlite3.connect(operator.home / "dialer.db")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        said = operator.run("dnc", "add", "+12125550100", "--reason", "asked", code=1)
    finally:
        holder.close()
    assert "dialer.db" in said
    assert "lock" in said.lower() or "busy" in said.lower()


@pytest.mark.parametrize("content", [b"this is a letter, not a database" * 50, b""])
def test_a_store_that_is_none_is_told(operator: Operator, content: bytes) -> None:
    for leftover in operator.home.glob("dialer.db*"):
        leftover.unlink()
    (operator.home / "dialer.db").write_bytes(content)
    assert "dialer.db" in operator.run("campaign", "list", code=1)


def test_a_newer_store_is_left_alone(operator: Operator) -> None:
    with sqlite3.connect(operator.home / "dialer.db") as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    before = (operator.home / "dialer.db").read_bytes()
    assert "version" in operator.run("campaign", "list", code=1)
    assert (operator.home / "dialer.db").read_bytes() == before


def test_an_empty_list_is_said_to_be_empty(operator: Operator) -> None:
    operator.write("people.csv", "phone,name\n")
    operator.run("contacts", "import", "people.csv")
    assert "nobody to call" in operator.run("campaign", "create", "campaign.toml", "--list", "people")


def test_a_bad_contact_file_imports_nothing_and_rejected_rows_are_kept(operator: Operator) -> None:
    operator.write("people.csv", PEOPLE + "+12125550101,Bob,express,,\n12,Cy,,,\n+12125550100,Ann again,,,\n")
    said = operator.run("contacts", "import", "people.csv")
    assert "1 new" in said
    assert "3 rows rejected" in said
    rejects = (operator.home / "people.csv.rejects.csv").read_text()
    assert "duplicate of line 2" in rejects
    assert "12,Cy" in rejects
    assert "0 new" in operator.run("contacts", "import", "people.csv"), "importing again changes nothing"

    (operator.home / "broken.csv").write_bytes(b"phone,name\n+12125550102,Dan\n+12125550103,\xff\xfe\xfa\n")
    said = operator.run("contacts", "import", "broken.csv", "--list", "people", code=1)
    assert "--encoding" in said
    assert len(json.loads(operator.run("contacts", "show", "people", "--json"))) == 1


def test_doctor_says_what_is_wrong_and_what_is_right(operator: Operator) -> None:
    operator.write(
        "sip.conf", "[gone]\nhost = 127.0.0.1\nport = 9\ncaller_ids = +13055550100 | owned | x | 2020-01-01\n"
    )
    found = json.loads(operator.run("doctor", "--json", code=4))
    findings = {each["what"]: each["finding"] for each in found}
    assert findings["trunk gone"] == "bad"
    assert findings["caller ID +13055550100"] == "bad"
    assert findings["pjsua2"] == findings["store"] == "good"


def test_a_trunk_that_is_never_asked_is_not_called_dead(operator: Operator) -> None:
    operator.write("sip.conf", "[shy]\nhost = 127.0.0.1\nport = 9\noptions_seconds = 0\n")
    found = json.loads(operator.run("doctor", "--json"))
    assert {each["what"]: each["finding"] for each in found}["trunk shy"] == "warning"


def test_a_second_engine_on_the_same_store_refuses_and_names_the_first(operator: Operator) -> None:
    first = operator.start("run", "--forever")
    try:
        log = operator.home / "agent-0.log"
        wait_for(lambda: log.exists() and log.stat().st_size > 0)
        said = operator.run("run", "--forever", code=1)
        assert str(first.pid) in said
    finally:
        first.terminate()
        first.communicate(timeout=20)
    assert first.returncode == 0


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Until ``condition`` holds; a test that never sees it fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
