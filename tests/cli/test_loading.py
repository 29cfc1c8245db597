"""From a campaign file with operators to what the agent is told."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from dialer.calls.plan import KeyAction, TransferScript
from dialer.cli.loading import FileCampaignLoader
from dialer.config import load_config
from dialer.engine.ports import LoadedCampaign
from dialer.errors import AudioError, ConfigError
from dialer.results.records import CampaignRow, CampaignState

TRUNKS = """
[carrier]
host = 192.0.2.1
caller_ids = +13055550100 | owned
[office]
host = 192.0.2.7
"""
CAMPAIGN = """
[campaign]
name = "Flu shots"
purpose = "health"
caller_id = "+13055550100"
trunks = ["carrier"]
[seller]
name = "Sunrise Clinic LLC"
callback = "+13055550100"
[message]
sound = "message.wav"
[keys]
5 = "transfer"
9 = "opt_out"
[transfer]
operators = ["sip:anna@192.0.2.7"]
trunk = "office"
hold = "hold.wav"
nobody = "nobody.wav"
whisper = "whisper.wav"
ring_s = 20
max_talk_s = 600
[limits]
max_duration_s = 20
"""
SECONDS = {"message": 3.0, "hold": 30.0, "nobody": 4.0, "whisper": 1.0}


def write_sound(path: Path, seconds: float) -> None:
    """A ramp: no two lengths give the same sound."""
    samples = [(index * 37) % 9000 - 4500 for index in range(int(seconds * 8000))]
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def load(folder: Path, text: str = CAMPAIGN) -> LoadedCampaign:
    (folder / "sip.conf").write_text(TRUNKS)
    (folder / "dialer.toml").write_text("")
    for name, seconds in SECONDS.items():
        write_sound(folder / f"{name}.wav", seconds)
    row = CampaignRow(id=1, name="Flu shots", state=CampaignState.CREATED, definition=text, base_dir=str(folder))
    return FileCampaignLoader(load_config(folder / "dialer.toml", {})).load_now(row)


def test_its_sounds_are_prepared_and_the_agent_is_told_how(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    transfer = loaded.script.transfer
    assert isinstance(transfer, TransferScript)
    assert (transfer.trunk, transfer.ring_s, transfer.max_talk_s) == ("office", 20, 600)
    sounds = {transfer.hold, transfer.nobody, transfer.whisper, loaded.script.message}
    assert len(sounds) == 4
    assert sounds <= loaded.sounds.keys()
    assert all(Path(path).exists() for path in loaded.sounds.values())
    assert loaded.script.keys["5"].action is KeyAction.TRANSFER
    assert loaded.script.keys["5"].prompt == ""
    assert loaded.trunks == ("carrier",), "operators' trunks are not for the called"


def test_the_trunk_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no trunk is called 'attic'"):
        load(tmp_path, CAMPAIGN.replace('trunk = "office"', 'trunk = "attic"'))


def test_so_must_the_sounds(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav"):
        load(tmp_path, CAMPAIGN.replace("nobody.wav", "gone.wav"))
