"""Telling the service manager how the run stands: the protocol of sd_notify(3), one datagram a message."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """Who started this process and wants to hear of it. Without NOTIFY_SOCKET nobody does, and nothing is sent.

    A service manager that cannot be reached must not harm the run: what is not delivered is dropped.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL of an abstract address; anything but that and a path is of no use to us
        self._address = "\0" + address[1:] if address.startswith("@") else address if address.startswith("/") else ""
        self._watchdog_s = _watchdog_s(environ)
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return self._socket is not None

    @property
    def watchdog_s(self) -> float | None:
        """The longest it waits for a sign of life before it ends this process; None: it does not watch."""
        return self._watchdog_s

    def ready(self, status: str) -> bool:
        """The agents are up. Whether that was delivered: the manager waits for it."""
        return self._send("READY=1", f"STATUS={status}")

    def alive(self) -> None:
        """The event loop turns."""
        self._send("WATCHDOG=1")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def stopping(self, status: str, within_s: float) -> None:
        """No new calls; the process ends ``within_s`` seconds at the latest, which may be more than the unit allows."""
        self._send("STOPPING=1", f"STATUS={status}", f"EXTEND_TIMEOUT_USEC={round(within_s * 1_000_000)}")

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *assignments: str) -> bool:
        if self._socket is None:
            return True
        try:
            self._socket.sendto("\n".join(assignments).encode(), self._address)
        except OSError:
            return False
        return True


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC, if it is meant for this process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environ.get("WATCHDOG_USEC", ""))
    except ValueError:
        return None
    return microseconds / 1_000_000 if microseconds > 0 else None
