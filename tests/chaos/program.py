"""What the programs have in common: their options, the directory they leave behind, the table they print."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.chaos.oracle import HEAD, Report

FEW = 10  # problems shown; --json has all


def program(
    about: str | None,
    play: Callable[[Path, argparse.Namespace], Report],
    *,
    strikes: int,
    contacts: int = 1000,
    scenarios: Sequence[str] = (),
) -> None:
    """Parse, play once, print a row and the problems; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(description=about)
    if scenarios:
        parser.add_argument("scenario", choices=scenarios)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--contacts", type=int, default=contacts)
    parser.add_argument("--strikes", type=int, default=strikes)
    parser.add_argument(
        "--cps", type=float, default=0, help="new calls a second; default: what gives the strikes their time"
    )
    parser.add_argument("--brief", action="store_true", help="do not wait for what is to be tried again")
    parser.add_argument("--home", type=Path, help="where everything is put; default: a new directory")
    parser.add_argument("--json", action="store_true", help="the whole report")
    arguments = parser.parse_args()
    home = arguments.home or Path(tempfile.mkdtemp(prefix="chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    print(f"seed {arguments.seed}, {arguments.contacts} contacts, in {home}", file=sys.stderr)  # noqa: T201
    show(play(home, arguments), as_json=arguments.json)


def show(*reports: Report, as_json: bool = False) -> None:
    """The table, and what is wrong."""
    if not as_json:
        sys.stdout.write(HEAD + "\n")
    for report in reports:
        sys.stdout.write((report.json() if as_json else report.row()) + "\n")
        if not as_json:
            stages = ", ".join(f"{count} {stage}" for stage, count in report.at_stake.items())
            sys.stdout.write(f"  at stake: {stages}; longest call {report.longest_up_s} s; {report.pauses} pauses\n")
            for problem in report.problems[:FEW]:
                sys.stdout.write(f"  PROBLEM {problem}\n")
            if len(report.problems) > FEW:
                sys.stdout.write(f"  and {len(report.problems) - FEW} more\n")
    sys.exit(1 if any(report.problems for report in reports) else 0)
