"""The other side: incoming calls as plain objects, for the simulated callees. On the owner thread alone, as ``leg``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import pjsua2 as pj

from dialer.log import Log
from dialer.sip.callbacks import guarded
from dialer.sip.endpoint import SipEndpoint
from dialer.sip.messages import branch


class CalleeNews(StrEnum):
    """What happened to an incoming call."""

    MEDIA = "media"  # audio flows, or flows anew
    KEY = "key"  # a key was pressed at the far end
    FAILED = "failed"  # one of our own callbacks raised; the detail says what
    OVER = "over"  # nothing more will come: drop the call, outside the callback


_log = Log("dialer.sip")

Tell = Callable[["CalleeCall", CalleeNews, str], None]


class Sound:
    """Audio held once for all calls that play it: 16-bit mono at 8 kHz."""

    def __init__(self, pcm: bytes) -> None:
        self.buffer = pj.PcmBuffer(pcm)
        self.seconds = len(pcm) / 16000


class CalleeCall(pj.Call):
    """One incoming call. ``tell`` is called inside ``SipEndpoint.poll``."""

    def __init__(self, account: pj.Account, call_id: int, invite: str, tell: Tell) -> None:
        super().__init__(account, call_id)
        self._tell = tell
        self._audio: pj.CallAudio | None = None
        info = self.getInfo()
        self.number = _user(info.localUri)
        self.caller = _user(info.remoteUri)
        self.sip_call_id = str(info.callIdString)
        self.branch = branch(invite)

    @property
    def has_audio(self) -> bool:
        """Whether audio flows."""
        return self._audio is not None

    def ring(self, *, early_media: bool = False) -> None:
        """180, or 183 with audio."""
        self._answer(183 if early_media else 180)

    def pick_up(self) -> None:
        """200."""
        self._answer(200)

    def refuse(self, code: int, phrase: str = "", headers: Mapping[str, str] | None = None) -> None:
        """A final response of 300 or more."""
        self._answer(code, phrase, headers or {})

    def say(self, sound: Sound) -> None:
        """Play into the call, instead of what plays now."""
        if self._audio is not None:
            self._audio.play(sound.buffer)

    def be_silent(self) -> None:
        """Stop playing."""
        if self._audio is not None:
            self._audio.stop()

    def press(self, key: str, *, via_info: bool) -> None:
        """Send a key, as RFC 4733 events or as SIP INFO."""
        param = pj.CallSendDtmfParam()
        param.digits = key
        param.duration = 160
        param.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if via_info else pj.PJSUA_DTMF_METHOD_RFC2833
        with self._as_far_as_it_goes():
            self.sendDtmf(param)

    def renegotiate(self) -> None:
        """Send a re-INVITE."""
        param = pj.CallOpParam(True)
        param.opt.audioCount, param.opt.videoCount, param.opt.textCount = 1, 0, 0
        with self._as_far_as_it_goes():
            self.reinvite(param)

    def hang_up(self) -> None:
        """BYE."""
        with self._as_far_as_it_goes():
            self.hangup(pj.CallOpParam())

    def heard(self) -> bytes:
        """What was said to us since the last time, at most two seconds."""
        return bytes(self._audio.read(16000)) if self._audio is not None else b""

    def _answer(self, code: int, phrase: str = "", headers: Mapping[str, str] | None = None) -> None:
        param = pj.CallOpParam(True)
        param.opt.audioCount, param.opt.videoCount, param.opt.textCount = 1, 0, 0
        param.statusCode, param.reason = code, phrase
        for name, value in (headers or {}).items():
            field = pj.SipHeader()
            field.hName, field.hValue = name, value
            param.txOption.headers.append(field)
        with self._as_far_as_it_goes():
            self.answer(param)

    @contextmanager
    def _as_far_as_it_goes(self) -> Iterator[None]:
        """A caller that died in the middle leaves a call in which not everything can be done; others must go on."""
        try:
            yield
        except pj.Error as error:
            _log.info("a callee could not do as it meant to", call_id=self.sip_call_id, error=error.reason)

    def callback_failed(self, detail: str) -> None:
        """See ``callbacks``."""
        self._tell(self, CalleeNews.FAILED, detail)

    @guarded
    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802  pjsua2 names it
        if self.getInfo().state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self._audio = None
            self._tell(self, CalleeNews.OVER, str(self.getInfo().lastReason))

    @guarded
    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        info = self.getInfo()  # kept while its media are looked at: they are parts of it, and SWIG holds no reference
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                if self._audio is None:
                    self._audio = pj.CallAudio(2000)
                line = self.getAudioMedia(media.index)
                line.startTransmit(self._audio)
                self._audio.startTransmit(line)
                self._tell(self, CalleeNews.MEDIA, "")

    @guarded
    def onDtmfDigit(self, prm: pj.OnDtmfDigitParam) -> None:  # noqa: N802
        self._tell(self, CalleeNews.KEY, str(prm.digit))


class CalleeAccount(pj.Account):
    """Takes every call that reaches the endpoint, whatever the number."""

    def __init__(self, endpoint: SipEndpoint, ringing: Callable[[CalleeCall], None], tell: Tell) -> None:
        super().__init__()
        self._ringing = ringing
        self._tell = tell
        config = endpoint.account_config()
        config.idUri = f"sip:sim@{endpoint.settings.bind}:{endpoint.sip_port}"
        self.create(config, True)

    def callback_failed(self, detail: str) -> None:
        """See ``callbacks``; the caller is answered with a 500."""
        _log.error("an incoming call was lost", detail=detail)

    @guarded
    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        self._ringing(CalleeCall(self, prm.callId, prm.rdata.wholeMsg, self._tell))


def _user(uri: Any) -> str:
    """The user part of ``"name" <sip:user@host>``."""
    return str(uri).rpartition("sip:")[2].partition("@")[0]
