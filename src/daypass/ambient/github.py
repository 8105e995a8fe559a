"""GitHub Actions: a URL and a bearer token in the job's environment, which give a new ID token for any audience.

Source: GitHub docs, "OpenID Connect reference", and actions/toolkit, `packages/core/src/oidc-utils.ts`. Others speak
the same protocol: Gitea, Forgejo, and our own identity provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.ambient.asking import ask, with_query
from daypass.ambient.wish import Given, incomplete, one_audience
from daypass.errors import JsonMalformed
from daypass.secret import Secret
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.ambient.wish import Wish
    from daypass.errors import TokenSourceIncomplete

URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 - the variable's name
_LINES: Final = "Add to the job, or to the whole workflow:\n  permissions:\n    id-token: write\n    contents: read"
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024


def find(wish: Wish) -> Given:
    """A new ID token for the audience.

    Raises:
        TokenSourceIncomplete: without the permission; and for a pull request from a fork, which never has it.
        TokenSourceFailed, ServiceUnreachable: see `asking.ask`.
    """
    url, credential = wish.environ.get(URL), wish.environ.get(TOKEN)
    if not url or not credential:
        raise _not_permitted(wish.environ, URL if not url else TOKEN)
    audience = one_audience(wish, "GitHub Actions")
    token = ask(
        "GET",
        with_query(url, audience=audience),
        title="GitHub Actions",
        setting=URL,
        member="value",
        credential=Secret(credential),
        environ=wish.environ,
        denied=f"The job may have ended, or its permission was taken away. {_LINES}",
    )
    return Given(token, URL)


def _not_permitted(environ: Mapping[str, str], missing: str) -> TokenSourceIncomplete:
    if is_from_fork(environ):
        return incomplete(
            "this run is for a pull request from a fork, and GitHub never gives those an ID token",
            "Log in where the code is trusted: on push, after the merge, or in a job behind an environment's approval.",
            missing=missing,
            fork=True,
        )
    return incomplete("this GitHub Actions job may not ask for an ID token", _LINES, missing=missing, fork=False)


def is_from_fork(environ: Mapping[str, str]) -> bool:
    """Whether the event is a pull request whose head is another repository than its base.

    The event is the file that `GITHUB_EVENT_PATH` names; one that cannot be read counts as no.
    """
    path = environ.get("GITHUB_EVENT_PATH")
    if not environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request") or not path:
        return False
    try:
        with open(path, "rb") as file:
            event = strict_json.parse(
                file.read(_MAX_EVENT_BYTES + 1),
                max_bytes=_MAX_EVENT_BYTES,
                max_members=100_000,
                duplicates="last",
                control_characters=True,
            )
    except (OSError, JsonMalformed):
        return False
    pull = event.get("pull_request") if isinstance(event, dict) else None
    sides = [pull.get(side) for side in ("head", "base")] if isinstance(pull, dict) else []
    ids = []
    for side in sides:
        repository = side.get("repo") if isinstance(side, dict) else None
        ids.append(repository.get("id") if isinstance(repository, dict) else None)
    return len(ids) == 2 and ids[0] != ids[1]
