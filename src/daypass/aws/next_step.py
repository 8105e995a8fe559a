"""The one next step after a refusal whose reason is known: what to type or change, for this token and this role.

Where nobody told the reason there is `causes`. Data: AWS's code, the beginning of AWS's message, what must be in the
explanation, and the step. Commands are on lines of their own, so that they can be copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from daypass.aws.causes import words_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.names import RoleArn
    from daypass.tokens.strict_json import JsonValue


class _Step(NamedTuple):
    code: str
    message: str
    explanation: str
    text: str


_ACCEPT_AUDIENCE: Final = (
    "Ask for a token with an audience that the provider has: `aud:` below the job's `id_tokens:` in GitLab, elsewhere"
    " --audience. Or let the provider take this one, too:\n"
    "  aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} --client-id {client}"
)
_STEPS: Final = (
    _Step(
        "InvalidIdentityToken",
        "The web identity token provided could not be validated",
        "signature",
        "Get a new token, and log in again. If that one is refused, too, then something changes it on its way (a"
        " variable that cuts, quotes or wraps it), or https://{issuer} signs with another key than it publishes.",
    ),
    _Step(
        "InvalidIdentityToken",
        "The web identity token provided could not be validated",
        "`alg`",
        "Use the token as the platform gives it. If you run the issuer: let it sign with RS256 or ES256.",
    ),
    _Step("InvalidIdentityToken", "The web identity token provided could not be validated", "`a", _ACCEPT_AUDIENCE),
    _Step("InvalidIdentityToken", "Incorrect token audience", "", _ACCEPT_AUDIENCE),
    _Step(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found",
        "",
        "If {account} is the right account, make the provider in it:\n"
        "  aws iam create-open-id-connect-provider --url {url} --client-id-list {client}\n"
        "If you made it a moment ago, {again}.",
    ),
    _Step(
        "AccessDenied",
        "",
        "there is no role",
        "Compare the ARN, its path and letter case included, with the roles of account {account}:\n"
        "  aws iam list-roles --query 'Roles[].Arn'\n"
        "If you made it a moment ago, {again}.",
    ),
)
_WITH_EDIT: Final = "if it should get in, the smallest safe edit:"
_EDIT: Final = (
    "Make this edit where the role is defined (Terraform, CloudFormation, …). For a role that was made by hand, write"
    " the whole policy, with the edit in it, to trust-policy.json:\n"
    "  aws iam update-assume-role-policy --role-name {name} --policy-document file://trust-policy.json\n"
    "Then {again}: a changed policy takes some seconds to count."
)


def next_step(
    claims: Mapping[str, JsonValue],
    *,
    aws_code: object,
    aws_message: str,
    explanation: str,
    role: RoleArn,
    waits: bool = True,
) -> str | None:
    """What to do now, in lines; None when the explanation says it, or nothing is known.

    Args:
        claims: of the token; nobody verified them.
        aws_code: of AWS's answer.
        aws_message: of AWS's answer.
        explanation: why it was refused.
        role: which was asked for.
        waits: whether the command that was typed has --wait.
    """
    again = "log in again with --wait" if waits else "try again in a moment"
    if _WITH_EDIT in explanation:
        return _EDIT.format(name=role.name, again=again)
    for step in _STEPS:
        if aws_code == step.code and aws_message.startswith(step.message) and step.explanation in explanation:
            return step.text.format(**words_for(claims, role), again=again)
    return None
