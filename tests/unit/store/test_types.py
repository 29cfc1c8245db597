from __future__ import annotations

import pytest
from sqlalchemy.dialects import sqlite

from dialer.store.types import Flag


@pytest.mark.parametrize("value", [True, False, None])
def test_a_flag_comes_back_as_it_went(value: bool | None) -> None:
    flag, dialect = Flag(), sqlite.dialect()
    assert flag.process_result_value(flag.process_bind_param(value, dialect), dialect) is value
