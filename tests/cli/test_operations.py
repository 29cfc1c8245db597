"""A run as a service has it: watched, told to stop, told to begin a new log; each with the real program."""

from __future__ import annotations

import json
import os
import pty
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.cli.test_campaign import prepare, wait_until

if TYPE_CHECKING:
    from tests.operators import Operator

LISTENS = '[[callees]]\nname = "listens"\nshare = 1\ndoes = "listen"\nring_s = [0.2, 0.3]\n'


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.told: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(name.replace("@", "\0"))
        self._socket.setblocking(False)

    def heard(self, key: str) -> list[str]:
        """What was said of ``key`` until now."""
        try:
            while True:
                message = self._socket.recv(4096).decode()
                self.told.append(dict(line.split("=", 1) for line in message.splitlines()))
        except BlockingIOError:
            return [each[key] for each in self.told if key in each]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    abstract = f"@dialer-test-{secrets.token_hex(8)}"
    made = Manager(abstract if request.param == "abstract" else str(tmp_path / "notify"))
    yield made
    made.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


SETTINGS = '[sip]\nbind = "127.0.0.1"\nmax_calls = 60\nrtp_port = 44000\nrtp_ports = 400\n'


def metrics_at(operator: Operator, port: int, more: str = "") -> None:
    operator.write("dialer.toml", f"{SETTINGS}[metrics]\nport = {port}\n{more}")


def nobody_at_the_trunk(operator: Operator) -> None:
    """Nor is it asked: it is not known to be down."""
    operator.write(
        "sip.conf", "[shy]\nhost = 127.0.0.1\nport = 9\noptions_seconds = 0\ncaller_ids = +13055550100 | owned | x\n"
    )


@contextmanager
def running(operator: Operator, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """``dialer run``, ended at the end if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dialer", "run", *arguments],
        cwd=operator.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environ},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[bytes], within: float = 20) -> int:
    _, err = process.communicate(timeout=within)
    assert b"Traceback" not in err, err.decode()
    return process.returncode


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def health(port: int) -> tuple[int, dict[str, Any]]:
    code, body = get(port, "/health")
    return code, json.loads(body)


def answers(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def log(operator: Operator) -> str:
    return (operator.home / "dialer.log").read_text()


def live_calls(port: int) -> int:
    return int(health(port)[1]["live_calls"]) if answers(port) else 0


def test_a_service_is_ready_alive_and_stopping(operator: Operator, manager: Manager) -> None:
    with running(operator, "--forever", NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="1500000") as run:
        wait_until(lambda: bool(manager.heard("READY")))
        assert (operator.home / "agent-0.log").exists()
        assert manager.heard("READY") == ["1"]
        assert manager.heard("STATUS")[-1].startswith("running, ")
        before = len(manager.heard("WATCHDOG"))
        wait_until(lambda: len(manager.heard("WATCHDOG")) >= before + 3, seconds=3)
        run.send_signal(signal.SIGSTOP)  # what the watchdog is for
        manager.heard("WATCHDOG")
        still = len(manager.heard("WATCHDOG"))
        time.sleep(1.5)
        assert len(manager.heard("WATCHDOG")) == still
        run.send_signal(signal.SIGCONT)
        run.send_signal(signal.SIGTERM)
        assert ended(run) == 0
    assert manager.heard("STOPPING") == ["1"]
    assert manager.heard("EXTEND_TIMEOUT_USEC") == [str((180 + 30) * 1_000_000)]
    assert manager.heard("READY") == ["1"]


def test_a_run_that_cannot_begin_is_never_ready(operator: Operator, manager: Manager) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        operator.write("dialer.toml", f'[sip]\nbind = "127.0.0.1"\nport = {taken.getsockname()[1]}\n')
        with running(operator, "--forever", NOTIFY_SOCKET=manager.name) as run:
            assert ended(run) == 1
    assert manager.heard("READY") == []


def test_metrics_and_health_of_a_campaign(operator: Operator, callees: Callable[[str], int], open_zone: str) -> None:
    numbers = [f"+1212555{n:04}" for n in range(100, 106)]
    leaves = f'[[callees]]\nname = "leaves"\nnumbers = ["{numbers[1]}"]\ndoes = "hang_up"\nafter_s = [1, 1]\n'
    prepare(operator, callees(LISTENS + leaves), open_zone, numbers)
    operator.run("dnc", "add", numbers[0], "--reason", "asked")
    port = free_port()
    metrics_at(operator, port)

    def page() -> str:
        return get(port, "/metrics")[1]

    with running(operator, "--forever") as run:
        wait_until(lambda: answers(port) and 'dialer_attempts_total{outcome="hung_up"} 1.0' in page())
        assert live_calls(port) == 4
        code, said = health(port)
        assert (code, said["status"], said["reasons"], said["phase"]) == (200, "ok", [], "running")
        wait_until(lambda: 'dialer_calls_live{state="playing"} 4.0' in page())
        finished = 'dialer_queue_contacts{campaign="Reminders",state="finished"}'
        wait_until(lambda: f"{finished} 2.0" in page())
        found = page()
        for line in (
            "dialer_dials_total 5.0",
            'dialer_refusals_total{check="internal_dnc",until="never"} 1.0',
            "dialer_post_dial_delay_seconds_count 1.0",  # of what has ended
            "dialer_setup_seconds_count 1.0",
            'dialer_trunk_up{trunk="sim"} 1.0',
            "dialer_agents_up 1.0",
            "dialer_store_failing 0.0",
            'dialer_queue_contacts{campaign="Reminders",state="due"} 0.0',
        ):
            assert f"{line}\n" in found, found
        assert not any(number.lstrip("+") in found for number in numbers)
        run.send_signal(signal.SIGTERM)
        wait_until(lambda: health(port)[1]["phase"] == "stopping")
        run.send_signal(signal.SIGTERM)
        assert ended(run) == 0
    assert not answers(port)


def test_an_agent_that_dies_shows_until_there_is_another(operator: Operator) -> None:
    nobody_at_the_trunk(operator)
    port = free_port()
    metrics_at(operator, port)
    with running(operator, "--forever") as run:
        wait_until(lambda: answers(port) and health(port)[1]["status"] == "ok")
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        (agent,) = [
            int(child) for child in children if b"dialer.sip.agent" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
        os.kill(agent, signal.SIGKILL)
        wait_until(lambda: health(port)[0] == 503)
        assert "no SIP agent is up" in health(port)[1]["reasons"]
        wait_until(lambda: "dialer_agent_restarts_total 1.0" in get(port, "/metrics")[1])
        assert health(port)[0] == 200
        run.send_signal(signal.SIGTERM)
        assert ended(run) == 0


def test_a_store_that_is_held_is_told_and_the_watchdog_is_fed_all_the_same(operator: Operator, tmp_path: Path) -> None:
    nobody_at_the_trunk(operator)
    port = free_port()
    metrics_at(operator, port)
    manager = Manager(str(tmp_path / "notify"))
    holder = sqlite3.connect(operator.home / "dialer.db", isolation_level=None)
    with running(operator, "--forever", NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="1500000") as run:
        wait_until(lambda: answers(port) and health(port)[1]["status"] == "ok")
        holder.execute("BEGIN IMMEDIATE")
        wait_until(lambda: health(port)[0] == 503)
        assert "the store cannot be written, no call is placed" in health(port)[1]["reasons"]
        assert "dialer_store_failing 1.0" in get(port, "/metrics")[1]
        before = len(manager.heard("WATCHDOG"))
        wait_until(lambda: len(manager.heard("WATCHDOG")) >= before + 3, seconds=4)
        wait_until(lambda: any("the store cannot be written" in status for status in manager.heard("STATUS")))
        holder.execute("ROLLBACK")
        wait_until(lambda: health(port)[0] == 200)
        run.send_signal(signal.SIGTERM)
        assert ended(run) == 0
    holder.close()
    manager.close()


def test_a_port_that_is_taken_is_told_before_anything_begins(operator: Operator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        metrics_at(operator, port)
        said = operator.run("run", "--forever", code=1)
    assert f"[metrics] 127.0.0.1:{port} cannot be listened at" in said
    assert len(said.strip().splitlines()) == 2
    assert not (operator.home / "agent-0.log").exists()
    assert "started" not in operator.run("audit", "list")


def test_sigterm_lets_live_calls_end_within_the_drain(
    operator: Operator, callees: Callable[[str], int], open_zone: str
) -> None:
    prepare(operator, callees(LISTENS), open_zone, [f"+1212555{n:04}" for n in range(100, 110)])
    port = free_port()
    metrics_at(operator, port, "[engine]\ndrain_s = 1.5\n")
    with running(operator) as run:
        wait_until(lambda: live_calls(port) > 3)
        run.send_signal(signal.SIGTERM)
        asked = time.monotonic()
        wait_until(lambda: health(port)[1]["phase"] == "stopping", seconds=1)
        assert live_calls(port) > 0
        assert ended(run) == 0
        assert 1.5 < time.monotonic() - asked < 7, "live calls had the drain, and no more"
    status = json.loads(operator.run("campaign", "status", "--json"))[0]
    assert status["dialing"] == 0


def test_a_second_sigterm_hangs_up_now(operator: Operator, callees: Callable[[str], int], open_zone: str) -> None:
    prepare(operator, callees(LISTENS), open_zone, [f"+1212555{n:04}" for n in range(100, 110)])
    port = free_port()
    metrics_at(operator, port)
    with running(operator) as run:
        wait_until(lambda: live_calls(port) > 3)
        run.send_signal(signal.SIGTERM)
        wait_until(lambda: "no new calls" in log(operator))
        run.send_signal(signal.SIGTERM)
        assert ended(run, within=6) == 0


def open_files(pid: int) -> list[Path]:
    """What the process has open; a descriptor may be closed as it is looked at."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(descriptor.readlink())
    return found


def test_sighup_begins_a_new_log_and_ends_nothing(operator: Operator) -> None:
    nobody_at_the_trunk(operator)
    port = free_port()
    metrics_at(operator, port)
    moved = operator.home / "dialer.log.moved"
    with running(operator, "--forever") as run:
        wait_until(lambda: answers(port) and health(port)[1]["status"] == "ok")
        (operator.home / "dialer.log").rename(moved)
        run.send_signal(signal.SIGHUP)
        wait_until(lambda: (operator.home / "dialer.log").exists() and "log opened" in log(operator))
        assert "log opened" not in moved.read_text()
        assert moved not in open_files(run.pid), "its space can be freed"
        assert health(port)[1]["phase"] == "running"
        run.send_signal(signal.SIGTERM)
        assert ended(run) == 0
    assert "no new calls" in log(operator)


def test_a_terminal_that_goes_away_drains_as_ctrl_c_does(operator: Operator) -> None:
    nobody_at_the_trunk(operator)
    port = free_port()
    metrics_at(operator, port)
    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-m", "dialer", "run", "--forever"],
        cwd=operator.home, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    try:
        wait_until(lambda: answers(port) and health(port)[1]["status"] == "ok")
        os.close(ours)
        assert run.wait(timeout=20) == 0
    finally:
        if run.poll() is None:
            run.kill()
            run.wait()
    assert "no new calls" in log(operator)
    assert "log opened" in log(operator)


def test_a_run_ends_as_it_is_asked_to_when_nobody_reads_what_it_says(operator: Operator) -> None:
    nobody_at_the_trunk(operator)
    port = free_port()
    metrics_at(operator, port)
    with running(operator, "--forever") as run:
        wait_until(lambda: answers(port) and health(port)[1]["status"] == "ok")
        for pipe in (run.stdout, run.stderr):
            assert pipe is not None
            pipe.close()
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=20) == 0
    assert "no new calls" in log(operator)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--forever", "--until-idle"), 2), (("--nonsense",), 2), ((), 1)],
)
def test_a_run_that_was_asked_for_wrongly_says_so_by_its_code(
    operator: Operator, arguments: tuple[str, ...], code: int
) -> None:
    operator.run("run", *arguments, code=code)


def test_ctrl_c_before_the_engine_is_at_work_is_130(operator: Operator) -> None:
    store = operator.home / "dialer.db"
    holder = sqlite3.connect(store)
    holder.execute("BEGIN EXCLUSIVE")  # the store cannot be opened meanwhile
    try:
        with running(operator, "--forever") as run:
            wait_until(lambda: store in open_files(run.pid))
            run.send_signal(signal.SIGINT)
            assert ended(run) == 130
    finally:
        holder.close()
