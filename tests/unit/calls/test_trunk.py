"""A trunk never shows its secret."""

from __future__ import annotations

from dialer.calls.trunk import Transport, Trunk


def test_the_secret_is_in_no_text_of_a_trunk() -> None:
    trunk = Trunk(name="north", host="192.0.2.1", transport=Transport.TCP, user="u", secret="hunter2")
    assert "hunter2" not in f"{trunk} {trunk!r}"
    assert repr(trunk) == "Trunk('north', 192.0.2.1:5060/tcp)"
