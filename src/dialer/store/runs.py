"""Which run of the engine has a store."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialer.store.schema import run

SILENCE = timedelta(seconds=15)
"""A run that has said nothing for this long is taken for dead."""


def live_run(connection: sa.Connection, now: datetime) -> sa.Row[Any] | None:
    """The row of the run that is at work; None when there is none, or it is dead."""
    row = connection.execute(sa.select(run).where(run.c.ended_at.is_(None))).first()
    return row if row is not None and alive(row, now) else None


def alive(row: sa.Row[Any], now: datetime) -> bool:
    """Whether a run that has not ended is still there: its heartbeat is young, and its process exists."""
    if now - row.heartbeat_at >= SILENCE:
        return False
    if row.host != socket.gethostname():
        return True  # its processes cannot be seen from here
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
