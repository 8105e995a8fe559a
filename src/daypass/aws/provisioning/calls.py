"""The one way to ask IAM and STS: botocore's clients, with AWS's errors in our tree, and what permission is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore import xform_name
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from daypass.errors import (
    AlreadyExists,
    AwsCredentialsUnusable,
    AwsPermissionMissing,
    AwsQuotaReached,
    AwsRefused,
    AwsUnavailable,
    ChangedMeanwhile,
    DaypassError,
    IssuerUnreachable,
    NotFound,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_CREDENTIALS: Final = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch"),
        *("UnrecognizedClientException", "MissingAuthenticationToken", "IncompleteSignature", "AuthFailure"),
    }
)
_AGAIN: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"),
        *("ServiceFailure", "ServiceUnavailable", "InternalFailure", "RequestTimeout", "InternalError"),
    }
)
_MEANWHILE: Final = frozenset({"ConcurrentModification", "EntityTemporarilyUnmodifiable", "DeleteConflict"})
_CREDENTIAL_FAULTS: Final = (
    *(NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, ProfileNotFound, SSOError),
)


class AwsClient(Protocol):
    """A client of botocore for one service: a method for each operation, which takes keywords and gives a dict."""

    def __getattr__(self, name: str, /) -> Any: ...


def ask(client: AwsClient, operation: str, /, **parameters: Any) -> dict[str, Any]:
    """Call one operation, such as `GetRole`.

    Raises:
        AwsPermissionMissing: with the permission that is missing.
        NotFound, AlreadyExists, ChangedMeanwhile: NoSuchEntity, EntityAlreadyExists, and changes at the same moment.
        AwsQuotaReached: LimitExceeded.
        AwsRefused: whatever else AWS says no to.
        AwsCredentialsUnusable: there are no credentials, or they are not taken.
        IssuerUnreachable: AWS could not ask the issuer of a new provider.
        AwsUnavailable: no answer, throttling after retries, or a fault of AWS's own.
    """
    try:
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
    except ClientError as error:
        raise explained(error, operation, parameters) from None
    except BotoCoreError as error:
        raise unreached(error) from None
    return answer


def pages(client: AwsClient, operation: str, member: str, /, **parameters: Any) -> Iterator[Any]:
    """All entries of a list operation of IAM, page after page. Raises as `ask` does."""
    more = dict(parameters)
    while True:
        answer = ask(client, operation, **more)
        yield from answer.get(member, ())
        if not answer.get("IsTruncated"):
            return
        more["Marker"] = answer["Marker"]


def unreached(error: BotoCoreError) -> DaypassError:
    """What botocore could not do, in our tree; its texts name no secret."""
    if isinstance(error, _CREDENTIAL_FAULTS):
        return AwsCredentialsUnusable(
            _lower(str(error)), advice="Log in first, or name a profile with --profile.", reason=type(error).__name__
        )
    return AwsUnavailable(
        f"AWS could not be asked: {_lower(str(error))}",
        advice="Look at the network, and at AWS_ENDPOINT_URL when it is set.",
        reason=type(error).__name__,
    )


def explained(error: ClientError, operation: str, parameters: Mapping[str, Any]) -> DaypassError:
    """What AWS answered, in our tree."""
    found = error.response.get("Error", {})
    code, said = str(found.get("Code", "Unknown")), str(found.get("Message", ""))
    meta = error.response.get("ResponseMetadata", {})
    status = meta.get("HTTPStatusCode")
    facts = {"aws_code": code, "http_status": status, "operation": operation, "request_id": meta.get("RequestId")}
    service = "sts" if operation in {"AssumeRole", "GetCallerIdentity"} else "iam"
    resource = _resource(parameters)
    if code in _DENIED:
        return AwsPermissionMissing(
            f"AWS denied {service}:{operation}{resource}",
            advice=f"Allow {service}:{operation} to whoever runs this. AWS said: {said}",
            action=f"{service}:{operation}",
            resource=resource.strip(" `on"),
            **facts,
        )
    if code in _CREDENTIALS:
        return AwsCredentialsUnusable(
            f"AWS does not take the credentials: {said or code}", advice="Log in again.", **facts
        )
    if code in _AGAIN or (isinstance(status, int) and status >= 500):
        return AwsUnavailable(
            f"AWS cannot do {operation}{resource} now: {said or code}", advice="Run the same command again.", **facts
        )
    if code == "NoSuchEntity":
        return NotFound(f"AWS has nothing to do {operation}{resource} with: {said}", **facts)
    if code == "EntityAlreadyExists":
        return AlreadyExists(f"{operation}{resource}: it is there already", **facts)
    if code in _MEANWHILE:
        return ChangedMeanwhile(f"{operation}{resource}: {said or code}", advice="Run the same command again.", **facts)
    if code == "OpenIdIdpCommunicationError":
        return IssuerUnreachable(
            f"AWS could not read the documents of{resource.removeprefix(' on')}: {said}",
            advice="Let the issuer be reachable from the public internet, or publish its documents where AWS can read"
            " them. With thumbprints in the file AWS makes the provider without asking, and then no token is taken.",
            **facts,
        )
    if code == "LimitExceeded":
        return AwsQuotaReached(
            f"AWS allows no more: {operation}{resource}: {said}",
            advice="Remove what is not used any more, or ask AWS for a higher quota.",
            **facts,
        )
    return AwsRefused(f"AWS refused {operation}{resource}: {code}: {said}", **facts)


def _resource(parameters: Mapping[str, Any]) -> str:
    for name in ("RoleName", "OpenIDConnectProviderArn", "Url", "RoleArn", "PolicyArn"):
        if name in parameters:
            return f" on `{parameters[name]}`"
    return ""


def _lower(text: str) -> str:
    text = text.rstrip(".")
    return text if text[:2].isupper() else text[:1].lower() + text[1:]
