"""`daypass doctor`: statuses, what it prints, and what it refuses to be told on the command line."""

from __future__ import annotations

import io
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from daypass.cli.main import main
from support.https_issuer import HttpsIssuer, https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

_PLATFORMS = ("GITHUB_ACTIONS", "GITLAB_CI", "DAYPASS_URL", "AWS_ROLE_ARN", "IDP_AWS_ROLE_ARN", "AWS_PROFILE")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """On no platform, without a role."""
    for name in _PLATFORMS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as found:
        yield found


@pytest.fixture
def doctor(ca_file: Path) -> Any:
    def run(*words: str) -> int:
        local = ["--ca-file", str(ca_file), "--allow-private", "localhost", "--time-limit", "3", "--repeat", "1"]
        return main(["doctor", *words, *local])

    return run


def _feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_an_issuer_alone(doctor: Any, issuer: HttpsIssuer, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor(issuer.url) == 0
    shown = capsys.readouterr()
    assert "discovery_member_missing" in shown.out
    assert "AWS can fetch the keys of this issuer." in shown.out
    assert "Next: " in shown.out
    assert not any(line.endswith(" ") for line in shown.out.splitlines())
    assert shown.err == ""


def test_the_status_follows_the_level(doctor: Any, issuer: HttpsIssuer) -> None:
    assert doctor(issuer.url, "--fail-on", "warning") == 1
    issuer.documents["/keys"] = b'{"keys": []}'
    assert doctor(issuer.url) == 1


def test_a_token_from_standard_input_or_a_variable(
    doctor: Any, issuer: HttpsIssuer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = issuer.token(now=time.time())
    _feed(monkeypatch, token + "\n")
    assert doctor("--token", "-", "--json") == 0
    seen = json.loads(capsys.readouterr().out)
    assert seen["schema"] == "daypass-doctor/1"
    assert seen["verdict"]["allowed"] is True
    assert seen["facts"]["token"]["padded"] is True
    assert token.rpartition(".")[2] not in json.dumps(seen)
    monkeypatch.setenv("MY_TOKEN", token)
    assert doctor("--token-env", "MY_TOKEN") == 0
    assert "STS would let this token in." in capsys.readouterr().out


def test_a_token_on_the_command_line_is_refused_and_not_repeated(
    doctor: Any, issuer: HttpsIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    token = issuer.token(now=time.time())
    assert doctor("--token", token) == 2
    shown = capsys.readouterr()
    assert token not in shown.out + shown.err
    assert "does not belong on the command line" in shown.err
    assert issuer.fetches == 0


def test_a_policy_that_says_no(
    doctor: Any,
    issuer: HttpsIssuer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    host = f"localhost:{issuer.port}/t"
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::482916370154:oidc-provider/{host}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{host}:sub": "workspace:*", f"{host}:aud": "sts.amazonaws.com"}},
        },
    }
    file = tmp_path / "trust.json"
    file.write_text(json.dumps(policy))
    _feed(monkeypatch, issuer.token(now=time.time()))
    assert doctor("--token", "-", "--policy", str(file), "--json") == 1
    seen = json.loads(capsys.readouterr().out)
    assert [each["code"] for each in seen["findings"] if each["severity"] == "error"] == ["trust_denies"]
    assert seen["verdict"]["code"] == "AccessDenied"
    assert "StringLike matches patterns" in seen["findings"][0]["seen"]
    assert "/Statement/Condition/StringEquals" in seen["findings"][0]["remedy"]
    file.write_text('{"Version": "2012-10-17",}')
    _feed(monkeypatch, issuer.token(now=time.time()))
    assert doctor("--token", "-", "--policy", str(file), "--json") in (1, 2)


def test_a_word_is_not_an_issuer_and_http_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "idp.example.com"]) == 2
    assert "starts with https://" in capsys.readouterr().err
    assert main(["doctor", "http://idp.example.com"]) == 1
    assert "issuer_url_invalid" in capsys.readouterr().out


def test_nothing_to_examine_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 2
    assert "there is nothing to examine" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--repeat", "0"],
        ["--repeat", "1000"],
        ["--time-limit", "0"],
        ["--time-limit", "x"],
        ["--ca-file", "/dev/null"],
        ["--ca-file", "/no/such/file"],
        ["--connect-to", "here"],
        ["--role-arn", "deploy"],
        ["--token-env", "NOT_SET_ANYWHERE"],
        ["--token-source", "nobody"],
        ["--fail-on", "never"],
    ],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "https://localhost:1", *words]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_where_dns_cannot_be_asked_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio
    import socket

    async def fails(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", fails)
    assert main(["doctor", "https://idp.example.com", "--time-limit", "1"]) == 3
    shown = capsys.readouterr().out
    assert "dns_unknown" in shown
    assert "could not be found out from here" in shown


def test_what_an_issuer_writes_cannot_turn_the_terminal_around(
    doctor: Any, issuer: HttpsIssuer, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = json.loads(issuer.documents["/keys"])
    keys["keys"].append({"kty": "RSA", "kid": "\u202eeno[bold]", "n": "AQ", "e": "AQAB"})
    issuer.documents["/keys"] = json.dumps(keys).encode()
    assert doctor(issuer.url) == 1
    shown = capsys.readouterr().out
    assert "\u202e" not in shown
    assert "\\u202eeno[bold]" in shown


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--help"])
    assert "--from-error" in capsys.readouterr().out
