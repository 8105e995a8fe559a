"""Requests to the local AWS as no client would write them: any bytes, signed or not, over one kept connection."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote_from_bytes

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.local_aws import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FORM: Final = "application/x-www-form-urlencoded; charset=utf-8"
NAUGHTY: Final[tuple[bytes, ...]] = tuple(
    text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    for text in (
        *("\0", "a\0b", "\x01\x02\x1f", "\x7f\x85\x9f", "\t\n\r ", "a\r\nX-Injected: 1\r\n\r\n", "\u2028\u2029"),
        *("]]>", "<![CDATA[x]]>", "&", "&amp;", "&#0;", "&lt;script&gt;", "<a>", "</Error>", "<!--", "<?xml?>", "'\""),
        *("<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;", "\ufffe", "\uffff", "\ufeff", "\ufffd"),
        *("\ud800", "\udfff\ud800", "\U0001f600", "\U0001d52d", "\U0010ffff", "e\u0301\u0301", "\u202eabc", "\u0627"),
        *("%", "%41", "%00", "%zz", "%u0041", "+", "a=b&c=d", "${aws:SourceIp}", "{issuer}", "{detail}", "{0}", "%s"),
        *("https://[", "//[::1", "http://[::1]:99999999", "a:b:c"),
        *("../../etc/passwd", "a" * 5000, "é" * 3000, "-1", "99999999999999999999", "1e9", "NaN", "null", "true", ""),
        *(b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\x80", b"\xe2\x82"),
    )
)


def form(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    """A form with each byte that is no letter or digit percent-encoded."""
    return "&".join(f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}" for name, value in pairs).encode()


class Wire:
    """One connection to a server on this machine, made again when it was closed."""

    def __init__(self, port: int, account: str = "111122223333") -> None:
        self.port = port
        self.credentials = Credentials(account, "test")
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def signed(self, service: str, body: bytes, *, region: str = "us-east-1", **headers: str) -> Raw:
        """POST a form to `/`, signed by the account's administrator."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest("POST", f"http://127.0.0.1:{self.port}/", {"Content-Type": FORM, **names}, body)
        SigV4Auth(self.credentials, service, region).add_auth(request)
        return self.send("POST", "/", body, dict(request.headers))

    def send(self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Raw:
        """Any request."""
        for attempt in (1, 2):
            try:
                self._connection.request(method, target, body, dict(headers or {}))
                answer = self._connection.getresponse()
                return Raw(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                if attempt == 2:
                    raise
        raise AssertionError
