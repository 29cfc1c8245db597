"""Running the simulated callees: one endpoint, one loop, until told to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import IO, Any

import msgspec

from dialer.calls.frames import AgentSettings
from dialer.sim.people import People, voices
from dialer.sim.population import Population
from dialer.sip.callee import CalleeAccount
from dialer.sip.endpoint import SipEndpoint
from dialer.sip.schedule import Schedule

POLL_MS = 10
LAST_WORDS_S = 1.0


def serve(
    population: Population, settings: AgentSettings, account: IO[str] | None, ready: Callable[[int], None]
) -> None:
    """Answer calls until SIGINT or SIGTERM. ``ready`` is told the SIP port; ``account`` gets a JSON line an event.

    Raises PortInUse and AgentError.
    """
    stopping = False

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)

    def note(event: dict[str, Any]) -> None:
        if account is not None:
            line = msgspec.json.encode({"at": datetime.now(UTC), **event}).decode()
            account.write(line + "\n")
            account.flush()  # an account that is to be compared after a crash must not sit in a buffer

    endpoint = SipEndpoint(settings)
    schedule = Schedule()
    people = People(population, voices(), schedule, time.monotonic, note)
    calls = CalleeAccount(endpoint, people.ringing, people.news)
    ready(endpoint.sip_port)
    try:
        while not stopping:
            endpoint.poll(POLL_MS)
            schedule.run(time.monotonic())
            people.forget_gone()
        people.hang_up_all()
        deadline = time.monotonic() + LAST_WORDS_S
        while people.live and time.monotonic() < deadline:
            endpoint.poll(POLL_MS)
            people.forget_gone()
    finally:
        del people
        calls.shutdown()
        del calls
        endpoint.close()
