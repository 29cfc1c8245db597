"""All registries that are in force, as a campaign asks them: a new version is seen within a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from dialer.compliance.dnc.history import CURRENT, Load, current_version, loads_of
from dialer.compliance.dnc.volume import Volume
from dialer.compliance.policy import RegistryAnswer

LOOK_AGAIN_S = 1.0


class _Answers(NamedTuple):
    """What a registry can say of the numbers of one section, made once."""

    listed: RegistryAnswer
    not_listed: RegistryAnswer


class _Registry:
    """One registry in one version."""

    def __init__(self, volume: Volume) -> None:
        header = volume.header
        self.volume = volume
        self._answers = {
            area: _Answers(
                *(
                    RegistryAnswer(
                        registry=header.registry,
                        listed=listed,
                        covered=True,
                        data_date=section.data_date,
                        loaded_at=header.loaded_at,
                        version=header.version,
                        sha256=section.sha256,
                    )
                    for listed in (True, False)
                )
            )
            for area, section in header.sections.items()
        }
        oldest = min(header.sections.values(), key=lambda section: section.data_date)
        self._elsewhere = RegistryAnswer(
            registry=header.registry,
            listed=False,
            covered=not header.by_area_code,
            data_date=oldest.data_date,
            loaded_at=header.loaded_at,
            version=header.version,
            sha256=oldest.sha256,
        )

    def answer(self, digits: int) -> RegistryAnswer:
        answers = self._answers.get(self.volume.area_of(digits))
        if answers is None:
            return self._elsewhere
        return answers.listed if self.volume.contains(digits) else answers.not_listed


class Registries:
    """The registries in a directory. Nothing is read whole; pages come in as numbers are asked for."""

    def __init__(self, directory: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._in_force: dict[str, tuple[str, _Registry]] = {}
        self._by_code: dict[int, list[_Registry]] = {}
        self._looked_at: float | None = None

    def answers(self, e164: str) -> tuple[RegistryAnswer, ...]:
        """What every registry whose country has this number says of it. Raises RegistryError when one is damaged."""
        now = self._monotonic()
        if self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_S:
            self.look()
            self._looked_at = now
        digits = int(e164[1:])
        asked = self._by_code.get(_calling_code(e164))
        return tuple([registry.answer(digits) for registry in asked]) if asked else ()

    def look(self) -> None:
        """Open what was put in force since. Raises RegistryError."""
        pointers = {path.parent.name: path for path in sorted(self._directory.glob(f"*/{CURRENT}"))}
        found: dict[str, tuple[str, _Registry]] = {}
        for name, pointer in pointers.items():
            path = current_version(pointer.parent)
            if path is None:
                continue
            known = self._in_force.get(name)
            found[name] = known if known and known[0] == path.name else (path.name, _Registry(Volume(path)))
        self._in_force = found
        self._by_code = {}
        for _, registry in found.values():
            self._by_code.setdefault(registry.volume.header.calling_code, []).append(registry)

    def volumes(self) -> dict[str, Volume]:
        """The version in force of each registry, by its name. Raises RegistryError."""
        self.look()
        return {name: registry.volume for name, (_, registry) in self._in_force.items()}

    def loads(self) -> tuple[Load, ...]:
        """Every load ever made, by registry, oldest first. Raises RegistryError."""
        homes = sorted(path for path in self._directory.glob("*") if path.is_dir())
        return tuple(load for home in homes for load in loads_of(home))


def _calling_code(e164: str) -> int:
    if e164[1] == "1":
        return 1
    return next((code for end in (2, 3, 4) if (code := int(e164[1:end])) in COUNTRY_CODE_TO_REGION_CODE), 0)
