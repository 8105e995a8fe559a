"""Joins publishing: our own issuers out of the database, a place by its name, the watch with clock and signals."""

from __future__ import annotations

import asyncio
import random
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from daypass.bootstrap.server import harden, run, stop_signal
from daypass.config import LogFormat, LogLevel, database_url
from daypass.errors import DocumentsRefused, NotFound, PartMissing, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from daypass.config import Settings
    from daypass.fetching import Fetcher
    from daypass.idp.model import SigningKey
    from daypass.idp.ports import KeyStore, RegistryStore
    from daypass.names import IssuerUrl
    from daypass.publishing.publication import Publication
    from daypass.publishing.sources import Source
    from daypass.publishing.targets import Target

_PREFIX: Final = re.compile(r"(?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/(?!$)|$))*")
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_CONTAINER: Final = re.compile(r"\$web|[a-z0-9](?:-?[a-z0-9]){2,62}")
_ADVICE: Final = "Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://ACCOUNT/CONTAINER/PREFIX, or a folder."
_PAGE: Final = 1000


class OwnIssuers:
    """A `Source`: the root issuer of the settings, and below it each organization that has an issuer of its own.

    Read from the database, beside a running `daypass serve` or without one. What listens at our port is not asked:
    while the server is down, that could be anybody on this machine.
    """

    def __init__(self, settings: Settings, organization: str | None = None) -> None:
        """Nothing is read yet. With an `organization` (id or slug), its own issuer alone, at the top of the target."""
        self._settings = settings
        self._organization = organization

    async def read(self) -> Sequence[Publication]:
        """See `Source`."""
        return await asyncio.to_thread(lambda: list(self._read()))

    def _read(self) -> Iterator[Publication]:
        from daypass.idp.key_rings import ORGANIZATIONS, organization_issuer

        root = self._settings.issuer
        with self._stores() as (keys, registry):
            if self._organization is not None:
                found = registry.organization(self._organization)
                if found is None or not found.own_issuer:
                    raise NotFound(f"there is no organization `{self._organization}` with an issuer of its own")
                yield self._published(organization_issuer(root, found.slug), keys.keys(found.id).keys)
                return
            yield self._published(root, keys.keys(None).keys)
            after: str | None = None
            while page := registry.organizations(after=after, limit=_PAGE):
                for each in page:
                    # Between the organization and its first key there is a moment, and no token of it yet.
                    if each.own_issuer and (own := keys.keys(each.id).keys):
                        url = organization_issuer(root, each.slug)
                        yield self._published(url, own, folder=f"{ORGANIZATIONS}/{each.slug}/")
                after = page[-1].id

    def _published(self, issuer: IssuerUrl, keys: Sequence[SigningKey], *, folder: str = "") -> Publication:
        from daypass.idp.describe import CLAIMS, discovery_document
        from daypass.idp.key_life import key_set, signing_algorithms
        from daypass.publishing.publication import publication

        algorithms = signing_algorithms(keys)
        if not algorithms:
            raise DocumentsRefused(
                f"the issuer `{issuer}` has no key that signs",
                advice="Start `daypass serve` once with the same settings; the first start makes the keys.",
                reason="no key signs",
            )
        document = discovery_document(issuer, algorithms, CLAIMS)
        max_age = self._settings.key_set_max_age_seconds
        return publication(document, key_set(keys), max_age_seconds=max_age, folder=folder)

    def _stores(self) -> AbstractContextManager[tuple[KeyStore, RegistryStore]]:
        from daypass.store import read_beside, read_database

        url = database_url(self._settings)
        return read_beside(self._settings.data_folder) if url is None else read_database(url)


def open_target(text: str, environ: Mapping[str, str]) -> Target:
    """The target of that name. Nothing is asked yet.

    Raises:
        UsageInvalid: when it is not one.
        PartMissing: when the library for it is not installed.
        ServiceUnreachable: when the library finds no way to ask (no credentials).
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        from daypass.publishing.targets.folder import FolderTarget

        if not text:
            raise UsageInvalid("the target is empty", advice=_ADVICE)
        return FolderTarget(Path(text))
    try:
        parts = urlsplit(text)
    except ValueError:
        raise UsageInvalid(f"`{text}` is not a place to publish at", advice=_ADVICE) from None
    path = parts.path.strip("/")
    if parts.query or parts.fragment or not _BUCKET.fullmatch(parts.netloc):
        raise UsageInvalid(f"`{text}` is not a place to publish at", advice=_ADVICE)
    try:
        match scheme:
            case "s3":
                from daypass.publishing.targets.s3 import S3Target

                return S3Target(parts.netloc, _prefix(text, path))
            case "gs":
                from daypass.publishing.targets.gcs import GcsTarget

                return GcsTarget(parts.netloc, _prefix(text, path))
            case "az":
                from daypass.publishing.targets.azure import AzureTarget

                container, _, prefix = path.partition("/")
                if not _CONTAINER.fullmatch(container):
                    raise UsageInvalid(f"`{text}` names no container", advice=_ADVICE)
                return AzureTarget(parts.netloc, container, _prefix(text, prefix), environ)
    except ModuleNotFoundError as error:
        extra = {"gs": "gcs", "az": "azure"}.get(scheme)
        if extra is None:
            raise
        raise PartMissing(
            f"`{text}` cannot be written to: {error.name} is not installed", advice=f"Install `daypass[{extra}]`."
        ) from None
    raise UsageInvalid(f"`{scheme}://` is not a kind of place to publish at", advice=_ADVICE)


def _prefix(text: str, path: str) -> str:
    """The prefix of object names, with its slash, or nothing."""
    if not _PREFIX.fullmatch(path):
        raise UsageInvalid(f"`{text}` has a path that an issuer URL cannot have", advice=_ADVICE)
    return f"{path}/" if path else ""


def keep_published(source: Source, target: Target | None, fetcher: Fetcher | None, *, interval_seconds: float) -> int:
    """Watch until SIGTERM or SIGINT; the exit status. Events go to standard error, a JSON object each."""
    harden()
    run(_keep_published(source, target, fetcher, interval_seconds))
    return 0


async def _keep_published(
    source: Source, target: Target | None, fetcher: Fetcher | None, interval_seconds: float
) -> None:
    from daypass.publishing.watch import Watch
    from daypass.web import logs

    logs.configure(LogLevel.INFO, LogFormat.JSON)
    logger = logs.logger()

    def report(event: str, *, alarm: bool, **facts: Any) -> None:
        (logger.error if alarm else logger.info)(event, **facts)

    watch = Watch(
        source,
        target,
        fetcher,
        report,
        interval_seconds=interval_seconds,
        monotonic=time.monotonic,
        random=random.SystemRandom().random,
    )
    await watch.run(stop_signal())
