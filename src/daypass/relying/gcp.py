"""Google Cloud: workload identity federation with an identity token.

Google's libraries read a configuration that names the workload identity provider, and where the token is: in a file, or
in what a program of ours prints. They exchange the token themselves, as often as they need.

Sources: Google Cloud documentation, Workload Identity Federation with other identity providers; AIP-4117, external
account credentials; RFC 8693; IAM Service Account Credentials API, generateAccessToken.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote, urlencode

from daypass.calling.persist import Fate
from daypass.errors import UsageInvalid
from daypass.relying import asking
from daypass.relying.asking import Cause, Party, Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.secret import Secret

STS: Final = "https://sts.googleapis.com"
IAM_CREDENTIALS: Final = "https://iamcredentials.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
JWT_TYPE: Final = "urn:ietf:params:oauth:token-type:jwt"
_ID_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a type's name
_ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
_GRANT: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_PROVIDER: Final = re.compile(
    r"(?:https:)?(?://iam\.googleapis\.com/)?(?P<name>projects/(?P<project>[^/]+)/locations/global/"
    r"workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32})"
)
_EMAIL: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}@[a-z0-9][a-z0-9.-]{0,126}\.gserviceaccount\.com")
# Go's library splits a command at blanks and knows no quotes; Python's knows them.
_UNSAFE: Final = re.compile(r"[^\x21-\x7e]|['\"\\]")
_TIMEOUT_MILLIS: Final = 60_000
# Google's libraries ignore members that they do not know. Any external account could else be taken for one of ours.
_MARK: Final = ("created_by", "daypass")

_EXCHANGE_CAUSES: Final = (
    Cause(
        "The audience in ID Token",
        "The token's audience must be among the provider's allowed audiences; where none are set, it is the provider's"
        " own name, which is --audience's default.",
    ),
    Cause(
        "rejected by the attribute condition",
        "The provider's attribute condition does not hold for this token's claims.",
        Fate.PROPAGATION,
    ),
    Cause("The issuer in ID Token", "The provider's issuer must be the token's iss to the letter."),
    Cause(
        "Error connecting to the given credential's issuer",
        "Google fetches the issuer's discovery document and key set from the internet, unless a key set was uploaded to"
        " the provider; it also says so of an uploaded key set that it cannot read.",
        Fate.TRANSIENT,
    ),
    Cause("127 bytes", "Map a shorter claim to google.subject in the provider's attribute mapping."),
    Cause("is stale to sign-in", "Get a new token, and check this machine's and the identity provider's clock."),
    Cause("Invalid JWT Signature", "The issuer's published key set does not hold the key that signed the token."),
    Cause(
        'Invalid value for "audience"',
        "--provider is projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, with the"
        " project's number and not its id.",
    ),
    Cause(
        "invalid_target",
        "The pool or provider is not there, or is disabled or deleted; a new one takes minutes to be known everywhere.",
        Fate.PROPAGATION,
    ),
)
_IMPERSONATION_CAUSES: Final = (
    Cause(
        "iam.serviceAccounts.getAccessToken",
        "Grant roles/iam.workloadIdentityUser on the service account to the token's principal or principalSet in the"
        " pool; the grant takes minutes to count everywhere.",
        Fate.PROPAGATION,
    ),
    Cause("SERVICE_DISABLED", "Enable iamcredentials.googleapis.com in the service account's project."),
    Cause("has not been used in project", "Enable iamcredentials.googleapis.com in the service account's project."),
    Cause("Gaia id not found", "There is no such service account; check --service-account."),
    Cause(
        "lifetime",
        "More than an hour needs the organization policy"
        " constraints/iam.allowServiceAccountCredentialLifetimeExtension for this account; leave --lifetime out.",
    ),
)


class Provider(NamedTuple):
    """A workload identity provider: `projects/…/providers/…`."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Provider:
        """Read a provider's full name, with or without `//iam.googleapis.com/` or `https://` before it.

        Raises:
            UsageInvalid: when it is none, or has the project's id, which Google refuses, for its number.
        """
        match = _PROVIDER.fullmatch(text)
        if match is None:
            raise UsageInvalid(
                f"`{text}` is not a workload identity provider",
                advice="Write: projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER",
            )
        if not match["project"].isascii() or not match["project"].isdigit():
            raise UsageInvalid(
                f"`{match['project']}` is not the number of a project",
                advice="Google takes only the number: gcloud projects describe ID --format='value(projectNumber)'",
            )
        return cls(match["name"])

    @property
    def audience(self) -> str:
        """Whom the exchange is asked for."""
        return f"//iam.googleapis.com/{self.name}"

    @property
    def token_audience(self) -> str:
        """Who the identity token is for, where the provider has no allowed audiences of its own."""
        return f"https://iam.googleapis.com/{self.name}"


class Federation(NamedTuple):
    """What is federated: the provider, the service account to be impersonated and for how many seconds, and where."""

    provider: Provider
    service_account: str | None = None
    lifetime_seconds: int | None = None
    sts: str = STS
    iam_credentials: str = IAM_CREDENTIALS

    @property
    def impersonation_url(self) -> str | None:
        """Where the service account's token is asked for."""
        if self.service_account is None:
            return None
        account = quote(self.service_account, safe="@")
        return f"{self.iam_credentials}/v1/projects/-/serviceAccounts/{account}:generateAccessToken"


def parse_service_account(text: str) -> str:
    """The e-mail address of a service account.

    Raises:
        UsageInvalid: when it is none.
    """
    if not _EMAIL.fullmatch(text):
        raise UsageInvalid(
            f"`{text}` is not a service account", advice="It has the form NAME@PROJECT.iam.gserviceaccount.com"
        )
    return text


def parse_lifetime(text: str) -> int:
    """How long a service account's token lasts: 600 to 43200 seconds (Google Cloud documentation, as in AIP-4117).

    Raises:
        UsageInvalid: when it is anything else.
    """
    if not re.fullmatch(r"[0-9]{3,5}", text) or not 600 <= int(text) <= 43200:
        raise UsageInvalid(f"`{text}` is not a lifetime", advice="It is a number of seconds, 600 to 43200.")
    return int(text)


def executable_source(command: Sequence[str]) -> dict[str, object]:
    """A source of tokens that is a program; libraries run it only with GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1.

    Raises:
        UsageInvalid: when a word of the command has a blank or a quote, which not all libraries understand alike.
    """
    for word in command:
        if _UNSAFE.search(word) or not word:
            raise UsageInvalid(
                f"`{word}` cannot stand in the command of a credential configuration", advice="Use: --source file"
            )
    return {"executable": {"command": " ".join(command), "timeout_millis": _TIMEOUT_MILLIS}}


def file_source(path: str) -> dict[str, object]:
    """A source of tokens that is a file, which somebody keeps fresh."""
    return {"file": path, "format": {"type": "text"}}


def configuration(federation: Federation, source: Mapping[str, object]) -> bytes:
    """The file for GOOGLE_APPLICATION_CREDENTIALS. It holds no secret."""
    document: dict[str, object] = {
        _MARK[0]: _MARK[1],
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": federation.provider.audience,
        "subject_token_type": JWT_TYPE,
        "token_url": f"{federation.sts}/v1/token",
        "credential_source": dict(source),
    }
    if federation.impersonation_url is not None:
        document["service_account_impersonation_url"] = federation.impersonation_url
        if federation.lifetime_seconds is not None:
            document["service_account_impersonation"] = {"token_lifetime_seconds": federation.lifetime_seconds}
    return (json.dumps(document, indent=2) + "\n").encode("ascii")


def is_ours(content: bytes) -> bool:
    """Whether a file is a configuration that `configuration` made."""
    document = _parsed(content)
    return document.get("type") == "external_account" and document.get(_MARK[0]) == _MARK[1]


def token_file_of(content: bytes) -> str | None:
    """The file that a configuration has the token in; None when a program gives it."""
    source = _parsed(content).get("credential_source")
    path = source.get("file") if isinstance(source, dict) else None
    return path if isinstance(path, str) else None


def _parsed(content: bytes) -> dict[str, object]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def executable_response(token: Secret, expires_at: int | None) -> dict[str, object]:
    """What a program prints that gives a token; `expires_at` in seconds since 1970 (AIP-4117, executable-sourced)."""
    return {
        "version": 1,
        "success": True,
        "token_type": _ID_TOKEN_TYPE,
        "id_token": token.reveal(),
        **({} if expires_at is None else {"expiration_time": expires_at}),
    }


def executable_failure(code: str, message: str) -> dict[str, object]:
    """What a program prints that gives none; its exit status is not 0 then."""
    return {"version": 1, "success": False, "code": code, "message": message}


def exchange(party: Party, federation: Federation, token: Secret) -> int:
    """Exchange an identity token as Google's libraries do, to see whether it is taken; for how many seconds.

    Raises:
        RelyingPartyRefused: Google says no; `facts` hold `party_code`, `http_status` and `fate`.
        ServiceUnreachable, ServiceAnswerInvalid, SettingInvalid, FileUnavailable: see `asking.ask`.
    """
    form = {
        "grant_type": _GRANT,
        "audience": federation.provider.audience,
        "scope": SCOPE,
        "requested_token_type": _ACCESS_TOKEN_TYPE,
        "subject_token": token.reveal(),
        "subject_token_type": JWT_TYPE,
    }
    told = asking.ask(
        party,
        "POST",
        f"{federation.sts}/v1/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode("ascii"),
    )
    if told.status != 200:
        code, words = asking.text_of(told.document, "error"), asking.text_of(told.document, "error_description")
        raise asking.refusal(party, told, code=code, words=words, causes=_EXCHANGE_CAUSES)
    access_token, seconds = asking.text_of(told.document, "access_token"), told.document.get("expires_in")
    if not asking.is_secret(access_token):
        raise asking.strange(party, "no access token")
    if federation.impersonation_url is not None:
        _impersonate(party, federation, federation.impersonation_url, access_token)
        return federation.lifetime_seconds or 3600
    return seconds if isinstance(seconds, int) else 0


def _impersonate(party: Party, federation: Federation, url: str, access_token: str) -> None:
    body = {"scope": [SCOPE], "lifetime": f"{federation.lifetime_seconds or 3600}s"}
    told = asking.ask(
        party,
        "POST",
        url,
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {access_token}"},
        body=json.dumps(body).encode("ascii"),
    )
    if told.status != 200:
        raise asking.refusal(
            party,
            told,
            code=_reason(told) or asking.text_of(told.document, "error", "status"),
            words=asking.text_of(told.document, "error", "message"),
            causes=_IMPERSONATION_CAUSES,
        )
    if not asking.is_secret(asking.text_of(told.document, "accessToken")):
        raise asking.strange(party, "no access token")


def _reason(told: Told) -> str:
    """The reason among the details of Google's errors (AIP-193, google.rpc.ErrorInfo)."""
    error = told.document.get("error")
    details = error.get("details") if isinstance(error, dict) else None
    for each in details if isinstance(details, list) else []:
        if isinstance(each, dict) and str(each.get("@type", "")).endswith("google.rpc.ErrorInfo"):
            return asking.text_of(each, "reason")
    return ""
