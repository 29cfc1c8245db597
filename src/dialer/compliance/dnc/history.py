"""What was loaded of a registry, and which version is in force: all that whoever asks a registry needs of loading."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from dialer.errors import RegistryError

CURRENT, LOADS, SUFFIX = "current", "loads.jsonl", ".dnc"


class Form(StrEnum):
    """What a file is."""

    FLAT = "flat"
    XML = "xml"
    CHANGES = "changes"
    TABLE = "table"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``loads.jsonl``: what was loaded, whose it was and what came of it."""

    registry: str
    version: str
    organisation: str
    file: str
    form: Form
    data_date: date
    loaded_at: datetime
    sha256: str
    read: int  # numbers in the file
    added: int
    deleted: int
    count: int  # numbers in the version
    area_codes: int
    shrink_reason: str = ""


def current_version(home: Path) -> Path | None:
    """The file in force in a registry's folder; None when nothing was ever loaded."""
    pointer = home / CURRENT
    try:
        return home / (pointer.read_text(encoding="ascii").strip() + SUFFIX)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RegistryError(f"{pointer}: cannot be read: {error}") from error


def loads_of(home: Path) -> list[Load]:
    """Every load of a registry, oldest first. Raises RegistryError."""
    try:
        lines = (home / LOADS).read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Load) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, msgspec.MsgspecError) as error:
        raise RegistryError(f"{home / LOADS}: cannot be read: {error}") from error
