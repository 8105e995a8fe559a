"""Which claims of a token AWS turns into condition keys: the same few for every issuer, and more for those it knows.

The keys of a known issuer exist for exactly that issuer; a self-managed server of the same software has none of them.
Sources: IAM User Guide, "IAM and AWS STS condition context keys" (web identity federation); Service Authorization
Reference, "Actions, resources, and condition keys for AWS Security Token Service", read in September 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue


class KeyType(StrEnum):
    """The operators that a key is meant for."""

    STRING = "String"
    NUMERIC = "Numeric"


@dataclass(frozen=True, slots=True)
class ClaimKey:
    """One condition key of an issuer.

    Attributes:
        name: what stands behind the last colon, `project_path` in `idp.example.com:project_path`.
        claim: where the token has it: names of members, from the outside in. Empty when an ID token cannot bring it.
        type: the operators it is meant for.
        multivalued: whether it can have several values.
        persists: whether it stays readable in the session, for policies of the role and of resources.
    """

    name: str
    claim: tuple[str, ...]
    type: KeyType = KeyType.STRING
    multivalued: bool = False
    persists: bool = False

    def value(self, claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
        """The key's values in a token, as texts; none when the claim is absent or is no scalar."""
        found: JsonValue | Mapping[str, JsonValue] = claims
        for member in self.claim:
            found = found.get(member) if isinstance(found, Mapping) else None
        match found:
            case str():
                return (found,)
            case bool():
                return ("true" if found else "false",)
            case int():
                return (str(found),)
            case _:
                return ()


@dataclass(frozen=True, slots=True)
class ClaimKeys:
    """The keys of one issuer. `known_as` names an issuer that AWS knows, and is None for every other one.

    `keys` are those that AWS reads from a token of this issuer; a condition on any other key of the issuer is a
    condition on an absent key.
    """

    issuer: str
    known_as: str | None
    keys: tuple[ClaimKey, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The keys as conditions name them, without the issuer: `("aud", "sub", …)`."""
        return tuple(key.name for key in self.keys)

    @property
    def persisting(self) -> tuple[str, ...]:
        """The names of the keys that the session keeps."""
        return tuple(key.name for key in self.keys if key.persists)

    def get(self, name: str) -> ClaimKey | None:
        """The key of a name, None when AWS fills no such key. Letter case does not tell keys apart."""
        return next((key for key in self.keys if key.name.lower() == name.lower()), None)

    def prefixed(self, key: ClaimKey) -> str:
        """The key as a policy names it: `idp.example.com:sub`."""
        return f"{self.issuer}:{key.name}"


AUD: Final = ClaimKey("aud", ("aud",), persists=True)
"""`azp` when the token has one."""
OAUD: Final = ClaimKey("oaud", ("aud",), multivalued=True)
"""The token's `aud`, when `azp` took its place."""
SUB: Final = ClaimKey("sub", ("sub",), persists=True)
AMR: Final = ClaimKey("amr", ("amr",), multivalued=True, persists=True)
EMAIL: Final = ClaimKey("email", ("email",))

STANDARD: Final = (AUD, OAUD, SUB, AMR, EMAIL)
"""What every IAM OIDC provider has, whoever the issuer is."""


def _claims(*names: str) -> tuple[ClaimKey, ...]:
    return (*STANDARD, *(ClaimKey(name, (name,)) for name in names))


_GITHUB: Final = _claims(
    *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref", "repository"),
    *("repository_id", "repository_owner_id", "workflow"),
)
_GITLAB: Final = _claims(
    *("namespace_id", "pipeline_source", "project_id", "ref_protected", "runner_environment"),
    *("user_access_level", "user_email", "user_id", "user_login"),
)
_BUILDKITE: Final = _claims(
    *("build_branch", "cluster_id", "cluster_name", "organization_id", "organization_slug", "pipeline_id"),
    "pipeline_slug",
)

# Issuers in full, without `https://`. `[^./]+` is one label of a host, `[^/]+` one step of a path.
_KNOWN: Final = tuple(
    (known_as, re.compile(issuer), keys)
    for known_as, issuer, keys in (
        ("GitHub Actions", r"token\.actions\.githubusercontent\.com(/[^/]+)?", _GITHUB),
        ("GitHub Actions", r"token\.actions\.[^./]+\.ghe\.com", _GITHUB),
        ("GitHub Actions", r"github\.com/enterprises/[^/]+", _GITHUB),
        ("GitLab.com", r"gitlab\.com", _GITLAB),
        ("CircleCI", r"oidc\.circleci\.com/org/[^/]+", _claims("oidc.circleci.com/project-id")),
        ("Oracle Cloud", r"idcs-[^./]+\.identity\.oraclecloud\.com", _claims("rpst_id")),
        ("Buildkite", r"agent\.buildkite\.com", _BUILDKITE),
        ("Buildkite", r"agent\.[^./]+\.buildkite\.(dev|site)", _BUILDKITE),
        (
            "Google",
            r"accounts\.google\.com",
            (
                *(AUD, OAUD, SUB),
                ClaimKey("google/organization_number", ("google", "organization_number"), KeyType.NUMERIC),
            ),
        ),
        ("Amazon Cognito", r"cognito-identity\.amazonaws\.com", (AUD, SUB, AMR)),
        # These two answer for access tokens of OAuth 2.0, which are asked of them and carry no claims.
        ("Facebook", r"graph\.facebook\.com", (ClaimKey("app_id", ()), ClaimKey("id", ()))),
        ("Login with Amazon", r"www\.amazon\.com", (ClaimKey("app_id", ()), ClaimKey("user_id", ()))),
    )
)


def keys_for(issuer: str) -> ClaimKeys:
    """The keys that AWS fills from a token of an issuer.

    Args:
        issuer: as in the provider's ARN and in front of a condition key: host and path, without `https://`.
    """
    for known_as, pattern, keys in _KNOWN:
        if pattern.fullmatch(issuer):
            return ClaimKeys(issuer, known_as, keys)
    return ClaimKeys(issuer, None, STANDARD)
