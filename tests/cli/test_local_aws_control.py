"""`daypass local-aws why|reset|clock|token`, against a local AWS that runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from daypass.cli.main import main
from daypass.testing import LocalAws, local_aws
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalAws]:
    with local_aws(as_issuers=["gitlab.com"]) as aws:
        yield aws


@pytest.fixture
def aws(server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    server.reset()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint_url)
    return server


def local(*words: str) -> int:
    return main(["local-aws", *words])


def refuse(aws: LocalAws) -> str:
    with pytest.raises(ClientError) as refused:
        aws.login("arn:aws:iam::111122223333:role/absent", aws.mint(issuer="gitlab.com"))
    return str(refused.value.response["ResponseMetadata"]["RequestId"])


def test_why_tells_the_last_refusal_or_one_by_its_id(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = refuse(aws), refuse(aws)
    assert local("why") == 0
    shown = capsys.readouterr().out
    assert second in shown
    assert "sts:AssumeRoleWithWebIdentity" in shown
    assert "InvalidIdentityToken" in shown
    assert local("why", first, "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == first
    assert local("why", f"/_daypass/why/{first}", "--json") == 0
    assert json.loads(capsys.readouterr().out)["id"] == first
    assert local("why", "--list") == 0
    listed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in listed] == [second, first]


def test_why_has_nothing_to_tell(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert local("why") == 2
    assert "has refused nothing" in capsys.readouterr().err
    assert local("why", "00000000-0000-0000-0000-000000000000") == 2
    assert "no refusal is kept under this id" in capsys.readouterr().err
    assert local("why", "../reset") == 2


def test_reset_empties(aws: LocalAws) -> None:
    aws.provider("gitlab.com")
    assert local("reset") == 0
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_clock_tells_and_moves(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    assert local("clock") == 0
    assert "(real)" in capsys.readouterr().out
    assert local("clock", "--set", "2030-01-01T00:00:00Z", "--freeze") == 0
    assert capsys.readouterr().out == "2030-01-01T00:00:00.000Z  (stands still)\n"
    assert local("clock", "--advance", "1.5h", "--json") == 0
    assert json.loads(capsys.readouterr().out)["now"] == "2030-01-01T01:30:00.000Z"
    assert local("clock", "--advance=-1d") == 0
    assert capsys.readouterr().out.startswith("2029-12-31T01:30:00.000Z")
    assert local("clock", "--go") == 0
    assert "(moved; really " in capsys.readouterr().out
    assert local("clock", "--real") == 0
    assert "(real)" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        "clock --advance soon",
        "clock --set soon",
        "clock --freeze --go",
        "token --issuer a.example",
        "token --issuer gitlab.com --claim ref",
        "token --issuer gitlab.com --lifetime 0",
        "why --list x",
    ],
)
def test_wrong_words(aws: LocalAws, words: str) -> None:
    assert local(*words.split()) == 2


def test_token_prints_a_token_of_the_issuer(aws: LocalAws, capsys: pytest.CaptureFixture[str]) -> None:
    words = "token --issuer gitlab.com --claim ref=main --claim project_id=22 --claim ref_protected=true"
    assert local(*words.split(), "--audience", "vault", "--lifetime", "5m") == 0
    token = peek(capsys.readouterr().out.strip())
    assert token.header["kid"].startswith("daypass-local-aws-")  # type: ignore[union-attr]  # it is text
    claims = token.claims
    assert (claims["iss"], claims["aud"], claims["ref"]) == ("https://gitlab.com", "vault", "main")
    assert (claims["project_id"], claims["ref_protected"]) == (22, True)
    assert claims["exp"] - claims["iat"] == 300  # type: ignore[operator]  # they are numbers


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert local("reset", "--endpoint", "http://127.0.0.1:9") == 3
    assert "did not answer" in capsys.readouterr().err
