"""What is counted, and that the page of it says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import Metric

from dialer.calls.frames import CallEnded, CallProgress, Stage
from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy
from dialer.calls.trunk import TrunkState
from dialer.cli.metrics import Metrics
from dialer.cli.survey import Found, Survey
from dialer.compliance.decision import CheckName, Refusal
from dialer.compliance.dnc.registries import Registries
from dialer.engine.status import AgentsStatus, EngineStatus, Phase
from dialer.results.records import AttemptLine, CampaignRow, CampaignState, Claim, Decided
from dialer.store.open import Store
from dialer.store.standing import QueueStanding

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBER = "+13055550123"
CAMPAIGN = CampaignRow(1, f"Call {NUMBER} back", CampaignState.RUNNING, "", "")
STATUS = EngineStatus(
    phase=Phase.RUNNING,
    agents=AgentsStatus(wanted=2, up=1, restarts=3, live_calls=0),
    trunks={"office": TrunkState.UP, "spare": TrunkState.UNKNOWN},
    store_failing=False,
    unstored=4,
    heartbeat_age_s=1.5,
)


class Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Bench:
    """Metrics of a run that tests tell."""

    def __init__(self, store: Store, directory: Path) -> None:
        self.status = STATUS
        self.survey = Survey(store.reports, Registries(directory), Clock())
        self.metrics = Metrics(lambda: self.status, self.survey, Clock())

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    def stage(self, attempt_id: str, stage: Stage) -> None:
        self.metrics.heard(CallProgress(attempt_id=attempt_id, stage=stage, at=NOW))

    def end(self, attempt_id: str, record: CallRecord) -> None:
        line = AttemptLine(attempt_id, CAMPAIGN.name, NUMBER, record.outcome, record, 1)
        self.metrics.ended(line)

    def refuse(self, check: CheckName, until: datetime | None) -> None:
        refusal = Refusal(
            campaign_id=1, number=NUMBER, rules_version="1", decided_at=NOW, refused_by=check,
            reason=f"{NUMBER} is listed", citation="", defer_until=until,
        )  # fmt: skip
        self.metrics.decided(CAMPAIGN, Decided(Claim(1, 1, 1, NUMBER, 0), "a", refusal, NOW))


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    async with await Store.open(tmp_path / "dialer.db", create=True) as store:
        return Bench(store, tmp_path / "dnc")


def a_record(outcome: Outcome, rang_s: float | None = None, answered_s: float | None = None) -> CallRecord:
    return CallRecord(
        attempt_id="a",
        outcome=outcome,
        invite_at=NOW,
        ringing_at=None if rang_s is None else NOW + timedelta(seconds=rang_s),
        answered_at=None if answered_s is None else NOW + timedelta(seconds=answered_s),
        ended_at=NOW + timedelta(seconds=60),
        ended_by=EndedBy.CALLEE,
    )


async def test_a_call_stands_in_one_state_and_is_one_dial(bench: Bench) -> None:
    for stage in (Stage.INVITED, Stage.INVITED, Stage.RINGING):  # the second INVITE went to the next trunk
        bench.stage("a", stage)
    bench.stage("b", Stage.INVITED)
    assert bench.value("dialer_dials_total") == 2
    assert bench.value("dialer_calls_live", state="ringing") == 1
    assert bench.value("dialer_calls_live", state="invited") == 1
    for stage in (Stage.ANSWERED, Stage.PLAYING, Stage.KEY):
        bench.stage("a", stage)
    assert bench.value("dialer_calls_live", state="playing") == 1
    bench.metrics.heard(CallEnded(record=replace_id(a_record(Outcome.HEARD), "a")))
    bench.end("b", a_record(Outcome.INTERRUPTED))  # its agent died: nothing but the outcome says that it is over
    assert {bench.value("dialer_calls_live", state=stage.value) for stage in Stage} == {0, None}
    assert bench.value("dialer_dials_total") == 2


def replace_id(record: CallRecord, attempt_id: str) -> CallRecord:
    return CallRecord(**{name: getattr(record, name) for name in record.__struct_fields__} | {"attempt_id": attempt_id})


async def test_outcomes_and_how_long_it_took(bench: Bench) -> None:
    bench.end("a", a_record(Outcome.HEARD, rang_s=0.4, answered_s=7.0))
    bench.end("b", a_record(Outcome.BUSY))
    bench.end("c", a_record(Outcome.HEARD, answered_s=0.7))  # answered without a word of ringing
    bench.end("d", CallRecord(attempt_id="d", outcome=Outcome.NOT_DIALED, ended_at=NOW, ended_by=EndedBy.DIALER))
    assert bench.value("dialer_attempts_total", outcome="heard") == 2
    assert bench.value("dialer_attempts_total", outcome="busy") == 1
    assert bench.value("dialer_attempts_total", outcome="not_dialed") == 1
    assert bench.value("dialer_post_dial_delay_seconds_count") == 2
    assert bench.value("dialer_post_dial_delay_seconds_sum") == pytest.approx(1.1)
    assert bench.value("dialer_setup_seconds_count") == 2
    assert bench.value("dialer_setup_seconds_bucket", le="7.5") == 2
    assert bench.value("dialer_setup_seconds_bucket", le="1.0") == 1


async def test_refusals_for_now_and_for_good(bench: Bench) -> None:
    bench.refuse(CheckName.CALLING_WINDOW, NOW + timedelta(hours=1))
    bench.refuse(CheckName.CALLING_WINDOW, NOW + timedelta(hours=2))
    bench.refuse(CheckName.INTERNAL_DNC, None)
    assert bench.value("dialer_refusals_total", check="calling_window", until="deferred") == 2
    assert bench.value("dialer_refusals_total", check="internal_dnc", until="never") == 1


async def test_the_engine_is_looked_at_when_somebody_asks(bench: Bench) -> None:
    assert bench.value("dialer_agents") == 2
    assert bench.value("dialer_agents_up") == 1
    assert bench.value("dialer_agent_restarts_total") == 3
    assert bench.value("dialer_trunk_up", trunk="office") == 1
    assert bench.value("dialer_trunk_up", trunk="spare") == 0
    assert bench.value("dialer_outcomes_unstored") == 4
    assert bench.value("dialer_heartbeat_age_seconds") == 1.5
    assert bench.value("dialer_store_failing") == 0
    bench.status = replace(STATUS, store_failing=True)
    assert bench.value("dialer_store_failing") == 1


async def test_lag_and_troubles(bench: Bench) -> None:
    bench.metrics.lagged(0.3)
    bench.metrics.trouble("trunk", f"{NUMBER} is down")
    assert bench.value("dialer_event_loop_lag_seconds_bucket", le="0.25") == 0
    assert bench.value("dialer_event_loop_lag_seconds_bucket", le="0.5") == 1
    assert bench.value("dialer_troubles_total", what="trunk") == 1


def everything(bench: Bench) -> None:
    """Tell it something of each kind."""
    bench.stage("a", Stage.INVITED)
    bench.end("b", a_record(Outcome.HEARD, rang_s=1, answered_s=2))
    bench.refuse(CheckName.GAP, None)
    bench.metrics.trouble("store", f"{NUMBER}: disk full")
    queue = QueueStanding(CAMPAIGN.name, due=5, deferred=6, in_hand=7, finished=8)
    bench.survey.found = Found((queue,), {"us_national": date(2026, 11, 19)})


async def test_queues_and_registries(bench: Bench) -> None:
    everything(bench)
    name = "Call +1305*****23 back"
    states = {"due": 5, "deferred": 6, "in_hand": 7, "finished": 8}
    assert {state: bench.value("dialer_queue_contacts", campaign=name, state=state) for state in states} == states
    assert bench.value("dialer_dnc_registry_age_seconds", registry="us_national") == 36 * 3600


async def test_no_number_is_on_the_page(bench: Bench) -> None:
    everything(bench)
    page = bench.metrics.page().decode()
    assert "dialer_queue_contacts" in page
    assert not re.search(r"\+?\d{10,}(?!\.)\b", re.sub(r"(?m) [-+.\de]+$", "", page))
    assert "_created" not in page


async def test_two_runs_in_one_process_count_apart(bench: Bench) -> None:
    other = Metrics(lambda: STATUS, bench.survey, Clock())
    bench.stage("a", Stage.INVITED)
    assert other.registry.get_sample_value("dialer_dials_total") == 0


def exported(metric: Metric) -> tuple[str, str, str, str]:
    """Name as scraped, type, unit, labels: a row of the table."""
    name = metric.name + ("_total" if metric.type == "counter" else "")
    labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
    return name, metric.type, metric.unit or unit_of(name), ", ".join(f"`{label}`" for label in sorted(labels))


def unit_of(name: str) -> str:
    """Gauges of one family with a unit carry it in their name; all else is counted."""
    return "seconds" if name.endswith("_seconds") else ""


def table() -> Iterator[tuple[str, str, str, str]]:
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text()
    for line in page[page.index("## Metrics") : page.index("## Health")].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `dialer_"):
            name, kind, unit, labels, tells = cells
            assert tells, f"{name} is not explained"
            yield name.strip("`"), kind, unit, ", ".join(sorted(filter(None, labels.split(", "))))


async def test_the_table_of_the_operations_page_is_what_is_exported(bench: Bench) -> None:
    everything(bench)
    assert sorted(table()) == sorted(exported(metric) for metric in bench.metrics.registry.collect())
    assert all(metric.documentation for metric in bench.metrics.registry.collect())
