"""What the operator writes, and what is said when it is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dialer.calls.trunk import Codec, MediaFrom, TransferBy, Transport
from dialer.compliance.operator import Document, DocumentKind, Override
from dialer.config import load_config
from dialer.errors import ConfigError

TRUNK = """
# a carrier
[carrier]
host = sip.example.net
transport = tcp
register = yes
user = clinic
secret_env = CARRIER_SECRET
codecs = PCMA, PCMU
media_from = anywhere
caller_ids =
    +13055550100 | owned | order 2025-113
    +442079460100 | authorised | letter of 2026-01-07 | 2027-01-07
cps = 5     ; as agreed
transfer = refer
"""


def write(directory: Path, toml: str = "", trunks: str = TRUNK) -> Path:
    (directory / "sip.conf").write_text(trunks)
    path = directory / "dialer.toml"
    path.write_text(toml)
    return path


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[engine]\nagents = 2\n"), {"CARRIER_SECRET": "s3cret"})
    trunk = config.trunk("carrier")
    assert (trunk.transport, trunk.register, trunk.codecs) == (Transport.TCP, True, (Codec.PCMA, Codec.PCMU))
    assert trunk.caller_ids == ("+13055550100", "+442079460100")
    assert trunk.media_from is MediaFrom.ANYWHERE
    assert trunk.secret == "s3cret"
    assert trunk.cps == 5
    assert trunk.transfer is TransferBy.REFER
    assert config.settings.engine.agents == 2
    assert config.store_path == tmp_path / "dialer.db"
    assert {right.ground for right in config.caller_ids} == {"owned", "authorised"}
    assert config.caller_ids[1].valid_until is not None


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    config = load_config(write(tmp_path), {"CARRIER_SECRET": "s3cret"})
    assert "s3cret" not in repr(config)
    assert "s3cret" not in str(config.trunks)


def test_a_secret_file_is_read_beside_sip_conf(tmp_path: Path) -> None:
    path = write(tmp_path, trunks=TRUNK.replace("secret_env = CARRIER_SECRET", "secret_file = carrier.secret"))
    (tmp_path / "carrier.secret").write_text("from-file\n")
    assert load_config(path, {}).trunk("carrier").secret == "from-file"


@pytest.mark.parametrize(
    ("toml", "trunks", "says"),
    [
        ("[sip]\nmax_cals = 3\n", TRUNK, r"dialer\.toml:2: sip\.max_cals: unknown setting"),
        ("[sip]\n\nmax_calls = 0\n", TRUNK, r"dialer\.toml:3: sip\.max_calls: .*greater than or equal to 1"),
        ("[sip]\nuser_agent = '" + "a" * 61 + "'\n", TRUNK, r"sip\.user_agent: .*at most 60"),
        ("[sip]\nuser_agent = ''\n", TRUNK, r"sip\.user_agent: "),
        ("[spi]\nport = 3\n", TRUNK, r"dialer\.toml:1: spi: unknown setting"),
        ("[sip\n", TRUNK, "not valid TOML"),
        ("", TRUNK + "rign_timeout_s = 20\n", r"sip\.conf:\d+: \[carrier\] rign_timeout_s: unknown setting"),
        ("", TRUNK + "ring_timeout_s = 8\n", r"sip\.conf:16: .*ring_timeout_s: .*greater than or equal to 15"),
        ("", TRUNK.replace("tcp", "sctp"), r"transport: Input should be 'udp' or 'tcp'"),
        ("", TRUNK.replace("secret_env = CARRIER_SECRET", ""), "user needs secret_file or secret_env"),
        ("", TRUNK.replace("| owned | order 2025-113", ""), "has no ground"),
        ("", TRUNK.replace("+13055550100", "305-1"), "305-1"),
        ("", TRUNK.replace("2027-01-07", "next year"), "not a date"),
        ("", "", "no trunk"),
        ("", "[a]\nhost = x\n[a]\nhost = y\n", "already exists"),
    ],
)
def test_a_mistake_is_named_where_it_stands(tmp_path: Path, toml: str, trunks: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(write(tmp_path, toml, trunks), {"CARRIER_SECRET": "x"})


def test_an_empty_secret_is_a_mistake_before_any_call(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the secret is empty"):
        load_config(write(tmp_path), {})


def test_a_missing_file_has_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "dialer.toml", {})
    assert "dialer init" in caught.value.hint


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("[sip]\nmax_calls = 500\nrtp_ports = 900\n", "too few for 500 calls"),
        ("[sip]\nrtp_port = 60000\n", "ports end at 65535"),
    ],
)
def test_port_ranges_are_held_against_what_calls_need(tmp_path: Path, toml: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load_config(write(tmp_path, toml), {"CARRIER_SECRET": "x"})


ON_FILE = """
[[override]]
jurisdiction = "US-MI"
digest = "0123456789abcdef"
by = "J. Doe"
on = 2026-11-01
advice = "letter of counsel, folder 4"

[[document]]
kind = "registration"
jurisdiction = "US-TX"
reference = "no. 20250117"
valid_until = 2027-01-31
"""


def test_what_the_operator_has_on_file(tmp_path: Path) -> None:
    operator = load_config(write(tmp_path, ON_FILE), {"CARRIER_SECRET": "s3cret"}).operator
    assert operator.overrides == (
        Override("US-MI", "0123456789abcdef", "J. Doe", date(2026, 11, 1), "letter of counsel, folder 4"),
    )
    assert operator.documents == (Document(DocumentKind.REGISTRATION, "US-TX", "no. 20250117", date(2027, 1, 31)),)
    assert [right.number for right in operator.caller_ids] == ["+13055550100", "+442079460100"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('by = "J. Doe"', 'by = " "', 5, "override.by"),
        ('digest = "0123456789abcdef"', 'digest = "latest"', 4, "override.digest"),
        ('advice = "letter of counsel, folder 4"', "", 2, "override.advice"),
        ('kind = "registration"', 'kind = "licence"', 10, "document.kind"),
        ('jurisdiction = "US-TX"', "jurisdiction = 7", 11, "document.jurisdiction"),
    ],
)
def test_a_mistake_in_it_names_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError, match=rf"dialer.toml:{line}: {says}"):
        load_config(write(tmp_path, ON_FILE.replace(old, new)), {"CARRIER_SECRET": "s3cret"})


def test_metrics_are_off_until_a_port_is_named_and_stay_on_this_machine(tmp_path: Path) -> None:
    environ = {"CARRIER_SECRET": "s3cret"}
    assert load_config(write(tmp_path), environ).settings.metrics.port == 0
    metrics = load_config(write(tmp_path, "[metrics]\nport = 9464\n"), environ).settings.metrics
    assert (metrics.bind, metrics.port) == ("127.0.0.1", 9464)
    with pytest.raises(ConfigError, match=r"dialer\.toml:3: metrics\.port: .*less than or equal to 65535"):
        load_config(write(tmp_path, '[metrics]\nbind = "::1"\nport = 94640\n'), environ)
