"""A campaign over a bad line: loss, jitter that reorders, duplicates.

python -m tests.chaos.dirty_line --seed 7 --contacts 300

The engine and the callees live in two network namespaces of their own. Each has a TUN device and nothing else; what
goes into one comes out of the other, as the line has it. Needs root.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from tests.chaos.field import SESSION_TIMER_S, Field, Plan, Surroundings
from tests.chaos.oracle import SENT_AGAIN, Limits, Report, judge, read
from tests.chaos.program import program

TUN = Path("/dev/net/tun")
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # linux/if_tun.h
ENGINE, CALLEES = "10.231.77.1", "10.231.77.2"
MTU = 65_536
# The last BYE of a run is sent twice before its agent leaves: where both are lost, the session timer ends the call.
STILL_S = SESSION_TIMER_S + 15.0


@dataclass(frozen=True, slots=True)
class Dirt:
    """What the line does to each packet, each way."""

    loss: float = 0.3
    jitter_s: float = 0.2
    duplicates: float = 0.05


@dataclass(slots=True)
class Traffic:
    """What the line did."""

    carried: int = 0
    lost: int = 0
    duplicated: int = 0


class Line:
    """Two namespaces and what is between them, from ``with`` to its end."""

    def __init__(self, dirt: Dirt, seed: int) -> None:
        self.traffic = Traffic()
        self._dirt = dirt
        self._chance = random.Random(seed)
        self._ending = threading.Event()
        self._names = tuple(f"chaos-{os.getpid()}-{side}" for side in "ab")
        self._thread = threading.Thread(target=self._carry)
        self._ends: list[int] = []

    def __enter__(self) -> Line:
        for name, address, peer in zip(self._names, (ENGINE, CALLEES), (CALLEES, ENGINE), strict=True):
            _ip("netns", "add", name)
            device = f"tun{os.getpid() % 100_000}{name[-1]}"
            end = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
            self._ends.append(end)
            fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TUN | IFF_NO_PI))
            _ip("link", "set", device, "netns", name)  # the descriptor stays with the device
            _ip("-n", name, "addr", "add", address, "peer", peer, "dev", device)
            _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "link", "set", "lo", "up")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        for end in self._ends:
            os.close(end)
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def side(self, place: int) -> Surroundings:
        """0: the engine's; 1: the callees'."""
        return Surroundings(prefix=("ip", "netns", "exec", self._names[place]))

    def _carry(self) -> None:
        one, other = self._ends
        across = {one: other, other: one}
        waiting: list[tuple[float, int, int, bytes]] = []
        number = 0
        while not self._ending.is_set():
            pause = max(0.0, min(0.05, waiting[0][0] - time.monotonic())) if waiting else 0.05
            for end in select.select(self._ends, [], [], pause)[0]:
                for packet in _packets(end):
                    for _ in range(self._copies()):
                        number += 1
                        due = time.monotonic() + self._chance.uniform(0, self._dirt.jitter_s)
                        heapq.heappush(waiting, (due, number, across[end], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                try:
                    os.write(end, packet)
                except BlockingIOError:
                    self.traffic.lost += 1  # a full queue is a line, too

    def _copies(self) -> int:
        if self._chance.random() < self._dirt.loss:
            self.traffic.lost += 1
            return 0
        self.traffic.carried += 1
        if self._chance.random() < self._dirt.duplicates:
            self.traffic.duplicated += 1
            return 2
        return 1


def _packets(end: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(end, MTU)
        except BlockingIOError:
            return


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def field_over(line: Line, home: Path, plan: Plan) -> Iterator[Field]:
    """A field whose engine and callees are at the two ends of the line."""
    with Field(home, replace(plan, host=CALLEES, bind=ENGINE)) as field:
        field.of_engine, field.of_callees = line.side(0), line.side(1)
        yield field


def campaign(home: Path, plan: Plan, dirt: Dirt) -> Report:
    """A whole campaign over the line; ``problems`` also has opt-out keys of which too few were heard."""
    with Line(dirt, plan.seed) as line, field_over(line, home, plan) as field:
        field.start_callees()
        field.prepare()
        run = field.start_run("--until-idle")
        field.finish(run, whole=False)
        still = field.until_all_over(STILL_S)
        accounts = read(home)
    report = judge(
        f"{dirt.loss:.0%} loss, {1000 * dirt.jitter_s:.0f} ms jitter",
        plan.seed,
        accounts,
        Limits(plan.max_attempts, timedelta(minutes=plan.gap_minutes), transit=SENT_AGAIN),
    )
    if not still:
        report.problems.append(f"calls are up after {STILL_S} s")
    if line.traffic.lost == 0 or line.traffic.duplicated == 0:
        report.problems.append(f"the line was clean: {line.traffic}")
    report.pauses = field.pauses
    return report


if __name__ == "__main__":
    program(
        __doc__,
        lambda home, arguments: campaign(
            home, Plan(arguments.seed, arguments.contacts, cps=arguments.cps or 8), Dirt()
        ),
        strikes=0,
        contacts=300,
    )
