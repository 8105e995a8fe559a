"""The types of IAM as handlers: each is a few operations of IAM, in the order in which they depend on each other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from daypass.errors import AwsRefused
from daypass.localaws.cloudformation.kinds import Kind
from daypass.localaws.cloudformation.parameters import as_text
from daypass.localaws.cloudformation.resolve import Made
from daypass.trust.sources.json_file import entries, members, text_of, texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.localaws.cloudformation.kinds import Iam, Properties
    from daypass.tokens.strict_json import JsonValue

_MOST_VERSIONS: Final = 5
_DEFAULT_SESSION_SECONDS: Final = 3600


class OidcProvider:
    """AWS::IAM::OIDCProvider."""

    async def create(self, iam: Iam, properties: Properties) -> Made:
        """CreateOpenIDConnectProvider."""
        made = await iam(
            "CreateOpenIDConnectProvider",
            Url=properties.get("Url"),
            ClientIDList=properties.get("ClientIdList"),
            ThumbprintList=properties.get("ThumbprintList"),
            Tags=properties.get("Tags"),
        )
        return _by_arn(made["OpenIDConnectProviderArn"])

    async def update(self, iam: Iam, physical_id: str, old: Properties, new: Properties) -> Made:
        """Client ids one by one, thumbprints as a whole. A list of thumbprints that is taken away stays as it was."""
        provider = {"OpenIDConnectProviderArn": physical_id}
        now = await iam("GetOpenIDConnectProvider", **provider)
        here, before, wanted = set(now["ClientIDList"]), texts(old.get("ClientIdList")), texts(new.get("ClientIdList"))
        for client_id in dict.fromkeys(wanted):
            if client_id not in here:
                await iam("AddClientIDToOpenIDConnectProvider", **provider, ClientID=client_id)
        for client_id in dict.fromkeys(before):
            if client_id in here and client_id not in wanted:
                await iam("RemoveClientIDFromOpenIDConnectProvider", **provider, ClientID=client_id)
        thumbprints = texts(new.get("ThumbprintList"))
        if thumbprints and thumbprints != texts(old.get("ThumbprintList")):
            await iam("UpdateOpenIDConnectProviderThumbprint", **provider, ThumbprintList=list(thumbprints))
        added, removed = _tag_changes(old, new)
        if removed:
            await iam("UntagOpenIDConnectProvider", **provider, TagKeys=removed)
        if added:
            await iam("TagOpenIDConnectProvider", **provider, Tags=added)
        return _by_arn(physical_id)

    async def delete(self, iam: Iam, physical_id: str, properties: Properties) -> None:
        """DeleteOpenIDConnectProvider."""
        del properties
        await _gone(iam, "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=physical_id)

    async def read(self, iam: Iam, physical_id: str, properties: Properties) -> dict[str, JsonValue] | None:
        """GetOpenIDConnectProvider."""
        found = await _or_none(iam, "GetOpenIDConnectProvider", OpenIDConnectProviderArn=physical_id)
        if found is None:
            return None
        return {
            # IAM gives the URL back without its scheme and port 443.
            "Url": properties.get("Url", f"https://{found['Url']}"),
            "ClientIdList": list(found["ClientIDList"]),
            "ThumbprintList": list(found["ThumbprintList"]),
            "Tags": list(found.get("Tags", ())),
        }

    async def adopt(self, iam: Iam, identifier: str) -> Made | None:
        """One by its ARN."""
        found = await _or_none(iam, "GetOpenIDConnectProvider", OpenIDConnectProviderArn=identifier)
        return None if found is None else _by_arn(identifier)


class Role:
    """AWS::IAM::Role."""

    async def create(self, iam: Iam, properties: Properties) -> Made:
        """CreateRole, then its policies."""
        made = await iam(
            "CreateRole",
            RoleName=properties.get("RoleName"),
            AssumeRolePolicyDocument=_document(properties.get("AssumeRolePolicyDocument")),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
            MaxSessionDuration=properties.get("MaxSessionDuration"),
            PermissionsBoundary=properties.get("PermissionsBoundary"),
            Tags=properties.get("Tags"),
        )
        role = made["Role"]
        try:
            await self._policies(iam, role["RoleName"], {}, properties)
        except AwsRefused:
            await self.delete(iam, role["RoleName"], properties)
            raise
        return _role(role)

    async def update(self, iam: Iam, physical_id: str, old: Properties, new: Properties) -> Made:
        """What differs, each by its own operation."""
        role = {"RoleName": physical_id}
        if old.get("AssumeRolePolicyDocument") != new.get("AssumeRolePolicyDocument"):
            document = _document(new.get("AssumeRolePolicyDocument"))
            await iam("UpdateAssumeRolePolicy", **role, PolicyDocument=document)
        if any(old.get(name) != new.get(name) for name in ("Description", "MaxSessionDuration")):
            duration = new.get("MaxSessionDuration", _DEFAULT_SESSION_SECONDS)
            await iam("UpdateRole", **role, Description=new.get("Description", ""), MaxSessionDuration=duration)
        now = (await iam("GetRole", **role))["Role"]
        boundary = text_of(new.get("PermissionsBoundary"))
        if boundary is not None and boundary != old.get("PermissionsBoundary"):
            await iam("PutRolePermissionsBoundary", **role, PermissionsBoundary=boundary)
        elif boundary is None and "PermissionsBoundary" in old and "PermissionsBoundary" in now:
            await iam("DeleteRolePermissionsBoundary", **role)
        await self._policies(iam, physical_id, old, new)
        added, removed = _tag_changes(old, new)
        if removed:
            await iam("UntagRole", **role, TagKeys=removed)
        if added:
            await iam("TagRole", **role, Tags=added)
        return _role(now)

    async def delete(self, iam: Iam, physical_id: str, properties: Properties) -> None:
        """DeleteRole, after those policies that came with it."""
        if await _or_none(iam, "GetRole", RoleName=physical_id) is not None:
            await self._policies(iam, physical_id, properties, {})
            await _gone(iam, "DeleteRole", RoleName=physical_id)

    async def read(self, iam: Iam, physical_id: str, properties: Properties) -> dict[str, JsonValue] | None:
        """GetRole, and the policies. Those that other resources of a stack gave it are not told from strangers."""
        found = await _or_none(iam, "GetRole", RoleName=physical_id)
        if found is None:
            return None
        role = found["Role"]
        inline = [await _inline(iam, physical_id, name) for name in await _inline_names(iam, physical_id)]
        own = _inline_policies(properties).keys()
        return {
            "RoleName": role["RoleName"],
            "Path": role["Path"],
            "Description": role.get("Description", ""),
            "MaxSessionDuration": role["MaxSessionDuration"],
            "AssumeRolePolicyDocument": _read_document(role["AssumeRolePolicyDocument"]),
            "ManagedPolicyArns": list(await _attached(iam, physical_id)),
            "Policies": [each for each in inline if each["PolicyName"] in own],
            "Tags": list(role.get("Tags", ())),
            **(
                {"PermissionsBoundary": role["PermissionsBoundary"]["PermissionsBoundaryArn"]}
                if "PermissionsBoundary" in role
                else {}
            ),
        }

    async def adopt(self, iam: Iam, identifier: str) -> Made | None:
        """One by its name."""
        found = await _or_none(iam, "GetRole", RoleName=identifier)
        return None if found is None else _role(found["Role"])

    async def _policies(self, iam: Iam, name: str, old: Properties, new: Properties) -> None:
        here = await _attached(iam, name)
        before, wanted = texts(old.get("ManagedPolicyArns")), texts(new.get("ManagedPolicyArns"))
        for arn in dict.fromkeys(before):
            if arn in here and arn not in wanted:
                await iam("DetachRolePolicy", RoleName=name, PolicyArn=arn)
        for arn in wanted:
            if arn not in here:
                await iam("AttachRolePolicy", RoleName=name, PolicyArn=arn)
        inline, had, has = await _inline_names(iam, name), _inline_policies(old), _inline_policies(new)
        for policy in had.keys() - has.keys():
            if policy in inline:
                await iam("DeleteRolePolicy", RoleName=name, PolicyName=policy)
        for policy, document in has.items():
            if policy not in inline or had.get(policy) != document:
                await iam("PutRolePolicy", RoleName=name, PolicyName=policy, PolicyDocument=_document(document))


class ManagedPolicy:
    """AWS::IAM::ManagedPolicy."""

    async def create(self, iam: Iam, properties: Properties) -> Made:
        """CreatePolicy, then attach it."""
        made = await iam(
            "CreatePolicy",
            PolicyName=properties.get("ManagedPolicyName"),
            Path=properties.get("Path"),
            Description=properties.get("Description"),
            PolicyDocument=_document(properties.get("PolicyDocument")),
        )
        arn = made["Policy"]["Arn"]
        try:
            await self._attach(iam, arn, {}, properties)
        except AwsRefused:
            await self.delete(iam, arn, properties)
            raise
        return _policy(made["Policy"])

    async def update(self, iam: Iam, physical_id: str, old: Properties, new: Properties) -> Made:
        """A new version of the document, which is the default at once; of five versions the oldest makes room."""
        if old.get("PolicyDocument") != new.get("PolicyDocument"):
            listed = (await iam("ListPolicyVersions", PolicyArn=physical_id))["Versions"]
            if len(listed) >= _MOST_VERSIONS:
                spare = [each for each in listed if not each["IsDefaultVersion"]]
                oldest = min(spare, key=lambda each: int(each["VersionId"][1:]))
                await iam("DeletePolicyVersion", PolicyArn=physical_id, VersionId=oldest["VersionId"])
            document = _document(new.get("PolicyDocument"))
            await iam("CreatePolicyVersion", PolicyArn=physical_id, PolicyDocument=document, SetAsDefault=True)
        await self._attach(iam, physical_id, old, new)
        return _policy((await iam("GetPolicy", PolicyArn=physical_id))["Policy"])

    async def delete(self, iam: Iam, physical_id: str, properties: Properties) -> None:
        """DeletePolicy, after it was detached and its other versions are gone."""
        found = await _or_none(iam, "GetPolicy", PolicyArn=physical_id)
        if found is None:
            return
        await self._attach(iam, physical_id, properties, {})
        if found["Policy"]["DefaultVersionId"] != "v1":
            for version in (await iam("ListPolicyVersions", PolicyArn=physical_id))["Versions"]:
                if not version["IsDefaultVersion"]:
                    await iam("DeletePolicyVersion", PolicyArn=physical_id, VersionId=version["VersionId"])
        await _gone(iam, "DeletePolicy", PolicyArn=physical_id)

    async def read(self, iam: Iam, physical_id: str, properties: Properties) -> dict[str, JsonValue] | None:
        """GetPolicy, and the default version."""
        found = await _or_none(iam, "GetPolicy", PolicyArn=physical_id)
        if found is None:
            return None
        policy = found["Policy"]
        version = await iam("GetPolicyVersion", PolicyArn=physical_id, VersionId=policy["DefaultVersionId"])
        roles = [
            name for name in texts(properties.get("Roles")) if physical_id in (await _attached_or_none(iam, name) or ())
        ]
        return {
            "ManagedPolicyName": policy["PolicyName"],
            "Path": policy.get("Path", "/"),
            "Description": policy.get("Description", ""),
            "PolicyDocument": _read_document(version["PolicyVersion"]["Document"]),
            "Roles": list(roles),
        }

    async def adopt(self, iam: Iam, identifier: str) -> Made | None:
        """One by its ARN."""
        found = await _or_none(iam, "GetPolicy", PolicyArn=identifier)
        return None if found is None else _policy(found["Policy"])

    async def _attach(self, iam: Iam, arn: str, old: Properties, new: Properties) -> None:
        before, wanted = texts(old.get("Roles")), texts(new.get("Roles"))
        for role in before:
            if role not in wanted and arn in (await _attached_or_none(iam, role) or ()):
                await iam("DetachRolePolicy", RoleName=role, PolicyArn=arn)
        for role in wanted:
            await iam("AttachRolePolicy", RoleName=role, PolicyArn=arn)
        for kind in ("User", "Group"):
            # IAM itself says that there are none here.
            for name in texts(new.get(f"{kind}s")):
                await iam(f"Attach{kind}Policy", **{f"{kind}Name": name}, PolicyArn=arn)


class InlinePolicy:
    """AWS::IAM::Policy, which CDK makes for `role.addToPolicy`: one inline policy of several roles."""

    async def create(self, iam: Iam, properties: Properties) -> Made:
        """PutRolePolicy for each role."""
        done: list[str] = []
        try:
            for role in _roles(properties):
                await self._put(iam, role, properties)
                done.append(role)
            for kind in ("User", "Group"):
                for name in texts(properties.get(f"{kind}s")):
                    await iam(
                        f"Put{kind}Policy",
                        **{f"{kind}Name": name},
                        PolicyName=properties.get("PolicyName"),
                        PolicyDocument=_document(properties.get("PolicyDocument")),
                    )
        except AwsRefused:
            for role in done:
                await _gone(iam, "DeleteRolePolicy", RoleName=role, PolicyName=properties.get("PolicyName"))
            raise
        return self._made(properties)

    async def update(self, iam: Iam, physical_id: str, old: Properties, new: Properties) -> Made:
        """PutRolePolicy for each role, and away from those that are not named any more."""
        del physical_id
        for role in _roles(new):
            await self._put(iam, role, new)
        for role in _roles(old):
            if role not in _roles(new) or old.get("PolicyName") != new.get("PolicyName"):
                await _gone(iam, "DeleteRolePolicy", RoleName=role, PolicyName=old.get("PolicyName"))
        return self._made(new)

    async def delete(self, iam: Iam, physical_id: str, properties: Properties) -> None:
        """DeleteRolePolicy of each role."""
        del physical_id
        for role in _roles(properties):
            await _gone(iam, "DeleteRolePolicy", RoleName=role, PolicyName=properties.get("PolicyName"))

    async def read(self, iam: Iam, physical_id: str, properties: Properties) -> dict[str, JsonValue] | None:
        """GetRolePolicy of each role; the first document that is not the template's counts."""
        del physical_id
        name, wanted = as_text(properties.get("PolicyName")), properties.get("PolicyDocument")
        found = {
            role: _read_document(policy["PolicyDocument"])
            for role in _roles(properties)
            if (policy := await _or_none(iam, "GetRolePolicy", RoleName=role, PolicyName=name)) is not None
        }
        if not found:
            return None
        other = [document for document in found.values() if document != wanted]
        return {
            "PolicyName": name,
            "PolicyDocument": other[0] if other else wanted,
            "Roles": list(found),
            **({"RoleName": next(iter(found))} if "RoleName" in properties else {}),
        }

    async def adopt(self, iam: Iam, identifier: str) -> Made | None:
        """None: it has no identifier of its own."""
        del iam, identifier
        return None

    async def _put(self, iam: Iam, role: str, properties: Properties) -> None:
        document = _document(properties.get("PolicyDocument"))
        await iam("PutRolePolicy", RoleName=role, PolicyName=properties.get("PolicyName"), PolicyDocument=document)

    @staticmethod
    def _made(properties: Properties) -> Made:
        name = as_text(properties.get("PolicyName"))
        if "RoleName" in properties:
            return Made(f"{name}|{as_text(properties['RoleName'])}")
        return Made(name, {"Id": name})


IAM_KINDS: Final[Mapping[str, Kind]] = {
    kind.type: kind
    for kind in (
        Kind(
            "AWS::IAM::OIDCProvider",
            OidcProvider(),
            properties=frozenset({"Url", "ClientIdList", "ThumbprintList", "Tags"}),
            required=frozenset({"Url"}),
            create_only=frozenset({"Url"}),
            identifier="Arn",
            unordered=frozenset({"ClientIdList", "ThumbprintList", "Tags"}),
            tagged=True,
        ),
        Kind(
            "AWS::IAM::Role",
            Role(),
            properties=frozenset(
                {"AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path"}
                | {"PermissionsBoundary", "Policies", "RoleName", "Tags"}
            ),
            required=frozenset({"AssumeRolePolicyDocument"}),
            create_only=frozenset({"Path", "RoleName"}),
            name=("RoleName", 64),
            identifier="RoleName",
            unordered=frozenset({"ManagedPolicyArns", "Policies", "Tags"}),
            tagged=True,
        ),
        Kind(
            "AWS::IAM::ManagedPolicy",
            ManagedPolicy(),
            properties=frozenset(
                {"Description", "Groups", "ManagedPolicyName", "Path", "PolicyDocument", "Roles", "Users"}
            ),
            required=frozenset({"PolicyDocument"}),
            create_only=frozenset({"Description", "ManagedPolicyName", "Path"}),
            name=("ManagedPolicyName", 128),
            identifier="PolicyArn",
            unordered=frozenset({"Groups", "Roles", "Users"}),
        ),
        Kind(
            "AWS::IAM::Policy",
            InlinePolicy(),
            properties=frozenset({"Groups", "PolicyDocument", "PolicyName", "Roles", "Users"}),
            required=frozenset({"PolicyDocument", "PolicyName"}),
            unordered=frozenset({"Groups", "Roles", "Users"}),
        ),
        Kind(
            "AWS::IAM::RolePolicy",
            InlinePolicy(),
            properties=frozenset({"PolicyDocument", "PolicyName", "RoleName"}),
            required=frozenset({"PolicyName", "RoleName"}),
            create_only=frozenset({"PolicyName", "RoleName"}),
        ),
        Kind("AWS::CDK::Metadata", None),
    )
}


def _by_arn(arn: str) -> Made:
    return Made(arn, {"Arn": arn})


def _role(role: Mapping[str, Any]) -> Made:
    return Made(role["RoleName"], {"Arn": role["Arn"], "RoleId": role["RoleId"]})


def _policy(policy: Mapping[str, Any]) -> Made:
    arn = policy["Arn"]
    return Made(arn, {"PolicyArn": arn, "PolicyId": policy["PolicyId"], "DefaultVersionId": policy["DefaultVersionId"]})


def _document(value: JsonValue) -> JsonValue:
    """A policy as IAM takes it: text. Members keep their order."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read_document(text: str) -> JsonValue:
    value: JsonValue = json.loads(unquote(text))
    return value


def _roles(properties: Properties) -> tuple[str, ...]:
    return texts(properties["RoleName"] if "RoleName" in properties else properties.get("Roles"))


def _inline_policies(properties: Properties) -> dict[str, JsonValue]:
    return {
        as_text(members(each).get("PolicyName")): members(each).get("PolicyDocument")
        for each in entries(properties.get("Policies"))
    }


def _tag_changes(old: Properties, new: Properties) -> tuple[list[JsonValue], list[JsonValue]]:
    """Tags to set, and keys to take away."""
    before, wanted = _tags(old), _tags(new)
    added: list[JsonValue] = [{"Key": key, "Value": value} for key, value in wanted.items() if before.get(key) != value]
    return added, [key for key in before if key not in wanted]


def _tags(properties: Properties) -> dict[str, str]:
    return {
        as_text(members(each).get("Key")): as_text(members(each).get("Value"))
        for each in entries(properties.get("Tags"))
    }


async def _or_none(iam: Iam, operation: str, **given: JsonValue) -> Mapping[str, Any] | None:
    try:
        return await iam(operation, **given)
    except AwsRefused as refused:
        if refused.facts.get("aws_code") == "NoSuchEntity":
            return None
        raise


async def _gone(iam: Iam, operation: str, **given: JsonValue) -> None:
    await _or_none(iam, operation, **given)


async def _attached(iam: Iam, role: str) -> tuple[str, ...]:
    listed = await iam("ListAttachedRolePolicies", RoleName=role)
    return tuple(each["PolicyArn"] for each in listed["AttachedPolicies"])


async def _attached_or_none(iam: Iam, role: str) -> tuple[str, ...] | None:
    listed = await _or_none(iam, "ListAttachedRolePolicies", RoleName=role)
    return None if listed is None else tuple(each["PolicyArn"] for each in listed["AttachedPolicies"])


async def _inline_names(iam: Iam, role: str) -> list[str]:
    return list((await iam("ListRolePolicies", RoleName=role))["PolicyNames"])


async def _inline(iam: Iam, role: str, name: str) -> dict[str, JsonValue]:
    policy = await iam("GetRolePolicy", RoleName=role, PolicyName=name)
    return {"PolicyName": name, "PolicyDocument": _read_document(policy["PolicyDocument"])}
