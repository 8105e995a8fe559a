"""AWS as an issuer: GetWebIdentityToken, what the issuer publishes, and tokens that others verify."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from botocore.exceptions import ClientError
from joserfc import jwt as jose
from joserfc.jwk import KeySet as JoseKeySet

from daypass.fetching import Fetcher
from daypass.localaws.app import LocalAwsConfig, build
from daypass.names import IssuerUrl
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify
from support.asgi import served
from support.local_aws import ACCOUNT, Clock, LocalAws

if TYPE_CHECKING:
    from pathlib import Path

    import trustme

AUDIENCE = "https://idp.example.com"
AWS_CLAIM = "https://sts.amazonaws.com/"
MAY = {"Effect": "Allow", "Action": ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"], "Resource": "*"}


def token_of(sts: Any, **arguments: Any) -> Any:
    given = {"Audience": [AUDIENCE], "SigningAlgorithm": "RS256", **arguments}
    return sts.get_web_identity_token(**given)


def refused(call: Any, *arguments: Any, **named: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def claims_of(answer: Any) -> dict[str, Any]:
    return dict(peek(answer["WebIdentityToken"]).claims)


def issuer_of(aws: LocalAws) -> str:
    return str(aws.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"])


def published(aws: LocalAws, issuer: str, name: str) -> Any:
    outbound_id = issuer.removeprefix("https://").partition(".")[0]
    return json.loads(aws.raw("GET", f"/_daypass/outbound/{outbound_id}/.well-known/{name}").body)


def test_the_feature_is_switched_in_awss_words(aws: LocalAws) -> None:
    iam = aws.client("iam")
    off = ("FeatureDisabled", 404, f"Outbound identity federation is disabled for account {ACCOUNT}")
    again = ("FeatureDisabled", 404, f"Outbound identity federation is already disabled for account {ACCOUNT}")
    on = ("FeatureEnabled", 409, f"Outbound identity federation is already enabled for account {ACCOUNT}")
    assert refused(iam.get_outbound_web_identity_federation_info) == off
    assert refused(iam.disable_outbound_web_identity_federation) == again
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert re.fullmatch(r"https://[0-9a-f-]{36}\.tokens\.sts\.global\.api\.aws", issuer)
    assert refused(iam.enable_outbound_web_identity_federation) == on
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (issuer, True)
    keys = published(aws, issuer, "jwks.json")
    iam.disable_outbound_web_identity_federation()
    assert refused(iam.get_outbound_web_identity_federation_info) == off
    assert published(aws, issuer, "jwks.json") == keys, "what was issued can still be verified"
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == issuer
    assert published(aws, issuer, "jwks.json") == keys


def test_accounts_are_issuers_of_their_own(aws: LocalAws) -> None:
    other = aws.client("iam", {"AccessKeyId": "444455556666", "SecretAccessKey": "test"})
    first, second = issuer_of(aws), other.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert first != second
    keys = [published(aws, issuer, "jwks.json")["keys"] for issuer in (first, second)]
    assert keys[0][0]["n"] != keys[1][0]["n"]


def test_an_account_that_did_not_enable_it_issues_nothing(aws: LocalAws) -> None:
    text = "Outbound web identity federation is disabled for your account"
    disabled = ("OutboundWebIdentityFederationDisabledException", 403, text)
    assert refused(token_of, aws.client("sts")) == disabled
    issuer_of(aws)
    assert token_of(aws.client("sts"))
    aws.client("iam").disable_outbound_web_identity_federation()
    assert refused(token_of, aws.client("sts")) == disabled


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "RSA_0"), ("ES384", "EC384_0")])
def test_others_verify_the_tokens(aws: LocalAws, algorithm: str, kid: str) -> None:
    issuer = issuer_of(aws)
    token = token_of(aws.client("sts"), SigningAlgorithm=algorithm)["WebIdentityToken"]
    keys = published(aws, issuer, "jwks.json")
    assert peek(token).header == {"alg": algorithm, "kid": kid, "typ": "JWT"}
    assert [(key["kid"], key["alg"], key["use"]) for key in keys["keys"]] == [
        ("RSA_0", "RS256", "sig"),
        ("EC384_0", "ES384", "sig"),
    ]
    jose.decode(token, JoseKeySet.import_key_set(keys), algorithms=[algorithm])
    key = jwt.PyJWKSet.from_dict(keys)[kid]
    claims = jwt.decode(token, key, algorithms=[algorithm], audience=AUDIENCE, issuer=issuer)
    assert claims["sub"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_what_a_session_s_token_says(ready: LocalAws) -> None:
    aws, now = ready, ready.clock.stop()
    issuer = issuer_of(aws)
    aws.permit(MAY)
    iam = aws.client("iam")
    iam.create_role(
        RoleName="runner",
        Path="/ci/",
        Tags=[{"Key": "Team", "Value": "role"}, {"Key": "cost", "Value": "7"}],
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": ACCOUNT},
                        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                    }
                ],
            }
        ),
    )
    aws.permit(MAY, role="runner")
    credentials = aws.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci/runner",
        RoleSessionName="job",
        SourceIdentity="alice",
        Tags=[{"Key": "team", "Value": "session"}],
    )["Credentials"]
    answer = token_of(
        aws.client("sts", credentials, region_name="eu-west-1"),
        Audience=["one", "two"],
        DurationSeconds=60,
        Tags=[{"Key": "stage", "Value": "test"}],
    )
    claims = claims_of(answer)
    jti = claims.pop("jti")
    assert re.fullmatch("[0-9a-f-]{36}", jti)
    assert claims == {
        "iss": issuer,
        "sub": f"arn:aws:iam::{ACCOUNT}:role/ci/runner",
        "aud": ["one", "two"],
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 60,
        AWS_CLAIM: {
            "aws_account": ACCOUNT,
            "source_region": "eu-west-1",
            "principal_id": f"arn:aws:iam::{ACCOUNT}:role/ci/runner",
            "source_identity": "alice",
            "original_session_exp": credentials["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "principal_tags": {"team": "session", "cost": "7"},
            "request_tags": {"stage": "test"},
        },
    }
    assert answer["Expiration"] == now + timedelta(seconds=60)
    federated = claims_of(token_of(aws.client("sts", aws.assume()["Credentials"])))
    assert federated[AWS_CLAIM]["federated_provider"] == aws.provider_arn
    assert federated["aud"] == AUDIENCE
    assert federated["exp"] - federated["iat"] == 300


def test_no_token_outlives_its_session(ready: LocalAws) -> None:
    ready.clock.stop()
    issuer_of(ready)
    ready.permit(MAY)
    sts = ready.client("sts", ready.assume(DurationSeconds=900)["Credentials"])
    assert token_of(sts, DurationSeconds=900)
    told = refused(token_of, sts, DurationSeconds=901)
    assert told[:2] == ("SessionDurationEscalationException", 403)


def test_a_payload_has_its_limit(aws: LocalAws) -> None:
    """14,984 bytes are taken and one more is not, as observed on AWS; Unicode counts in UTF-8."""
    issuer_of(aws)
    sts = aws.client("sts")

    def asked(last: str) -> Any:
        audiences = ["a" * 1000] * 9 + [last]
        tags = [{"Key": f"k{n:02}", "Value": "v" * 256 if n < 18 else ""} for n in range(49)]
        return token_of(sts, Audience=audiences, Tags=tags)

    payload = asked("a")["WebIdentityToken"].split(".")[1]
    room = 14_984 - len(payload) * 3 // 4
    assert 0 < room < 999
    assert len(asked("a" * (1 + room))["WebIdentityToken"].split(".")[1]) * 3 // 4 == 14_984
    told = ("JWTPayloadSizeExceededException", 400, "JWT payload exceeds maximum allowed size")
    assert refused(asked, "a" * (2 + room)) == told
    assert refused(asked, "ü" + "a" * room) == told


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"SigningAlgorithm": "HS256"}, "signingAlgorithm"),
        ({"DurationSeconds": 3601}, "durationSeconds"),
        ({"Audience": ["a"] * 11}, "audience"),
        ({"Audience": ["a" * 1001]}, "audience"),
    ],
)
def test_parameters_have_their_limits(aws: LocalAws, arguments: dict[str, Any], text: str) -> None:
    issuer_of(aws)
    code, status, message = refused(token_of, aws.client("sts"), **arguments)
    assert (code, status) == ("ValidationError", 400)
    assert f"'{text}" in message


def test_a_token_for_nobody_is_no_way_round_a_condition_on_its_audiences(ready: LocalAws) -> None:
    """`ForAllValues` holds for no values, so an empty list must not come that far."""
    issuer_of(ready)
    condition = {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE}}
    ready.permit({**MAY, "Condition": condition})
    sts = ready.client("sts", ready.assume()["Credentials"])

    def emptied(params: dict[str, Any], **_: object) -> None:
        params["body"] = {name: value for name, value in params["body"].items() if not name.startswith("Audience")}
        params["body"]["Audience"] = ""

    sts.meta.events.register("before-call.sts", emptied)
    code, status, text = refused(token_of, sts)
    assert (code, status) == ("ValidationError", 400)
    assert text.startswith("1 validation error detected: Value at 'audience' failed to satisfy constraint")


def test_permissions_and_their_conditions(ready: LocalAws) -> None:
    issuer_of(ready)
    sts = ready.client("sts", ready.assume()["Credentials"])
    assert "sts:GetWebIdentityToken" in refused(token_of, sts)[2]
    conditions = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE},
        "StringEquals": {"sts:SigningAlgorithm": "ES384"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
    }
    ready.permit({"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*", "Condition": conditions})
    assert token_of(sts, SigningAlgorithm="ES384")
    for change in (
        {"SigningAlgorithm": "RS256"},
        {"SigningAlgorithm": "ES384", "DurationSeconds": 301},
        {"SigningAlgorithm": "ES384", "Audience": [AUDIENCE, "other"]},
    ):
        assert refused(token_of, sts, **change)[0] == "AccessDenied"
    tags = [{"Key": "stage", "Value": "test"}]
    told = refused(token_of, sts, SigningAlgorithm="ES384", Tags=tags)
    assert "sts:TagGetWebIdentityToken" in told[2]


def test_our_own_way_out_reaches_the_issuer_by_its_name(ca: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    """Over TLS, for the host that `iss` names, led here as `--connect-to` does; and then the token verifies."""
    pem = tmp_path / "server.pem"
    ca.issue_cert("*.tokens.sts.global.api.aws", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    clock = Clock()
    with served(build(LocalAwsConfig(), clock), certificate=pem) as port:
        aws = _over_tls(port, clock)
        there: dict[str, Any] = {"endpoint_url": f"https://127.0.0.1:{port}", "verify": str(ca_file)}
        iam, sts = aws.client("iam", **there), aws.client("sts", **there)
        issuer = IssuerUrl.parse(iam.enable_outbound_web_identity_federation()["IssuerIdentifier"])
        token = token_of(sts, SigningAlgorithm="ES384")["WebIdentityToken"]
        fetcher = Fetcher(connect_to={(issuer.host, 443): ("127.0.0.1", port)}, trust=[ca_file])
        fetched = asyncio.run(fetcher.key_set(issuer))
        for client in aws.clients:
            client.close()
    claims = verify(
        token,
        keys=fetched.keys,
        issuer=issuer.text,
        audience=AUDIENCE,
        algorithms={"ES384"},
        now=clock(),
    )
    assert claims["sub"] == f"arn:aws:iam::{ACCOUNT}:root"


def _over_tls(port: int, clock: Clock) -> LocalAws:
    return LocalAws(port=port, clock=clock, issuer=None, start=lambda _: None)  # type: ignore[arg-type]  # no issuer beside it


def test_the_issuer_s_name_opens_nothing_but_its_documents(aws: LocalAws) -> None:
    host = issuer_of(aws).removeprefix("https://")
    there = {"host": host}
    assert json.loads(aws.raw("GET", "/.well-known/openid-configuration", headers=there).body) == {
        "issuer": f"https://{host}",
        "jwks_uri": f"https://{host}/.well-known/jwks.json",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", AWS_CLAIM],
    }
    for method, path in [("GET", "/"), ("POST", "/"), ("POST", "/.well-known/jwks.json"), ("GET", "/_daypass/why/x")]:
        assert aws.raw(method, path, headers=there).status == 404
    assert aws.raw("GET", "/", headers={"host": "0" + host}).status == 403
    assert aws.raw("GET", "/.well-known/jwks.json").status != 200
    assert aws.raw("GET", "/_daypass/outbound/none/.well-known/jwks.json").status == 404
