"""What strangers get at an issuer's URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.names import IssuerUrl

if TYPE_CHECKING:
    from daypass.publishing import Publication
    from support.https_issuer import HttpsIssuer


class Served:
    """What strangers get at an issuer's URL. `show` puts documents there."""

    def __init__(self, server: HttpsIssuer) -> None:
        self.server = server
        self.issuer = IssuerUrl.parse(server.url)

    def show(self, publication: Publication) -> None:
        """Serve these documents, as a web server in front of a target does."""
        for each in publication.objects:
            self.server.documents[f"/t/{each.path}"] = each.body
        self.server.headers |= {"cache-control": publication.objects[0].cache_control}
