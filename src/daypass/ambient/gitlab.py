"""GitLab CI: the job's `id_tokens:` keyword puts each token into a variable that the job's author named.

Source: GitLab docs, "OpenID Connect (OIDC) Authentication Using ID Tokens". The names are free, so a token is known by
what it says: who issued it, and for whom.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from daypass.ambient.wish import Given, incomplete, is_compact
from daypass.errors import DaypassError
from daypass.secret import Secret
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.ambient.wish import Wish

# Names that pages and tools use, tried first when several tokens fit; any other name will do, too.
_USUAL: Final = ("AWS_ID_TOKEN", "GITLAB_OIDC_TOKEN", "ID_TOKEN", "AWS_TOKEN", "MY_OIDC_TOKEN")
# GitLab's own credentials, which are no ID tokens even where they have the form of one.
_NOT_ID_TOKENS: Final = frozenset({"CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "CI_DEPLOY_PASSWORD", "CI_JOB_JWT"})
_OLD: Final = "CI_JOB_JWT_V2"


class _Candidate(NamedTuple):
    variable: str
    text: str
    audience: tuple[str, ...]


def find(wish: Wish) -> Given:
    """The job's ID token for the audience.

    Raises:
        TokenSourceIncomplete: when there is none; the advice is the `id_tokens:` block.
    """
    if wish.argument is not None:
        text = wish.environ.get(wish.argument)
        if not text:
            raise incomplete(
                f"the variable {wish.argument} is not set in this GitLab job",
                _block(wish.audience, wish.argument),
                variable=wish.argument,
            )
        return Given(Secret(text), f"the variable {wish.argument}")
    candidates = _candidates(wish.environ)
    wanted = set(wish.audience)
    fitting = [each for each in candidates if wanted <= set(each.audience)]
    if not fitting and not wish.insisted and len({each.audience for each in candidates}) == 1:
        fitting = candidates
    if fitting:
        chosen = min(fitting, key=_order)
        return Given(Secret(chosen.text), f"the variable {chosen.variable}")
    if candidates:
        told = ", ".join(f"{each.variable} is for `{' '.join(each.audience)}`" for each in candidates)
        raise incomplete(
            f"no ID token of this GitLab job is for `{' '.join(wish.audience)}`: {told}",
            f"{_block(wish.audience, 'AWS_ID_TOKEN')}\nOr name the audience of one of those: --audience AUDIENCE",
            variables=[each.variable for each in candidates],
        )
    raise incomplete("this GitLab job has no ID token", _block(wish.audience, "AWS_ID_TOKEN"))


def _candidates(environ: Mapping[str, str]) -> list[_Candidate]:
    """The variables that hold an ID token of this GitLab: by `iss`, or, with an issuer of its own, by its claims."""
    server = environ.get("CI_SERVER_URL", "").rstrip("/")
    found = []
    for variable, text in environ.items():
        if not text.startswith("eyJ") or variable in _NOT_ID_TOKENS or not is_compact(text):
            continue
        try:
            claims = peek(text, duplicates="last").claims
        except DaypassError:
            continue
        issuer, audience = claims.get("iss"), claims.get("aud")
        if not audience or not (issuer == server or ("project_path" in claims and "pipeline_id" in claims)):
            continue
        several = audience if isinstance(audience, list) else [audience]
        found.append(_Candidate(variable, text, tuple(str(each) for each in several)))
    return found


def _order(candidate: _Candidate) -> tuple[int, int, str]:
    """A token for nobody else first, then the usual names; the old, deprecated one last."""
    variable = candidate.variable
    usual = _USUAL.index(variable) if variable in _USUAL else len(_USUAL) + (variable == _OLD)
    return len(candidate.audience), usual, variable


def _block(audience: tuple[str, ...], variable: str) -> str:
    value = audience[0] if len(audience) == 1 else "[" + ", ".join(audience) + "]"
    return f"Add to the job in .gitlab-ci.yml:\n  id_tokens:\n    {variable}:\n      aud: {value}"
