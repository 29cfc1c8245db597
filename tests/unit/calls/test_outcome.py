"""The words are public: stored, exported and filtered by. They do not change."""

from __future__ import annotations

from dialer.calls.outcome import NotDialed, Outcome


def test_the_words() -> None:
    assert [str(outcome) for outcome in Outcome] == [
        "accepted",
        "responded",
        "heard",
        "hung_up",
        "opted_out",
        "abuse",
        "voicemail_left",
        "machine",
        "busy",
        "no_answer",
        "rejected",
        "network_blocked",
        "invalid_number",
        "congestion",
        "trunk_failure",
        "canceled",
        "interrupted",
        "failed",
        "not_dialed",
    ]
    assert [str(why) for why in NotDialed] == [
        "permit_invalid",
        "no_trunk",
        "no_channel",
        "stopped",
        "bad_plan",
        "engine_stopped",
    ]
