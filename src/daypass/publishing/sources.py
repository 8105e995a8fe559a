"""Where the documents come from: an issuer over HTTPS, two files, a Kubernetes cluster. Our own are bootstrap's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from daypass import calling, files
from daypass.errors import DocumentsRefused, FileUnavailable, ServiceAnswerInvalid, ServiceUnreachable
from daypass.idp.key_times import KEY_SET_MAX_AGE_SECONDS
from daypass.publishing.publication import Publication, publication
from daypass.tokens.key_set import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from daypass.fetching import Fetcher
    from daypass.names import IssuerUrl

CLUSTER_SECONDS: Final = 10.0
_TOKEN_BYTES: Final = 64 * 1024


class Source(Protocol):
    """What is to be published now."""

    async def read(self) -> Sequence[Publication]:
        """The documents as they are now, of one issuer or more.

        Raises:
            DocumentsRefused: when they must not be published.
            Unavailable: when they could not be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchedIssuer:
    """Another issuer, asked through the guarded way out. Its `issuer` must be the URL that is asked, byte for byte.

    `published_as` is the issuer of its tokens, where that is another one.
    """

    fetcher: Fetcher
    issuer: IssuerUrl
    published_as: IssuerUrl | None = None
    max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS

    async def read(self) -> Sequence[Publication]:
        """See `Source`."""
        found = await self.fetcher.key_set(self.issuer)
        return [
            publication(found.discovery, found.keys, issuer=self.published_as, max_age_seconds=self.max_age_seconds)
        ]


@dataclass(frozen=True, slots=True)
class FromFiles:
    """A discovery document and a key set in files."""

    discovery: Path
    keys: Path
    published_as: IssuerUrl | None = None
    max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS

    async def read(self) -> Sequence[Publication]:
        """See `Source`."""
        discovery, keys = [
            await asyncio.to_thread(files.read_bounded, path, MAX_DOCUMENT_BYTES)
            for path in (self.discovery, self.keys)
        ]
        return [publication(discovery, keys, issuer=self.published_as, max_age_seconds=self.max_age_seconds)]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kubernetes cluster, asked at its API server as a service account.

    Its documents are at `/.well-known/openid-configuration` and `/openid/v1/jwks`, for whoever is bound to
    `system:service-account-issuer-discovery`, as every service account is.
    https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery

    `token_file` is read anew each time, because the kubelet replaces it. `issuer` is what the cluster's must be; its
    tokens carry its own and no other.
    """

    server: str
    token_file: Path
    ca_file: Path | None = None
    issuer: IssuerUrl | None = None
    max_age_seconds: int = KEY_SET_MAX_AGE_SECONDS
    environ: Mapping[str, str] | None = None

    async def read(self) -> Sequence[Publication]:
        """See `Source`."""
        token = (await asyncio.to_thread(files.read_bounded, self.token_file, _TOKEN_BYTES)).strip()
        if not token or not token.isascii():
            raise FileUnavailable(f"`{self.token_file}` holds no token", path=str(self.token_file))
        discovery, keys = [
            await asyncio.to_thread(self._get, path, token.decode())
            for path in ("/.well-known/openid-configuration", "/openid/v1/jwks")
        ]
        made = publication(discovery, keys, max_age_seconds=self.max_age_seconds)
        if self.issuer is not None and made.issuer.text != self.issuer.text:
            raise DocumentsRefused(
                f"the cluster's issuer is `{made.issuer}` and not `{self.issuer}`",
                advice="Its tokens carry what --service-account-issuer of the API server says. Change it there.",
                reason="another issuer",
            )
        return [made]

    def _get(self, path: str, token: str) -> bytes:
        url = self.server.removesuffix("/") + path
        answer = calling.call(
            "GET",
            url,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json, application/jwk-set+json"},
            timeout_seconds=CLUSTER_SECONDS,
            ca_bundle=self.ca_file,
            ca_setting="--ca-file",
            max_bytes=MAX_DOCUMENT_BYTES,
            environ=self.environ,
        )
        host = urlsplit(url).netloc
        if answer.status in (401, 403):
            raise ServiceUnreachable(
                f"`{host}` does not show `{path}` to this service account (status {answer.status})",
                advice="Bind the cluster role system:service-account-issuer-discovery to it.",
                status=answer.status,
            )
        if answer.status != 200:
            raise ServiceAnswerInvalid(f"`{host}` answered status {answer.status} for `{path}`", status=answer.status)
        return answer.body
