"""What strangers get, compared with what they should: every difference has its code."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from daypass.fetching import Fetcher, Limits
from daypass.publishing import Gravity, look
from daypass.publishing.findings import REMEDIES, Code
from daypass.tokens.key_set import KeySet
from support.publications import made
from support.tokens import private_key

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.publishing import Finding, Publication
    from support.shown import Served


@pytest.fixture
def wanted(outside: Served) -> Publication:
    return made("issuer", "next", issuer=outside.issuer.text)


def seen(fetcher: Fetcher, wanted: Publication) -> list[Finding]:
    return asyncio.run(look(fetcher, wanted))


def test_what_is_served_as_it_should_be_has_no_findings(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    assert seen(fetcher, wanted) == []


def test_members_in_another_order_are_no_difference(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    for name, body in outside.server.documents.items():
        document = json.loads(body)
        outside.server.documents[name] = json.dumps(dict(reversed(document.items())), indent=2).encode()
    assert seen(fetcher, wanted) == []


def test_a_bucket_without_the_new_key(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(made("issuer", issuer=outside.issuer.text))
    (finding,) = seen(fetcher, wanted)
    assert (finding.code, finding.gravity) == (Code.KEY_MISSING, Gravity.DRIFT)
    assert finding.kid == private_key(name="next").kid


def test_a_bucket_with_a_key_that_is_none_of_ours(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    """Whoever can write there can be any workload."""
    outside.show(made("issuer", "next", "attacker", issuer=outside.issuer.text))
    (finding,) = seen(fetcher, wanted)
    assert (finding.code, finding.gravity) == (Code.KEY_UNKNOWN, Gravity.DRIFT)
    assert finding.kid == private_key(name="attacker").kid


def test_another_key_under_our_name(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    entries = [key.to_jwk() for key in wanted.keys.keys]
    entries[0] = private_key(name="attacker").public.to_jwk() | {"kid": entries[0]["kid"]}
    outside.server.documents["/t/keys"] = json.dumps({"keys": entries}).encode()
    (finding,) = seen(fetcher, wanted)
    assert finding.code is Code.KEY_DIFFERS


def test_a_key_that_cannot_be_used_is_a_key_that_is_not_ours(
    outside: Served, fetcher: Fetcher, wanted: Publication
) -> None:
    """Our verifier leaves it out; another one might not."""
    outside.show(wanted)
    entries = [key.to_jwk() for key in wanted.keys.keys]
    entries.append({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "short"})
    outside.server.documents["/t/keys"] = json.dumps({"keys": entries}).encode()
    (finding,) = seen(fetcher, wanted)
    assert (finding.code, finding.kid) == (Code.KEY_UNKNOWN, "short")


def test_a_private_key_that_is_served(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    entries = [key.to_jwk() for key in wanted.keys.keys]
    entries[1] |= {"d": "AAAA"}
    outside.server.documents["/t/keys"] = json.dumps({"keys": entries}).encode()
    codes = [finding.code for finding in seen(fetcher, wanted)]
    assert codes == [Code.KEY_UNKNOWN, Code.KEY_MISSING]


def test_another_discovery_document(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    document = json.loads(wanted.discovery) | {"jwks_uri": f"{outside.issuer}/elsewhere", "token_endpoint": "x"}
    outside.server.documents["/t/.well-known/openid-configuration"] = json.dumps(document).encode()
    outside.server.documents["/t/elsewhere"] = wanted.keys.document()
    (finding,) = seen(fetcher, wanted)
    assert finding.code is Code.DISCOVERY_DIFFERS
    assert "`jwks_uri`, `token_endpoint`" in finding.message


@pytest.mark.parametrize(
    ("document", "content", "code"),
    [
        ("/t/.well-known/openid-configuration", b"<html>", Code.DISCOVERY_BROKEN),
        ("/t/.well-known/openid-configuration", b'{"issuer":"https://localhost/t/"}', Code.DISCOVERY_BROKEN),
        ("/t/keys", b"<Error><Code>AccessDenied</Code></Error>", Code.KEYS_BROKEN),
        ("/t/keys", b'{"keys":[]}', Code.KEYS_BROKEN),
        ("/t/keys", b"x" * 200_000, Code.KEYS_BROKEN),
    ],
)
def test_something_else_is_served(
    document: str, content: bytes, code: Code, outside: Served, fetcher: Fetcher, wanted: Publication
) -> None:
    outside.show(wanted)
    outside.server.documents[document] = content
    (finding,) = seen(fetcher, wanted)
    assert (finding.code, finding.gravity) == (code, Gravity.DRIFT)


@pytest.mark.parametrize("missing", ["/t/.well-known/openid-configuration", "/t/keys"])
def test_nothing_is_served(missing: str, outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    del outside.server.documents[missing]
    (finding,) = seen(fetcher, wanted)
    assert (finding.code, finding.gravity) == (Code.NOT_SERVED, Gravity.DRIFT)


def test_who_cannot_look_does_not_know(outside: Served, ca_file: Path) -> None:
    wanted = made(issuer="https://localhost:1/t")
    nobody = Fetcher(trust=[ca_file], allow_private=frozenset({"localhost"}), limits=Limits(total_seconds=1))
    (finding,) = seen(nobody, wanted)
    assert (finding.code, finding.gravity) == (Code.UNREACHABLE, Gravity.UNKNOWN)
    (finding,) = seen(Fetcher(trust=[ca_file]), made(issuer=outside.issuer.text))
    assert (finding.code, finding.gravity) == (Code.ADDRESS_FORBIDDEN, Gravity.UNKNOWN), "a split name service"
    (finding,) = seen(Fetcher(allow_private=frozenset({"localhost"})), made(issuer=outside.issuer.text))
    assert finding.code is Code.UNREACHABLE, "a certificate that nobody trusts"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "binary/octet-stream"}, Code.TYPE_WRONG),
        ({"content-type": ""}, Code.TYPE_WRONG),
        ({"cache-control": "public, max-age=86400"}, Code.CACHE_LONG),
        ({"cache-control": "max-age=60, s-maxage=3600"}, Code.CACHE_LONG),
        ({"cache-control": ""}, Code.CACHE_LONG),
        ({"cache-control": "public"}, Code.CACHE_LONG),
        ({"age": "301"}, Code.CACHE_OLD),
    ],
)
def test_headers_that_are_unwise(
    headers: dict[str, str], code: Code, outside: Served, fetcher: Fetcher, wanted: Publication
) -> None:
    outside.show(wanted)
    outside.server.headers |= headers
    findings = seen(fetcher, wanted)
    assert {finding.code for finding in findings} == {code}
    assert {finding.gravity for finding in findings} == {Gravity.WARNING}
    assert len(findings) == 2, "one for each document"


def test_headers_that_are_fine(outside: Served, fetcher: Fetcher, wanted: Publication) -> None:
    outside.show(wanted)
    outside.server.headers |= {"content-type": "application/jwk-set+json; charset=utf-8", "age": "299"}
    assert seen(fetcher, wanted) == []


@pytest.mark.parametrize(
    "headers", [{"cache-control": "no-store"}, {"cache-control": "No-Cache"}, {"cache-control": "", "expires": "0"}]
)
def test_who_lets_nobody_cache_is_fine(
    headers: dict[str, str], outside: Served, fetcher: Fetcher, wanted: Publication
) -> None:
    outside.show(wanted)
    outside.server.headers |= headers
    assert seen(fetcher, wanted) == []


def test_every_code_has_a_remedy() -> None:
    assert set(REMEDIES) == set(Code)


def test_keys_of_a_wider_use_are_the_same_keys(outside: Served, fetcher: Fetcher) -> None:
    """An RSA key without `alg` may verify more; whose tokens it verifies is the same."""
    key = private_key("RS256").public
    wanted = made(issuer=outside.issuer.text)
    from dataclasses import replace

    wanted = replace(wanted, keys=KeySet([key]))
    outside.show(wanted)
    members = {name: value for name, value in key.to_jwk().items() if name != "alg"}
    outside.server.documents["/t/keys"] = json.dumps({"keys": [members]}).encode()
    assert seen(fetcher, wanted) == []
