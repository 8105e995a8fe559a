"""What STS says, read strictly: a session whose every value has the form it must have, or AWS's refusal.

An answer holds text that others chose, the token's subject among it. Nothing is taken over for having been found
somewhere in the document: each value is looked up at its one place and matched whole.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.parsers import expat

from daypass.aws.credentials import Credentials, Session
from daypass.errors import ServiceAnswerInvalid
from daypass.light_typing import NamedTuple
from daypass.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from daypass.names import RoleArn

MAX_BYTES: Final = 128 * 1024
_NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/ "
_MAX_DEPTH: Final = 16
_ACCESS_KEY_ID: Final = re.compile(r"[A-Za-z0-9_]{16,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9+/=._~-]{16,16384}")
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_CODE: Final = r"[A-Za-z][A-Za-z0-9.:]{0,127}"  # compiled when AWS refuses


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
    document = _document(body)
    if not document or document[0].path != (f"{_NAMESPACE}{operation}Response",):
        raise _no(f"it is not an {operation}Response")

    def one(*names: str) -> str:
        path = (document[0].path[0], *(_NAMESPACE + name for name in (f"{operation}Result", *names)))
        found = [element for element in document if element.path == path]
        if len(found) != 1 or not found[0].is_leaf:
            raise _no(f"it does not have one {names[-1]}")
        return found[0].text

    def matched(name: str, pattern: re.Pattern[str]) -> str:
        text = one("Credentials", name)
        if not pattern.fullmatch(text):
            raise _no(f"its {name} has a form that AWS never gives it")
        return text

    arn = role.session_arn(session_name)
    if one("AssumedRoleUser", "Arn").lower() != arn.lower():
        raise _no("its AssumedRoleUser is not the role and session that were asked for")
    return Session(
        credentials=Credentials(
            access_key_id=matched("AccessKeyId", _ACCESS_KEY_ID),
            secret_access_key=Secret(matched("SecretAccessKey", _SECRET)),
            session_token=Secret(matched("SessionToken", _SECRET)),
            expires_at=_time(matched("Expiration", _TIME)),
        ),
        arn=arn,
        account=role.account,
    )


def read_fault(body: bytes) -> Fault | None:
    """The code and message of an error answer, whatever namespace it is in; None when it is none."""
    texts: dict[str, str] = {}
    for element in _document(body):
        *above, name = (part.rpartition(" ")[2] for part in element.path)
        if above == ["ErrorResponse", "Error"]:
            texts.setdefault(name, element.text)
    if not re.fullmatch(_CODE, texts.get("Code", "")):
        return None
    return Fault(texts["Code"], texts.get("Message", "").strip()[:2000])


class _Element:
    """One element of a document: the names from the root down to its own, each with its namespace before it."""

    __slots__ = ("is_leaf", "path", "text")

    def __init__(self, path: tuple[str, ...]) -> None:
        self.path = path
        self.text = ""
        self.is_leaf = True


class _TooDeep(ValueError):
    """Elements nest deeper than those of any answer."""


def _document(body: bytes) -> list[_Element]:
    """The elements in their order; none when it is no XML, or has a document type: entities could make it any size."""
    found: list[_Element] = []
    open_ones: list[_Element] = []

    def start(name: str, _attributes: object) -> None:
        if len(open_ones) >= _MAX_DEPTH:
            raise _TooDeep
        above: tuple[str, ...] = ()
        if open_ones:
            open_ones[-1].is_leaf = False
            above = open_ones[-1].path
        open_ones.append(_Element((*above, name)))
        found.append(open_ones[-1])

    def text(data: str) -> None:
        open_ones[-1].text += data

    try:
        content = body.decode("utf-8")
        if "<!" in content:
            return []
        # expat itself: ElementTree makes a tree of it that nobody needs, and loads as long again.
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = start
        parser.EndElementHandler = lambda _name: open_ones.pop()
        parser.CharacterDataHandler = text
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError):
        return []
    return found


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
