"""Make what seed files say. What is there already is brought to what the file says; what the file leaves out stays.

An account's own administrator asks for everything, through the front: AWS's limits and texts hold as on the wire.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, ParamValidationError

from daypass import files
from daypass.localaws.inside import Inside
from daypass.names import ProviderArn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from daypass.localaws.app import Application
    from daypass.localaws.seed.document import Seed

_MAX_POLICY_BYTES: Final = 1024 * 1024
_REGION: Final = "us-east-1"
_THERE: Final = frozenset(
    {"EntityAlreadyExists", "ResourceExistsException", "BucketAlreadyOwnedByYou", "BucketAlreadyExists"}
)


async def apply(front: Application, seeds: Sequence[Seed]) -> None:
    """Make all that the seeds say, in their order.

    Raises:
        RequestInvalid: when the local AWS refuses something; the message has the place, code and text.
        FileUnavailable: when a policy's file cannot be read.
    """
    loop = asyncio.get_running_loop()
    for seed in seeds:
        for number, account in seed.accounts.items():
            await asyncio.to_thread(_Furnisher(seed, number, Inside(front, loop, number)).furnish, account)


class _Furnisher:
    """One account of one seed."""

    def __init__(self, seed: Seed, account: str, inside: Inside) -> None:
        self._seed = seed
        self._account = account
        self._inside = inside
        self._iam: Any = inside.client("iam")

    def furnish(self, account: Mapping[str, Any]) -> None:
        # In this order, because each may need those before it.
        makers: tuple[tuple[str, Callable[[Mapping[str, Any], str], None]], ...] = (
            ("providers", self._provider),
            ("policies", self._policy),
            ("roles", self._role),
            ("secrets", self._secret),
            ("buckets", self._bucket),
        )
        for kind, make in makers:
            for index, thing in enumerate(account.get(kind, ())):
                at = f"/accounts/{self._account}/{kind}/{index}"
                try:
                    make(thing, at)
                except ClientError as error:
                    told = error.response["Error"]
                    raise self._seed.fault(at, f"refused: {told['Code']}: {told['Message']}") from None
                except ParamValidationError as error:
                    raise self._seed.fault(at, str(error).replace("\n", " ")) from None

    def _provider(self, given: Mapping[str, Any], _: str) -> None:
        client_ids, thumbprints = given.get("client_ids", []), given.get("thumbprints", [])
        tags = _tags(given)
        if self._made(
            self._iam.create_open_id_connect_provider,
            Url=given["url"],
            ClientIDList=client_ids,
            ThumbprintList=thumbprints,
            Tags=tags,
        ):
            return
        arn = str(ProviderArn("aws", self._account, given["url"].removeprefix("https://")))
        there = self._iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        if "client_ids" in given:
            for one in set(client_ids) - set(there["ClientIDList"]):
                self._iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=one)
            for one in set(there["ClientIDList"]) - set(client_ids):
                self._iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=one)
        if thumbprints and [text.lower() for text in thumbprints] != there["ThumbprintList"]:
            self._iam.update_open_id_connect_provider_thumbprint(
                OpenIDConnectProviderArn=arn, ThumbprintList=thumbprints
            )
        if tags:
            self._iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=tags)

    def _policy(self, given: Mapping[str, Any], at: str) -> None:
        text = self._document(given["document"], f"{at}/document")
        asked = {"PolicyName": given["name"], "PolicyDocument": text, "Tags": _tags(given)}
        asked |= {key: given[name] for key, name in (("Path", "path"), ("Description", "description")) if name in given}
        if self._made(self._iam.create_policy, **asked):
            return
        arn = self._policy_arn(given["name"], given.get("path", "/"))
        default = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        there = self._iam.get_policy_version(PolicyArn=arn, VersionId=default)["PolicyVersion"]["Document"]
        if there != json.loads(text):
            raise self._seed.fault(
                at, "a managed policy of this name is there and says something else", "Delete it, or use a new folder."
            )

    def _role(self, given: Mapping[str, Any], at: str) -> None:
        name, trust = given["name"], self._document(given["trust_policy"], f"{at}/trust_policy")
        tags, boundary = _tags(given), given.get("boundary")
        asked = {"RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": tags}
        pairs = (("Path", "path"), ("Description", "description"), ("MaxSessionDuration", "max_session_seconds"))
        asked |= {key: given[each] for key, each in pairs if each in given}
        if boundary is not None:
            asked["PermissionsBoundary"] = self._policy_arn(boundary)
        if not self._made(self._iam.create_role, **asked):
            there = self._iam.get_role(RoleName=name)["Role"]
            if there["Path"] != given.get("path", "/"):
                raise self._seed.fault(at, f"a role of this name is there, with the path {there['Path']}")
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
            update = {key: asked[key] for key in ("Description", "MaxSessionDuration") if key in asked}
            if update:
                self._iam.update_role(RoleName=name, **update)
            if boundary is not None:
                self._iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=asked["PermissionsBoundary"])
        for policy, document in given.get("policies", {}).items():
            text = self._document(document, f"{at}/policies/{policy}")
            self._iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)
        for policy in given.get("attached", ()):
            self._iam.attach_role_policy(RoleName=name, PolicyArn=self._policy_arn(policy))

    def _secret(self, given: Mapping[str, Any], _: str) -> None:
        client = self._inside.client("secretsmanager", given.get("region", _REGION))
        asked = {"Tags": tags} if (tags := _tags(given)) else {}
        if self._made(client.create_secret, Name=given["name"], SecretString=given["value"], **asked):
            return
        if client.get_secret_value(SecretId=given["name"])["SecretString"] != given["value"]:
            client.put_secret_value(SecretId=given["name"], SecretString=given["value"])

    def _bucket(self, given: Mapping[str, Any], _: str) -> None:
        region = given.get("region", _REGION)
        client = self._inside.client("s3", region)
        where = {} if region == _REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        if not self._made(client.create_bucket, Bucket=given["name"], **where):
            client.head_bucket(Bucket=given["name"])

    def _made(self, create: Callable[..., Any], **asked: Any) -> bool:
        """Whether it was made now; False when it is there already."""
        try:
            create(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in _THERE:
                return False
            raise
        return True

    def _policy_arn(self, text: str, path: str = "/") -> str:
        return text if text.startswith("arn:") else f"arn:aws:iam::{self._account}:policy{path}{text}"

    def _document(self, given: Any, pointer: str) -> str:
        """A policy's text: as it is, of an object, or of a file beside the seed file."""
        if isinstance(given, str):
            return given
        if set(given) != {"file"}:
            return json.dumps(given)
        file = self._seed.file.parent / given["file"]
        try:
            return files.read_bounded(file, _MAX_POLICY_BYTES).decode("utf-8")
        except UnicodeDecodeError:
            raise self._seed.fault(pointer, f"`{file}` is not UTF-8") from None


def _tags(given: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.get("tags", {}).items()]
