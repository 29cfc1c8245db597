from __future__ import annotations

from dialer.calls.trunk import TrunkState, TrunkStatus
from dialer.engine.trunks import TrunkBoard


def board() -> tuple[TrunkBoard, list[str]]:
    news: list[str] = []
    return TrunkBoard(news.append), news


def status(trunk: str, state: TrunkState, code: int = 0, detail: str = "") -> TrunkStatus:
    return TrunkStatus(trunk=trunk, state=state, sip_code=code, detail=detail)


def test_a_trunk_that_nobody_has_heard_of_may_be_tried() -> None:
    trunks, _ = board()
    assert trunks.trouble(["office"]) is None
    assert not trunks.known(["office"])


def test_the_reason_names_every_trunk_with_code_and_words() -> None:
    trunks, _ = board()
    trunks.heard(0, status("office", TrunkState.DOWN, 0, "no answer to OPTIONS within 4 s"))
    assert trunks.trouble(["office", "spare"]) is None
    trunks.heard(0, status("spare", TrunkState.REFUSED, 403, "REGISTER: Forbidden"))
    assert trunks.trouble(["office", "spare"]) == (
        "trunk office is down: no answer to OPTIONS within 4 s; trunk spare is refused: 403 REGISTER: Forbidden"
    )
    assert trunks.known(["office", "spare"])


def test_one_agent_that_has_a_trunk_is_enough() -> None:
    trunks, _ = board()
    trunks.heard(0, status("office", TrunkState.UP, 200))
    trunks.heard(1, status("office", TrunkState.REFUSED, 401))
    assert trunks.trouble(["office"]) is None
    trunks.forget(0)
    assert trunks.trouble(["office"]) == "trunk office is refused: 401"
    trunks.forget(1)
    assert trunks.trouble(["office"]) is None


def test_doubt_drops_bad_news_and_says_whom_to_ask() -> None:
    trunks, _ = board()
    trunks.heard(0, status("office", TrunkState.UP, 200))
    trunks.heard(0, status("spare", TrunkState.DOWN, 503))
    assert trunks.doubt(["office", "spare", "third"]) == ["spare", "third"]
    assert trunks.trouble(["spare"]) is None
    assert trunks.known(["office"])
    assert not trunks.known(["office", "spare"])


def test_a_trunk_that_is_still_unknown_is_not_known() -> None:
    trunks, _ = board()
    trunks.heard(0, status("office", TrunkState.UNKNOWN))
    assert not trunks.known(["office"])
    assert trunks.trouble(["office"]) is None


def test_changes_are_told_once() -> None:
    trunks, news = board()
    for state in (TrunkState.UP, TrunkState.UP, TrunkState.DOWN, TrunkState.DOWN, TrunkState.UP):
        trunks.heard(0, status("office", state, 200 if state is TrunkState.UP else 503))
    assert news == ["office is up: 200", "office is down: 503", "office is up: 200"]


def test_the_state_of_a_trunk_is_the_best_that_any_agent_says() -> None:
    trunks, _ = board()
    trunks.heard(0, status("office", TrunkState.UP, 200))
    trunks.heard(1, status("office", TrunkState.DOWN))
    trunks.heard(0, status("spare", TrunkState.REFUSED, 403))
    assert trunks.states() == {"office": TrunkState.UP, "spare": TrunkState.REFUSED}
    trunks.forget(0)
    assert trunks.states() == {"office": TrunkState.DOWN, "spare": TrunkState.UNKNOWN}
