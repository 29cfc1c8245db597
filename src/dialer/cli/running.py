"""Putting the concrete parts together: store, gate, SIP agents and observers become an engine."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dialer.campaigns.throttle import Throttle
from dialer.cli.loading import FileCampaignLoader
from dialer.cli.notify import ServiceManager
from dialer.cli.observers import Observers
from dialer.cli.reloading import Reloading
from dialer.cli.signals import obeying_signals
from dialer.cli.survey import Survey
from dialer.cli.watching import Watch
from dialer.compliance.gate import Gate
from dialer.compliance.rules import builtin_rules
from dialer.engine.engine import Engine
from dialer.engine.settings import Ending, EngineSettings
from dialer.results.audit import AuditKind
from dialer.sip.client import AgentProcess

if TYPE_CHECKING:
    from dialer.calls.frames import AgentSettings
    from dialer.cli.context import SystemClock
    from dialer.cli.metrics import Metrics
    from dialer.compliance.dnc.registries import Registries
    from dialer.config import Config
    from dialer.engine.ports import Observer
    from dialer.store.open import Store

GARBAGE_EVERY = 10_000  # objects made and not yet freed, once the engine is at work


def permit_key() -> bytes:
    """A key that permits are sealed with, known to this process and the agents it starts."""
    return secrets.token_bytes(32)


class AgentProcesses:
    """Starts the agent of each place in the pool, with ports of its own."""

    def __init__(self, config: Config, key: bytes) -> None:
        self._config = config
        self._key = key

    async def __call__(self, index: int) -> AgentProcess:
        """Raises AgentError, PortInUse."""
        return await AgentProcess.start(
            self.settings(index),
            self._config.trunks,
            self._key,
            log_path=self._config.directory / f"agent-{index}.log",
        )

    def settings(self, index: int) -> AgentSettings:
        """The ports of place ``index``: SIP ports follow each other, the RTP range is divided."""
        whole = self._config.agent_settings()
        share = whole.rtp_ports // self._config.settings.engine.agents // 2 * 2
        return replace(
            whole,
            sip_port=whole.sip_port + index if whole.sip_port else 0,
            rtp_port=whole.rtp_port + index * share,
            rtp_ports=share,
            max_calls=min(whole.max_calls, share // 2),
        )


async def drive(
    path: Path,
    config: Config,
    store: Store,
    registries: Registries,
    clock: SystemClock,
    observer: Observer,
    settings: EngineSettings,
) -> Ending:
    """Run the engine, obeying signals and watched over. Raises ConfigError when the port of [metrics] is taken.

    ``path`` is that of dialer.toml, which was read as ``config``.
    """
    key = permit_key()
    rules = builtin_rules()
    survey = Survey(store.reports, registries, clock)
    metrics: Metrics | None = None
    if config.settings.metrics.port:  # prometheus_client takes 30 ms, and nobody could ask
        from dialer.cli.metrics import Metrics

        metrics = Metrics(lambda: engine.status, survey, clock)  # the engine is made below
    engine = Engine(
        store=store.engine,
        gate=Gate(rules, config.operator, key),
        agent_factory=AgentProcesses(config, key),
        loader=FileCampaignLoader(config),
        trunk_limits={trunk.name: (trunk.cps, trunk.channels) for trunk in config.trunks},
        clock=clock,
        observer=Observers([observer] if metrics is None else [observer, metrics]),
        settings=settings,
        throttle=Throttle(config.throttles),
    )
    watch = Watch(
        lambda: engine.status,
        metrics=metrics,
        survey=survey,
        settings=config.settings.metrics,
        manager=ServiceManager(os.environ),
        drain_s=settings.drain_s,
    )
    async with watch.beside():
        await store.audit.note(
            clock.now(), AuditKind.REGISTRY, "in force at the start of a run",
            versions={name: volume.header.version for name, volume in registries.volumes().items()},
        )  # fmt: skip
        reloading = asyncio.create_task(Reloading(path, config, rules, key, engine.use_gate, observer).run())
        try:
            with obeying_signals(engine, observer):
                # What is there now stays: looking through all of it for garbage would hold every call up, 0.2 s a time.
                # Not even now: of 80,000 objects 300 are some.
                gc.freeze()
                gc.set_threshold(GARBAGE_EVERY)
                return await engine.run()
        finally:
            reloading.cancel()
