"""Whether a run does its work, in one word with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dialer.calls.trunk import TrunkState
from dialer.engine.status import Phase

if TYPE_CHECKING:
    from dialer.engine.status import EngineStatus

OLD_HEARTBEAT_S = 10.0  # another engine may take the store over after 15
DOWN = {TrunkState.DOWN, TrunkState.REFUSED}


class Fitness(StrEnum):
    """What a monitor is to make of it."""

    OK = "ok"
    DEGRADED = "degraded"  # calls can be placed, but something is missing or ending
    FAILING = "failing"  # no call can be placed


@dataclass(frozen=True, slots=True)
class Health:
    """The word, why, and what it was drawn from."""

    status: Fitness
    reasons: tuple[str, ...]
    phase: Phase
    live_calls: int
    heartbeat_age_s: float


def health_of(status: EngineStatus, registry_trouble: str = "") -> Health:
    """Every reason is named, those that stop calls first."""
    agents = status.agents
    down = sorted(name for name, state in status.trunks.items() if state in DOWN)
    failing, degraded = [], []
    if status.store_failing:
        failing.append("the store cannot be written, no call is placed")
    if status.heartbeat_age_s > OLD_HEARTBEAT_S:
        failing.append(f"the store has taken no heartbeat for {status.heartbeat_age_s:.0f} s")
    if registry_trouble:
        failing.append(f"a do-not-call registry cannot be read: {registry_trouble}")
    if not agents.up:
        failing.append("no SIP agent is up")
    elif agents.up < agents.wanted:
        degraded.append(f"{agents.up} of {agents.wanted} SIP agents are up")
    if down:
        (failing if len(down) == len(status.trunks) else degraded).append(f"trunk down: {', '.join(down)}")
    if status.phase is Phase.STOPPING:
        degraded.append("stopping: no new calls")
    return Health(
        status=Fitness.FAILING if failing else Fitness.DEGRADED if degraded else Fitness.OK,
        reasons=(*failing, *degraded),
        phase=status.phase,
        live_calls=agents.live_calls,
        heartbeat_age_s=round(status.heartbeat_age_s, 3),
    )
