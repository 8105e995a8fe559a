"""What IAM says of the account: its providers, the role, the trust policy.

Asked with the credentials that AWS's own tools would find, and never with the token. Blocking: call it in a thread.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import botocore.session

from daypass.aws.endpoint import IAM_REGIONS
from daypass.aws.role_reading import FAULTS, READING, is_absent, why_not
from daypass.doctor.facts import AccountFacts, ProviderFacts, RoleFacts

if TYPE_CHECKING:
    from daypass.names import RoleArn

_MOST_PROVIDERS_READ: Final = 5


def ask(role: RoleArn | None, issuer: str | None) -> AccountFacts | None:
    """Read it; None when there are no credentials here.

    Args:
        role: which is to be assumed; None: the providers alone.
        issuer: whose providers, and those nearly his, are read with their client ids.
    """
    session = botocore.session.Session()
    try:
        if session.get_credentials() is None:
            return None
        region = IAM_REGIONS.get("aws" if role is None else role.partition)
        iam: Any = session.create_client("iam", region_name=region, config=READING)
        sts: Any = session.create_client(
            "sts", region_name=session.get_config_variable("region") or region, config=READING
        )
    except FAULTS as error:
        return AccountFacts("iam", role_arn=None if role is None else str(role), unread=(why_not(error),))
    try:
        return _read(iam, sts, role, issuer)
    finally:
        iam.close()
        sts.close()


def _read(iam: Any, sts: Any, role: RoleArn | None, issuer: str | None) -> AccountFacts:
    unread: list[str] = []
    account = None
    try:
        account = str(sts.get_caller_identity()["Account"])
    except FAULTS as error:
        unread.append(f"whose credentials these are: {why_not(error)}")
    role_arn = None if role is None else str(role)
    if role is not None and account not in (None, role.account):
        unread.append(f"the credentials here are of account {account}, and the role is in {role.account}")
        return AccountFacts("iam", account=account, role_arn=role_arn, unread=tuple(unread))
    providers = None
    try:
        arns = [str(each["Arn"]) for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        providers = tuple(ProviderFacts(arn) for arn in arns)
    except FAULTS as error:
        unread.append(f"the account's providers: {why_not(error)}")
    found, absent = None, False
    if role is not None:
        try:
            answer = iam.get_role(RoleName=role.name)["Role"]
        except FAULTS as error:
            absent = is_absent(error)
            if not absent:
                unread.append(f"the role: {why_not(error)}")
        else:
            # IAM finds roles by name alone, whatever path the ARN has; STS does not.
            absent = answer["Arn"] != role_arn
            found = None if absent else _role(answer)
    if providers is not None:
        near = [each for each in providers if issuer is not None and alike(each.url, issuer)]
        named = [each for each in providers if found is not None and each.arn in (found.trust_policy or "")]
        details = {each.arn: _provider(iam, each, unread) for each in (near + named)[:_MOST_PROVIDERS_READ]}
        providers = tuple(details.get(each.arn, each) for each in providers)
    return AccountFacts("iam", account, role_arn, providers, found, absent, tuple(unread))


def alike(url: str, other: str) -> bool:
    """Whether two URLs of issuers could be meant to be the same."""
    return _core(url) == _core(other)


def _core(url: str) -> str:
    host, slash, path = url.lower().removeprefix("https://").removeprefix("http://").rstrip("/").partition("/")
    return host.removesuffix(":443") + slash + path


def _role(answer: dict[str, Any]) -> RoleFacts:
    return RoleFacts(
        arn=str(answer["Arn"]),
        trust_policy=json.dumps(answer["AssumeRolePolicyDocument"], indent=2),
        role_id=answer.get("RoleId"),
        max_session_seconds=answer.get("MaxSessionDuration"),
    )


def _provider(iam: Any, provider: ProviderFacts, unread: list[str]) -> ProviderFacts:
    try:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider.arn)
    except FAULTS as error:
        unread.append(f"the provider {provider.arn}: {why_not(error)}")
        return provider
    return ProviderFacts(provider.arn, tuple(found.get("ClientIDList", ())), tuple(found.get("ThumbprintList", ())))
