"""An issuer whose certificate leads to no trusted authority: the provider's thumbprints decide, as at AWS."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest
import trustme
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.https_issuer import HttpsIssuer, https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.local_aws import LocalAws

DIFFERS: Final = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
NO_KEY: Final = (
    "Couldn't retrieve verification key from your identity provider,"
    "  please reference AssumeRoleWithWebIdentity documentation for requirements"
)
OTHER: Final = "b" * 40


def sha1(pem: bytes) -> str:
    certificate = x509.load_pem_x509_certificate(pem)
    return hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def top() -> trustme.CA:
    """What a server of a private authority sends at the end of its chain: the root stays at home."""
    return trustme.CA().create_child_ca()


@pytest.fixture(scope="module")
def stranger(top: trustme.CA) -> Iterator[HttpsIssuer]:
    """An issuer whose authority nobody here trusts."""
    with https_issuer(top.create_child_ca()) as issuer:
        yield issuer


def login(aws: LocalAws, issuer: HttpsIssuer, *thumbprints: str) -> str:
    """Who the session is, or AWS's text; the provider is made when it is not there, else its list is replaced."""
    aws.issuer = issuer
    iam = aws.client("iam")
    try:
        iam.create_open_id_connect_provider(
            Url=issuer.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[*thumbprints]
        )
        iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=aws.policy())
    except iam.exceptions.EntityAlreadyExistsException:
        arn = aws.provider_arn
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[*thumbprints])
    try:
        return str(aws.assume()["AssumedRoleUser"]["Arn"])
    except ClientError as refused:
        answer = refused.response
    code, status = answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    return str(answer["Error"]["Message"]) if (code, status) == ("InvalidIdentityToken", 400) else f"{status} {code}"


def let_in(answer: str) -> bool:
    return answer.endswith(":assumed-role/deploy/job-1")


def test_the_top_certificate_as_served_lets_in(aws: LocalAws, stranger: HttpsIssuer, top: trustme.CA) -> None:
    assert let_in(login(aws, stranger, OTHER, sha1(top.cert_pem.bytes()).upper()))


def test_no_other_certificate_does(aws: LocalAws, stranger: HttpsIssuer) -> None:
    assert login(aws, stranger, OTHER) == DIFFERS


def test_a_list_that_is_changed_counts_at_once_both_ways(aws: LocalAws, stranger: HttpsIssuer, top: trustme.CA) -> None:
    """Keys that were fetched by a thumbprint are not kept for a list without it."""
    assert login(aws, stranger, OTHER) == DIFFERS
    assert let_in(login(aws, stranger, sha1(top.cert_pem.bytes())))
    assert login(aws, stranger, OTHER) == DIFFERS


def test_keys_that_one_account_believes_are_not_anothers(aws: LocalAws, stranger: HttpsIssuer, top: trustme.CA) -> None:
    assert let_in(login(aws, stranger, sha1(top.cert_pem.bytes())))
    other = aws.client("iam", {"AccessKeyId": "444455556666", "SecretAccessKey": "test"})
    other.create_open_id_connect_provider(Url=stranger.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[OTHER])
    with pytest.raises(ClientError) as refused:
        aws.assume(RoleArn="arn:aws:iam::444455556666:role/deploy")
    assert refused.value.response["Error"]["Message"] == DIFFERS


def test_a_trusted_authority_needs_no_thumbprint(aws: LocalAws) -> None:
    assert let_in(login(aws, aws.issuer, OTHER))


def test_the_servers_own_certificate_is_not_the_top_one(aws: LocalAws, ca: trustme.CA) -> None:
    """A leaf's thumbprint is the classic mistake."""
    authority = trustme.CA().create_child_ca()
    leaf = authority.issue_cert("localhost")
    with https_issuer(authority, certificate=leaf) as issuer:
        assert login(aws, issuer, sha1(leaf.cert_chain_pems[0].bytes())) == DIFFERS
        assert let_in(login(aws, issuer, sha1(authority.cert_pem.bytes())))


def test_a_certificate_that_stands_alone_is_its_own_top(aws: LocalAws) -> None:
    """The chain is sent without the authority's certificate: the only one sent is the last one."""
    leaf = trustme.CA().issue_cert("localhost")
    with https_issuer(trustme.CA(), certificate=leaf) as issuer:
        assert let_in(login(aws, issuer, sha1(leaf.cert_chain_pems[0].bytes())))


@pytest.mark.parametrize("fault", ["another name", "expired", "signed by another"])
def test_a_thumbprint_vouches_for_nothing_else(aws: LocalAws, fault: str) -> None:
    """Name, dates and signatures count as ever: whoever copies a public certificate into a chain is not believed."""
    authority = trustme.CA().create_child_ca()
    thumbprint = sha1(authority.cert_pem.bytes())
    if fault == "another name":
        certificate = authority.issue_cert("elsewhere.example.com")
    elif fault == "expired":
        certificate = authority.issue_cert("localhost", not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    else:
        own = trustme.CA().issue_cert("localhost")
        certificate = trustme.LeafCert(
            own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes(), [authority.cert_pem.bytes()]
        )
    with https_issuer(authority, certificate=certificate) as issuer:
        assert login(aws, issuer, thumbprint) == NO_KEY


def test_the_host_of_the_keys_must_be_vouched_for_too(aws: LocalAws, stranger: HttpsIssuer, top: trustme.CA) -> None:
    """With two hosts of two authorities, both thumbprints are needed (reported in public)."""
    with https_issuer(other := trustme.CA().create_child_ca()) as keys:
        metadata = {"issuer": stranger.url, "jwks_uri": f"https://localhost:{keys.port}/keys"}
        stranger.documents["/t/.well-known/openid-configuration"] = json.dumps(metadata).encode()
        keys.documents["/keys"] = stranger.documents["/keys"]
        one, two = sha1(top.cert_pem.bytes()), sha1(other.cert_pem.bytes())
        try:
            assert login(aws, stranger, one) == DIFFERS
            assert login(aws, stranger, two) == DIFFERS
            assert let_in(login(aws, stranger, one, two))
        finally:
            stranger.reset()


def test_the_owner_is_told(aws: LocalAws, stranger: HttpsIssuer) -> None:
    login(aws, stranger, OTHER)
    with pytest.raises(ClientError) as refused:
        aws.assume()
    told: Any = json.loads(
        aws.raw("GET", refused.value.response["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]).body
    )
    assert "leads to no trusted authority" in told["detail"]
