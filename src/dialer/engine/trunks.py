"""What the agents say of the trunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dialer.calls.trunk import TrunkState, TrunkStatus

_USABLE = {TrunkState.UP, TrunkState.UNKNOWN}
_FROM_BEST = (TrunkState.UP, TrunkState.UNKNOWN, TrunkState.DOWN, TrunkState.REFUSED)


class TrunkBoard:
    """The latest word of every agent on every trunk: each agent registers, and probes, for itself."""

    def __init__(self, on_news: Callable[[str], None]) -> None:
        self._on_news = on_news
        self._said: dict[str, dict[int, TrunkStatus]] = {}

    def heard(self, agent: int, status: TrunkStatus) -> None:
        """An agent's word on one trunk."""
        said = self._said.setdefault(status.trunk, {})
        before = said.get(agent)
        said[agent] = status
        if before is None or before.state is not status.state:
            self._on_news(_words(status))

    def forget(self, agent: int) -> None:
        """An agent has ended: what it said was about its own sockets."""
        for said in self._said.values():
            said.pop(agent, None)

    def doubt(self, trunks: Iterable[str]) -> list[str]:
        """Drop all bad news about these trunks; return those that are not known to be up, to be probed."""
        for name in trunks:
            said = self._said.get(name, {})
            self._said[name] = {agent: status for agent, status in said.items() if status.state is TrunkState.UP}
        return [name for name in trunks if not self._said[name]]

    def known(self, trunks: Iterable[str]) -> bool:
        """Whether every one of these is known to be up or not."""
        return all(
            any(status.state is not TrunkState.UNKNOWN for status in self._said.get(name, {}).values())
            for name in trunks
        )

    def states(self) -> dict[str, TrunkState]:
        """What is known of every trunk that an agent has spoken of: the best that any says, up before all."""
        return {
            name: min((status.state for status in said.values()), key=_FROM_BEST.index, default=TrunkState.UNKNOWN)
            for name, said in self._said.items()
        }

    def trouble(self, trunks: Iterable[str]) -> str | None:
        """Why none of these trunks takes calls, with its code and words, or None: one of them may."""
        reasons = []
        for name in trunks:
            said = list(self._said.get(name, {}).values())
            if not said or any(status.state in _USABLE for status in said):
                return None
            reasons.append(f"trunk {_words(said[-1])}")
        return "; ".join(reasons)


def _words(status: TrunkStatus) -> str:
    why = " ".join(word for word in (str(status.sip_code or ""), status.detail) if word)
    return f"{status.trunk} is {status.state}" + (f": {why}" if why else "")
