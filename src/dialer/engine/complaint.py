"""Saying once that something is wrong, and once that it is well again."""

from __future__ import annotations

from collections.abc import Callable


class Complaint:
    """One thing that can be wrong for a while; ``standing`` while it is."""

    def __init__(self, tell: Callable[[str], None], *, well_again: str) -> None:
        self._tell = tell
        self._well_again = well_again
        self.standing = False

    def failed(self, detail: str) -> None:
        """It is wrong; said when it was well before."""
        if not self.standing:
            self.standing = True
            self._tell(detail)

    def well(self) -> None:
        """It is well; said when it was wrong before."""
        if self.standing:
            self.standing = False
            self._tell(self._well_again)
