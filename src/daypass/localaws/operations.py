"""The operations that are decided here: IAM's, STS's and CloudFormation's, for callers whose signature was checked.

Known, permitted, read by AWS's model, carried out, answered. CloudFormation asks IAM over the same path, with the
rights of who called it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws import cloudformation, iam, model, query, sts
from daypass.localaws.authorize import request_keys
from daypass.localaws.cloudformation.reading import Reading
from daypass.localaws.faults import AwsError, Fault, Protocol
from daypass.localaws.iam.state import Call as IamCall
from daypass.localaws.on_behalf import OnBehalf
from daypass.localaws.sts.call import Call as StsCall
from daypass.sts.observed import Star
from daypass.trust.shared_issuers import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from daypass.localaws.authorize import Authorizer, Facts
    from daypass.localaws.instance import Instance
    from daypass.localaws.signature import Caller
    from daypass.localaws.stand_ins import Issuers
    from daypass.localaws.sts.call import Sts
    from daypass.localaws.wire import Reply, WireRequest
    from daypass.sts.observed import Observed

    Outcome = Mapping[str, Any] | AwsError

KNOWN: Final[Mapping[str, Container[str]]] = {
    "sts": sts.OPERATIONS,
    "iam": iam.OPERATIONS,
    "cloudformation": cloudformation.OPERATIONS,
}
"""By service, the operations that there are."""
_READING: Final = ("Describe", "Get", "List", "Validate")


def no_operation(given: Mapping[str, str]) -> AwsError:
    """The answer to an action or version that AWS does not have."""
    action, version = given.get("Action", ""), given.get("Version", "")
    return AwsError("InvalidAction", 400, f"Could not find operation {action} for version {version}")


class Operations:
    """Carries out operations over an `instance`."""

    def __init__(
        self,
        instance: Instance,
        authorizer: Authorizer,
        issuers: Issuers,
        sts_parts: Sts,
        observed: Observed,
        *,
        log: Callable[[str], object] | None = None,
    ) -> None:
        self._log = log
        self._instance = instance
        self._clock = instance.clock
        self._authorizer = authorizer
        self._issuers = issuers
        self._sts = sts_parts
        self._shared_issuers = Control(star_spoils_anywhere=observed.shared_issuer_star is Star.ANYWHERE)

    async def carry_out(
        self, request: WireRequest, given: Mapping[str, str], caller: Caller, facts: Facts, request_id: str
    ) -> Reply | AwsError:
        """The answer to a signed request; `given` are its parameters as on the wire."""
        service, action = caller.scope.service, given.get("Action", "")
        operation = model.operation(service, action)
        if operation is None or given.get("Version") != model.version(service):
            return no_operation(given)
        if denied := self._authorizer.operation(caller, request, action, given, facts):
            return denied
        if action not in KNOWN[service]:
            detail = f"The local AWS does not implement {service}:{action} yet."
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, detail)
        outcome: Outcome
        if service == "iam":
            outcome = await self._iam(caller, action, given)
        elif service == "cloudformation":
            outcome = await self._cloudformation(request, caller, action, given, facts)
        else:
            read = query.read_input(operation, given)
            if isinstance(read, AwsError):
                return read
            keys = request_keys(caller, request, facts)
            call = StsCall(caller.who, read, self._clock(), caller.scope.region, keys, self._sts)
            outcome = sts.OPERATIONS[action](call)
        if isinstance(outcome, AwsError):
            return outcome
        return query.answer(operation, outcome, request_id, namespace=model.namespace(service))

    async def _iam(self, caller: Caller, action: str, given: Mapping[str, str]) -> Outcome:
        """An operation of IAM, of which it is known that the caller may."""
        operation = model.operation("iam", action)
        if operation is None or action not in iam.OPERATIONS:
            detail = f"The local AWS does not implement iam:{action} yet."
            return Fault.NOT_IMPLEMENTED.error(Protocol.QUERY, detail)
        read = query.read_input(operation, given)
        if isinstance(read, AwsError):
            return read
        accounts, number = self._instance.iam, caller.who.account
        writes = not action.startswith(("Get", "List"))
        account = accounts.to_write(number) if writes else accounts.to_read(number)
        answered = iam.carry_out(
            IamCall(action, account, read, self._clock(), caller.who.arn, self._issuers, self._shared_issuers)
        )
        if not inspect.isawaitable(answered):
            return answered
        outcome: Outcome = await answered
        accounts.to_write(number)  # another request may have saved the account while this one waited
        return outcome

    async def _cloudformation(
        self, request: WireRequest, caller: Caller, action: str, given: Mapping[str, str], facts: Facts
    ) -> Outcome:
        operation = model.operation("cloudformation", action)
        assert operation is not None, "it is one of those that are carried out"
        read = query.read_input(operation, given)
        if isinstance(read, AwsError):
            return read
        on_behalf = OnBehalf(
            self._instance, self._authorizer, self._iam, caller=caller, request=request, facts=facts, log=self._log
        )
        call = cloudformation.Call(
            state=self._instance.stacks,
            account=caller.who.account,
            region=caller.scope.region,
            given=read,
            clock=self._clock,
            acting=on_behalf.acting,
            role_fault=on_behalf.role_fault,
            reading=Reading(on_behalf.ask),
        )
        try:
            return await cloudformation.operate(action, call)
        finally:
            self._instance.stacks.touched |= not action.startswith(_READING)
