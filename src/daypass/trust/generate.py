"""The trust policy with the least that admits given tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.subjects.grammars import grammar_for
from daypass.subjects.shapes import ChosenBy, Component
from daypass.trust.callers import SET_SOURCE_IDENTITY, TAG_SESSION
from daypass.trust.claim_keys import keys_for
from daypass.trust.context import subject
from daypass.trust.reading import VERSION
from daypass.trust.session import SessionTags, read_tags
from daypass.trust.token_claims import LOGIN, actions_of, check_forms, check_session_claims, effective_audience

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.names import ProviderArn
    from daypass.subjects.shapes import Grammar, Shape
    from daypass.tokens.strict_json import JsonValue

_IDS: Final = ("repository_id", "project_id", "pipeline_id", "oidc.circleci.com/project-id")
"""Keys for the id of a project, which outlives its name. AWS offers one at most for an issuer that it knows."""

_SPECIAL: Final = re.compile(r"[*?]|\$(?=\{)")
_VARIABLE: Final = re.compile(r"\$(?=\{)")


@dataclass(slots=True)
class Admitted:
    """Whom one Allow statement admits.

    Attributes:
        actions: what they may ask for.
        keys: further condition keys, in full, each with the values any of which will do.
        audiences: any of them; at least one.
        subjects: `sub`, exact, any of them.
        patterns: `sub` as `StringLike` reads it; with one, those of `subjects` are written as patterns too.
        tag_keys: the session tags that they may bring.
    """

    actions: tuple[str, ...] = (LOGIN,)
    keys: tuple[tuple[str, tuple[str, ...]], ...] = ()
    audiences: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)
    tag_keys: set[str] = field(default_factory=set)


def generate(
    tokens: Sequence[Mapping[str, JsonValue]],
    *,
    provider: ProviderArn,
    audience: str | None = None,
    any_ref: bool = False,
) -> dict[str, JsonValue]:
    """A policy document: audience and subject exact, and the project's id where AWS can test it.

    Tokens of one project share a statement, so that no id is combined with another project's name. A GitHub token by
    names gets its form with ids beside it, because the repository's subject changes when it is renamed or moved.
    Session tags and a source identity are allowed only when a token brings them; which tags is fixed, their values are
    the issuer's.

    Args:
        tokens: the claims of each; at least one.
        provider: the IAM OIDC provider of all of them.
        audience: that of the tokens by default.
        any_ref: leave branch, tag and event open, where the issuer's grammar is known.

    Raises:
        RequestInvalid: no token, a token of another issuer, one that AWS would not take, or `any_ref` for a subject
            in which no branch, tag or event is known.
    """
    if not tokens:
        raise RequestInvalid("a policy needs at least one token to admit")
    entrances: dict[tuple[tuple[str, ...], tuple[str, str] | None], Admitted] = {}
    grammar = grammar_for(provider.issuer)
    for claims in tokens:
        _check(claims, provider)
        actions = tuple(action for action, _ in actions_of(claims))
        project = _project(claims, provider)
        entrance = entrances.setdefault(
            (actions, project), Admitted(actions, () if project is None else ((project[0], (project[1],)),))
        )
        entrance.audiences.add(audience or effective_audience(claims))
        tags = read_tags(claims)
        entrance.tag_keys.update(tags.principal_tags if isinstance(tags, SessionTags) else ())
        for form in _forms(subject(claims) or "", claims, grammar):
            if any_ref:
                entrance.patterns.add(_opened(form, grammar))
            else:
                entrance.subjects.add(form)
    return policy([*entrances.values()], provider=provider)


def policy(admitted: Sequence[Admitted], *, provider: ProviderArn) -> dict[str, JsonValue]:
    """The policy document that admits these and nobody else, a statement for each."""
    return {"Version": VERSION, "Statement": [_statement(each, provider) for each in admitted]}


def as_literal(text: str) -> str:
    """A text as a value of `StringLike` that matches that text alone."""
    return _escaped(text, _SPECIAL)


def as_pattern(text: str) -> str:
    """A text as a value of `StringLike` where `*` and `?` are wildcards, and nothing is a policy variable."""
    return _escaped(text, _VARIABLE)


def _check(claims: Mapping[str, JsonValue], provider: ProviderArn) -> None:
    fault = check_forms(claims, required=("iss", "sub", "aud")) or check_session_claims(claims)
    if fault is not None:
        raise RequestInvalid(f"AWS would not take the token: {fault.detail}")
    if claims["iss"] != provider.issuer_url:
        raise RequestInvalid(
            f"the token is from `{claims['iss']}`, and the provider stands for `{provider.issuer_url}`",
            advice="Name the provider of the token's issuer; a slash at the end makes another issuer.",
        )


def _project(claims: Mapping[str, JsonValue], provider: ProviderArn) -> tuple[str, str] | None:
    """The key for the project's id and its value, where AWS reads one from tokens of this issuer."""
    keys = keys_for(provider.issuer)
    for name in _IDS:
        key = keys.get(name)
        found = key.value(claims) if key is not None else ()
        if key is not None and found:
            return keys.prefixed(key), found[0]
    return None


def _forms(text: str, claims: Mapping[str, JsonValue], grammar: Grammar | None) -> tuple[str, ...]:
    """The subject, and the one with ids that GitHub gives the same job after a change of the repository."""
    if grammar is None or not grammar.name.startswith("github"):
        return (text,)
    shape = grammar.shape_of(text)
    owner_id, repository_id = claims.get("repository_owner_id"), claims.get("repository_id")
    if shape is None or shape.scope != ("owner", "repository"):
        return (text,)
    with_ids = next((each for each in grammar.shapes if each.name == f"{shape.name} with ids"), None)
    if with_ids is None or not isinstance(owner_id, str) or not isinstance(repository_id, str):
        return (text,)
    found = shape.parse(text) or {}
    return text, with_ids.format({**found, "owner_id": owner_id, "repository_id": repository_id})


def _opened(text: str, grammar: Grammar | None) -> str:
    """A pattern for the project's subjects, whatever branch, tag or event."""
    shape = grammar.shape_of(text) if grammar is not None else None
    if grammar is None or shape is None or not _has_refs(shape, grammar):
        raise RequestInvalid(
            f"no branch, tag or event is known in the subject `{text}`", advice="Leave --any-ref out.", subject=text
        )
    found = shape.parse(text) or {}
    left = set(shape.scope)
    kept = ""
    for part in shape.parts:
        if not left:
            return f"{_escaped(kept, _SPECIAL)}{str(part)[0]}*"
        kept += found[part.name] if isinstance(part, Component) else part
        left -= {part.name} if isinstance(part, Component) else set()
    return _escaped(kept, _SPECIAL)


def _has_refs(shape: Shape, grammar: Grammar) -> bool:
    """Whether some subject of the same project has a part that a contributor chooses."""
    return any(
        component.chosen_by is ChosenBy.CONTRIBUTOR
        for other in grammar.shapes
        if other.scope == shape.scope
        for component in other.components
        if component.name not in other.scope
    )


def _escaped(text: str, special: re.Pattern[str]) -> str:
    """The text with what a policy would read as something else written so that it stands for itself."""
    return special.sub(lambda found: f"${{{found[0]}}}", text)


def _statement(entrance: Admitted, provider: ProviderArn) -> dict[str, JsonValue]:
    prefix = provider.issuer
    equals: dict[str, JsonValue] = {f"{prefix}:aud": _one_or_many(entrance.audiences)}
    conditions: dict[str, JsonValue] = {"StringEquals": equals}
    if entrance.patterns:
        both = {*entrance.patterns, *map(as_literal, entrance.subjects)}
        conditions["StringLike"] = {f"{prefix}:sub": _one_or_many(both)}
    elif entrance.subjects:
        equals[f"{prefix}:sub"] = _one_or_many({_escaped(text, _VARIABLE) for text in entrance.subjects})
    for key, values in entrance.keys:
        equals[key] = _one_or_many({_escaped(value, _VARIABLE) for value in values})
    if entrance.tag_keys:
        # `aws:TagKeys` can have several values: here ForAllValues is what limits them.
        conditions["ForAllValues:StringEquals"] = {"aws:TagKeys": _one_or_many(entrance.tag_keys)}
    order = (LOGIN, TAG_SESSION, SET_SOURCE_IDENTITY)
    return {
        "Effect": "Allow",
        "Principal": {"Federated": str(provider)},
        "Action": _one_or_many({*entrance.actions}, order=order),
        "Condition": conditions,
    }


def _one_or_many(texts: set[str], *, order: Sequence[str] | None = None) -> JsonValue:
    found: list[JsonValue] = [*(sorted(texts) if order is None else [text for text in order if text in texts])]
    return found[0] if len(found) == 1 else found
