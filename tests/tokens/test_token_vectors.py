"""The tokens of `vectors/tokens`, each put together as its schema says and then verified."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwk
from jsonschema import Draft202012Validator

from daypass.errors import TokenRefused
from daypass.tokens import base64url
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.key_set import KeySet
from daypass.tokens.verify import VerifiedClaims, verify
from support.vectors import VECTORS, cases, documents

SIGNING_KEYS = {name: document["signing_keys"] for name, document in documents("tokens")}


@pytest.mark.parametrize("folder", ["tokens", "jwks"])
def test_vectors_keep_to_their_schema(folder: str) -> None:
    validator = Draft202012Validator(json.loads((VECTORS / folder / "schema.json").read_bytes()))
    Draft202012Validator.check_schema(validator.schema)
    for name, document in documents(folder):
        assert [error.message for error in validator.iter_errors(document)] == [], name
        ids = [case["id"] for case in document["cases"]]
        assert len(ids) == len(set(ids)), name


def token_of(case: dict[str, Any], signing_keys: dict[str, Any]) -> str:
    """Put a token together, good or bad."""
    if "token" in case:
        return str(case["token"])
    header = case["protected"].encode() if "protected" in case else json.dumps(case["header"]).encode()
    payload = case["payload"].encode() if "payload" in case else json.dumps(case["claims"]).encode()
    if "payload_hex" in case:
        payload = bytes.fromhex(case["payload_hex"])
    content = base64url.encode(header) + b"." + base64url.encode(payload)
    if "signature" in case:
        signature = b""
    elif "signature_hex" in case:
        signature = bytes.fromhex(case["signature_hex"])
    else:
        signature = sign(content, case["header"].get("alg"), signing_keys[case["sign_with"]])
    return (content + b"." + base64url.encode(signature)).decode()


def sign(content: bytes, alg: object, private_jwk: dict[str, str]) -> bytes:
    key = jwk.import_key({**private_jwk})
    fitting = [one for one in BY_NAME.values() if (one.kty, one.curve) == (key.key_type, private_jwk.get("crv"))]
    return next((one for one in fitting if one.name == alg), fitting[0]).model.sign(content, key)


def verified(case: dict[str, Any], token: str) -> VerifiedClaims:
    context = case["context"]
    return verify(
        token,
        keys=KeySet.parse(json.dumps(case["jwks"]).encode()),
        issuer=context["issuer"],
        audience=context["audience"],
        algorithms=frozenset(context["algorithms"]),
        now=datetime.fromtimestamp(context["now"], UTC),
        leeway_seconds=context["leeway_seconds"],
        max_lifetime_seconds=context["max_lifetime_seconds"],
    )


@pytest.mark.parametrize("case", cases("tokens"))
def test_token(case: dict[str, Any], request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.id.partition("::")[0]
    token = token_of(case, SIGNING_KEYS[name])
    expect = case["expect"]
    if expect["outcome"] == "accepted":
        claims = verified(case, token)
        assert dict(claims) == json.loads(case["payload"] if "payload" in case else json.dumps(case["claims"]))
        return
    with pytest.raises(TokenRefused) as refusal:
        verified(case, token)
    assert refusal.value.code == expect["code"], refusal.value.message
    if "problems" in expect:
        problems = refusal.value.facts["problems"]
        assert isinstance(problems, list)
        assert [problem["code"] for problem in problems] == expect["problems"]
    assert len(refusal.value.message) < 1000
