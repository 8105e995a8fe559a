"""The trust policy of a desired role: who may enter, in the issuer's own words, as AWS's conditions. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.names import ProviderArn
from daypass.subjects.grammars import grammar_for, grammar_named
from daypass.subjects.patterns import did_you_mean, spoken
from daypass.subjects.shapes import ChosenBy
from daypass.trust.callers import TAG_SESSION
from daypass.trust.claim_keys import keys_for
from daypass.trust.generate import Admitted, as_literal, as_pattern, policy
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.aws.provisioning.desired import DesiredProvider, DesiredRole, Entrance
    from daypass.subjects.patterns import SubjectPattern
    from daypass.subjects.shapes import Grammar
    from daypass.trust.claim_keys import ClaimKeys

_OWN_KEYS: Final = frozenset({"aud", "sub", "oaud", "amr"})
"""Keys that are written from audiences and subjects, or that say nothing of the workload."""


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A trust policy's text, and what is to be known about it, in sentences."""

    text: str
    notes: tuple[str, ...]


def provider_arn(provider: DesiredProvider, account: str, partition: str = "aws") -> ProviderArn:
    """The ARN that the provider has in an account."""
    return ProviderArn.parse(f"arn:{partition}:iam::{account}:oidc-provider/{provider.issuer.without_scheme}")


def trust_policy(role: DesiredRole, provider: DesiredProvider, account: str, partition: str = "aws") -> TrustPolicy:
    """The trust policy of a role in an account: the same bytes for the same role, provider, account and partition.

    Raises:
        RequestInvalid: when who may enter cannot be said of this issuer. `entrance` among the facts is its index, and
            `word` the word that will not do, where it is one.
    """
    arn = provider_arn(provider, account, partition)
    keys = keys_for(arn.issuer)
    admitted: list[Admitted] = []
    notes: list[str] = []
    for index, entrance in enumerate(role.entrances):
        try:
            found = _Reading(entrance, provider, keys)
        except RequestInvalid as fault:
            raise RequestInvalid(fault.message, advice=fault.advice, **{**fault.facts, "entrance": index}) from None
        _join(admitted, found.admitted)
        notes += found.notes
    document = policy(admitted, provider=arn)
    return TrustPolicy(json.dumps(document, indent=2, ensure_ascii=True), tuple(dict.fromkeys(notes)))


def grammar_of(entrance: Entrance, provider: DesiredProvider) -> Grammar | None:
    """The grammar of an entrance's words; None when it has none.

    Raises:
        RequestInvalid: the issuer is known to be of another kind.
    """
    if entrance.format is None:
        return None
    named, known = grammar_named(entrance.format), grammar_for(provider.issuer.without_scheme)
    if known is None or known.shapes == named.shapes:
        return known or named
    raise RequestInvalid(
        f"`{provider.issuer}` is {known.about}, and `{entrance.format}` was said",
        advice=f"Write `{known.name}`, or name the provider of the issuer that you mean.",
        word=entrance.format,
    )


class _Reading:
    """What one entrance comes to."""

    def __init__(self, entrance: Entrance, provider: DesiredProvider, keys: ClaimKeys) -> None:
        self.notes: list[str] = []
        self._keys = keys
        self._conditions: dict[str, tuple[str, ...]] = {}
        self.admitted = Admitted(
            (LOGIN, TAG_SESSION) if entrance.session_tags else (LOGIN,),
            audiences={*provider.client_ids},
            tag_keys={*entrance.session_tags},
        )
        grammar = grammar_of(entrance, provider)
        if grammar is not None:
            self._speak(entrance, grammar)
        if entrance.subject is not None:
            self._take(entrance.subject)
        for name, values in entrance.claims:
            self._condition(name, values)
        self.admitted.keys = tuple(sorted(self._conditions.items()))
        if not (self.admitted.subjects or self.admitted.patterns or self._conditions):
            raise RequestInvalid("it names nobody: everybody whom the issuer knows would get in")

    def _speak(self, entrance: Entrance, grammar: Grammar) -> None:
        names = [name for name in self._keys.names if name not in _OWN_KEYS]
        said = spoken(grammar, dict(entrance.words), other_words=names)
        for pattern in said.patterns:
            text = "".join(value for value, _ in pattern.parts)
            if pattern.exact:
                self.admitted.subjects.add(text)
            else:
                written = (as_pattern(value) if wild else as_literal(value) for value, wild in pattern.parts)
                self.admitted.patterns.add("".join(written))
        for name, values in said.others:
            self._condition(name, values)
        self.notes += _open_notes(said.patterns)
        self.notes += _wide_notes(said.patterns, grammar)
        self.notes += _name_notes(said.patterns, grammar, {name for name, _ in entrance.words}, {*names})

    def _take(self, subject: str) -> None:
        if not subject.strip("*?"):
            raise RequestInvalid(f"the subject `{subject}` is everybody's", word="subject")
        if "*" in subject or "?" in subject:
            self.admitted.patterns.add(as_pattern(subject))
        else:
            self.admitted.subjects.add(subject)

    def _condition(self, name: str, values: tuple[str, ...]) -> None:
        key = self._keys.get(name)
        if key is None or key.name in _OWN_KEYS:
            offered = [each for each in self._keys.names if each not in _OWN_KEYS]
            raise RequestInvalid(
                f"AWS makes no condition key of the claim `{name}` for `{self._keys.issuer}`",
                advice=did_you_mean(name, offered),
                word=name,
            )
        wild = next((value for value in values if "*" in value or "?" in value), None)
        if wild is not None:
            raise RequestInvalid(
                f"`{wild}`: a claim is compared exactly, and has no wildcards",
                advice="Write each value in full; a list may have several.",
                word=name,
            )
        self._conditions[self._keys.prefixed(key)] = values


def _join(admitted: list[Admitted], found: Admitted) -> None:
    """Add a statement, or put it into one that differs in nothing but the subject."""
    for each in admitted:
        same = (each.actions, each.keys, each.audiences, each.tag_keys) == (
            *(found.actions, found.keys, found.audiences, found.tag_keys),
        )
        if same and (each.subjects or each.patterns) and (found.subjects or found.patterns):
            each.subjects |= found.subjects
            each.patterns |= found.patterns
            return
    admitted.append(found)


def _open_notes(patterns: tuple[SubjectPattern, ...]) -> Iterator[str]:
    nouns = dict.fromkeys(noun for pattern in patterns for noun in pattern.left_open)
    if nouns:
        whose = "/".join(value for name, value in patterns[0].named if name in patterns[0].shape.scope)
        yield f"Any {' or '.join(nouns)} of {whose} gets in: none is named."
    leaves = dict.fromkeys(pattern.shape.leaf for pattern in patterns)
    if len(leaves) > 1 and not nouns:
        yield f"Each of these gets in: {', '.join(leaves)}. `kind` chooses."


def _wide_notes(patterns: tuple[SubjectPattern, ...], grammar: Grammar) -> Iterator[str]:
    """That a scope has a wildcard, where no customer's name stands before it: whoever makes a fitting one gets in."""
    if grammar.tenant is not None:
        return
    for pattern in patterns:
        for component in pattern.shape.components:
            value = dict(pattern.named).get(component.name, "")
            if component.name in pattern.shape.scope and {"*", "?"} & {*value}:
                yield f"Every {component.noun} that fits `{value}` gets in, also one that is made later."


def _name_notes(
    patterns: tuple[SubjectPattern, ...], grammar: Grammar, told: set[str], keys: set[str]
) -> Iterator[str]:
    """Advice to name ids where a name can be given up and taken by somebody else, and the issuer has ids."""
    by_name = next((each for each in patterns if not _has_id(each)), None)
    if by_name is None or not grammar.shared:
        return
    scope = {name for name, _ in by_name.named}
    richer = (shape for shape in grammar.shapes if scope < {each.name for each in shape.components})
    ids = dict.fromkeys(
        component.name
        for shape in richer
        for component in shape.components
        if component.chosen_by is ChosenBy.ISSUER and component.name in shape.scope
    )
    ids |= dict.fromkeys(
        component.name
        for shape in grammar.shapes
        for component in shape.components
        if component.chosen_by is ChosenBy.ISSUER and component.name in keys
    )
    missing = [name for name in ids if name not in told]
    if missing:
        whose = "/".join(value for name, value in by_name.named if name in by_name.shape.scope)
        names = " and ".join(f"`{name}`" for name in missing)
        yield f"{whose} is a name, which another can take when it is given up: say {names} as well."


def _has_id(pattern: SubjectPattern) -> bool:
    return any(
        component.chosen_by is ChosenBy.ISSUER and component.name in pattern.shape.scope
        for component in pattern.shape.components
    )
