"""The states a queue entry and a campaign can be in are the ones the store enforces."""

from __future__ import annotations

from dialer.results.records import CampaignState, QueueState


def test_the_words_of_the_database_are_pinned() -> None:
    assert [state.value for state in QueueState] == ["waiting", "claimed", "dialing", "finished"]
    assert [state.value for state in CampaignState] == ["created", "running", "paused", "stopped", "done"]
