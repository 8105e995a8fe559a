"""Keys in the forms that are uploaded."""

from __future__ import annotations

import json
import shlex
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from daypass.publishing.publication import publication
from daypass.publishing.uploads import Form, write_upload
from daypass.tokens.jwk import PublicKey
from daypass.tokens.key_set import KeySet
from support.publications import discovery
from support.tokens import private_key

if TYPE_CHECKING:
    from pathlib import Path

GOOGLE_MEMBERS = {"kty", "alg", "use", "kid", "n", "e", "crv", "x", "y"}


def test_a_key_set_as_google_takes_it(tmp_path: Path) -> None:
    both = KeySet([private_key("RS256").public, private_key("ES256").public])
    lines = write_upload(Form.JWKS_FILE, publication(discovery(), both), tmp_path / "out")
    path = tmp_path / "out" / "jwks.json"
    document = json.loads(path.read_bytes())
    assert KeySet.parse(path.read_bytes()).entries == both.entries
    assert all(set(entry) <= GOOGLE_MEMBERS for entry in document["keys"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert f"--jwk-json-path={path}" in lines[0]
    assert "--issuer-uri=https://idp.example.com/idp" in lines[0]


@pytest.mark.parametrize("form", Form)
def test_an_issuer_and_a_path_are_words_of_the_command_and_no_more(form: Form, tmp_path: Path) -> None:
    """The lines are made to be pasted, and the issuer is what somebody else's document says."""
    folder = tmp_path / "my keys; touch pwned"
    hostile = publication(discovery("https://idp.example.com/$(touch);touch&x"), KeySet([private_key().public]))
    for line in write_upload(form, hostile, folder):
        command = line.partition(":")[2] if line.startswith(("Google", "Vault")) else ""
        words = [word.partition("=")[2] or word for word in shlex.split(command)]
        assert not {word for word in words if word.startswith("touch")}, line
        if form is Form.JWKS_FILE and command:
            assert hostile.issuer.text in words
        if form is Form.PEM and command:
            assert f"@{folder}/vault-config.json" in words


def test_pem_as_vault_takes_it(tmp_path: Path) -> None:
    both = [private_key("RS256").public, private_key("ES384").public]
    lines = write_upload(Form.PEM, publication(discovery(), KeySet(both)), tmp_path)
    config = json.loads((tmp_path / "vault-config.json").read_bytes())
    assert config["bound_issuer"] == "https://idp.example.com/idp"
    for key, text in zip(both, config["jwt_validation_pubkeys"], strict=True):
        assert (tmp_path / f"{key.thumbprint}.pem").read_text() == text
        load_pem_public_key(text.encode())
        der = "".join(text.splitlines()[1:-1])
        import base64

        again = PublicKey.from_der(base64.b64decode(der), algorithm=str(key.algorithm))
        assert again.thumbprint == key.thumbprint
    assert "vault write auth/jwt/config @" in lines[0]


def test_a_foreign_kid_is_no_path(tmp_path: Path) -> None:
    evil = PublicKey.from_jwk(private_key().public.to_jwk() | {"kid": "../../../evil"})
    folder = tmp_path / "a" / "b"
    write_upload(Form.PEM, publication(discovery(), KeySet([evil])), folder)
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        f"{evil.thumbprint}.pem",
        "vault-config.json",
    }
    assert all(path.parent == folder for path in tmp_path.rglob("*") if path.is_file())
