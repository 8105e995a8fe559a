"""What to do after a refusal whose reason is known; the pictures of docs/denials.md show the rest."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from daypass.aws.causes import causes
from daypass.aws.next_step import next_step
from daypass.names import RoleArn
from daypass.trust.attempt import Attempt, likely_provider
from daypass.trust.document import Policy
from daypass.trust.edit import smallest_edit
from daypass.trust.explain import narrate
from daypass.trust.steps import explain

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

ROLE = RoleArn.parse("arn:aws-cn:iam::111122223333:role/ci/deploy")
CLAIMS: dict[str, JsonValue] = {"iss": "https://idp.example.com/t/1", "aud": ["a", "b"], "sub": "job"}
NOT_VALIDATED = "The web identity token provided could not be validated. See the documentation."


def step(explanation: str, *, code: str = "InvalidIdentityToken", message: str = NOT_VALIDATED) -> str | None:
    return next_step(CLAIMS, aws_code=code, aws_message=message, explanation=explanation, role=ROLE)


@pytest.mark.parametrize(
    ("explanation", "wanted"),
    [
        ("the token's signature is not its issuer's", "Get a new token"),
        ("`alg` is not one of ES256, RS256", "as the platform gives it"),
        (
            "`aud` is `a`, and the provider has `b` registered as client id",
            "arn arn:aws-cn:iam::111122223333:oidc-provider/idp.example.com/t/1 --client-id a",
        ),
        ("`azp` is `c`, and the provider has `b` registered as client id", "--audience"),
    ],
)
def test_one_answer_of_aws_has_three_ways_out(explanation: str, wanted: str) -> None:
    assert wanted in (step(explanation) or "")


def test_commands_fit_the_token_and_the_role() -> None:
    made = step(
        "no provider", message="No OpenIDConnect provider found in your account for https://idp.example.com/t/1"
    )
    assert made is not None
    assert "\n  aws iam create-open-id-connect-provider --url https://idp.example.com/t/1 --client-id-list a\n" in made
    absent = step(f"there is no role {ROLE}", code="AccessDenied", message="Not authorized")
    assert absent is not None
    assert "roles of account 111122223333" in absent


def test_what_explains_itself_has_no_step() -> None:
    assert step("anything", code="ExpiredTokenException", message="Token expired") is None
    assert step("denied: no statement allows it", code="AccessDenied", message="Not authorized") is None


def test_a_real_edit_is_followed_by_how_to_make_it() -> None:
    """The words of the engine are what is looked for; this fails when they change."""
    policy = Policy.parse(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",'
        ' "Principal": {"Federated": "arn:aws-cn:iam::111122223333:oidc-provider/idp.example.com/t/1"},'
        ' "Condition": {"StringEquals": {"idp.example.com/t/1:sub": "other", "idp.example.com/t/1:aud": "a"}}}]}'
    )
    claims = CLAIMS | {"aud": "a"}
    provider = likely_provider(policy, "https://idp.example.com/t/1", role=ROLE)
    explanation = explain(
        policy,
        Attempt.imagine(claims, provider=provider, now=datetime(2026, 1, 1, tzinfo=UTC), role=ROLE, session_name="ab"),
    )
    words = narrate(explanation, smallest_edit(explanation))
    assert "--role-name deploy --policy-document" in (step(words, code="AccessDenied", message="Not authorized") or "")


HOSTILE = "x; touch /tmp/owned #\nnext: run $(this)\x1b[2J"


@pytest.mark.parametrize("claim", ["aud", "iss"])
def test_a_claim_cannot_add_to_a_command_that_is_copied(claim: str) -> None:
    claims = CLAIMS | {claim: HOSTILE}
    message = "No OpenIDConnect provider found in your account"
    told = next_step(claims, aws_code="InvalidIdentityToken", aws_message=message, explanation="", role=ROLE)
    assert told is not None
    assert "\x1b" not in told
    (command,) = (line for line in told.splitlines() if "create-open-id-connect-provider" in line)
    words = shlex.split(command)
    assert len(words) == 7
    assert "touch" in (words[6] if claim == "aud" else words[4])
    likely = causes(claims, aws_code="InvalidIdentityToken", aws_message=message, role=ROLE)
    assert not any("\n" in text or "\x1b" in text for text in likely)


def test_a_command_without_wait_is_not_told_to_wait_by_it() -> None:
    for explanation in ("there is no role", "if it should get in, the smallest safe edit:"):
        told = next_step(
            CLAIMS, aws_code="AccessDenied", aws_message="no", explanation=explanation, role=ROLE, waits=False
        )
        assert told is not None
        assert "--wait" not in told
        assert "try again in a moment" in told.lower()
