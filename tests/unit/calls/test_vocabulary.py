"""outcomes.toml covers every outcome, once, and agrees with the rooms that act on outcomes."""

from __future__ import annotations

from collections import Counter

import pytest

from dialer.calls.causes import Q850_TO_SIP
from dialer.calls.outcome import Outcome
from dialer.calls.vocabulary import outcome_of_q850, outcome_of_sip, vocabulary
from dialer.campaigns.definition import Attempts
from dialer.campaigns.retry import NEVER_RETRIED

DIALSTATUS = {"ANSWER", "BUSY", "NOANSWER", "CANCEL", "CONGESTION", "CHANUNAVAIL", "DONTCALL", "TORTURE", "INVALIDARGS"}
TWILIO = {"completed", "busy", "no-answer", "canceled", "failed"}


def test_every_outcome_is_described_once() -> None:
    assert list(vocabulary()) == list(Outcome)


@pytest.mark.parametrize("outcome", Outcome)
def test_each_row_is_complete(outcome: Outcome) -> None:
    facts = vocabulary()[outcome]
    assert facts.description.endswith(".")
    assert facts.on_the_wire
    assert set(facts.dialstatus) <= DIALSTATUS
    assert set(facts.twilio) <= TWILIO


def test_no_code_and_no_cause_means_two_things() -> None:
    codes = Counter(code for facts in vocabulary().values() for code in facts.sip)
    causes = Counter(cause for facts in vocabulary().values() for cause in facts.q850)
    assert max(codes.values()) == max(causes.values()) == 1
    assert all(300 <= code <= 699 for code in codes)


def test_causes_agree_with_the_code_that_rfc_3398_maps_them_to() -> None:
    of_their_own = {cause: outcome_of_q850(cause) for cause in Q850_TO_SIP}
    disagreeing = {
        cause: outcome
        for cause, outcome in of_their_own.items()
        if outcome is not None and outcome is not outcome_of_sip(Q850_TO_SIP[cause])
    }
    assert not disagreeing


def test_only_what_was_never_dialed_counts_toward_no_cap() -> None:
    free = [outcome for outcome, facts in vocabulary().items() if not facts.counts_toward_caps]
    assert free == [Outcome.NOT_DIALED]


def test_retriable_is_what_a_campaign_does_by_default() -> None:
    retriable = {outcome for outcome, facts in vocabulary().items() if facts.retriable}
    assert retriable == {*Attempts().retry_minutes, Outcome.INTERRUPTED, Outcome.NOT_DIALED}
    assert not retriable & NEVER_RETRIED


def test_an_unknown_code_counts_as_its_hundred_and_an_unknown_6xx_as_a_refusal() -> None:
    assert outcome_of_sip(499) is outcome_of_sip(400)
    assert outcome_of_sip(555) is outcome_of_sip(500)
    assert outcome_of_sip(650) is Outcome.REJECTED
