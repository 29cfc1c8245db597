"""The trunks of one agent: an account each, what is known of its state, its free channels, and its INVITEs.

A trunk is *up* when it answers OPTIONS, or has taken our REGISTER; *down* when it does neither; *refused* when it does
not accept our name and secret. Whatever answers OPTIONS is up, even with a 404 or 401: the code says so in the status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import pjsua2 as pj

from dialer.calls.plan import CallPlan
from dialer.calls.trunk import Transport, Trunk, TrunkState, TrunkStatus
from dialer.log import Log
from dialer.sip.callbacks import guarded
from dialer.sip.endpoint import SipEndpoint
from dialer.sip.leg import Invitation
from dialer.sip.messages import quoted, status_phrase
from dialer.sip.names import Names
from dialer.sip.schedule import Due, Schedule

PROBE_TIMEOUT_S = 4.0  # three retransmissions of an OPTIONS over UDP (RFC 3261 section 17.1.2.2)
REGISTER_AGAIN_S = 30
FOLLOW_EVERY_S = 0.5
SILENT = "no answer to OPTIONS"

_log = Log("dialer.sip")


class TrunkAccount(pj.Account):
    """The pjsua2 account of a trunk. Callbacks run inside ``SipEndpoint.poll`` and only copy values."""

    def __init__(self, answered: Callable[[int, str], None], registered: Callable[[int, str, bool], None]) -> None:
        super().__init__()
        self._answered = answered
        self._registered = registered

    def callback_failed(self, detail: str) -> None:
        """Nothing depends on one answer: the next probe tells anew."""
        _log.error("a callback failed", detail=detail)

    @guarded
    def onSendRequest(self, prm: pj.OnSendRequestParam) -> None:  # noqa: N802  pjsua2 names it
        change = prm.e.body.tsxState
        if change.type == pj.PJSIP_EVENT_RX_MSG:
            self._answered(change.tsx.statusCode, status_phrase(change.src.rdata.wholeMsg))
        elif change.type == pj.PJSIP_EVENT_TRANSPORT_ERROR:
            self._answered(0, "the trunk cannot be reached")

    @guarded
    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        local = not prm.rdata.wholeMsg
        self._registered(0 if local else prm.code, prm.reason, prm.expiration > 0)


class TrunkLine:
    """One trunk: its account, state and channels."""

    def __init__(
        self, endpoint: SipEndpoint, trunk: Trunk, names: Names, schedule: Schedule, clock: Callable[[], float],
        tell: Callable[[TrunkStatus], None],
    ) -> None:  # fmt: skip
        self.trunk = trunk
        self._endpoint = endpoint
        self._names = names
        self._address = names.address(trunk.host)
        self.busy = 0  # channels
        self.status = TrunkStatus(trunk=trunk.name, state=TrunkState.UNKNOWN)
        self._schedule = schedule
        self._clock = clock
        self._tell = tell
        self._asked = False  # a probe whose result is to be told even if nothing changed
        self._deadline: Due | None = None
        self._alive: TrunkStatus | None = None
        self._registration: TrunkStatus | None = None
        self._refused: TrunkStatus | None = None
        self.account = TrunkAccount(self._options_answered, self._registered)
        self.account.create(_account_config(endpoint, trunk, self._address))
        self._follow_name()
        if trunk.options_seconds:
            self._keep_alive()

    @property
    def usable(self) -> bool:
        """Calls may be tried: not known to be down, nor to refuse us."""
        return self.status.state in (TrunkState.UP, TrunkState.UNKNOWN)

    @property
    def free(self) -> bool:
        """A channel is free."""
        return self.busy < self.trunk.channels

    def probe(self) -> None:
        """Send OPTIONS now; the answer, or its absence, is told. An earlier refusal is forgotten."""
        self._asked = True
        self._refused = None
        self._names.look_again()
        self._send_options()

    def secret_refused(self, code: int, phrase: str) -> None:
        """An INVITE ended with 401 or 407: no call gets through until the operator mends our name and secret."""
        self._refused = self._made(TrunkState.REFUSED, code, f"the trunk refused our name or secret: {phrase}")
        self._settle()

    def unregister(self) -> bool:
        """Take our registration back; whether an answer is to be awaited."""
        if self._registration is None or self._registration.state is not TrunkState.UP:
            return False
        try:
            self.account.setRegistration(False)
        except pj.Error as error:  # a refresh is under way: the registration runs out by itself
            _log.info("the registration could not be taken back", trunk=self.trunk.name, error=error.reason)
            return False
        return True

    def close(self) -> None:
        """Give the account back."""
        if self._deadline is not None:
            self._deadline.cancel()
        self.account.shutdown()

    def invitation(self, plan: CallPlan, call_id: str) -> Invitation:
        """The INVITE for a plan: who calls and who is called come from its permit alone."""
        trunk, permit = self.trunk, plan.permit
        domain = trunk.domain or trunk.host
        identity = f"<sip:{permit.caller_id}@{domain}>"
        headers = [("P-Asserted-Identity", identity)]
        if trunk.private:
            headers.append(("Privacy", "id"))  # RFC 3323, RFC 3325 section 9.3: for the trunk's eyes
        return Invitation(
            target=f"sip:{permit.number}@{_where(trunk)}",
            to=f"sip:{permit.number}@{domain}",
            sender=f"{quoted(plan.display_name)}{identity}",
            call_id=call_id,
            headers=tuple(headers),
            codecs=trunk.codecs,
        )

    def operator_invitation(self, address: str, attempt_id: str, call_id: str) -> Invitation:
        """The INVITE for an operator, from the trunk's own identity: neither the person's number nor a caller ID."""
        user = address.removeprefix("sip:").partition("@")[0]
        return Invitation(
            target=f"sip:{user}@{_where(self.trunk)}",
            to=address,
            sender=f"<{_identity(self.trunk)}>",
            call_id=call_id,
            headers=(("X-Dialer-Attempt", attempt_id),),
            codecs=self.trunk.codecs,
        )

    def _follow_name(self) -> None:
        """Send to where the trunk's name leads now."""
        if self._names.address(self.trunk.host) != self._address:
            self._address = self._names.address(self.trunk.host)
            _log.warning("a trunk has another address", trunk=self.trunk.name, address=self._address)
            self.account.modify(_account_config(self._endpoint, self.trunk, self._address))
            self._send_options()
        if self._address is not None:
            self._schedule.at(self._clock() + FOLLOW_EVERY_S, self._follow_name)

    def _keep_alive(self) -> None:
        self._send_options()
        self._schedule.at(self._clock() + self.trunk.options_seconds, self._keep_alive)

    def _send_options(self) -> None:
        if self._deadline is None:  # a keep-alive may be sent before the last one is given up
            self._deadline = self._schedule.at(self._clock() + PROBE_TIMEOUT_S, self._options_silent)
        request = pj.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = f"sip:{_where(self.trunk)}"
        try:
            self.account.sendRequest(request)
        except pj.Error as error:
            self._options_answered(0, error.reason)

    def _options_answered(self, code: int, phrase: str) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        state = TrunkState.UP if code and code != 503 else TrunkState.DOWN
        self._alive = self._made(state, code, phrase)
        self._settle()

    def _options_silent(self) -> None:
        """Silence is a dead trunk, but where ``options_seconds`` 0 says that it answers no OPTIONS calls will tell."""
        self._deadline = None
        self._names.look_again()
        state = TrunkState.DOWN if self.trunk.options_seconds else TrunkState.UNKNOWN
        self._alive = self._made(state, 0, f"{SILENT} within {PROBE_TIMEOUT_S:g} s")
        self._settle()

    def _registered(self, code: int, reason: str, active: bool) -> None:
        if 200 <= code < 300:
            state = TrunkState.UP if active else TrunkState.DOWN
            self._refused = None
        else:
            state = TrunkState.REFUSED if code in (401, 403, 407) else TrunkState.DOWN
        self._registration = self._made(state, code, f"REGISTER: {reason or 'no answer'}")
        self._settle()

    def _settle(self) -> None:
        """The state that counts: a refusal, else a missing registration, else what OPTIONS said."""
        found = self._refused
        if found is None and self.trunk.register:
            found = self._registration or self.status
            if found.state is TrunkState.UP and self._alive and self._alive.state is TrunkState.DOWN:
                found = self._alive
        if found is None:
            found = self._alive or self.status
        changed, self.status = found.state is not self.status.state, found
        if changed or self._asked:
            self._asked = False
            level = "info" if found.state is TrunkState.UP else "warning"
            getattr(_log, level)(
                "trunk", trunk=found.trunk, state=found.state, sip_code=found.sip_code, detail=found.detail
            )
            self._tell(found)

    def _made(self, state: TrunkState, code: int, detail: str) -> TrunkStatus:
        return TrunkStatus(trunk=self.trunk.name, state=state, sip_code=code, detail=detail)


class Trunks:
    """All trunks of the agent, by name."""

    def __init__(
        self, endpoint: SipEndpoint, trunks: Iterable[Trunk], schedule: Schedule, clock: Callable[[], float],
        tell: Callable[[TrunkStatus], None],
    ) -> None:  # fmt: skip
        trunks = tuple(trunks)
        self._names = Names(each.host for each in trunks)
        self._lines = {each.name: TrunkLine(endpoint, each, self._names, schedule, clock, tell) for each in trunks}

    def __getitem__(self, name: str) -> TrunkLine:
        return self._lines[name]

    def __contains__(self, name: str) -> bool:
        return name in self._lines

    @property
    def busy(self) -> int:
        """Channels in use over all trunks: the calls of this agent, those to operators too."""
        return sum(line.busy for line in self._lines.values())

    def allowed(self, plan: CallPlan) -> list[TrunkLine]:
        """The plan's trunks that may present its caller ID, in its order."""
        caller_id = plan.permit.caller_id
        lines = [self._lines[name] for name in plan.trunks if name in self._lines]
        return [line for line in lines if not line.trunk.caller_ids or caller_id in line.trunk.caller_ids]

    def unregister(self) -> bool:
        """Take every registration back; whether answers are to be awaited."""
        active = [line.unregister() for line in self._lines.values()]
        return any(active)

    def close(self) -> None:
        """Give all accounts back."""
        self._names.close()
        for line in self._lines.values():
            line.close()
        self._lines.clear()


def _where(trunk: Trunk) -> str:
    return f"{trunk.host}:{trunk.port};transport={trunk.transport}"


def _identity(trunk: Trunk) -> str:
    return f"sip:{trunk.user or 'dialer'}@{trunk.domain or trunk.host}"


def _account_config(endpoint: SipEndpoint, trunk: Trunk, address: str | None) -> pj.AccountConfig:
    """``address`` is where the trunk's name leads; None: it has none, or pjsip has to find out."""
    config = endpoint.account_config()
    config.idUri = _identity(trunk)
    where = _where(trunk)
    if trunk.user:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", trunk.realm, trunk.user, 0, trunk.secret))
    if trunk.register:
        config.regConfig.registrarUri = f"sip:{trunk.domain}" if trunk.domain else f"sip:{where}"
        config.regConfig.timeoutSec = trunk.register_seconds
        config.regConfig.retryIntervalSec = REGISTER_AGAIN_S
        config.regConfig.randomRetryIntervalSec = 5
    if trunk.domain or address is not None:
        there = f"{address or trunk.host}:{trunk.port};transport={trunk.transport}"
        config.sipConfig.proxies.append(f"<sip:{there};lr;hide>")  # sent there, without a Route header
    if trunk.transport is Transport.TCP:
        config.natConfig.contactRewriteUse = 0  # the connection's own port is no address to call
    return config


def with_trunks(plan: CallPlan, lines: Iterable[TrunkLine]) -> CallPlan:
    """``plan`` over these trunks only."""
    return msgspec.structs.replace(plan, trunks=tuple(line.trunk.name for line in lines))
