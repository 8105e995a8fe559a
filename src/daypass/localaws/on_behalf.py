"""What CloudFormation does for a caller: with the caller's rights, or with those of the role that a stack was given.

AWS CloudFormation User Guide, "AWS CloudFormation service role": whoever gives a stack a role needs `iam:PassRole` for
it, and from then on the role's permissions decide what happens to the stack's resources.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import ArnInvalid, PartMissing, StoreUnavailable, Unavailable
from daypass.localaws import why
from daypass.localaws.cloudformation.acting import ActingOnIam
from daypass.localaws.faults import AwsError, Fault, Protocol
from daypass.localaws.needs.model import Need
from daypass.localaws.services import catalogue
from daypass.localaws.sessions import Session
from daypass.localaws.wire import Reply
from daypass.names import RoleArn
from daypass.trust.compile import compile_policy
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.statement import Principal, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from daypass.localaws.authorize import Authorizer, Facts
    from daypass.localaws.instance import Instance
    from daypass.localaws.signature import Caller
    from daypass.localaws.wire import WireRequest

    OnIam = Callable[[Caller, str, Mapping[str, str]], Awaitable[Mapping[str, Any] | AwsError]]
    Message = MutableMapping[str, Any]

_SERVICE: Final = "cloudformation.amazonaws.com"
_SESSION_NAME: Final = "AWSCloudFormation"
_HOUR: Final = timedelta(hours=1)


class OnBehalf:
    """Acts for the caller of one request.

    Args:
        instance: what is asked and changed.
        authorizer: decides on each step.
        on_iam: carries out an operation of IAM that is permitted.
        caller: who called CloudFormation.
        request: with which.
        facts: of that request.
        log: is told what is behind each refusal.
    """

    def __init__(
        self,
        instance: Instance,
        authorizer: Authorizer,
        on_iam: OnIam,
        *,
        caller: Caller,
        request: WireRequest,
        facts: Facts,
        log: Callable[[str], object] | None,
    ) -> None:
        self._instance = instance
        self._authorizer = authorizer
        self._on_iam = on_iam
        self._caller = caller
        self._request = request
        self._log = log
        self._facts = replace(facts, called_via=_SERVICE)

    def role_fault(self, arn: str) -> AwsError | None:
        """Why the caller may not give a stack this role, or None."""
        need = Need("iam:PassRole", arn, arn, {"iam:PassedToService": (_SERVICE,)})
        if denied := self._authorizer.need(self._caller, self._request, need, self._facts):
            return denied
        session = self._session(arn)
        return session if isinstance(session, AwsError) else None

    def acting(self, role: str | None) -> ActingOnIam:
        """IAM with the rights of a role; of the caller for None."""

        async def perform(asked: str, wire: Mapping[str, str]) -> Mapping[str, Any] | AwsError:
            who = self._caller.who if role is None else self._session(role)
            if isinstance(who, AwsError):
                return who
            scope = replace(self._caller.scope, service="iam", region="us-east-1")
            as_caller = replace(self._caller, who=who, scope=scope)
            denied = self._authorizer.operation(as_caller, self._request, asked, wire, self._facts)
            if denied is not None:
                self._tell(denied, f"iam:{asked}")
            return denied or await self._on_iam(as_caller, asked, wire)

        return ActingOnIam(perform)

    async def ask(self, service: str, request: WireRequest) -> Reply | AwsError:
        """The answer of a service behind to a request of the caller."""
        behind = catalogue.find(service, request)
        assert behind is not None, service
        as_caller = replace(self._caller, scope=replace(self._caller.scope, service=service))
        said: list[Message] = []

        async def keep(message: Message) -> None:
            said.append(message)

        try:
            await self._instance.services.ready(behind)
            judged = self._authorizer.behind(as_caller, request, behind, self._facts)
            if isinstance(judged, AwsError):
                return judged
            await self._instance.services.serve(_SCOPE, judged, as_caller, behind, keep)
        except (PartMissing, StoreUnavailable) as missing:
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, f"{missing.message}. {missing.advice}")
        except Unavailable as fault:
            return Fault.INTERNAL.error(Protocol.QUERY, why=fault.message)
        body = b"".join(message.get("body", b"") for message in said)
        return Reply(int(said[0]["status"]), body, "application/octet-stream")

    def _tell(self, denied: AwsError, asked: str) -> None:
        """Keep what is behind a refusal that the caller sees in a stack's events at most."""
        request_id = str(uuid.uuid4())
        self._instance.whys.keep(request_id, denied, at=self._instance.clock.real(), asked=f"cloudformation > {asked}")
        if self._log is not None:
            self._log(why.log_lines(request_id, denied))

    def _session(self, arn: str) -> Session | AwsError:
        invalid = AwsError("ValidationError", 400, f"Role {arn} is invalid or cannot be assumed")
        try:
            parsed = RoleArn.parse(arn)
        except ArnInvalid:
            return invalid
        now, number = self._facts.now.replace(microsecond=0), self._caller.who.account
        role = self._instance.iam.to_read(number).roles.get(parsed.name.lower())
        if role is None or role.arn != parsed:
            return replace(invalid, detail=f"account {number} has no role {arn}")
        principal = Principal(PrincipalKind.SERVICE, _SERVICE)
        context = Context({"aws:SourceAccount": (number,)})
        if not compile_policy(role.trust_policy).allows(Request(principal, "sts:AssumeRole", context)):
            return replace(invalid, detail=f"the trust policy of {arn} does not let {_SERVICE} assume it")
        return Session(
            account=number,
            arn=parsed.session_arn(_SESSION_NAME),
            user_id=f"{role.role_id}:{_SESSION_NAME}",
            expires_at=now + _HOUR,
            issued_at=now,
            role=arn,
        )


# The request comes from nowhere but here.
_SCOPE: Final[Mapping[str, Any]] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "scheme": "http",
    "server": ("127.0.0.1", 80),
    "client": ("127.0.0.1", 0),
    "root_path": "",
}
