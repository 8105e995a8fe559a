"""HashiCorp Vault and OpenBao: log in with an identity token by the JWT auth method, and give the token back.

Sources: Vault API documentation, JWT/OIDC auth method and Token auth method; hashicorp/vault-plugin-auth-jwt and
hashicorp/cap for the texts of refusals; Vault documentation, Environment variables.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from daypass.calling.persist import Fate
from daypass.errors import RelyingPartyRefused, RequestInvalid, SettingInvalid, UsageInvalid
from daypass.relying import asking
from daypass.relying.asking import Cause, Party, Told
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.errors import DaypassError
    from daypass.tokens.strict_json import JsonValue

AUDIENCE: Final = "vault.hashicorp.com"
"""Who a token for Vault is for when nobody says; Gitpod's `gp idp login vault` has the same default."""
DEFAULT_ADDRESS: Final = "https://127.0.0.1:8200"
_TRUE: Final = frozenset({"1", "t", "true"})  # as Go's strconv.ParseBool, in lower case
_PATH: Final = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_NAMESPACE: Final = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?")

_CAUSES: Final = (
    Cause(
        "audience claim does not match any expected audience",
        "The role's bound_audiences must hold the token's audience; --audience says which one the token has.",
    ),
    Cause("aud claim does not match any bound audience", "The role's bound_audiences must hold the token's audience."),
    Cause(
        "no audiences bound to the role",
        "The role has no bound_audiences, and Vault takes a token with an audience only where it has; set it.",
    ),
    Cause(
        "invalid issuer (iss) claim",
        "The method's bound_issuer must be the token's iss to the letter, a slash at its end included.",
    ),
    Cause("invalid subject (sub) claim", "The role's bound_subject must be the token's sub to the letter."),
    Cause(
        "does not match any associated bound claim values",
        "Compare the role's bound_claims with the token's; for a pattern the role needs bound_claims_type=glob.",
    ),
    Cause("error validating claims: claim", "The role's bound_claims name a claim that the token does not have."),
    Cause("not found in token", "The role's user_claim or groups_claim names a claim that the token does not have."),
    Cause("token is expired", "Get a new token, and check the clocks of this machine and of Vault's."),
    Cause("token not yet valid", "Check the clocks of the identity provider and of Vault's machine.", Fate.TRANSIENT),
    Cause("issued in the future", "Check the clocks of the identity provider and of Vault's machine.", Fate.TRANSIENT),
    Cause(
        "token signed with unexpected algorithm",
        "The method's jwt_supported_algs must hold the algorithm of the token's signature.",
    ),
    Cause(
        "fetching keys",
        "Vault could not fetch the issuer's key set; the method's oidc_discovery_url or jwks_url must answer from"
        " Vault's machine, with a certificate that oidc_discovery_ca_pem or jwks_ca_pem trusts.",
        Fate.TRANSIENT,
    ),
    Cause(
        "error verifying token signature",
        "The method's oidc_discovery_url, jwks_url or jwt_validation_pubkeys must be the token's issuer's.",
    ),
    Cause(
        "no known key successfully validated the token signature",
        "The method's jwt_validation_pubkeys do not hold the key that signed the token; a key may have been rotated.",
    ),
    Cause("could not be found", "Check --role, and --path: the role must be one of this method's."),
    Cause("missing role", "Add: --role NAME; the method has no default_role."),
    Cause(
        "role with oidc role_type is not allowed",
        "The role is for logins with a browser; it needs role_type=jwt.",
    ),
    Cause("could not load configuration", "The auth method at this path is enabled and not configured yet."),
    Cause(
        "no handler for route",
        "No auth method is enabled at this path; check --path, and VAULT_NAMESPACE.",
    ),
    Cause(
        "permission denied",
        "Vault says so where no auth method is at this path or namespace, and where the role's token_bound_cidrs do not"
        " hold this machine's address. Check --path and VAULT_NAMESPACE.",
    ),
    Cause("required index state not present", "The node is behind the others.", Fate.TRANSIENT),
)
# What Vault says of a token that ended. "permission denied" alone it also says of a living one whose policies do not
# have auth/token/revoke-self: those of a role with token_no_default_policy.
_ENDED: Final = ("invalid token", "bad token")
_NO_SELF: Final = (
    "Either the token had ended before, or its policies do not let it end itself (auth/token/revoke-self, which Vault's"
    " policy `default` has)."
)
_ANY: Final = "Look at the role with: vault read auth/PATH/role/NAME"


class Server(NamedTuple):
    """A Vault or OpenBao server, and how it is reached. `namespace` is empty without one."""

    address: str
    namespace: str
    party: Party

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """The server that the environment names, as `vault` and `bao` read it: `BAO_…` goes before `VAULT_…`.

        Raises:
            SettingInvalid: when a setting cannot be used, or asks for what is not done here: certificates unchecked.
        """
        skip = _first(environ, "BAO_SKIP_VERIFY", "VAULT_SKIP_VERIFY")
        if environ.get(skip, "").lower() in _TRUE:
            raise SettingInvalid(
                f"{skip} is set, and a token is sent to no server whose certificate is not checked",
                advice="Unset it, and name the server's certificate authority in VAULT_CACERT.",
                key=skip,
                reason="certificates must be checked",
            )
        name = _first(environ, "BAO_ADDR", "VAULT_ADDR")
        try:
            address = asking.base_address(environ.get(name) or DEFAULT_ADDRESS)
        except RequestInvalid as error:
            raise SettingInvalid(error.message, advice=f"Check {name}.", key=name, reason=error.message) from None
        named = _first(environ, "BAO_NAMESPACE", "VAULT_NAMESPACE")
        namespace = environ.get(named, "")
        if namespace and not _NAMESPACE.fullmatch(namespace):
            raise SettingInvalid(f"`{namespace}` is not a namespace", key=named, reason="not a namespace")
        bundle = _first(environ, "BAO_CACERT", "VAULT_CACERT", "BAO_CAPATH", "VAULT_CAPATH")
        party = Party("Vault", name, asking.bundle_from(environ, bundle), bundle, environ)
        return cls(address, namespace.strip("/"), party)

    def headers(self, token: Secret | None = None) -> dict[str, str]:
        """What every request has. `X-Vault-Request` is what Vault's own agent demands of any client."""
        return {
            "X-Vault-Request": "true",
            **({"X-Vault-Namespace": self.namespace} if self.namespace else {}),
            **({"X-Vault-Token": token.reveal()} if token is not None else {}),
        }


class VaultToken(NamedTuple):
    """A token of Vault. `lease_seconds` 0: it has no end. `kind` `batch`: nobody can renew or revoke it."""

    token: Secret
    accessor: str
    policies: tuple[str, ...]
    lease_seconds: int
    renewable: bool
    kind: str
    metadata: Mapping[str, str]


def parse_path(text: str) -> str:
    """Where an auth method is mounted, without `auth/` and slashes at the ends.

    Raises:
        UsageInvalid: when it is no such path.
    """
    path = text.strip("/").removeprefix("auth/")
    if not _PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise UsageInvalid(f"`{text}` is not the path of an auth method", advice="It is what `vault auth list` shows.")
    return path


def log_in(server: Server, token: Secret, *, role: str | None, path: str) -> VaultToken:
    """Exchange an identity token for one of Vault's, with one request.

    Args:
        server: whom to ask.
        token: the identity token; it goes into the request's body alone.
        role: the role of the auth method; its default role when None.
        path: where the auth method is mounted.

    Raises:
        RelyingPartyRefused: Vault says no; `facts` hold `http_status` and `fate`.
        ServiceUnreachable, ServiceAnswerInvalid, SettingInvalid, FileUnavailable: see `asking.ask`.
    """
    body = json.dumps({**({} if role is None else {"role": role}), "jwt": token.reveal()}).encode("ascii")
    told = asking.ask(
        server.party,
        "POST",
        f"{server.address}/v1/auth/{path}/login",
        headers={"Content-Type": "application/json", **server.headers()},
        body=body,
    )
    if told.status != 200:
        raise _refusal(server, told)
    return _read(server, told)


def revoke(server: Server, token: Secret) -> bool:
    """Have Vault end a token; whether it still lived.

    Raises:
        As `log_in` does.
    """
    told = asking.ask(
        server.party,
        "POST",
        f"{server.address}/v1/auth/token/revoke-self",
        headers=server.headers(token),
        body=b"",
    )
    if told.status in (200, 204):
        return True
    words = "; ".join(_texts(told.document.get("errors")))
    if told.status == 403 and any(mark in words for mark in _ENDED):
        return False
    if told.status == 403:
        raise asking.refusal(server.party, told, code="", words=words, causes=(), advice=_NO_SELF)
    raise _refusal(server, told)


def _read(server: Server, told: Told) -> VaultToken:
    auth = told.document.get("auth")
    if not isinstance(auth, dict):
        raise asking.strange(server.party, "no token")
    demand = auth.get("mfa_requirement")
    text = asking.text_of(auth, "client_token")
    if demand and not text:
        raise RelyingPartyRefused(
            "Vault refused (mfa_requirement): the login needs a second factor, which a workload has not",
            advice="Exempt this auth method from the login's multi-factor enforcement.",
            party="Vault",
            party_code="mfa_requirement",
            http_status=told.status,
            fate=Fate.FINAL,
        )
    if not asking.is_secret(text):
        raise asking.strange(server.party, "no token")
    lease = auth.get("lease_duration")
    return VaultToken(
        token=Secret(text),
        accessor=asking.text_of(auth, "accessor"),
        policies=_texts(auth.get("policies")),
        lease_seconds=lease if isinstance(lease, int) and not isinstance(lease, bool) else 0,
        renewable=auth.get("renewable") is True,
        kind=asking.text_of(auth, "token_type") or "service",
        metadata=_pairs(auth.get("metadata")),
    )


def _refusal(server: Server, told: Told) -> DaypassError:
    if told.status in (301, 302, 307, 308):
        return asking.refusal(
            server.party,
            told,
            code="",
            words=f"it sends elsewhere, to {asking.plain(told.headers.get('location', 'nowhere'))}",
            causes=(),
            advice="No token follows a redirect. If that is the active node, name it in VAULT_ADDR.",
        )
    words = "; ".join(_texts(told.document.get("errors")))
    return asking.refusal(server.party, told, code="", words=words, causes=_CAUSES, advice=_ANY)


def _texts(value: JsonValue) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _pairs(value: JsonValue) -> dict[str, str]:
    return {name: each for name, each in value.items() if isinstance(each, str)} if isinstance(value, dict) else {}


def _first(environ: Mapping[str, str], *names: str) -> str:
    """The first of these variables that is set; the last of those of Vault when none is."""
    return next((name for name in names if environ.get(name)), next(name for name in names if name[0] == "V"))
