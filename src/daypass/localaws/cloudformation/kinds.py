"""The resource types that stacks may have: their properties, what identifies one, and who makes it.

AWS CloudFormation Template Reference, and the resource schemas that AWS publishes for these types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from daypass.errors import TemplateMalformed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from daypass.localaws.cloudformation.resolve import Made
    from daypass.localaws.cloudformation.template import Resource
    from daypass.tokens.strict_json import JsonValue

    Properties = Mapping[str, JsonValue]
    Iam = Callable[..., Awaitable[Mapping[str, Any]]]


class Handler(Protocol):
    """Makes, changes, removes and reads resources of one type by operations of IAM.

    Every method raises `AwsRefused` when IAM refuses. `iam` takes an operation's name and its input.
    """

    async def create(self, iam: Iam, properties: Properties) -> Made:
        """Make one; nothing is left of one that could not be made whole."""
        ...

    async def update(self, iam: Iam, physical_id: str, old: Properties, new: Properties) -> Made:
        """Change one from `old` to `new`; what neither names is left alone."""
        ...

    async def delete(self, iam: Iam, physical_id: str, properties: Properties) -> None:
        """Remove one; that it is gone already is no fault."""
        ...

    async def read(self, iam: Iam, physical_id: str, properties: Properties) -> dict[str, JsonValue] | None:
        """What the service says of it now, as properties, or None when it is not there."""
        ...

    async def adopt(self, iam: Iam, identifier: str) -> Made | None:
        """One that is there already, by its identifier, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type.

    Attributes:
        type: its name.
        handler: None for a type that stands for nothing.
        properties: those that it knows.
        required: of these, those that must be given.
        create_only: of these, those that cannot be changed: a new resource takes the place of the old.
        name: the property that names it, and how long that may be; None when it is not named.
        identifier: by which property an existing one is imported; None when it cannot be.
        unordered: lists of which the order means nothing.
        tagged: whether it takes the tags of its stack.
    """

    type: str
    handler: Handler | None
    properties: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    create_only: frozenset[str] = frozenset()
    name: tuple[str, int] | None = None
    identifier: str | None = None
    unordered: frozenset[str] = field(default=frozenset())
    tagged: bool = False

    def fault(self, logical_id: str, properties: Properties) -> str | None:
        """What is wrong with the names of the properties, as CloudFormation says it."""
        if self.handler is None:
            return None
        faults = [f"#: required key [{name}] not found" for name in sorted(self.required - properties.keys())]
        faults += [
            f"#: extraneous key [{name}] is not permitted" for name in sorted(properties.keys() - self.properties)
        ]
        if not faults:
            return None
        return f"Properties validation failed for resource {logical_id} with message:\n" + "\n".join(faults)


_CUSTOM: Final = (
    "Custom resources run a Lambda function, which the local AWS does not have; for an OIDC provider use"
    " AWS::IAM::OIDCProvider (in CDK: iam.OidcProviderNative instead of iam.OpenIdConnectProvider)"
)


def check_types(kinds: Mapping[str, Kind], resources: Iterable[Resource]) -> None:
    """Hold the types of a template against those that are here.

    Raises:
        TemplateMalformed: with CloudFormation's text, and ours for a type that only the real one has.
    """
    unknown = sorted({each.type for each in resources} - kinds.keys())
    if not unknown:
        return
    custom = any(each.startswith("Custom::") or each == "AWS::CloudFormation::CustomResource" for each in unknown)
    told = _CUSTOM if custom else f"The local AWS makes {', '.join(sorted(kinds))}"
    raise TemplateMalformed(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]. {told}.")
