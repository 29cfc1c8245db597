"""The addresses of trunks that are given by name: looked up on a thread of their own, again and again.

pjsip would ask on the owner thread, before each request, and every call would wait for the answer. A name whose answer
changes is followed with the next request; one that cannot be looked up any more keeps its last address.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable

from dialer.log import Log

EVERY_S = 15.0
FIRST_S = 3.0  # to wait for the first answers: after that pjsip asks by itself

Lookup = Callable[[str], list[str]]
"""The IPv4 addresses of a name, the best first. Raises OSError."""

_log = Log("dialer.sip")


def look_up(name: str) -> list[str]:
    """As the machine's resolver has it."""
    found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Names:
    """Knows the latest address of each name. Only plain values pass between the threads."""

    def __init__(self, hosts: Iterable[str], lookup: Lookup = look_up) -> None:
        self._names = tuple(dict.fromkeys(host for host in hosts if not _is_address(host)))
        self._lookup = lookup
        self._found: dict[str, str] = {}
        self._wanted = threading.Event()
        self._looked = threading.Event()
        self._over = False
        if self._names:
            threading.Thread(target=self._run, name="names", daemon=True).start()
            self._looked.wait(FIRST_S)

    def address(self, host: str) -> str | None:
        """The address of a name; None: not known, or ``host`` is an address itself."""
        return self._found.get(host)

    def look_again(self) -> None:
        """Now, for something is wrong with a trunk."""
        self._wanted.set()

    def close(self) -> None:
        """Look no more."""
        self._over = True
        self._wanted.set()

    def _run(self) -> None:
        while not self._over:
            self._wanted.clear()
            for name in self._names:
                self._look(name)
            self._looked.set()
            self._wanted.wait(EVERY_S)

    def _look(self, name: str) -> None:
        try:
            addresses = self._lookup(name)
        except OSError as error:
            _log.warning("a trunk's name cannot be looked up", name=name, error=str(error), last=self._found.get(name))
            return
        if addresses and self._found.get(name) not in addresses:  # of several, the one in use stays
            self._found[name] = addresses[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
