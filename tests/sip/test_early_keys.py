"""A key that is pressed while the answer to its call was lost on the way, and is sent again."""

from __future__ import annotations

import pytest
from tests.chaos.hostile.peer import Call, Peer, media_address, sdp
from tests.chaos.hostile.sound import Ear, Mouth
from tests.sip.conftest import HOST, Wire

from dialer.calls.outcome import Outcome
from dialer.calls.trunk import Trunk

pytestmark = pytest.mark.sip

WAITED_PACKETS = 200  # four seconds of sound: an answer that was lost three times (RFC 3261 section 13.3.1.4)


async def test_an_opt_out_pressed_before_the_answer_arrives_binds(wire: Wire) -> None:
    ear, mouth = await Ear.open(), Mouth(ssrc=7)

    async def talks_before_the_answer(call: Call) -> None:
        call.ring()
        there = media_address(call.invite)
        for packet in [*(mouth.audio() for _ in range(WAITED_PACKETS)), *mouth.key("9")]:
            ear.say(packet, there)
        await call.answer(sdp(ear.port))
        await call.until("BYE")

    peer = Peer(talks_before_the_answer)
    await peer.listen()
    try:
        desk = await wire.desk(Trunk(name="peer", host=HOST, port=peer.port, options_seconds=0))
        record = (await desk.place("call", "peer")).record
        assert record is not None
        assert (record.outcome, [key.digit for key in record.keys]) == (Outcome.OPTED_OUT, ["9"])
    finally:
        await peer.stop()
        ear.close()
