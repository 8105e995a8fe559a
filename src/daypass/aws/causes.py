"""What to look at when AWS refuses a token and nobody can read the role: by answer and by issuer, likeliest first.

Data: a sentence, and for some a pattern of the subject without which it is not worth saying. Sources: what users of
each issuer reported most often, the issuers' pages about AWS, and IAM User Guide, "Troubleshoot OIDC federation".
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass.subjects.recognition import recognise_token
from daypass.trust.explain import shown
from daypass.trust.session import ROLES_CLAIM, TAGS_CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.names import RoleArn
    from daypass.tokens.strict_json import JsonValue


class Cause(NamedTuple):
    """A sentence with the names of `words_for`; `only` must be found in the subject."""

    text: str
    only: str = ""


_SUBJECT: Final = Cause(
    "the trust policy's condition on {issuer}:sub must match the sub above, letter case included; only StringLike knows"
    " * and ?"
)
_AUDIENCE: Final = Cause("its condition on {issuer}:aud must be the aud above")
_PRINCIPAL: Final = Cause(
    "its Principal must be Federated, the provider oidc-provider/{issuer} of account {account}, and its Action"
    " sts:AssumeRoleWithWebIdentity"
)
_ABSENT: Final = Cause("the role must exist in account {account} with exactly this ARN, its path included")
_PROPAGATION: Final = Cause("a role or policy changed a moment ago takes some seconds to count: {wait}")
_OTHER_CLAIMS: Final = Cause(
    "for this issuer AWS tests nothing but sub, aud and amr; a condition on any other claim never matches"
)
# Of AccessDenied, before the ones that all issuers share.
_DENIED: Final[Mapping[str, tuple[Cause, ...]]] = {
    "github": (
        Cause(
            "this job has an `environment:`, so its sub ends in :environment:NAME, and names no branch",
            r":environment:",
        ),
        Cause(
            "this run is for a pull request, so its sub ends in :pull_request, and names no branch: a policy for"
            " branches keeps it out on purpose",
            r":pull_request$",
        ),
        Cause(
            "repositories made, renamed or transferred since 15 July 2026 have ids in their sub, "
            "repo:OWNER@ID/NAME@ID:…; a policy with names alone does not match it",
            r"^repo:[^/]*@",
        ),
        Cause("owner and repository are written in the sub as GitHub has them, letter case included"),
    ),
    "gitlab": (
        Cause("this pipeline is for a tag, so its sub has ref_type:tag, not ref_type:branch", r":ref_type:tag:"),
        Cause(
            "the sub names one branch: for all of a project's write StringLike and project_path:GROUP/PROJECT:ref_type:"
            "branch:ref:*",
            r":ref_type:branch:",
        ),
        Cause(
            "the project may have another subject than project_path first (ci_id_token_sub_claim_components), so"
            " compare with the sub above, not with a page's example"
        ),
    ),
    "gitpod": (
        Cause("the sub is the URL that the workspace was opened with: from a branch it has /tree/BRANCH", r"/tree/"),
        Cause("the condition keys begin with the issuer and its path: {issuer}:sub"),
    ),
    "ona-v2": (Cause("an organization that changed to version 3 has other subjects: organization_id:…:project_id:…"),),
    "ona-v3": (
        Cause("the fields of the sub are the organization's setting; each added one makes it longer, so end with :*"),
    ),
    "circleci": (
        Cause("the sub names the user who started the pipeline: write StringLike and org/ORG/project/PROJECT/user/*"),
        Cause("the audience is the organization's id, not sts.amazonaws.com"),
    ),
    "buildkite": (
        Cause("the sub names ref, commit and step: write StringLike and organization:ORG:pipeline:PIPELINE:*"),
    ),
    "bitbucket": (Cause("the sub is {{REPOSITORY}}:{{STEP}} with braces: write StringLike and {{REPOSITORY}}:*"),),
    "hcp-terraform": (
        Cause("plan and apply have subjects of their own: …:run_phase:plan and …:run_phase:apply; write …:run_phase:*"),
        Cause("the sub has names with blanks as they are: project:Default Project"),
    ),
    "azure-devops": (
        Cause("a pipeline's own sub is p://ORG/PROJECT/PIPELINE, a service connection's sc://ORG/PROJECT/CONNECTION"),
    ),
    "kubernetes": (Cause("the sub is system:serviceaccount:NAMESPACE:NAME; look at both names"),),
    "jenkins": (Cause("the sub is the job's URL unless the credential's claim template says otherwise"),),
    "daypass": (Cause("the sub is that of the organization's format: daypass org show tells it"),),
}
_TAGS: Final = Cause("the token carries session tags, so the trust policy must allow sts:TagSession to it, too")
_ROLES: Final = Cause("the token's roles claim must list this role")

_NO_PROVIDER: Final = (
    Cause(
        "account {account} must have an IAM OIDC provider for exactly https://{issuer}, path and letter case included:"
        " aws iam create-open-id-connect-provider --url {url} --client-id-list {client}"
    ),
    Cause("a provider made a moment ago takes some seconds to count: {wait}"),
    Cause("the role's account must be the one with the provider: look at the account in the role's ARN"),
)
_NOT_VALIDATED: Final = (
    Cause(
        "the aud above must be among the provider's client IDs: aws iam add-client-id-to-open-id-connect-provider"
        " --open-id-connect-provider-arn {arn} --client-id {client}"
    ),
    Cause("where the token has azp, that is what must be among them"),
    Cause(
        "the token must be signed with a key of https://{issuer}; an issuer that changed keys under one kid fails so"
    ),
)
# By the beginning of AWS's message.
_OTHERS: Final = (
    ("InvalidIdentityToken", "No OpenIDConnect provider found", _NO_PROVIDER),
    ("InvalidIdentityToken", "The web identity token provided could not be validated", _NOT_VALIDATED),
    ("InvalidIdentityToken", "Incorrect token audience", _NOT_VALIDATED[:2]),
)


def causes(
    claims: Mapping[str, JsonValue], *, aws_code: object, aws_message: str, role: RoleArn, waits: bool = True
) -> tuple[str, ...]:
    """What to look at, in this order; nothing for an answer that says itself what it means.

    Args:
        claims: of the token; nobody verified them.
        aws_code: of AWS's answer.
        aws_message: of AWS's answer.
        role: which was asked for.
        waits: whether the command that was typed has --wait.
    """
    known = {**words_for(claims, role), "wait": "add --wait" if waits else "try again in a moment"}
    subject = str(claims.get("sub", ""))
    return tuple(
        each.text.format(**known)
        for each in _likely(claims, aws_code, aws_message)
        if not each.only or re.search(each.only, subject)
    )


def words_for(claims: Mapping[str, JsonValue], role: RoleArn) -> dict[str, str]:
    """What the sentences name: `issuer` without https://, `account`; and as words of a command `url`, `client`, `arn`.

    A token's claims are anybody's words: none may end the line, or a command that is copied to a shell.
    """
    found, audience = claims.get("iss", "ISSUER"), claims.get("aud", "AUDIENCE")
    issuer = shown(str(found)).removeprefix("https://")
    client = shown(str(audience[0] if isinstance(audience, list) and audience else audience))
    return {
        "issuer": issuer,
        "account": role.account,
        "url": shlex.quote(f"https://{issuer}"),
        "client": shlex.quote(client),
        "arn": shlex.quote(f"arn:{role.partition}:iam::{role.account}:oidc-provider/{issuer}"),
    }


def _likely(claims: Mapping[str, JsonValue], aws_code: object, aws_message: str) -> Iterator[Cause]:
    if aws_code != "AccessDenied":
        for code, text, known in _OTHERS:
            if aws_code == code and aws_message.startswith(text):
                yield from known
        return
    found = recognise_token(claims)
    name = "" if found is None else found.token_format.name
    if any(claim == TAGS_CLAIM or claim.startswith(f"{TAGS_CLAIM}/") for claim in claims):
        yield _TAGS
    if ROLES_CLAIM in claims:
        yield _ROLES
    # A sentence about this very subject is likelier than the ones for every token.
    special = _DENIED.get("gitlab" if name.startswith("gitlab") else name, ())
    yield from (each for each in special if each.only)
    yield _SUBJECT
    yield from (each for each in special if not each.only)
    yield _AUDIENCE
    yield _PRINCIPAL
    if name not in ("github", "gitlab", "circleci", "buildkite"):
        yield _OTHER_CLAIMS
    yield _ABSENT
    yield _PROPAGATION
