"""The AWS account: provider, client ids, role, trust policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.checks.discovery import how_they_differ
from daypass.doctor.finding import Check, Seen, Severity
from daypass.errors import ArnInvalid, Invalid
from daypass.names import ProviderArn
from daypass.trust.document import Policy
from daypass.trust.lint.model import Claim, Known
from daypass.trust.lint.model import Severity as LintSeverity
from daypass.trust.lint.run import lint_text
from daypass.trust.statement import PrincipalKind
from daypass.trust.token_claims import check_forms, effective_audience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts, ProviderFacts
    from daypass.trust.lint.model import Finding


def _issuer(facts: Facts) -> str | None:
    return facts.issuer or (None if facts.token is None else facts.token.issuer)


def _where(facts: Facts) -> str:
    return "account" if facts.account is None else facts.account.role_arn or f"account {facts.account.account}"


def _own(facts: Facts) -> ProviderFacts | None:
    """The provider whose URL is the issuer."""
    account = facts.account
    providers = () if account is None or account.providers is None else account.providers
    return next((each for each in providers if each.url == _issuer(facts)), None)


def _unread(facts: Facts) -> Iterator[Seen]:
    if facts.account is not None and facts.account.unread:
        yield Seen("not read: " + "; ".join(facts.account.unread), _where(facts))


def _near(facts: Facts) -> tuple[str, str] | None:
    """A provider whose URL is nearly the issuer, and how they differ."""
    issuer = _issuer(facts)
    if issuer is None or facts.account is None or facts.account.providers is None or _own(facts) is not None:
        return None
    for each in facts.account.providers:
        if how := how_they_differ(each.url, issuer):
            return each.url, how
    return None


def _missing(facts: Facts) -> Iterator[Seen]:
    account = facts.account
    if account is None or account.providers is None or _issuer(facts) is None:
        return
    if _own(facts) is None and _near(facts) is None:
        there = ", ".join(f"`{each.url}`" for each in account.providers) or "none at all"
        yield Seen(f"the account has no OIDC provider for `{_issuer(facts)}`; it has {there}", _where(facts))


def _differs(facts: Facts) -> Iterator[Seen]:
    near = _near(facts)
    if near is not None:
        yield Seen(
            f"the account's provider is `{near[0]}`, and the issuer `{_issuer(facts)}`: {near[1]}", _where(facts)
        )


def _client_id(facts: Facts) -> Iterator[Seen]:
    provider = _own(facts)
    token = None if facts.token is None or facts.token.fault is not None else facts.token
    if provider is None or provider.client_ids is None or token is None or check_forms(token.claims) is not None:
        return
    audience = effective_audience(token.claims)
    if audience not in provider.client_ids:
        name = "azp" if "azp" in token.claims else "aud"
        have = ", ".join(f"`{each}`" for each in provider.client_ids) or "none"
        yield Seen(f"`{name}` is `{audience}`, and the provider's client ids are {have}", provider.arn)


def _role_missing(facts: Facts) -> Iterator[Seen]:
    if facts.account is not None and facts.account.role_absent:
        yield Seen(f"there is no role `{facts.account.role_arn}`", _where(facts))


def _session_long(facts: Facts) -> Iterator[Seen]:
    role = None if facts.account is None else facts.account.role
    most = None if role is None else role.max_session_seconds
    if facts.duration_seconds is not None and most is not None and facts.duration_seconds > most:
        yield Seen(f"{facts.duration_seconds} s are asked for, and the role allows {most}", _where(facts))


def _text(facts: Facts) -> str | None:
    return None if facts.account is None or facts.account.role is None else facts.account.role.trust_policy


def _policy(facts: Facts) -> Policy | None:
    text = _text(facts)
    try:
        return None if text is None else Policy.parse(text)
    except Invalid:
        return None


def _malformed(facts: Facts) -> Iterator[Seen]:
    text = _text(facts)
    if text is None:
        return
    try:
        Policy.parse(text)
    except Invalid as fault:
        yield Seen(fault.message, _where(facts), fault.advice)


def _other_provider(facts: Facts) -> Iterator[Seen]:
    policy, issuer = _policy(facts), _issuer(facts)
    if policy is None or issuer is None:
        return
    named = [
        principal.value
        for statement in policy.statements
        for principal in statement.principals
        if principal.kind is PrincipalKind.FEDERATED
    ]
    if not any(_stands_for(arn, issuer, facts) for arn in named):
        said = ", ".join(f"`{arn}`" for arn in named) or "no OIDC provider"
        elsewhere = _in_another_account(named, issuer)
        if elsewhere is not None:
            yield Seen(
                f"the trust policy names the provider of account {elsewhere}, and the role is in another one",
                _where(facts),
                "Create the provider in the role's account, too, and name that one: AWS looks nowhere else.",
            )
            return
        yield Seen(f"the trust policy names {said}, and the issuer is `{issuer}`", _where(facts))


def _in_another_account(named: list[str], issuer: str) -> str | None:
    """The account of a provider that is the issuer's; it was found not to stand for it in the role's account."""
    for arn in named:
        try:
            provider = ProviderArn.parse(arn)
        except ArnInvalid:
            continue
        if provider.issuer_url == issuer:
            return provider.account
    return None


def _stands_for(arn: str, issuer: str, facts: Facts) -> bool:
    try:
        provider = ProviderArn.parse(arn)
    except ArnInvalid:
        return "*" in arn
    role = None if facts.account is None else facts.account.role_arn
    return provider.issuer_url == issuer and (role is None or f":iam::{provider.account}:role/" in role)


def _denies(facts: Facts) -> Iterator[Seen]:
    verdict = facts.verdict
    if verdict is None or verdict.code != "AccessDenied" or _policy(facts) is None or any(_other_provider(facts)):
        return
    remedy = None
    if verdict.edit is not None:
        remedy = f"If this token should get in, {_in_a_sentence(verdict.edit)}."
    yield Seen("; ".join(verdict.reasons) or str(verdict.detail), _where(facts), remedy)


def _in_a_sentence(edit: str) -> str:
    """The lines of an edit: what is done where, then `-` what goes, `+` what comes."""
    told = []
    for line in edit.splitlines():
        sign, _, value = line.partition(" ")
        if sign == "-":
            told.append(f"from `{value}`")
        elif sign == "+":
            told.append(f"to `{value}`")
        else:
            told.append(f"{sign} `{value}`" if value.startswith("/") else line)
    return " ".join(told)


def _lint(facts: Facts) -> Iterator[Finding]:
    text = _text(facts)
    if text is None or _policy(facts) is None:
        return
    token = facts.token
    claims = token.claims if token is not None and token.fault is None and token.claims else None
    for finding in lint_text(text, Known(claims=claims)):
        if finding.severity >= LintSeverity.WARNING and not (finding.code == _EXAMPLE_ACCOUNT and _answered(facts)):
            yield finding


_EXAMPLE_ACCOUNT: Final = "DP006"  # "the account is the one that documentation shows": not when IAM answers from it


def _answered(facts: Facts) -> bool:
    return facts.account is not None and facts.account.source == "iam"


def _open(facts: Facts) -> Iterator[Seen]:
    for finding in _lint(facts):
        if finding.claim is Claim.OPEN and finding.severity is LintSeverity.ERROR:
            yield Seen(f"{finding.code}: {finding.message}", _where(facts), finding.advice)


def _lints(facts: Facts) -> Iterator[Seen]:
    if facts.verdict is not None and facts.verdict.allowed is False:
        return  # why it is denied is told already
    for finding in _lint(facts):
        if finding.claim is not Claim.OPEN or finding.severity is not LintSeverity.ERROR:
            yield Seen(f"{finding.code}: {finding.message}", _where(facts), finding.advice)


CHECKS: Final = (
    Check(
        "account_unread",
        Severity.WARNING,
        "the account could not be read",
        "What is not known was taken as right for the verdict.",
        "Use credentials of the role's account with iam:GetRole, iam:ListOpenIDConnectProviders and"
        " iam:GetOpenIDConnectProvider, or give the trust policy with --policy FILE.",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html",
        _unread,
    ),
    Check(
        "provider_missing",
        Severity.ERROR,
        "the account has no provider for this issuer",
        "AWS answers `No OpenIDConnect provider found in your account`; the provider must be in the role's account.",
        "Create it with `daypass aws apply`, or `aws iam create-open-id-connect-provider`.",
        sources.FEDERATION,
        _missing,
    ),
    Check(
        "provider_url_differs",
        Severity.ERROR,
        "the provider's URL is not quite the issuer",
        "AWS compares `iss` with the provider's URL to the byte, and there is no way to change the URL of a provider.",
        "Delete the provider and create it with the issuer's URL, letter for letter; then put its new ARN and its"
        " condition keys into the trust policies.",
        sources.CREATE_PROVIDER_API,
        _differs,
    ),
    Check(
        "client_id_missing",
        Severity.ERROR,
        "the token's audience is not registered with the provider",
        "AWS answers `The web identity token provided could not be validated.` or `Incorrect token audience`.",
        "Add the audience with `aws iam add-client-id-to-open-id-connect-provider`, or ask for a token with one of the"
        " audiences that are there.",
        sources.CREATE_PROVIDER,
        _client_id,
    ),
    Check(
        "role_missing",
        Severity.ERROR,
        "there is no such role",
        "AWS answers `Not authorized to perform sts:AssumeRoleWithWebIdentity`, as if the trust policy said no.",
        "Look at account, path and letter case in the role's ARN, or create the role.",
        sources.TRUST,
        _role_missing,
    ),
    Check(
        "role_session_long",
        Severity.ERROR,
        "the session is to last longer than the role allows",
        "AWS answers `The requested DurationSeconds exceeds the MaxSessionDuration set for this role.`",
        "Ask for less, or raise the role's maximum session duration, which goes up to 43200 seconds.",
        sources.STS_API,
        _session_long,
    ),
    Check(
        "trust_policy_malformed",
        Severity.ERROR,
        "the trust policy cannot be read",
        "AWS refuses to store such a policy; what is stored is another one.",
        "Mend it at the place that is named.",
        sources.TRUST,
        _malformed,
    ),
    Check(
        "trust_provider_differs",
        Severity.ERROR,
        "the trust policy names another provider",
        "`Principal.Federated` must be the ARN of the provider for this issuer, in the role's account.",
        "Write the ARN of the account's provider for this issuer into `Principal.Federated`.",
        sources.TRUST,
        _other_provider,
    ),
    Check(
        "trust_denies",
        Severity.ERROR,
        "the trust policy does not let this token in",
        "AWS answers `Not authorized to perform sts:AssumeRoleWithWebIdentity`, and does not say why.",
        "`daypass trust explain` shows every statement and condition.",
        sources.TRUST,
        _denies,
    ),
    Check(
        "trust_open",
        Severity.ERROR,
        "strangers can enter the role",
        "The token of somebody else fulfils the trust policy, too.",
        "`daypass trust lint` shows the place, and a token that gets in.",
        sources.TRUST,
        _open,
    ),
    Check(
        "trust_lint",
        Severity.WARNING,
        "the trust policy has a weakness",
        "It works today, and lets in more than is meant, or less.",
        "`daypass trust lint` shows the place.",
        sources.TRUST,
        _lints,
    ),
)
