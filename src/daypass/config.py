"""The settings of the identity provider: what there is, where it is read from, why it is refused.

The fields of `Settings` are the one table: each carries its kind, its default and its sentence. Reading, refusing and
the reference in the documentation come from it. A setting is given, the strongest first, on the command line, as
`DAYPASS_<NAME>` in the environment, or as `<name>` in `daypass.toml` (TOML 1.0, all keys at the top level).

Every problem of all settings is reported at once, each with file (or environment variable), key and reason.
"""

from __future__ import annotations

import ipaddress
import re
import ssl
import stat
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from datetime import timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

from daypass import files
from daypass.errors import FileUnavailable, FileUnsafe, IssuerUrlInvalid, SettingInvalid
from daypass.idp.issue import MIN_TOKEN_LIFETIME_SECONDS
from daypass.idp.key_times import (
    KEY_SET_MAX_AGE_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
    KeyTimes,
    least_keep_seconds,
    least_publish_seconds,
)
from daypass.idp.limits import PerMinute
from daypass.names import IssuerUrl
from daypass.secret import Secret
from daypass.subjects.formats import AWS_SUBJECT_LIMIT
from daypass.tokens.algorithms import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

FILE_NAME: Final = "daypass.toml"
_FILE_MAX_BYTES: Final = 1024 * 1024
PREFIX: Final = "DAYPASS_"
ENVIRONMENT: Final = "environment"
"""The name of the environment where a setting's place is told."""
WHOLE_FILE: Final = "*"
"""What a problem names instead of a setting when the file itself cannot be read."""
ALGORITHMS: Final = tuple(BY_NAME)
# What a workload or an administrator's shell holds; the server reads none of them and minds none of them.
CLIENT_VARIABLES: Final = frozenset(
    PREFIX + name for name in ("URL", "TOKEN", "TOKEN_FILE", "ADMIN_TOKEN", "ADMIN_TOKEN_FILE", "CA_BUNDLE", "CONFIG")
)


class LogLevel(StrEnum):
    """The least severe event that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How an event is written to standard error: a line for people, or a JSON object per line."""

    TEXT = "text"
    JSON = "json"


class SignerKind(StrEnum):
    """Where the private keys are."""

    FILE = "file"
    AWS_KMS = "aws-kms"
    PKCS11 = "pkcs11"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens. `host` is a name or an IP address without brackets; port 0 takes any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `HOST:PORT`, an IPv6 address in brackets.

        Raises:
            ValueError: with the reason.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not host:
            raise ValueError("it is not HOST:PORT")
        if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
            raise ValueError("its port is not a number from 0 to 65535")
        if host.startswith("[") and host.endswith("]"):
            try:
                return cls(str(ipaddress.IPv6Address(host[1:-1])), int(port))
            except ValueError:
                raise ValueError("what is in its brackets is not an IPv6 address") from None
        if not re.fullmatch(r"[A-Za-z0-9.-]+", host):
            raise ValueError("its host is not a name, an IPv4 address or an IPv6 address in brackets")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value: `words` name it, `toml` is its type in the file, `parse` reads its text below a folder.

    `parse` raises `ValueError` with the reason.
    """

    words: str
    toml: type[str | int | bool | list[str]]
    parse: Callable[[str, Path], object]


def _issuer(text: str, _: Path) -> IssuerUrl:
    try:
        issuer = IssuerUrl.parse(text)
    except IssuerUrlInvalid as error:
        raise ValueError(str(error.facts["reason"])) from None
    if text.endswith("/"):
        raise ValueError("it must not end in a slash: `iss` and the provider in AWS would have to carry it, too")
    return issuer


def _path(text: str, folder: Path) -> Path:
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:
        raise ValueError("it names the home folder of nobody") from None


def _database_url(text: str, _: Path) -> Secret:
    # What was written is not repeated anywhere: it may hold a password.
    try:
        scheme = urlsplit(text).scheme
    except ValueError:
        raise ValueError("it is not a URL") from None
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("it does not begin with postgresql://")
    return Secret(text)


def _region(text: str, _: Path) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}", text):
        raise ValueError("it is not an AWS region")
    return text


def _endpoint(text: str, _: Path) -> str:
    parts = urlsplit(text)
    loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
        raise ValueError("it is neither an https URL nor an http URL of this machine")
    return text


def _token_label(text: str, _: Path) -> str:
    if len(text.encode()) > 32:  # CK_TOKEN_INFO.label (PKCS #11 v3.1 section 3.2)
        raise ValueError("it is longer than the 32 bytes of a token's label")
    return text


def _yes_no(text: str, _: Path) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("it is neither true nor false")
    return text == "true"


def _algorithms(text: str, _: Path) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not text.strip():
        raise ValueError("it names no algorithm")
    for name in names:
        if name not in ALGORITHMS:
            raise ValueError(f"`{name}` is not one of {', '.join(ALGORITHMS)}")
    if len(set(names)) < len(names):
        raise ValueError("it names an algorithm twice")
    if "RS256" not in names:
        raise ValueError("it lacks RS256, which OpenID Connect Discovery demands")
    return names


def _hosts(text: str, _: Path) -> frozenset[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name):
            raise ValueError(f"`{name}` is not the name or address of a host alone")
    return frozenset(name.lower() for name in names)


def _number(low: int, high: int, unit: str) -> Kind:
    def parse(text: str, _: Path) -> int:
        if not re.fullmatch(r"[0-9]{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"it is not a whole number from {low} to {high}")
        return int(text)

    return Kind(f"a number of {unit}, {low} to {high}", int, parse)


def _one_of(choices: type[StrEnum]) -> Kind:
    names = ", ".join(choices)

    def parse(text: str, _: Path) -> StrEnum:
        if text not in set(choices):
            raise ValueError(f"it is not one of {names}")
        return choices(text)

    return Kind(f"one of {names}", str, parse)


LIFETIME: Final = _number(MIN_TOKEN_LIFETIME_SECONDS, MAX_TOKEN_LIFETIME_SECONDS, "seconds")
ISSUER: Final = Kind("an https URL without a trailing slash", str, _issuer)
PATH: Final = Kind("a path; a relative one counts from the file that names it", str, _path)
ADDRESS: Final = Kind("`HOST:PORT`", str, lambda text, _: Address.parse(text))
_LIMIT: Final = _number(0, 1_000_000, "times a minute")
YES_NO: Final = Kind("true or false", bool, _yes_no)
DATABASE_URL: Final = Kind("a URL `postgresql://…`", str, _database_url)
REGION: Final = Kind("an AWS region, as `eu-central-1`", str, _region)
ENDPOINT: Final = Kind("an https URL", str, _endpoint)
TOKEN_LABEL: Final = Kind("text", str, _token_label)
ALGORITHM_LIST: Final = Kind(f"a list of {', '.join(ALGORITHMS)} (with commas in the environment)", list, _algorithms)

HOST_LIST: Final = Kind("a list of host names (with commas in the environment)", list, _hosts)


def _is(kind: Kind, about: str) -> dict[str, Any]:
    return {"kind": kind, "about": about}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of `daypass serve`. Make them with `read`; made by hand, they are not checked."""

    issuer: IssuerUrl = field(
        metadata=_is(
            ISSUER,
            "The issuer: `iss` of every token, and where clients and AWS find discovery document and keys."
            " Its path is the path that everything is served below.",
        )
    )
    data_folder: Path = field(
        default=Path("daypass-data"),
        metadata=_is(
            PATH,
            "The folder that holds the database, the encrypted signing keys and, after the first start, the first"
            " admin token. One process at a time uses it; with `database_url`, several may.",
        ),
    )
    database_url: Secret | None = field(
        default=None,
        metadata=_is(
            DATABASE_URL,
            "The PostgreSQL database to keep everything but private keys in, for several replicas; without it, SQLite"
            " in `data_folder`. libpq's parameters may follow (`?sslmode=verify-full&sslrootcert=…`). With a password"
            " it is taken only from the environment or from `database_url_file`.",
        ),
    )
    database_url_file: Path | None = field(
        default=None,
        metadata=_is(
            PATH, "A file with the URL, instead of `database_url`; closed to everybody but its owner, one line."
        ),
    )
    listen: Address = field(
        default=Address("127.0.0.1", 8443),
        metadata=_is(ADDRESS, "Where connections are taken. Port 0 takes any free port."),
    )
    tls_certificate: Path | None = field(
        default=None, metadata=_is(PATH, "The certificate chain to serve, PEM, leaf first. Needs `tls_private_key`.")
    )
    tls_private_key: Path | None = field(
        default=None,
        metadata=_is(
            PATH, "The private key of `tls_certificate`, PEM, unencrypted, closed to everybody but its owner."
        ),
    )
    behind_proxy: bool = field(
        default=False,
        metadata=_is(
            YES_NO,
            "Serve plain HTTP, for a proxy on this machine or network that ends TLS. There is no plain HTTP without"
            " it. With it, everything below `/v1/` is answered only when the proxy says `X-Forwarded-Proto: https`,"
            " and `listen` must not be a public address.",
        ),
    )
    proxy_hops: int = field(
        default=0,
        metadata=_is(
            _number(0, 10, "proxies"),
            "How many proxies in front append to `X-Forwarded-For`; the source address, for limits and the audit log,"
            " is the entry that the outermost of them wrote. 0 believes nobody and takes the connection's own address.",
        ),
    )
    signing_algorithms: tuple[str, ...] = field(
        default=("RS256", "ES256"),
        metadata=_is(
            ALGORITHM_LIST,
            "The algorithms to hold keys for. The first one signs when a request does not choose. The key of one that"
            " is added later signs some minutes after the start, when caches of the key set can have it.",
        ),
    )
    key_rotation_days: int = field(
        default=30,
        metadata=_is(
            _number(0, 3650, "days"),
            "How long a signing key signs before the next one takes its turn. 0 for no rotation by schedule.",
        ),
    )
    key_publish_before_seconds: int = field(
        default=86_400,
        metadata=_is(
            _number(0, 31_536_000, "seconds"),
            "How long a new key is in the key set before its turn comes. Long enough for relying parties that keep key"
            " sets longer than they are told; AWS does not say how long STS does.",
        ),
    )
    key_keep_after_seconds: int = field(
        default=least_keep_seconds(KEY_SET_MAX_AGE_SECONDS) + 6 * 3600,
        metadata=_is(
            _number(0, 31_536_000, "seconds"),
            "How long a key stays in the key set after its last signature. Its longest token, clocks that differ, and"
            " caches are counted in the least that is allowed; the rest is a margin.",
        ),
    )
    key_set_max_age_seconds: int = field(
        default=KEY_SET_MAX_AGE_SECONDS,
        metadata=_is(
            _number(30, 86_400, "seconds"),
            "How long relying parties may keep the key set and the discovery document: the `max-age` of both.",
        ),
    )
    published_elsewhere: bool = field(
        default=False,
        metadata=_is(
            YES_NO,
            "Strangers get the discovery document and the key set from somewhere else: `daypass publish` puts them"
            " there. A new key then does not sign before it has been seen at the issuer's URL for as long as caches may"
            " keep the key set of before; until then the key before it goes on.",
        ),
    )
    published_authorities: Path | None = field(
        default=None,
        metadata=_is(
            PATH,
            "A PEM file of certificate authorities to trust, beside the public ones, when the issuer's URL is looked"
            " at. AWS trusts the public ones alone. Needs `published_elsewhere`.",
        ),
    )
    published_private_hosts: frozenset[str] = field(
        default=frozenset(),
        metadata=_is(
            HOST_LIST,
            "The issuer's host, when it may have a private address as seen from here, because relying parties are in"
            " the same network. Without it a private address counts as not seen: AWS cannot reach it.",
        ),
    )
    signer: SignerKind = field(
        default=SignerKind.FILE,
        metadata=_is(
            _one_of(SignerKind),
            "Where the private keys are: encrypted in files of `data_folder`, in AWS KMS, or in a PKCS #11 token.",
        ),
    )
    aws_kms_region: str | None = field(
        default=None,
        metadata=_is(
            REGION,
            "The region of the keys in AWS KMS. Credentials are found as the AWS SDKs find them. Needs `signer`"
            " aws-kms.",
        ),
    )
    aws_kms_endpoint: str | None = field(
        default=None,
        metadata=_is(ENDPOINT, "Where AWS KMS is asked, when it is not at the region's own address."),
    )
    pkcs11_library: Path | None = field(
        default=None,
        metadata=_is(PATH, "The shared library that the maker of the token ships. Needs `signer` pkcs11."),
    )
    pkcs11_token: str | None = field(
        default=None, metadata=_is(TOKEN_LABEL, "The label of the PKCS #11 token that has the keys.")
    )
    pkcs11_pin_file: Path | None = field(
        default=None,
        metadata=_is(PATH, "A file with the user PIN of `pkcs11_token`, closed to everybody but its owner."),
    )
    key_file: Path | None = field(
        default=None,
        metadata=_is(
            PATH,
            "A file with the key that encrypts the signing keys: 32 random bytes (`head -c 32 /dev/urandom`), closed to"
            " everybody but its owner. Without it and without `passphrase_file`, one is made in `data_folder`.",
        ),
    )
    passphrase_file: Path | None = field(
        default=None,
        metadata=_is(PATH, "A file with the passphrase that encrypts the signing keys, instead of `key_file`."),
    )
    token_lifetime_seconds: int | None = field(
        default=None,
        metadata=_is(
            LIFETIME,
            "How long a token is valid when the request does not say. Without it, as the token format has it.",
        ),
    )
    token_lifetime_max_seconds: int = field(
        default=MAX_TOKEN_LIFETIME_SECONDS,
        metadata=_is(LIFETIME, "The longest lifetime that a request may ask for."),
    )
    subject_max_length: int = field(
        default=127,
        metadata=_is(
            _number(127, AWS_SUBJECT_LIMIT, "characters"),
            "The longest `sub` that is issued in the format `daypass`. AWS accepts 255; some other relying parties"
            " only 127. The format `gitpod` always has up to 255.",
        ),
    )
    exchange_private_hosts: frozenset[str] = field(
        default=frozenset(),
        metadata=_is(
            HOST_LIST,
            "The hosts of upstream issuers that may have private addresses, each by its whole name. A connection to"
            " one says so as well; to all other hosts no connection leads this server, whatever its owner writes.",
        ),
    )
    body_max_bytes: int = field(
        default=65_536, metadata=_is(_number(1024, 1_048_576, "bytes"), "The largest request body that is read.")
    )
    limit_workload_tokens_per_minute: int = field(
        default=3000,
        metadata=_is(
            _LIMIT,
            "How many tokens one workload may get. A job needs a few; a pool of runners that shares one identity may"
            " need fifty a second. This limit and the next ones let a sixth of a minute's number through at once (at"
            " least 20), count in each process by itself, and are off with 0.",
        ),
    )
    limit_organization_tokens_per_minute: int = field(
        default=12_000,
        metadata=_is(
            _LIMIT,
            "How many tokens all workloads of one organization may get: two hundred a second, a part of what one core"
            " signs, so that one organization cannot slow the others.",
        ),
    )
    limit_source_requests_per_minute: int = field(
        default=24_000,
        metadata=_is(
            _LIMIT,
            "How many requests below `/v1/` and to `/token` one source address (of IPv6 one /64) may make; a fleet"
            " behind one gateway is one address. Discovery document and key set are never limited. Behind a proxy"
            " this and the next limit need `proxy_hops`: without it the proxy's address is everybody's, and neither is"
            " applied.",
        ),
    )
    limit_source_failures_per_minute: int = field(
        default=120,
        metadata=_is(
            _LIMIT,
            "How many credentials, and tokens for exchange, that are not accepted one source address may send before"
            " each further one is answered with 429 and no audit row. Good ones from the same address still pass.",
        ),
    )
    log_level: LogLevel = field(
        default=LogLevel.INFO, metadata=_is(_one_of(LogLevel), "The least severe event that is logged.")
    )
    log_format: LogFormat = field(
        default=LogFormat.TEXT, metadata=_is(_one_of(LogFormat), "How events are written to standard error.")
    )

    @property
    def limits(self) -> PerMinute:
        """How often one may ask. By source only where sources can be told from each other."""
        sources_known = self.proxy_hops > 0 or not self.behind_proxy
        return PerMinute(
            workload_tokens=self.limit_workload_tokens_per_minute,
            organization_tokens=self.limit_organization_tokens_per_minute,
            source_requests=self.limit_source_requests_per_minute if sources_known else 0,
            source_failures=self.limit_source_failures_per_minute if sources_known else 0,
        )

    @property
    def key_times(self) -> KeyTimes:
        """How long each part of a signing key's life takes."""
        return KeyTimes(
            rotation=timedelta(days=self.key_rotation_days) if self.key_rotation_days else None,
            publish_before=timedelta(seconds=self.key_publish_before_seconds),
            keep_after=timedelta(seconds=self.key_keep_after_seconds),
            key_set_max_age_seconds=self.key_set_max_age_seconds,
        )

    @classmethod
    def read(
        cls, environ: Mapping[str, str], *, file: Path | None = None, given: Mapping[str, str] | None = None
    ) -> Self:
        """Read, check and join the settings.

        Args:
            environ: the environment; only names that start with `DAYPASS_` are looked at.
            file: a TOML file, or None for none.
            given: text from the command line by setting name.

        Raises:
            SettingInvalid: `facts` hold `file`, `key` and `reason` of the first problem, and all of them as
                `problems`, a tuple of `Problem`.
        """
        problems: list[Problem] = []
        values: dict[str, Any] = {}
        origins: dict[str, Origin] = {}
        known = {setting.name: setting for setting in fields(cls)}
        for origin, folder, raw in _given(environ, file, given or {}, problems):
            name = origin.setting
            if name not in known:
                near = get_close_matches(name.lower(), known, n=1)
                hint = f"Did you mean `{origin.spelled(near[0])}`?" if near else "Remove it."
                problems.append(origin.problem("there is no such setting", hint))
                continue
            origins[name] = origin
            if name == "database_url" and origin.file != ENVIRONMENT and _holds_password(raw):
                problems.append(
                    origin.problem(
                        "a password is not taken from here: others can read command lines, and settings get copied",
                        f"Set {PREFIX}DATABASE_URL in the environment, or `database_url_file`, or keep the password in"
                        " libpq's password file and leave it out of the URL.",
                    )
                )
                continue
            kind: Kind = known[name].metadata["kind"]
            try:
                values[name] = kind.parse(_text(kind, raw), folder)
            except ValueError as error:
                problems.append(origin.problem(str(error), f"It is {kind.words}."))
        nowhere = str(file or FILE_NAME)
        problems.extend(
            Origin(nowhere, name).problem("it is required", f"Set `{name}` in {FILE_NAME}, or {PREFIX}{name.upper()}.")
            for name, setting in known.items()
            if name not in origins and setting.default is MISSING
        )
        if not_read := [problem for problem in problems if problem.setting == WHOLE_FILE]:
            raise _refusal(not_read)  # what the file would have set is not known to be missing or wrong
        # What could not be read takes part in no rule, so that one mistake is told once.
        unread = {problem.setting for problem in problems}
        settings = cls(**({"issuer": _NO_ISSUER} | {name: values[name] for name in values.keys() - unread}))
        for names, rule in RULES:
            if unread.isdisjoint(names):
                for name, reason, advice in rule(settings):
                    problems.append(origins.get(name, Origin(nowhere, name)).problem(reason, advice))
        if problems:
            raise _refusal(problems)
        return settings


@dataclass(frozen=True, slots=True)
class Problem:
    """One setting that cannot be used: where it was given (`file`, `key`), which it is, why, and what to do."""

    file: str
    key: str
    setting: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}: `{self.key}`: {self.reason}"


def _refusal(problems: Sequence[Problem]) -> SettingInvalid:
    return SettingInvalid(
        "\n".join(str(problem) for problem in problems),
        advice="\n".join(dict.fromkeys(problem.advice for problem in problems)),
        file=problems[0].file,
        key=problems[0].key,
        reason=problems[0].reason,
        problems=tuple(problems),
    )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting was given: `file` (or `environment`, or `command line`), and its name there."""

    file: str
    setting: str

    def spelled(self, setting: str) -> str:
        """How a setting is written at this place."""
        if self.file == ENVIRONMENT:
            return PREFIX + setting.upper()
        return "--" + setting.replace("_", "-") if self.file == "command line" else setting

    def problem(self, reason: str, advice: str) -> Problem:
        """A problem with what was given here."""
        return Problem(self.file, self.spelled(self.setting), self.setting, reason, advice)


def _given(
    environ: Mapping[str, str], file: Path | None, given: Mapping[str, str], problems: list[Problem]
) -> Iterator[tuple[Origin, Path, object]]:
    """Everything that was given, the strongest last: origin, the folder of relative paths, value."""
    if file is not None:
        for name, raw in _toml(file, problems).items():
            yield Origin(str(file), name), file.absolute().parent, _Typed(raw)
    for variable, text in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable not in CLIENT_VARIABLES:
            yield Origin(ENVIRONMENT, variable.removeprefix(PREFIX).lower()), Path.cwd(), text
    for name, text in given.items():
        yield Origin("command line", name), Path.cwd(), text


@dataclass(frozen=True, slots=True)
class _Typed:
    """A value with a TOML type, which has to be the setting's."""

    value: object


def _toml(file: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problems.append(
            Problem(str(file), "*", WHOLE_FILE, f"it cannot be read: {error.strerror}", "Name a readable file.")
        )
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = f"it is not TOML: {error}"
        problems.append(
            Problem(str(file), "*", WHOLE_FILE, reason, "The format is described at https://toml.io/en/v1.0.0.")
        )
    return {}


def _holds_password(raw: object) -> bool:
    text = raw.value if isinstance(raw, _Typed) else raw
    if not isinstance(text, str):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return "password" in text
    return parts.password is not None or any(name.lower() in _PASSWORDS for name, _ in parse_qsl(parts.query))


def _text(kind: Kind, raw: object) -> str:
    """The text of a value, once it is seen to have the type that the file demands."""
    text = raw
    if isinstance(raw, _Typed):
        text = raw.value
        if type(text) is not kind.toml:
            raise ValueError(f"it is not {_TOML_WORDS[kind.toml]}")
        if isinstance(text, list):
            if not all(isinstance(item, str) for item in text):
                raise ValueError("it is not a list of texts")
            text = ",".join(text)
        elif not isinstance(text, str):
            text = str(text).lower()
    if not text:
        raise ValueError("it is empty")
    if "\0" in str(text):
        raise ValueError("it holds a NUL character")
    return str(text)


_PASSWORDS: Final = frozenset({"password", "sslpassword"})
_TOML_WORDS: Final = {str: "text", int: "a whole number", bool: "true or false", list: "a list of texts"}
_NO_ISSUER: Final = IssuerUrl.parse("https://issuer.invalid")

Finding = tuple[str, str, str]  # setting, reason, advice


def _transport(settings: Settings) -> Iterator[Finding]:
    certificate, key = settings.tls_certificate, settings.tls_private_key
    if settings.behind_proxy:
        for name, path in (("tls_certificate", certificate), ("tls_private_key", key)):
            if path is not None:
                yield (
                    name,
                    "it contradicts `behind_proxy`, which means plain HTTP",
                    "A proxy that speaks TLS to this server needs `proxy_hops` alone.",
                )
        return
    if certificate is None and key is None:
        yield (
            "tls_certificate",
            "it is required: without `behind_proxy` there is no plain HTTP",
            "Set `tls_certificate` and `tls_private_key`, or `behind_proxy` when a proxy ends TLS.",
        )
    elif certificate is None:
        yield "tls_certificate", "it is missing beside `tls_private_key`", "Name the certificate chain of this key."
    elif key is None:
        yield "tls_private_key", "it is missing beside `tls_certificate`", "Name the private key of this certificate."
    else:
        yield from _certificate(certificate, key)


def _certificate(certificate: Path, key: Path) -> Iterator[Finding]:
    found = [*_file("tls_certificate", certificate), *_file("tls_private_key", key, secret=True)]
    if found:
        yield from found
        return
    try:
        tls_context(certificate, key)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "it is encrypted"
        if reason == "KEY_VALUES_MISMATCH":
            yield "tls_private_key", f"it is not the key of `{certificate}`", "Name the key that belongs to it."
        else:
            yield (
                "tls_certificate",
                f"it and `tls_private_key` cannot be used: {reason}",
                "Both are PEM; the chain starts with the server's own certificate; the key is not encrypted.",
            )


def _address(settings: Settings) -> Iterator[Finding]:
    if not settings.behind_proxy:
        return
    try:
        public = ipaddress.ip_address(settings.listen.host).is_global
    except ValueError:
        return
    if public:
        yield (
            "listen",
            f"`{settings.listen.host}` is a public address, and `behind_proxy` means plain HTTP",
            "Listen on the address that the proxy reaches this server at.",
        )


def _encryption(settings: Settings) -> Iterator[Finding]:
    if settings.key_file is not None and settings.passphrase_file is not None:
        yield "passphrase_file", "it contradicts `key_file`", "Keep the one that the signing keys are encrypted with."
        return
    for name, path in (("key_file", settings.key_file), ("passphrase_file", settings.passphrase_file)):
        if path is not None:
            yield from _file(name, path, secret=True)


def database_url(settings: Settings) -> Secret | None:
    """The URL of the shared database, also where a file has it; None for SQLite in the data folder.

    Raises:
        FileUnavailable, FileUnsafe: when the file cannot be used.
        SettingInvalid: when what is in it is no such URL.
    """
    path = settings.database_url_file
    if path is None:
        return settings.database_url
    try:
        return _database_url(files.read_private(path, max_bytes=4096).decode().strip(), path.parent)
    except ValueError as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise _refusal(
            [Problem(str(path), "database_url_file", "database_url_file", reason, f"It holds {DATABASE_URL.words}.")]
        ) from None


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url_file is None:
        return
    if settings.database_url is not None:
        yield "database_url_file", "it contradicts `database_url`", "Keep the one that names the database."
        return
    try:
        database_url(settings)
    except (FileUnsafe, FileUnavailable) as error:
        yield "database_url_file", error.message, error.advice or "Name a file that this user may read."
    except SettingInvalid as error:
        yield "database_url_file", str(error.facts["reason"]), error.advice or ""


_NEEDED: Final[Mapping[SignerKind, tuple[str, ...]]] = {
    SignerKind.FILE: (),
    SignerKind.AWS_KMS: ("aws_kms_region",),
    SignerKind.PKCS11: ("pkcs11_library", "pkcs11_token", "pkcs11_pin_file"),
}
_ALLOWED: Final[Mapping[SignerKind, tuple[str, ...]]] = {
    SignerKind.FILE: ("key_file", "passphrase_file"),
    SignerKind.AWS_KMS: ("aws_kms_region", "aws_kms_endpoint"),
    SignerKind.PKCS11: _NEEDED[SignerKind.PKCS11],
}


def _signer(settings: Settings) -> Iterator[Finding]:
    chosen = settings.signer
    for kind, names in _ALLOWED.items():
        for name in names:
            if kind is not chosen and getattr(settings, name) is not None:
                yield (
                    name,
                    f"it is for the signer {kind}, and `signer` is {chosen}",
                    "Remove the one or change the other.",
                )
    for name in _NEEDED[chosen]:
        if getattr(settings, name) is None:
            yield name, f"it is required where `signer` is {chosen}", f"Set `{name}`."
    if chosen is SignerKind.PKCS11:
        if settings.pkcs11_library is not None and not settings.pkcs11_library.is_file():
            yield "pkcs11_library", f"`{settings.pkcs11_library}` is not a file", "Name the token's shared library."
        if settings.pkcs11_pin_file is not None:
            yield from _file("pkcs11_pin_file", settings.pkcs11_pin_file, secret=True)


def _lifetimes(settings: Settings) -> Iterator[Finding]:
    if (settings.token_lifetime_seconds or 0) > settings.token_lifetime_max_seconds:
        yield (
            "token_lifetime_seconds",
            f"it is more than `token_lifetime_max_seconds`, which is {settings.token_lifetime_max_seconds}",
            "Lower the one or raise the other.",
        )


def _key_times(settings: Settings) -> Iterator[Finding]:
    max_age, publish = settings.key_set_max_age_seconds, settings.key_publish_before_seconds
    least_publish, least_keep = least_publish_seconds(max_age), least_keep_seconds(max_age)
    if publish < least_publish:
        yield (
            "key_publish_before_seconds",
            (
                f"the new key would sign while caches lack it: they keep the key set for {max_age} seconds, and other"
                f" processes and clocks need {least_publish - max_age} more"
            ),
            f"The least is {least_publish}.",
        )
    if settings.key_keep_after_seconds < least_keep:
        yield (
            "key_keep_after_seconds",
            (
                f"a key would leave the key set while its tokens live: up to {MAX_TOKEN_LIFETIME_SECONDS} seconds, and"
                f" caches, processes and clocks need {least_keep - MAX_TOKEN_LIFETIME_SECONDS} more"
            ),
            f"The least is {least_keep}.",
        )
    if settings.key_rotation_days and settings.key_rotation_days * 86_400 < publish:
        yield (
            "key_rotation_days",
            f"a key's turn would come before it was published for {publish} seconds (`key_publish_before_seconds`)",
            f"The least is {-(-publish // 86_400)}, or 0 for no rotation by schedule.",
        )


def _authorities(name: str, path: Path) -> Iterator[Finding]:
    if found := list(_file(name, path)):
        yield from found
    elif reason := why_no_authorities(path):
        yield name, reason, "Name a PEM file of certificate authorities."


def why_no_authorities(file: Path) -> str | None:
    """Why a file cannot be used as certificate authorities to trust, or None when it can."""
    try:
        ssl.create_default_context().load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError) as error:
        # An SSLError is an OSError, too; its text is OpenSSL's.
        told = isinstance(error, ssl.SSLError) or not error.strerror
        return "it holds no PEM certificate" if told else str(error.strerror).lower()
    return None


def _published(settings: Settings) -> Iterator[Finding]:
    if settings.published_elsewhere:
        if settings.published_authorities is not None:
            yield from _authorities("published_authorities", settings.published_authorities)
        return
    for name in ("published_authorities", "published_private_hosts"):
        if getattr(settings, name):
            yield name, "it is for an issuer that is published elsewhere", "Set `published_elsewhere`, or remove it."


def _folder(settings: Settings) -> Iterator[Finding]:
    advice = "Name a folder; it is made when missing."
    try:
        mode = settings.data_folder.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        yield "data_folder", f"`{settings.data_folder}` cannot be used: {error.strerror}", advice
    else:
        if not stat.S_ISDIR(mode):
            yield "data_folder", f"`{settings.data_folder}` is not a folder", advice


def _file(name: str, path: Path, *, secret: bool = False) -> Iterator[Finding]:
    """What is wrong with a file that a setting names."""
    try:
        if secret:
            files.read_private(path, max_bytes=_FILE_MAX_BYTES)
        else:
            files.read_bounded(path, _FILE_MAX_BYTES)
    except (FileUnsafe, FileUnavailable) as error:
        yield name, error.message, error.advice or "Name a file that this user may read."


# Rules over several settings, with the settings that each one looks at.
RULES: Final[tuple[tuple[tuple[str, ...], Callable[[Settings], Iterator[Finding]]], ...]] = (
    (("behind_proxy", "tls_certificate", "tls_private_key"), _transport),
    (("behind_proxy", "listen"), _address),
    (("database_url", "database_url_file"), _database),
    (("signer", *(name for names in _ALLOWED.values() for name in names)), _signer),
    (("key_file", "passphrase_file"), _encryption),
    (("token_lifetime_seconds", "token_lifetime_max_seconds"), _lifetimes),
    (("published_elsewhere", "published_authorities", "published_private_hosts"), _published),
    (
        ("key_set_max_age_seconds", "key_publish_before_seconds", "key_keep_after_seconds", "key_rotation_days"),
        _key_times,
    ),
    (("data_folder",), _folder),
)


def tls_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The server's side of TLS 1.2 and later, with this chain and key.

    Raises:
        ssl.SSLError: when chain or key cannot be used together.
        ValueError: when the key is encrypted.
        OSError: when a file cannot be read.
    """

    def no_password() -> str:
        # Without a callback OpenSSL asks on the terminal, and a service hangs.
        raise ValueError("the key is encrypted")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key, password=no_password)
    return context


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of the table of settings, in words."""

    name: str
    variable: str
    words: str
    default_text: str
    about: str


def _default(value: object) -> str:
    if value is MISSING:
        return "required"
    if value is None:
        return "none"
    return ",".join(value) if isinstance(value, tuple) else str(value).lower()


SETTINGS: Final = tuple(
    Setting(
        name=each.name,
        variable=PREFIX + each.name.upper(),
        words=each.metadata["kind"].words,
        default_text=_default(each.default),
        about=each.metadata["about"],
    )
    for each in fields(Settings)
)
"""All settings, for the reference in the documentation."""
