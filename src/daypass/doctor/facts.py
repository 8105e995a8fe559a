"""What probes found out: plain values that can be saved, sent, and judged again elsewhere.

No secret is in them. A token is its header, its claims and whether its signature is the issuer's; of a private key that
somebody published, its members' names remain; bodies are cut. Times are seconds.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final, Self

from daypass.errors import RequestInvalid

_LONGEST: Final = 10.0**9
"""Seconds; longer than any examination. Neither infinity nor what is no number is shorter."""

HERE: Final = "this machine"
VERSION: Final = 1
"""Of the saved form. Facts of another version are refused, not guessed at."""


@dataclass(frozen=True, slots=True)
class DnsFacts:
    """What a name led to.

    `fault` is why it led nowhere; `unknown` that it may lead somewhere, and no DNS server could be asked; addresses are
    literals, `canonical` is the end of CNAMEs. `asked` is False where a document led to a private address,
    which then was left alone.
    """

    name: str
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    canonical: str | None = None
    seconds: float = 0.0
    fault: str | None = None
    unknown: bool = False
    asked: bool = True

    @property
    def addresses(self) -> tuple[str, ...]:
        """Both families."""
        return self.ipv4 + self.ipv6


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """One try to connect to one address.

    `fault` is None when it went well, else `refused`, `timeout`, `unreachable`, or `no_route` where this machine has no
    way to addresses of that family, which tells nothing of the address.
    """

    address: str
    port: int
    seconds: float = 0.0
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class TlsVersionFacts:
    """Whether a version was agreed to; `accepted` is None where this machine's TLS cannot try it."""

    version: str
    accepted: bool | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """One host's TLS.

    Attributes:
        versions: `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`, each tried alone.
        negotiated: version that an ordinary client gets; None when no handshake came about.
        cipher: likewise.
        chain: PEM, as served, the server's own certificate first.
        trusted: whether an ordinary client of today's public authorities (and the given ones) would believe it.
        trust_code: OpenSSL's verify code when it would not (X509_verify_cert(3)).
        trust_fault: OpenSSL's words for it.
        fault: why no handshake came about at all.
    """

    versions: tuple[TlsVersionFacts, ...] = ()
    negotiated: str | None = None
    cipher: str | None = None
    chain: tuple[str, ...] = ()
    trusted: bool = False
    trust_code: int | None = None
    trust_fault: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """One host and port that a URL names.

    `asked_instead` is where a `--connect-to` leads, `host:port`; `private_allowed` says that the user expects a private
    address, because a local AWS asks.
    """

    host: str
    port: int
    dns: DnsFacts
    connections: tuple[ConnectionFacts, ...] = ()
    tls: TlsFacts | None = None
    asked_instead: str | None = None
    private_allowed: bool = False

    @property
    def name(self) -> str:
        """As in a URL."""
        return self.host if self.port == 443 else f"{self.host}:{self.port}"

    @property
    def unknown(self) -> bool:
        """Whether it could not be found out from here how this host answers."""
        away = bool(self.connections) and all(each.fault == "no_route" for each in self.connections)
        return self.dns.unknown or away

    @property
    def reached(self) -> bool:
        """Whether any address took a connection."""
        return any(each.fault is None for each in self.connections)


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """One answer to one GET.

    Attributes:
        url: that was asked.
        started_at: when.
        status: of HTTP; None when there was no answer.
        headers: those that matter, names in lower case.
        size: bytes of the body as they came, at most one more than the limit.
        body: its value, written anew without private values; empty when it is no JSON (then see `excerpt`).
        excerpt: the first characters of a body that is no JSON.
        sha256: of the body as it came, to compare answers; hex.
        json_fault: why it is not JSON as AWS would read it; None when it is.
        json_lenient_fault: a thing in it that readers differ about, such as a member that comes twice.
        tcp_seconds, tls_seconds, first_byte_seconds, total_seconds: each phase, and all; None: not come to.
        fault_phase: `tcp`, `tls`, `send`, `first_byte`, `body`; None when the answer is complete.
        fault: `timeout`, `reset`, `closed`, `protocol`, `too_large`, `refused`, `tls`; `url` where it cannot be asked.
    """

    url: str
    started_at: datetime
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    size: int = 0
    body: str = ""
    excerpt: str = ""
    sha256: str = ""
    json_fault: str | None = None
    json_lenient_fault: str | None = None
    tcp_seconds: float | None = None
    tls_seconds: float | None = None
    first_byte_seconds: float | None = None
    total_seconds: float = 0.0
    fault_phase: str | None = None
    fault: str | None = None

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for each, value in self.headers if each == name.lower()), None)

    @property
    def complete(self) -> bool:
        """Whether the whole body came, with status 200."""
        return self.fault is None and self.status == 200


@dataclass(frozen=True, slots=True)
class FetchFacts:
    """The issuer's keys, fetched exactly as the local AWS does it, which reads them as AWS was seen to.

    `fault` is None when it went well; `phase` is the fetcher's (`url`, `name`, `address`, `connect`, `tls`,
    `thumbprint`, `time`, `http`, `size`, `discovery`, …); `keys` is how many can be used.
    """

    seconds: float = 0.0
    phase: str | None = None
    fault: str | None = None
    keys: int = 0


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token without its signature.

    Attributes:
        source: where it is from: `file`, `standard input`, `environment variable X`, a platform's name.
        length: in characters.
        header: the JOSE header.
        claims: what it says.
        fault: why it is not a token at all, or was not to be had; None when it could be taken apart.
        signature: `valid`, `invalid`, `no_key`, or `unknown` where the issuer's keys are not to be had.
        signature_detail: why.
        whose: a sentence.
        padded: white space was around it (and was taken off).
        mistyped: claims with values of another type than tokens of this platform have.
    """

    source: str
    length: int = 0
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None
    signature: str = "unknown"
    signature_detail: str | None = None
    whose: str | None = None
    padded: bool = False
    mistyped: tuple[str, ...] = ()

    @property
    def issuer(self) -> str | None:
        """`iss` where it is text."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else None


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """An IAM OIDC provider; lists are None where they could not be read or are not known."""

    arn: str
    client_ids: tuple[str, ...] | None = None
    thumbprints: tuple[str, ...] | None = None

    @property
    def url(self) -> str:
        """The issuer it stands for."""
        return "https://" + self.arn.partition(":oidc-provider/")[2]


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role. `trust_policy` is its text; `role_id` and the duration are None where only a policy file is known."""

    arn: str | None
    trust_policy: str | None
    role_id: str | None = None
    max_session_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What AWS, or a policy file, says of the role's account.

    Attributes:
        source: `iam`, or `file`.
        account: whose credentials IAM was asked with; None for a file.
        role_arn: that was asked about.
        providers: all whose ARNs IAM lists; None when they were not to be had.
        role: None when it is absent or could not be read.
        role_absent: IAM says there is no such role.
        unread: why something could not be read, in a few words each.
    """

    source: str
    account: str | None = None
    role_arn: str | None = None
    providers: tuple[ProviderFacts, ...] | None = None
    role: RoleFacts | None = None
    role_absent: bool = False
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What STS would answer: the engine's decision, made where the token was.

    Attributes:
        allowed: None where there is no token to decide about.
        code: AWS's error code; None when it is allowed.
        message: AWS's text.
        http_status: of that answer.
        detail: our reason, which AWS does not tell.
        words: the explanation of the trust policy, with the smallest edit; None where it was not asked.
        reasons: what stands in the way in the statement that comes nearest, a sentence each.
        edit: the smallest safe edit of the trust policy, in lines; None where there is none.
        hints: codes of the mistakes that the explanation recognises.
        assumed: what nobody told and so was taken as right: `provider`, `client_ids`, `trust_policy`.
    """

    allowed: bool | None
    code: str | None = None
    message: str | None = None
    http_status: int | None = None
    detail: str | None = None
    words: str | None = None
    reasons: tuple[str, ...] = ()
    edit: str | None = None
    hints: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All that one examination found out.

    Attributes:
        issuer: as it was given, or as the token or provider has it; None when nothing names one.
        issuer_fault: why that is not an issuer URL.
        audience: that the user expects the token to have; None without.
        duration_seconds: that the session is to last; None: as long as it does when nobody says.
        examined_at: when, by this machine's clock.
        from_where: what asked: `this machine`, or the bundle that tells of it.
        daypass: version.
        limit_seconds: what one answer, and AWS's whole fetch, may take.
        limit_bytes: what a document may have.
        hosts: the issuer's, then that of the keys when it is another.
        discovery, keys: the answers, one for each repetition; `keys` is empty when discovery names no URL to ask.
        keys_url: `jwks_uri`.
        fetch: the keys fetched as AWS would; None when the URL cannot be asked.
        token, account, verdict: None where nobody asked.
    """

    issuer: str | None
    examined_at: datetime
    issuer_fault: str | None = None
    audience: str | None = None
    duration_seconds: int | None = None
    from_where: str = HERE
    daypass: str = ""
    limit_seconds: float = 5.0
    limit_bytes: int = 100 * 1024
    hosts: tuple[HostFacts, ...] = ()
    discovery: tuple[DocumentFacts, ...] = ()
    keys: tuple[DocumentFacts, ...] = ()
    keys_url: str | None = None
    fetch: FetchFacts | None = None
    token: TokenFacts | None = None
    account: AccountFacts | None = None
    verdict: Verdict | None = None
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        saved = _plain(self)
        assert isinstance(saved, dict)
        return saved

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Facts as `to_json` gave them.

        Raises:
            RequestInvalid: when it is something else, or of another version.
        """
        if isinstance(value, dict) and value.get("version") != VERSION:
            raise RequestInvalid(f"these facts are not of version {VERSION}, which this Daypass can judge")
        found = _read(cls, value, "facts")
        assert isinstance(found, cls)
        if not found.limit_seconds:
            raise RequestInvalid("`facts.limit_seconds` is nothing, and every answer takes longer")
        return found


def _plain(value: object) -> Any:
    if dataclasses.is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: object, where: str) -> Any:
    """A value of a declared type, strictly: what is of another type, or not declared, is refused."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        return _read(next(each for each in inner if each is not type(None)), value, where)
    if origin is tuple and isinstance(value, list):
        of = inner if inner[-1] is not Ellipsis else (inner[0],) * len(value)
        if len(of) == len(value):
            return tuple(_read(each, item, where) for each, item in zip(of, value, strict=True))
    elif origin is dict and isinstance(value, dict):
        return value
    elif dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        hints = _hints(kind)
        if unknown := value.keys() - hints.keys():
            raise RequestInvalid(f"`{where}` has `{min(unknown)}`, which is not known here")
        try:
            return kind(**{name: _read(hints[name], each, f"{where}.{name}") for name, each in value.items()})
        except TypeError:
            raise RequestInvalid(f"`{where}` lacks what it needs") from None
    elif kind is datetime and isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.tzinfo is not None and 1 < moment.year < 9999:
            return moment
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LONGEST:
        return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    raise RequestInvalid(f"`{where}` is not what it was saved as")
