"""Tokens in files: Kubernetes, EKS, and a file that the user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.ambient import find, kubernetes
from daypass.ambient.wish import Wish
from daypass.errors import FileUnavailable, TokenSourceIncomplete
from support.ambient import AWS, token

if TYPE_CHECKING:
    from pathlib import Path


def put(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def wish(audience: str = AWS, **environ: str) -> Wish:
    return Wish((audience,), environ)


def test_eks_names_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "token", token() + "\n")
    found = find([AWS], {"AWS_WEB_IDENTITY_TOKEN_FILE": path, "KUBERNETES_SERVICE_HOST": "10.0.0.1"})
    assert found is not None
    assert (found.source, found.place, found.token.reveal()) == ("kubernetes", f"the file {path}", token())


def test_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    for number in range(2):
        path = put(tmp_path, "token", token(jti=str(number)))
        found = find([AWS], {}, source=f"file:{path}")
        assert found is not None
        assert found.token.reveal() == token(jti=str(number))


def test_a_file_in_the_home_folder(tmp_path: Path) -> None:
    put(tmp_path, "t", "x")
    assert find([AWS], {"HOME": str(tmp_path)}, source="file:~/t") is not None


@pytest.mark.parametrize(
    "name", ["eks.amazonaws.com/serviceaccount/token", "tokens/aws", "kubernetes.io/serviceaccount/token"]
)
def test_a_projected_token_for_the_audience_is_found(tmp_path: Path, name: str) -> None:
    put(tmp_path, "tokens/vault", token("vault"))
    put(tmp_path, "tokens/..data/aws", token())
    put(tmp_path, "tokens/broken", "no token")
    put(tmp_path, "tokens/empty", "")
    path = put(tmp_path, name, token([AWS]))
    assert kubernetes.find(wish(), secrets=str(tmp_path)).place == f"the file {path}"


def test_a_pod_without_a_token_for_aws_gets_the_lines(tmp_path: Path) -> None:
    put(tmp_path, "kubernetes.io/serviceaccount/token", token("https://kubernetes.default.svc"))
    with pytest.raises(TokenSourceIncomplete, match=r"no token for `sts\.amazonaws\.com`") as broken:
        kubernetes.find(wish(), secrets=str(tmp_path))
    advice = broken.value.advice or ""
    assert "serviceAccountToken:\n              audience: sts.amazonaws.com\n" in advice
    assert "eks.amazonaws.com/role-arn" in advice


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("nope", None, "cannot be read"), ("empty", " \n", "is empty"), ("long", "x" * 20_200, "more than")],
)
def test_a_file_without_a_token_is_named(tmp_path: Path, name: str, content: str | None, words: str) -> None:
    if content is not None:
        put(tmp_path, name, content)
    for options in ({"source": f"file:{tmp_path / name}"}, {}):
        with pytest.raises(FileUnavailable, match=words):
            find([AWS], {"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / name)}, **options)  # type: ignore[arg-type]  # one option


def test_a_path_that_is_none(tmp_path: Path) -> None:
    for path in (str(tmp_path), "a\0b"):
        with pytest.raises(FileUnavailable, match="cannot be read"):
            find([AWS], {}, source=f"file:{path}")
