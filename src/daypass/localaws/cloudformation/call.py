"""One call of an operation of CloudFormation, and what it may ask for."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.cloudformation.deploy import Deployment
from daypass.localaws.cloudformation.iam_kinds import IAM_KINDS
from daypass.localaws.cloudformation.kinds import check_types
from daypass.localaws.cloudformation.parameters import given_values, stored_names
from daypass.localaws.cloudformation.plan import Wanted
from daypass.localaws.cloudformation.template import parse
from daypass.localaws.faults import AwsError
from daypass.sts.constraints import TextConstraint, validation_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from daypass.localaws.cloudformation.kinds import Iam
    from daypass.localaws.cloudformation.reading import Reading
    from daypass.localaws.cloudformation.state import CloudFormationState, Stack

KINDS: Final = IAM_KINDS
_NAME: Final = "[a-zA-Z][-a-zA-Z0-9]*"
# What `cdk bootstrap` keeps, so that CDK's templates find their account ready for use.
_STORED: Final = {"/cdk-bootstrap/hnb659fds/version": "30"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call.

    Attributes:
        state: of all accounts and regions.
        account: of the caller; twelve digits.
        region: that was asked.
        given: the input, by the model's names.
        clock: tells the time.
        acting: IAM with the rights of a stack's role; of the caller for None.
        role_fault: why the caller may not give a stack this role.
        reading: what is read elsewhere, with the caller's rights.
    """

    state: CloudFormationState
    account: str
    region: str
    given: Mapping[str, Any]
    clock: Callable[[], datetime]
    acting: Callable[[str | None], Iam]
    role_fault: Callable[[str], AwsError | None]
    reading: Reading

    def find(self, name: str) -> Stack | None:
        """A stack of this account and region."""
        return self.state.find(self.account, self.region, name)

    def arn(self, kind: str, name: str) -> str:
        """A new ARN."""
        return f"arn:aws:cloudformation:{self.region}:{self.account}:{kind}/{name}/{uuid.uuid4()}"

    def exports(self, stack_id: str) -> dict[str, str]:
        """The values that a stack may import: those of the others."""
        found = self.state.exports(self.account, self.region)
        return {name: value for name, (owner, value) in found.items() if owner != stack_id}

    def deployment(self, stack_id: str) -> Deployment:
        """What changes a stack."""
        iam = self.acting(self.state.stacks[stack_id].role_arn)
        return Deployment(self.state, stack_id, kinds=KINDS, iam=iam, clock=self.clock)


def refused(message: str) -> AwsError:
    """A ValidationError, which is how CloudFormation refuses most things."""
    return AwsError("ValidationError", 400, message)


def name_fault(member: str, name: str) -> AwsError | None:
    """What is wrong with the name of a stack or a change set."""
    faults = TextConstraint(member, min_length=1, max_length=128, pattern=re.compile(_NAME), pattern_text=_NAME).faults(
        name
    )
    return refused(validation_error(faults)) if faults else None


def missing(name: str) -> AwsError:
    """What is said of a stack that is not there."""
    return refused(f"Stack [{name}] does not exist")


async def asked(call: Call, stack: Stack | None) -> Wanted | AwsError:
    """What the stack is to become.

    Raises:
        TemplateMalformed: with CloudFormation's text.
    """
    given = call.given
    if "RoleARN" in given and (fault := call.role_fault(str(given["RoleARN"]))):
        return fault
    text = await template_text(call, stack)
    if isinstance(text, AwsError):
        return text
    template = parse(text)
    check_types(KINDS, template.resources.values())
    needed = template.capabilities()
    enough = {*needed, *(["CAPABILITY_NAMED_IAM"] if needed else [])}
    if needed and not enough & set(given.get("Capabilities", ())):
        return AwsError("InsufficientCapabilitiesException", 400, f"Requires capabilities : [{', '.join(needed)}]")
    parameters: dict[str, str] = {}
    for each in given.get("Parameters", ()):
        key = each.get("ParameterKey", "")
        if not each.get("UsePreviousValue"):
            parameters[key] = each.get("ParameterValue", "")
        elif stack is None or key not in stack.parameters:
            return refused(f"Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a"
                           " parameter key not in the previous template")  # fmt: skip
        else:
            parameters[key] = stack.parameters[key]
    values = given_values(template, parameters)
    names = stored_names(template, values)
    stored = await call.reading.stored({*names.values()} - _STORED.keys())
    if isinstance(stored, AwsError):
        return stored
    tags = tuple((tag["Key"], tag["Value"]) for tag in given.get("Tags", ()))
    return Wanted(
        template=template,
        parameters=values,
        stored={parameter: stored.get(name) or _STORED[name] for parameter, name in names.items()},
        tags=stack.tags if stack is not None and "Tags" not in given else tags,
        capabilities=tuple(given.get("Capabilities", ())),
        notification_arns=tuple(given.get("NotificationARNs", ())),
        imported={
            each["LogicalResourceId"]: next(iter(each["ResourceIdentifier"].values()), "")
            for each in given.get("ResourcesToImport", ())
        },
    )


async def template_text(call: Call, stack: Stack | None) -> str | AwsError:
    """The template that a call gives, or the one that the stack has."""
    given = call.given
    if given.get("UsePreviousTemplate") and stack is not None and stack.template:
        return stack.template
    if "TemplateURL" in given:
        return await call.reading.template(str(given["TemplateURL"]))
    if "TemplateBody" not in given:
        return refused("Either Template URL or Template Body must be specified.")
    return str(given["TemplateBody"])
