"""Nothing that is asked for an attempt reads a table from end to end, however many contacts and attempts there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.contract.store_values import MINUTE, NOW, RUN, a_run, ended, permitted, refused, take_due

from dialer.compliance.policy import DncEntry
from dialer.store.open import Store

# A list that is a parameter, the places found so far; one campaign's few rows; the newest entry, the first row there
# is; partial indexes that hold the open and those in hand only.
FEW = (
    "VIRTUAL TABLE",
    "SCAN waiting",
    "SCAN campaign",
    "SCAN audit",
    "SCAN suppressed",
    "INDEX orders_open",
    "INDEX queue_in_hand",
    "INDEX attempt_open_contact",
)


async def _the_life_of_some_attempts(store: Store, campaign_id: int) -> None:
    engine = store.engine
    await engine.heartbeat(RUN, NOW)
    await engine.release_claims("other", NOW)
    await engine.open_attempts()
    await engine.dialed_since(NOW)
    await engine.wanted()
    await engine.orders_taken(1, NOW)
    claims = await take_due(store, RUN, campaign_id, 5, NOW)
    await engine.put_back(claims[4:], [NOW + MINUTE])
    await engine.facts(claims[:4], NOW)
    decided = [permitted(claim) for claim in claims[:3]]
    await engine.record_decisions([*decided, refused(claims[3])])
    await engine.add_opt_outs([DncEntry(claims[0].e164, NOW, "asked", "Jo")])
    await engine.record_outcomes([ended(each) for each in decided])
    await store.audit.note_head()


async def test_no_table_is_read_from_end_to_end(store: Store) -> None:
    campaign_id = await a_run(store, contacts=300)
    said: dict[str, Any] = {}

    def note(_: object, __: object, statement: str, parameters: Any, ___: object, many: bool) -> None:
        said.setdefault(statement, parameters[0] if many else parameters)

    database = store._database
    for engine in (database._reading, database._writing):
        assert engine is not None
        sa.event.listen(engine, "before_cursor_execute", note)
    await _the_life_of_some_attempts(store, campaign_id)
    asked = {text: values for text, values in said.items() if not text.startswith("BEGIN")}
    assert len(asked) > 25

    def scans(connection: sa.Connection) -> list[tuple[str, str]]:
        steps = [
            (row[3], text)
            for text, values in asked.items()
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
        return [(step, text) for step, text in steps if "SCAN" in step and not any(few in step for few in FEW)]

    assert await database.write(scans) == []
