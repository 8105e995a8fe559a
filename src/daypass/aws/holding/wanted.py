"""What is to be held: one session of one role, for one identity, from one endpoint; and the name of its cache entry."""

from __future__ import annotations

import os

from daypass import files
from daypass.aws.config_glance import config_about_endpoints, home_of
from daypass.errors import DaypassError
from daypass.light_typing import NamedTuple

try:  # the module behind hashlib, which takes ten times as long to load because it brings OpenSSL's hashes too
    from _blake2 import blake2b
except ImportError:  # pragma: no cover - an implementation of Python without it
    from hashlib import blake2b

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Final

DURATION_SECONDS: Final = "3600"
_OPTIONS: Final[Mapping[str, str]] = {
    "--role-arn": "role_arn",
    "--duration-seconds": "duration_seconds",
    "-d": "duration_seconds",
    "--role-session-name": "session_name",
    "--audience": "audience",
    "--region": "region",
    "--scope": "scope",
    "--chain-role-arn": "chain_role_arn",
    "--token-source": "token_source",
}
# What decides where STS is.
_ENDPOINT: Final = (
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)
# What decides whose token it is: what each platform (`daypass.ambient`) gives to one job and not to the next, and files
# whose content does. A test holds it to what those modules read.
_IDENTITY: Final = (
    "DAYPASS_URL",
    "DAYPASS_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "AWS_ID_TOKEN",
    "BITBUCKET_BUILD_NUMBER",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "BUILDKITE_JOB_ID",
    "CI_JOB_ID",
    "CI_SERVER_URL",
    "CIRCLE_OIDC_TOKEN",
    "CIRCLE_OIDC_TOKEN_V2",
    "CIRCLE_WORKFLOW_JOB_ID",
    "DAYPASS_ID_TOKEN",
    "GITLAB_OIDC_TOKEN",
    "GITPOD_ENVIRONMENT_ID",
    "GITPOD_WORKSPACE_ID",
    "ID_TOKEN",
    "KUBERNETES_SERVICE_HOST",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
    "CI_JOB_JWT",
    "CI_JOB_JWT_V2",
    "GCE_METADATA_HOST",
    "K_SERVICE",
    "SYSTEM_ACCESSTOKEN",
    "SYSTEM_JOBID",
    "SYSTEM_OIDCREQUESTURI",
    "TFC_RUN_ID",
    "TFC_WORKLOAD_IDENTITY_TOKEN",
    "TFC_WORKLOAD_IDENTITY_TOKEN_AWS",
)
# These say which kind of machine it is, and not which one.
_OF_MANY: Final = frozenset({"GCE_METADATA_HOST", "K_SERVICE", "KUBERNETES_SERVICE_HOST"})
_TAGGED: Final = "TFC_WORKLOAD_IDENTITY_TOKEN_"
_IDENTITY_FILES: Final = ("DAYPASS_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
_MAX_IDENTITY_BYTES: Final = 64 * 1024


class Wanted(NamedTuple):
    """A wish as it was typed, unchecked: `Obtainer` checks it before anybody is asked."""

    role_arn: str
    duration_seconds: str = DURATION_SECONDS
    session_name: str | None = None
    audience: str | None = None
    region: str | None = None
    scope: str | None = None
    chain_role_arn: str | None = None
    token_source: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, str | None], environ: Mapping[str, str]) -> Wanted | None:
        """From options by field; None when neither they nor `IDP_AWS_ROLE_ARN` nor `AWS_ROLE_ARN` name a role."""
        given = {name: value for name, value in values.items() if value is not None}
        role = given.pop("role_arn", None) or environ.get("IDP_AWS_ROLE_ARN") or environ.get("AWS_ROLE_ARN")
        return cls(role, **given) if role else None

    @classmethod
    def read(cls, words: Sequence[str], environ: Mapping[str, str]) -> Wanted | None:
        """From a plain command line, `--name value` or `--name=value`; None when there is anything else in it."""
        values: dict[str, str | None] = {}
        rest = iter(words)
        for word in rest:
            name, equals, value = word.partition("=")
            field = _OPTIONS.get(name if equals and name.startswith("--") else word)
            if field is None:
                return None
            if not (equals and name.startswith("--")):
                value = next(rest, "-")
                if value.startswith("-"):
                    return None
            values[field] = value
        return cls.of(values, environ)

    def words(self) -> list[str]:
        """The command line that `read` makes this of again, without what goes without saying."""
        words: list[str] = []
        for name, field in _OPTIONS.items():
            value = getattr(self, field)
            if name.startswith("--") and value != self._field_defaults.get(field):
                words += [f"{name}={value}"] if value.startswith("-") else [name, value]
        return words

    def key(self, environ: Mapping[str, str]) -> str:
        """The name of its cache entry: 32 hexadecimal digits.

        Another identity, another endpoint or another wish is another entry. Two jobs that run as one user on one
        machine do not get each other's sessions, because what their platform gave each of them differs.
        """
        parts = [*(f"{name}={value}" for name, value in self._asdict().items() if value is not None)]
        parts += [f"{name}={environ[name]}" for name in _ENDPOINT if environ.get(name)]
        about = config_about_endpoints(environ)
        if about:
            parts.append(f"config={environ.get('AWS_PROFILE')} {about.decode('latin-1')}")
        return entry_name(parts, self.token_source, environ)


def entry_name(parts: Iterable[str], token_source: str | None, environ: Mapping[str, str]) -> str:
    """The name of a cache entry for what `parts` say, of the identity that `token_source` gives here."""
    names = [name for name in _IDENTITY if environ.get(name)]
    paths = [name for name in _IDENTITY_FILES if environ.get(name)]
    parts = [*parts, *(f"{name}={environ[name]}" for name in names)]
    parts += [f"{name}={_content(environ[name], environ)}" for name in paths]
    source, _, argument = (token_source or "").partition(":")
    if argument:
        parts.append(
            f"source={environ.get(argument) or environ.get(_TAGGED + argument) or _content(argument, environ)}"
        )
    if source == "command":
        parts += _named_in(argument, environ)
    if not paths and _OF_MANY.issuperset(names):
        parts.append(f"machine={os.uname().nodename}")  # whose token it is then, and machines can share a home
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _named_in(command: str, environ: Mapping[str, str]) -> Iterable[str]:
    """The variables and files that a command names, as they are: its token may be one job's and not the next one's."""
    words = command.translate(dict.fromkeys(map(ord, "\"'`$(){}=;|&<>"), " ")).split()
    for word in words:
        if word in environ:
            yield f"{word}={environ[word]}"
        elif "/" in word:
            yield f"{word}={_content(word, environ)}"


def _content(path: str, environ: Mapping[str, str]) -> str:
    """What the file holds; its name when it cannot be read, which whoever needs the file will complain of."""
    if path.startswith("~/"):
        path = home_of(environ) + path[1:]
    try:
        return files.read_bounded(path, _MAX_IDENTITY_BYTES).decode("latin-1")
    except DaypassError:
        return path
