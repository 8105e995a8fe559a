"""The thumbprint of an issuer, from a real TLS server: which certificate, and whether AWS would look at it."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING

import pytest

from daypass.aws.provisioning.desired_file import read_desired
from daypass.aws.provisioning.thumbprints import IssuerThumbprint, find_thumbprint, resolved
from daypass.errors import IssuerUnreachable
from daypass.fetching import Fetcher
from daypass.names import IssuerUrl
from support.foreign_issuer import foreign_issuer

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://gitlab.corp.example"
ISSUER = IssuerUrl.parse(URL)


def test_needed_or_not_is_told_by_the_public_authorities(tmp_path: Path) -> None:
    with foreign_issuer(URL, tmp_path) as issuer:
        to = {("gitlab.corp.example", 443): ("127.0.0.1", issuer.port)}
        served = ssl.get_server_certificate(("127.0.0.1", issuer.port))
        expected = hashlib.sha1(ssl.PEM_cert_to_DER_cert(served)).hexdigest()  # it sends its own alone
        public, private = Fetcher(connect_to=to), Fetcher(connect_to=to, trust=[issuer.ca_file])
        needed = asyncio.run(find_thumbprint(ISSUER, public, private))
        assert (needed.thumbprint, needed.needed, needed.served) == (expected, True, 1)
        assert needed.host == "gitlab.corp.example"
        # As if its authority were one of the public ones.
        well_known = Fetcher(connect_to=to, authorities=issuer.ca_file.read_text())
        assert not asyncio.run(find_thumbprint(ISSUER, well_known, None)).needed
        with pytest.raises(IssuerUnreachable) as refused:
            asyncio.run(find_thumbprint(ISSUER, public, None))
        assert "--trust-ca" in str(refused.value.advice)


def test_automatic_ones_are_left_out_where_aws_would_not_look() -> None:
    wanted = read_desired(
        f"providers: [{{issuer: {URL}, audiences: [a], thumbprints: auto}},"
        " {issuer: https://idp.example.com, audiences: [a], thumbprints: ['" + "a" * 40 + "']}]\nroles: {}\n"
    )

    def find(issuer: IssuerUrl, *, needed: bool) -> IssuerThumbprint:
        return IssuerThumbprint(issuer, issuer.host, "b" * 40, "CN=x", 2, needed)

    assert [each.thumbprints for each in resolved(wanted, lambda issuer: find(issuer, needed=True)).providers] == [
        ("b" * 40,),
        ("a" * 40,),
    ]
    assert resolved(wanted, lambda issuer: find(issuer, needed=False)).providers[0].thumbprints == ()
