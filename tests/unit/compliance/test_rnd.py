"""The file exchange with the reassigned-numbers database."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.compliance.policy import Reassigned, ReassignedAnswer
from dialer.compliance.rnd import answers, query
from dialer.errors import ComplianceError

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
ASKED = st.dictionaries(st.integers(2012000000, 9899999999).map(lambda digits: f"+1{digits}"), st.dates())


@given(ASKED, st.sampled_from(["yes", "No", "no data"]))
def test_what_was_asked_comes_back_with_its_answer(asked: dict[str, date], word: str) -> None:
    sent = query(asked.items())
    returned = "".join(f"{line},{word}\n" for line in sent.splitlines())
    expected = Reassigned(word.lower().replace(" ", "_"))
    assert answers(returned, NOW, "back.csv") == {
        e164: ReassignedAnswer(expected, since, NOW, "back.csv") for e164, since in asked.items()
    }


@pytest.mark.parametrize("number", ["3055550123", "13055550123", "+13055550123"])
def test_a_header_and_any_form_of_the_number_are_understood(number: str) -> None:
    found = answers(f"number,date,answer\n{number},2026-05-01,yes\n\n", NOW, "back.csv")
    assert found["+13055550123"].answer is Reassigned.YES


@pytest.mark.parametrize(
    "line", ["3055550123,2026-05-01", "3055550123,2026-05-01,perhaps", "305555012,2026-05-01,no", "3055550123,May,no"]
)
def test_a_line_that_is_no_answer_is_named(line: str) -> None:
    with pytest.raises(ComplianceError, match=r"back.csv:2: "):
        answers(f"3055550124,2026-05-01,no\n{line}\n", NOW, "back.csv")
