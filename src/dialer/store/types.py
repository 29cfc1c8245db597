"""How values that SQL has no word for are kept."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from dialer.contacts.micros import from_micros, to_micros

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class Utc(sa.TypeDecorator[datetime]):
    """An aware datetime, kept as integer microseconds since 1970: exact, ordered, and the same in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_micros(value)


class Flag(sa.TypeDecorator[bool]):
    """A truth value, kept as 0 or 1."""

    impl = sa.Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class _Listed(sa.TypeDecorator[Iterable[str] | Iterable[int]]):
    """Texts or integers as one parameter: a JSON array."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | Iterable[int] | None, dialect: Dialect) -> str:
        return msgspec.json.encode([] if value is None else list(value)).decode()


def among(column: sa.ColumnElement[Any], parameter: str) -> sa.ColumnElement[bool]:
    """Whether ``column`` is one of the values given as ``parameter``.

    Unlike IN with a parameter for each value this is one text for lists of every length: SQLAlchemy makes it once, and
    SQLite prepares it once.
    """
    values = sa.func.json_each(sa.bindparam(parameter, type_=_Listed)).table_valued("value")
    return column.in_(sa.select(values.c.value))


def in_sql(statement: sa.UpdateBase) -> str:
    """A statement as text with named parameters, for ``exec_driver_sql``.

    Rows go straight to the driver then. It takes them as they are: a datetime must be in microseconds already.
    """
    return str(statement.compile(dialect=sqlite.dialect(paramstyle="named")))
