"""What STS says, read strictly: a session whose every value has the form it must have, or AWS's refusal.

An answer holds text that others chose, the token's subject among it. Nothing is taken over for having been found
somewhere in the document: each value is looked up at its one place and matched whole.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree as ET

from daypass.aws.credentials import Credentials, Session
from daypass.errors import ServiceAnswerInvalid
from daypass.secret import Secret

if TYPE_CHECKING:
    from daypass.names import RoleArn

MAX_BYTES: Final = 128 * 1024
_NAMESPACE: Final = "{https://sts.amazonaws.com/doc/2011-06-15/}"
_ACCESS_KEY_ID: Final = re.compile(r"[A-Za-z0-9_]{16,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9+/=._~-]{16,16384}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.:]{0,127}")


class Fault(NamedTuple):
    """AWS's refusal: its stable code and its sentence."""

    code: str
    message: str


def read_session(
    body: bytes, role: RoleArn, session_name: str, *, operation: str = "AssumeRoleWithWebIdentity"
) -> Session:
    """The session of a successful answer to `operation`, which must be the one that was asked for.

    Raises:
        ServiceAnswerInvalid: when it is anything else.
    """
    root = _root(body)
    if root is None or root.tag != f"{_NAMESPACE}{operation}Response":
        raise _no(f"it is not an {operation}Response")
    result = f"{_NAMESPACE}{operation}Result/{_NAMESPACE}"
    credentials = f"{result}Credentials/{_NAMESPACE}"
    arn = role.session_arn(session_name)
    if _one(root, f"{result}AssumedRoleUser/{_NAMESPACE}Arn").lower() != arn.lower():
        raise _no("its AssumedRoleUser is not the role and session that were asked for")
    return Session(
        credentials=Credentials(
            access_key_id=_matched(root, credentials + "AccessKeyId", _ACCESS_KEY_ID),
            secret_access_key=Secret(_matched(root, credentials + "SecretAccessKey", _SECRET)),
            session_token=Secret(_matched(root, credentials + "SessionToken", _SECRET)),
            expires_at=_time(_matched(root, credentials + "Expiration", _TIME)),
        ),
        arn=arn,
        account=role.account,
    )


def read_fault(body: bytes) -> Fault | None:
    """The code and message of an error answer, whatever namespace it is in; None when it is none."""
    root = _root(body)
    if root is None:
        return None
    error = next((e for e in root.iter() if _local(e) == "Error"), None)
    if _local(root) != "ErrorResponse" or error is None:
        return None
    texts = {_local(child): child.text or "" for child in error}
    if not _CODE.fullmatch(texts.get("Code", "")):
        return None
    return Fault(texts["Code"], texts.get("Message", "").strip()[:2000])


def _root(body: bytes) -> ET.Element | None:
    """The document, unless it has a document type: entities could make it any size, or read files."""
    try:
        text = body.decode("utf-8")
        return None if "<!" in text else ET.fromstring(text)  # noqa: S314 - no document type, and the size is bounded
    except (UnicodeDecodeError, ET.ParseError, ValueError):
        return None


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _one(root: ET.Element, path: str) -> str:
    found = root.findall(path)
    if len(found) != 1 or len(found[0]):
        raise _no(f"it does not have one {path.rpartition('}')[2]}")
    return found[0].text or ""


def _matched(root: ET.Element, path: str, pattern: re.Pattern[str]) -> str:
    text = _one(root, path)
    if not pattern.fullmatch(text):
        raise _no(f"its {path.rpartition('}')[2]} has a form that AWS never gives it")
    return text


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise _no("its Expiration is not a time") from None


def _no(reason: str) -> ServiceAnswerInvalid:
    return ServiceAnswerInvalid(
        f"the answer of STS cannot be used: {reason}",
        advice="Check that the endpoint, AWS_ENDPOINT_URL_STS perhaps, is STS.",
        reason=reason,
    )
