"""``dialer stop``: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from dialer.cli.context import context_of, run_async
from dialer.cli.steering import when_in_effect
from dialer.errors import DialerError
from dialer.results.records import OrderKind


def stop(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Every campaign; has to be said.")] = False,
    drain: Annotated[bool, typer.Option("--drain", help="Let live calls end by themselves.")] = False,
    reason: Annotated[str, typer.Option(help="Why; it is shown in the status of every campaign.")] = "",
) -> None:
    """Stop everything: no further call within a second, every live call hung up within two, the engine ended.

    Every running campaign is paused, so that no engine that is started again goes on by itself.
    `dialer campaign resume NAME` lets one go on.

    Example: dialer stop --all --reason "wrong message"
    """
    if not all_:
        raise DialerError(
            "say --all: this stops every campaign", hint="`dialer campaign stop NAME` and `pause NAME` stop one"
        )
    context = context_of(ctx)
    kind = OrderKind.DRAIN if drain else OrderKind.STOP

    async def work() -> None:
        async with context.store() as store:
            why = f"stopped with everything else{f': {reason}' if reason else ''}"
            order, paused = await store.steering.stop_all(kind, context.clock.now(), why)
            effect = await when_in_effect(context, store, order)
        names = f"paused: {', '.join(paused)}" if paused else "no campaign was running"
        context.out.print(f"{names}; {effect}", markup=False)

    run_async(work())
