"""A call under test: hands events to the machine at seconds after the start and keeps every command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec
import pytest

from dialer.calls.events import CallCommand, CallEvent, Instant, TimerDue
from dialer.calls.machine import CallMachine
from dialer.calls.plan import CallLimits, CallPlan, CallRecord, CallScript, KeyAction, KeyRule, TransferScript
from dialer.compliance.decision import Permit

STARTED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
MONO = 1000.0
SOUND_MS = {
    "message": 10_000,
    "drop": 12_000,
    "thanks": 1_500,
    "removed": 2_000,
    "noted": 1_000,
    "goodbye": 800,
    "hold": 30_000,
    "whisper": 1_200,
    "nobody": 7_000,
}
KEYS = {
    "1": KeyRule(action=KeyAction.ACCEPT, prompt="thanks"),
    "2": KeyRule(action=KeyAction.REPEAT),
    "3": KeyRule(action=KeyAction.ANSWER, value="very satisfied", prompt="noted"),
    "4": KeyRule(action=KeyAction.ACCEPT),
    "6": KeyRule(action=KeyAction.TRANSFER),
    "8": KeyRule(action=KeyAction.OPT_OUT),
    "9": KeyRule(action=KeyAction.OPT_OUT, prompt="removed"),
}
TRANSFER = TransferScript(trunk="office", hold="hold", nobody="nobody", whisper="whisper")
SCRIPT = CallScript(message="message", keys=KEYS, transfer=TRANSFER)

Command = TypeVar("Command", bound=CallCommand)


class Call:
    """One CallMachine with its own clock."""

    def __init__(
        self,
        *,
        trunks: tuple[str, ...] = ("north", "south"),
        limits: CallLimits | None = None,
        **script: object,
    ) -> None:
        """``script`` changes fields of SCRIPT."""
        permit = Permit(
            attempt_id="a1",
            campaign_id=1,
            number="+13055550123",
            caller_id="+13055550100",
            rules_version="test",
            issued_at=STARTED,
            expires_at=STARTED + timedelta(seconds=5),
        )
        self.plan = CallPlan(
            attempt_id="a1",
            permit=permit,
            script=msgspec.structs.replace(SCRIPT, **script),
            limits=limits or CallLimits(),
            trunks=trunks,
        )
        self.machine = CallMachine(self.plan, SOUND_MS)
        self.sound_ms = SOUND_MS
        self.seconds = 0.0
        self.commands = self.machine.start(self.now)

    @property
    def now(self) -> Instant:
        return Instant(STARTED + timedelta(seconds=self.seconds), MONO + self.seconds)

    def at(self, seconds: float, *events: CallEvent) -> list[CallCommand]:
        """Hand over ``events`` at ``seconds`` after the start; the commands they brought."""
        self.seconds = seconds
        brought = [command for event in events for command in self.machine.receive(event, self.now)]
        self.commands += brought
        return brought

    def until_timer(self) -> list[CallCommand]:
        """Let time pass until the machine's next timer."""
        due = self.machine.timer()
        assert due is not None, "no timer runs"
        return self.at(due - MONO, TimerDue())

    def sent(self, kind: type[Command]) -> list[Command]:
        """Every command of this kind so far."""
        return [command for command in self.commands if isinstance(command, kind)]

    @property
    def record(self) -> CallRecord:
        return self.machine.record()


PlaceCall = Callable[..., Call]


@pytest.fixture(scope="session")
def place() -> PlaceCall:
    """Makes a call that has sent its first INVITE."""
    return Call
