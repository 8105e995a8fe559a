"""The token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import keys, sources
from daypass.doctor.checks.discovery import how_they_differ
from daypass.doctor.finding import Check, Seen, Severity
from daypass.errors import ArnInvalid
from daypass.names import RoleArn
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.peek import MAX_LENGTH
from daypass.trust import token_claims
from daypass.trust.token_claims import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.doctor.facts import Facts, TokenFacts
    from daypass.trust.token_claims import Fault

_WHERE: Final = "token"
_DAY_SECONDS: Final = 86_400
_MAX_SUBJECT: Final = 255


def _token(facts: Facts) -> Iterator[TokenFacts]:
    """The token, when it is one."""
    if facts.token is not None and facts.token.fault is None:
        yield facts.token


def _unavailable(facts: Facts) -> Iterator[Seen]:
    if facts.token is not None and facts.token.fault is not None and not facts.token.length:
        yield Seen(facts.token.fault, facts.token.source)


def _too_long(facts: Facts) -> Iterator[Seen]:
    if facts.token is not None and facts.token.length > MAX_LENGTH:
        yield Seen(f"the token has {facts.token.length} characters", _WHERE)


def _malformed(facts: Facts) -> Iterator[Seen]:
    if facts.token is not None and facts.token.fault is not None and 0 < facts.token.length <= MAX_LENGTH:
        yield Seen(facts.token.fault, _WHERE)


def _padded(facts: Facts) -> Iterator[Seen]:
    if facts.token is not None and facts.token.padded:
        yield Seen(f"there is white space around the token from {facts.token.source}", _WHERE)


def _algorithm(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        if not _is_taken(token.header.get("alg")):
            yield Seen(f"`alg` is `{token.header.get('alg')}`", _WHERE)


def _is_taken(algorithm: object) -> bool:
    return isinstance(algorithm, str) and algorithm in ALGORITHMS


def _critical(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        if "crit" in token.header:
            yield Seen(f"the header has `crit` {token.header['crit']}", _WHERE)


def _unmatched(facts: Facts) -> Iterator[TokenFacts]:
    """A token for which the issuer has no key, though its keys are in order."""
    for token in _token(facts):
        if token.signature == "no_key" and token.issuer == facts.issuer and not keys.any_fault(facts):
            yield token


def _kid_missing(facts: Facts) -> Iterator[Seen]:
    for token in _unmatched(facts):
        if not token.header.get("kid"):
            yield Seen(str(token.signature_detail), _WHERE)


def _kid_unknown(facts: Facts) -> Iterator[Seen]:
    for token in _unmatched(facts):
        if kid := token.header.get("kid"):
            yield Seen(f"`kid` is `{kid}`, and no key that the issuer publishes now has it", _WHERE)


def _signature(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        usual = _is_taken(token.header.get("alg")) and "crit" not in token.header and not keys.any_fault(facts)
        if token.signature == "invalid" and token.issuer == facts.issuer and usual:
            yield Seen(f"the signature is not of the key `{token.header.get('kid')}`", _WHERE)


def _issuer(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        if token.issuer is not None and facts.issuer is not None and token.issuer != facts.issuer:
            how = how_they_differ(token.issuer, facts.issuer)
            yield Seen(f"`iss` is `{token.issuer}`, not `{facts.issuer}`{f': {how}' if how else ''}", _WHERE)


def _with(*problems: Problem) -> Callable[[Facts], Iterator[Seen]]:
    """What STS's own checks of claims say, where it is one of these problems."""

    def look(facts: Facts) -> Iterator[Seen]:
        for token in _token(facts):
            for fault in _faults(facts, token):
                if fault is not None and fault.problem in problems:
                    yield Seen(fault.detail, _WHERE)

    return look


def _faults(facts: Facts, token: TokenFacts) -> Iterator[Fault | None]:
    forms = token_claims.check_forms(token.claims)
    yield forms
    if forms is None:
        yield token_claims.check_times(token.claims, int(facts.examined_at.timestamp()))
        yield token_claims.check_session_claims(token.claims)
        role = None if facts.account is None else facts.account.role_arn
        try:
            yield None if role is None else token_claims.check_roles(token.claims, RoleArn.parse(role))
        except ArnInvalid:
            return


def _lives_long(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        issued, expires = (token_claims.timestamp(token.claims.get(name)) for name in ("iat", "exp"))
        if issued is not None and expires is not None and expires - issued > _DAY_SECONDS:
            yield Seen(f"it is good for {(expires - issued) // 3600} hours", _WHERE)


def _subject_long(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        subject = token.claims.get("sub")
        if isinstance(subject, str) and len(subject) > _MAX_SUBJECT:
            yield Seen(f"`sub` has {len(subject)} characters", _WHERE)


def _types(facts: Facts) -> Iterator[Seen]:
    for token in _token(facts):
        if token.mistyped:
            names = ", ".join(f"`{name}`" for name in token.mistyped)
            yield Seen(f"{names}: not of the type that such tokens have", _WHERE)


_CLOCKS: Final = "Compare the issuer's clock with the true time; AWS allows 300 seconds either way."

CHECKS: Final = (
    Check(
        "token_unavailable",
        Severity.WARNING,
        "there is no token here",
        "Without one, what STS would answer cannot be decided; the issuer was examined all the same.",
        "Give one with --token FILE, or run this in the job that cannot log in.",
        sources.STS_API,
        _unavailable,
    ),
    Check(
        "token_too_long",
        Severity.ERROR,
        "the token is too long",
        f"STS takes at most {MAX_LENGTH} characters.",
        "Leave claims out: groups and long lists are what makes tokens long.",
        sources.STS_API,
        _too_long,
    ),
    Check(
        "token_malformed",
        Severity.ERROR,
        "the token is not an ID token",
        "STS answers `The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)`.",
        "Send the ID token, three parts with dots between them, and not an access token or a file's name.",
        sources.JWT,
        _malformed,
    ),
    Check(
        "token_padded",
        Severity.WARNING,
        "there is white space around the token",
        "Not every client takes it off, and STS may not take the token with it.",
        "Write the token without a line end: `printf %s`, not `echo`.",
        sources.JWT,
        _padded,
    ),
    Check(
        "token_algorithm",
        Severity.ERROR,
        "the token is signed with an algorithm that AWS does not take",
        "AWS takes RS256, RS384, RS512, ES256, ES384 and ES512.",
        "Let the issuer sign with RS256.",
        sources.STS_API,
        _algorithm,
    ),
    Check(
        "token_critical",
        Severity.ERROR,
        "the token asks for an extension",
        "AWS understands no extension, and so refuses every header with `crit`.",
        "Let the issuer leave `crit` out.",
        sources.OBSERVED,
        _critical,
    ),
    Check(
        "token_kid_missing",
        Severity.ERROR,
        "the token names no key",
        "Without `kid` AWS takes a token only when the issuer has exactly one usable key.",
        "Let the issuer put `kid` into the header.",
        sources.OBSERVED,
        _kid_missing,
    ),
    Check(
        "token_kid_unknown",
        Severity.ERROR,
        "the token's key is not published",
        "AWS answers `Couldn't retrieve verification key from your identity provider`.",
        "If the keys were just changed, wait until caches have given up the old set, or get a new token; otherwise the"
        " token is another server's.",
        sources.INVALID_TOKEN,
        _kid_unknown,
    ),
    Check(
        "token_signature_wrong",
        Severity.ERROR,
        "the signature is not the issuer's",
        "AWS answers `The web identity token provided could not be validated.`",
        "Get a new token. If that is no better, two servers use one `kid` for two keys, or the token was changed.",
        sources.OBSERVED,
        _signature,
    ),
    Check(
        "token_issuer_differs",
        Severity.ERROR,
        "the token is another issuer's",
        "AWS looks for the provider whose URL is `iss`, to the byte.",
        "Examine the issuer that `iss` names, or set the issuer's public URL so that both are the same text.",
        sources.CREATE_PROVIDER_API,
        _issuer,
    ),
    Check(
        "token_claim_missing",
        Severity.ERROR,
        "the token lacks a claim that AWS requires",
        "AWS requires `iss`, `sub`, `aud`, `iat` and `exp`, and answers `Missing a required claim`.",
        "Use a token that is made for AWS: in GitLab `id_tokens` with an `aud`, and not `CI_JOB_JWT`.",
        sources.STS_API,
        _with(Problem.CLAIM_MISSING),
    ),
    Check(
        "token_audience",
        Severity.ERROR,
        "the audience has a form that AWS does not take",
        "`aud` is one text, or an array of texts; with several of them `azp` must say which counts.",
        "Ask for a token with one audience.",
        sources.OBSERVED,
        _with(Problem.AUDIENCE_EMPTY, Problem.AUDIENCE_FORM, Problem.AUDIENCE_SEVERAL),
    ),
    Check(
        "token_subject",
        Severity.ERROR,
        "the subject or issuer has a form that AWS does not take",
        "`iss` is text; `sub` is text or a number; of `null` AWS makes `Unknown error validating third-party token`.",
        "Let the issuer write a text.",
        sources.OBSERVED,
        _with(Problem.SUBJECT_NULL, Problem.SUBJECT_FORM, Problem.ISSUER_FORM),
    ),
    Check(
        "token_subject_long",
        Severity.WARNING,
        "the subject is very long",
        f"AWS documents at most {_MAX_SUBJECT} characters, and takes more; a session with tags then runs out of room.",
        "Name the workload by ids instead of paths.",
        sources.STS_API,
        _subject_long,
    ),
    Check(
        "token_time_form",
        Severity.ERROR,
        "a time is not a whole number",
        "AWS answers `Invalid timestamp in token claims.` to fractions and to what is no number.",
        "Let the issuer write `iat`, `nbf` and `exp` as whole seconds.",
        sources.OBSERVED,
        _with(Problem.TIME_FORM),
    ),
    Check(
        "token_expired",
        Severity.ERROR,
        "the token has expired",
        "AWS answers `ExpiredTokenException`; it allows 300 seconds after `exp`.",
        "Get a token right before it is used; a long job needs a new one for each login.",
        sources.STS_API,
        _with(Problem.EXPIRED),
    ),
    Check(
        "token_issued_in_future",
        Severity.ERROR,
        "the token is from the future",
        "AWS answers `Token issued in the future`; it allows 300 seconds.",
        _CLOCKS,
        sources.OBSERVED,
        _with(Problem.ISSUED_IN_FUTURE),
    ),
    Check(
        "token_not_yet_valid",
        Severity.ERROR,
        "the token is not valid yet",
        "AWS answers `Token not yet valid`; it allows 300 seconds before `nbf`.",
        _CLOCKS,
        sources.OBSERVED,
        _with(Problem.NOT_YET_VALID),
    ),
    Check(
        "token_lives_long",
        Severity.WARNING,
        "the token is good for more than a day",
        "AWS takes a token as often as it is sent until it expires: who finds it in a log has that long.",
        "Ask for tokens of minutes; credentials of AWS outlive them anyway.",
        sources.OBSERVED,
        _lives_long,
    ),
    Check(
        "token_session_claims",
        Severity.ERROR,
        "the session tags or the source identity have a form that AWS does not take",
        "AWS answers `principal_tags passed in claim is not in correct format.`",
        "Write `https://aws.amazon.com/tags` as AWS's page on session tags has it.",
        sources.SESSION_TAGS,
        _with(Problem.TAGS_FORM, Problem.SOURCE_IDENTITY_FORM),
    ),
    Check(
        "token_roles_claim",
        Severity.ERROR,
        "the token is not for this role",
        "A token with the claim `https://aws.amazon.com/roles` may assume only the roles that it lists.",
        "Let the issuer list this role's ARN, or leave the claim out.",
        "https://aws.amazon.com/about-aws/whats-new/2026/01/aws-sts-supports-validation-identity-provider-claims",
        _with(Problem.ROLES_FORM, Problem.ROLES_NONE_VALID, Problem.ROLE_NOT_LISTED),
    ),
    Check(
        "token_claim_types",
        Severity.NOTE,
        "claims have other types than usual",
        "AWS compares texts; a number or an array where a text is usual does not match what a policy was written for.",
        "Compare the token with one of the platform's documentation.",
        sources.JWT,
        _types,
    ),
)
