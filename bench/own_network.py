"""A network of our own, with nothing in it but a loopback.

No firewall of the machine looks at each packet there, nobody else uses the ports, and what an agent is fooled into
sending stays in it.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1


def alone() -> None:
    """Move this process, which must have one thread, and its children there. Raises OSError when that is forbidden."""
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:  # root may; others as root of a user namespace
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace can be had")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def own_network() -> None:
    """As ``alone``, if it can be had; else the bench shares the machine's network, and says so."""
    try:
        alone()
    except OSError as error:
        print(f"on the machine's own network: {error}", file=sys.stderr)
