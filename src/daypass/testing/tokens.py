"""Tokens as issuers would make them, without a signature: what trust policies are asked about in tests.

Subjects come from the issuers' grammars (`daypass.subjects.grammars`). Every builder takes further claims by keyword.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, final

from daypass.errors import RequestInvalid
from daypass.subjects.grammars import grammar_named

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

AWS: Final = "sts.amazonaws.com"
"""The audience that AWS's documentation uses."""


@final
class Token(Mapping[str, "JsonValue"]):
    """The claims of a token that nobody signed. `token["sub"]` reads one; `token.but(ref="x")` changes some."""

    __slots__ = ("_claims",)

    def __init__(self, claims: Mapping[str, JsonValue]) -> None:
        self._claims = dict(claims)

    def but(self, **claims: JsonValue) -> Token:
        """The same token with other claims; None takes a claim away."""
        changed = self._claims | claims
        return Token({name: value for name, value in changed.items() if value is not None})

    def __getitem__(self, name: str) -> JsonValue:
        return self._claims[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._claims)

    def __len__(self) -> int:
        return len(self._claims)

    def __repr__(self) -> str:
        return f"<token of {self._claims.get('iss')} for {self._claims.get('sub')}>"


def gitlab_token(
    *,
    project: str,
    ref: str = "main",
    ref_type: str = "branch",
    audience: str = AWS,
    issuer: str = "https://gitlab.com",
    **claims: JsonValue,
) -> Token:
    """A job's ID token of GitLab CI/CD (GitLab documentation, "OpenID Connect (OIDC) Authentication Using ID Tokens").

    Args:
        project: the full path, `mygroup/app`.
        ref: the branch or tag.
        ref_type: `branch` or `tag`; a merge request's pipeline says `branch` and `pipeline_source` tells it.
        audience: as the job asks for with `aud`.
        issuer: the GitLab instance.
        **claims: more of them, such as `project_id="22"` or `pipeline_source="merge_request_event"`.

    Raises:
        RequestInvalid: GitLab makes no such subject.
    """
    subject = _subject("gitlab", ref_type, project_path=project, **{ref_type: ref})
    return Token(
        {
            "iss": issuer,
            "sub": subject,
            "aud": audience,
            "project_path": project,
            "namespace_path": project.rpartition("/")[0],
            "ref": ref,
            "ref_type": ref_type,
            "pipeline_source": "push",
            **claims,
        }
    )


def github_token(
    *,
    repository: str,
    branch: str = "main",
    tag: str | None = None,
    environment: str | None = None,
    pull_request: bool = False,
    owner_id: int | None = None,
    repository_id: int | None = None,
    audience: str = AWS,
    issuer: str = "https://token.actions.githubusercontent.com",
    **claims: JsonValue,
) -> Token:
    """A job's ID token of GitHub Actions (GitHub documentation, "OpenID Connect reference").

    Args:
        repository: `owner/name`.
        branch: what was pushed to, unless a tag is given.
        tag: the tag that was pushed.
        environment: of the job; it takes the place of everything else in the subject.
        pull_request: the job runs for a pull request.
        owner_id: with `repository_id`, makes the subject that carries ids, as repositories created, renamed or
            transferred since July 2026 have it.
        repository_id: see `owner_id`.
        audience: as the job asks for.
        issuer: GitHub's, or an enterprise's own.
        **claims: more of them, such as `actor="octocat"`.

    Raises:
        RequestInvalid: GitHub makes no such subject.
    """
    owner, _, name = repository.partition("/")
    components = {"owner": owner, "repository": name}
    if environment is not None:
        leaf, last = "environment", {"environment": environment.replace(":", "%3A")}
    elif pull_request:
        leaf, last = "pull request", {}
    elif tag is not None:
        leaf, last = "tag", {"tag": tag}
    else:
        leaf, last = "branch", {"branch": branch}
    ids: dict[str, JsonValue] = {}
    if owner_id is not None and repository_id is not None:
        components |= {"owner_id": str(owner_id), "repository_id": str(repository_id)}
        ids = {"repository_owner_id": str(owner_id), "repository_id": str(repository_id)}
        leaf += " with ids"
    elif owner_id is not None or repository_id is not None:
        raise RequestInvalid("GitHub writes both ids into a subject, or none")
    ref = f"refs/tags/{tag}" if tag is not None else "refs/pull/1/merge" if pull_request else f"refs/heads/{branch}"
    return Token(
        {
            "iss": issuer,
            "sub": _subject("github", leaf, **components, **last),
            "aud": audience,
            "repository": repository,
            "repository_owner": owner,
            "ref": ref,
            "event_name": "pull_request" if pull_request else "push",
            **({} if environment is None else {"environment": environment}),
            **ids,
            **claims,
        }
    )


def gitpod_token(
    *, repository: str, audience: str = AWS, issuer: str = "https://services.gitpod.io/idp", **claims: JsonValue
) -> Token:
    """A workspace's ID token of Gitpod Classic: `sub` is the repository's URL, `azp` the audience.

    Args:
        repository: the URL of the workspace's context, `https://github.com/acme/app`.
        audience: as asked for with `gp idp token --audience`.
        issuer: the Gitpod installation's.
        **claims: more of them.

    Raises:
        RequestInvalid: Gitpod makes no such subject.
    """
    if grammar_named("gitpod").shape_of(repository) is None:
        raise RequestInvalid(f"`{repository}` is not the URL of a repository", advice="Write https://github.com/…")
    return Token(
        {"iss": issuer, "sub": repository, "aud": [audience], "azp": audience, "context": repository, **claims}
    )


def ona_token(
    *,
    organization_id: str,
    project_id: str,
    audience: str = AWS,
    issuer: str = "https://app.gitpod.io",
    **claims: JsonValue,
) -> Token:
    """An environment's ID token of Ona, in the form of its version 3: ids in the subject.

    Raises:
        RequestInvalid: Ona makes no such subject.
    """
    ids = {"organization_id": organization_id, "project_id": project_id}
    return Token({"iss": issuer, "sub": _subject("ona", "v3 project", **ids), "aud": audience, **ids, **claims})


def daypass_token(
    *,
    issuer: str,
    organization: str,
    project: str,
    workload: str,
    kind: str = "job",
    audience: str = AWS,
    **claims: JsonValue,
) -> Token:
    """A workload's ID token of Daypass, with the default subject.

    Args:
        issuer: the identity provider's URL.
        organization: its id.
        project: its id.
        workload: its id.
        kind: `job`, `workspace` or `environment`.
        audience: as asked for.
        **claims: more of them.

    Raises:
        RequestInvalid: Daypass makes no such subject.
    """
    subject = _subject("daypass", kind, organization=organization, project=project, workload=workload)
    ids = {"organization_id": organization, "project_id": project, "workload_id": workload, "workload_kind": kind}
    return Token({"iss": issuer, "sub": subject, "aud": audience, **ids, **claims})


def _subject(grammar: str, shape: str, **components: str) -> str:
    return grammar_named(grammar).shape_named(shape).format(components)
