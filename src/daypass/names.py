"""Names that are parsed once and then trusted: issuer URLs, ARNs, session names, durations.

Every `parse` matches the whole text, ASCII only, and raises one of `daypass.errors.Invalid` with the reason. What it
returns never needs another check.
"""

from __future__ import annotations

import re

from daypass.errors import ArnInvalid, DurationInvalid, IssuerUrlInvalid, SessionNameInvalid
from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, Self

LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

# Compiled when they are used: a login reads no issuer's URL.
_HOST: Final = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\]"
)
_PATH: Final = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*"
_ACCOUNT: Final = re.compile(r"[0-9]{12}")
_PARTITION: Final = re.compile(r"aws(?:-[a-z0-9]+)*")
_ROLE_PATH: Final = re.compile(r"/(?:[\x21-\x7e]+/)?")
_ROLE_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")


def is_loopback_host(host: str) -> bool:
    """Whether a URL's host names this machine: `localhost`, a name below it (RFC 6761), or a loopback literal."""
    return host.lower() in LOOPBACK_HOSTS or host.lower().endswith(".localhost")


class IssuerUrl(NamedTuple):
    """The URL of an issuer, which is `iss`, byte for byte.

    `text` is what was parsed; `host` keeps its letter case (an IPv6 literal keeps its brackets); `port` is None when
    none was written; `path` is empty or starts with `/`.
    """

    text: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an issuer URL.

        https only, ASCII host, no user, query or fragment, no empty or dot segments inside the path (OpenID Connect
        Discovery 1.0 section 3). A trailing slash is part of the issuer, and makes it another one.

        Raises:
            IssuerUrlInvalid: with the first rule that `text` breaks.
        """

        def no(reason: str) -> IssuerUrlInvalid:
            return IssuerUrlInvalid(f"`{text}` is not an issuer URL: {reason}", url=text, reason=reason)

        from urllib.parse import urlsplit  # noqa: PLC0415 - a login reads no issuer's URL, and this takes it a while

        if not text.isascii() or any(c.isspace() or not c.isprintable() for c in text):
            raise no("only printable ASCII characters without blanks are allowed")
        if not text.startswith("https://"):
            raise no("it must start with https://")
        if len(text) > 255:
            raise no("it is longer than 255 characters")
        if "?" in text or "#" in text:
            raise no("it must not have a query or a fragment")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError:
            raise no("its host or port cannot be read") from None
        if "@" in parts.netloc:
            raise no("it must not name a user")
        host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
        if host.endswith(":") or not re.fullmatch(_HOST, host):
            raise no("its host is not a host name or address")
        if not re.fullmatch(_PATH, parts.path):
            raise no("its path holds a character that a URL path cannot")
        segments = parts.path.split("/")[1:]
        if "" in segments[:-1] or "." in segments or ".." in segments:
            raise no("its path has an empty or a dot segment")
        return cls(text=text, host=host, port=port, path=parts.path)

    @property
    def without_scheme(self) -> str:
        """Host, port and path: the provider's part of an ARN and the prefix of its condition keys."""
        return self.text.removeprefix("https://")

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is (OpenID Connect Discovery 1.0 section 4)."""
        return self.text.removesuffix("/") + "/.well-known/openid-configuration"

    def __str__(self) -> str:
        return self.text


def parse_account_id(text: str) -> str:
    """Twelve digits, as text.

    Raises:
        ArnInvalid: when it is anything else.
    """
    if not _ACCOUNT.fullmatch(text):
        raise ArnInvalid(f"`{text}` is not an AWS account id", advice="An account id has twelve digits.")
    return text


def _iam_parts(text: str, kind: str) -> tuple[str, str, str]:
    """Partition, account and the rest behind `kind/`, of an IAM ARN."""
    parts = text.split(":", 5)
    if (
        len(parts) != 6
        or parts[0] != "arn"
        or not _PARTITION.fullmatch(parts[1])
        or parts[2] != "iam"
        or parts[3]
        or not _ACCOUNT.fullmatch(parts[4])
        or not parts[5].startswith(f"{kind}/")
    ):
        raise ArnInvalid(
            f"`{text}` is not the ARN of an IAM {kind}",
            advice=f"It has the form arn:aws:iam::123456789012:{kind}/….",
            arn=text,
        )
    return parts[1], parts[4], parts[5].removeprefix(f"{kind}/")


class RoleArn(NamedTuple):
    """The ARN of an IAM role. `path` starts and ends with `/`."""

    partition: str
    account: str
    path: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `arn:<partition>:iam::<account>:role/<path><name>`.

        Raises:
            ArnInvalid: when it has any other form.
        """
        partition, account, rest = _iam_parts(text, "role")
        path, _, name = ("/" + rest).rpartition("/")
        if not _ROLE_NAME.fullmatch(name) or not _ROLE_PATH.fullmatch(path + "/") or len(path) > 511:
            raise ArnInvalid(
                f"`{text}` does not end in a role name",
                advice="A role name has 1 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -",
                arn=text,
            )
        return cls(partition=partition, account=account, path=path + "/", name=name)

    def session_arn(self, session_name: str) -> str:
        """The ARN of a session of this role. The role's path is not in it (AWS, IAM identifiers)."""
        return f"arn:{self.partition}:sts::{self.account}:assumed-role/{self.name}/{session_name}"

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


class ProviderArn(NamedTuple):
    """The ARN of an IAM OIDC provider. `issuer` is the issuer's URL without `https://`."""

    partition: str
    account: str
    issuer: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `arn:<partition>:iam::<account>:oidc-provider/<host and path>`.

        Raises:
            ArnInvalid: when it has any other form.
        """
        partition, account, issuer = _iam_parts(text, "oidc-provider")
        if not issuer:
            raise ArnInvalid(f"`{text}` names no issuer", arn=text)
        return cls(partition=partition, account=account, issuer=issuer)

    @property
    def issuer_url(self) -> str:
        """The `iss` that this provider stands for."""
        return "https://" + self.issuer

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:oidc-provider/{self.issuer}"


def parse_session_name(text: str) -> str:
    """A role session name, unchanged (AWS STS, AssumeRoleWithWebIdentity: 2 to 64 of a fixed ASCII set).

    Raises:
        SessionNameInvalid: when it is anything else.
    """
    if not _SESSION_NAME.fullmatch(text):
        raise SessionNameInvalid(
            f"`{text}` is not a role session name",
            advice="It has 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -"
            f" and nothing else, so for example: {session_name_from(text)}",
            session_name=text,
        )
    return text


def session_name_from(text: str) -> str:
    """The nearest session name to any text: characters outside AWS's set become `-`, cut to 64."""
    name = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", text)[:64]
    return name if len(name) >= 2 else f"daypass-{name}".removesuffix("-")


def parse_duration_seconds(value: int | str) -> int:
    """The length of a role session in seconds, 900 to 43200 (AWS STS, DurationSeconds).

    Raises:
        DurationInvalid: when it is not a whole number in that range.
    """
    text = str(value)
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 900 <= int(text) <= 43200:
        raise DurationInvalid(
            f"`{text}` is not a session length that AWS takes",
            advice="It is a whole number of seconds from 900 (15 minutes) to 43200 (12 hours), and at most the"
            " role's maximum session duration.",
            duration_seconds=text,
        )
    return int(text)
