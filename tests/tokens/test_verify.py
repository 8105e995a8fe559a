"""Peeking and verifying: what the vectors do not hold."""

from __future__ import annotations

import copy
import pickle
import traceback
from datetime import UTC, datetime, timedelta, timezone

import pytest

from daypass.errors import TokenExpired, TokenIssuerMismatch, TokenMalformed, TokenTooLarge
from daypass.tokens import base64url
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.tokens.peek import UnverifiedToken, peek
from daypass.tokens.verify import VerifiedClaims, verify
from support.tokens import private_key, verified

NOW = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
START = int(NOW.timestamp())
CLAIMS = {"iss": "https://idp.example.com", "sub": "s", "aud": "a", "iat": START, "exp": START + 300}


def check(
    claims: dict[str, object], *, now: datetime = NOW, leeway_seconds: int = 30, max_length: int = 20_000
) -> VerifiedClaims:
    key = private_key()
    return verify(
        mint(claims, key).reveal(),
        keys=KeySet([key.public]),
        issuer="https://idp.example.com",
        audience="a",
        algorithms=ALGORITHMS,
        now=now,
        leeway_seconds=leeway_seconds,
        max_length=max_length,
    )


def test_peek_takes_apart() -> None:
    text = mint(CLAIMS, private_key()).reveal()
    token = peek(text)
    assert token.issuer == "https://idp.example.com"
    assert dict(token.claims) == CLAIMS
    assert token.header["alg"] == "ES256"
    assert token.signing_input.decode() + "." + base64url.encode(token.signature).decode() == text
    assert token.compact.reveal() == text


@pytest.mark.parametrize("issuer", [None, 7, ["https://idp.example.com"]])
def test_an_issuer_is_text(issuer: object) -> None:
    assert peek(mint({"iss": issuer}, private_key()).reveal()).issuer is None
    assert peek(mint({}, private_key()).reveal()).issuer is None


def test_what_is_peeked_is_read_only_and_not_printed() -> None:
    text = mint(CLAIMS, private_key()).reveal()
    token = peek(text)
    with pytest.raises(TypeError):
        token.claims["sub"] = "other"  # type: ignore[index]  # that it cannot be set is the point
    with pytest.raises(AttributeError):
        token.signature = b""  # type: ignore[misc]  # likewise
    shown = f"{token!r} {token} {[token]}"
    assert not any(part in shown for part in text.split("."))
    assert shown == "UnverifiedToken(…) UnverifiedToken(…) [UnverifiedToken(…)]"


def test_the_length_is_checked_before_anything_else() -> None:
    with pytest.raises(TokenTooLarge) as refusal:
        peek("." * 20_001)
    assert refusal.value.facts == {"length": 20_001, "max_length": 20_000}
    with pytest.raises(TokenMalformed):
        peek("." * 20_000)
    with pytest.raises(TokenTooLarge):
        check(CLAIMS, max_length=100)


def test_duplicates_may_be_read_as_aws_does() -> None:
    payload = base64url.encode(b'{"sub":"first","sub":"last"}').decode()
    assert peek(f"e30.{payload}.", duplicates="last").claims == {"sub": "last"}
    with pytest.raises(TokenMalformed, match="member `sub` comes twice"):
        peek(f"e30.{payload}.")


def test_verified_claims_are_made_by_verifying_only() -> None:
    token = peek(mint(CLAIMS, private_key()).reveal())
    with pytest.raises(TypeError, match="come from verifying"):
        VerifiedClaims(token, seal=object())
    with pytest.raises(TypeError):
        VerifiedClaims(token)  # type: ignore[call-arg]  # nobody has the seal
    claims = verified(CLAIMS)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            attempt(claims)


def test_verified_claims_are_a_read_only_mapping() -> None:
    claims = verified(CLAIMS)
    assert dict(claims) == CLAIMS
    assert len(claims) == 5
    assert claims.get("nobody") is None
    assert repr(claims) == "VerifiedClaims(iss, sub, aud, iat, exp)"
    assert not hasattr(claims, "__setitem__")


def test_a_problem_is_told_with_wanted_and_found() -> None:
    with pytest.raises(TokenIssuerMismatch) as refusal:
        check({**CLAIMS, "iss": "https://idp.example.com/", "exp": START - 100})
    assert refusal.value.message == "`iss` is `https://idp.example.com/`, not `https://idp.example.com`"
    assert refusal.value.facts["problems"] == [
        {"code": "token_issuer_mismatch", "message": refusal.value.message},
        {"code": "token_expired", "message": "the token expired 100 seconds ago"},
    ]


def test_the_zone_of_now_does_not_matter_but_must_be_there() -> None:
    assert check(CLAIMS, now=NOW.astimezone(timezone(timedelta(hours=-7))))
    with pytest.raises(ValueError, match="time zone"):
        check(CLAIMS, now=NOW.replace(tzinfo=None))


def test_leeway_is_small() -> None:
    with pytest.raises(TokenExpired):
        check(CLAIMS, now=NOW + timedelta(seconds=300), leeway_seconds=0)
    for leeway_seconds in (-1, 61):
        with pytest.raises(ValueError, match="0 to 60"):
            check(CLAIMS, leeway_seconds=leeway_seconds)


def test_no_refusal_shows_the_token() -> None:
    key = private_key()
    text = mint(CLAIMS, key).reveal()
    header, payload, signature = text.split(".")
    for bad in (
        text[:-1],
        text + "\n",
        f"{header}.{payload}.{signature[::-1]}",
        f"{header}.{payload[1:]}.{signature}",
    ):
        try:
            verify(bad, keys=KeySet([key.public]), issuer="i", audience="a", algorithms=ALGORITHMS, now=NOW)
        except Exception as fault:  # noqa: BLE001  # whatever it is, it must not tell
            shown = "".join(traceback.format_exception(fault)) + repr(vars(fault))
        else:
            pytest.fail("accepted")
        assert signature[:-1] not in shown
        assert payload[1:] not in shown


def test_peeked_tokens_are_not_pickled() -> None:
    token: UnverifiedToken = peek(mint(CLAIMS, private_key()).reveal())
    with pytest.raises(TypeError):
        pickle.dumps(token)
