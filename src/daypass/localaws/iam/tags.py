"""Tags of roles, managed policies and OIDC providers (AWS IAM User Guide, "Tags for IAM resources").

A resource has 50 at most. Letter case tells the keys of policies and providers apart, not those of roles, which keep
the case that they were given. The prefix `aws:` is AWS's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Tags: TypeAlias = "tuple[tuple[str, str], ...]"

_MOST: Final = 50


def with_tags(
    kept: Tags, given: Iterable[Mapping[str, str]], *, quota: str, fold_case: bool = False
) -> Tags | AwsError:
    """The tags of a resource when those given are added; one that is there gets the new key and value.

    Args:
        kept: what it has.
        given: each with `Key` and `Value`.
        quota: the name of its limit, `TagsPerRole`.
        fold_case: letter case does not tell keys apart.
    """
    tags = {_name(key, fold_case=fold_case): (key, value) for key, value in kept}
    seen: set[str] = set()
    for tag in given:
        key, value = tag["Key"], tag["Value"]
        name = _name(key, fold_case=fold_case)
        if name in seen:
            told = "Duplicate tag keys found."
            return AwsError("InvalidInput", 400, f"{told} Please note that Tag keys are case insensitive.")
        if key.lower().startswith("aws:"):
            return AwsError("InvalidInput", 400, "Tag keys that begin with aws: are reserved for AWS")
        seen.add(name)
        tags[name] = (key, value)
    if len(tags) > _MOST:
        return AwsError("LimitExceeded", 409, f"Cannot exceed quota for {quota}: {_MOST}")
    return tuple(tags.values())


def without_tags(kept: Tags, keys: Iterable[str], *, fold_case: bool = False) -> Tags:
    """The tags that are left; keys that are not there do not matter."""
    gone = {_name(key, fold_case=fold_case) for key in keys}
    return tuple(tag for tag in kept if _name(tag[0], fold_case=fold_case) not in gone)


def shown_tags(tags: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Tags as IAM gives them back."""
    return [{"Key": key, "Value": value} for key, value in tags]


def _name(key: str, *, fold_case: bool) -> str:
    return key.lower() if fold_case else key
