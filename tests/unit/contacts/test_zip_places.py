from __future__ import annotations

from typing import Any

import zipcodes

from dialer.contacts import zones
from dialer.contacts.zip_places import PLACES


def test_every_zip_code_is_where_the_zipcodes_package_says() -> None:
    """When this fails after an update of the package: scripts/make-zip-places."""
    listed: Any = zipcodes.list_all()  # type: ignore[no-untyped-call]
    theirs = {row["zip_code"]: (row["state"], row["timezone"]) for row in listed}
    table = zones._zip_table()
    assert len(table) == 100_000
    assert {f"{code:05}": PLACES[index - 1] for code, index in enumerate(table) if index} == theirs
