"""Presets: what is known of a platform's tokens, so that a connection to it needs to name little.

A preset is a token format (`daypass.subjects`) with three choices: which claims say what a workload is, run after run;
which of its jobs are untrusted (`daypass.idp.exchange.contexts`); and that its scalar claims become attributes of the
same name, so that a format of ours that reads them can be filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import Attribute
from daypass.subjects.grammars import grammar_for
from daypass.subjects.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.subjects.formats import TokenFormat
    from daypass.tokens.strict_json import JsonValue

Path = tuple[str, ...]
_SCALARS: Final = frozenset(
    {ClaimType.TEXT, ClaimType.TEXT_BOOLEAN, ClaimType.TEXT_NUMBER, ClaimType.NUMBER, ClaimType.BOOLEAN}
)
_AWS_CLAIMS: Final = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti", "https://sts.amazonaws.com/")


@dataclass(frozen=True, slots=True)
class Preset:
    """What is known of one platform.

    Attributes:
        name: as connections name it: the name of the token format, or `aws`.
        identity: paths of the claims that say what a workload is: numbers and ids that are never given again, where
            the platform has them.
        attributes: workload attribute, and the path of the claim it is taken from.
        algorithms: those of the platform's tokens.
        claims: the names of all claims that its tokens were ever seen or documented to have.
        has_audience: False for the tokens that name nobody they are for.
        token_format: None where we issue no such tokens.
    """

    name: str
    identity: tuple[Path, ...]
    attributes: Mapping[str, Path]
    algorithms: tuple[str, ...]
    claims: frozenset[str]
    has_audience: bool
    token_format: TokenFormat | None

    def may_be(self, issuer: str) -> bool:
        """Whether an issuer can be one of this platform: its URL says so, or says nothing."""
        grammar = grammar_for(issuer)
        if grammar is None:
            return True
        return self.token_format is not None and grammar in self.token_format.issuers

    def unknown(self, claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
        """Names of claims that this platform's tokens are not known to have: news for the owner, used by nothing."""
        return tuple(sorted(name for name in claims if name not in self.claims))


_SUBJECT: Final[tuple[Path, ...]] = (("sub",),)
_CIRCLECI: Final = "oidc.circleci.com/"
_KUBERNETES: Final = "kubernetes.io"
_IDENTITIES: Final[Mapping[str, tuple[Path, ...]]] = {
    "daypass": (("organization_id",), ("project_id",), ("workload_id",)),
    "gitpod": _SUBJECT,
    "ona-v2": _SUBJECT,
    "ona-v3": _SUBJECT,
    "gitlab": (("project_id",), ("ref_type",), ("ref",)),
    "gitlab-jwt-v1": (("project_id",), ("ref_type",), ("ref",)),
    "gitlab-jwt-v2": (("project_id",), ("ref_type",), ("ref",)),
    "github": (("repository_id",), ("ref",)),
    "azure-devops": _SUBJECT,
    "circleci": ((f"{_CIRCLECI}org-id",), (f"{_CIRCLECI}project-id",)),
    # Only there when the step asks for them; the slugs that are always there may pass to somebody else.
    "buildkite": (("organization_id",), ("pipeline_id",)),
    "bitbucket": (("workspaceUuid",), ("repositoryUuid",)),
    "hcp-terraform": (("terraform_workspace_id",), ("terraform_run_phase",)),
    "jenkins": _SUBJECT,
    "kubernetes": ((_KUBERNETES, "namespace"), (_KUBERNETES, "serviceaccount", "uid")),
    "spiffe": _SUBJECT,
}


def _preset(name: str, identity: tuple[Path, ...]) -> Preset:
    token_format = FORMATS[name]
    attributes = {
        claim.source.name: (*claim.within, claim.name)
        for claim in token_format.claims
        if isinstance(claim.source, Attribute) and claim.written in _SCALARS
    }
    return Preset(
        name=name,
        identity=identity,
        attributes=attributes,
        algorithms=token_format.algorithms,
        claims=frozenset(token_format.claim_names),
        has_audience=name != "gitlab-jwt-v1",
        token_format=token_format,
    )


_AWS: Final = Preset(
    name="aws",  # GetWebIdentityToken: `sub` is the whole ARN of the caller
    identity=_SUBJECT,
    attributes={},
    algorithms=("RS256", "ES384"),
    claims=frozenset(_AWS_CLAIMS),
    has_audience=True,
    token_format=None,
)
PRESETS: Final[Mapping[str, Preset]] = {
    "aws": _AWS,
    **{name: _preset(name, identity) for name, identity in _IDENTITIES.items()},
}


def preset_named(name: str) -> Preset:
    """A preset by name.

    Raises:
        RequestInvalid: when there is none; `allowed` among the facts lists those there are.
    """
    found = PRESETS.get(name)
    if found is None:
        raise RequestInvalid(
            f"`{name}` is not a preset",
            advice=f"Choose from {', '.join(PRESETS)}, or leave it out.",
            members=["preset"],
            allowed=list(PRESETS),
        )
    return found
