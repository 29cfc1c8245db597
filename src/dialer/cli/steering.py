"""Steering a campaign: start, resume, pause, stop, pace. Each says when the running engine had done it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from dialer.cli.context import Context, context_of, run_async
from dialer.errors import DialerError
from dialer.results.records import CampaignState

if TYPE_CHECKING:
    from dialer.store.open import Store

LOOK_EVERY_S = 0.02
PATIENCE_S = 5.0
Name = Annotated[str, typer.Argument(help="The campaign's name, as its file says.")]


async def when_in_effect(context: Context, store: Store, order: int) -> str:
    """Wait until the engine has carried out an order, and say how long that took; or that there is no engine."""
    import asyncio

    if not await store.steering.engine_runs():
        return "no engine is running: it holds for the next `dialer run`"
    began = monotonic()
    while monotonic() - began < PATIENCE_S:
        if await store.steering.taken(order):
            return f"in effect after {monotonic() - began:.2f} s"
        await asyncio.sleep(LOOK_EVERY_S)
    context.err.print(f"The engine has not answered within {PATIENCE_S:.0f} s. Its calls end with its process.")
    return "not in effect yet"


def start(ctx: typer.Context, name: Name) -> None:
    """Let the engine call its contacts, those that came onto its lists since as well. Also resumes.

    Example: dialer campaign start "Appointment reminders"
    """
    from dialer.cli.loading import FileCampaignLoader
    from dialer.cli.readiness import must_not_lack_a_duty

    context = context_of(ctx)

    async def work() -> None:
        async with context.store() as store:
            row = await store.campaigns.by_name(name)
            loaded = FileCampaignLoader(context.config).load_now(row)  # what cannot be dialed does not start
            must_not_lack_a_duty(context, loaded.policy, await store.campaigns.places(row.id))
            now = context.clock.now()
            added = await store.campaigns.refresh(row.id, now)
            order = await store.steering.move(row.id, CampaignState.RUNNING, now)
            effect = await when_in_effect(context, store, order)
            waiting = (await store.campaigns.progress(row.id)).queue.waiting
        more = f", {added} of them new" if added else ""
        context.out.print(f"{name} is running: {waiting} contacts wait{more}; {effect}", markup=False)

    run_async(work())


def resume(ctx: typer.Context, name: Name) -> None:
    """Go on after a pause.

    Example: dialer campaign resume "Appointment reminders"
    """
    start(ctx, name)


def pause(
    ctx: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why; it is shown in the status.")] = "",
    now: Annotated[bool, typer.Option("--now", help="Hang up its live calls as well.")] = False,
) -> None:
    """Place no new calls until it is resumed; live ones go on, unless --now.

    Example: dialer campaign pause "Appointment reminders" --reason "new message"
    """
    _move(context_of(ctx), name, CampaignState.PAUSED, reason, hang_up=now)


def stop(
    ctx: typer.Context,
    name: Name,
    now: Annotated[bool, typer.Option("--now", help="Hang up its live calls as well.")] = False,
) -> None:
    """End it for good: no new calls, live ones go on, unless --now. It cannot be started again.

    Example: dialer campaign stop "Appointment reminders"
    """
    _move(context_of(ctx), name, CampaignState.STOPPED, "", hang_up=now)


def pace(
    ctx: typer.Context,
    name: Name,
    cps: Annotated[float | None, typer.Option(min=0.01, max=500, help="New calls a second.")] = None,
    channels: Annotated[int | None, typer.Option(min=1, max=2000, help="Live calls at once.")] = None,
) -> None:
    """Call faster or slower than its file says, from now on. The trunks' own limits hold as well.

    Example: dialer campaign pace "Appointment reminders" --cps 5 --channels 40
    """
    if cps is None and channels is None:
        raise DialerError("nothing to change", hint="give --cps, --channels, or both")
    context = context_of(ctx)

    async def work() -> None:
        async with context.store() as store:
            row = await store.campaigns.by_name(name)
            order = await store.steering.pace(row.id, cps, channels, context.clock.now())
            effect = await when_in_effect(context, store, order)
        said = " and ".join(
            f"{value:g} {unit}" for value, unit in ((cps, "calls a second"), (channels, "channels")) if value
        )
        context.out.print(f"{name}: {said}; {effect}", markup=False)

    run_async(work())


def _move(context: Context, name: str, state: CampaignState, reason: str, *, hang_up: bool) -> None:
    async def work() -> None:
        async with context.store() as store:
            row = await store.campaigns.by_name(name)
            order = await store.steering.move(row.id, state, context.clock.now(), reason=reason, hang_up=hang_up)
            effect = await when_in_effect(context, store, order)
        context.out.print(f"{name} is {state}; {effect}", markup=False)

    run_async(work())
