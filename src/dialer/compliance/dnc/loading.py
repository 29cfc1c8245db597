"""Loading a registry: the new version is built beside the one in force, and takes its place in one step.

A folder for each registry holds the versions, ``current`` naming the one in force, ``loads.jsonl`` with every load ever
made, and a lock that one load at a time holds. Whatever goes wrong before ``current`` is replaced changes nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import msgspec
import numpy as np
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from dialer.compliance.dnc import sources
from dialer.compliance.dnc.bulk import Bitmap, Numbers, content_of, count_of, write_volume
from dialer.compliance.dnc.history import CURRENT, LOADS, SUFFIX, Form, Load, current_version
from dialer.compliance.dnc.sources import Columns, Progress
from dialer.compliance.dnc.volume import BITMAP_BYTES, LINES, NANP, NO_AREA, Volume
from dialer.errors import RegistryError

SHRUNK = 0.8  # of the numbers so far: a full list with fewer is taken for a broken one
LOCK = "lock"
KEPT_VERSIONS = 2  # the one in force and the one before
_NAME = re.compile(r"[a-z]{2}(_[a-z0-9]+)+")
Content = dict[int, Bitmap | Numbers]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be loaded."""

    registry: str  # "us_national"
    file: Path
    data_date: date  # as the registry's keeper names it
    organisation: str  # the subscriber's number: SAN, or what a foreign registry gives
    columns: Columns | None = None  # of a table; None: the American registry's own forms
    part: bool = False  # only these area codes are new, the others stay as they are
    area_codes: tuple[int, ...] = field(default=())  # that the file covers, even those without a number in it
    shrink_reason: str = ""  # why it may be much smaller than the one before


def load(directory: Path, order: Order, now: datetime, progress: Progress = lambda _: None) -> Load:
    """Load a file as the newest version of its registry and put it in force.

    Raises RegistryError, and changes nothing, when the file is damaged, cut off, of another kind, older than what is in
    force, dated ahead, or suspiciously small, and when another load of this registry is going on.
    """
    if not _NAME.fullmatch(order.registry):
        raise RegistryError(f"{order.registry!r} is no registry's name", hint="country and list: us_national, gb_tps")
    if order.data_date > now.date():
        raise RegistryError(f"the data are dated {order.data_date}, which is to come")
    home = directory / order.registry
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home):
        return _load(home, order, now, progress)


def _load(home: Path, order: Order, now: datetime, progress: Progress) -> Load:
    path = current_version(home)
    before = Volume(path) if path is not None else None
    if before is not None:
        newest = max((section.data_date for section in before.header.sections.values()), default=date.min)
        if order.data_date < newest:
            raise RegistryError(
                f"the data are of {order.data_date}, those in force of {newest}", hint="load newer ones"
            )
    form = Form.TABLE if order.columns else sources.form_of(order.file)
    with ThreadPoolExecutor(1) as hashing:  # beside the reading: both leave the interpreter to itself
        hashed = hashing.submit(_sha256, order.file)
        content, read = _content(order, form, before, progress)
        sha256 = hashed.result()
    if not read:
        raise RegistryError(f"{order.file}: there is no number in it", hint="nothing was changed")
    whole, origin = _merged(order, form, content, before, sha256)
    _must_not_shrink(order, form, content, before)
    version = f"{now:%Y%m%dT%H%M%S}-{sha256[:8]}"
    calling_code = 1 if NO_AREA not in whole else _calling_code(whole[NO_AREA])
    kept = set() if before is None else set(before.header.sections)
    added, deleted = _difference(whole, before if kept else None)
    building = home / f"{version}.building"
    try:
        header = write_volume(building, order.registry, version, calling_code, now, whole, origin)
        Volume(building).verify()
        building.rename(home / (version + SUFFIX))
    except OSError as error:
        building.unlink(missing_ok=True)
        raise RegistryError(f"{building}: cannot be written: {error.strerror}", hint="is the disk full?") from error
    done = Load(
        registry=order.registry, version=version, organisation=order.organisation, file=order.file.name, form=form,
        data_date=order.data_date, loaded_at=now, sha256=sha256, read=read, added=added, deleted=deleted,
        count=header.count, area_codes=0 if calling_code != 1 else len(whole), shrink_reason=order.shrink_reason,
    )  # fmt: skip
    _append(home / LOADS, msgspec.json.encode(done) + b"\n")
    _put_in_force(home, version)
    _tidy(home, version)
    return done


def _content(order: Order, form: Form, before: Volume | None, progress: Progress) -> tuple[Content, int]:
    """The sections that the file has to say something of, and how many numbers it holds."""
    if form is Form.CHANGES:
        if before is None:
            raise RegistryError("a change list needs a full list to change", hint="load the full list first")
        listed = sources.changes(order.file, progress)
        return _changed(before, listed), len(listed.added) + len(listed.deleted)
    if form is Form.TABLE and order.columns is not None:
        stretches: Iterable[Numbers] = sources.table_numbers(order.file, order.columns, progress)
    elif form is Form.XML:
        stretches = sources.xml_numbers(order.file, progress)
    else:
        stretches = sources.flat_numbers(order.file, progress)
    if order.registry.startswith(("us_", "ca_")):
        return _bitmaps(stretches, order.area_codes)
    numbers = np.unique(np.concatenate([np.empty(0, np.uint64), *stretches]))
    return {NO_AREA: numbers}, len(numbers)


def _bitmaps(stretches: Iterable[Numbers], area_codes: Iterable[int]) -> tuple[Content, int]:
    """Bitmaps by area code, and how many numbers were read. Fastest when the numbers come in order."""
    maps: Content = {area: np.zeros(BITMAP_BYTES, np.uint8) for area in area_codes}
    lines = np.zeros(LINES, np.uint8)
    read = 0
    for numbers in stretches:
        read += len(numbers)
        local = numbers - np.uint64(NANP)
        areas = (local // np.uint64(LINES)).astype(np.int32)
        if (areas > 999).any():
            raise RegistryError("a number in it is not North American", hint="is it another country's registry?")
        if (np.diff(areas) < 0).any():
            order = np.argsort(areas, kind="stable")
            local, areas = local[order], areas[order]
        starts = np.flatnonzero(np.diff(areas, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(areas)], strict=True):
            area = int(areas[start])
            lines[:] = 0
            lines[local[start:end] - np.uint64(area * LINES)] = 1
            packed = np.packbits(lines)
            maps[area] = packed if area not in maps else maps[area] | packed
    return maps, read


def _changed(before: Volume, listed: sources.Changes) -> Content:
    changed: Content = {area: content.copy() for area, content in content_of(before).items()}
    if before.header.calling_code != 1:
        stay = np.setdiff1d(changed[NO_AREA], listed.deleted)
        return {NO_AREA: np.union1d(stay, listed.added).astype(np.uint64)}
    for numbers, add in ((listed.deleted, False), (listed.added, True)):
        for digits in numbers.tolist():
            area, line = divmod(digits - NANP, LINES)
            if area not in changed:
                raise RegistryError(
                    f"the change list speaks of area code {area}, which was never loaded",
                    hint="load its full list first",
                )
            bit = 128 >> (line & 7)
            if add:
                changed[area][line >> 3] |= bit
            else:
                changed[area][line >> 3] &= 255 - bit
    return changed


def _merged(
    order: Order, form: Form, content: Content, before: Volume | None, sha256: str
) -> tuple[Content, Mapping[int, tuple[date, str]]]:
    """The whole version with where each section came from: of a part, the other area codes stay."""
    origin = dict.fromkeys(content, (order.data_date, sha256))
    if not order.part or before is None or form is Form.CHANGES:
        return content, origin
    kept = {area: section for area, section in before.header.sections.items() if area not in content}
    standing = content_of(before)
    origin |= {area: (section.data_date, section.sha256) for area, section in kept.items()}
    return {**{area: standing[area] for area in kept}, **content}, origin


def _must_not_shrink(order: Order, form: Form, content: Content, before: Volume | None) -> None:
    if before is None or form is Form.CHANGES or order.shrink_reason:
        return
    known = before.header.sections
    replaced = [area for area in known if area in content] if order.part else list(known)
    had = sum(known[area].count for area in replaced)
    has = sum(count_of(content[area]) for area in replaced if area in content)
    if has < SHRUNK * had:
        raise RegistryError(
            f"{order.file}: {has:,} numbers where {had:,} are in force: it may be cut off; nothing was changed",
            hint="--part if it holds only some area codes; --shrink-reason if it is right, and why",
        )


def _difference(whole: Content, before: Volume | None) -> tuple[int, int]:
    """How many numbers came and went."""
    standing = content_of(before) if before is not None else {}
    added = deleted = 0
    for area in {*whole, *standing}:
        new, old = whole.get(area), standing.get(area)
        if new is None or old is None:
            added += 0 if new is None else count_of(new)
            deleted += 0 if old is None else count_of(old)
        elif new.dtype == np.uint64:
            added += len(np.setdiff1d(new, old, assume_unique=True))
            deleted += len(np.setdiff1d(old, new, assume_unique=True))
        else:
            added += count_of(new & ~old)
            deleted += count_of(old & ~new)
    return added, deleted


def _calling_code(numbers: Bitmap | Numbers) -> int:
    """The one country code that all numbers of a foreign registry begin with."""
    codes = set()
    for end in (numbers[0], numbers[-1]):
        digits = str(int(end))
        codes.add(next(int(digits[:n]) for n in (1, 2, 3) if int(digits[:n]) in COUNTRY_CODE_TO_REGION_CODE))
    if len(codes) != 1:
        raise RegistryError(f"its numbers are of several countries: +{', +'.join(map(str, sorted(codes)))}")
    return codes.pop()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RegistryError(f"{home.name}: another load is going on", hint="wait for it to end") from error
        yield


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _put_in_force(home: Path, version: str) -> None:
    made = home / (CURRENT + ".new")
    with made.open("w", encoding="ascii") as file:
        file.write(version + "\n")
        file.flush()
        os.fsync(file.fileno())
    made.replace(home / CURRENT)
    folder = os.open(home, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _tidy(home: Path, version: str) -> None:
    """Remove versions that are neither in force nor the one before, and what broken loads left."""
    versions = sorted(home.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
    for path in [*versions[:-KEPT_VERSIONS], *home.glob("*.building")]:
        if path.stem != version:
            path.unlink(missing_ok=True)
