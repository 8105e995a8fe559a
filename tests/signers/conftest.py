"""Signers outside of the process: the local AWS's KMS, and SoftHSM."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from daypass.localaws.app import LocalAwsConfig, build
from daypass.secret import Secret
from daypass.signers import AwsKmsSigner, Pkcs11Signer
from support.asgi import served
from support.local_aws import ACCOUNT, Clock, end
from support.registry import StoppedClock
from support.softhsm import LABEL, PIN, SoftHsm, softhsm

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def kms_endpoint() -> Iterator[str]:
    """A local AWS, and its account's credentials in the environment."""
    app = build(LocalAwsConfig(), Clock())
    with served(app) as port, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        environment.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield f"http://127.0.0.1:{port}"
    asyncio.run(end(app))


@pytest.fixture
def issuer() -> str:
    """Another installation for each test."""
    return f"https://{secrets.token_hex(8)}.example"


@pytest.fixture
def kms(kms_endpoint: str, issuer: str) -> Iterator[AwsKmsSigner]:
    """A signer on AWS KMS."""
    with closing(AwsKmsSigner(issuer=issuer, region=REGION, endpoint=kms_endpoint, clock=StoppedClock())) as signer:
        yield signer


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A PKCS #11 token."""
    yield from softhsm(tmp_path_factory.mktemp("softhsm"))


@pytest.fixture
def hsm(token: SoftHsm, issuer: str) -> Iterator[Pkcs11Signer]:
    """A signer on it."""
    signer = Pkcs11Signer(issuer=issuer, library=token.library, token=LABEL, pin=Secret(PIN), clock=StoppedClock())
    with closing(signer):
        yield signer
