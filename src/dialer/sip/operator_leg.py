"""The call to one operator: rung, whispered to, and joined with the person's call. On the owner thread.

It needs no permit, for nobody is called who has not been named beforehand: see ``Caller``, which checks that.
"""

from __future__ import annotations

from collections.abc import Callable

import pjsua2 as pj

from dialer.calls.events import (
    Answered,
    CallEvent,
    CallGone,
    FinalResponse,
    OperatorAnswered,
    OperatorGone,
    PeerHungUp,
    WhisperOver,
)
from dialer.log import Log
from dialer.sip.leg import CallbackFailed, Leg, LegEvent, MediaChanged
from dialer.sip.schedule import Schedule
from dialer.sip.trunks import TrunkLine
from dialer.sip.voice import Sound, Voice

_log = Log("dialer.sip")


class OperatorLeg:
    """One operator's call. ``happened`` is told what befalls the leg, which comes back through ``take``."""

    def __init__(
        self,
        number: int,
        line: TrunkLine,
        schedule: Schedule,
        happened: Callable[[LegEvent], None],
        tell: Callable[[CallEvent], None],
    ) -> None:
        """``number`` tells it from the other legs of the attempt."""
        self.number = number
        self._line = line
        self._leg: Leg | None = Leg(line.account, line.trunk, happened)
        self._voice = Voice(schedule, lambda _finished: tell(WhisperOver()))
        self._talks_to: pj.AudioMedia | None = None  # the person's end of the bridge
        self._bridged = False
        self._answered = False
        self._told = False
        line.busy += 1

    @property
    def bridged(self) -> bool:
        """Whether the operator's audio is the person's."""
        return self._bridged

    def ring(self, address: str, attempt_id: str) -> None:
        """Send the INVITE. Raises pj.Error when it cannot even be made."""
        if self._leg is not None:
            call_id = f"{attempt_id}-{self.number}"
            self._leg.invite(self._line.operator_invitation(address, attempt_id, call_id))

    def take(self, event: LegEvent) -> CallEvent | None:
        """What an event of the leg means to the person's call."""
        match event:
            case Answered():
                self._answered = True
                return self._audio_changed()
            case MediaChanged():
                return self._audio_changed()
            case FinalResponse(code=code, phrase=phrase, local=local):
                if code in (401, 407) and not local:
                    self._line.secret_refused(code, phrase)
                return OperatorGone(sip_code=0 if local else code, detail=phrase)
            case PeerHungUp():
                return OperatorGone(detail="hung up")
            case CallGone(detail=detail):
                return OperatorGone(detail=detail or "lost")
            case CallbackFailed(detail=detail):
                _log.error("a callback failed", detail=detail)
                return OperatorGone(detail=detail)
            case _:
                return None

    def _audio_changed(self) -> OperatorAnswered | None:
        if self._bridged:
            self.join(self._talks_to)
            return None
        audio = self._leg.audio() if self._leg is not None and self._answered else None
        self._voice.join(audio)
        if audio is None or self._told:
            return None
        self._told = True
        return OperatorAnswered()

    def whisper(self, sound: Sound) -> None:
        """Play this to the operator alone."""
        self._voice.play(sound)

    def join(self, person: pj.AudioMedia | None) -> None:
        """Join the two calls, both ways; again whenever a re-INVITE may have replaced an end of the bridge."""
        if not self._bridged:
            self._voice.close()
        self._bridged = True
        self._talks_to = person
        wire = self._leg.bridged() if self._leg is not None else None
        if wire is not None and person is not None:
            wire.startTransmit(person)
            person.startTransmit(wire)

    def let_go(self) -> None:
        """Give back a leg that is over (see Leg)."""
        if self._leg is not None and self._leg.over:
            self._drop()

    def close(self) -> None:
        """CANCEL or BYE, whatever the state; nothing comes back."""
        if self._leg is None:
            return
        try:
            if self._leg.isActive():
                self._leg.hang_up()
        except pj.Error as error:
            _log.error("an operator's call could not be hung up", error=error.reason)
        self._drop()

    def _drop(self) -> None:
        self._voice.close()
        self._leg = self._talks_to = None
        self._line.busy -= 1
