"""``dialer restore``: a backup in the store's place, with what binds carried over."""

from __future__ import annotations

import getpass
import socket
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from dialer.cli.backup import backup_document, tell_notes
from dialer.cli.context import context_of


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `dialer backup` made.")],
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on though opt-outs or attempts since the backup are lost.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check a backup whole and put it in the store's place; the old store is kept under a dated name.

    Do-not-call entries, revocations, erasures and attempts since the backup are carried over from the old store. What
    cannot be is named, and nothing is changed without --accept-loss. Campaigns are paused; attempts that were in flight
    end as interrupted with the next run. Refused while an engine or anything else has the store open.

    Example: dialer restore /backups/dialer-monday.db
    """
    from dialer.store.restore import restore as put_back

    context = context_of(ctx)
    with context.err.status("checking the backup") as status:
        done = put_back(
            file,
            context.config.store_path,
            context.clock.now(),
            who=f"{getpass.getuser()}@{socket.gethostname()}",
            accept_loss=accept_loss,
            progress=lambda what: status.update(escape(what)),
        )
    if as_json:
        context.print_json(
            {
                "backup": backup_document(done.backup),
                "as_of": done.as_of,
                "carried_over": done.carried.counts,
                "lost": list(done.carried.lost),
                "erased_again": done.erased_again,
                "kept": str(done.kept) if done.kept else None,
            }
        )
        return
    say = context.out.print
    as_of = f"{done.as_of:%Y-%m-%d %H:%M:%S} UTC" if done.as_of else "an unknown time"
    say(f"The store is as of {as_of}, when {file} was made.", markup=False, soft_wrap=True)
    carried = ", ".join(f"{count:,} {what}" for what, count in done.carried.counts.items() if count)
    say(f"Carried over: {carried or 'nothing, for nothing was missing'}.", markup=False, soft_wrap=True)
    if done.erased_again:
        say(f"{done.erased_again:,} people who were erased since the backup were erased from it.")
    say("Not carried over: consents, dealings, contacts and refusals since then; import them again.")
    say("Campaigns are paused: `dialer campaign resume NAME`.")
    if done.kept is not None:
        say(f"The old store is {done.kept}", markup=False, soft_wrap=True)
    for each in done.carried.lost:
        context.err.print(f"LOST: {each}", markup=False, soft_wrap=True)
    tell_notes(context, done.backup)
