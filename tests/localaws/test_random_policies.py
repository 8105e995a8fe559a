"""Random policies and tokens: what the wire says is what the engine says of claims that it never saw on the wire.

The condition keys are computed here by hand, from AWS's documentation, and not by the product's own reading of a token.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest
from botocore.credentials import Credentials

from daypass.errors import DaypassError
from daypass.permissions.decision import Request as Wish
from daypass.permissions.document import PermissionsPolicy
from daypass.permissions.evaluate import Attached, Policies, allows
from daypass.testing.conformance import shapes
from daypass.testing.conformance.endpoint import Endpoint
from daypass.trust.context import Context
from daypass.trust.decision import Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.role_trust import check_role_trust
from daypass.trust.statement import Principal, PrincipalKind
from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from support.local_aws import LocalAws

ROUNDS: Final = int(os.environ.get("DAYPASS_RANDOM_POLICIES", "1000"))
LOGIN: Final = "sts:AssumeRoleWithWebIdentity"
FAIR_SHARE: Final = 0.2
TAGS: Final = "https://aws.amazon.com/tags"
SOURCE: Final = "https://aws.amazon.com/source_identity"
SUBJECTS: Final = [
    *("project:shop:main", "project:shop:dev", "Project:Shop:main", "project:shop:main:x", "project:shöp:main"),
    *("a*b", "a?b", "${aws:SourceIp}", "42", "a", "𝔭roject:shop:main", "sts.amazonaws.com"),
]
TEXT_OPERATORS: Final = [
    *("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
    *("StringLike", "StringNotLike"),
]
MULTIVALUED: Final = ("amr", "oaud")


@pytest.fixture
def endpoint(aws: LocalAws) -> Iterator[Endpoint]:
    aws.clock.stop()
    aws.prepare()
    with Endpoint("ours", aws.url, Credentials(ACCOUNT, "test")) as entered:
        yield entered


@dataclass(frozen=True)
class Asked:
    """A token's claims, a session name, and the condition keys that follow from them."""

    claims: dict[str, Any]
    session_name: str
    keys: dict[str, tuple[str, ...]]
    actions: tuple[str, ...]


def a_token(chance: random.Random, prefix: str, now: datetime) -> Asked:
    claims: dict[str, Any] = {"sub": chance.choice([*SUBJECTS, 42])}
    audience = "sts.amazonaws.com"
    keys: dict[str, tuple[str, ...]] = {f"{prefix}:aud": (audience,), f"{prefix}:sub": (str(claims["sub"]),)}
    if chance.random() < 0.3:
        claims |= {"azp": audience, "aud": chance.sample(["web", "api", "cli"], chance.randint(1, 2))}
        keys[f"{prefix}:oaud"] = tuple(claims["aud"])
    if chance.random() < 0.5:
        claims["amr"] = chance.sample(["pwd", "mfa", "otp", "MFA"], chance.randint(1, 3))
        keys[f"{prefix}:amr"] = tuple(claims["amr"])
    if chance.random() < 0.5:
        claims["email"] = chance.choice(["a@example.com", "A@example.com", "b@example.org"])
        keys[f"{prefix}:email"] = (claims["email"],)
    claims["repository"] = "acme/shop"  # never a key of an issuer of one's own
    session_name = chance.choice(["ci-1", "ci-22", "release", "CI-1"])
    actions = [LOGIN]
    if chance.random() < 0.3:
        tags = {name: chance.choice(["a", "b", "project:shop:main"]) for name in chance.sample(["team", "stage"], 1)}
        transitive = list(tags) if chance.random() < 0.5 else []
        claims[TAGS] = {
            "principal_tags": {name: [value] for name, value in tags.items()},
            "transitive_tag_keys": transitive,
        }
        keys |= {f"aws:RequestTag/{name}": (value,) for name, value in tags.items()}
        keys |= {"aws:TagKeys": tuple(tags)} | ({"sts:TransitiveTagKeys": tuple(transitive)} if transitive else {})
        actions.append("sts:TagSession")
    if chance.random() < 0.2:
        claims[SOURCE] = chance.choice(["someone", "someone-else"])
        keys["sts:SourceIdentity"] = (claims[SOURCE],)
        actions.append("sts:SetSourceIdentity")
    keys |= {
        "sts:RoleSessionName": (session_name,),
        "sts:RoleAuthorizedByIdp": ("false",),
        "aws:SourceIp": ("127.0.0.1",),
        "aws:SecureTransport": ("false",),
        "aws:RequestedRegion": ("us-east-1",),
        "aws:EpochTime": (str(int(now.timestamp())),),
        "aws:CurrentTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
    }
    return Asked(claims, session_name, keys, tuple(actions))


def like(chance: random.Random, value: str) -> str:
    """A pattern or text that may well fit a value."""
    cut = chance.randint(0, len(value))
    return chance.choice(
        [
            *(value, value, value, value.upper(), value + "*", value[:cut] + "*", "*" + value[cut:], "*"),
            *("?" * len(value), value[:cut] + "?" + value[cut + 1 :], value[:cut] + "*" + value[cut:]),
            *("${aws:RequestTag/team}", "${sts:RoleSessionName}*", "${aws:TagKeys, 'a'}", "${*}"),
        ]
    )


def a_condition(chance: random.Random, prefix: str, keys: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    value: str | list[str]
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3])):
        kind = chance.random()
        if kind < 0.08:
            operator, key, value = "Null", chance.choice([*keys, f"{prefix}:email"]), chance.choice(["true", "false"])
        elif kind < 0.14:
            operator, key = chance.choice(["IpAddress", "NotIpAddress"]), "aws:SourceIp"
            value = chance.choice(["127.0.0.0/8", "127.0.0.1", "192.0.2.0/24", "::/0"])
        elif kind < 0.20:
            operator = chance.choice(["NumericLessThan", "NumericGreaterThanEquals", "NumericNotEquals"])
            key, value = "aws:EpochTime", chance.choice(["0", "99999999999", "nothing"])
        elif kind < 0.26:
            operator = chance.choice(["DateLessThan", "DateGreaterThan"])
            key, value = "aws:CurrentTime", chance.choice(["2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"])
        elif kind < 0.32:
            operator, key = "Bool", chance.choice(["aws:SecureTransport", "sts:RoleAuthorizedByIdp"])
            value = chance.choice(["true", "false", "FALSE", ""])
        else:
            operator = chance.choice(TEXT_OPERATORS) + chance.choice(["", "", "", "IfExists"])
            absent = [f"{prefix}:email", f"{prefix}:amr", f"{prefix}:repository", "aws:RequestTag/team", "aws:TagKeys"]
            key = chance.choice([f"{prefix}:sub"] * 4 + [*keys] + absent)
            values = [like(chance, each) for each in keys.get(key, ("x",))] + chance.sample(SUBJECTS, 1)
            value = values if chance.random() < 0.3 else values[0]
            if key.endswith(("Keys", *MULTIVALUED)):
                operator = chance.choice(["ForAnyValue:", "ForAllValues:", ""]) + operator
        if chance.random() < 0.1:
            key = key.upper() if chance.random() < 0.5 else key.lower()
        block.setdefault(operator, {})[key] = value
    return block


def a_trust_policy(chance: random.Random, provider: str, prefix: str, asked: Asked) -> str:
    statements = []
    for _ in range(chance.choice([1, 1, 2, 3])):
        principal = chance.choice([provider] * 12 + [f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com"])
        wide = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
        statement = {
            "Effect": chance.choice(["Allow"] * 5 + ["Deny"]),
            "Principal": {"Federated": principal},
            "Action": chance.choice([wide, wide, wide, LOGIN, ["sts:TagSession", "sts:SetSourceIdentity"]]),
        }
        if chance.random() < 0.9:
            statement["Condition"] = a_condition(chance, prefix, asked.keys)
        statements.append(statement)
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def is_taken(document: str) -> bool:
    try:
        check_role_trust(Policy.parse(document))
    except DaypassError:
        return False
    return True


def test_the_wire_lets_in_whom_the_trust_engine_lets_in(aws: LocalAws, endpoint: Endpoint) -> None:
    chance, prefix, now = random.Random(20260912), aws.issuer.url.removeprefix("https://"), aws.clock()
    principal = Principal(PrincipalKind.FEDERATED, aws.provider_arn)
    multivalued = frozenset({*(f"{prefix}:{name}" for name in MULTIVALUED), "aws:TagKeys", "sts:TransitiveTagKeys"})
    verdicts = []
    for number in range(ROUNDS):
        asked = a_token(chance, prefix, now)
        document = a_trust_policy(chance, aws.provider_arn, prefix, asked)
        updated = endpoint.call("iam", "UpdateAssumeRolePolicy", {"RoleName": "deploy", "PolicyDocument": document})
        assert (updated.status == 200) == is_taken(document), (number, document, updated.text("Message"))
        if updated.status != 200:
            continue
        policy, context = Policy.parse(document), Context(asked.keys, multivalued)
        wanted = all(evaluate(policy, Request(principal, action, context)).allowed for action in asked.actions)
        answer = endpoint.assume(
            {
                "RoleArn": aws.role_arn(),
                "RoleSessionName": asked.session_name,
                "WebIdentityToken": aws.token(**asked.claims),
            }
        )
        assert answer.status == (200 if wanted else 403), (number, document, asked, answer.text("Message"))
        if not wanted:
            assert answer.text("Message") == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
        verdicts.append(wanted)
    assert len(verdicts) > 0.9 * ROUNDS  # AWS takes no policy whose keys differ only in letter case
    assert FAIR_SHARE < sum(verdicts) / len(verdicts) < 1 - FAIR_SHARE


# ------------------------------------------------------------------------------------------- after the login

WISHES: Final = {
    "GetRole": {"RoleName": "deploy"},
    "ListRolePolicies": {"RoleName": "deploy"},
    "ListRoles": {},
    "ListOpenIDConnectProviders": {},
}


def a_permissions_policy(chance: random.Random, prefix: str, keys: Mapping[str, tuple[str, ...]]) -> str:
    role = f"arn:aws:iam::{ACCOUNT}:role/deploy"
    statements = []
    for _ in range(chance.randint(1, 3)):
        statement: dict[str, Any] = {"Effect": chance.choice(["Allow"] * 4 + ["Deny"])}
        actions = [*(f"iam:{name}" for name in WISHES), "iam:*", "IAM:get*", "iam:List?oles", "*", "s3:GetObject"]
        statement[chance.choice(["Action"] * 6 + ["NotAction"])] = chance.sample(actions, chance.randint(1, 4))
        resources = [role, f"arn:aws:iam::{ACCOUNT}:role/*", "*", "*", f"arn:aws:iam::{ACCOUNT}:role/d?ploy"]
        resources += [f"arn:aws:iam::{ACCOUNT}:role/other", "arn:aws:iam::*:role/${aws:PrincipalTag/team}*"]
        statement[chance.choice(["Resource"] * 8 + ["NotResource"])] = chance.sample(resources, chance.randint(1, 2))
        if chance.random() < 0.5:
            statement["Condition"] = a_condition(chance, prefix, keys)
        statements.append(statement)
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def taken_permissions(document: str) -> PermissionsPolicy | None:
    try:
        return PermissionsPolicy.parse(document)
    except DaypassError:
        return None


def test_the_wire_permits_what_the_permissions_engine_permits(aws: LocalAws, endpoint: Endpoint) -> None:
    chance, prefix, now = random.Random(20260913), aws.issuer.url.removeprefix("https://"), aws.clock()
    trust = json.loads(aws.policy())
    trust["Statement"][0]["Action"] = [LOGIN, "sts:TagSession"]
    endpoint.call("iam", "UpdateAssumeRolePolicy", {"RoleName": "deploy", "PolicyDocument": json.dumps(trust)})
    tags = {"principal_tags": {"team": ["deploy"]}, "transitive_tag_keys": []}
    login = {
        "RoleArn": aws.role_arn(),
        "RoleSessionName": "ci-1",
        "WebIdentityToken": aws.token(**{TAGS: tags, "amr": ["pwd", "mfa"]}),
    }
    operation = shapes.sts_model().operation_model("AssumeRoleWithWebIdentity")
    keys = {
        f"{prefix}:sub": ("workspace:one",),
        f"{prefix}:aud": ("sts.amazonaws.com",),
        f"{prefix}:amr": ("pwd", "mfa"),
        "aws:PrincipalTag/team": ("deploy",),
        "aws:PrincipalArn": (aws.role_arn(),),
        "aws:PrincipalAccount": (ACCOUNT,),
        "aws:FederatedProvider": (aws.provider_arn,),
        "aws:SourceIp": ("127.0.0.1",),
        "aws:SecureTransport": ("false",),
        "aws:RequestedRegion": ("us-east-1",),
        "aws:EpochTime": (str(int(now.timestamp())),),
        "aws:CurrentTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
    }
    verdicts = []
    for number in range(ROUNDS // 3):
        document = a_permissions_policy(chance, prefix, keys)
        inline = taken_permissions(document)
        put = {"RoleName": "deploy", "PolicyName": "random", "PolicyDocument": document}
        written = endpoint.call("iam", "PutRolePolicy", put)
        assert (written.status == 200) == (inline is not None), (number, document, written.text("Message"))
        text = a_permissions_policy(chance, prefix, keys) if chance.random() < 0.4 else None
        given = None if text is None else taken_permissions(text)
        if inline is None or (text is not None and (given is None or len(text) > 2048)):
            continue
        answer = endpoint.assume({**login, **({} if text is None else {"Policy": text})})
        assert answer.status == 200, (text, answer.text("Message"))
        read = shapes.parsed(operation, answer.status, answer.headers, answer.body)["Credentials"]
        credentials = Credentials(read["AccessKeyId"], read["SecretAccessKey"], read["SessionToken"])
        policies = Policies(
            (Attached("inline policy random", inline),),
            session=None if given is None else (Attached("the session's policy", given),),
        )
        for name, parameters in WISHES.items():
            resource = aws.role_arn() if parameters else "*"
            if name == "ListRoles":
                resource = f"arn:aws:iam::{ACCOUNT}:role/"
            elif name == "ListOpenIDConnectProviders":
                resource = f"arn:aws:iam::{ACCOUNT}:oidc-provider/*"
            wanted = allows(policies, Wish(f"iam:{name}", resource, Context(keys, frozenset({f"{prefix}:amr"}))))
            answer = endpoint.call("iam", name, parameters, credentials)
            assert answer.status == (200 if wanted else 403), (number, name, document, text, answer.text("Message"))
            if not wanted:
                assert answer.text("Code") == "AccessDenied"
            verdicts.append(wanted)
    assert len(verdicts) > ROUNDS
    assert FAIR_SHARE < sum(verdicts) / len(verdicts) < 1 - FAIR_SHARE
