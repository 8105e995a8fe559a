"""DP010 to DP018: who is trusted, in which account, to do what; and DP045, the provider's URL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.subjects.grammars import grammar_for
from daypass.trust.lint.document import faults
from daypass.trust.lint.edits import replaced
from daypass.trust.lint.examples import ACCOUNT, GITHUB, GITLAB, MAIN, PROVIDER, SOUND, policy, statement
from daypass.trust.lint.model import Claim, Finding, Known, Rule, Severity
from daypass.trust.lint.proof import ACTION
from daypass.trust.lint.subject import value_at
from daypass.trust.lint.view import OidcArn, clean_issuer, meant_issuer, statements
from daypass.trust.role_trust import BUILT_IN_PROVIDERS
from daypass.trust.sources.found import ProviderFacts
from daypass.trust.statement import Effect, PrincipalKind
from daypass.trust.token_claims import actions_of
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.trust.lint.model import LintSubject, Path
    from daypass.trust.statement import Principal, Statement

_PARTITIONS: Final = re.compile(r"aws(-cn|-us-gov|-iso(-[a-z])?|-eusc)?")
_SAML: Final = ":saml-provider/"


def _at(index: int, principal: Principal) -> Path:
    if principal.kind is PrincipalKind.ANYONE:
        return ("Statement", index, "Principal")
    return ("Statement", index, "Principal", principal.kind.value)


def _not_a_provider(subject: LintSubject) -> Iterator[Finding]:
    yield from faults(subject, "DP010")
    for index, each in statements(subject):
        if each.effect is not Effect.ALLOW:
            continue
        for principal in each.principals:
            reason = None
            if principal.kind is PrincipalKind.ANYONE:
                reason = 'the principal is "*": everyone, and IAM does not take it for a role'
            elif principal.value == "*":
                reason = f'{{"{principal.kind.value}": "*"}} names everyone of that kind, and no OIDC provider'
            elif principal.kind is not PrincipalKind.FEDERATED and OidcArn.of(principal.value):
                reason = f"the ARN of an OIDC provider stands under `{principal.kind.value}`, not under `Federated`"
            if reason:
                yield Finding(
                    "DP010",
                    Severity.ERROR,
                    reason,
                    _at(index, principal),
                    'Name the provider: {"Federated": "arn:aws:iam::ACCOUNT:oidc-provider/HOST"}.',
                    statement=index,
                    found=(principal.value,),
                )


def _arn_faults(each: Statement, value: str) -> Iterator[str]:
    arn = OidcArn.of(value)
    if arn is None:
        if "://" in value or value.startswith("arn:") or "." in value:
            yield "it is not the ARN of an identity provider"
        return
    issuer = arn.issuer
    if not has_unknown(arn.partition) and not _PARTITIONS.fullmatch(arn.partition):
        yield f"`{arn.partition}` is no partition of AWS"
    if has_unknown(issuer):
        return
    host = issuer.partition("://")[2] or issuer
    if "://" in issuer:
        yield "the scheme stands in it"
    if issuer.endswith("/") and not meant_issuer(each, issuer).endswith("/"):
        yield "it ends in a slash"
    if re.search(r":[0-9]+(/|\Z)", host):
        yield "a port stands in it"
    if host.partition("/")[0] != host.partition("/")[0].lower():
        yield "its host has capital letters"
    if not issuer:
        yield "it names no issuer"


def _bad_arn(subject: LintSubject) -> Iterator[Finding]:
    for index, each in statements(subject):
        for principal in each.principals:
            value = principal.value
            if principal.kind is not PrincipalKind.FEDERATED or value == "*" or value in BUILT_IN_PROVIDERS:
                continue
            if _SAML in value or (OidcArn.of(value) is None and has_unknown(value)):
                continue
            for reason in _arn_faults(each, value):
                yield Finding(
                    "DP012",
                    Severity.ERROR,
                    f"`{value}` cannot be the ARN of this provider: {reason}",
                    _at(index, principal),
                    "Write arn:aws:iam::ACCOUNT:oidc-provider/ and the issuer without https:// and port.",
                    statement=index,
                    wanted=(_clean_arn(each, value) or "",),
                    found=(value,),
                )


def _clean_arn(each: Statement, value: str) -> str | None:
    arn = OidcArn.of(value)
    return value[: -len(arn.issuer)] + meant_issuer(each, arn.issuer) if arn and arn.issuer else None


def _with_clean_arn(subject: LintSubject, finding: Finding) -> str | None:
    wanted, found = finding.wanted[0], finding.found[0]
    if not wanted or wanted == found or has_unknown(subject.text):
        return None
    value = value_at(subject.document, finding.path)
    if isinstance(value, list):
        return replaced(subject, finding.path, [wanted if each == found else each for each in value])
    return replaced(subject, finding.path, wanted)


def _foreign_account(subject: LintSubject) -> Iterator[Finding]:
    role = subject.known.role
    seen: str | None = role.account if role else None
    for index, each in statements(subject):
        for principal in each.principals:
            arn = OidcArn.of(principal.value)
            if arn is None or not re.fullmatch(r"[0-9]{12}", arn.account):
                continue
            if seen is not None and arn.account != seen:
                where = "the role is in" if role and role.account else "another provider of this policy is in"
                yield Finding(
                    "DP013",
                    Severity.ERROR,
                    f"the provider is in account {arn.account}, and {where} {seen}:"
                    " STS looks for the provider in the role's account only",
                    _at(index, principal),
                    "Create the provider in the role's account, and name that one.",
                    statement=index,
                    wanted=(seen,),
                    found=(arn.account,),
                )
            seen = seen or arn.account


def _missing_provider(subject: LintSubject) -> Iterator[Finding]:
    providers = subject.known.providers or ()
    issuers = [facts.url.partition("://")[2] or facts.url for facts in providers]
    for trust in subject.trusts:
        arn = OidcArn.of(trust.arn)
        if arn is None or arn.issuer in issuers:
            continue
        near = [
            issuer
            for issuer in issuers
            if issuer.lower().rstrip("/") == arn.issuer.lower().rstrip("/")
            or clean_issuer(issuer).partition("/")[0] == clean_issuer(arn.issuer).partition("/")[0]
        ]
        if not near and not subject.known.providers_complete:
            continue
        yield Finding(
            "DP014",
            Severity.ERROR,
            f"there is no provider for `{arn.issuer}`" + (f"; there is one for `{near[0]}`" if near else ""),
            ("Statement", trust.index, "Principal", "Federated"),
            "Name a provider that exists, letter for letter.",
            statement=trust.index,
            wanted=tuple(near),
            found=(arn.issuer,),
        )


def _is_oidc(each: Statement) -> bool:
    return bool(each.principals) and all(OidcArn.of(principal.value) for principal in each.principals)


def _actions(subject: LintSubject) -> Iterator[Finding]:
    for index, each in statements(subject):
        if each.effect is not Effect.ALLOW or not _is_oidc(each):
            continue
        path: Path = ("Statement", index, "NotAction" if each.not_actions else "Action")
        texts = tuple(action.text for action in each.actions or each.not_actions)
        if any(map(has_unknown, texts)):
            continue
        advice = f"Write {ACTION}."
        if each.not_actions:
            message = "`NotAction` allows every action that it does not list"
            yield Finding("DP015", Severity.ERROR, message, path, advice, statement=index, found=texts)
        elif not any(action.covers(ACTION) for action in each.actions):
            if any(text.lower() not in {"sts:tagsession", "sts:setsourceidentity"} for text in texts):
                yield Finding(
                    "DP015",
                    Severity.ERROR,
                    f"`{texts[0]}` is not what a web identity does: the statement never lets one in",
                    path,
                    advice,
                    statement=index,
                    wanted=(ACTION,),
                    found=texts,
                    claim=Claim.DEAD,
                )
        elif any("*" in text or "?" in text for text in texts):
            yield Finding(
                "DP015",
                Severity.WARNING,
                f"`{next(text for text in texts if '*' in text or '?' in text)}` allows more than one action",
                path,
                advice,
                statement=index,
                wanted=(ACTION,),
                found=texts,
            )


def _with_action(subject: LintSubject, finding: Finding) -> str | None:
    if finding.path[-1] != "Action" or len(finding.found) != 1:
        return None
    return replaced(subject, finding.path, ACTION)


def _tag_actions(subject: LintSubject) -> Iterator[Finding]:
    claims = subject.known.claims
    needed = [action for action, _ in actions_of(claims) if action != ACTION] if claims is not None else []
    for trust in subject.trusts:
        same = [other.statement for other in subject.trusts if other.arn == trust.arn]
        if not any(action.covers(ACTION) for action in trust.statement.actions):
            continue
        for action in needed:
            if not any(named.covers(action.lower()) for other in same for named in other.actions):
                yield Finding(
                    "DP016",
                    Severity.ERROR,
                    f"the token needs {action}, which no statement allows: the whole call is denied",
                    ("Statement", trust.index, "Action"),
                    f"Allow {action} for the same provider.",
                    statement=trust.index,
                    wanted=(action,),
                )
    for trust in subject.trusts:
        allowed = any(action.text.lower() == "sts:tagsession" for action in trust.statement.actions)
        keys = [condition.key.lower() for condition in trust.statement.conditions]
        if allowed and not any(key == "aws:tagkeys" or key.startswith("aws:requesttag/") for key in keys):
            yield Finding(
                "DP016",
                Severity.WARNING,
                "sts:TagSession is allowed for tags of any name and value",
                ("Statement", trust.index, "Action"),
                "Say which tags: ForAllValues:StringEquals on aws:TagKeys, and aws:RequestTag/… for their values.",
                statement=trust.index,
            )


def _mixed_providers(subject: LintSubject) -> Iterator[Finding]:
    for index, each in statements(subject):
        mine = [trust for trust in subject.trusts if trust.index == index]
        issuers = {trust.issuer for trust in mine}
        tested = {trust.issuer for trust in mine for condition in each.conditions if trust.claim(condition)}
        if len(issuers) > 1 and tested and tested != issuers:
            others = ", ".join(sorted(issuers - tested))
            yield Finding(
                "DP018",
                Severity.ERROR,
                f"the statement trusts {len(issuers)} issuers and tests keys of {', '.join(sorted(tested))} only;"
                f" for {others} these keys are absent",
                ("Statement", index, "Principal", "Federated"),
                "Write one statement for each provider.",
                statement=index,
                found=tuple(sorted(issuers)),
            )


def _provider_url(subject: LintSubject) -> Iterator[Finding]:
    for facts in subject.known.providers or ():
        if has_unknown(facts.url) or "${" in facts.url:
            continue
        scheme, _, rest = facts.url.rpartition("://")
        host = rest.partition("/")[0]
        reasons = [
            reason
            for reason, wrong in (
                ("it does not begin with https://", scheme != "https"),
                ("a port stands in it", ":" in host),
                ("it has a query or a fragment", "?" in rest or "#" in rest),
                ("its host has capital letters", host != host.lower()),
                ("it ends in a slash, and `iss` of this issuer does not", _has_foreign_slash(rest)),
            )
            if wrong
        ]
        for reason in reasons:
            yield Finding(
                "DP045",
                Severity.ERROR,
                f"`{facts.url}` cannot be the URL of this provider: {reason}",
                (),
                "Write the issuer's `iss`, byte for byte; IAM wants https and no port.",
                found=(facts.url,),
                place=facts.place,
            )


def _has_foreign_slash(rest: str) -> bool:
    return rest.endswith("/") and grammar_for(rest.rstrip("/")) is not None


def _facts(*urls: str, complete: bool = False) -> Known:
    return Known(providers=tuple(ProviderFacts(url) for url in urls), providers_complete=complete)


RULES: Final = (
    Rule(
        "DP010",
        "principal",
        Severity.ERROR,
        "The principal is not an OIDC provider",
        '`"*"` names everyone, `NotPrincipal` everyone but those it lists, and an OIDC ARN under `AWS` nobody.',
        "Name the provider under `Federated`.",
        policy(statement(Principal="*")),
        SOUND,
        _not_a_provider,
    ),
    Rule(
        "DP012",
        "provider-arn",
        Severity.ERROR,
        "The provider's ARN is malformed",
        "IAM makes the ARN from the issuer without `https://`. With a scheme, a port or a slash that the issuer does"
        " not have it is the ARN of nobody, and IAM does not check.",
        "Write the issuer as it is in `iss`, without `https://`.",
        policy(statement(Principal={"Federated": f"{PROVIDER}https://{GITHUB}"})),
        SOUND,
        _bad_arn,
        _with_clean_arn,
        repairs=True,
    ),
    Rule(
        "DP013",
        "foreign-account",
        Severity.ERROR,
        "The provider is in another account than the role",
        "STS looks for the provider in the role's account only, so the role can never be assumed.",
        "Create the provider in the role's account.",
        policy(
            statement(),
            statement(
                issuer=GITLAB,
                sub="project_path:tidewater/invoices:ref_type:branch:ref:main",
                aud="https://gitlab.com",
                more={"StringEquals": {"gitlab.com:project_id": "60417"}},
                Principal={"Federated": PROVIDER.replace(ACCOUNT, "210987654312") + GITLAB},
            ),
        ),
        SOUND,
        _foreign_account,
    ),
    Rule(
        "DP014",
        "missing-provider",
        Severity.ERROR,
        "The provider does not exist",
        "IAM takes the ARN of a provider that is not there, or whose path or letter case differ. Every login fails.",
        "Name a provider that exists, letter for letter.",
        policy(statement(), known=_facts("https://gitlab.com", complete=True)),
        policy(statement(), known=_facts(f"https://{GITHUB}", complete=True)),
        _missing_provider,
    ),
    Rule(
        "DP015",
        "action",
        Severity.ERROR,
        "The action does not fit a web identity",
        "With `sts:AssumeRole` or a SAML action no web identity gets in. `sts:*` and `NotAction` allow more than one"
        " thing.",
        "Write `sts:AssumeRoleWithWebIdentity`.",
        policy(statement(Action="sts:AssumeRole")),
        SOUND,
        _actions,
        _with_action,
        repairs=True,
    ),
    Rule(
        "DP016",
        "tag-session",
        Severity.ERROR,
        "Session tags without permission, or without limit",
        "A token with tags or a source identity is denied as a whole unless the policy allows `sts:TagSession` or"
        " `sts:SetSourceIdentity`. Allowed without a limit, the issuer can set any tag.",
        "Allow the action, and say which tags.",
        policy(statement(Action=[ACTION, "sts:TagSession"])),
        policy(
            statement(
                Action=[ACTION, "sts:TagSession"],
                more={"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}},
            )
        ),
        _tag_actions,
    ),
    Rule(
        "DP018",
        "mixed-providers",
        Severity.ERROR,
        "Two providers in one statement, and keys of one",
        "The keys of one issuer are absent for tokens of the other: these can never enter, or, under `…IfExists` and"
        " negations, enter unguarded.",
        "Write one statement for each provider.",
        policy(statement(Principal={"Federated": [PROVIDER + GITHUB, PROVIDER + GITLAB]})),
        SOUND,
        _mixed_providers,
    ),
    Rule(
        "DP045",
        "provider-url",
        Severity.ERROR,
        "The provider's URL is wrong",
        "IAM wants `https://` and neither port nor query; a slash or a letter that `iss` does not have makes it"
        " another issuer.",
        "Write the issuer's `iss`, byte for byte.",
        policy(statement(sub=MAIN), known=_facts(f"http://{GITHUB}")),
        policy(statement(sub=MAIN), known=_facts(f"https://{GITHUB}")),
        _provider_url,
    ),
)
