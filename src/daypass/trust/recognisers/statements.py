"""Principals and actions that are nearly right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import ArnInvalid
from daypass.names import ProviderArn
from daypass.trust.decision import Reason
from daypass.trust.recognisers.case import Case, Hint
from daypass.trust.statement import PrincipalKind
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.trust.decision import StatementResult

_BROUGHT: Final = {
    "sts:TagSession": ("missing_tag_session", "the token carries session tags"),
    "sts:SetSourceIdentity": ("missing_set_source_identity", "the token carries a source identity"),
}


def another_account(case: Case, statement: StatementResult) -> Hint | None:
    """The principal is this issuer's provider in another account."""
    for named in _providers(case, statement):
        provider = case.provider
        if provider and named.issuer == provider.issuer and named.account != provider.account:
            return Hint(
                "provider_of_another_account",
                f"the principal is the provider of account {named.account}, and the role's account is"
                f" {provider.account}; role and provider share an account",
            )
    return None


def nearly_the_provider(case: Case, statement: StatementResult) -> Hint | None:
    """The principal's issuer differs from the provider's only in scheme, slash, letter case or path."""
    for named in _providers(case, statement):
        provider = case.provider
        if provider is None or named.issuer == provider.issuer:
            continue
        ours, theirs = provider.issuer.lower().rstrip("/"), _bare(named.issuer)
        if ours == theirs or ours.startswith(theirs + "/") or theirs.startswith(ours + "/"):
            return Hint("principal_nearly", f"the principal's issuer is nearly the token's; write {provider}")
    return None


def not_federated(case: Case, statement: StatementResult) -> Hint | None:
    """A web identity is asked of a statement for AWS principals."""
    if statement.principal is Reason.MATCHED or case.policy is None or case.provider is None:
        return None
    kinds = {principal.kind for principal in case.policy.statements[statement.index].principals}
    if kinds & {PrincipalKind.FEDERATED, PrincipalKind.ANYONE}:
        return None
    return Hint("principal_not_federated", f"a web identity comes as Federated, so write {case.provider} there")


def wrong_action(case: Case, statement: StatementResult) -> Hint | None:
    """The statement allows another way of assuming the role."""
    if statement.action is Reason.MATCHED or case.decision.request.action != LOGIN or case.policy is None:
        return None
    if statement.principal is not Reason.MATCHED:
        return None
    texts = [action.text for action in case.policy.statements[statement.index].actions]
    if not any(text.lower().startswith("sts:assumerole") for text in texts):
        return None
    return Hint("wrong_action", f"a web identity needs {LOGIN}, and the statement has {', '.join(texts)}")


def missing_action(case: Case, statement: StatementResult) -> Hint | None:
    """The statement allows the login, and not what the token brings along."""
    brought = _BROUGHT.get(case.decision.request.action)
    if brought is None or statement.action is Reason.MATCHED or statement.principal is not Reason.MATCHED:
        return None
    code, why = brought
    return Hint(code, f"{why}, so {case.decision.request.action} must be allowed as well")


def _providers(case: Case, statement: StatementResult) -> Iterator[ProviderArn]:
    if statement.principal is Reason.MATCHED or case.policy is None:
        return
    for principal in case.policy.statements[statement.index].principals:
        if principal.kind is PrincipalKind.FEDERATED:
            try:
                yield ProviderArn.parse(principal.value)
            except ArnInvalid:
                continue


def _bare(issuer: str) -> str:
    return issuer.lower().removeprefix("https://").removeprefix("http://").rstrip("/")


RECOGNISERS: Final[tuple[Callable[[Case, StatementResult], Hint | None], ...]] = (
    another_account,
    nearly_the_provider,
    not_federated,
    wrong_action,
    missing_action,
)
