"""No entry of the chain can be changed, removed, moved or cut off unseen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dialer.results.audit import FIRST, AuditEntry, AuditHead, AuditKind, Break, ChainCheck, masked, row_digest

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)


def chain(length: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    for seq in range(1, length + 1):
        entry = AuditEntry(
            seq=seq,
            at=NOW + timedelta(seconds=seq),
            who="jo@desk",
            kind=AuditKind.DECISIONS,
            subject=f"batch {seq}",
            body="{}",
            prev=entries[-1].hash if entries else FIRST,
        )
        entries.append(entry.hashed())
    return entries


def first_break(entries: list[AuditEntry], noted: AuditHead | None) -> Break | None:
    check = ChainCheck(noted)
    return next((found for entry in entries if (found := check.look_at(entry))), None) or check.end()


def head_of(entries: list[AuditEntry]) -> AuditHead:
    return AuditHead(seq=entries[-1].seq, hash=entries[-1].hash)


@given(st.integers(1, 30))
def test_a_whole_chain_holds_and_may_have_grown_since_it_was_noted(length: int) -> None:
    entries = chain(length + 5)
    assert first_break(entries, None) is None
    assert first_break(entries, head_of(entries[:length])) is None


CHANGES: dict[str, Any] = {
    "at": NOW,
    "who": "al@desk",
    "kind": AuditKind.RUN,
    "subject": "other",
    "body": '{"count":1}',
    "prev": "1" * 64,
    "hash": "1" * 64,
    "seq": 99,
}


@given(st.integers(1, 12), st.data(), st.sampled_from(sorted(CHANGES)), st.booleans())
def test_a_changed_entry_is_found_even_if_it_is_sealed_again(
    length: int, data: st.DataObject, field: str, sealed: bool
) -> None:
    entries = chain(length)
    place = data.draw(st.integers(0, length - 1))
    head = head_of(entries)
    forged = msgspec.structs.replace(entries[place], **{field: CHANGES[field]})
    entries[place] = forged.hashed() if sealed and field != "hash" else forged
    found = first_break(entries, head)
    assert found is not None
    assert found.seq in (place + 1, place + 2)


@given(st.integers(2, 12), st.data())
def test_an_entry_that_is_gone_or_moved_is_found(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    head = head_of(entries)
    place = data.draw(st.integers(0, length - 1))
    assert first_break(entries[:place] + entries[place + 1 :], head) is not None
    other = data.draw(st.integers(0, length - 1).filter(lambda each: each != place))
    entries[place], entries[other] = entries[other], entries[place]
    found = first_break(entries, head)
    assert found is not None
    assert found.seq == min(place, other) + 1


@given(st.integers(2, 12), st.data())
def test_a_chain_that_was_cut_short_does_not_reach_the_noted_entry(length: int, data: st.DataObject) -> None:
    entries = chain(length)
    kept = data.draw(st.integers(0, length - 1))
    assert first_break(entries[:kept], None) is None, "nothing shows it but the note"
    found = first_break(entries[:kept], head_of(entries))
    assert found is not None
    assert "noted as the newest" in found.why


def test_a_chain_that_was_made_anew_is_not_the_one_that_was_noted() -> None:
    entries = chain(5)
    head = head_of(entries)
    entries = chain(3)
    for seq in (4, 5):
        entries.append(msgspec.structs.replace(entries[-1], seq=seq, prev=entries[-1].hash, body="[]").hashed())
    found = first_break(entries, head)
    assert found is not None
    assert found.seq == 5


def test_a_rows_digest_tells_its_columns_apart() -> None:
    digests = {row_digest(row) for row in (["ab", ""], ["a", "b"], ["", "ab"], [b"ab", ""], [None, "ab"], [1, 2])}
    assert len(digests) == 6


def test_numbers_are_masked() -> None:
    assert masked("+13055550123") == "+1305***23"
