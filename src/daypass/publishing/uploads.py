"""Keys in the forms that relying parties take by upload, where they need not, or cannot, reach any URL."""

from __future__ import annotations

from enum import StrEnum
from shlex import quote
from typing import TYPE_CHECKING

from daypass import files
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.publishing.publication import Publication


class Form(StrEnum):
    """A form of uploaded keys."""

    JWKS_FILE = "jwks-file"
    PEM = "pem"


def write_upload(form: Form, publication: Publication, folder: Path) -> list[str]:
    """Write the keys, and give the lines that say how they are used.

    Google takes a key set as a file (`gcloud iam workload-identity-pools providers create-oidc --jwk-json-path`);
    Vault's JWT method takes PEM (`jwt_validation_pubkeys`). Both go on believing what they have: a rotation is an
    upload of the new keys before they sign, and a leaked key is believed until it is taken out there.

    Raises:
        FileUnavailable, FileUnsafe: when a file cannot be written.
    """
    files.public_folder(folder)
    base = folder / publication.folder
    files.public_folder(base)
    return (_jwks_file if form is Form.JWKS_FILE else _pem)(publication, base)


def _jwks_file(publication: Publication, folder: Path) -> list[str]:
    path = folder / "jwks.json"
    files.write_atomic(path, strict_json.dump({"keys": [key.to_jwk() for key in publication.keys.keys]}), mode=0o644)
    issuer = quote(publication.issuer.text)
    create = (
        "gcloud iam workload-identity-pools providers create-oidc PROVIDER --location=global"
        f" --workload-identity-pool=POOL --issuer-uri={issuer} --jwk-json-path={quote(str(path))}"
        " --attribute-mapping=google.subject=assertion.sub"
    )
    return [
        f"Google:  {create}",
        f"         later: … providers update-oidc PROVIDER --jwk-json-path={quote(str(path))}",
    ]


def _pem(publication: Publication, folder: Path) -> list[str]:
    # Named by thumbprint: a foreign `kid` may hold anything, also a path.
    names = []
    for key in publication.keys.keys:
        name = f"{key.thumbprint}.pem"
        files.write_atomic(folder / name, key.to_pem(), mode=0o644)
        names.append(name)
    config = {
        "bound_issuer": publication.issuer.text,
        "jwt_validation_pubkeys": [key.to_pem().decode("ascii") for key in publication.keys.keys],
    }
    path = folder / "vault-config.json"
    files.write_atomic(path, strict_json.dump(config) + b"\n", mode=0o644)
    return [
        f"Vault:   vault write auth/jwt/config {quote(f'@{path}')}",
        f"         it has the keys of {', '.join(names)}; run it again after each rotation, before the new key signs",
    ]
