"""Private keys in AWS KMS: made there, never outside.

Each key is a KMS key of its own (`SIGN_VERIFY`) with the alias `alias/daypass/<installation>/<kid>`. Its tags tell the
root issuer and the algorithm. What is signed is hashed here: KMS takes no message of more than 4096 bytes.
https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from daypass.errors import KeyRefused, KeyUnavailable, PartMissing
from daypass.signers.public_halves import demand_algorithm, is_ours, missing, namespace, new_key
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Iterator

    from daypass.idp.model import SigningKey
    from daypass.idp.ports import Clock

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
ATTEMPTS: Final = 3
PENDING_DAYS: Final = 7
"""The shortest time after which KMS destroys a key; it cannot sign from the moment this is scheduled."""
THREADS: Final = 16
ISSUER_TAG: Final = "daypass:issuer"
ALGORITHM_TAG: Final = "daypass:algorithm"

_SPECS: Final = {None: "RSA_2048", "P-256": "ECC_NIST_P256", "P-384": "ECC_NIST_P384", "P-521": "ECC_NIST_P521"}
_COORDINATE_BYTES: Final = {"P-256": 32, "P-384": 48, "P-521": 66}


@dataclass(frozen=True, slots=True)
class _Known:
    """A key of KMS that was looked at: its ARN, so that nobody makes it another one by moving the alias."""

    arn: str
    algorithm: str


@final
class AwsKmsSigner:
    """A `Signer` whose keys are in AWS KMS, in one region. `close` it at the end.

    Raises:
        PartMissing: when boto3 is not installed.
        KeyUnavailable: when boto3 finds no way to ask (no credentials, no region).
    """

    def __init__(self, *, issuer: str, region: str, clock: Clock, endpoint: str | None = None) -> None:
        """Ask nothing yet.

        Args:
            issuer: the root issuer; keys of other installations in the same account are not touched.
            region: where the keys are.
            clock: now.
            endpoint: where KMS is asked, when not at the region's own address.
        """
        self._issuer = issuer
        self._prefix = f"alias/daypass/{namespace(issuer)}/"
        self._where = f"AWS KMS in {region}"
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._kms = _client(region, endpoint)
        self._executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="daypass-kms")

    def create_key(self, algorithm: str) -> SigningKey:
        """See `Signer`."""
        demand_algorithm(algorithm)
        while True:
            with self._told("make a key"):
                made = self._kms.create_key(
                    KeySpec=_SPECS[BY_NAME[algorithm].curve],
                    KeyUsage="SIGN_VERIFY",
                    Description=f"Daypass signing key, {algorithm}",
                    Tags=[
                        {"TagKey": ISSUER_TAG, "TagValue": self._issuer},
                        {"TagKey": ALGORITHM_TAG, "TagValue": algorithm},
                    ],
                )
            arn = made["KeyMetadata"]["Arn"]
            public = self._public_half(arn, algorithm)
            if not public.kid.startswith("-"):  # it would be an option on the command line of an emergency
                break
            self._destroy(arn)
        try:
            with self._told("name a key"):
                self._kms.create_alias(AliasName=self._prefix + public.kid, TargetKeyId=arn)
        except KeyUnavailable:
            with suppress(KeyUnavailable):
                self._destroy(arn)  # nobody would find it again
            raise
        self._known[public.kid] = _Known(arn, algorithm)
        return new_key(public, algorithm, self._clock())

    def kids(self) -> Collection[str]:
        """See `Signer`."""
        with self._told("list the keys"):
            pages = self._kms.get_paginator("list_aliases").paginate()
            names = [alias["AliasName"] for page in pages for alias in page["Aliases"]]
        return {name.removeprefix(self._prefix) for name in names if name.startswith(self._prefix)}

    def discard_key(self, kid: str) -> None:
        """See `Signer`. KMS lets no key sign whose deletion is scheduled; until then it can be brought back."""
        self._known.pop(kid, None)
        if not is_ours(kid):
            return
        try:
            arn = self._describe(kid)["Arn"]
        except _Missing:
            return
        self._destroy(arn)
        with self._told("forget the name of a key"), suppress(self._kms.exceptions.NotFoundException):
            self._kms.delete_alias(AliasName=self._prefix + kid)

    def sign(self, kid: str, signing_input: bytes) -> Awaitable[bytes]:
        """See `Signer`."""
        return asyncio.get_running_loop().run_in_executor(self._executor, self._sign, kid, signing_input)

    def close(self) -> None:
        """Let the requests under way end."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._kms.close()

    def _sign(self, kid: str, signing_input: bytes) -> bytes:
        known = self._known.get(kid) or self._look_up(kid)
        bits = known.algorithm[-3:]
        rsa = BY_NAME[known.algorithm].curve is None
        with self._told("sign"):
            answer = self._kms.sign(
                KeyId=known.arn,
                Message=hashlib.new(f"sha{bits}", signing_input).digest(),
                MessageType="DIGEST",
                SigningAlgorithm=f"{'RSASSA_PKCS1_V1_5' if rsa else 'ECDSA'}_SHA_{bits}",
            )
        signature: bytes = answer["Signature"]
        return signature if rsa else _side_by_side(signature, known.algorithm)

    def _look_up(self, kid: str) -> _Known:
        """A key by the id that is made of it: its alias may be somebody's doing, its public half is not."""
        if not is_ours(kid):
            raise missing(kid, self._where)
        try:
            arn = self._describe(kid)["Arn"]
        except _Missing:
            raise missing(kid, self._where) from None
        with self._told("read the tags of a key"):
            tags = self._kms.list_resource_tags(KeyId=arn)["Tags"]
        algorithm = next((tag["TagValue"] for tag in tags if tag["TagKey"] == ALGORITHM_TAG), "")
        try:
            found = self._public_half(arn, algorithm).kid if algorithm in BY_NAME else ""
        except KeyRefused:
            found = ""
        if found != kid:
            raise KeyUnavailable(
                f"the alias of the key `{kid}` in {self._where} names another key",
                advice="Let the alias name the key that it was made for; CloudTrail tells who changed it.",
                kid=kid,
            )
        known = self._known[kid] = _Known(arn, algorithm)
        return known

    def _describe(self, kid: str) -> dict[str, Any]:
        try:
            with self._told("find a key"):
                described: dict[str, Any] = self._kms.describe_key(KeyId=self._prefix + kid)["KeyMetadata"]
        except KeyUnavailable as error:
            if error.facts.get("aws_code") == "NotFoundException":
                raise _Missing from None
            raise
        return described

    def _public_half(self, arn: str, algorithm: str) -> PublicKey:
        with self._told("read a public key"):
            der: bytes = self._kms.get_public_key(KeyId=arn)["PublicKey"]
        return PublicKey.from_der(der, algorithm=algorithm)

    def _destroy(self, arn: str) -> None:
        with self._told("schedule the deletion of a key"):
            try:
                self._kms.schedule_key_deletion(KeyId=arn.rpartition("/")[2], PendingWindowInDays=PENDING_DAYS)
            except self._kms.exceptions.KMSInvalidStateException:
                return  # it is scheduled already

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - an optional part

        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            raise KeyUnavailable(
                f"{self._where} did not {what}: {code}",
                advice="Look at the key in KMS, and at the permissions of the role that this process has.",
                aws_code=code,
            ) from None
        except BotoCoreError as error:
            raise KeyUnavailable(
                f"{self._where} did not {what}: {type(error).__name__}",
                advice="Look at the way to AWS, and at the credentials of this process.",
            ) from None


class _Missing(Exception):
    """There is no such alias."""


def _client(region: str, endpoint: str | None) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an optional part
        from botocore.config import Config  # noqa: PLC0415 - likewise
    except ImportError:
        raise PartMissing(
            "AWS KMS cannot be asked: boto3 is not installed", advice="Install `daypass[aws-kms]`."
        ) from None
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=THREADS,
    )
    return boto3.session.Session().client("kms", region_name=region, endpoint_url=endpoint, config=config)


def _side_by_side(der: bytes, algorithm: str) -> bytes:
    """R and s of an ECDSA signature, each as long as the curve's coordinates (RFC 7518 section 3.4)."""
    size = _COORDINATE_BYTES[str(BY_NAME[algorithm].curve)]
    try:
        return b"".join(number.to_bytes(size) for number in decode_dss_signature(der))
    except (ValueError, OverflowError):
        raise KeyUnavailable("AWS KMS gave something that is no ECDSA signature") from None
