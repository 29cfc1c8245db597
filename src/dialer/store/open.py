"""The store as a whole: one object to open, with a part for each kind of work."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from dialer.errors import StoreError
from dialer.store.audit import Audit
from dialer.store.campaigns import Campaigns
from dialer.store.contact_lists import ContactLists
from dialer.store.database import Database
from dialer.store.engine_store import SqlEngineStore
from dialer.store.erasure import Erasure
from dialer.store.facts import AskRegistries, no_registries
from dialer.store.permissions import Consents, Dealings, DoNotCall, ReassignedNumbers
from dialer.store.recycling import Recycling
from dialer.store.reports import Reports
from dialer.store.steering import Steering

_SCHEME = "sqlite:///"


class Store:
    """An open store. Use it as an async context manager, or close it: what was handed in is finished first."""

    def __init__(self, database: Database, ask: AskRegistries = no_registries) -> None:
        self._database = database
        self.engine = SqlEngineStore(database, ask)
        self.lists = ContactLists(database)
        self.consents = Consents(database)
        self.dnc = DoNotCall(database)
        self.dealings = Dealings(database)
        self.reassigned = ReassignedNumbers(database)
        self.campaigns = Campaigns(database, ask)
        self.steering = Steering(database)
        self.audit = Audit(database)
        self.erasure = Erasure(database)
        self.recycling = Recycling(database)
        self.reports = Reports(database)

    @classmethod
    async def open(
        cls,
        path_or_url: Path | str,
        *,
        create: bool = False,
        read_only: bool = False,
        registries: AskRegistries = no_registries,
        who: str = "",
    ) -> Self:
        """Open the file at a path or ``sqlite:///`` URL, bringing its tables up to date.

        ``create`` makes one where there is none; ``registries`` are asked about each number whose facts are read;
        ``who`` does what is written. Raises StoreError (missing, empty, no space, not dialer's), StoreBusy,
        StoreReadOnly, StoreTooNew, StoreDamaged.
        """
        database = await Database.open(path_of(path_or_url), create=create, read_only=read_only, who=who)
        return cls(database, registries)

    @property
    def path(self) -> Path:
        """The file."""
        return self._database.path

    async def close(self) -> None:
        """Finish what was handed in and let the file go."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def path_of(path_or_url: Path | str) -> Path:
    """The file that a path or ``sqlite:///`` URL names. Raises StoreError for another kind of URL."""
    text = str(path_or_url)
    if isinstance(path_or_url, str) and "://" in text:
        if not text.startswith(_SCHEME) or text == _SCHEME:
            raise StoreError(
                f"a store at {text.split('://', 1)[0]}:// is not known",
                hint="give the path of a file, or sqlite:///relative/path or sqlite:////absolute/path",
            )
        return Path(text.removeprefix(_SCHEME))
    return Path(path_or_url)
