"""A whole engine on the real store and the real gate, with scripted agents and a clock that tests can move."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from tests.unit.engine.scripted_agent import Network

from dialer.calls.frames import FromAgent
from dialer.calls.plan import CallLimits, CallScript
from dialer.calls.trunk import TrunkState, TrunkStatus
from dialer.campaigns.definition import parse_definition
from dialer.campaigns.retry import RetryPlan
from dialer.campaigns.throttle import Throttle
from dialer.compliance.decision import Permit
from dialer.compliance.gate import Gate
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CallerIdRight
from dialer.compliance.rules import builtin_rules
from dialer.contacts.contact import Consent, ConsentKind, Contact, Number
from dialer.contacts.numbers import parse_number
from dialer.engine.engine import Engine
from dialer.engine.ports import EngineStore, LoadedCampaign
from dialer.engine.settings import Ending, EngineSettings, RunUntil
from dialer.errors import CampaignError, StoreError
from dialer.results.records import AttemptLine, AttemptRow, CampaignRow, CampaignState, Claim, Decided, RefusalRow
from dialer.store.open import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)  # a Friday; 12:30 in New York, 7:30 in Honolulu
KEY = b"sixteen bytes or more"
CALLER_ID = "+12125550100"
FAST = EngineSettings(
    until=RunUntil.IDLE,
    poll_s=0.02,
    drain_s=5.0,
    agent_silence_s=0.6,
    agent_restart_s=0.02,
    trunk_wait_s=0.3,
    trunk_patience_s=0.0,
    store_retry_s=0.02,
    gather_s=0.005,
    heartbeat_s=0.5,
    flush_s=0.5,
)
RULES = builtin_rules()

DEFINITION = """
[campaign]
name = "{name}"
purpose = "informational"
caller_id = "{caller_id}"
trunks = {trunks}
[seller]
name = "Acme"
callback = "{caller_id}"
[message]
sound = "message.wav"
voice = "artificial"
opt_out_number = "+18005550100"
parts = [
    {{ says = "seller_name", from_s = 0.0, to_s = 2.1 }},
    {{ says = "artificial_voice", from_s = 2.1, to_s = 3.2 }},
    {{ says = "opt_out", from_s = 3.2, to_s = 5.6 }},
    {{ says = "callback", from_s = 8.1, to_s = 12.4 }},
]
[pacing]
cps = {cps}
channels = {channels}
[attempts]
max = {attempts}
gap_minutes = {gap}
retry_minutes = {{ busy = 30, trunk_failure = 5 }}
"""


def e164(index: int) -> str:
    """A New York number of the range kept for fiction; at most 100 of them."""
    return f"+1212555{100 + index:04}"


def hawaiian(index: int) -> str:
    """Where it is half an hour too early."""
    return f"+1808555{100 + index:04}"


def a_contact(number: str, *, consent: bool = True) -> Contact:
    read = parse_number(number, None)
    assert isinstance(read, Number)
    given = Consent(ConsentKind.EXPRESS, NOW - timedelta(days=9), "form", seller="Acme") if consent else None
    return Contact(number=read, name=f"Person at {number}", consent=given)


class MovableClock:
    """It runs as any clock does, from a given time on, and can be set forward."""

    def __init__(self, start: datetime = NOW) -> None:
        self._start = start
        self.begun = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self.begun)

    def monotonic(self) -> float:
        return time.monotonic()

    def forward(self, span: timedelta) -> None:
        self._start += span


class FaultyStore:
    """The store behind it, and its failures: of the named methods, or of all."""

    def __init__(self, store: EngineStore) -> None:
        self._store = store
        self.failing: set[str] = set()
        self.hanging: set[str] = set()  # until cleared
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.failing & {name, "all"}:
                raise StoreError("no space is left on the disk")
            while self.hanging & {name, "all"}:  # noqa: ASYNC110  ends when the test says so
                await asyncio.sleep(0.01)
            return await method(*arguments, **named)

        return call


@dataclass
class Watcher:
    """Notes all that an observer is told."""

    decisions: list[Decided] = field(default_factory=list)
    frames: list[FromAgent] = field(default_factory=list)
    lines: list[AttemptLine] = field(default_factory=list)
    changes: list[tuple[str, CampaignState, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    raises: Exception | None = None

    def decided(self, campaign: CampaignRow, decided: Decided) -> None:
        self.decisions.append(decided)

    def heard(self, frame: FromAgent) -> None:
        self.frames.append(frame)

    def ended(self, line: AttemptLine) -> None:
        self.lines.append(line)
        if self.raises is not None:
            raise self.raises

    def campaign_changed(self, campaign: CampaignRow, state: CampaignState, reason: str) -> None:
        self.changes.append((campaign.name, state, reason))

    def trouble(self, what: str, detail: str) -> None:
        self.troubles.append(f"{what}: {detail}")


class Loader:
    """Campaign files with a message that is always there."""

    def __init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.shares: dict[str, float] = {}

    async def load(self, row: CampaignRow) -> LoadedCampaign:
        if row.name in self.broken:
            raise self.broken[row.name]
        definition = parse_definition(row.definition, row.name)
        return LoadedCampaign(
            row=row,
            policy=definition.policy(row.id),
            retry=definition.retry(),
            script=CallScript(message=f"message of {row.name}", keys={}),
            limits=CallLimits(),
            trunks=definition.campaign.trunks,
            cps=definition.pacing.cps,
            channels=definition.pacing.channels,
            display_name="",
            sounds={f"message of {row.name}": "/sounds/message.wav"},
            share=self.shares.get(row.name, 1.0),
        )

    async def retry_plan(self, row: CampaignRow) -> RetryPlan:
        if row.name in self.broken:
            raise CampaignError("the file makes no sense")
        return parse_definition(row.definition, row.name).retry()


class Bench:
    """Everything around an engine."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = MovableClock()
        self.gate = Gate(RULES, Operator((CallerIdRight(CALLER_ID, "owned"),)), KEY)
        self.faulty = FaultyStore(store.engine)
        self.watcher = Watcher()
        self.loader = Loader()
        self.limits: dict[str, tuple[float, int]] = {"office": (200.0, 100)}
        self.network = Network(self.clock, KEY, {})
        self.trunk("office")
        self.throttle = Throttle(())
        self.logged: list[MutableMapping[str, Any]] = []
        self._engine: Engine | None = None
        self._task: asyncio.Task[Ending] | None = None

    def trunk(self, name: str, cps: float = 200.0, channels: int = 100) -> None:
        self.limits[name] = cps, channels
        self.network.trunks[name] = TrunkStatus(trunk=name, state=TrunkState.UP, sip_code=200)

    async def campaign(
        self,
        numbers: Iterable[str] = (),
        *,
        name: str = "reminders",
        contacts: Iterable[Contact] = (),
        cps: float = 200.0,
        channels: int = 50,
        attempts: int = 3,
        gap: int = 240,
        trunks: tuple[str, ...] = ("office",),
        start: bool = True,
    ) -> int:
        """A running campaign over a list of its own; its id."""
        people = [*(a_contact(number) for number in numbers), *contacts]
        await self.store.lists.import_contacts(name, people, self.clock.now())
        definition = DEFINITION.format(
            name=name, caller_id=CALLER_ID, trunks=list(trunks), cps=cps, channels=channels, attempts=attempts, gap=gap
        )
        made = await self.store.campaigns.create(name, definition, "/", [name], self.clock.now())
        if start:
            await self.set_state(made.row.id, CampaignState.RUNNING)
        return made.row.id

    async def set_state(self, campaign_id: int, state: CampaignState) -> None:
        await self.store.campaigns.set_state(campaign_id, state, self.clock.now())

    async def row(self, name: str = "reminders") -> CampaignRow:
        return await self.store.campaigns.by_name(name)

    async def attempts(self, campaign_id: int | None = None) -> list[AttemptRow]:
        return [row async for row in self.store.reports.attempts(campaign_id=campaign_id)]

    async def refusals(self, campaign_id: int | None = None) -> list[RefusalRow]:
        return [row async for row in self.store.reports.refusals(campaign_id=campaign_id)]

    def look(self, query: str, *values: str) -> int:
        """A number out of the file, as any other process would find it now."""
        with closing(sqlite3.connect(self.store.path)) as connection:
            found: int = connection.execute(query, values).fetchone()[0]
            return found

    def permitted(self, claim: Claim) -> Decided:
        """What a run writes down before it dials."""
        attempt_id = f"attempt-{claim.queue_id}"
        now = self.clock.now()
        permit = Permit(
            attempt_id=attempt_id,
            campaign_id=claim.campaign_id,
            number=claim.e164,
            caller_id=CALLER_ID,
            rules_version="1",
            issued_at=now,
            expires_at=now,
        )
        return Decided(claim=claim, attempt_id=attempt_id, decision=permit, decided_at=now)

    def engine(self, settings: EngineSettings = FAST) -> Engine:
        return Engine(
            store=cast("EngineStore", self.faulty),
            gate=self.gate,
            agent_factory=self.network,
            loader=self.loader,
            trunk_limits=self.limits,
            clock=self.clock,
            observer=self.watcher,
            settings=settings,
            throttle=self.throttle,
        )

    async def run(self, settings: EngineSettings = FAST) -> Ending:
        """One run to its end; whatever a test looks for, these never happen."""
        async with asyncio.timeout(15):
            ending = await self.engine(settings).run()
        self.check()
        return ending

    @asynccontextmanager
    async def running(self, settings: EngineSettings = FAST) -> AsyncIterator[Engine]:
        """An engine at work; it is stopped at the end, unless it has ended."""
        self._engine = engine = self.engine(settings)
        self._task = task = asyncio.create_task(engine.run())
        try:
            async with asyncio.timeout(15):
                yield engine
                engine.drain()
                await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.check()

    async def ending(self) -> Ending:
        """How the engine at work ends; it must do so soon."""
        assert self._task is not None
        async with asyncio.timeout(3):
            return await asyncio.shield(self._task)

    async def idle(self) -> None:
        """Wait until the engine at work has nothing due and nothing under way."""
        assert self._engine is not None
        campaigns = self._engine._campaigns
        await asyncio.sleep(3 * FAST.poll_s)
        await self.until(lambda: all(run.idle for run in campaigns.runs) and not self.network.up)

    def lanes(self) -> list[tuple[int, int]]:
        """What is reserved and taken on each trunk of the engine at work, or last at work."""
        assert self._engine is not None
        return [(lane._reserved, lane._taken) for lane in self._engine._lanes.values()]

    def check(self) -> None:
        assert self.network.faults == []

    async def until(self, condition: Callable[[], object], within: float = 3.0) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  what is waited for has no event
                await asyncio.sleep(0.01)
