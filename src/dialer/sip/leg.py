"""One INVITE and what becomes of it: a pjsua2 Call whose callbacks copy plain values into events and return.

The owner drops a leg that is ``over`` before it places another call, and not inside a callback: pjsua gives the number
of a finished call to a later one, and a Call object deleted late would take that one's callbacks away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pjsua2 as pj

from dialer.calls.events import (
    Answered,
    CallEvent,
    CallGone,
    FinalResponse,
    KeyHeard,
    MediaCounters,
    OperatorGone,
    OperatorTookOver,
    PeerHungUp,
    Provisional,
)
from dialer.calls.trunk import Codec, MediaFrom, Trunk
from dialer.sip.callbacks import guarded
from dialer.sip.messages import has_sdp, header, ordered_codecs, status_phrase

PAYLOAD_TYPE = {Codec.PCMU: 0, Codec.PCMA: 8}
ENDPOINT_ORDER = (0, 8)
TAP_MS = 2000
DIGITS = frozenset("0123456789*#ABCD")


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """The audio was set up, moved or taken away (a re-INVITE, a hold)."""


@dataclass(frozen=True, slots=True)
class CallbackFailed:
    """A callback raised: this call cannot be trusted any more."""

    detail: str


LegEvent = CallEvent | MediaChanged | CallbackFailed
OVER = (FinalResponse, PeerHungUp, CallGone)  # after one of these the leg is no more


@dataclass(frozen=True, slots=True)
class Invitation:
    """All that an INVITE is made of."""

    target: str  # where it goes: the request URI
    to: str
    sender: str  # From
    call_id: str
    headers: tuple[tuple[str, str], ...]
    codecs: tuple[Codec, ...]


class Leg(pj.Call):
    """One outgoing call to pjsua. ``tell`` is called with each event, inside ``SipEndpoint.poll`` or ``hang_up``."""

    def __init__(
        self, account: pj.Account, trunk: Trunk, tell: Callable[[LegEvent], None], *, hears: bool = False
    ) -> None:
        """``hears``: what the far end says is kept for the ear."""
        super().__init__(account)
        self.over = False
        self._tell = tell
        self.counters = MediaCounters()
        self._payload_types = tuple(PAYLOAD_TYPE[codec] for codec in trunk.codecs)
        self._rtp = pj.CallRtp(TAP_MS if hears else 0, trunk.media_from is MediaFrom.ANYWHERE)
        self._peer = ""
        self._answered = False
        self._ended_by_us = False

    # --- what the owner asks for -------------------------------------------------------------------------------

    def invite(self, invitation: Invitation) -> None:
        """Send the INVITE. Raises pj.Error when it cannot even be made."""
        param = pj.CallOpParam(True)
        param.opt.audioCount, param.opt.videoCount, param.opt.textCount = 1, 0, 0
        param.opt.customCallId = invitation.call_id
        param.txOption.localUri = invitation.sender
        param.txOption.targetUri = invitation.target
        for name, value in invitation.headers:
            field = pj.SipHeader()
            field.hName, field.hValue = name, value
            param.txOption.headers.append(field)
        self.makeCall(invitation.to, param)

    def cancel(self) -> None:
        """Take the INVITE back: a 487, or a 200 that crossed the CANCEL, is told as it comes.

        Where nothing has answered at all there is nobody to CANCEL (RFC 3261 section 9.1): CallGone is told at once;
        should a response come later still, pjsip ends that call by itself.
        """
        if not pj.cancel_call(self.getId()):
            self.hang_up()

    def hang_up(self) -> None:
        """End the call, whatever its state: BYE or CANCEL. CallGone is told before this returns."""
        self._ended_by_us = True
        self.hangup(pj.CallOpParam())

    def refer(self, address: str) -> None:
        """Ask the far end to call ``address`` itself (RFC 3515); OperatorTookOver or OperatorGone is told.

        Raises pj.Error when it cannot be asked.
        """
        self.xfer(f"<{address}>", pj.CallOpParam(True))

    def audio(self) -> pj.CallRtp | None:
        """The call's mouth and ear, while it has audio: its own, not the bridge's."""
        if pj.audio_index(self) < 0:
            return None
        self._rtp.off_bridge(self)
        return self._rtp

    def bridged(self) -> pj.AudioMedia | None:
        """The call's end of the bridge, which speaks and listens for it from now on; None while it has no audio."""
        index = pj.audio_index(self)
        if index < 0:
            return None
        self._rtp.to_bridge(self)
        return self.getAudioMedia(index)

    def codec(self) -> str:
        """The name of the codec agreed on; empty while there is no audio."""
        return str(pj.audio_codec(self))

    def callback_failed(self, detail: str) -> None:
        """This call cannot be trusted any more."""
        self._tell(CallbackFailed(detail))

    # --- callbacks: copy and return ----------------------------------------------------------------------------

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802  pjsua2 names it
        state = pj.call_state(self)
        if state == pj.PJSIP_INV_STATE_CONNECTING:  # the 200 is here
            self._peer = _sender(prm.e)
        elif state == pj.PJSIP_INV_STATE_CONFIRMED:  # and our ACK has left
            self._answered = True
            self._tell(Answered(peer=self._peer))
        elif state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.over = True
            if self._peer and not (self._answered or self._ended_by_us):
                self._tell(Answered(peer=self._peer))  # somebody did, though with SDP that pjsip could make nothing of
            self._tell(self._end(prm.e))

    @guarded
    def onCallTsxState(self, prm: pj.OnCallTsxStateParam) -> None:  # noqa: N802
        change = prm.e.body.tsxState
        if change.type != pj.PJSIP_EVENT_RX_MSG or self._answered:
            return
        transaction = change.tsx
        if transaction.method == "INVITE" and 100 <= transaction.statusCode < 200:
            early = transaction.statusCode == 183 or has_sdp(change.src.rdata.wholeMsg)
            self._tell(Provisional(code=transaction.statusCode, early_media=early))

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        self._tell(MediaChanged())

    @guarded
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        digit = prm.digit.upper()
        if digit in DIGITS:
            via = "info" if prm.method == pj.PJSUA_DTMF_METHOD_SIP_INFO else "rfc4733"
            self._tell(KeyHeard(digit=digit, via=via))

    @guarded
    def onCreateMediaTransport(self, prm: pj.OnCreateMediaTransportParam) -> None:  # noqa: N802
        """Sound and keys are the callee's only when they come from where the answer said they would (see CallRtp)."""
        self._rtp.stand_before(prm)

    @guarded
    def onStreamDestroyed(self, prm: pj.OnStreamDestroyedParam) -> None:  # noqa: N802
        """Each re-INVITE begins a stream anew: the counts add up."""
        stat = self.getStreamStat(prm.streamIdx)
        rtcp = stat.rtcp
        self.counters = MediaCounters(
            rtp_sent=self.counters.rtp_sent + rtcp.txStat.pkt,
            rtp_received=self.counters.rtp_received + rtcp.rxStat.pkt,
            rtp_lost=self.counters.rtp_lost + rtcp.rxStat.loss,
            rtp_strangers=self._rtp.strangers(),
        )

    @guarded
    def onCallSdpCreated(self, prm: pj.OnCallSdpCreatedParam) -> None:  # noqa: N802
        if self._payload_types != ENDPOINT_ORDER and not prm.remSdp.wholeSdp:
            prm.sdp.wholeSdp = ordered_codecs(prm.sdp.wholeSdp, self._payload_types)

    @guarded
    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:  # noqa: N802
        """What became of our REFER: its refusal, or a NOTIFY. The first final word is the last that we hear."""
        if prm.statusCode >= 300:
            self._tell(OperatorGone(sip_code=prm.statusCode, detail=prm.reason))
        elif prm.statusCode >= 200:
            self._tell(OperatorTookOver())
        elif prm.finalNotify:
            self._tell(OperatorGone(detail="the trunk does not say what became of the REFER"))
        prm.cont = prm.statusCode < 200

    # Whom a call reaches is what the gate has decided. Nothing that the far end says sends it, or another, elsewhere.

    def onCallRedirected(self, prm: pj.OnCallRedirectedParam) -> int:  # noqa: N802
        """3xx: not followed."""
        return int(pj.PJSIP_REDIRECT_STOP)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        """REFER: declined; pjsua would place the call by itself."""
        prm.statusCode = 603

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        """An INVITE with Replaces: declined."""
        prm.statusCode = 603

    def _end(self, event: pj.SipEvent) -> FinalResponse | PeerHungUp | CallGone:
        """How the dialog ended, from the transaction that ended it."""
        if self._ended_by_us:
            return CallGone()
        if event.type != pj.PJSIP_EVENT_TSX_STATE:
            return CallGone(detail="the dialog ended without a message")
        change = event.body.tsxState
        transaction = change.tsx
        received = change.src.rdata.wholeMsg if change.type == pj.PJSIP_EVENT_RX_MSG else ""
        if transaction.method == "BYE" and transaction.role == pj.PJSIP_ROLE_UAS:
            return PeerHungUp(reason_header=header(received, "Reason"))
        if transaction.method == "BYE":
            return CallGone(detail="pjsip hung up: SDP that cannot be used, or a session that was not kept alive")
        if self._answered or transaction.method != "INVITE":
            return CallGone(detail=f"{transaction.method} {transaction.statusCode} {transaction.statusText}".strip())
        return FinalResponse(
            code=transaction.statusCode,
            phrase=status_phrase(received) if received else transaction.statusText,
            reason_header=header(received, "Reason"),
            call_info=header(received, "Call-Info"),
            local=not received,
        )


def _sender(event: pj.SipEvent) -> str:
    """Where the message of this event came from, ``address:port``."""
    change = event.body.tsxState
    if event.type == pj.PJSIP_EVENT_TSX_STATE and change.type == pj.PJSIP_EVENT_RX_MSG:
        return str(change.src.rdata.srcAddress)
    return ""
