"""The SQLite store keeps both contracts; a second store is tested by a class like this one."""

from __future__ import annotations

from tests.contract.engine_contract import EngineContract
from tests.contract.operator_contract import OperatorContract


class TestSqliteForTheEngine(EngineContract):
    pass


class TestSqliteForTheOperator(OperatorContract):
    pass
