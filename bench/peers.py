"""The peers of ``bench.calls``: SIPp (the floor) and Asterisk 22, each placing the same calls to the same callee."""

from __future__ import annotations

import contextlib
import csv
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.callee import HOST, callee, message, pcmu
from bench.common import POLL_S, TICKS_PER_S, BenchError, Cpu, cpu_until_end
from bench.load import Load, Run, checked, numbers

ROOT = Path(__file__).resolve().parents[1]
SCENARIOS = Path(__file__).parent / "scenarios"
CONFIGURATION = Path(__file__).parent / "asterisk"
LOADS_S, LISTENS_S = 30.0, 10.0

CALL_FILE = """\
Channel: PJSIP/{number}@callee
CallerID: "Bench" <+13055550100>
Context: message
Extension: s
Priority: 1
WaitTime: 30
MaxRetries: 0
"""
ORIGINATE = (
    "Action: Originate\r\nActionID: {index}\r\nChannel: PJSIP/{number}@callee\r\nContext: message\r\nExten: s\r\n"
    'Priority: 1\r\nCallerID: "Bench" <+13055550100>\r\nTimeout: 30000\r\nAsync: true\r\n\r\n'
)


def start_sipp(home: Path, scenario: str, *arguments: str) -> subprocess.Popen[bytes]:
    """SIPp playing a scenario on loopback."""
    return subprocess.Popen(
        ["sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", HOST, "-mi", HOST, "-nostdin", *arguments],
        cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"},
    )  # fmt: skip


def await_listening(process: subprocess.Popen[bytes], port: int) -> None:
    """Until SIPp has its port; asked of the kernel, for to try it would be to take it. Raises BenchError."""
    deadline = time.monotonic() + LISTENS_S
    while f":{port:04X} " not in Path("/proc/net/udp").read_text(encoding="ascii"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError("SIPp does not listen")
        time.sleep(POLL_S)  # the kernel's table tells only who asks


def run_sipp(home: Path, load: Load) -> Run:
    """SIPp as the caller. It sends from one port for all calls, and never reads what comes back there."""
    with callee(home) as peer:
        (home / "message.ulaw").write_bytes(pcmu(message(load.call_s)))
        begun = time.monotonic()
        process = start_sipp(
            home, "caller", f"{HOST}:{peer.port}", "-m", str(load.calls), "-r", str(load.cps), "-l", str(load.channels),
            "-mp", "16000", "-d", str(round(load.call_s * 1000)),
        )  # fmt: skip
        try:
            cpu = cpu_until_end(process, load.timeout_s)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            raise BenchError(f"SIPp as the caller ended with {process.returncode}: not every call went well")
        return checked(load, peer, cpu, time.monotonic() - begun)


def sipp_version() -> str:
    """As SIPp says it."""
    said = subprocess.run(["sipp", "-v"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"SIPp v([\d.]+)", said)
    return found[1] if found else "?"


@dataclass(frozen=True, slots=True)
class Program:
    """The Asterisk of ``scripts/asterisk``, unpacked: it runs here as it is, without a container."""

    tree: Path
    version: str

    @classmethod
    def find(cls) -> Program:
        """Unpack it if it is not. Raises BenchError when no container engine can make the image."""
        done = subprocess.run([ROOT / "scripts" / "asterisk", "tree"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"no Asterisk: {done.stderr.strip()}")
        tree = Path(done.stdout.strip())
        said = subprocess.run([*cls(tree, "").command, "-V"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"Asterisk ([\d.]+)", said)
        if found is None:
            raise BenchError(f"{tree} holds no Asterisk that runs here: {said}")
        return cls(tree, found[1])

    @property
    def command(self) -> list[str]:
        """With the libraries of its own system."""
        library = self.tree / "usr/lib/x86_64-linux-gnu"
        loader = next((self.tree / "usr/lib64").glob("ld-linux-*"))
        return [str(loader), "--library-path", f"{library}:{library}/asterisk", str(self.tree / "usr/sbin/asterisk")]


class Asterisk:
    """One Asterisk in ``home``, idle and fully booted."""

    def __init__(self, home: Path, program: Program, callee_port: int) -> None:
        ports = _free_ports()
        self.spool = home / "spool"
        self.cdr = home / "log" / "cdr-csv" / "Master.csv"
        for folder in (self.spool / "outgoing", self.spool / "made", self.cdr.parent, home / "etc", home / "run"):
            folder.mkdir(parents=True)
        values = {
            "home": home, "usr": program.tree / "usr", "sip_port": ports[0], "ami_port": ports[1], "port": callee_port,
            "modules": next((program.tree / "usr/lib").glob("*/asterisk/modules")),
        }  # fmt: skip
        for template in CONFIGURATION.glob("*.conf"):
            text = re.sub(r"@(\w+)@", lambda found: str(values[found[1]]), template.read_text(encoding="utf-8"))
            (home / "etc" / template.name).write_text(text, encoding="utf-8")
        with (home / "asterisk.out").open("wb") as out:
            self.process = subprocess.Popen(
                [*program.command, "-f", "-C", str(home / "etc" / "asterisk.conf")],
                cwd=home, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )  # fmt: skip
        self.manager = self._connect(ports[1])
        self._command("core waitfullybooted")

    def cpu_s(self) -> float:
        """User and system time so far, of all its threads; it starts no other process."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / TICKS_PER_S

    def records(self) -> list[list[str]]:
        """Rows of its call detail records."""
        return list(csv.reader(self.cdr.open(encoding="utf-8", newline=""))) if self.cdr.exists() else []

    def close(self) -> None:
        """Whatever happened."""
        self.process.kill()
        self.process.wait()
        self.manager.close()

    def _connect(self, port: int) -> socket.socket:
        deadline = time.monotonic() + LOADS_S
        while True:
            try:
                manager = socket.create_connection((HOST, port), timeout=LOADS_S)
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError("Asterisk does not start") from error
                time.sleep(POLL_S)  # a port that nobody has yet refuses at once
                continue
            manager.sendall(b"Action: Login\r\nUsername: bench\r\nSecret: bench\r\nEvents: off\r\n\r\n")
            _until(manager, b"Authentication accepted")
            return manager

    def _command(self, text: str) -> None:
        self.manager.sendall(f"Action: Command\r\nActionID: said\r\nCommand: {text}\r\n\r\n".encode())
        _until(self.manager, b"ActionID: said")


def _until(manager: socket.socket, words: bytes) -> None:
    heard = b""
    while words not in heard:
        more = manager.recv(65536)
        if not more:
            raise BenchError(f"Asterisk's manager has hung up: {heard[-300:]!r}")
        heard += more


def _free_ports() -> tuple[int, int]:
    kinds = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for kind in kinds]
        for each in held:
            each.bind((HOST, 0))
        return held[0].getsockname()[1], held[1].getsockname()[1]


def by_call_files(asterisk: Asterisk, index: int, number: str) -> None:
    """Ask for one call as operators with a spool do: written elsewhere, moved in when it is whole."""
    made = asterisk.spool / "made" / f"{index}.call"
    made.write_text(CALL_FILE.format(number=number), encoding="ascii")
    made.rename(asterisk.spool / "outgoing" / made.name)


def by_manager(asterisk: Asterisk, index: int, number: str) -> None:
    """Ask for one call over one connection to the manager interface, without waiting for it."""
    asterisk.manager.sendall(ORIGINATE.format(index=index, number=number).encode())
    with contextlib.suppress(BlockingIOError):
        asterisk.manager.recv(65536, socket.MSG_DONTWAIT)


def run_asterisk(home: Path, load: Load, program: Program, ask: Callable[[Asterisk, int, str], None]) -> Run:
    """Asterisk as the caller. Its start, its end and whoever asks for the calls are not counted."""
    with callee(home) as peer, _asterisk(home, program, peer.port) as asterisk:
        sounds = home / "sounds" / "en"
        sounds.mkdir(parents=True)
        (sounds / "message.ulaw").write_bytes(pcmu(message(load.call_s)))
        before, begun = asterisk.cpu_s(), time.monotonic()
        for index, number in enumerate(numbers(load.calls)):
            time.sleep(max(0.0, begun + index / load.cps - time.monotonic()))  # the pace that is asked for
            ask(asterisk, index, number)
        while len(asterisk.records()) < load.calls:
            if time.monotonic() > begun + load.timeout_s:
                raise BenchError(f"Asterisk ended {len(asterisk.records())} calls of {load.calls}")
            time.sleep(10 * POLL_S)  # its records are a file, and to read it often would cost what is measured
        wall_s = time.monotonic() - begun
        time.sleep(10 * POLL_S)  # the last records, and the last BYE's answer
        cpu = Cpu(asterisk.cpu_s() - before, 0.0)
        answered = sum("ANSWERED" in row for row in asterisk.records())
        if answered != load.calls:
            raise BenchError(f"Asterisk wrote {answered} records of answered calls, not {load.calls}")
        return checked(load, peer, cpu, wall_s)


@contextlib.contextmanager
def _asterisk(home: Path, program: Program, port: int) -> Iterator[Asterisk]:
    made = Asterisk(home, program, port)
    try:
        yield made
    finally:
        made.close()
