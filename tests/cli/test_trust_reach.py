"""`daypass trust who`, `diff` and `generate`."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.cli.main import main
from support.trust_policies import GITLAB, ISSUER, provider, statement

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def wide(tmp_path: Path) -> str:
    return written(tmp_path / "wide.json", "project_path:tidewater*")


@pytest.fixture
def narrow(tmp_path: Path) -> str:
    return written(tmp_path / "narrow.json", "project_path:tidewater/*")


def written(path: Path, pattern: str, operator: str = "StringLike") -> str:
    document = {
        "Version": "2012-10-17",
        "Statement": [statement({operator: {f"{GITLAB}:sub": pattern}}, issuer=GITLAB)],
    }
    path.write_text(json.dumps(document))
    return str(path)


def test_only_gives_the_status(wide: str, narrow: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "who", narrow, "--only", "project_path:tidewater/*"]) == 0
    assert "proved: only" in capsys.readouterr().out
    assert main(["trust", "who", wide, "--only", "project_path:tidewater/*"]) == 1
    assert "tidewater-evil/" in capsys.readouterr().out
    assert main(["trust", "who", wide]) == 0


def test_what_is_not_decided_has_its_own_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = written(tmp_path / "arn.json", "arn:aws:iam::111122223333:role/*", "ArnLike")
    assert main(["trust", "who", policy, "--only", "a"]) == 3
    assert "not decided: `ArnLike`" in capsys.readouterr().out


def test_who_as_json(narrow: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "who", narrow, "--json", "--provider-arn", str(provider(GITLAB))]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["breadth"] for each in printed["entrances"]] == ["tenant"]
    assert printed["proved"] is None


def test_the_kind_of_issuer_can_be_named(narrow: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "who", narrow, "--issuer", "gitlab"]) == 0
    assert main(["trust", "who", narrow, "--issuer", "sourceforge"]) == 2
    assert "`sourceforge` is not a known kind of issuer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fail_on", "names", "status"),
    [
        (["--fail-on", "wider"], ["narrow", "wide"], 1),
        (["--fail-on", "wider"], ["wide", "narrow"], 0),
        (["--fail-on", "narrower"], ["wide", "narrow"], 1),
        (["--fail-on", "any"], ["narrow", "wide"], 1),
        ([], ["narrow", "wide"], 0),
    ],
)
def test_diff_fails_as_asked(
    request: pytest.FixtureRequest,
    fail_on: list[str],
    names: list[str],
    status: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [str(request.getfixturevalue(name)) for name in names]
    assert main(["trust", "diff", *files, *fail_on]) == status
    assert capsys.readouterr().out.startswith("wider: " if names == ["narrow", "wide"] else "narrower: ")


def test_diff_as_json(narrow: str, wide: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trust", "diff", narrow, wide, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["verdict"], printed["narrower"]) == ("wider", None)
    assert printed["wider"]["claims"]["sub"].startswith("project_path:tidewater")
    assert main(["trust", "diff", "-", "-"]) == 2


def test_generate_takes_files_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = {"iss": f"https://{ISSUER}", "aud": "sts.amazonaws.com", "sub": "job-a"}
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(json.dumps(claims))
    second.write_text(json.dumps(claims | {"sub": "job-b"}))
    command = ["trust", "generate", "--provider-arn", str(provider())]
    assert main([*command, "--claims", str(first), str(second)]) == 0
    captured = capsys.readouterr()
    equals = json.loads(captured.out)["Statement"][0]["Condition"]["StringEquals"]
    assert equals[f"{ISSUER}:sub"] == ["job-a", "job-b"]
    assert "exactly these 2 subjects can enter" in captured.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(claims).encode())))
    assert main([*command, "--claims", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["who"]["entrances"][0]["breadth"] == "exact"


def test_generate_takes_no_token_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["trust", "generate", "--provider-arn", str(provider())]
    assert main([*command, "--token", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzZWNyZXQifQ.c2ln"]) == 2
    captured = capsys.readouterr()
    assert "eyJ" not in captured.out + captured.err
    assert main(command) == 2
