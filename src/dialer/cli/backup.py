"""``dialer backup``: a copy of the store that can be put in its place, made while a run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from dialer.cli.context import Context, context_of

if TYPE_CHECKING:
    from dialer.store.backup import Backup


def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; its key and audit head are put beside it.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a backup that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Copy the store, on one snapshot and without holding a run up, and check the copy whole.

    FILE appears when it is whole and on the disk. FILE.key tells which numbers were erased, FILE.head is its newest
    audit entry: keep the three together, and readable by nobody else.

    Example: dialer backup /backups/dialer-monday.db
    """
    from dialer.store.backup import back_up

    context = context_of(ctx)
    with context.err.status("copying") as status:
        made = back_up(
            context.config.store_path,
            file,
            context.clock.now(),
            replace=force,
            progress=lambda what: status.update(escape(what)),
        )
    if as_json:
        context.print_json(backup_document(made))
        return
    context.out.print(
        f"{made.path}: {made.size / 1e6:.1f} MB, {made.attempts:,} attempts, {made.entries:,} audit entries hold"
        f"{f'; with {made.key.name}' if made.key else ''}",
        markup=False,
        soft_wrap=True,
    )
    tell_notes(context, made)


def backup_document(made: Backup) -> dict[str, Any]:
    """All of it, JSON-ready."""
    return {
        "file": str(made.path),
        "size": made.size,
        "attempts": made.attempts,
        "audit_entries": made.entries,
        "audit_head": {"seq": made.head.seq, "hash": made.head.hash} if made.head else None,
        "key": str(made.key) if made.key else None,
        "notes": list(made.notes),
    }


def tell_notes(context: Context, made: Backup) -> None:
    """What is wrong with the store that a backup was made of."""
    for note in made.notes:
        context.err.print(f"The store itself: {note}", markup=False, soft_wrap=True)
