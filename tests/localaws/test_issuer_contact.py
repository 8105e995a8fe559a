"""A provider that is made without thumbprints: IAM asks the issuer, over real TLS, and keeps what it shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from daypass.fetching.thumbprint import thumbprint
from support.https_issuer import https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.https_issuer import HttpsIssuer
    from support.local_aws import LocalAws

NO_CONNECTION = "Could not connect to openid configuration of provider: {}"
NO_CONFIGURATION = "Please check .well-known/openid-configuration of provider: {} is valid"


def sha1(pem: bytes) -> str:
    certificate = x509.load_pem_x509_certificate(pem)
    return hashlib.sha1(certificate.public_bytes(Encoding.DER), usedforsecurity=False).hexdigest()


@pytest.fixture
def iam(aws: LocalAws) -> Any:
    return aws.client("iam", config=Config(parameter_validation=False, retries={"max_attempts": 0}))


def refused(iam: Any, url: str, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        iam.create_open_id_connect_provider(Url=url, **given)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (
        "OpenIdIdpCommunicationError", 400,
    )  # fmt: skip
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    return str(answer["Error"]["Message"])


def thumbprints(iam: Any, url: str, **given: Any) -> list[str]:
    arn = iam.create_open_id_connect_provider(Url=url, **given)["OpenIDConnectProviderArn"]
    return list(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ThumbprintList"])


def test_the_last_certificate_of_a_chain_is_the_one() -> None:
    assert thumbprint([b"leaf", b"intermediate", b"top"]) == hashlib.sha1(b"top", usedforsecurity=False).hexdigest()


def test_a_server_that_sends_itself_alone_is_known_by_its_own(iam: Any, aws: LocalAws) -> None:
    der = ssl.PEM_cert_to_DER_cert(_certificate_of(aws.issuer))
    assert thumbprints(iam, aws.issuer.url) == [hashlib.sha1(der, usedforsecurity=False).hexdigest()]


def _certificate_of(issuer: HttpsIssuer) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", issuer.port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return ssl.DER_cert_to_PEM_cert(der)


@pytest.fixture
def top_intermediate(ca: trustme.CA) -> trustme.CA:
    return ca.create_child_ca()


@pytest.fixture
def chained(top_intermediate: trustme.CA) -> Iterator[HttpsIssuer]:
    """An issuer under two intermediates; it sends both, and not the root."""
    with https_issuer(top_intermediate.create_child_ca()) as issuer:
        yield issuer


def test_the_top_intermediate_as_served_is_kept(iam: Any, chained: HttpsIssuer, top_intermediate: trustme.CA) -> None:
    assert thumbprints(iam, chained.url) == [sha1(top_intermediate.cert_pem.bytes())]
    assert chained.fetches == 0  # the keys are not read


def test_an_empty_list_is_none(iam: Any, chained: HttpsIssuer, top_intermediate: trustme.CA) -> None:
    assert thumbprints(iam, chained.url, ThumbprintList=[]) == [sha1(top_intermediate.cert_pem.bytes())]


def test_the_host_that_has_the_keys_counts(
    iam: Any, aws: LocalAws, chained: HttpsIssuer, top_intermediate: trustme.CA
) -> None:
    """IAM User Guide, "Obtain the thumbprint": the host of `jwks_uri`, which may be another."""
    metadata = {"issuer": aws.issuer.url, "jwks_uri": f"https://localhost:{chained.port}/keys"}
    aws.issuer.documents["/t/.well-known/openid-configuration"] = json.dumps(metadata).encode()
    assert thumbprints(iam, aws.issuer.url) == [sha1(top_intermediate.cert_pem.bytes())]


def test_with_a_thumbprint_nobody_is_asked(iam: Any) -> None:
    assert thumbprints(iam, "https://nobody.invalid", ThumbprintList=["A" * 40]) == ["a" * 40]


def test_nobody_there(iam: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"https://localhost:{gone.getsockname()[1]}/t"
    assert refused(iam, url) == NO_CONNECTION.format(url)
    assert refused(iam, "https://nobody.invalid") == NO_CONNECTION.format("https://nobody.invalid")


def test_an_authority_that_is_not_trusted(iam: Any) -> None:
    with https_issuer(trustme.CA()) as stranger:
        assert refused(iam, stranger.url) == NO_CONNECTION.format(stranger.url)
        assert thumbprints(iam, stranger.url, ThumbprintList=["b" * 40]) == ["b" * 40]


def test_addresses_that_may_not_be_asked_are_not(iam: Any) -> None:
    """A URL chooses where this machine connects to: the metadata service is not for it (CWE-918)."""
    url = "https://169.254.169.254"
    with pytest.raises(ClientError) as caught:
        iam.create_open_id_connect_provider(Url=url)
    assert caught.value.response["Error"]["Message"] == NO_CONNECTION.format(url)


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b"[]", b"{}", b'{"issuer": "https://other.example"}', b"a" * 200_000, None],
)
def test_documents_that_are_no_configuration(iam: Any, aws: LocalAws, document: bytes | None) -> None:
    path = "/t/.well-known/openid-configuration"
    if document is None:
        del aws.issuer.documents[path]
    else:
        aws.issuer.documents[path] = document
    assert refused(iam, aws.issuer.url) == NO_CONFIGURATION.format(aws.issuer.url)


def test_cheaper_refusals_come_before_the_issuer_is_asked(iam: Any) -> None:
    with pytest.raises(ClientError, match="fewer than 5 entries"):
        iam.create_open_id_connect_provider(Url="https://nobody.invalid", ThumbprintList=["a" * 40] * 6)


def test_the_reason_is_told_to_the_owner(iam: Any, aws: LocalAws) -> None:
    with https_issuer(trustme.CA()) as stranger, pytest.raises(ClientError) as caught:
        iam.create_open_id_connect_provider(Url=stranger.url)
    why = aws.raw("GET", caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"])
    assert "its certificate is not trusted" in json.loads(why.body)["detail"]
    assert "With a ThumbprintList the issuer is not contacted." in json.loads(why.body)["detail"]


def test_the_slow_do_not_hold_up_the_others_and_the_first_wins(iam: Any, aws: LocalAws) -> None:
    """Two are made at once for one issuer: both ask, one is made, the other hears that it exists."""

    async def both() -> list[str]:
        def one() -> str:
            client = aws.client("iam")
            try:
                client.create_open_id_connect_provider(Url=aws.issuer.url)
            except ClientError as fault:
                return str(fault.response["Error"]["Code"])
            return "made"

        return sorted(await asyncio.gather(*(asyncio.to_thread(one) for _ in range(4))))

    assert asyncio.run(both()) == ["EntityAlreadyExists"] * 3 + ["made"]
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1


def test_an_issuer_that_says_nothing_ends_after_the_budget(iam: Any, aws: LocalAws) -> None:
    """While it is waited for, others are served."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://localhost:{silent.getsockname()[1]}/t"

        async def meanwhile() -> tuple[float, float]:
            began = time.monotonic()
            waiting = asyncio.create_task(asyncio.to_thread(refused, iam, url))
            await asyncio.sleep(0.3)
            client = aws.client("sts")
            await asyncio.to_thread(client.get_caller_identity)
            served = time.monotonic() - began
            assert await waiting == NO_CONNECTION.format(url)
            return served, time.monotonic() - began

        served, ended = asyncio.run(meanwhile())
    assert served < 3.0
    assert 4.0 < ended < 9.0
