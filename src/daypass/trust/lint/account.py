"""DP038, DP042 to DP044 and DP046: what role and provider, as far as they are known, say about the policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.trust.lint import breadth
from daypass.trust.lint.examples import GITHUB, OWN, SOUND, policy, statement
from daypass.trust.lint.model import Finding, Known, Rule, Severity
from daypass.trust.lint.view import clean_issuer, is_like, known_values
from daypass.trust.sources.found import ProviderFacts, RoleFacts
from daypass.trust.unknown import has_unknown
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.lint.model import LintSubject

_HEX: Final = re.compile(r"[0-9A-Fa-f]{40}")
_LONG_SECONDS: Final = 4 * 3600
_POWERFUL: Final = re.compile(r"\*|iam:(\*|put.*|attach.*|create.*|update.*|passrole|set.*)", re.IGNORECASE)
_ADMINISTRATORS: Final = ("/AdministratorAccess", "/IAMFullAccess", "/PowerUserAccess")
_PIN: Final = "sts:roleauthorizedbyidp"


def _not_pinned(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        keys = [condition.key.lower() for condition in trust.statement.conditions]
        if trust.grammar is not None and trust.grammar.name == "daypass" and _PIN not in keys:
            yield Finding(
                "DP038",
                Severity.NOTE,
                "the issuer can say in a token which roles it is for, and the policy does not ask for it",
                trust.path,
                'Add "Bool": {"sts:RoleAuthorizedByIdp": "true"}.',
                statement=trust.index,
            )
    if subject.known.twins:
        yield Finding(
            "DP038",
            Severity.NOTE,
            f"{', '.join(subject.known.twins)} has the same trust policy: whoever enters one enters both",
            (),
            "Give each role its own subject, such as another environment.",
            found=subject.known.twins,
        )


def _audiences(subject: LintSubject) -> Iterator[Finding]:
    for trust in subject.trusts:
        ids = [
            facts.client_ids
            for facts in subject.known.providers or ()
            if clean_issuer(facts.url) == clean_issuer(trust.issuer)
        ]
        if not ids or ids[0] is None:
            continue
        registered = ids[0]
        for condition in trust.guards("aud"):
            values = known_values(condition)
            if len(values) < len(condition.values):
                continue
            fits = [
                value
                for value in values
                if any(
                    Pattern.parse(value).matches(each) if is_like(condition) else value == each for each in registered
                )
            ]
            if values and not fits:
                yield Finding(
                    "DP042",
                    Severity.ERROR,
                    f"no `aud` that the policy takes is a client id of the provider, which has"
                    f" {', '.join(f'`{each}`' for each in registered) or 'none'}",
                    trust.at(condition),
                    "Write one text in all three places: the token, the provider's client ids, the policy.",
                    statement=trust.index,
                    wanted=registered,
                    found=values,
                )


def _session_length(subject: LintSubject) -> Iterator[Finding]:
    role = subject.known.role
    seconds = role.max_session_duration if role is not None else None
    if seconds is None:
        return
    if not 3600 <= seconds <= 43_200:
        message, severity = f"{seconds} seconds is no longest session that IAM takes", Severity.ERROR
    elif seconds > _LONG_SECONDS:
        message, severity = f"sessions can last {seconds} seconds: stolen credentials work as long", Severity.WARNING
    else:
        return
    yield Finding("DP043", severity, message, (), "Write 3600.", wanted=("3600",), found=(str(seconds),))


def _thumbprints(subject: LintSubject) -> Iterator[Finding]:
    shared = {trust.issuer for trust in subject.trusts if trust.shared}
    for facts in subject.known.providers or ():
        prints = [each for each in facts.thumbprints if not has_unknown(each)]
        bad = [each for each in prints if not _HEX.fullmatch(each)]
        if bad or len(prints) > 5:
            yield Finding(
                "DP044",
                Severity.ERROR,
                f"`{bad[0]}` is not a thumbprint: 40 hexadecimal digits" if bad else "more than 5 thumbprints",
                (),
                "Leave thumbprints out where the certificate is a public one.",
                found=tuple(bad),
                place=facts.place,
            )
        elif prints and clean_issuer(facts.url) in shared:
            yield Finding(
                "DP044",
                Severity.NOTE,
                f"AWS knows the authority behind {facts.url}, and does not look at the thumbprints",
                (),
                "Leave them out.",
                place=facts.place,
            )


def _permissions(subject: LintSubject) -> Iterator[Finding]:
    role = subject.known.role
    if role is None or role.permissions is None or role.managed is None:
        return
    if not role.permissions and not role.managed:
        yield Finding(
            "DP046",
            Severity.NOTE,
            "the role has no permissions in this file",
            (),
            "Attach a policy to it, or remove the role.",
        )
        return
    powerful = [arn for arn in role.managed if arn.endswith(_ADMINISTRATORS)] or [
        action for each in role.permissions for action in _powerful_actions(each)
    ]
    wide = [finding for rule in breadth.RULES if rule.code in {"DP022", "DP036"} for finding in rule.check(subject)]
    if powerful and wide:
        yield Finding(
            "DP046",
            Severity.WARNING,
            f"wide trust ({wide[0].code}) meets wide permissions (`{powerful[0]}`)",
            wide[0].path,
            "Narrow one of the two.",
            statement=wide[0].statement,
            found=tuple(powerful),
            claim=wide[0].claim,
            witness=wide[0].witness,
        )


def _powerful_actions(value: JsonValue) -> Iterator[str]:
    if isinstance(value, dict) and value.get("Effect") == "Allow":
        actions = value.get("Action")
        for action in actions if isinstance(actions, list) else [actions]:
            if isinstance(action, str) and (_POWERFUL.fullmatch(action) or action == "*:*"):
                yield action


def _role(**facts: object) -> Known:
    return Known(role=RoleFacts(**facts))  # type: ignore[arg-type] # names and types stand in RoleFacts


_OWN_GRAMMAR: Final = {OWN: "daypass"}
_JOB: Final = "organization:org_a1b2:project:prj_c3d4:job:job_e5f6"
_ADMINISTRATOR: Final = ("arn:aws:iam::aws:policy/AdministratorAccess",)
_WIDE: Final = statement(sub="repo:tidewater/*", operator="StringLike")

RULES: Final = (
    Rule(
        "DP038",
        "role-not-pinned",
        Severity.NOTE,
        "Tokens are not bound to this role",
        "An issuer can name the roles that a token is for; STS checks the list before the trust policy, and the policy"
        " can demand that there is one. Two roles with the same trust policy are one door.",
        "Ask for `sts:RoleAuthorizedByIdp`, and give each role its own subject.",
        policy(statement(issuer=OWN, sub=_JOB, aud="sts"), known=Known(issuers=_OWN_GRAMMAR)),
        policy(
            statement(issuer=OWN, sub=_JOB, aud="sts", more={"Bool": {"sts:RoleAuthorizedByIdp": "true"}}),
            known=Known(issuers=_OWN_GRAMMAR),
        ),
        _not_pinned,
    ),
    Rule(
        "DP042",
        "audience-not-registered",
        Severity.ERROR,
        "The audience is no client id of the provider",
        "STS takes a token only when its audience is one of the provider's client ids, letter for letter.",
        "Write one text in all three places: token, client id, policy.",
        policy(
            statement(), known=Known(providers=(ProviderFacts(f"https://{GITHUB}", client_ids=("sts.amazon.com",)),))
        ),
        policy(
            statement(), known=Known(providers=(ProviderFacts(f"https://{GITHUB}", client_ids=("sts.amazonaws.com",)),))
        ),
        _audiences,
    ),
    Rule(
        "DP043",
        "session-length",
        Severity.WARNING,
        "Sessions are long",
        "Credentials work until they expire. A job needs an hour; IAM takes 3600 to 43200 seconds.",
        "Set the role's maximum session duration to 3600 seconds.",
        policy(statement(), known=_role(max_session_duration=43_200)),
        policy(statement(), known=_role(max_session_duration=3_600)),
        _session_length,
    ),
    Rule(
        "DP044",
        "thumbprints",
        Severity.WARNING,
        "Thumbprints that are wrong, or not used",
        "A thumbprint is the SHA-1 of a certificate in 40 hexadecimal digits, five at most. For issuers behind a public"
        " authority AWS does not look at them.",
        "Leave them out where the certificate is a public one.",
        policy(statement(), known=Known(providers=(ProviderFacts(f"https://{GITHUB}", thumbprints=("6938fd4d",)),))),
        policy(statement(), known=Known(providers=(ProviderFacts(f"https://{GITHUB}"),))),
        _thumbprints,
    ),
    Rule(
        "DP046",
        "permissions",
        Severity.WARNING,
        "Permissions do not fit the trust",
        "Wide trust and wide permissions together give an account away. A role without permissions is for nothing.",
        "Narrow one of the two.",
        policy(_WIDE, known=_role(managed=_ADMINISTRATOR, permissions=())),
        SOUND,
        _permissions,
    ),
)
