"""The words that campaign files and stored evidence use are pinned: renaming one would change what old files mean."""

from __future__ import annotations

from dialer.compliance.policy import Purpose


def test_the_purposes_are_pinned() -> None:
    assert [purpose.value for purpose in Purpose] == [
        "marketing",
        "informational",
        "survey",
        "nonprofit",
        "health",
        "political",
        "debt",
        "emergency",
    ]
