"""AssumeRoleWithWebIdentity answers as AWS does: code, status and text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from daypass.sts import answers
from daypass.sts.decide import Granted, decide
from daypass.sts.observed import Observed
from daypass.sts.refusal import Refusal
from daypass.sts.request import read_request
from daypass.sts.token import inspect_token
from daypass.testing.conformance.cases import ACCOUNT, Case, build
from support.sts_vectors import ROLE_ID, keys, provider, role, sts_cases
from support.vectors import VECTORS, documents

ISSUER = "https://localhost:8443/idp"
NOW = datetime(2026, 9, 12, 10, 0, tzinfo=UTC)


def answered(case: Case) -> Granted | Refusal:
    """The whole call, as the local AWS makes it."""
    request = read_request(case.parameters)
    if isinstance(request, Refusal):
        return request
    token = inspect_token(request.token.reveal())
    if isinstance(token, Refusal):
        return token
    return decide(
        request,
        token,
        provider=provider(case),
        keys=keys(case),
        role=role(case),
        now=NOW,
        source_ip="127.0.0.1",
        region="us-east-1",
        observed=Observed.parse([f"{name}={value}" for name, value in case.settings.items()]),
    )


@pytest.mark.parametrize("vector", sts_cases())
def test_the_answer_is_awss(vector: dict[str, Any]) -> None:
    case = build(vector, issuer=ISSUER, now=NOW)
    answer = answered(case)
    if isinstance(answer, Refusal):
        found = {"code": answer.answer.code, "status": answer.answer.http_status, "message": answer.message}
        assert found == case.expect, answer.detail
        assert answer.detail
        assert case.parameters.get("WebIdentityToken", "?") not in answer.detail + answer.message
        return
    assert "granted" in case.expect, answer
    wanted = case.expect["granted"]
    assert (answer.audience, answer.subject) == (wanted["audience"], wanted["subject"])
    assert answer.duration_seconds == wanted["duration_seconds"]
    assert answer.packed_policy_size == wanted["packed_policy_size"]
    assert answer.source_identity == wanted["source_identity"]
    assert dict(answer.tags.principal_tags) == wanted.get("tags", {})
    assert list(answer.tags.transitive_keys) == wanted.get("transitive_tag_keys", [])
    assert answer.session_arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci-1"
    assert answer.assumed_role_id == f"{ROLE_ID}:ci-1"
    assert str(answer.provider) == case.provider_arn


ELSEWHERE = {
    "THUMBPRINT_DIFFERS",  # tests/localaws/test_thumbprints.py: issuers with certificates of their own
    "IDP_OUT_OF_REACH",  # tests/localaws/test_arranged_faults.py: AWS's own troubles
    "REGION_DISABLED",  # likewise
}


def test_every_text_is_reached_by_a_vector() -> None:
    """A text that no case reaches would be a text that nobody checked."""
    reached = {answer.message for answer in map(_refused, sts_cases()) if answer is not None}
    texts = {name: text for name, text in vars(answers).items() if isinstance(text, answers.Text)}
    unreached = {name for name, text in texts.items() if not any(_fits(text.template, message) for message in reached)}
    assert unreached == ELSEWHERE


def _refused(parameters: Any) -> Refusal | None:
    answer = answered(build(parameters.values[0], issuer=ISSUER, now=NOW))
    return answer if isinstance(answer, Refusal) else None


def _fits(template: str, message: str) -> bool:
    head, _, tail = template.partition("{")
    tail = tail.rpartition("}")[2] if tail else ""
    return message == template or ("{" in template and message.startswith(head) and message.endswith(tail))


def test_the_vectors_have_their_schema() -> None:
    schema = json.loads((VECTORS / "sts" / "schema.json").read_bytes())
    for name, document in documents("sts"):
        jsonschema.validate(document, schema)
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name
