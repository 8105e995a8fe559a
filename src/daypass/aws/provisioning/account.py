"""What an account has: one provider, one role, or all that a file names, read into values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from daypass.aws.provisioning.calls import ask, pages
from daypass.aws.provisioning.desired import InlinePolicy, canonical
from daypass.aws.provisioning.ownership import ADOPTED_BY, MADE_BY
from daypass.aws.provisioning.trust_policies import provider_arn
from daypass.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.aws.provisioning.calls import AwsClient
    from daypass.aws.provisioning.desired import Desired


@dataclass(frozen=True, slots=True)
class SeenProvider:
    """An IAM OIDC provider as IAM tells it. `url` has `https://`, which IAM leaves out."""

    arn: str
    url: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SeenRole:
    """A role as IAM tells it. `trust_policy` is JSON text; `managed_policies` are ARNs, `boundary` is one."""

    arn: str
    name: str
    path: str
    description: str
    trust_policy: str
    max_session_seconds: int
    managed_policies: tuple[str, ...]
    inline_policies: tuple[InlinePolicy, ...]
    boundary: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What an account has of what a file names: providers by ARN, roles by name. What is not there is left out.

    `trusting` are all roles of the account that name a provider of the file, by its ARN, whether it is there or not.
    `instance_profiles` are those that hold a role, by its name; they are read only where a role is to be removed.
    """

    account: str
    partition: str = "aws"
    providers: Mapping[str, SeenProvider] = field(default_factory=dict)
    roles: Mapping[str, SeenRole] = field(default_factory=dict)
    trusting: Mapping[str, tuple[TrustingRole, ...]] = field(default_factory=dict)
    instance_profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrustingRole:
    """A role that names a provider in its trust policy, which is JSON text.

    `stack` is whose it is by its tags, None for nobody's; `made` says that the stack made it, and did not take it over.
    """

    name: str
    arn: str
    stack: str | None
    made: bool = False
    trust_policy: str = ""


def read_provider(iam: AwsClient, arn: str) -> SeenProvider | None:
    """A provider, or None when there is none. Raises as `calls.ask` does."""
    try:
        found = ask(iam, "GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
    except NotFound:
        return None
    return SeenProvider(
        arn=arn,
        url="https://" + str(found["Url"]).removeprefix("https://"),
        client_ids=tuple(found.get("ClientIDList", ())),
        thumbprints=tuple(found.get("ThumbprintList", ())),
        tags=_tags(found.get("Tags", ())),
    )


def read_role(iam: AwsClient, name: str) -> SeenRole | None:
    """A role with all its policies, or None when there is none. Raises as `calls.ask` does."""
    try:
        found = ask(iam, "GetRole", RoleName=name)["Role"]
        managed = [
            each["PolicyArn"] for each in pages(iam, "ListAttachedRolePolicies", "AttachedPolicies", RoleName=name)
        ]
        inline = [
            InlinePolicy(
                policy, _canonical(ask(iam, "GetRolePolicy", RoleName=name, PolicyName=policy)["PolicyDocument"])
            )
            for policy in sorted(pages(iam, "ListRolePolicies", "PolicyNames", RoleName=name))
        ]
    except NotFound:
        return None
    return SeenRole(
        arn=str(found["Arn"]),
        name=str(found["RoleName"]),
        path=str(found["Path"]),
        description=str(found.get("Description", "")),
        trust_policy=_text(found["AssumeRolePolicyDocument"]),
        max_session_seconds=int(found.get("MaxSessionDuration", 3600)),
        managed_policies=tuple(sorted(managed)),
        inline_policies=tuple(inline),
        boundary=found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tags=_tags(found.get("Tags", ())),
    )


def read_instance_profiles(iam: AwsClient, role: str) -> tuple[str, ...]:
    """The names of the instance profiles that hold a role. Raises as `calls.ask` does."""
    try:
        found = [*pages(iam, "ListInstanceProfilesForRole", "InstanceProfiles", RoleName=role)]
    except NotFound:  # somebody deleted it a moment ago
        return ()
    return tuple(sorted(str(each["InstanceProfileName"]) for each in found))


def read_account(iam: AwsClient, desired: Desired, account: str, partition: str = "aws") -> Seen:
    """What an account has of what a file names. Raises as `calls.ask` does."""
    arns = [str(provider_arn(provider, account, partition)) for provider in desired.providers]
    providers = {arn: found for arn in arns if (found := read_provider(iam, arn)) is not None}
    roles = {role.name: there for role in desired.roles if (there := read_role(iam, role.name)) is not None}
    return Seen(account, partition, providers, roles, roles_trusting(iam, arns))


def roles_trusting(iam: AwsClient, arns: Iterable[str]) -> dict[str, tuple[TrustingRole, ...]]:
    """The roles of the account that name each of these providers, whoever made them. Raises as `calls.ask` does."""
    found: dict[str, list[TrustingRole]] = {arn: [] for arn in arns}
    for role in pages(iam, "ListRoles", "Roles", MaxItems=1000):
        trusted = [arn for arn in found if arn in _federated(role.get("AssumeRolePolicyDocument"))]
        if not trusted:
            continue
        try:
            tags = _tags(pages(iam, "ListRoleTags", "Tags", RoleName=role["RoleName"]))
        except NotFound:  # somebody deleted it a moment ago
            continue
        maker = tags.get(MADE_BY)
        text = _text(role["AssumeRolePolicyDocument"])
        there = TrustingRole(
            str(role["RoleName"]), str(role["Arn"]), maker or tags.get(ADOPTED_BY), maker is not None, text
        )
        for arn in trusted:
            found[arn].append(there)
    return {arn: tuple(roles) for arn, roles in found.items()}


def _federated(document: object) -> set[str]:
    """The providers that a trust policy names; a document that cannot be read names none."""
    policy = json.loads(_text(document)) if document else {}
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    named: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {}) if isinstance(statement, dict) else {}
        federated = principal.get("Federated", []) if isinstance(principal, dict) else []
        named.update([federated] if isinstance(federated, str) else federated)
    return named


def _text(document: object) -> str:
    """A policy as text. botocore decodes it; other clients leave it encoded as in a URL."""
    if isinstance(document, str):
        return document if document.lstrip().startswith("{") else unquote(document)
    return json.dumps(document, indent=2)


def _canonical(document: object) -> str:
    return canonical(json.loads(_text(document)))


def _tags(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}
