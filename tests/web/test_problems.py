"""The table from errors to statuses, and the document that an error becomes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import daypass.web.problems as edge
from daypass import errors
from daypass.web.problems import problem, refusal, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def tree(root: type[errors.DaypassError]) -> Iterator[type[errors.DaypassError]]:
    yield root
    for below in root.__subclasses__():
        yield from tree(below)


ALL = sorted(set(tree(errors.DaypassError)), key=lambda error: error.__name__)


@pytest.mark.parametrize("error", ALL, ids=lambda error: error.code)
def test_every_error_of_the_tree_has_an_answer(error: type[errors.DaypassError]) -> None:
    status = status_of(error)
    if error is errors.DaypassError:
        assert status == 500
    elif issubclass(error, errors.Unavailable):
        assert status == (429 if error is errors.RateLimited else 503)
    else:
        assert status in {400, 401, 403, 404, 405, 408, 409, 413, 415}, "bad input is never a 5xx, and never a 422"
    answer = problem(error("it went `wrong`", advice="Do this.", found="x"), "r1")
    document = json.loads(bytes(answer.body))
    assert answer.media_type == "application/problem+json"
    assert document["type"] == f"urn:daypass:error:{error.code}"
    assert (document["code"], document["status"], document["request_id"]) == (error.code, status, "r1")
    assert ("it went" in document["title"]) == (status < 500)


def test_codes_are_told_apart() -> None:
    codes = [error.code for error in ALL]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.CredentialMissing, 401, {"www-authenticate": "Bearer"}),
        (errors.CredentialUnknown, 401, {"www-authenticate": 'Bearer error="invalid_token"'}),
        (errors.CredentialExpired, 401, {"www-authenticate": 'Bearer error="invalid_token"'}),
        (errors.ScopeMissing, 403, {"www-authenticate": 'Bearer error="insufficient_scope"'}),
        (errors.NotFound, 404, {}),
        (errors.AlreadyExists, 409, {}),
        (errors.AudienceNotOffered, 400, {}),
        (errors.JsonMalformed, 400, {}),
        (errors.AuditUnavailable, 503, {"retry-after": "1"}),
        (errors.RateLimited, 429, {"retry-after": "1"}),
        (edge.BodyTooLarge, 413, {"connection": "close"}),
        (edge.ContentTypeUnsupported, 415, {"connection": "close"}),
    ],
)
def test_statuses_and_headers(error: type[errors.DaypassError], status: int, headers: dict[str, str]) -> None:
    answer = problem(error("x"), "r1")
    assert answer.status_code == status
    for name, value in headers.items():
        assert answer.headers[name] == value


def test_what_a_503_is_about_stays_here() -> None:
    answer = problem(errors.StoreUnavailable("disk `/var/lib/x` is full", advice="Look at /var.", path="/var"), "r1")
    assert b"/var" not in answer.body


def test_a_long_text_of_a_caller_is_not_repeated_as_a_whole(caplog: pytest.LogCaptureFixture) -> None:
    """A stranger's path of 30 KB would be a log line of 30 KB, as often as they like."""
    caplog.set_level("INFO", logger="daypass")
    answer = refusal(errors.NotFound(f"nothing is served at `{'a' * 30_000}`"), "r1")
    assert len(answer.body) < 2000
    (record,) = caplog.records
    assert len(str(record.msg)) < 2000


def test_secrets_are_not_repeated() -> None:
    secret = "dpw_" + "a" * 43
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln"
    answer = problem(
        errors.NotFound(f"no `{secret}`", advice=f"not {token}", found=[secret, {"token": "hidden"}]), "r1"
    )
    assert secret.encode() not in answer.body
    assert token.encode() not in answer.body
    assert b"hidden" not in answer.body
