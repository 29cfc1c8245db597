"""A store and a log of a wanted size, and what commands on them take: for the cost curves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path

import msgspec
from bench.callee import RATE, message
from bench.common import BenchError
from bench.load import AREA_CODES, CAMPAIGN, DIALER, SETTINGS, TRUNK, environment

from dialer.calls.outcome import Outcome
from dialer.calls.plan import CallRecord, EndedBy, Leg
from dialer.compliance.decision import Permit
from dialer.compliance.gate import Gate
from dialer.compliance.operator import Operator
from dialer.compliance.policy import CampaignPolicy, DailyHours, Purpose
from dialer.compliance.rules import builtin_rules
from dialer.engine.planner import Planner
from dialer.results.records import CampaignState, Claim, Decided, Ended
from dialer.store.open import Store

BATCH = 1000
BASIS = bytes(range(183))  # as long as a permit's is
ROUNDS = 9
ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")


def command_s(home: Path, *arguments: str) -> float:
    """CPU seconds of a command of dialer that must go well."""
    with (home / "command.out").open("wb") as out:
        process = subprocess.Popen([*DIALER, *arguments], cwd=home, stdout=out, stderr=out, env=environment())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        said = (home / "command.out").read_text(encoding="utf-8")[-500:]
        raise BenchError(f"dialer {' '.join(arguments)} ended with {process.returncode}: {said}")
    return used.ru_utime + used.ru_stime


def contacts(count: int) -> Iterator[str]:
    """Lines of a contact list, header first: valid numbers, no two the same."""
    yield "phone,time zone,consent,consent date,consent source"
    for index in range(count):
        area, rest = AREA_CODES[index % len(AREA_CODES)], index // len(AREA_CODES)
        number = f"+1{area}{220 + rest // 10_000}{rest % 10_000:04}"
        yield f"{number},{ZONES[index % len(ZONES)]},express,2026-01-05,intake form"


def make(home: Path, count: int) -> dict[str, float]:
    """A started campaign over so many contacts: CPU seconds of importing them, and of creating it."""
    home.mkdir()
    command_s(home, "init", ".")
    values = {"port": 5060, "cps": 50, "channels": 500, "ports": 2000, "detect": "false"}
    for name, text in (("dialer.toml", SETTINGS), ("sip.conf", TRUNK), ("campaign.toml", CAMPAIGN)):
        (home / name).write_text(text.format(**values), encoding="utf-8")
    with wave.open(str(home / "message.wav"), "wb") as wav:
        wav.setparams((1, 2, RATE, 0, "NONE", ""))
        wav.writeframes(message(6.0))
    (home / "people.csv").write_text("\n".join([*contacts(count), ""]), encoding="utf-8")
    imported = command_s(home, "contacts", "import", "people.csv", "--list", "people")
    created = command_s(home, "campaign", "create", "campaign.toml", "--list", "people", "--start")
    return {"import": imported, "campaign create": created}


def plan_s(home: Path) -> float:
    """CPU seconds of planning the next 1,000 and claiming them, a round: the mean of some, the first left out."""
    return asyncio.run(_plan(home / "dialer.db"))


async def _plan(path: Path) -> float:
    gate = Gate(builtin_rules(), Operator(()), bytes(16))
    number = "+13055550100"
    async with await Store.open(path) as store:
        campaign = (await store.campaigns.all())[0].id
        now = datetime.now(UTC)
        await store.engine.start_run("plan", os.getpid(), now)
        own = DailyHours(time_of_day(9), time_of_day(20))
        policy = CampaignPolicy(campaign, Purpose.HEALTH, "Clinic", number, number, own, 3, timedelta(hours=4))
        planner, used = Planner(store.engine, campaign, policy), list[float]()
        open_ = _open_after(now)
        for _ in range(ROUNDS):
            begun = time.process_time()
            plan = await planner.plan(gate, open_)
            claims = await store.engine.claim("plan", campaign, plan.places, BATCH, open_)
            used.append(time.process_time() - begun)
            if not claims:
                raise BenchError("nothing was planned")
            await store.engine.put_back(claims, [now] * len(claims))
        await store.engine.end_run("plan", now)
    return sum(used[1:]) / (ROUNDS - 1)


def _open_after(now: datetime) -> datetime:
    """The next Wednesday, when it is between ten and one in every one of ZONES."""
    return (now + timedelta(days=(2 - now.weekday()) % 7 or 7)).replace(hour=18, minute=0)


def fill(home: Path, attempts: int) -> None:
    """So many attempts with their outcomes, written as the engine writes them; and as long a log."""
    ended = asyncio.run(_fill(home / "dialer.db", attempts))
    fields = msgspec.to_builtins(ended.record, builtin_types=(bool,))
    line = {"level": "info", "event": "attempt", "campaign": "Bench", "number": "+1212***0100", "attempt_number": 1}
    text = msgspec.json.encode({**line, **fields}).decode() + "\n"
    with (home / "dialer.log").open("w", encoding="utf-8") as log:
        log.writelines(text for _ in range(attempts))


async def _fill(path: Path, attempts: int) -> Ended:
    """The last of them."""
    async with await Store.open(path) as store:
        campaign = (await store.campaigns.all())[0].id
        now = datetime.now(UTC)
        await store.engine.start_run("fill", os.getpid(), now)
        places = [place.place_id for place in await store.engine.places(campaign)]
        done, ended = 0, list[Ended]()
        while done < attempts:
            claims = await store.engine.claim("fill", campaign, places, min(BATCH, attempts - done), now)
            if not claims:
                raise BenchError(f"{done} of {attempts} contacts could be claimed")
            decided = [_permitted(claim, done + index, now) for index, claim in enumerate(claims)]
            await store.engine.record_decisions(decided)
            ended = [_ended(each, now) for each in decided]
            await store.engine.record_outcomes(ended)
            done += len(claims)
        await store.engine.end_run("fill", now)
        await store.campaigns.set_state(campaign, CampaignState.PAUSED, now, reason="the bench has what it wants")
        return ended[-1]


def _permitted(claim: Claim, number: int, now: datetime) -> Decided:
    attempt_id = f"{number:032x}"
    permit = Permit(
        attempt_id=attempt_id, campaign_id=claim.campaign_id, number=claim.e164, caller_id="+13055550100",
        rules_version="3f2133d49e53", issued_at=now, expires_at=now + timedelta(seconds=5), basis=BASIS, seal=bytes(32),
    )  # fmt: skip
    return Decided(claim=claim, attempt_id=attempt_id, decision=permit, decided_at=now, script_id="0123456789abcdef")


def _ended(decided: Decided, now: datetime) -> Ended:
    answered = now + timedelta(seconds=1)
    leg = Leg(trunk="callee", call_id=f"{decided.attempt_id}-1", sip_code=200, sip_reason="OK")
    record = CallRecord(
        attempt_id=decided.attempt_id, outcome=Outcome.HEARD, legs=(leg,), invite_at=now, answered_at=answered,
        ended_at=answered + timedelta(seconds=10), ended_by=EndedBy.DIALER, sip_code=200, sip_reason="OK", q850=16,
        message_ms=10_000, heard_ms=10_000, plays=1, codec="PCMU",
    )  # fmt: skip
    return Ended(queue_id=decided.claim.queue_id, record=record, due_at=None, why_finished="reached")
