"""What SIP and the telephone network say, read as their standards mean it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.calls.causes import (
    Q850_TO_SIP,
    SIP_TO_Q850,
    Reason,
    outcome_of_failure,
    parse_reason_header,
    received_q850,
)
from dialer.calls.events import FinalResponse
from dialer.calls.outcome import Outcome


@pytest.mark.parametrize(
    ("code", "outcome", "q850"),
    [
        (300, Outcome.FAILED, None),
        (301, Outcome.INVALID_NUMBER, None),
        (302, Outcome.FAILED, None),
        (400, Outcome.FAILED, 41),
        (401, Outcome.TRUNK_FAILURE, 21),
        (403, Outcome.REJECTED, 21),
        (404, Outcome.INVALID_NUMBER, 1),
        (407, Outcome.TRUNK_FAILURE, 21),
        (408, Outcome.NO_ANSWER, 102),
        (410, Outcome.INVALID_NUMBER, 22),
        (415, Outcome.FAILED, 79),
        (480, Outcome.NO_ANSWER, 18),
        (484, Outcome.INVALID_NUMBER, 28),
        (486, Outcome.BUSY, 17),
        (487, Outcome.NO_ANSWER, None),
        (488, Outcome.FAILED, None),
        (499, Outcome.FAILED, None),
        (500, Outcome.CONGESTION, 41),
        (503, Outcome.CONGESTION, 41),
        (504, Outcome.CONGESTION, 102),
        (599, Outcome.CONGESTION, None),
        (600, Outcome.BUSY, 17),
        (603, Outcome.REJECTED, 21),
        (604, Outcome.INVALID_NUMBER, 1),
        (607, Outcome.ABUSE, 21),
        (608, Outcome.NETWORK_BLOCKED, 21),
        (699, Outcome.REJECTED, None),
    ],
)
def test_a_bare_code(code: int, outcome: Outcome, q850: int | None) -> None:
    failure = outcome_of_failure(FinalResponse(code, "as it is"))
    assert (failure.outcome, failure.q850, failure.q850_received) == (outcome, q850, False)


@pytest.mark.parametrize(
    ("code", "cause", "outcome"),
    [
        (480, 17, Outcome.BUSY),
        (480, 19, Outcome.NO_ANSWER),
        (480, 1, Outcome.INVALID_NUMBER),
        (404, 41, Outcome.CONGESTION),
        (503, 21, Outcome.REJECTED),
        (500, 23, Outcome.INVALID_NUMBER),  # by way of 410
        (486, 99, Outcome.CONGESTION),  # by way of 500
        (486, 31, Outcome.BUSY),  # normal, unspecified: says nothing
        (480, 16, Outcome.NO_ANSWER),
        (404, 127, Outcome.INVALID_NUMBER),
        (407, 17, Outcome.TRUNK_FAILURE),  # between the trunk and us, whatever the cause says
        (607, 17, Outcome.ABUSE),
    ],
)
def test_a_received_cause_wins_where_it_says_something(code: int, cause: int, outcome: Outcome) -> None:
    failure = outcome_of_failure(FinalResponse(code, "x", reason_header=f'Q.850;cause={cause};text="whatever"'))
    assert (failure.outcome, failure.q850, failure.q850_received) == (outcome, cause, True)


@pytest.mark.parametrize(
    ("phrase", "reason", "redress"),
    [
        (
            "Network Blocked",
            'SIP;cause=603;text="v=analytics1;url=https://example.com/r;id=12345";location=LN',
            "https://example.com/r",
        ),
        (
            "Network Blocked",
            'Q.850;cause=21;text="v=analytics1;tel=+15550100;email=help@example.com";location=RLN',
            "+15550100, help@example.com",
        ),
        ("network blocked", "", ""),
        ("Decline", 'SIP;cause=603;text="v=analytics1;url=https://example.com"', "https://example.com"),
        ("Decline", 'Q.850;cause=21, SIP;cause=603;text="v=analytics1;url=https://b.example"', "https://b.example"),
    ],
)
def test_603_plus_is_a_block_and_keeps_the_redress(phrase: str, reason: str, redress: str) -> None:
    failure = outcome_of_failure(FinalResponse(603, phrase, reason_header=reason))
    assert (failure.outcome, failure.redress) == (Outcome.NETWORK_BLOCKED, redress)


@pytest.mark.parametrize("reason", ["", 'SIP;cause=603;text="Decline"', "Q.850;cause=21", 'SIP;text="url=https://x"'])
def test_a_plain_603_is_a_refusal(reason: str) -> None:
    failure = outcome_of_failure(FinalResponse(603, "Decline", reason_header=reason))
    assert (failure.outcome, failure.redress) == (Outcome.REJECTED, "")


def test_608_keeps_its_call_info() -> None:
    info = "<https://block.example/complaint.json>;purpose=jwscard"
    failure = outcome_of_failure(FinalResponse(608, "Rejected", call_info=info))
    assert failure.redress == "https://block.example/complaint.json"


def test_what_pjsip_made_up_has_no_cause() -> None:
    failure = outcome_of_failure(FinalResponse(408, "Request Timeout", local=True))
    assert (failure.outcome, failure.q850, failure.detail) == (Outcome.TRUNK_FAILURE, None, "Request Timeout")
    assert outcome_of_failure(FinalResponse(488, "x", local=True)).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("header", "reasons"),
    [
        ("", ()),
        ("Q.850;cause=16", (Reason("Q.850", 16),)),
        ('SIP ;cause=600 ;text="Busy Everywhere"', (Reason("SIP", 600, "Busy Everywhere"),)),
        (
            'Q.850;cause=16;text="Terminated, at last", SIP;cause=580',
            (Reason("Q.850", 16, "Terminated, at last"), Reason("SIP", 580)),
        ),
        (r'SIP;text="a \"quoted\" word; and \\ more"', (Reason("SIP", None, r'a "quoted" word; and \ more'),)),
        ("SIP;CAUSE=200;Text=elsewhere", (Reason("SIP", 200, "elsewhere"),)),
        ("SIP;cause=none", (Reason("SIP"),)),
        (",;,", ()),
        (";cause=17", ()),
        ('SIP;text="never, closed', (Reason("SIP", None, '"never, closed'),)),
    ],
)
def test_reason_headers(header: str, reasons: tuple[Reason, ...]) -> None:
    assert parse_reason_header(header) == reasons


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("SIP;cause=486", None),
        ("q.850;cause=19", 19),
        ("SIP;cause=480, Q.850;cause=20", 20),
        ("Q.850;cause=0", None),
        ("Q.850;cause=128, Q.850;cause=17", 17),
    ],
)
def test_received_q850(header: str, cause: int | None) -> None:
    assert received_q850(header) == cause


@given(header=st.text(max_size=3000) | st.text(alphabet='";,=\\ aQ.850SIPcuse1', max_size=300))
def test_no_header_a_stranger_can_send_raises(header: str) -> None:
    parse_reason_header(header)
    outcome_of_failure(FinalResponse(603, header, reason_header=header, call_info=header))


@given(
    protocol=st.sampled_from(["SIP", "Q.850", "Preemption"]),
    cause=st.integers(0, 999),
    text=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF)),
)
def test_a_reason_reads_back_as_it_was_written(protocol: str, cause: int, text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    header = f'{protocol};cause={cause};text="{quoted}"'
    assert parse_reason_header(f"{header}, {header}") == (Reason(protocol, cause, text),) * 2


def test_a_long_hostile_header_costs_no_time() -> None:
    assert isinstance(parse_reason_header('"' + '\\"' * 500_000), tuple)


def test_the_tables_lead_to_codes_and_causes_that_exist() -> None:
    assert all(300 <= code <= 699 and 1 <= cause <= 127 for code, cause in SIP_TO_Q850.items())
    assert all(300 <= code <= 699 and 1 <= cause <= 127 for cause, code in Q850_TO_SIP.items())
