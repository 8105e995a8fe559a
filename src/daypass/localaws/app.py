"""The front: one ASGI application, and the order in which a request is looked at.

Door, size, service, signature, permission, operation. Nothing but AssumeRoleWithWebIdentity, and the explanation of a
refusal under its unguessable id, is answered without a signature.
"""

from __future__ import annotations

import inspect
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import PartMissing
from daypass.fetching import Fetcher, KeySetCache
from daypass.localaws import cloudformation, iam, model, query, signature, sts, why
from daypass.localaws.authorize import Authorizer, Facts, request_keys
from daypass.localaws.cloudformation.acting import ActingOnIam
from daypass.localaws.cloudformation.state import CloudFormationState
from daypass.localaws.door import why_shut
from daypass.localaws.faults import AwsError, Fault, Protocol, reply
from daypass.localaws.iam.state import Call, IamState
from daypass.localaws.recognise import DECIDED, Asked, recognise
from daypass.localaws.services import BEHIND, Services
from daypass.localaws.sessions import Session, Sessions
from daypass.localaws.sts.call import Call as StsCall
from daypass.localaws.sts.call import Sts, wire_error
from daypass.localaws.sts.issuer import OutboundIssuers
from daypass.localaws.sts.web_identity import WebIdentity
from daypass.localaws.wire import Reply, WireRequest
from daypass.sts.observed import AS_OBSERVED, Observed, Star
from daypass.sts.refusal import Refusal
from daypass.trust.shared_issuers import Control

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Mapping, MutableMapping
    from datetime import datetime
    from pathlib import Path

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

WEB_IDENTITY: Final = "AssumeRoleWithWebIdentity"
_OPERATIONS: Final[Mapping[str, Container[str]]] = {
    "sts": sts.OPERATIONS,
    "iam": iam.OPERATIONS,
    "cloudformation": cloudformation.OPERATIONS,
}


@dataclass(frozen=True, slots=True)
class LocalAwsConfig:
    """What may be chosen. There is no switch that turns a check off.

    Attributes:
        trust: PEM files of certificate authorities that issuers may use, besides the public ones.
        allow_private: hosts of issuers that may have a private or loopback address, by name.
        connect_to: (host, port) of an issuer's URL to the (host, port) where it is really served.
        hosts: names besides loopback ones by which this local AWS may be called.
        observed: the choices where what is known of AWS differs or ends; none of them turns a check off.
        max_body_bytes: longest body that is taken; kept in memory while it is looked at.
        log: is told what is behind each refusal.
    """

    trust: tuple[Path | str, ...] = ()
    allow_private: frozenset[str] = frozenset({"localhost", "127.0.0.1", "[::1]"})
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    observed: Observed = AS_OBSERVED
    max_body_bytes: int = 64 * 1024 * 1024
    log: Callable[[str], object] | None = None


def build(config: LocalAwsConfig, clock: Callable[[], datetime]) -> Application:
    """The local AWS, empty, with keys of its own: what another instance gave out is unknown to it."""
    return _Front(config, clock)


class _Front:
    def __init__(self, config: LocalAwsConfig, clock: Callable[[], datetime]) -> None:
        self._config = config
        self._clock = clock
        self._iam = IamState()
        self._stacks = CloudFormationState()
        self._sessions = Sessions()
        self._fetcher = Fetcher(
            allow_private=config.allow_private,
            connect_to=config.connect_to,
            trust=config.trust,
            duplicates="last",
            keys_elsewhere=True,
        )
        self._web_identity = WebIdentity(
            self._iam, KeySetCache(self._fetcher, clock), self._sessions, clock, observed=config.observed
        )
        self._services = Services()
        self._authorizer = Authorizer(self._iam, self._services, self._stacks)
        self._issuers = OutboundIssuers(self._iam)
        self._sts = Sts(self._iam, self._sessions, self._authorizer, self._issuers, config.observed)
        self._control = Control(star_spoils_anywhere=config.observed.shared_issuer_star is Star.ANYWHERE)
        self._whys = why.Whys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            raise NotImplementedError(scope["type"])

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self._services.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive, self._config.max_body_bytes)
        request = WireRequest.of(scope, body or b"")
        asked = recognise(request)
        request_id = str(uuid.uuid4())
        outcome: Reply | AwsError | None
        issuer = self._issuers.host(request)
        if shut := why_shut(scope, request, self._config.hosts | ({issuer} if issuer else set())):
            outcome = Fault.FORBIDDEN_CALLER.error(asked.protocol, shut)
        elif published := self._issuers.published(request):
            outcome = published
        elif body is None:
            outcome = Fault.TOO_LARGE.error(asked.protocol, "The request is too large.")
        elif request.path.startswith(why.PATH):
            outcome = self._why(request)
        else:
            outcome = await self._serve(scope, request, asked, request_id, send)
        if isinstance(outcome, AwsError):
            outcome = self._refuse(asked, outcome, request_id)
        if outcome is not None:
            await _send(outcome, request, send)

    async def _serve(
        self, scope: Scope, request: WireRequest, asked: Asked, request_id: str, send: Send
    ) -> Reply | AwsError | None:
        """The answer, or None when a service behind has sent it."""
        given = query.parameters(request) if asked.service in DECIDED else {}
        if isinstance(given, AwsError):
            return given
        if asked.service == "sts" and given.get("Action") == WEB_IDENTITY:
            return await self._assume(scope, request, given, request_id)
        caller = self._caller(request, asked)
        if isinstance(caller, signature.Refused):
            return caller.fault.error(asked.protocol, caller.detail)
        if isinstance(caller.who, Session):
            self._iam.note_use(caller.who, self._clock(), caller.scope.region)
        if asked.service in DECIDED:
            return await self._operate(scope, request, given, caller, request_id)
        if asked.service not in BEHIND:
            detail = f"The local AWS has no service '{caller.scope.service}'."
            return Fault.NOT_IMPLEMENTED.error(asked.protocol, detail)
        try:
            await self._services.ready(caller.scope.service)
            if denied := self._authorizer.behind(caller, request, asked.protocol, self._facts(scope)):
                return denied
            await self._services.serve(scope, request, caller, send)
        except PartMissing as missing:
            return Fault.NOT_IMPLEMENTED.error(asked.protocol, f"{missing.message}. {missing.advice}")
        return None

    def _caller(self, request: WireRequest, asked: Asked) -> signature.Caller | signature.Refused:
        """Who signed the request: the one place where that is found out."""
        claimed = signature.read(request)
        if isinstance(claimed, signature.Refused):
            return claimed
        service = asked.service or claimed.scope.service
        return signature.verify(request, claimed, service=service, sessions=self._sessions, now=self._clock())

    def _facts(self, scope: Scope) -> Facts:
        return Facts(now=self._clock(), source_ip=_peer(scope), secure_transport=scope.get("scheme") == "https")

    async def _operate(
        self,
        scope: Scope,
        request: WireRequest,
        given: Mapping[str, str],
        caller: signature.Caller,
        request_id: str,
    ) -> Reply | AwsError:
        """Carry out a signed operation of IAM, STS or CloudFormation, when the caller may."""
        service, action = caller.scope.service, given.get("Action", "")
        operation = model.operation(service, action)
        if operation is None or given.get("Version") != model.version(service):
            return _no_operation(given)
        if denied := self._authorizer.operation(caller, request, action, given, self._facts(scope)):
            return denied
        if action not in _OPERATIONS[service]:
            detail = f"The local AWS does not implement {service}:{action} yet."
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, detail)
        outcome: Mapping[str, Any] | AwsError
        if service == "iam":
            outcome = await self._of_iam(caller, action, given)
        elif service == "cloudformation":
            outcome = await self._of_cloudformation(scope, request, caller, action, given)
        else:
            read = query.read_input(operation, given)
            if isinstance(read, AwsError):
                return read
            keys = request_keys(caller, request, self._facts(scope))
            outcome = sts.OPERATIONS[action](
                StsCall(caller.who, read, self._clock(), caller.scope.region, keys, self._sts)
            )
        if isinstance(outcome, AwsError):
            return outcome
        return query.answer(operation, outcome, request_id, namespace=model.namespace(service))

    async def _of_iam(
        self, caller: signature.Caller, action: str, given: Mapping[str, str]
    ) -> Mapping[str, Any] | AwsError:
        """An operation of IAM, of which it is known that the caller may."""
        operation = model.operation("iam", action)
        if operation is None or action not in iam.OPERATIONS:
            detail = f"The local AWS does not implement iam:{action} yet."
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, detail)
        read = query.read_input(operation, given)
        if isinstance(read, AwsError):
            return read
        account = self._iam.to_write(caller.who.account)
        answered = iam.carry_out(
            Call(action, account, read, self._clock(), caller.who.arn, self._fetcher, self._control)
        )
        return await answered if inspect.isawaitable(answered) else answered

    async def _of_cloudformation(
        self, scope: Scope, request: WireRequest, caller: signature.Caller, action: str, given: Mapping[str, str]
    ) -> Mapping[str, Any] | AwsError:
        """An operation of CloudFormation, which asks IAM with the caller's rights."""
        facts = replace(self._facts(scope), called_via="cloudformation.amazonaws.com")
        to_iam = replace(caller, scope=replace(caller.scope, service="iam", region="us-east-1"))

        async def perform(asked: str, wire: Mapping[str, str]) -> Mapping[str, Any] | AwsError:
            denied = self._authorizer.operation(to_iam, request, asked, wire, facts)
            return denied or await self._of_iam(to_iam, asked, wire)

        operation = model.operation("cloudformation", action)
        assert operation is not None, "it is one of those that are carried out"
        read = query.read_input(operation, given)
        if isinstance(read, AwsError):
            return read
        call = cloudformation.Call(
            state=self._stacks,
            account=caller.who.account,
            region=caller.scope.region,
            given=read,
            clock=self._clock,
            iam=ActingOnIam(perform),
        )
        return await cloudformation.operate(action, call)

    async def _assume(
        self, scope: Scope, request: WireRequest, given: Mapping[str, str], request_id: str
    ) -> Reply | AwsError:
        operation = model.operation("sts", WEB_IDENTITY)
        if operation is None or given.get("Version") != model.version("sts"):
            return _no_operation(given)
        outcome = await self._web_identity.assume(
            given,
            source_ip=_peer(scope),
            secure_transport=scope.get("scheme") == "https",
            region=_region(request),
            user_agent=request.header("user-agent"),
        )
        if not isinstance(outcome, Refusal):
            return query.answer(operation, outcome, request_id, namespace=model.namespace("sts"))
        return wire_error(outcome)

    def _refuse(self, asked: Asked, error: AwsError, request_id: str) -> Reply:
        namespace = model.namespace(str(asked.service)) if asked.service in DECIDED else ""
        refused = reply(error, asked.protocol, request_id, namespace=namespace)
        if not error.detail:
            return refused
        if self._config.log is not None:
            self._config.log(why.log_lines(request_id, error))
        return replace(refused, headers={**refused.headers, why.HEADER: self._whys.keep(request_id, error)})

    def _why(self, request: WireRequest) -> Reply:
        told = self._whys.tell(request.path) if request.method == "GET" else None
        if told is None:
            return Reply(404, b'{"code":"not_found","message":"no refusal is kept under this id"}', "application/json")
        return Reply(200, told, "application/json")


def _no_operation(given: Mapping[str, str]) -> AwsError:
    action, version = given.get("Action", ""), given.get("Version", "")
    return AwsError("InvalidAction", 400, f"Could not find operation {action} for version {version}")


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    return client[0] if client else None


def _region(request: WireRequest) -> str:
    """The region of the endpoint that was asked; the global one, and this machine, stand in us-east-1."""
    parts = (request.header("host") or "").lower().split(".")
    return parts[1] if len(parts) > 3 and parts[0] == "sts" and parts[2] == "amazonaws" else "us-east-1"


async def _body(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None when it is longer than `most` bytes or its sender went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _send(told: Reply, request: WireRequest, send: Send) -> None:
    headers = {
        "content-type": told.media_type,
        "content-length": str(len(told.body)),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **told.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": told.status,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else told.body})
