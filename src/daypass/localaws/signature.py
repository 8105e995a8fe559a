"""Signature Version 4, verified (AWS, "Signature Version 4 signing process").

The canonical form is botocore's own: its signer is given back the request as it came, with the headers that the
signature names, and asked for the signature that the right secret would have made. Two forms are read: the
`Authorization` header and the presigned query.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials as SigningKeys
from botocore.loaders import Loader

from daypass.localaws.chunks import STREAMING_SIGNED, chunks_are_signed
from daypass.localaws.faults import Fault
from daypass.localaws.sessions import Session

if TYPE_CHECKING:
    from daypass.localaws.sessions import Administrator, Sessions
    from daypass.localaws.wire import WireRequest

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNSUPPORTED: Final = f"Unsupported signature algorithm: only {ALGORITHM} is accepted."
_TERMINATOR: Final = "aws4_request"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_WINDOW: Final = timedelta(minutes=5)
_S3_WINDOW: Final = timedelta(minutes=15)
_PRESIGNED_MOST: Final = timedelta(days=7)
_TOO_LONG: Final = (
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800"
    " seconds"
)
_PRESIGNED_MOST_ELSEWHERE: Final = timedelta(minutes=15)
_UNSIGNED_BODIES: Final = frozenset({"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"})
_FIELDS: Final = ("Credential", "Signature", "SignedHeaders")
# Headers that carry the signature, and of which a second copy would make two readers see two requests.
_ONCE: Final = ("authorization", "host", "x-amz-date", "date", "x-amz-security-token", "x-amz-content-sha256")


@dataclass(frozen=True, slots=True)
class Refused:
    """The signature does not hold. `detail` fills the fault's text where it has a place for one."""

    fault: Fault
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature says it is for: `<access key id>/<date>/<region>/<service>/aws4_request`."""

    access_key_id: str
    date: str
    region: str
    service: str
    terminator: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A signature as it was read from a request, believed in nothing yet."""

    scope: Scope
    signed_headers: tuple[str, ...]
    signature: str
    stamp: str
    session_token: str | None
    expires_seconds: int | None

    @property
    def presigned(self) -> bool:
        """Whether the signature is in the query."""
        return self.expires_seconds is not None


@dataclass(frozen=True, slots=True)
class Caller:
    """A request whose signature holds."""

    who: Administrator | Session
    scope: Scope


def read(request: WireRequest) -> Claimed | Refused:
    """Read the signature of a request, header or query form."""
    for name in _ONCE:
        if len(request.all(name)) > 1:
            return Refused(Fault.SIGNATURE_INCOMPLETE, f"header '{name}' is given more than once.")
    authorization = request.header("authorization")
    in_query = re.search(r"(?:^|&)X-Amz-(?:Algorithm|Signature|Credential)=", request.query) is not None
    if authorization is None and not in_query:
        if is_version_2(request):
            return Refused(Fault.MECHANISM_UNSUPPORTED, _UNSUPPORTED)
        return Refused(Fault.NOT_SIGNED)
    if authorization is not None and in_query:
        return Refused(Fault.SIGNATURE_INCOMPLETE, "only one of Authorization header and query may carry a signature.")
    return _read_query(request) if authorization is None else _read_header(request, authorization)


def is_version_2(request: WireRequest) -> bool:
    """Whether the request is signed as S3 once was: `Authorization: AWS …`, or `AWSAccessKeyId` in the query."""
    in_query = re.search(r"(?:^|&)AWSAccessKeyId=", request.query) is not None
    return in_query or (request.header("authorization") or "").startswith("AWS ")


def _read_header(request: WireRequest, authorization: str) -> Claimed | Refused:
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        return Refused(Fault.MECHANISM_UNSUPPORTED, _UNSUPPORTED)
    fields: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name in fields:
            return Refused(Fault.SIGNATURE_INCOMPLETE, "Authorization header cannot be read.")
        fields[name] = value
    missing = [f"Authorization header requires '{name}' parameter." for name in _FIELDS if not fields.get(name)]
    stamp = request.header("x-amz-date") or _http_date(request.header("date"))
    if stamp is None:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        return Refused(Fault.SIGNATURE_INCOMPLETE, " ".join(missing))
    assert stamp is not None
    return _claimed(
        fields["Credential"],
        fields["SignedHeaders"],
        fields["Signature"],
        stamp=stamp,
        session_token=request.header("x-amz-security-token"),
        expires_seconds=None,
    )


def _read_query(request: WireRequest) -> Claimed | Refused:
    given: dict[str, str] = {}
    for pair in request.query.split("&"):
        name, _, value = pair.partition("=")
        if name.startswith("X-Amz-"):
            if name in given:
                return Refused(Fault.SIGNATURE_INCOMPLETE, f"query parameter '{name}' is given more than once.")
            given[name] = unquote(value)
    wanted = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders")
    missing = [f"AWS query-string parameters must include '{name}'." for name in wanted if not given.get(name)]
    expires = given.get("X-Amz-Expires", "")
    if not re.fullmatch("[0-9]{1,6}", expires):
        missing.append("AWS query-string parameters must include 'X-Amz-Expires'.")
    if missing:
        return Refused(Fault.SIGNATURE_INCOMPLETE, " ".join(missing))
    if given["X-Amz-Algorithm"] != ALGORITHM:
        return Refused(Fault.MECHANISM_UNSUPPORTED, _UNSUPPORTED)
    return _claimed(
        given["X-Amz-Credential"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
        stamp=given["X-Amz-Date"],
        session_token=given.get("X-Amz-Security-Token"),
        expires_seconds=int(expires),
    )


def _claimed(
    credential: str,
    signed_headers: str,
    signature: str,
    *,
    stamp: str,
    session_token: str | None,
    expires_seconds: int | None,
) -> Claimed | Refused:
    parts = credential.split("/")
    if len(parts) != 5:
        return Refused(
            Fault.SIGNATURE_INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term.",
        )
    return Claimed(
        scope=Scope(*parts),
        signed_headers=tuple(signed_headers.split(";")),
        signature=signature,
        stamp=stamp,
        session_token=session_token,
        expires_seconds=expires_seconds,
    )


def _http_date(text: str | None) -> str | None:
    """A `Date` header in the form of `X-Amz-Date`, or None when there is none that can be read."""
    if text is None:
        return None
    try:
        parsed = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return text if re.fullmatch("[0-9]{8}T[0-9]{6}Z", text) else None
    return parsed.strftime(_STAMP)


def verify(
    request: WireRequest,
    claimed: Claimed,
    *,
    service: str,
    sessions: Sessions,
    now: datetime,
    signed_by: datetime | None = None,
) -> Caller | Refused:
    """Whether the signature was made by a known key, for this very request, for `service`, and now.

    Order: scope, headers covered, time, key, signature, session token, session expiry. `now` is the time by which
    sessions end; `signed_by` the time of the clock that the client signs by, when it is another.
    """
    return (
        _scope_fault(claimed, service)
        or _cover_fault(request, claimed)
        or _time_fault(claimed, signed_by or now)
        or _judge(request, claimed, sessions, now)
    )


def _scope_fault(claimed: Claimed, service: str) -> Refused | None:
    scope = claimed.scope
    if scope.service != service:
        return Refused(Fault.SCOPE_WRONG, f"Credential should be scoped to correct service: '{service}'. ")
    known = scope.region == "us-east-1" if service == "iam" else scope.region in _regions()
    if not known:
        return Refused(Fault.SCOPE_WRONG, f"Credential should be scoped to a valid Region, not '{scope.region}'. ")
    if scope.terminator != _TERMINATOR:
        return Refused(
            Fault.SCOPE_WRONG,
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', not '{scope.terminator}'. ",
        )
    if scope.date != claimed.stamp[:8]:
        return Refused(
            Fault.SCOPE_WRONG,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP:"
            f" '{scope.date}' != '{claimed.stamp[:8]}', from '{claimed.stamp}'.",
        )
    return None


def _cover_fault(request: WireRequest, claimed: Claimed) -> Refused | None:
    """Every header that AWS acts on must be under the signature, or it could be added on the way."""
    signed = set(claimed.signed_headers)
    if "host" not in signed:
        detail = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        return Refused(Fault.HEADERS_NOT_SIGNED, detail)
    for name, _ in request.headers:
        if name.startswith("x-amz-") and name not in signed:
            detail = f"'{name}' must be a 'SignedHeader' in the AWS Authorization."
            return Refused(Fault.HEADERS_NOT_SIGNED, detail)
    return None


def _time_fault(claimed: Claimed, now: datetime) -> Refused | None:
    try:
        signed_at = datetime.strptime(claimed.stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return Refused(Fault.SIGNATURE_INCOMPLETE, "Date must be in ISO-8601 'basic format'.")
    s3 = claimed.scope.service == "s3"
    window = _S3_WINDOW if s3 else _WINDOW
    minutes = int(window.total_seconds() // 60)
    written, current = claimed.stamp, now.strftime(_STAMP)
    if signed_at > now + window:
        late = (now + window).strftime(_STAMP)
        return Refused(
            Fault.TIME_WRONG,
            f"Signature not yet current: {written} is still later than {late} ({current} + {minutes} min.)",
        )
    if claimed.expires_seconds is not None:
        if s3 and claimed.expires_seconds > _PRESIGNED_MOST.total_seconds():
            return Refused(Fault.PRESIGNED_TOO_LONG, _TOO_LONG)
        most = _PRESIGNED_MOST if s3 else _PRESIGNED_MOST_ELSEWHERE
        lifetime = min(timedelta(seconds=claimed.expires_seconds), most)
        if now > signed_at + lifetime:
            ended = (signed_at + lifetime).strftime(_STAMP)
            return Refused(Fault.PRESIGNED_EXPIRED, f"Signature expired: {ended} is now earlier than {current}")
    elif signed_at < now - window:
        early = (now - window).strftime(_STAMP)
        return Refused(
            Fault.TIME_WRONG,
            f"Signature expired: {written} is now earlier than {early} ({current} - {minutes} min.)",
        )
    return None


def _judge(request: WireRequest, claimed: Claimed, sessions: Sessions, now: datetime) -> Caller | Refused:
    secret = sessions.secret(claimed.scope.access_key_id)
    if secret is None:
        return Refused(Fault.KEY_UNKNOWN)
    signer = _signer(claimed, SigningKeys(claimed.scope.access_key_id, secret.reveal()))
    rebuilt = _rebuilt(request, claimed)
    expected = signer.signature(signer.string_to_sign(rebuilt, signer.canonical_request(rebuilt)), rebuilt)
    if not hmac.compare_digest(expected.encode(), claimed.signature.encode("utf-8", "replace")):
        return Refused(Fault.SIGNATURE_WRONG)
    who = sessions.caller(claimed.scope.access_key_id, claimed.session_token)
    if who is None:
        return Refused(Fault.TOKEN_WRONG)
    if isinstance(who, Session) and who.expires_at <= now:
        return Refused(Fault.SESSION_EXPIRED)
    if not _body_holds(request, claimed, signer, rebuilt):
        detail = "The content of the request does not match the hash that was signed for it."
        return Refused(Fault.CONTENT_HASH_WRONG, detail)
    return Caller(who=who, scope=claimed.scope)


def _body_holds(request: WireRequest, claimed: Claimed, signer: SigV4Auth, rebuilt: AWSRequest) -> bool:
    """Whether the body is the one that was signed, where its hash was signed rather than computed here."""
    declared = rebuilt.headers.get("x-amz-content-sha256")
    if declared is None:
        return True
    if claimed.scope.service == "s3":
        if declared in _UNSIGNED_BODIES:
            return True
        if declared in STREAMING_SIGNED:
            return chunks_are_signed(
                request.body,
                seed=claimed.signature,
                stamp=claimed.stamp,
                credential_scope=signer.credential_scope(rebuilt),
                sign=lambda text: signer.signature(text, rebuilt),
                trailer=declared.endswith("-TRAILER"),
            )
    return hmac.compare_digest(declared.encode("utf-8", "replace"), hashlib.sha256(request.body).hexdigest().encode())


def _signer(claimed: Claimed, keys: SigningKeys) -> SigV4Auth:
    s3 = claimed.scope.service == "s3"
    kinds: tuple[Any, Any] = (S3SigV4QueryAuth, SigV4QueryAuth) if claimed.presigned else (S3SigV4Auth, SigV4Auth)
    kind = kinds[0] if s3 else kinds[1]
    signer = kind(keys, claimed.scope.service, claimed.scope.region)
    # botocore leaves out headers that proxies change; what another client did sign is taken as it was signed.
    signer.headers_to_sign = lambda request: request.headers
    return signer


def _rebuilt(request: WireRequest, claimed: Claimed) -> AWSRequest:
    """The request as its sender gave it to the signer: signed headers only, query without the signature."""
    pairs = [pair for pair in request.query.split("&") if pair and not pair.startswith("X-Amz-Signature=")]
    query = "&".join(pairs)
    url = f"http://{request.header('host') or ''}{request.path}{'?' + query if query else ''}"
    rebuilt = AWSRequest(method=request.method, url=url, data=request.body)
    headers = HTTPHeaders()
    for name in claimed.signed_headers:
        for value in request.all(name):
            headers[name] = value
    rebuilt.headers = headers
    rebuilt.context["timestamp"] = claimed.stamp
    return rebuilt


@cache
def _regions() -> frozenset[str]:
    """The regions of the partition that the accounts here are in, as botocore's data tells them."""
    partitions: list[dict[str, Any]] = Loader().load_data("endpoints")["partitions"]
    return frozenset(next(partition["regions"] for partition in partitions if partition["partition"] == "aws"))
