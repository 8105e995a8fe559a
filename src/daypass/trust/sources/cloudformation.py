"""CloudFormation templates, and so CDK's: every resource that has an `AssumeRolePolicyDocument`.

What an intrinsic function stands for is known only when the stack is made, so it becomes a marked unknown value. One
thing is known: the ARN of an OIDC provider of the same template, but for its account.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.trust.sources.found import ProviderFacts, RoleFacts, Where
from daypass.trust.sources.intrinsics import attribute_of, intrinsic, substituted, substitution_of
from daypass.trust.sources.json_file import embedded, entries, members, number_of, text_of, texts
from daypass.trust.unknown import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import FoundPolicy, Path, Position

_MEMBER: Final = "AssumeRolePolicyDocument"
_PROVIDER: Final = "AWS::IAM::OIDCProvider"
_CDK_PROVIDER: Final = "Custom::AWSCDKOpenIdConnectProvider"


def is_template(document: dict[str, JsonValue]) -> bool:
    """Whether a document is a template."""
    return any(text_of(members(resource).get("Type")) for resource in members(document.get("Resources")).values())


def policies(name: str, document: dict[str, JsonValue], at: Callable[[Path], Position]) -> Iterator[FoundPolicy]:
    """The trust policy of each role.

    Args:
        name: the file's.
        document: the template; short forms of intrinsic functions written out.
        at: places below a path of the template.
    """
    template = _Template(members(document.get("Resources")), at)
    providers = tuple(template.providers())
    for logical_id, resource in template.resources.items():
        properties = members(members(resource).get("Properties"))
        if _MEMBER in properties:
            yield embedded(
                template.resolved(properties[_MEMBER]),
                Where(name, logical_id),
                at(("Resources", logical_id, "Properties", _MEMBER)),
                role=template.role(logical_id, properties),
                providers=providers,
            )


@dataclass(frozen=True, slots=True)
class _Template:
    resources: dict[str, JsonValue]
    at: Callable[[Path], Position]

    def providers(self) -> Iterator[ProviderFacts]:
        for logical_id, resource in self.resources.items():
            properties = members(members(resource).get("Properties"))
            url = text_of(properties.get("Url"))
            if members(resource).get("Type") in {_PROVIDER, _CDK_PROVIDER} and url is not None:
                ids = properties.get("ClientIdList", properties.get("ClientIDList"))
                known = all(isinstance(each, str) for each in entries(ids))
                yield ProviderFacts(
                    url=url,
                    client_ids=texts(ids) if known else None,
                    thumbprints=texts(properties.get("ThumbprintList")),
                    place=self.at(("Resources", logical_id, "Properties", "Url"))(()),
                )

    def role(self, logical_id: str, properties: dict[str, JsonValue]) -> RoleFacts:
        documents = [members(policy).get("PolicyDocument") for policy in entries(properties.get("Policies"))]
        managed = list(entries(properties.get("ManagedPolicyArns")))
        for resource in self.resources.values():
            kind, more = members(resource).get("Type"), members(members(resource).get("Properties"))
            if {"Ref": logical_id} in entries(more.get("Roles")) and kind in {
                "AWS::IAM::Policy",
                "AWS::IAM::ManagedPolicy",
            }:
                documents.append(more.get("PolicyDocument"))
            if kind == "AWS::IAM::RolePolicy" and more.get("RoleName") == {"Ref": logical_id}:
                documents.append(more.get("PolicyDocument"))
        return RoleFacts(
            name=text_of(properties.get("RoleName")) or logical_id,
            max_session_duration=number_of(properties.get("MaxSessionDuration")),
            managed=tuple(str(self.resolved(arn)) for arn in managed),
            permissions=tuple(
                self.resolved(statement)
                for document in documents
                for statement in entries(members(document).get("Statement"))
            ),
        )

    def resolved(self, value: JsonValue) -> JsonValue:
        """The value with every intrinsic function as text: known, partly known, or not known."""
        if isinstance(value, list):
            return [self.resolved(each) for each in value]
        if not isinstance(value, dict):
            return value
        function = intrinsic(value)
        if function is not None:
            return self._intrinsic(*function)
        return {key: self.resolved(each) for key, each in value.items()}

    def _intrinsic(self, name: str, argument: JsonValue) -> str:
        if name == "Ref" and isinstance(argument, str):
            return self._arn(argument) or unknown(argument)
        if name == "Fn::GetAtt":
            logical_id, attribute = attribute_of(argument) or (".".join(texts(argument)), "")
            arn = self._arn(logical_id) if attribute == "Arn" else None
            return arn or unknown(f"{logical_id}.{attribute}" if attribute else logical_id)
        if name == "Fn::Sub":
            return self._sub(argument)
        if name == "Fn::If" and (arn := self._chosen(argument)) is not None:
            return arn
        if name == "Fn::Join":
            match argument:
                case [str(delimiter), list(joined)]:
                    known = [self.resolved(part) for part in joined]
                    return delimiter.join(part if isinstance(part, str) else unknown("…") for part in known)
                case _:
                    pass
        return unknown(f"{name} {json.dumps(argument, ensure_ascii=False)}"[:128])

    def _chosen(self, argument: JsonValue) -> str | None:
        """A provider of this template, where a parameter can name one that is there already for the same issuer."""
        match argument:
            case [_, {"Ref": str(one)}, {"Ref": str(other)}]:
                arns = [arn for name in (one, other) if (arn := self._arn(name)) is not None]
                parameters = [name for name in (one, other) if name not in self.resources]
                return arns[0] if len(arns) == len(parameters) == 1 else None
            case _:
                return None

    def _sub(self, argument: JsonValue) -> str:
        parts = substitution_of(argument)
        if parts is None:
            return unknown("Fn::Sub")
        text, names = parts

        def look_up(name: str) -> str:
            if name in names:
                value = self.resolved(names[name])
                return value if isinstance(value, str) else unknown(name)
            return self._arn(name.removesuffix(".Arn")) or unknown(name)

        return substituted(text, look_up)

    def _arn(self, logical_id: str) -> str | None:
        """The ARN of an OIDC provider of this template; its account is that of the stack."""
        resource = members(self.resources.get(logical_id))
        url = text_of(members(resource.get("Properties")).get("Url"))
        if resource.get("Type") not in {_PROVIDER, _CDK_PROVIDER} or url is None:
            return None
        partition, account = unknown("AWS::Partition"), unknown("AWS::AccountId")
        return f"arn:{partition}:iam::{account}:oidc-provider/{url.rpartition('://')[2]}"
