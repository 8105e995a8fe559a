"""IAM's control of issuers that many customers share: a trust policy must test what tells the customers apart.

Since June 2025 CreateRole and UpdateAssumeRolePolicy refuse a policy that does not (IAM User Guide, "Identity-provider
controls for shared OIDC providers"). How shallow the control is was observed on AWS, September 2026: it reads the form
of the condition, not who gets in. A policy that IAM takes may be open all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.trust.statement import Effect, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daypass.trust.document import Policy
    from daypass.trust.statement import Condition, Principal, Statement

GITHUB: Final = "token.actions.githubusercontent.com"
GOOGLE: Final = "accounts.google.com"
COGNITO: Final = "cognito-identity.amazonaws.com"

_OPERATORS: Final = ("StringEquals", "StringLike", "StringEqualsIgnoreCase")

MESSAGE: Final = (
    "Trust policy with trusted principal {principal} must evaluate, using StringEquals, StringLike or"
    " StringEqualsIgnoreCase, {keys} which is not scoped to all."
)
BUILT_IN_MESSAGE: Final = "Policy trusting {issuer} requires a StringEquals condition on an application id"
COGNITO_WITHOUT_CONDITION: Final = "A condition block must be present for the Cognito provider"


def is_everything(value: str) -> bool:
    """The one value that is scoped to all, for most issuers."""
    return value == "*"


def is_everything_for_github(value: str) -> bool:
    """As GitHub's issuer is judged: also an empty value, a single blank, and whatever begins with `*`."""
    return value in {"", " "} or value.startswith("*")


@dataclass(frozen=True, slots=True)
class SharedIssuer:
    """An issuer that IAM holds to the control.

    Attributes:
        issuer: without scheme.
        keys: condition keys of which one must be tested.
        operators: that count as a test, without `ForAnyValue:` and `ForAllValues:`, which may stand before them.
        too_wide: the values that spoil their operator block; None when none does.
        exact_key: whether the key's letter case counts.
        by_prefix: whether every issuer that begins with this one is held to it, under its own keys.
        full_arn: whether the message shows the provider's ARN, and not its host.
        message: the refusal, with `{principal}`, `{issuer}` and `{keys}`.
    """

    issuer: str
    keys: tuple[str, ...]
    operators: tuple[str, ...] = _OPERATORS
    too_wide: Callable[[str], bool] | None = is_everything
    exact_key: bool = False
    by_prefix: bool = False
    full_arn: bool = False
    message: str = MESSAGE


def _of_claim(claim: str, *issuers: str) -> tuple[SharedIssuer, ...]:
    return tuple(SharedIssuer(issuer, (f"{issuer}:{claim}",)) for issuer in issuers)


_TURBONOMIC: Final = (
    *("22ejnvnnturfmt6km08idd0nt4hekbn7", "23e3sd27sju1hoou6ohfs68vbno607tr"),
    *("23ne21h005qjl3n33d8dui5dlrmv2tmg", "24jrf12m5dj7ljlfb4ta2frhrcoadm26"),
)

SHARED_ISSUERS: Final[tuple[SharedIssuer, ...]] = (
    SharedIssuer(
        GITHUB,
        (f"{GITHUB}:sub", f"{GITHUB}:job_workflow_ref"),
        too_wide=is_everything_for_github,
        by_prefix=True,
        full_arn=True,
    ),
    *_of_claim(
        "sub",
        "oidc-configuration.audit-log.githubusercontent.com",
        "vstoken.actions.githubusercontent.com",
        "gitlab.com",
        "agent.buildkite.com",
        "oidc.codefresh.io",
        "scalr.io",
        "app.terraform.io",
        "tokens.cloud.shisho.dev",
        "proidc.upbound.io",
        "studio.datachain.ai/api",
        *(f"rh-oidc.s3.us-east-1.amazonaws.com/{name}" for name in _TURBONOMIC),
        "oidc.op1.openshiftapps.com/2f785sojlpb85i7402pk3qogugim5nfb",
        "oidc.op1.openshiftapps.com/2c51blsaqa9gkjt0o9rt11mle8mmropu",
    ),
    *_of_claim("aud", "api.pulumi.com/oidc", "sandboxes.cloud", "oidc.vercel.com"),
    SharedIssuer(COGNITO, (f"{COGNITO}:aud",)),
    SharedIssuer("sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", ("sts:RoleSessionName",)),
    SharedIssuer(
        GOOGLE,
        tuple(f"{GOOGLE}:{claim}" for claim in ("aud", "oaud", "sub")),
        operators=("StringEquals",),
        too_wide=None,
        exact_key=True,
        message=BUILT_IN_MESSAGE,
    ),
    *(
        SharedIssuer(
            issuer,
            (f"{issuer}:app_id", f"{issuer}:sub"),
            operators=("StringEquals",),
            too_wide=None,
            message=BUILT_IN_MESSAGE,
        )
        for issuer in ("www.amazon.com", "graph.facebook.com")
    ),
)


@dataclass(frozen=True, slots=True)
class Control:
    """How IAM judges where two recordings disagree. The defaults are what was observed last.

    Attributes:
        star_spoils_anywhere: whether a value that is scoped to all spoils its operator block wherever it stands in
            the list (observed in September 2026). Another series of the same months saw it pass behind a good value.
    """

    star_spoils_anywhere: bool = True


DEFAULT: Final = Control()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why IAM refuses a statement: its index, the issuer, the keys of which one must be tested, and AWS's text."""

    statement: int
    issuer: SharedIssuer
    keys: tuple[str, ...]
    aws_message: str


def shared_issuer(issuer: str) -> SharedIssuer | None:
    """The entry that an issuer is held to; None when IAM does not know it as shared.

    Args:
        issuer: without scheme, such as `gitlab.com`.
    """
    name = issuer.lower()
    for entry in SHARED_ISSUERS:
        if name == entry.issuer or (entry.by_prefix and name.startswith(entry.issuer)):
            return entry
    return None


def check(policy: Policy, *, control: Control = DEFAULT) -> Iterator[Refusal]:
    """Each Allow statement that trusts a shared issuer without testing what tells its customers apart."""
    for statement in policy.statements:
        if statement.effect is not Effect.ALLOW:
            continue
        for principal in statement.principals:
            issuer = _issuer(principal)
            entry = None if issuer is None else shared_issuer(issuer)
            if issuer is not None and entry is not None:
                keys = tuple(key.replace(entry.issuer, issuer, 1) for key in entry.keys)
                if not _is_tested(statement, entry, keys, control):
                    yield Refusal(statement.index, entry, keys, _text(statement, principal, issuer, entry, keys))


def _issuer(principal: Principal) -> str | None:
    if principal.kind is not PrincipalKind.FEDERATED:
        return None
    _, found, issuer = principal.value.partition(":oidc-provider/")
    return issuer if found else principal.value


def _is_tested(statement: Statement, entry: SharedIssuer, keys: tuple[str, ...], control: Control) -> bool:
    """Whether one operator block tests a key, and no value of these keys in the block is scoped to all."""
    blocks: dict[str, list[Condition]] = {}
    for condition in statement.conditions:
        name = condition.key if entry.exact_key else condition.key.lower()
        wanted = keys if entry.exact_key else tuple(key.lower() for key in keys)
        if name in wanted and condition.operator.rpartition(":")[2] in entry.operators:
            blocks.setdefault(condition.operator, []).append(condition)
    return any(not any(_is_spoilt(condition, entry, control) for condition in block) for block in blocks.values())


def _is_spoilt(condition: Condition, entry: SharedIssuer, control: Control) -> bool:
    values = condition.values if control.star_spoils_anywhere else condition.values[:1]
    return entry.too_wide is not None and any(map(entry.too_wide, values))


def _text(statement: Statement, principal: Principal, issuer: str, entry: SharedIssuer, keys: tuple[str, ...]) -> str:
    if entry.issuer == COGNITO and not statement.conditions:
        return COGNITO_WITHOUT_CONDITION
    shown = principal.value if entry.full_arn else issuer.partition("/")[0]
    return entry.message.format(principal=shown, issuer=issuer, keys=" or ".join(keys))
