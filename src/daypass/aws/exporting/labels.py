"""Names that a tool's files give to providers and roles, made of theirs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole

_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_MOST: Final = 96
"""Characters of a name that are kept: AWS takes issuers of 255, and CloudFormation logical ids of 255 too."""
_OTHERS: Final = re.compile(r"(?:Arn|Resource|Boundary|Managed[0-9]*|_arn|_exists|_trust)$")
"""What the formats put behind a label for what belongs to it: a name that ends so would be that thing's too."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Identifiers: letters, digits and `_`, beginning with a letter, no two of one blueprint alike in any case."""

    _providers: dict[str, str]
    _roles: dict[str, str]

    @classmethod
    def snake(cls, of: Blueprint) -> Labels:
        """`provider_gitlab_example_com`, `role_gitlab_main`."""
        return cls._make(of, lambda kind, words: "_".join([kind, *words]).lower())

    @classmethod
    def pascal(cls, of: Blueprint) -> Labels:
        """`ProviderGitlabExampleCom`, `RoleGitlabMain`."""
        return cls._make(of, lambda kind, words: "".join(word[0].upper() + word[1:] for word in (kind, *words)))

    @classmethod
    def kebab(cls, of: Blueprint) -> Labels:
        """`gitlab-example-com`, for names of files; of providers. They begin with a letter."""
        return cls._make(of, lambda _, words: "-".join(words if words[0][0].isalpha() else ["idp", *words]).lower())

    @classmethod
    def stacks(cls, of: Blueprint) -> Labels:
        """`shop-gitlab-example-com`, for names of stacks; of providers. Another file's are others.

        CloudFormation takes 128 characters.
        """
        names = cls.kebab(of)
        return cls({each.without_scheme: f"{stack_name(of)[:28]}-{names.provider(each)}" for each in of.providers}, {})

    @classmethod
    def _make(cls, of: Blueprint, join: Callable[[str, list[str]], str]) -> Labels:
        return cls(
            _distinct((each.without_scheme for each in of.providers), lambda words: join("provider", words)),
            _distinct((each.name for each in of.roles), lambda words: join("role", words)),
        )

    def provider(self, of: ExportedProvider | str) -> str:
        """A provider's, by itself or by its issuer."""
        return self._providers[(of if isinstance(of, str) else of.issuer).removeprefix("https://")]

    def role(self, of: ExportedRole) -> str:
        """A role's."""
        return self._roles[of.name]


def stack_name(of: Blueprint) -> str:
    """The name of a file's stack as tools take it: letters, digits and `-`, beginning with a letter."""
    words = _WORD.findall(of.stack) or ["x"]
    return "-".join(words if words[0][0].isalpha() else ["stack", *words])


def _distinct(names: Iterable[str], join: Callable[[list[str]], str]) -> dict[str, str]:
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        words = _WORD.findall(name) or ["x"]
        label = wanted = join([*words, "name"] if _OTHERS.search(join(words)[:_MOST]) else words)[:_MOST]
        number = 2
        while label.lower() in taken:
            label, number = f"{wanted}{number}", number + 1
        taken.add(label.lower())
        found[name] = label
    return found
