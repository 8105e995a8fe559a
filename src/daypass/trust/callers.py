"""Who may ask, and what their requests can hold: for every condition key the values that it can have.

A proof over all requests is a proof over these. What the caller chooses (a session name, a user agent) can have every
value that AWS takes; what AWS fills in by itself has that one; a key that AWS never fills is absent.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import ArnInvalid
from daypass.names import ProviderArn
from daypass.trust.claim_keys import keys_for
from daypass.trust.context import Context
from daypass.trust.hypothetical import hypothetical_context
from daypass.trust.languages import Language, Step
from daypass.trust.role_trust import BUILT_IN_PROVIDERS, STS_ACTIONS
from daypass.trust.session import MAX_TAG_KEY, MAX_TAG_VALUE, ROLES_CLAIM, SOURCE_IDENTITY_CLAIM, TAGS_CLAIM
from daypass.trust.statement import Principal, PrincipalKind
from daypass.trust.token_claims import LOGIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.document import Policy

Values = dict[str, tuple[str, ...]]
"""Condition keys in lower case, with the values they are given. A key that is not in it is absent."""

TAG_SESSION: Final = "sts:TagSession"
SET_SOURCE_IDENTITY: Final = "sts:SetSourceIdentity"
REQUEST_TAG: Final = "aws:requesttag/"
TAG_KEYS: Final = ("aws:tagkeys", "sts:transitivetagkeys")
TIME_KEYS: Final = ("aws:currenttime", "aws:epochtime")
DEFAULT_SECONDS: Final = 1_790_000_000
"""An instant in September 2026, where no condition asks for another."""

_SESSION_CHARACTERS: Final = "xabcdefghijklmnopqrstuvwyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+=,.@"
_ADDRESS_KEYS: Final = frozenset({"aws:sourceip", "aws:vpcsourceip"})
_MULTIVALUED: Final = frozenset(
    {*TAG_KEYS, "aws:principalorgpaths", "aws:principalservicenameslist", "aws:calledvia", "aws:vpceorgpaths"}
)
_VENDORS: Final = frozenset({"aws", "sts", "iam", "saml"})
"""What stands in front of a condition key that is no claim of a token."""
_FIXED: Final = frozenset({"aws:federatedprovider", "aws:principalaccount", "aws:principaltype", "aws:userid"})


class Form(Enum):
    """What kind of values a key has."""

    NOTHING = auto()
    FIXED = auto()
    CHOICE = auto()
    TEXT = auto()
    TEXTS = auto()
    TAG = auto()
    TIME = auto()
    ADDRESS = auto()
    OPEN = auto()
    """Not enumerated: nothing that depends on the key is decided."""


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a key can have.

    Attributes:
        form: their kind.
        optional: whether the key can be absent.
        choices: all of them, for `CHOICE`.
        within: the texts that it can have, None for all.
        letters: the only characters, None for all.
        max_length: in characters, None without limit.
    """

    form: Form
    optional: bool = True
    choices: tuple[str, ...] = ()
    within: Language | None = None
    letters: str | None = None
    max_length: int | None = None


_NOTHING: Final = Domain(Form.NOTHING)
_NOT_EMPTY: Final = Language(((Step(), Step(many=True)),))
_TWO_OR_MORE: Final = Language(((Step(), Step(), Step(many=True)),))
_ASKED: Final[Mapping[str, Domain]] = {
    "sts:rolesessionname": Domain(
        Form.TEXT, optional=False, within=_TWO_OR_MORE, letters=_SESSION_CHARACTERS, max_length=64
    ),
    "sts:sourceidentity": Domain(Form.TEXT, within=_TWO_OR_MORE, letters=_SESSION_CHARACTERS, max_length=64),
    "sts:roleauthorizedbyidp": Domain(Form.CHOICE, optional=False, choices=("false", "true")),
    "aws:securetransport": Domain(Form.CHOICE, optional=False, choices=("true", "false")),
    "aws:requestedregion": Domain(Form.TEXT, within=_NOT_EMPTY),
    "aws:useragent": Domain(Form.TEXT, within=_NOT_EMPTY),
}
_UNSEEN: Final[Mapping[str, Domain]] = {
    "aws:referer": Domain(Form.TEXT),
    "aws:principalisawsservice": Domain(Form.CHOICE, choices=("false", "true")),
    "aws:viaawsservice": Domain(Form.CHOICE, choices=("false", "true")),
    **{f"aws:{key}": Domain(Form.TEXT) for key in ("sourcevpc", "sourcevpcarn", "sourcevpce")},
    **{f"aws:{key}": Domain(Form.TEXT) for key in ("vpceaccount", "vpceorgid")},
    "aws:vpceorgpaths": Domain(Form.TEXTS),
    "aws:vpcsourceip": Domain(Form.ADDRESS),
}
"""What AWS may fill for a login, through a VPC endpoint or by a header, and a token does not tell (IAM User Guide, "AWS
global condition context keys"). A proof must hold with and without them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in full: its context, the actions that must be allowed, and the token's claims when there is one."""

    context: Context
    actions: tuple[str, ...]
    claims: Mapping[str, JsonValue] | None


class Caller(Protocol):
    """Somebody who may ask: `principal`, and what must be allowed to them."""

    @property
    def principal(self) -> Principal:
        """As whom they ask."""

    @property
    def ways(self) -> Sequence[tuple[str, ...]]:
        """Each way to ask, as the actions that must all be allowed."""

    @property
    def base(self) -> Context:
        """What is the same in all their requests."""

    def domain(self, key: str, way: tuple[str, ...]) -> Domain:
        """The values that a key, in lower case, can have."""

    def asked(self, values: Values, way: tuple[str, ...]) -> Asked | None:
        """The request with these values; None when no request has them all."""


@dataclass(frozen=True, slots=True)
class TokenBearer:
    """Whoever has a token of an IAM OIDC provider's issuer; `audience` is what is asked for where any will do."""

    provider: ProviderArn
    principal: Principal
    audience: str = "sts.amazonaws.com"
    any_account: bool = False
    """Whether this one stands for providers that no policy names."""

    @classmethod
    def of(cls, provider: ProviderArn) -> TokenBearer:
        """For a provider that an account has created."""
        return cls(provider, Principal(PrincipalKind.FEDERATED, str(provider)))

    @property
    def ways(self) -> Sequence[tuple[str, ...]]:
        """A plain token, one with session tags, one with a source identity, one with both."""
        return (
            (LOGIN,),
            (LOGIN, TAG_SESSION),
            (LOGIN, SET_SOURCE_IDENTITY),
            (LOGIN, TAG_SESSION, SET_SOURCE_IDENTITY),
        )

    @property
    def base(self) -> Context:
        """What AWS fills in of itself for this provider."""
        whole = hypothetical_context(
            {}, provider=self.provider, session_name="ci", now=datetime.fromtimestamp(DEFAULT_SECONDS, UTC)
        )
        return Context(
            {key: whole.values[key] for key in whole.values if key.lower() in _FIXED},
            whole.multivalued | {"aws:vpceorgpaths"},
        )

    def domain(self, key: str, way: tuple[str, ...]) -> Domain:
        """The values that a key, in lower case, can have."""
        prefix, _, name = key.rpartition(":")
        issuer = self.provider.issuer.lower()
        if key.startswith(f"{issuer}:"):
            return self._claim_domain(key.removeprefix(f"{issuer}:"))
        if key.startswith(REQUEST_TAG) or key in TAG_KEYS:
            return Domain(Form.TAG) if TAG_SESSION in way else _NOTHING
        if key == "sts:sourceidentity":
            return _mandatory(_ASKED[key]) if SET_SOURCE_IDENTITY in way else _NOTHING
        if key in TIME_KEYS:
            return Domain(Form.TIME, optional=False)
        if key == "aws:sourceip":
            return Domain(Form.ADDRESS)
        if key in _FIXED:
            return Domain(Form.OPEN if self.any_account and key != "aws:principaltype" else Form.FIXED, optional=False)
        if key in _UNSEEN:
            return _UNSEEN[key]
        return _ASKED.get(f"{prefix}:{name}", _NOTHING)

    def _claim_domain(self, name: str) -> Domain:
        found = keys_for(self.provider.issuer).get(name)
        if found is None or not found.claim:
            return _NOTHING
        if found.multivalued:
            return Domain(Form.TEXTS)
        if found.name == "sub":
            return Domain(Form.TEXT, optional=False)
        return Domain(Form.TEXT, optional=found.name != "aud", within=_NOT_EMPTY if found.name == "aud" else None)

    def asked(self, values: Values, way: tuple[str, ...]) -> Asked | None:
        """The request with these values; None when no token has them all."""
        seconds = int(values.get("aws:epochtime", (str(DEFAULT_SECONDS),))[0])
        claims = self._claims(values, way, seconds)
        context = hypothetical_context(
            claims,
            provider=self.provider,
            session_name=_first(values, "sts:rolesessionname") or "ci",
            now=datetime.fromtimestamp(seconds, UTC),
            source_ip=_first(values, "aws:sourceip"),
            secure_transport=_first(values, "aws:securetransport") != "false",
            region=_first(values, "aws:requestedregion"),
            user_agent=_first(values, "aws:useragent"),
        )
        unseen = {key: found for key, found in values.items() if key in _UNSEEN}
        if unseen:
            context = Context({**context.values, **unseen}, context.multivalued | {"aws:vpceorgpaths"})
        if any(set(context.get(key)) != set(wanted) for key, wanted in values.items() if key not in _FIXED):
            return None
        return Asked(context, way, claims)

    def _claims(self, values: Values, way: tuple[str, ...], seconds: int) -> dict[str, JsonValue]:
        prefix = self.provider.issuer.lower() + ":"
        audience = _first(values, f"{prefix}aud") or self.audience
        claims: dict[str, JsonValue] = {
            "iss": self.provider.issuer_url,
            "sub": _first(values, f"{prefix}sub") or "",
            "aud": audience,
            "iat": seconds,
            "exp": seconds + 300,
        }
        original = values.get(f"{prefix}oaud")
        if original:
            claims |= {"azp": audience, "aud": list(original)}
        for key in keys_for(self.provider.issuer).keys:
            found = values.get(f"{prefix}{key.name.lower()}")
            if found and key.name not in {"aud", "oaud", "sub"} and key.claim:
                _put(claims, key.claim, list(found) if key.multivalued else found[0])
        if TAG_SESSION in way:
            claims[TAGS_CLAIM] = _tags(values)
        if SET_SOURCE_IDENTITY in way:
            claims[SOURCE_IDENTITY_CLAIM] = _first(values, "sts:sourceidentity") or "someone"
        if _first(values, "sts:roleauthorizedbyidp") == "true":
            claims[ROLES_CLAIM] = [f"arn:{self.provider.partition}:iam::{self.provider.account}:role/this-role"]
        return claims


@dataclass(frozen=True, slots=True)
class OtherCaller:
    """Somebody without a token: an AWS principal, a service, a SAML provider. Any key may have any value."""

    principal: Principal

    @property
    def ways(self) -> Sequence[tuple[str, ...]]:
        """Each action by itself."""
        return tuple((action,) for action in STS_ACTIONS)

    @property
    def base(self) -> Context:
        """Nothing is known beforehand."""
        return Context({}, _MULTIVALUED)

    def domain(self, key: str, way: tuple[str, ...]) -> Domain:  # noqa: ARG002 (one call for all callers)
        """The values that a key, in lower case, can have."""
        if key in _MULTIVALUED:
            return Domain(Form.TEXTS)
        if key in TIME_KEYS:
            return Domain(Form.TIME, optional=False)
        return Domain(Form.ADDRESS if key in _ADDRESS_KEYS else Form.TEXT)

    def asked(self, values: Values, way: tuple[str, ...]) -> Asked | None:
        """The request with these values."""
        return Asked(Context(values, _MULTIVALUED), way, None)


def callers(*policies: Policy) -> tuple[Caller, ...]:
    """Everybody whom the policies can tell apart.

    Each principal that they name; where they name everyone, a stranger of each kind, and whoever has a token of an
    issuer that a condition key names.
    """
    found: dict[Principal, Caller] = {}
    for principal in _principals(policies):
        found.setdefault(principal, _caller(principal))
    if any(principal.value == "*" for principal in _named(policies) if principal.kind in _WITH_TOKENS):
        for principal in (Principal(PrincipalKind.FEDERATED, _STRANGERS[PrincipalKind.FEDERATED]), *_keyed(policies)):
            caller = _caller(principal)
            if isinstance(caller, TokenBearer):
                found.setdefault(principal, replace(caller, any_account=True))
    return tuple(found.values())


def token_bearers(policy: Policy) -> tuple[TokenBearer, ...]:
    """The token bearers whom a policy names."""
    return tuple(caller for caller in callers(policy) if isinstance(caller, TokenBearer))


_STRANGERS: Final = {
    PrincipalKind.FEDERATED: "arn:aws:iam::111122223333:oidc-provider/idp.stranger.example",
    PrincipalKind.AWS: "arn:aws:iam::999988887777:role/stranger",
    PrincipalKind.SERVICE: "stranger.amazonaws.com",
    PrincipalKind.CANONICAL_USER: "0" * 64,
}


_WITH_TOKENS: Final = frozenset({PrincipalKind.ANYONE, PrincipalKind.FEDERATED})


def _named(policies: Sequence[Policy]) -> Iterator[Principal]:
    for policy in policies:
        for statement in policy.statements:
            yield from statement.principals


def _principals(policies: Sequence[Policy]) -> Iterator[Principal]:
    for principal in _named(policies):
        if principal.value != "*":
            yield principal
        elif principal.kind is PrincipalKind.ANYONE:
            yield from (
                Principal(kind, value) for kind, value in _STRANGERS.items() if kind is not PrincipalKind.FEDERATED
            )
        elif principal.kind is not PrincipalKind.FEDERATED:
            yield Principal(principal.kind, _STRANGERS[principal.kind])


def _keyed(policies: Sequence[Policy]) -> Iterator[Principal]:
    """The providers of the issuers whose claims a condition asks for."""
    for policy in policies:
        for statement in policy.statements:
            for condition in statement.conditions:
                issuer = condition.key.rpartition(":")[0]
                if issuer in BUILT_IN_PROVIDERS:
                    yield Principal(PrincipalKind.FEDERATED, issuer)
                elif issuer and issuer.lower() not in _VENDORS:
                    yield Principal(PrincipalKind.FEDERATED, f"arn:aws:iam::111122223333:oidc-provider/{issuer}")


def _caller(principal: Principal) -> Caller:
    if principal.kind is PrincipalKind.FEDERATED:
        if principal.value in BUILT_IN_PROVIDERS:
            return TokenBearer(ProviderArn("aws", "111122223333", principal.value), principal)
        try:
            return TokenBearer.of(ProviderArn.parse(principal.value))
        except ArnInvalid:
            pass
    return OtherCaller(principal)


def _mandatory(domain: Domain) -> Domain:
    return Domain(
        domain.form, optional=False, within=domain.within, letters=domain.letters, max_length=domain.max_length
    )


def tag_domain(*, key: bool) -> Domain:
    """The texts of a tag's key, or of its value; one that `session` does not take is no request."""
    if key:
        return Domain(Form.TEXT, within=_NOT_EMPTY, letters=_tag_characters(), max_length=2 * MAX_TAG_KEY)
    return Domain(Form.TEXT, letters=_tag_characters(), max_length=2 * MAX_TAG_VALUE)


@cache
def _tag_characters() -> str:
    """UTF-16 units that tags are made of, plain ones first; of pairs it is not known which."""
    units = map(chr, range(0x10000))
    further = (unit for unit in units if unicodedata.category(unit)[0] in "LZN" or "\ud800" <= unit <= "\udfff")
    return "".join(dict.fromkeys(chain(_SESSION_CHARACTERS.replace(",", ""), ":/ ", further)))


def _tags(values: Values) -> dict[str, JsonValue]:
    tags = {key.removeprefix(REQUEST_TAG): found[0] for key, found in values.items() if key.startswith(REQUEST_TAG)}
    for name in (*values.get("aws:tagkeys", ()), *values.get("sts:transitivetagkeys", ())):
        if name.lower() not in {known.lower() for known in tags}:
            tags[name] = "x"
    if not tags and "aws:tagkeys" not in values:
        tags["x"] = "x"
    renamed = {_spelt(name, values): value for name, value in tags.items()}
    tagged: dict[str, JsonValue] = {"principal_tags": {name: [value] for name, value in renamed.items()}}
    transitive = values.get("sts:transitivetagkeys")
    return tagged | ({"transitive_tag_keys": list(transitive)} if transitive else {})


def _spelt(name: str, values: Values) -> str:
    """A tag's key in the letter case that a condition on the keys wants."""
    return next((key for key in values.get("aws:tagkeys", ()) if key.lower() == name.lower()), name)


def _put(claims: dict[str, JsonValue], path: tuple[str, ...], value: JsonValue) -> None:
    for member in path[:-1]:
        inner = claims.setdefault(member, {})
        assert isinstance(inner, dict)
        claims = inner
    claims[path[-1]] = value


def _first(values: Values, key: str) -> str | None:
    found = values.get(key, ())
    return found[0] if found else None
