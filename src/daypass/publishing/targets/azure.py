"""A container of Azure Blob Storage, through Microsoft's library (`daypass[azure]`).

https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, ContentSettings

from daypass.errors import ChangedMeanwhile, PublishingRefused, ServiceUnreachable
from daypass.publishing.targets.port import Stored
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.publishing.publication import PublishedObject

CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 10
RETRIES: Final = 2
# Without a handler Python prints the library's warnings raw, between the lines of the watch.
logging.getLogger("azure").addHandler(logging.NullHandler())
CONNECTION_STRING: Final = "AZURE_STORAGE_CONNECTION_STRING"


class AzureTarget:
    """A `Target`. Asked with AZURE_STORAGE_CONNECTION_STRING, else as Azure's default credentials are found."""

    def __init__(self, account: str, container: str, prefix: str, environ: Mapping[str, str]) -> None:
        self._account, self._container_name, self._prefix = account, container, prefix
        given = environ.get(CONNECTION_STRING)
        limits: dict[str, Any] = {
            "connection_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            "retry_total": RETRIES,
            "initial_backoff": 1,  # seconds; the library itself would wait for 15
            "increment_base": 2,
        }
        service: Any
        if given:
            try:
                service = BlobServiceClient.from_connection_string(given, **limits)
            except ValueError:
                # The library's own words repeat the text, which holds the account's key.
                raise ServiceUnreachable(f"{CONNECTION_STRING} cannot be read", place=str(self)) from None
            if service.account_name != account:
                raise PublishingRefused(
                    f"{CONNECTION_STRING} is for the account `{service.account_name}` and not for `{account}`",
                    advice="Name that account, or unset the variable.",
                    place=str(self),
                )
        else:
            url = f"https://{account}.blob.core.windows.net"
            service = BlobServiceClient(url, credential=DefaultAzureCredential(), **limits)
        self._container = service.get_container_client(container)

    def __str__(self) -> str:
        return f"az://{self._account}/{self._container_name}/{self._prefix}".removesuffix("/")

    def read(self, path: str) -> Stored | None:
        """See `Target`."""
        with self._told():
            try:
                answer = self._container.download_blob(self._prefix + path, offset=0, length=MAX_DOCUMENT_BYTES + 1)
            except ResourceNotFoundError as error:
                if getattr(error, "error_code", None) == "BlobNotFound":
                    return None
                raise
            except HttpResponseError as error:
                if getattr(error, "error_code", None) == "InvalidRange":
                    return self._read_empty(path)
                raise
            settings = answer.properties.content_settings
            body = bytes(answer.readall())
        return Stored(body, answer.properties.etag, settings.content_type or "", settings.cache_control or "")

    def _read_empty(self, path: str) -> Stored:
        """No range of an empty blob can be asked for, and whoever emptied it would keep us out."""
        found = self._container.get_blob_client(self._prefix + path).get_blob_properties()
        if found.size:
            raise ChangedMeanwhile(f"another has written to `{self}` at the same moment")
        settings = found.content_settings
        return Stored(b"", found.etag, settings.content_type or "", settings.cache_control or "")

    def write(self, wanted: PublishedObject, *, was: Stored | None) -> None:
        """See `Target`."""
        condition: dict[str, Any] = {"overwrite": False}
        if was is not None:
            condition = {"overwrite": True, "etag": was.version, "match_condition": MatchConditions.IfNotModified}
        with self._told():
            self._container.upload_blob(
                self._prefix + wanted.path,
                wanted.body,
                content_settings=ContentSettings(content_type=wanted.content_type, cache_control=wanted.cache_control),
                validate_content=True,
                **condition,
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (ResourceExistsError, ResourceModifiedError):
            raise ChangedMeanwhile(f"another has written to `{self}` at the same moment") from None
        except ClientAuthenticationError as error:
            if error.status_code is None:
                # Azure was not asked.
                raise ServiceUnreachable(
                    f"there are no Azure credentials that can be used for `{self}`",
                    advice=f"Set {CONNECTION_STRING}, or log in where Azure's default credentials are looked for.",
                    place=str(self),
                ) from None
            raise self._no(error) from None
        except ResourceNotFoundError as error:
            raise self._no(error) from None
        except HttpResponseError as error:
            status = error.status_code or 0
            if status == 412:
                raise ChangedMeanwhile(f"another has written to `{self}` at the same moment") from None
            if 400 <= status < 500 and status != 429:
                raise self._no(error) from None
            raise self._silent(error) from None
        except (AzureError, OSError) as error:
            raise self._silent(error) from None

    def _no(self, error: Any) -> PublishingRefused:
        code = getattr(error, "error_code", None) or type(error).__name__
        return PublishingRefused(
            f"Azure says `{code}` of `{self}`",
            advice="Whoever publishes needs the role Storage Blob Data Contributor on the container, which must exist.",
            place=str(self),
        )

    def _silent(self, error: BaseException) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"Azure Blob Storage did not answer for `{self}`: {type(error).__name__}", place=str(self)
        )
