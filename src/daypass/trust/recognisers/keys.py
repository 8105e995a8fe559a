"""Keys that are never there: a prefix that is nearly the issuer's, or a claim that AWS does not look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.claim_keys import keys_for
from daypass.trust.decision import Reason
from daypass.trust.recognisers.case import Case, Hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.trust.decision import ConditionResult

_ABSENT: Final = (Reason.KEY_ABSENT, Reason.ABSENT_ACCEPTED)


def mended_key(issuer: str, key: str) -> str | None:
    """The key that was meant by one with a scheme, a slash at the end, no path, or other letter case; else None."""
    prefix, _, claim = key.rpartition(":")
    bare = _bare(prefix)
    right = f"{issuer}:{claim}"
    if prefix.lower() == issuer.lower():
        return None
    if bare == _bare(issuer) or _bare(issuer).startswith(bare + "/"):
        return right
    return None


def scheme(case: Case, condition: ConditionResult) -> Hint | None:
    """The key begins with `https://`."""
    if _is_own(case, condition) and condition.key.lower().startswith("https://"):
        return Hint("key_with_scheme", f"a key has no https://; write {_right(case, condition)}")
    return None


def slash(case: Case, condition: ConditionResult) -> Hint | None:
    """The key's issuer ends in a slash and the provider's does not, or the other way round."""
    prefix = condition.key.rpartition(":")[0].lower()
    issuer = (case.issuer or "").lower()
    if not _is_own(case, condition) or prefix.startswith("https://") or prefix.rstrip("/") != issuer.rstrip("/"):
        return None
    if issuer.endswith("/"):
        return Hint("key_without_slash", f"the issuer ends in a slash; write {_right(case, condition)}")
    return Hint("key_with_slash", f"a slash at the end makes it another issuer; write {_right(case, condition)}")


def path(case: Case, condition: ConditionResult) -> Hint | None:
    """The key has the issuer's host and not its path."""
    prefix = condition.key.rpartition(":")[0].lower()
    if _is_own(case, condition) and not prefix.startswith("https://") and _bare(prefix) != _bare(case.issuer or ""):
        return Hint("key_without_path", f"the issuer's path is missing; write {_right(case, condition)}")
    return None


def untested(case: Case, condition: ConditionResult) -> Hint | None:
    """A claim that AWS makes no key of, for this issuer."""
    claim = case.claim_of(condition)
    if condition.reason not in _ABSENT or claim is None or case.issuer is None:
        return None
    known = keys_for(case.issuer)
    if known.get(claim) is not None:
        return None
    if claim == "azp":
        return Hint("key_azp", f"there is no key for azp: AWS puts its value into {case.issuer}:aud")
    whom = "this issuer" if known.known_as is None else known.known_as
    return Hint(
        "claim_not_tested",
        f"AWS makes no condition key of `{claim}` for {whom}, only of {', '.join(known.names)}",
    )


def absent_claim(case: Case, condition: ConditionResult) -> Hint | None:
    """A key that AWS does fill, from a claim that this token does not have."""
    claim = case.claim_of(condition)
    if condition.reason is not Reason.KEY_ABSENT or claim is None or case.issuer is None:
        return None
    if keys_for(case.issuer).get(claim) is None:
        return None
    there = sorted(
        key.rpartition(":")[2]
        for key in case.decision.request.context.values
        if key.lower().rpartition(":")[0] == case.issuer.lower()
    )
    return Hint("claim_absent", f"this token has nothing for it; it fills {', '.join(there) or 'no key'}")


def foreign(case: Case, condition: ConditionResult) -> Hint | None:
    """A key of another issuer."""
    prefix = condition.key.rpartition(":")[0].lower()
    if condition.reason is not Reason.KEY_ABSENT or case.issuer is None or _is_aws(prefix):
        return None
    if prefix == case.issuer.lower() or mended_key(case.issuer, condition.key) is not None:
        return None
    return Hint("key_of_another_issuer", f"this is not the issuer's prefix; its keys are {case.issuer}:…")


def _is_own(case: Case, condition: ConditionResult) -> bool:
    """Whether the key is absent and was meant to be the issuer's."""
    return (
        condition.reason is Reason.KEY_ABSENT
        and case.issuer is not None
        and mended_key(case.issuer, condition.key) is not None
    )


def _is_aws(prefix: str) -> bool:
    return prefix in {"aws", "sts"} or prefix.startswith("aws:")


def _right(case: Case, condition: ConditionResult) -> str:
    return mended_key(case.issuer or "", condition.key) or ""


def _bare(prefix: str) -> str:
    return prefix.lower().removeprefix("https://").removeprefix("http://").rstrip("/")


RECOGNISERS: Final[tuple[Callable[[Case, ConditionResult], Hint | None], ...]] = (
    scheme,
    slash,
    path,
    untested,
    absent_claim,
    foreign,
)
