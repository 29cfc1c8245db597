"""What a run counts, for Prometheus. The table in docs/operations.md is held against it by a test."""

from __future__ import annotations

import platform
from collections import Counter as Tally
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from dialer import __version__
from dialer.calls.frames import CallEnded, CallProgress, FromAgent, Stage
from dialer.calls.trunk import TrunkState
from dialer.compliance.decision import Refusal
from dialer.log import masked_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Metric

    from dialer.calls.plan import CallRecord
    from dialer.cli.survey import Survey
    from dialer.engine.ports import Clock
    from dialer.engine.status import EngineStatus
    from dialer.results.records import AttemptLine, CampaignRow, CampaignState, Decided

LIVE = tuple(stage for stage in Stage if stage is not Stage.KEY)  # a key is pressed in a call that plays

POST_DIAL_DELAY_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 30.0)
SETUP_S = (1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 120.0)
LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Watches a run as an Observer does, with a registry of its own. No telephone number is ever in a label."""

    def __init__(self, status: Callable[[], EngineStatus], survey: Survey, clock: Clock) -> None:
        """``status`` is asked whenever somebody reads the metrics."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self.registry = CollectorRegistry()
        self._live: dict[str, Stage] = {}  # by attempt
        self._dials = Counter("dialer_dials", "Attempts whose INVITE has left.", registry=self.registry)
        self._attempts = Counter(
            "dialer_attempts", "Attempts that have ended and are on disk.", ["outcome"], registry=self.registry
        )
        self._refusals = Counter(
            "dialer_refusals", "Contacts that the gate turned away.", ["check", "until"], registry=self.registry
        )
        self._troubles = Counter(
            "dialer_troubles", "News of trouble outside the calls, good and bad.", ["what"], registry=self.registry
        )
        self._post_dial_delay = Histogram(
            "dialer_post_dial_delay", "From the first INVITE to ringing, or to the answer where none was told.",
            unit="seconds", buckets=POST_DIAL_DELAY_S, registry=self.registry,
        )  # fmt: skip
        self._setup = Histogram(
            "dialer_setup", "From the first INVITE to the answer.",
            unit="seconds", buckets=SETUP_S, registry=self.registry,
        )  # fmt: skip
        self._lag = Histogram(
            "dialer_event_loop_lag", "How much later than asked the event loop came back.",
            unit="seconds", buckets=LAG_S, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Standing(status, survey, clock, self._live))

    def page(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self.registry)

    def lagged(self, seconds: float) -> None:
        """The event loop came back so much later than it was asked to."""
        self._lag.observe(seconds)

    # --- Observer ------------------------------------------------------------------------------------------------

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        if isinstance(decided.decision, Refusal):
            until = "never" if decided.decision.defer_until is None else "deferred"
            self._refusals.labels(decided.decision.refused_by.value, until).inc()

    def heard(self, frame: FromAgent) -> None:
        if isinstance(frame, CallEnded):
            self._live.pop(frame.record.attempt_id, None)
        elif isinstance(frame, CallProgress) and frame.stage in LIVE:
            if frame.attempt_id not in self._live:  # each further trunk is another INVITE of the same dial
                self._dials.inc()
            self._live[frame.attempt_id] = frame.stage

    def ended(self, line: AttemptLine) -> None:
        self._live.pop(line.attempt_id, None)  # its agent may have died without a word
        self._attempts.labels(line.outcome.value).inc()
        self._timed(line.record)

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        pass  # the queue is read from the store

    def trouble(self, what: str, detail: str) -> None:
        self._troubles.labels(what).inc()

    def _timed(self, record: CallRecord) -> None:
        if record.invite_at is None:
            return
        if (rang := record.ringing_at or record.answered_at) is not None:
            self._post_dial_delay.observe((rang - record.invite_at).total_seconds())
        if record.answered_at is not None:
            self._setup.observe((record.answered_at - record.invite_at).total_seconds())


class _Standing:
    """What is not counted but looked up when somebody asks."""

    def __init__(
        self, status: Callable[[], EngineStatus], survey: Survey, clock: Clock, live: dict[str, Stage]
    ) -> None:
        self._status = status
        self._survey = survey
        self._clock = clock
        self._live = live

    def collect(self) -> Iterator[Metric]:
        yield from self._of_the_engine(self._status())
        yield from self._of_the_store()

    def _of_the_engine(self, status: EngineStatus) -> Iterator[Metric]:
        build = GaugeMetricFamily("dialer_build_info", "Always 1.", labels=["version", "python"])
        build.add_metric([__version__, platform.python_version()], 1)
        yield build
        calls = GaugeMetricFamily(
            "dialer_calls_live", "Calls that are up, by how far they have come.", labels=["state"]
        )
        by_stage = Tally(self._live.values())
        for stage in LIVE:
            calls.add_metric([stage.value], by_stage[stage])
        yield calls
        yield GaugeMetricFamily("dialer_agents", "SIP agents that there should be.", status.agents.wanted)
        yield GaugeMetricFamily("dialer_agents_up", "SIP agents that can take a call.", status.agents.up)
        yield CounterMetricFamily("dialer_agent_restarts", "SIP agents started anew.", status.agents.restarts)
        trunks = GaugeMetricFamily(
            "dialer_trunk_up", "1: the trunk is there; 0: it is not, or unknown.", labels=["trunk"]
        )
        for name, state in status.trunks.items():
            trunks.add_metric([name], state is TrunkState.UP)
        yield trunks
        yield GaugeMetricFamily(
            "dialer_store_failing", "1: what must be written cannot be, and no call is placed.", status.store_failing
        )
        yield GaugeMetricFamily(
            "dialer_outcomes_unstored", "Outcomes in memory that are not on disk yet.", status.unstored
        )
        yield GaugeMetricFamily(
            "dialer_heartbeat_age_seconds", "Since the store last took the run's sign of life.",
            status.heartbeat_age_s, unit="seconds",
        )  # fmt: skip

    def _of_the_store(self) -> Iterator[Metric]:
        found = self._survey.found
        queue = GaugeMetricFamily(
            "dialer_queue_contacts", "Contacts of running and paused campaigns, each in one state.",
            labels=["campaign", "state"],
        )  # fmt: skip
        for each in found.queues:
            name = masked_text(each.campaign)  # an operator may call a campaign anything
            queue.add_metric([name, "due"], each.due)
            queue.add_metric([name, "deferred"], each.deferred)
            queue.add_metric([name, "in_hand"], each.in_hand)
            queue.add_metric([name, "finished"], each.finished)
        yield queue
        registries = GaugeMetricFamily(
            "dialer_dnc_registry_age_seconds", "Since the oldest data of a do-not-call registry in force.",
            labels=["registry"], unit="seconds",
        )  # fmt: skip
        for registry, day in found.registries.items():
            age = self._clock.now() - datetime.combine(day, time(), UTC)
            registries.add_metric([registry], age.total_seconds())
        yield registries
