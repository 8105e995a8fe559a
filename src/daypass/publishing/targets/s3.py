"""An S3 bucket, or what speaks S3's protocol. No ACL is ever set: the bucket's policy says who may read.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.session import Session

from daypass.errors import ChangedMeanwhile, PublishingRefused, ServiceUnreachable
from daypass.publishing.targets.port import Stored
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.publishing.publication import PublishedObject

CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 10
_EXPIRED: Final = frozenset({"ExpiredToken", "TokenRefreshRequired", "InvalidAccessKeyId", "InvalidToken"})
_CREDENTIALS: Final = (
    "They are found as AWS's own tools find them (AWS_PROFILE, the role of the machine, …);"
    " `aws sts get-caller-identity` says whose they are."
)
# 412: another has written. 409: another is writing at this moment.
_LOST: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted"})


class S3Target:
    """A `Target`. Credentials, region and endpoint (AWS_ENDPOINT_URL_S3) are found as AWS's own tools find them."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        try:
            session = Session()
            # S3 tells the right region itself; without any, botocore asks nobody.
            region = None if session.get_config_variable("region") else "us-east-1"
            self._s3: Any = session.create_client(
                "s3",
                region_name=region,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"mode": "standard", "total_max_attempts": 3},
                ),
            )
        except CredentialRetrievalError as error:
            raise self._nobody(error) from None
        except BotoCoreError as error:
            raise ServiceUnreachable(f"S3 cannot be asked: {str(error).lower()}", place=str(self)) from None
        except ValueError:
            # The library's own words repeat the URL, which may hold a password.
            raise ServiceUnreachable(
                "S3 cannot be asked: its endpoint is not a URL",
                advice="Mend AWS_ENDPOINT_URL_S3, or endpoint_url in the AWS configuration.",
                place=str(self),
            ) from None

    def __str__(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".removesuffix("/")

    def read(self, path: str) -> Stored | None:
        """See `Target`."""
        with self._told():
            try:
                answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + path)
            except self._s3.exceptions.NoSuchKey:
                return None
            with contextlib.closing(answer["Body"]) as body:
                found = body.read(MAX_DOCUMENT_BYTES + 1)
        return Stored(found, answer["ETag"], answer.get("ContentType", ""), answer.get("CacheControl", ""))

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """See `Target`."""
        condition = {"IfNoneMatch": "*"} if was is None else {"IfMatch": was.version}
        with self._told():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=self._prefix + wanted.path,
                Body=wanted.body,
                ContentType=wanted.content_type,
                CacheControl=wanted.cache_control,
                ChecksumAlgorithm="SHA256",
                **condition,
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _LOST or status == 412:
                raise ChangedMeanwhile(f"another has written to `{self}` at the same moment") from None
            if status >= 500 or code in ("SlowDown", "RequestTimeout"):
                raise ServiceUnreachable(f"S3 did not take it: {code}", place=str(self)) from None
            # A deleted object looks like a lost condition to a write, and a missing one like a forbidden one to whoever
            # may not list the bucket.
            if code == "NoSuchKey":
                raise ChangedMeanwhile(f"another has removed from `{self}` at the same moment") from None
            if code in _EXPIRED:
                raise ServiceUnreachable(
                    f"S3 does not take these AWS credentials: {code}", advice=_CREDENTIALS, place=str(self)
                ) from None
            raise PublishingRefused(
                f"S3 says `{code}` of `{self}`",
                advice="Whoever publishes needs s3:GetObject and s3:PutObject there, and s3:ListBucket on the bucket:"
                " without it S3 says AccessDenied of an object that is not there yet.",
                place=str(self),
                aws_code=code,
            ) from None
        except (NoCredentialsError, CredentialRetrievalError) as error:
            raise self._nobody(error) from None
        except (BotoCoreError, OSError) as error:
            raise ServiceUnreachable(
                f"S3 did not answer for `{self}`: {type(error).__name__}", place=str(self)
            ) from None

    def _nobody(self, error: BotoCoreError) -> ServiceUnreachable:
        """Without the library's words: they repeat what a credential process wrote."""
        return ServiceUnreachable(
            f"no AWS credentials were found for `{self}`: {type(error).__name__}", advice=_CREDENTIALS, place=str(self)
        )
