"""The front: one ASGI application, and the order in which a request is looked at.

Door, size, control, service, signature, permission, operation, and what changed is on disk before the answer leaves.
Nothing but AssumeRoleWithWebIdentity, and what is below `/_daypass/`, is answered without a signature.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import DaypassError, PartMissing, StoreUnavailable, Unavailable
from daypass.fetching import Fetcher, KeySetCache, Limits
from daypass.localaws import model, query, signature, why
from daypass.localaws.authorize import Authorizer, Facts
from daypass.localaws.clock import LocalClock
from daypass.localaws.control import PREFIX, Control
from daypass.localaws.door import why_shut
from daypass.localaws.faults import AwsError, Fault, reply
from daypass.localaws.instance import Instance
from daypass.localaws.operations import Operations, no_operation
from daypass.localaws.recognise import DECIDED, Asked, recognise
from daypass.localaws.services.behind import reads
from daypass.localaws.sessions import Session
from daypass.localaws.stand_ins import Issuers
from daypass.localaws.sts.call import Sts, wire_error
from daypass.localaws.sts.issuer import OutboundIssuers
from daypass.localaws.sts.web_identity import WebIdentity
from daypass.localaws.wire import Reply, WireRequest
from daypass.sts.observed import AS_OBSERVED, Observed
from daypass.sts.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping
    from datetime import datetime
    from pathlib import Path

    from daypass.localaws.data_folder import DataFolder
    from daypass.names import IssuerUrl

    Scope = MutableMapping[str, Any]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Scope, Receive, Send], Awaitable[None]]

WEB_IDENTITY: Final = "AssumeRoleWithWebIdentity"


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
        as_issuers: issuers that this local AWS plays: it makes their tokens and believes them.
        folder: where everything is kept; None to keep it in memory.
        limits: time and size that an issuer gets for its documents; AWS's, as far as they are known.
    """

    trust: tuple[Path | str, ...] = ()
    allow_private: frozenset[str] = frozenset({"localhost", "127.0.0.1", "[::1]"})
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    observed: Observed = AS_OBSERVED
    max_body_bytes: int = 64 * 1024 * 1024
    log: Callable[[str], object] | None = None
    as_issuers: tuple[IssuerUrl, ...] = ()
    folder: DataFolder | None = None
    limits: Limits = field(default_factory=Limits)


def build(config: LocalAwsConfig, clock: Callable[[], datetime]) -> Front:
    """The local AWS. Without a folder: empty, with keys of its own, so what another instance gave out is unknown to it.

    Args:
        config: what was chosen.
        clock: the real time, in UTC.

    Raises:
        FileUnsafe, FileUnavailable: when the folder cannot be read, or is not as it was written.
    """
    return Front(config, Instance(LocalClock(clock), as_issuers=config.as_issuers, folder=config.folder))


class Front:
    """The ASGI application over an `instance`."""

    def __init__(self, config: LocalAwsConfig, instance: Instance) -> None:
        self.instance = instance
        self._config = config
        self._clock = instance.clock
        self._iam, self._sessions, self._services = instance.iam, instance.sessions, instance.services
        fetcher = Fetcher(
            config.limits,
            allow_private=config.allow_private,
            connect_to=config.connect_to,
            trust=config.trust,
            duplicates="last",
            keys_elsewhere=True,
        )
        issuers = Issuers(instance.stand_ins, fetcher)
        keys = KeySetCache(issuers, instance.clock.real)
        self._web_identity = WebIdentity(self._iam, keys, self._sessions, self._clock, observed=config.observed)
        self._authorizer = Authorizer(self._iam, instance.stacks, config.log)
        self._steering = Control(instance)
        self._outbound = OutboundIssuers(self._iam, instance.secret)
        sts = Sts(self._iam, self._sessions, self._authorizer, self._outbound, config.observed)
        self._operations = Operations(instance, self._authorizer, issuers, sts, config.observed, log=config.log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
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
                self.instance.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive, self._config.max_body_bytes)
        request = WireRequest.of(scope, body or b"")
        asked = recognise(request)
        request_id = str(uuid.uuid4())
        outcome: Reply | AwsError | None
        issuer = self._outbound.host(request)
        if shut := why_shut(scope, request, self._config.hosts | ({issuer} if issuer else set())):
            outcome = Fault.FORBIDDEN_CALLER.error(asked.protocol, shut)
        elif published := self._outbound.published(request):
            outcome = published
        elif body is None:
            outcome = Fault.TOO_LARGE.error(asked.protocol, "The request is too large.")
        elif request.path.startswith(PREFIX):
            outcome = await self._steering.answer(request)
        else:
            outcome = await self._serve(scope, request, asked, request_id, send)
        outcome = self._saved(asked) or outcome
        if isinstance(outcome, AwsError):
            outcome = self._refuse(request, asked, outcome, request_id)
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
            account = (given.get("RoleArn", "").split(":") + [""] * 5)[4]
            if arranged := self._arranged(request, asked, region=_region(request), account=account):
                return arranged
            return await self._assume(scope, request, given, request_id)
        caller = self._caller(request, asked)
        if isinstance(caller, signature.Refused):
            return caller.fault.error(asked.protocol, caller.detail)
        if arranged := self._arranged(request, asked, region=caller.scope.region, account=caller.who.account):
            return arranged
        if isinstance(caller.who, Session):
            self._iam.note_use(caller.who, self._clock(), caller.scope.region)
        if asked.service in DECIDED:
            return await self._operations.carry_out(request, given, caller, self._facts(scope), request_id)
        if asked.behind is None:
            detail = f"The local AWS has no service '{caller.scope.service}'."
            return Fault.NOT_IMPLEMENTED.error(asked.protocol, detail)
        try:
            await self._services.ready(asked.behind)
            judged = self._authorizer.behind(caller, request, asked.behind, self._facts(scope))
            if isinstance(judged, AwsError):
                return judged
            if not reads(judged, asked.protocol):
                send = self.instance.saving(asked.behind.model, send)
            await self._services.serve(scope, judged, caller, asked.behind, send)
        except (PartMissing, StoreUnavailable) as missing:
            return Fault.NOT_IMPLEMENTED.error(asked.protocol, f"{missing.message}. {missing.advice}")
        except Unavailable as fault:
            return Fault.INTERNAL.error(asked.protocol, why=fault.message)
        return None

    def _caller(self, request: WireRequest, asked: Asked) -> signature.Caller | signature.Refused:
        """Who signed the request: the one place where that is found out."""
        claimed = signature.read(request)
        if isinstance(claimed, signature.Refused):
            return claimed
        service = asked.service or claimed.scope.service
        found = signature.verify(
            request,
            claimed,
            service=service,
            sessions=self._sessions,
            now=self._clock(),
            signed_by=self._clock.real(),
        )
        if isinstance(found, signature.Caller) and not self._authorizer.knows(found.who):
            # A role takes its sessions with it; one of the same name that is made later is another (observed 2026-07).
            return signature.Refused(Fault.TOKEN_WRONG)
        return found

    def _arranged(self, request: WireRequest, asked: Asked, *, region: str, account: str) -> AwsError | None:
        """The fault that a test has arranged for such a request."""
        faults = self.instance.arranged
        if not faults.waiting():
            return None
        title, now = _title(request, asked), int(self._clock().timestamp())
        return faults.next(title, asked.protocol, region=region, account=account, now=now)

    def _facts(self, scope: Scope) -> Facts:
        return Facts(now=self._clock(), source_ip=_peer(scope), secure_transport=scope.get("scheme") == "https")

    async def _assume(
        self, scope: Scope, request: WireRequest, given: Mapping[str, str], request_id: str
    ) -> Reply | AwsError:
        operation = model.operation("sts", WEB_IDENTITY)
        if operation is None or given.get("Version") != model.version("sts"):
            return no_operation(given)
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

    def _saved(self, asked: Asked) -> AwsError | None:
        """Have on disk what changed; a fault, which takes the place of the answer, when that cannot be done."""
        try:
            self.instance.save()
        except DaypassError as fault:
            return Fault.INTERNAL.error(asked.protocol, why=f"what changed could not be saved: {fault.message}")
        return None

    def _refuse(self, request: WireRequest, asked: Asked, error: AwsError, request_id: str) -> Reply:
        namespace = model.namespace(str(asked.service)) if asked.service in DECIDED else ""
        refused = reply(error, asked.protocol, request_id, namespace=namespace)
        if self._config.log is not None and error.detail:
            self._config.log(why.log_lines(request_id, error))
        path = self.instance.whys.keep(request_id, error, at=self._clock.real(), asked=_title(request, asked))
        return replace(refused, headers={**refused.headers, why.HEADER: path})


def _title(request: WireRequest, asked: Asked) -> str:
    """What was asked, in few words that hold nothing of what was said."""
    service = asked.service or "?"
    operation = (request.header("x-amz-target") or "").rpartition(".")[2]
    if asked.service in DECIDED:
        given = query.parameters(request)
        operation = "" if isinstance(given, AwsError) else given.get("Action", "")
    return f"{service}:{operation if re.fullmatch('[A-Za-z]{1,64}', operation) else request.method}"


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
