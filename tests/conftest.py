"""For every test: with CI set, one that would skip fails instead, for there every tool is expected to be present."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from tests.operators import Operator

settings.register_profile("ours", deadline=None)  # a busy machine is no error
settings.load_profile("ours")

# What a shell starts in the background ignores Ctrl-C, and so would every program that a test sends it to.
signal.signal(signal.SIGINT, signal.default_int_handler)

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def _skip_is_failure(report: Report) -> Report:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped when CI is set: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _skip_is_failure((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _skip_is_failure((yield))


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """A directory with a configuration whose trunk nobody answers at."""
    made = Operator(tmp_path)
    made.run("init", ".")
    return made
