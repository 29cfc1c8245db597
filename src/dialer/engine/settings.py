"""How an engine runs, and how a run ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RunUntil(StrEnum):
    """When a run ends by itself."""

    DONE = "done"  # every started campaign is finished, whatever time that takes
    IDLE = "idle"  # nothing is due now
    FOREVER = "forever"  # never: it waits for campaigns


class Ending(StrEnum):
    """Why a run ended."""

    DONE = "done"
    IDLE = "idle"
    STOPPED = "stopped"  # the operator asked
    PAUSED = "paused"  # every campaign left is paused, with its reason in the store


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine runs. Durations are in seconds."""

    until: RunUntil = RunUntil.DONE
    agents: int = 1
    poll_s: float = 0.25  # how soon a change made in another shell is seen
    drain_s: float = 180.0  # how long live calls may go on after a stop
    agent_silence_s: float = 10.0  # after which an agent counts as stuck
    agent_restart_s: float = 0.5  # before an agent is started anew; doubled each time that fails
    trunk_wait_s: float = 5.0  # for a campaign's trunks to answer before its first call
    trunk_patience_s: float = 300.0  # for a trunk that was well to be so again, before the campaign is paused
    store_retry_s: float = 1.0  # before what the store refused is tried again
    gather_s: float = 0.3  # how long an outcome waits at most to be stored with others, or with decisions
    heartbeat_s: float = 2.0
    flush_s: float = 10.0  # for the last outcomes to be stored when the run ends
    longest_call_s: float = 4000.0  # an attempt that is open for longer is hung up, and its agent ended if need be
