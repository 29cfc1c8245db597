"""The SIP agent's process. ``python -m dialer.sip.agent --fd N``; its work is in ``owner``."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import signal
import socket
import sys
import time

from dialer.calls.frames import AgentFailed, Configure
from dialer.errors import AgentError, DialerError
from dialer.log import configure_logging
from dialer.sip.link import EngineGoneError, Link

CONFIGURE_TIMEOUT_S = 10.0
GARBAGE_EVERY = 50_000  # objects made and not yet freed: calls are freed by their counts, so nearly none is garbage


def _first_frame(link: Link) -> Configure:
    """Raises AgentError when the engine does not begin with Configure, EngineGoneError when it is gone."""
    deadline = time.monotonic() + CONFIGURE_TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0:
        link.wait(left)
        for frame in link.receive():
            if isinstance(frame, Configure):
                return frame
            raise AgentError(f"the engine began with {type(frame).__name__}, not with Configure")
    raise AgentError("the engine did not configure this agent")


def main() -> int:
    """Serve the engine at the other end of file descriptor ``--fd``. Logs to standard error, JSON lines."""
    gc.disable()  # while modules are loaded: nothing of them is garbage, and looking takes a tenth of the start
    from dialer.sip.owner import LINK_CLOSING_S, SipAgent

    parser = argparse.ArgumentParser(prog="dialer.sip.agent", description=main.__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the agent's end of a socket pair")
    link = Link(socket.socket(fileno=parser.parse_args().fd))
    faulthandler.enable()
    configure_logging(path=None, level="debug", mask_numbers=True, console=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to answer: it drains first
    try:
        agent = SipAgent(link, _first_frame(link))
    except EngineGoneError:
        return 1
    except DialerError as error:
        link.send(AgentFailed(kind=type(error).__name__, message=error.message, hint=error.hint))
        link.finish(LINK_CLOSING_S)
        return 1
    signal.signal(signal.SIGTERM, lambda _signal, _frame: agent.shut_down())
    gc.freeze()  # else the modules are looked through again and again, 30 ms in which no call is served
    gc.set_threshold(GARBAGE_EVERY)
    gc.enable()
    agent.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
