"""The benches: each is run by `make bench`, has a quick form, and its name is on the page that tells of it."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench.all import BENCHES, Bench, Ran, figures, page, row, together, turns
from bench.common import Figure, StillRuns, cpu_until_end
from bench.cps import LEFT_OUT
from bench.curves import Cost, Grown, grown
from bench.load import AREA_CODES

from dialer.compliance.rules import builtin_rules
from dialer.compliance.windows import CallingWindow
from dialer.contacts.nanp import SUBDIVISIONS, SUBDIVISIONS_OF_AREA_CODE

ROOT = Path(__file__).parents[2]
PROGRAMS = {
    path.stem for path in (ROOT / "bench").glob("*.py") if re.search(r"(?m)^def main\(", path.read_text("utf-8"))
}
HELPERS = {"all", "callee", "far_end"}  # run the others, or are run by them
LOW = Figure("cpu", 7.5, "ms", 8.0, "SIPp", 2.5, 3.0)
HIGH = Figure("rate", 250.0, "CPS", 300.0, "SIPp", 500.0, 0.5)


def test_every_bench_is_run() -> None:
    assert {bench.name for bench in BENCHES} == PROGRAMS - HELPERS
    assert len({bench.name for bench in BENCHES}) == len(BENCHES)


@pytest.mark.parametrize("name", [bench.name for bench in BENCHES])
def test_every_bench_has_a_quick_form_and_is_on_the_page(name: str) -> None:
    assert '"--quick"' in (ROOT / "bench" / f"{name}.py").read_text("utf-8")
    assert f"bench.{name}`" in (ROOT / "docs/performance.md").read_text("utf-8")


def test_those_who_are_called_may_be_called_on_every_day() -> None:
    called = {SUBDIVISIONS_OF_AREA_CODE[str(area)][0] for area in AREA_CODES}
    called |= {code for code, each in SUBDIVISIONS.items() if each.country == "US"} - LEFT_OUT
    midday = [datetime(2026, 1, 1, 13, tzinfo=UTC) + timedelta(days=day) for day in range(730)]
    rules = builtin_rules()
    shut = {
        code for code in called
        if not all(map(CallingWindow(rules, ("US", f"US-{code}"), ("UTC",)).lawful_at, midday))
    }  # fmt: skip
    assert shut == set()


def test_a_time_is_to_be_low_and_a_rate_high() -> None:
    assert (LOW.at_least, LOW.met, HIGH.at_least, HIGH.met) == (False, True, True, False)


def test_figures_are_found_in_what_was_printed(capsys: pytest.CaptureFixture[str]) -> None:
    LOW.print()
    HIGH.print()
    said = capsys.readouterr().out
    assert figures(f'a table\n{{not JSON\n{{"name": "something else"}}\n{said}') == (LOW, HIGH)


def test_the_page_has_every_figure_and_says_why_there_is_none() -> None:
    text = page([Ran("calls", 61.0, "a table\n", (LOW, HIGH)), Ran("gate", 2.0, "", (), "a | b")], "here", quick=False)
    assert row("calls", LOW) == "| calls | cpu | 7.5 ms | <= 8 | met | SIPp | 2.5 | 3 |"
    assert row("calls", HIGH) in text
    assert "| gate | no figure: a / b | | | **missed** | | | |" in text
    assert "## calls, 61 s\n\n```\na table\n```" in text


def test_of_several_rounds_the_medians_count_and_each_is_told() -> None:
    rounds = [
        Ran("calls", 10.0, "a table\n", (replace(LOW, value=value, peer_value=peer, ratio=value / peer),))
        for value, peer in ((9.0, 3.0), (6.0, 4.0), (7.0, 2.0))
    ]
    found = together(rounds)
    assert found.figures == (replace(LOW, value=7.0, peer_value=3.0, ratio=3.0),)
    assert found.took_s == 30.0
    assert "9 6 7 ms" in found.printed
    failed = together([*rounds, Ran("calls", 1.0, "", (), "no calls")])
    assert (failed.figures, failed.failure) == ((), "no calls")


def test_in_further_rounds_only_benches_without_runs_of_their_own_take_part() -> None:
    calls, rtp, keys = Bench("calls"), Bench("rtp", in_rounds=True), Bench("keys", in_rounds=True)
    assert turns([calls, rtp, keys], 1) == [calls, rtp, keys]
    assert turns([calls, rtp, keys], 3) == [calls, rtp, keys, rtp, keys, rtp, keys]


def test_a_process_that_ends_is_accounted_for_and_one_that_does_not_is_an_error() -> None:
    worked = subprocess.Popen([sys.executable, "-c", "sum(range(3_000_000))"])
    assert cpu_until_end(worked, 30).own_s > 0
    assert worked.returncode == 0
    stays = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(StillRuns, match="did not end"):
            cpu_until_end(stays, 0.01)
    finally:
        stays.communicate(b"\n")


def test_an_exponent_is_that_of_the_growth() -> None:
    squared = Grown("", "", tuple(Cost(size, 3e-6 * size**2) for size in (100, 1000, 10_000)), 0.0)
    assert squared.exponent == pytest.approx(2)
    linear = grown("", "", {100: 3.0, 1000: 12.0, 10_000: 102.0}, least_s=2.0, noise_s=0.1)
    assert linear.exponent == pytest.approx(1)


def test_noise_is_left_out_of_the_fit() -> None:
    raw = {10: 2.15, 100: 2.1, 1000: 3.0, 10_000: 12.0}
    assert grown("", "", raw, least_s=2.0, noise_s=0.2).exponent == pytest.approx(1)
    assert grown("", "", raw, least_s=2.0, noise_s=5.0).exponent == 0
