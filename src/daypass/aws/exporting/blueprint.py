"""What is exported: providers and roles, with everything that differs from account to account left open. Pure.

Every format is written from this, and so is what an account has: two things are alike when their files are.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from daypass.aws.provisioning.desired import AutomaticThumbprints, filled_in
from daypass.aws.provisioning.ownership import (
    ADOPTED_BY,
    BOUNDARY,
    INLINE,
    MADE_BY,
    MANAGED,
    POLICIES,
    TAGS,
    audiences_key,
    is_ours,
    recorded,
    stacks_using,
)
from daypass.aws.provisioning.same import same_form
from daypass.aws.provisioning.trust_policies import provider_arn, trust_policy
from daypass.errors import DaypassError
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from daypass.aws.provisioning.account import Seen, SeenProvider, SeenRole
    from daypass.aws.provisioning.desired import Desired, DesiredProvider, DesiredRole, Tags

_NO_ACCOUNT: Final = "000000000000"
_OPEN: Final = re.compile(r"\{(account|partition)\}")


@dataclass(frozen=True, slots=True)
class ProviderReference:
    """Stands where the ARN of an issuer's provider goes, which a tool knows when it makes or finds the provider."""

    issuer: str


@dataclass(frozen=True, slots=True)
class Open:
    """Stands for `account` or `partition` in a text."""

    name: str


Document: TypeAlias = "dict[str, Any]"
"""JSON values, and a `ProviderReference` where the ARN of a provider goes."""


@dataclass(frozen=True, slots=True)
class AccountText:
    """An ARN in which `{account}` and `{partition}` are open."""

    text: str

    @property
    def parts(self) -> tuple[str | Open, ...]:
        """Its parts in order, none of them empty."""
        found = _OPEN.split(self.text)
        return tuple(Open(part) if index % 2 else part for index, part in enumerate(found) if part)

    @property
    def closed(self) -> bool:
        """Whether nothing is open in it."""
        return not _OPEN.search(self.text)


@dataclass(frozen=True, slots=True)
class ExportedProvider:
    """An IAM OIDC provider. `issuer` is its URL."""

    issuer: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    tags: Tags

    @property
    def without_scheme(self) -> str:
        """The provider's part of its ARN."""
        return self.issuer.removeprefix("https://")


@dataclass(frozen=True, slots=True)
class ExportedRole:
    """A role. `issuer` is the URL of the provider that it trusts; `trust` has its reference as principal."""

    name: str
    path: str
    description: str
    max_session_seconds: int
    issuer: str
    trust: Document
    managed_policies: tuple[AccountText, ...]
    inline_policies: tuple[tuple[str, Document], ...]
    boundary: AccountText | None
    tags: Tags


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that is exported. `source` is the name of the file that says so, `stack` the stack's."""

    source: str
    stack: str
    providers: tuple[ExportedProvider, ...]
    roles: tuple[ExportedRole, ...]

    def roles_of(self, provider: ExportedProvider) -> tuple[ExportedRole, ...]:
        """The roles that trust a provider."""
        return tuple(role for role in self.roles if role.issuer == provider.issuer)


def blueprint(desired: Desired, source: str) -> Blueprint:
    """What a file wants.

    Args:
        desired: with thumbprints that are known (see `thumbprints.resolved`).
        source: the name of the file, for people.
    """
    return Blueprint(
        source,
        desired.stack,
        tuple(map(_provider, desired.providers)),
        tuple(_role(role, desired.provider_of(role)) for role in desired.roles),
    )


def seen_blueprint(desired: Desired, seen: Seen, source: str) -> Blueprint:
    """What an account has of what a file names, in the file's order and, where the meaning is the same, its words.

    Tags that say whose a thing is are left out, and so are thumbprints and a description that the file does not say. Of
    what the stack took over instead of making it, what others put there is left out: `apply` leaves it alone too. So it
    is with audiences that another stack put into any provider.
    """
    providers, roles = [], []
    for provider in desired.providers:
        there = seen.providers.get(str(provider_arn(provider, seen.account, seen.partition)))
        if there is not None:
            providers.append(_seen_provider(_provider(provider), there, desired.stack))
    for role in desired.roles:
        found = seen.roles.get(role.name)
        if found is not None:
            roles.append(_seen_role(role, desired.provider_of(role), _own(role, found, desired.stack, seen), seen))
    return Blueprint(source, desired.stack, tuple(providers), tuple(roles))


def _provider(desired: DesiredProvider) -> ExportedProvider:
    assert not isinstance(desired.thumbprints, AutomaticThumbprints), "resolved before exporting"
    return ExportedProvider(str(desired.issuer), desired.client_ids, desired.thumbprints, desired.tags)


def _role(desired: DesiredRole, provider: DesiredProvider) -> ExportedRole:
    text = trust_policy(desired, provider, _NO_ACCOUNT).text
    return ExportedRole(
        name=desired.name,
        path=desired.path,
        description=desired.description,
        max_session_seconds=desired.max_session_seconds,
        issuer=str(desired.provider),
        trust=_opened(json.loads(text), str(provider_arn(provider, _NO_ACCOUNT)), str(desired.provider)),
        managed_policies=tuple(map(AccountText, desired.managed_policies)),
        inline_policies=tuple((policy.name, json.loads(policy.document)) for policy in desired.inline_policies),
        boundary=None if desired.boundary is None else AccountText(desired.boundary),
        tags=desired.tags,
    )


def _opened(document: Any, arn: str, issuer: str) -> Document:
    """A trust policy whose principals that are the provider are references to it."""
    statements = document.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal")
        if isinstance(principal, dict) and principal.get("Federated") in (arn, [arn]):
            principal["Federated"] = ProviderReference(issuer)
    found: Document = document
    return found


def _seen_provider(wanted: ExportedProvider, there: SeenProvider, stack: str) -> ExportedProvider:
    own = there.tags.get(audiences_key(stack))
    shared = own is not None and there.tags.get(MADE_BY) != stack
    others = [there.tags[audiences_key(each)] for each in stacks_using(there.tags) if each != stack]
    clients = [
        each
        for each in there.client_ids
        if each in wanted.client_ids
        or recorded(own, each)
        or not (shared or any(recorded(other, each) for other in others))
    ]
    return ExportedProvider(
        wanted.issuer,
        _in_order(clients, wanted.client_ids),
        _in_order(there.thumbprints, wanted.thumbprints) if wanted.thumbprints else (),
        wanted.tags if shared else _tags(there.tags),
    )


def _own(desired: DesiredRole, there: SeenRole, stack: str, seen: Seen) -> SeenRole:
    """A role without what others put there, when the stack took it over."""
    if MADE_BY in there.tags or there.tags.get(ADOPTED_BY) != stack:
        return there

    def filled(text: str) -> str:
        return filled_in(text, account=seen.account, partition=seen.partition)

    policies, tags = there.tags.get(POLICIES), there.tags.get(TAGS)
    managed = {*map(filled, desired.managed_policies)}
    inline = {policy.name for policy in desired.inline_policies}
    others_boundary = there.boundary is not None and not recorded(policies, BOUNDARY + there.boundary)
    return replace(
        there,
        managed_policies=tuple(
            each for each in there.managed_policies if each in managed or recorded(policies, MANAGED + each)
        ),
        inline_policies=tuple(
            each for each in there.inline_policies if each.name in inline or recorded(policies, INLINE + each.name)
        ),
        boundary=None if desired.boundary is None and others_boundary else there.boundary,
        tags={key: text for key, text in there.tags.items() if key in dict(desired.tags) or recorded(tags, key)},
    )


def _seen_role(desired: DesiredRole, provider: DesiredProvider, there: SeenRole, seen: Seen) -> ExportedRole:
    wanted = _role(desired, provider)

    def filled(text: AccountText) -> str:
        return filled_in(text.text, account=seen.account, partition=seen.partition)

    texts = {filled(each): each for each in wanted.managed_policies}
    managed = _in_order(there.managed_policies, tuple(texts))
    boundary = None if there.boundary is None else AccountText(there.boundary)
    if boundary and wanted.boundary and filled(wanted.boundary) == boundary.text:
        boundary = wanted.boundary
    inline = {policy.name: policy.document for policy in desired.inline_policies}
    arn = str(provider_arn(provider, seen.account, seen.partition))
    text = trust_policy(desired, provider, seen.account, seen.partition).text
    same = same_trust(there.trust_policy, text)
    return ExportedRole(
        name=desired.name,
        path=there.path,
        description=there.description if desired.description else "",
        max_session_seconds=there.max_session_seconds,
        issuer=wanted.issuer,
        trust=wanted.trust if same else _opened(json.loads(there.trust_policy), arn, wanted.issuer),
        managed_policies=tuple(texts.get(each, AccountText(each)) for each in managed),
        inline_policies=tuple(
            (
                policy.name,
                json.loads(inline[policy.name] if _same(inline, policy.name, policy.document) else policy.document),
            )
            for policy in there.inline_policies
        ),
        boundary=boundary,
        tags=_tags(there.tags),
    )


def same_trust(one: str, other: str) -> bool:
    """Whether two trust policies admit the same, by their form or by proof."""
    if same_form(one, other):
        return True
    try:
        return diff(Policy.parse(one), Policy.parse(other)).verdict is Verdict.EQUIVALENT
    except DaypassError:
        return False


def _same(inline: Mapping[str, str], name: str, document: str) -> bool:
    return name in inline and same_form(inline[name], document)


def _in_order(found: Iterable[str], order: tuple[str, ...]) -> tuple[str, ...]:
    there = {*found}
    return (*(each for each in order if each in there), *sorted(there - {*order}))


def _tags(tags: Mapping[str, str]) -> Tags:
    """Tags that people put: neither ours nor CloudFormation's."""
    return tuple(sorted((key, value) for key, value in tags.items() if not is_ours(key) and not key.startswith("aws:")))
