"""Names are parsed once and then trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import ArnInvalid, DurationInvalid, IssuerUrlInvalid, SessionNameInvalid
from daypass.names import (
    IssuerUrl,
    ProviderArn,
    RoleArn,
    parse_account_id,
    parse_duration_seconds,
    parse_session_name,
    session_name_from,
)
from daypass.secret import Secret


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("https://idp.example.com", "idp.example.com", None, ""),
        ("https://idp.example.com/", "idp.example.com", None, "/"),
        ("https://services.example.io/idp", "services.example.io", None, "/idp"),
        ("https://localhost:8443", "localhost", 8443, ""),
        ("https://[::1]:8443/t", "[::1]", 8443, "/t"),
        ("https://IDP.example.com/o/acme", "IDP.example.com", None, "/o/acme"),
    ],
)
def test_an_issuer_url_is_taken_apart(text: str, host: str, port: int | None, path: str) -> None:
    issuer = IssuerUrl.parse(text)
    assert (issuer.host, issuer.port, issuer.path, str(issuer)) == (host, port, path, text)


@pytest.mark.parametrize(
    "text",
    [
        "http://idp.example.com",
        "HTTPS://idp.example.com",
        " https://idp.example.com",
        "https://idp.example.com\n",
        "https://user@idp.example.com",
        "https://idp.example.com?x=1",
        "https://idp.example.com?",
        "https://idp.example.com#x",
        "https://idp.example.com/a/../b",
        "https://idp.example.com//a",
        "https://idp.exämple.com",
        "https://",
        "https://idp.example.com:port",
        "https://idp.example.com:",
        "https://idp_example.com",
        "https://idp.example.com/" + "a" * 240,
        "",
    ],
)
def test_what_is_not_an_issuer_url_is_refused(text: str) -> None:
    with pytest.raises(IssuerUrlInvalid):
        IssuerUrl.parse(text)


def test_discovery_is_appended_behind_the_path() -> None:
    wanted = "https://services.example.io/idp/.well-known/openid-configuration"
    assert IssuerUrl.parse("https://services.example.io/idp").discovery_url == wanted
    assert IssuerUrl.parse("https://services.example.io/idp/").discovery_url == wanted


@pytest.mark.parametrize(
    ("text", "path", "name"),
    [
        ("arn:aws:iam::111122223333:role/deploy", "/", "deploy"),
        ("arn:aws-cn:iam::111122223333:role/ci/prod/deploy", "/ci/prod/", "deploy"),
    ],
)
def test_a_role_arn_is_taken_apart(text: str, path: str, name: str) -> None:
    role = RoleArn.parse(text)
    assert (role.path, role.name, str(role)) == (path, name, text)
    assert role.session_arn("ci-1") == f"arn:{role.partition}:sts::111122223333:assumed-role/deploy/ci-1"


@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:iam::111122223333:user/deploy",
        "arn:aws:iam::11112222333:role/deploy",
        "arn:aws:iam:us-east-1:111122223333:role/deploy",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role/de ploy",
        "arn:aws:iam::111122223333:role/deploy\n",
        "arn:aws:iam::１１１１２２２２３３３３:role/deploy",
        "deploy",
        "",
    ],
)
def test_what_is_not_a_role_arn_is_refused(text: str) -> None:
    with pytest.raises(ArnInvalid):
        RoleArn.parse(text)


def test_a_provider_arn_stands_for_its_issuer() -> None:
    arn = ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/services.example.io/idp")
    assert arn.issuer_url == "https://services.example.io/idp"
    with pytest.raises(ArnInvalid):
        ProviderArn.parse("arn:aws:iam::111122223333:oidc-provider/")
    with pytest.raises(ArnInvalid):
        parse_account_id("1111")


@pytest.mark.parametrize("text", ["a/b", "é1", "ab\n", "a", "a" * 65, "a b", ""])
def test_session_names_outside_the_ascii_set_are_refused(text: str) -> None:
    """`\\w` takes é and `$` matches before a final newline: neither is used."""
    with pytest.raises(SessionNameInvalid):
        parse_session_name(text)


@given(st.text())
def test_any_text_becomes_a_session_name(text: str) -> None:
    name = session_name_from(text)
    assert parse_session_name(name) == name


@pytest.mark.parametrize("value", [899, 43201, "0900x", "9e2", "", "-900", "٩٠٠"])
def test_durations_outside_the_range_are_refused(value: int | str) -> None:
    with pytest.raises(DurationInvalid):
        parse_duration_seconds(value)


def test_durations_in_range_are_taken() -> None:
    assert [parse_duration_seconds(v) for v in (900, "43200", "3600")] == [900, 43200, 3600]


def test_a_secret_is_never_shown() -> None:
    secret = Secret("hunter2")
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>20}", repr([secret]), f"{secret!r}"]
    assert not any("hunter2" in text for text in shown)
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != "hunter2"
    assert not Secret("")
