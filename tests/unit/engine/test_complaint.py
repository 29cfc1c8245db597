from __future__ import annotations

from dialer.engine.complaint import Complaint


def test_it_is_said_once_when_it_begins_and_once_when_it_ends() -> None:
    said: list[str] = []
    complaint = Complaint(said.append, well_again="the store works again")
    complaint.well()
    assert said == []
    complaint.failed("disk full")
    complaint.failed("disk full")
    assert said == ["disk full"]
    complaint.well()
    complaint.well()
    assert not complaint.standing
    complaint.failed("locked")
    assert said == ["disk full", "the store works again", "locked"]
