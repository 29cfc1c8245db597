"""``dialer run``: the engine."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from dialer.cli.context import Context, Exit, context_of, heedless_of_readers, run_async
from dialer.cli.observers import Display, LogObserver, Observers
from dialer.engine.settings import Ending, EngineSettings, RunUntil
from dialer.errors import DialerError, StoreError
from dialer.results.records import CampaignState

if TYPE_CHECKING:
    from dialer.store.open import Store

NOTE_HEAD_S = 2.0


def run(
    ctx: typer.Context,
    forever: Annotated[bool, typer.Option(help="Wait for campaigns, as a service does.")] = False,
    until_idle: Annotated[bool, typer.Option(help="End as soon as nothing is due now.")] = False,
) -> None:
    """Call the contacts of the started campaigns, until these are done.

    Ctrl-C or SIGTERM once: no new calls, the live ones end by themselves, within engine.drain_s seconds. Twice: they
    are hung up now. Nothing is lost either way. SIGHUP opens the log anew.

    Exit codes: 0 done, or stopped as asked; 1 an error; 2 wrong options; 3 what is left is paused; 130 interrupted
    before the engine was at work.

    Example: dialer campaign start "Appointment reminders" && dialer run
    """
    if forever and until_idle:
        raise typer.BadParameter("--forever and --until-idle contradict each other")
    context = context_of(ctx)
    context.log_to_file()
    until = RunUntil.FOREVER if forever else RunUntil.IDLE if until_idle else RunUntil.DONE
    ending = run_async(run_campaigns(context, until))
    with heedless_of_readers():
        match ending:
            case Ending.DONE:
                context.out.print("Every started campaign is done.")
            case Ending.IDLE:
                context.out.print("Nothing more is due now. `dialer campaign status` shows what waits, and until when.")
            case Ending.STOPPED:
                context.out.print("Stopped; what was not called stays due.")
            case Ending.PAUSED:
                context.err.print("Paused: `dialer campaign status` has the reason. What was not called stays due.")
    if ending is Ending.PAUSED:
        raise typer.Exit(Exit.PAUSED)


async def run_campaigns(context: Context, until: RunUntil) -> Ending:
    """Run the engine with a display on a terminal. Raises DialerError when nothing is started."""
    from dialer.cli.running import drive
    from dialer.store.health import must_be_sound

    async with context.store() as store:
        await asyncio.to_thread(must_be_sound, store.path)
        await store.audit.must_have_noted()
        running = await store.engine.campaigns(CampaignState.RUNNING)
        if not running and until is not RunUntil.FOREVER:
            raise DialerError(
                "no campaign is started", hint="`dialer campaign list`, then `dialer campaign start NAME`"
            )
        summaries = [await store.engine.queue_summary(row.id) for row in running]
        total = sum(each.waiting + each.claimed + each.dialing + each.finished for each in summaries)
        engine = context.config.settings.engine
        settings = EngineSettings(until=until, agents=engine.agents, drain_s=engine.drain_s)
        with Display(context.err, total) as display:
            observer = Observers([LogObserver(), display])
            noting = asyncio.create_task(_keep_noting(store))
            try:
                return await drive(
                    context.config_path, context.config, store, context.registries, context.clock, observer, settings
                )
            finally:
                noting.cancel()
                await asyncio.gather(noting, return_exceptions=True)


async def _keep_noting(store: Store) -> None:
    """Note the newest audit entry beside the store, so that a WAL which is lost after a crash does not go unseen."""
    while True:
        await asyncio.sleep(NOTE_HEAD_S)
        with suppress(StoreError):  # those who record meet the same store, and say so
            await store.audit.note_head()
