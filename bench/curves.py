"""Cost curves: what calls, pace, contacts, registries and the record of calls cost, and how that grows.

    python -m bench.curves [--full] [--quick] [--only live pace contacts registry] [--svg docs/curves.svg]

Every cost is CPU: of all processes of a run, of a command, or of a step inside one. What the smallest possible job
takes (the start of a run, or of a command over ten contacts) is measured as well and taken off, for it would make
everything look flatter than it is. Fitted is cost = a x size ^ exponent; above 1.1 it is worse than linear.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.common import BenchError, Figure, machine
from bench.dnc import child, write_registry
from bench.load import Load, run_dialer
from bench.own_network import own_network
from bench.plot import Curve, Point, chart
from bench.volume import command_s, fill, make, plan_s

LINEAR, WORST = 1.0, 1.1
COMMAND_NOISE_S, STEP_NOISE_S, RUN_NOISE_S = 0.15, 0.0, 0.5  # a cost below it says nothing, and is left out of the fit
NOBODY = 10  # contacts of the smallest store


@dataclass(frozen=True, slots=True)
class Sizes:
    """How far each curve goes."""

    live: tuple[int, ...]  # calls at once
    pace: tuple[int, ...]  # new calls a second
    contacts: tuple[int, ...]
    registry: tuple[int, ...]  # numbers
    call_s: float = 10.0
    pace_s: float = 6.0


DEFAULT = Sizes(
    (50, 150, 400, 1000),
    (25, 50, 100, 200),
    (3_000, 10_000, 30_000, 100_000),
    (1_000_000, 4_000_000, 16_000_000, 64_000_000),
)
FULL = Sizes(
    (50, 150, 400, 1000),
    (25, 50, 100, 200),
    (10_000, 50_000, 200_000, 1_000_000),
    (1_000_000, 10_000_000, 60_000_000, 258_500_000),
)
QUICK = Sizes((10, 40), (10, 40), (1_000, 4_000), (1_000_000, 4_000_000), call_s=1.0, pace_s=2.0)


@dataclass(frozen=True, slots=True)
class Cost:
    """What so much took, in CPU seconds."""

    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Grown:
    """One curve."""

    name: str
    of: str
    costs: tuple[Cost, ...]
    noise_s: float

    @property
    def exponent(self) -> float:
        """Of the size, by least squares on logarithms; 0 when no two sizes cost more than noise."""
        fitted = [cost for cost in self.costs if cost.seconds > self.noise_s]
        if len(fitted) < 2:
            return 0.0
        sizes, seconds = (np.log([getattr(cost, name) for cost in fitted]) for name in ("size", "seconds"))
        return float(np.polyfit(sizes, seconds, 1)[0])


def grown(name: str, of: str, raw: dict[int, float], least_s: float, noise_s: float) -> Grown:
    """A curve, the cost of the smallest possible job taken off."""
    return Grown(name, of, tuple(Cost(size, max(0.0, seconds - least_s)) for size, seconds in raw.items()), noise_s)


def live(home: Path, sizes: Sizes) -> Iterator[Grown]:
    """So many calls at once."""
    yield from _calls(
        home,
        "calls at once",
        {each: Load(each, max(1, round(each / sizes.call_s)), sizes.call_s) for each in sizes.live},
    )


def pace(home: Path, sizes: Sizes) -> Iterator[Grown]:
    """So many new calls a second, each of one second."""
    yield from _calls(
        home, "calls a second", {each: Load(round(each * sizes.pace_s), each, 1.0) for each in sizes.pace}
    )


def _calls(home: Path, of: str, loads: dict[int, Load]) -> Iterator[Grown]:
    def cpu_s(load: Load, name: str) -> float:
        cpu = run_dialer(home / name, load, detect=False).cpu
        return cpu.own_s + cpu.children_s

    some = next(iter(loads.values()))
    start_s = cpu_s(Load(1, 1, some.call_s), "one")
    print(f"{of}: a run of one call takes {start_s:.2f} s", file=sys.stderr)
    yield grown(f"run, {of}", of, {size: cpu_s(load, str(size)) for size, load in loads.items()}, start_s, RUN_NOISE_S)


def contacts(home: Path, sizes: Sizes) -> Iterator[Grown]:
    """So many contacts in the store; then as many attempts with their outcomes, and as long a log."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for size in (NOBODY, *sizes.contacts):
        place = home / str(size)
        costs = {("contacts", name): seconds for name, seconds in make(place, size).items()}
        costs["contacts", "campaign status"] = command_s(place, "campaign", "status")
        costs["contacts", "plan the next 1,000"] = plan_s(place)
        fill(place, size)
        for name, words in {
            "status, all called": ("campaign", "status"),
            "report": ("report", "Bench"),
            "report --csv": ("report", "Bench", "--csv", "attempts.csv"),
            "audit verify": ("audit", "verify"),
            "logs --outcome": ("logs", "--outcome", "busy"),
        }.items():
            costs["attempts", name] = command_s(place, *words)
        for key, seconds in costs.items():
            found.setdefault(key, {})[size] = seconds
        print(
            f"{size:,} contacts: " + ", ".join(f"{key[1]} {cost:.2f} s" for key, cost in costs.items()), file=sys.stderr
        )
    for (of, name), raw in found.items():
        least_s = raw.pop(NOBODY)
        noise_s = STEP_NOISE_S if name.startswith("plan") else COMMAND_NOISE_S
        yield grown(name, of, raw, least_s, noise_s)


def registry(home: Path, sizes: Sizes) -> Iterator[Grown]:
    """So many numbers in a do-not-call registry."""
    load, check = {}, {}
    for size in sizes.registry:
        place = home / str(size)
        place.mkdir()
        write_registry(place / "registry.txt", size, 1000)
        load[size] = child(place, "load")["cpu_s"]
        (place / "registry.txt").unlink()
        check[size] = child(place, "check")["contains_us"]
        print(f"registry of {size:,}: load {load[size]:.2f} s, check {check[size]:.2f} us", file=sys.stderr)
    yield grown("load", "numbers of a registry", load, 0.0, STEP_NOISE_S)
    # A million checks: of the same order as the rest, and above what counts as noise.
    yield grown("a million checks", "numbers of a registry", check, 0.0, STEP_NOISE_S)


CURVES: dict[str, Callable[[Path, Sizes], Iterator[Grown]]] = {
    "live": live, "pace": pace, "contacts": contacts, "registry": registry,
}  # fmt: skip


def picture(found: list[Grown]) -> str:
    """Cost of one unit at each size, that at the smallest size being 1."""
    curves = []
    for each in found:
        kept = [cost for cost in each.costs if cost.seconds > each.noise_s]
        if len(kept) > 1:
            first = kept[0].seconds / kept[0].size
            points = [
                Point(float(np.log10(cost.size / each.costs[0].size)), cost.seconds / cost.size / first, "")
                for cost in kept
            ]
            curves.append(Curve(each.name, tuple(points)))
    return chart("tenfold growth (powers of ten above the smallest size)", "cost of one, at first 1", curves, (1.0, ""))


def main() -> int:
    """Measure, print the table, draw, and close with the worst exponent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="to a million contacts and a whole registry: 15 minutes")
    parser.add_argument("--quick", action="store_true", help="two small sizes of each: an exponent of little worth")
    parser.add_argument("--only", nargs="+", choices=list(CURVES), default=list(CURVES))
    parser.add_argument("--svg", type=Path)
    asked = parser.parse_args()
    own_network()
    sizes = QUICK if asked.quick else FULL if asked.full else DEFAULT
    print(f"{machine()}{', quick' if asked.quick else ''}\n")
    found: list[Grown] = []
    try:
        for name in asked.only:
            with tempfile.TemporaryDirectory(prefix="bench-") as folder:
                found += CURVES[name](Path(folder), sizes)
    except BenchError as error:
        print(f"no figure: {error}", file=sys.stderr)
        return 1
    print(f"{'of':<22}{'what':<21}{'exponent':>9}   CPU a unit at each size; -: no more than noise")
    for each in found:
        units = ", ".join(_unit(cost, each.noise_s) for cost in each.costs)
        verdict = "  WORSE THAN LINEAR" if each.exponent > WORST else ""
        print(f"{each.of:<22}{each.name:<21}{each.exponent:>9.2f}   {units}{verdict}")
    if asked.svg:
        asked.svg.write_text(picture(found), encoding="utf-8")
    worst = max(found, key=lambda each: each.exponent)
    print(f"\nworst: {worst.name}, {worst.of}\n")
    Figure(
        "cost_exponent_worst", round(worst.exponent, 2), "of the size", WORST, "linear", LINEAR,
        round(worst.exponent / LINEAR, 2),
    ).print()  # fmt: skip
    return 0


def _unit(cost: Cost, noise_s: float) -> str:
    each = "-" if cost.seconds <= noise_s else _time(cost.seconds / cost.size)
    return f"{_short(cost.size)}: {each}"


def _short(size: int) -> str:
    return f"{size / 1e6:g}M" if size >= 1_000_000 else f"{size / 1000:g}k" if size >= 1000 else str(size)


def _time(seconds: float) -> str:
    unit, factor = next(
        ((unit, factor) for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)) if seconds * factor >= 1), ("ns", 1e9)
    )
    return f"{seconds * factor:.3g} {unit}"


if __name__ == "__main__":
    sys.exit(main())
