"""``python -m dialer`` is ``dialer``."""

from __future__ import annotations

from dialer.cli.main import main

main()
