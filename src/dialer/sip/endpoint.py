"""A SIP endpoint for one process: transports, codecs, media clock, and the log, on one owner thread.

The thread that makes a SipEndpoint owns it: it alone calls any method here and makes, uses and deletes every pjsua2
object (pjproject issues 3856, 3125). Every callback runs inside :meth:`SipEndpoint.poll`. The dialer's agent and the
simulator's callees stand on it; there can be one in a process at a time.
"""

from __future__ import annotations

import errno
import resource
from time import monotonic

import pjsua2 as pj

from dialer.calls.frames import AgentSettings, CompiledLimits
from dialer.errors import AgentError, PortInUse
from dialer.log import Log

SAMPLE_RATE = 8000
PTIME_MS = 20
ANY_ADDRESS = "0.0.0.0"  # noqa: S104  compared with, not bound to
_PJ_OS_ERROR = 120_000  # PJ_ERRNO_START_SYS: pjlib's codes for errno values
_PORT_TRIES = 20
_SPARE_HANDLES = 64  # transports, epoll, log, the engine's socket
_STRANGERS = 4096  # TCP connections that anybody may open and say nothing on: they are not to take a call's place
_FEW_LINES_LEVEL = 3  # of pjsip's log levels, the last at which its lines are few
_LOG_LINES = 100
_LOG_WINDOW_S = 60.0
_LOG_LINE_CHARS = 500

_log = Log("dialer.sip")


def compiled_limits() -> CompiledLimits:
    """What pjsua2 was compiled with."""
    limits = pj.compiled_limits()
    return CompiledLimits(
        max_calls=limits.max_calls,
        max_players=limits.max_players,
        max_conf_ports=limits.max_conf_ports,
        ioqueue_max_handles=limits.ioqueue_max_handles,
        pjproject=limits.pjproject_version,
    )


class _Writer(pj.LogWriter):
    """pjsip's log lines as structured ones; numbers in them are masked like all others.

    pjsip logs each packet that it cannot read, whole. Lest strangers fill the disk, lines are short and few, unless
    the operator has asked for more.
    """

    def __init__(self, log_level: int) -> None:
        super().__init__()
        self._all = log_level > _FEW_LINES_LEVEL
        self._written = 0
        self._left_out = 0
        self._window_ends = 0.0

    def write(self, entry: pj.LogEntry) -> None:
        level = {1: "error", 2: "warning", 3: "info"}.get(entry.level, "debug")
        text = entry.msg.rstrip()
        if self._all:
            getattr(_log, level)("pjsip", text=text)
            return
        if (now := monotonic()) >= self._window_ends:
            if self._left_out:
                _log.warning("pjsip", text=f"{self._left_out} more lines were left out")
            self._written = self._left_out = 0
            self._window_ends = now + _LOG_WINDOW_S
        if self._written < _LOG_LINES:
            self._written += 1
            getattr(_log, level)("pjsip", text=text[:_LOG_LINE_CHARS])
        else:
            self._left_out += 1


class SipEndpoint:
    """pjsua2's Endpoint, set up for calls without a sound device.

    Raises PortInUse when another program has the SIP port, AgentError when ``settings`` ask for more than pjsua2 was
    compiled with or this process may open.
    """

    def __init__(self, settings: AgentSettings) -> None:
        _check(settings)
        self.settings = settings
        self.endpoint = pj.Endpoint()
        try:
            self.endpoint.libCreate()
            self.endpoint.libInit(_endpoint_config(settings))
            self.endpoint.audDevManager().setNullDev()
            self.sip_port = self._open_transports()
            self.endpoint.libStart()
            self._choose_codecs()
        except pj.Error as error:
            self.close()
            raise AgentError(f"the SIP endpoint cannot start: {error.reason}") from error
        except AgentError:
            self.close()
            raise

    def only_call(self) -> None:
        """Serve calls of our own and nothing else: see native/pjsua2.

        No call and no other request from outside is taken (pjsip goes on answering OPTIONS), and calls read their RTP.
        """
        pj.close_front_door()
        pj.end_media_threads()

    def poll(self, wait_ms: int) -> None:
        """Handle what the wire and pjsip's timers bring, waiting for it at most ``wait_ms`` milliseconds."""
        self.endpoint.libHandleEvents(wait_ms)

    def account_config(self) -> pj.AccountConfig:
        """A configuration for an account of this endpoint: its RTP ports, address and session timer (RFC 4028)."""
        config = pj.AccountConfig()
        media = config.mediaConfig.transportConfig
        media.port, media.portRange = self.settings.rtp_port, self.settings.rtp_ports - 1
        media.boundAddress = _bound(self.settings.bind)
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        config.callConfig.timerSessExpiresSec = self.settings.session_timer_s
        config.callConfig.timerMinSESec = min(90, self.settings.session_timer_s)
        config.natConfig.sipOutboundUse = 0  # RFC 5626 is for phones behind NAT, and puzzles some registrars
        return config

    def close(self) -> None:
        """Hang up what is left and give everything back, without waiting for answers: poll for them before.

        Accounts, calls and audio must be gone already.
        """
        if self.endpoint.libGetState() != pj.PJSUA_STATE_NULL:
            self.endpoint.libDestroy(pj.PJSUA_DESTROY_NO_RX_MSG)

    def _open_transports(self) -> int:
        """UDP and TCP on one port; returns it."""
        fixed = self.settings.sip_port
        for _ in range(1 if fixed else _PORT_TRIES):
            udp = self._open(pj.PJSIP_TRANSPORT_UDP, fixed)
            port = fixed or int(self.endpoint.transportGetInfo(udp).localAddress.rpartition(":")[2])
            try:
                self._open(pj.PJSIP_TRANSPORT_TCP, port)
            except PortInUse:
                if fixed:
                    raise
                self.endpoint.transportClose(udp)
            else:
                return port
        raise PortInUse("no port is free for SIP over both UDP and TCP")

    def _open(self, kind: int, port: int) -> int:
        config = pj.TransportConfig()
        config.port = port
        config.boundAddress = _bound(self.settings.bind)
        try:
            return int(self.endpoint.transportCreate(kind, config))
        except pj.Error as error:
            code = error.status - _PJ_OS_ERROR
            where = f"{self.settings.bind}:{port}"
            if code == errno.EADDRINUSE:
                raise PortInUse(
                    f"SIP port {where} is taken by another program",
                    hint="find it with `ss -lntup`, or choose another port in dialer.toml, [sip] port",
                ) from error
            if code == errno.EADDRNOTAVAIL:
                raise AgentError(
                    f"{where} is no address of this machine", hint="see dialer.toml, [sip] bind"
                ) from error
            raise

    def _choose_codecs(self) -> None:
        """G.711 and nothing else; a trunk's own preference is in its offers."""
        for codec in self.endpoint.codecEnum2():
            priority = {"PCMU": 255, "PCMA": 254}.get(codec.codecId.partition("/")[0], 0)
            self.endpoint.codecSetPriority(codec.codecId, priority)


def _bound(bind: str) -> str:
    return "" if bind == ANY_ADDRESS else bind


def _call_slots(settings: AgentSettings, limits: CompiledLimits) -> int:
    """Room in pjsua for as many calls again: a call that is over for us lives on there until its BYE is answered."""
    return min(limits.max_calls, 2 * settings.max_calls + 16)


def _check(settings: AgentSettings) -> None:
    limits = compiled_limits()
    most = min(limits.max_calls, limits.ioqueue_max_handles // 2 - _SPARE_HANDLES, settings.rtp_ports // 2)
    if settings.max_calls > most:
        raise AgentError(
            f"{settings.max_calls} calls are too many for one agent: {most} is the most",
            hint="the least of what pjsua2 was compiled for and half of [sip] rtp_ports; use more agents",
        )
    wanted = 2 * _call_slots(settings, limits) + _SPARE_HANDLES
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise AgentError(
            f"{settings.max_calls} calls need {wanted} open files, this process may have {hard}",
            hint="raise `ulimit -n`, or lower [sip] max_calls",
        )
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    roomy = wanted + _STRANGERS if hard == resource.RLIM_INFINITY else min(hard, wanted + _STRANGERS)
    if soft != resource.RLIM_INFINITY and soft < roomy:
        resource.setrlimit(resource.RLIMIT_NOFILE, (roomy, hard))


def _endpoint_config(settings: AgentSettings) -> pj.EpConfig:
    slots = _call_slots(settings, compiled_limits())
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0  # the owner polls
    config.uaConfig.mainThreadOnly = True  # digits come from a media thread: no Python there
    config.uaConfig.maxCalls = slots
    config.uaConfig.natTypeInSdp = 0
    config.uaConfig.userAgent = settings.user_agent
    media = config.medConfig
    media.clockRate = media.sndClockRate = SAMPLE_RATE
    media.audioFramePtime = media.ptime = PTIME_MS
    media.channelCount = 1
    media.maxMediaPorts = min(compiled_limits().max_conf_ports, 2 * slots + 8)  # a callee: a stream and a CallAudio
    media.noVad = True  # silence is sent as packets: gateways take a silent line for a dead one
    media.ecTailLen = 0
    media.sndAutoCloseTime = -1
    config.logConfig.level = config.logConfig.consoleLevel = settings.log_level  # the lesser one rules the writer
    config.logConfig.decor = 0
    config.logConfig.msgLogging = 1 if settings.log_level >= 5 else 0
    writer = _Writer(settings.log_level)
    config.logConfig.writer = writer.__disown__()  # libDestroy() deletes it
    return config
