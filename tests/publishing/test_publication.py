"""What may be published of an issuer's documents, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import DocumentsRefused
from daypass.names import IssuerUrl
from daypass.publishing.publication import publication
from daypass.tokens.jwk import PublicKey
from daypass.tokens.key_set import KeySet
from support.publications import ISSUER, discovery, keys, made
from support.tokens import private_key
from support.vectors import VECTORS, cases, documents

GITLAB = "https://gitlab.example.com"
PRIVATE_MEMBERS = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


def test_the_vectors_are_as_their_schema_says() -> None:
    schema = json.loads((VECTORS / "publishing" / "schema.json").read_bytes())
    for _, document in documents("publishing"):
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("case", cases("publishing"))
def test_vector(case: dict[str, Any]) -> None:
    issuer = None if case["published_as"] is None else IssuerUrl.parse(case["published_as"])
    expected = case["expect"]
    if "refused" in expected:
        with pytest.raises(DocumentsRefused, match=expected["refused"]):
            publication(json.dumps(case["discovery"]).encode(), json.dumps(case["keys"]).encode(), issuer=issuer)
        return
    found = publication(json.dumps(case["discovery"]).encode(), json.dumps(case["keys"]).encode(), issuer=issuer)
    document = json.loads(found.discovery)
    assert found.issuer.text == document["issuer"] == expected["issuer"]
    assert document["jwks_uri"] == expected["jwks_uri"]
    assert [each.path for each in found.objects] == expected["paths"]
    kept = {name: value for name, value in case["discovery"].items() if name not in ("issuer", "jwks_uri")}
    assert {name: document[name] for name in kept} == kept, "all else is as it was"
    assert list(document) == list(case["discovery"]), "and in its order"
    assert [key.kid for key in found.keys.keys] == expected["kids"]
    assert len(found.notes) == expected["notes"]


def test_our_own_documents_are_published_byte_for_byte() -> None:
    found = made()
    keys_object, discovery_object = found.objects
    assert discovery_object.body == discovery()
    assert keys_object.body == keys()
    assert (keys_object.path, discovery_object.path) == ("keys", ".well-known/openid-configuration")
    assert found.notes == ()
    assert keys_object.cache_control == "public, max-age=300"
    assert keys_object.content_type == "application/json"


@pytest.mark.parametrize("member", PRIVATE_MEMBERS)
def test_a_private_member_stops_all_of_it(member: str) -> None:
    """Publishing the other keys would hide that one has leaked."""
    entries = json.loads(keys("issuer", "other"))["keys"]
    entries[1][member] = "c2VjcmV0"
    with pytest.raises(DocumentsRefused, match=member) as refusal:
        publication(discovery(), json.dumps({"keys": entries}).encode())
    assert "c2VjcmV0" not in str(refusal.value)


@pytest.mark.parametrize("member", PRIVATE_MEMBERS)
def test_a_private_key_in_the_discovery_document_stops_all_of_it(member: str) -> None:
    """Its members are published as they are, also those that no standard knows there."""
    leaked = private_key().public.to_jwk() | {member: "c2VjcmV0"}
    for place in ({"keys": [leaked]}, [[leaked]], leaked):
        with pytest.raises(DocumentsRefused, match=f"private member `{member}`") as refusal:
            publication(discovery(jwks=place), keys())
        assert "c2VjcmV0" not in str(refusal.value)


@pytest.mark.parametrize("name", ["index.html", "keys.svg", "a.json.js", ".htaccess", "keys.", "x/index.html"])
def test_a_kid_is_no_script_by_the_suffix_of_its_file(name: str) -> None:
    """A web server in front of a folder goes by the suffix, and the `kid` is what upstream says."""
    script = private_key().public.to_jwk() | {"kid": "<script>alert(1)</script>"}
    document = json.dumps({"keys": [script]}).encode()
    assert publication(discovery(jwks_uri=f"{ISSUER}/{name}"), document).keys_path == ".well-known/jwks.json"
    assert publication(discovery(jwks_uri=f"{ISSUER}/a/b.json"), document).keys_path == "a/b.json"


def test_more_keys_than_aws_reads_are_refused() -> None:
    jwk = private_key().public.to_jwk()
    many = [PublicKey.from_jwk(jwk | {"kid": f"k{number}"}) for number in range(101)]
    assert len(publication(discovery(), KeySet(many[:100]).document()).keys.keys) == 100
    with pytest.raises(DocumentsRefused, match="101 EC keys"):
        publication(discovery(), KeySet(many).document())


def test_what_upstream_says_beside_its_keys_is_not_published() -> None:
    """An entry that may not verify anything, members nobody knows, text that a browser would run."""
    entries = json.loads(keys())["keys"]
    entries[0] |= {"x5u": "https://evil.example/c.pem", "note": "<script>"}
    entries.append({"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "ed"})
    found = publication(discovery(), json.dumps({"keys": entries, "evil": True}).encode())
    assert json.loads(found.objects[0].body) == json.loads(keys())
    assert "left out" in found.notes[0]


def _holding(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner | st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)


HOSTILE = _holding(_holding(st.none() | st.booleans() | st.integers() | st.text(max_size=20)))


@given(st.dictionaries(st.sampled_from(["issuer", "jwks_uri", "x"]), HOSTILE), HOSTILE)
def test_nothing_but_a_refusal_comes_of_garbage(members: dict[str, Any], document: Any) -> None:
    with pytest.raises(DocumentsRefused):
        publication(json.dumps(members).encode(), json.dumps(document).encode())


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=60))
def test_no_jwks_uri_leads_out_of_the_target(tail: str) -> None:
    path = publication(discovery(jwks_uri=f"{ISSUER}/{tail}"), keys()).keys_path
    segments = path.split("/")
    assert all(segments), path
    assert not any(each in ("..", ".") for each in segments)
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set("\\?#%: "), path
    assert path == ".well-known/jwks.json" or not path.startswith(".")


@given(st.sets(st.sampled_from(["a", "b", "c", "d"]), min_size=1))
def test_publishing_what_was_published_changes_nothing(names: set[str]) -> None:
    first = publication(discovery(GITLAB, jwks_uri=f"{GITLAB}/oauth/discovery/keys"), keys(*sorted(names)))
    second = publication(first.discovery, first.keys.document())
    assert second.objects == first.objects
    assert second.notes == ()
