"""One word, and every reason for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialer.calls.trunk import TrunkState
from dialer.cli.health import Fitness, health_of
from dialer.engine.status import AgentsStatus, EngineStatus, Phase

WELL = EngineStatus(
    phase=Phase.RUNNING,
    agents=AgentsStatus(wanted=2, up=2, restarts=0, live_calls=7),
    trunks={"office": TrunkState.UP, "spare": TrunkState.UNKNOWN},
    store_failing=False,
    unstored=0,
    heartbeat_age_s=1.25,
)


def test_a_run_that_is_well() -> None:
    health = health_of(WELL)
    assert (health.status, health.reasons, health.live_calls, health.heartbeat_age_s) == (Fitness.OK, (), 7, 1.25)


@pytest.mark.parametrize(
    ("status", "fitness", "reason"),
    [
        (replace(WELL, store_failing=True), Fitness.FAILING, "the store cannot be written, no call is placed"),
        (replace(WELL, heartbeat_age_s=12.4), Fitness.FAILING, "the store has taken no heartbeat for 12 s"),
        (replace(WELL, agents=AgentsStatus(2, 0, 1, 0)), Fitness.FAILING, "no SIP agent is up"),
        (replace(WELL, agents=AgentsStatus(2, 1, 1, 0)), Fitness.DEGRADED, "1 of 2 SIP agents are up"),
        (
            replace(WELL, trunks={"office": TrunkState.UP, "spare": TrunkState.REFUSED}),
            Fitness.DEGRADED,
            "trunk down: spare",
        ),
        (
            replace(WELL, trunks={"b": TrunkState.REFUSED, "a": TrunkState.DOWN}),
            Fitness.FAILING,
            "trunk down: a, b",
        ),
        (replace(WELL, phase=Phase.STOPPING), Fitness.DEGRADED, "stopping: no new calls"),
    ],
)
def test_each_thing_that_can_be_wrong(status: EngineStatus, fitness: Fitness, reason: str) -> None:
    health = health_of(status)
    assert (health.status, health.reasons) == (fitness, (reason,))


def test_trunks_that_nobody_has_spoken_of_are_not_down() -> None:
    assert health_of(replace(WELL, trunks={})).status is Fitness.OK


def test_a_registry_that_cannot_be_read_stops_every_call() -> None:
    health = health_of(WELL, "us_national is damaged")
    assert health.status is Fitness.FAILING
    assert "us_national is damaged" in health.reasons[0]


def test_what_stops_calls_is_named_first() -> None:
    health = health_of(replace(WELL, phase=Phase.STOPPING, agents=AgentsStatus(2, 1, 1, 0), store_failing=True))
    assert health.status is Fitness.FAILING
    assert [reason.split()[0] for reason in health.reasons] == ["the", "1", "stopping:"]
