"""A bucket of Google Cloud Storage, through Google's library (`daypass[gcs]`). No ACL is ever set.

https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from google.api_core.exceptions import ClientError, GoogleAPIError, NotFound, PreconditionFailed, TooManyRequests
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Client  # type: ignore[import-untyped]  # it has no types
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]  # likewise
from requests.exceptions import RequestException

from daypass.errors import ChangedMeanwhile, PublishingRefused, ServiceUnreachable
from daypass.publishing.targets.port import Stored
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.publishing.publication import PublishedObject

TIMEOUT_SECONDS: Final = (3.0, 10.0)
RETRY: Final = DEFAULT_RETRY.with_timeout(20.0)
"""The library itself would try for two minutes."""
_NOTHING: Final = "0"


class GcsTarget:
    """A `Target`. Credentials are found as Google's libraries find them (STORAGE_EMULATOR_HOST is honoured)."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._name, self._prefix = bucket, prefix
        try:
            # The project is for making buckets; objects have none.
            self._bucket: Any = Client(project="-").bucket(bucket)
        except GoogleAuthError as error:
            raise ServiceUnreachable(f"Google Cloud Storage cannot be asked: {error}", place=str(self)) from None

    def __str__(self) -> str:
        return f"gs://{self._name}/{self._prefix}".removesuffix("/")

    def read(self, path: str) -> Stored | None:
        """See `Target`."""
        with self._told():
            blob = self._bucket.get_blob(self._prefix + path, timeout=TIMEOUT_SECONDS, retry=RETRY)
            if blob is None:
                return None
            # Before the download, which takes some of them from the headers of its answer.
            version, kind, cache = str(blob.generation), blob.content_type or "", blob.cache_control or ""
            # No range of an empty object can be asked for, and whoever emptied it would keep us out.
            body = b""
            if blob.size:
                # Of this generation: between the two requests another may write.
                body = blob.download_as_bytes(
                    end=MAX_DOCUMENT_BYTES,
                    if_generation_match=blob.generation,
                    checksum=None,  # the object's, so not that of a part
                    timeout=TIMEOUT_SECONDS,
                    retry=RETRY,
                )
        return Stored(bytes(body), version, kind, cache)

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """See `Target`."""
        blob = self._bucket.blob(self._prefix + wanted.path)
        blob.cache_control = wanted.cache_control
        with self._told():
            blob.upload_from_string(
                wanted.body,
                content_type=wanted.content_type,
                if_generation_match=int(_NOTHING if was is None else was.version),
                checksum="md5",
                timeout=TIMEOUT_SECONDS,
                # One that was lost after it was carried out looks as if another had written, and is read again.
                retry=RETRY,
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (PreconditionFailed, NotFound) as error:
            if isinstance(error, NotFound) and "bucket" in str(error).lower():
                raise self._no("there is no such bucket") from None
            raise ChangedMeanwhile(f"another has written to `{self}` at the same moment") from None
        except TooManyRequests:
            raise ServiceUnreachable(f"`{self}` is written to too often", place=str(self)) from None
        except ClientError as error:
            raise self._no(f"status {error.code}") from None
        except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
            raise ServiceUnreachable(
                f"Google Cloud Storage did not answer for `{self}`: {type(error).__name__}", place=str(self)
            ) from None

    def _no(self, reason: str) -> PublishingRefused:
        return PublishingRefused(
            f"Google Cloud Storage says no for `{self}`: {reason}",
            advice="Whoever publishes needs the role Storage Object User (roles/storage.objectUser) on the bucket.",
            place=str(self),
        )
