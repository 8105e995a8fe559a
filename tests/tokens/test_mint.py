"""What we mint, we and others read; what others mint, we read."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jwt as joserfc_jwt

from daypass.errors import TokenRefused
from daypass.secret import Secret
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import compact, mint, signing_input
from daypass.tokens.peek import peek
from daypass.tokens.verify import VerifiedClaims, verify, verify_signature
from support.tokens import private_key

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
ISSUER = "https://idp.example.com"
AUDIENCE = "sts.amazonaws.com"
CLAIMS = {
    "iss": ISSUER,
    "sub": "organization:org_1:project:prj_1:job:job_1",
    "aud": AUDIENCE,
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
    "jti": "a1",
    "project": {"id": "prj_1", "names": ["é", "🚀"]},
}
EVERY_ALGORITHM = pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
EXTRA_CLAIMS = st.dictionaries(
    TEXT,
    st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXT, st.lists, max_leaves=5),
    max_size=5,
)


def verified(token: str, keys: KeySet) -> VerifiedClaims:
    return verify(token, keys=keys, issuer=ISSUER, audience=AUDIENCE, algorithms=ALGORITHMS, now=NOW)


@EVERY_ALGORITHM
def test_mint_then_verify(algorithm: str) -> None:
    key = private_key(algorithm)
    token = mint(CLAIMS, key)
    claims = verified(token.reveal(), KeySet([key.public]))
    assert dict(claims) == CLAIMS
    assert dict(claims.header) == {"alg": algorithm, "kid": key.kid, "typ": "JWT"}
    assert isinstance(token, Secret)


@given(EXTRA_CLAIMS)
def test_any_claims_come_back(extra: dict[str, object]) -> None:
    key = private_key("ES256")
    claims = {**extra, **CLAIMS}
    assert dict(verified(mint(claims, key).reveal(), KeySet([key.public]))) == claims


def test_a_signer_elsewhere_makes_the_same_token() -> None:
    key = private_key("RS256")
    content = signing_input(CLAIMS, algorithm="RS256", kid=key.kid)
    assert compact(content, key.sign(content)) == mint(CLAIMS, key)


@pytest.mark.parametrize("typ", [None, "at+jwt"])
def test_typ_is_as_asked(typ: str | None) -> None:
    header = peek(mint(CLAIMS, private_key(), typ=typ).reveal()).header
    assert header.get("typ") == typ
    assert ("typ" in header) == (typ is not None)


@EVERY_ALGORITHM
def test_pyjwt_reads_ours(algorithm: str) -> None:
    key = private_key(algorithm)
    public = jwt.PyJWKSet.from_dict(json.loads(KeySet([key.public]).document()))[key.kid]
    token = mint(CLAIMS, key).reveal()
    options: jwt.types.Options = {"verify_exp": False, "verify_iat": False}
    assert jwt.decode(token, public, [algorithm], audience=AUDIENCE, issuer=ISSUER, options=options) == CLAIMS


@EVERY_ALGORITHM
def test_joserfc_reads_ours(algorithm: str) -> None:
    key = private_key(algorithm)
    keys = joserfc_jwk.KeySet.import_key_set(json.loads(KeySet([key.public]).document()))
    decoded = joserfc_jwt.decode(mint(CLAIMS, key).reveal(), keys, algorithms=[algorithm])
    assert decoded.claims == CLAIMS
    assert decoded.header["kid"] == key.kid


@EVERY_ALGORITHM
def test_we_read_pyjwts(algorithm: str) -> None:
    key = private_key(algorithm)
    raw = key._key.private_key
    assert raw is not None
    token = jwt.encode(CLAIMS, raw, algorithm, headers={"kid": key.kid})
    assert dict(verified(token, KeySet([key.public]))) == CLAIMS


@EVERY_ALGORITHM
def test_we_read_joserfcs(algorithm: str) -> None:
    key = private_key(algorithm)
    token = joserfc_jwt.encode({"alg": algorithm, "kid": key.kid}, CLAIMS, key._key, algorithms=[algorithm])
    assert dict(verified(token, KeySet([key.public]))) == CLAIMS


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_any_change_of_one_character_is_refused(algorithm: str) -> None:
    key = private_key(algorithm)
    keys = KeySet([key.public])
    token = mint(CLAIMS, key).reveal()
    for at, old in enumerate(token):
        for new in {"A", "B", "_", ".", "=", "é"} - {old}:
            changed = token[:at] + new + token[at + 1 :]
            with pytest.raises(TokenRefused):
                verified(changed, keys)


@settings(max_examples=300)
@given(st.data())
def test_any_change_of_bits_in_any_segment_is_refused(data: st.DataObject) -> None:
    key = private_key("ES256")
    parts = [base64.urlsafe_b64decode(part + "===") for part in mint(CLAIMS, key).reveal().split(".")]
    which = data.draw(st.integers(0, 2))
    at = data.draw(st.integers(0, len(parts[which]) - 1))
    changed = bytearray(parts[which])
    changed[at] ^= data.draw(st.integers(1, 255))
    parts[which] = bytes(changed)
    token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    with pytest.raises(TokenRefused):
        verified(token, KeySet([key.public]))


@given(st.text(st.sampled_from("eyJhbGciOiJFUzI1NiJ9.-_=AQ \n"), max_size=60) | st.text(max_size=30))
def test_any_text_is_refused_and_nothing_worse(token: str) -> None:
    with pytest.raises(TokenRefused):
        verified(token, KeySet([private_key().public]))


def test_claims_without_a_form_in_json_are_not_minted() -> None:
    for value in (NOW, b"bytes", "\ud800", {1}):
        with pytest.raises(TypeError):
            mint({"claim": value}, private_key())


def test_signature_alone() -> None:
    key = private_key()
    token = peek(mint({"anything": 1}, key).reveal())
    assert dict(verify_signature(token, key.public, algorithms={"ES256"})) == {"anything": 1}
