"""Settings: what is read, what is refused, and that every refusal names file, key and reason."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass import config
from daypass.config import Address, LogFormat, LogLevel, Problem, Settings, database_url
from daypass.errors import SettingInvalid
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

ISSUER = "https://idp.example.com/idp"
NAMES = [setting.name for setting in dataclasses.fields(Settings)]


@pytest.fixture
def tls(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate chain and its key, closed to others."""
    issued = trustme.CA().issue_cert("idp.example.com")
    certificate, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    key.chmod(0o600)
    return certificate, key


@pytest.fixture
def good(tls: tuple[Path, Path], tmp_path: Path) -> dict[str, str]:
    """Settings that can be used, as text."""
    return {
        "issuer": ISSUER,
        "data_folder": str(tmp_path / "data"),
        "tls_certificate": str(tls[0]),
        "tls_private_key": str(tls[1]),
    }


def environ(values: Mapping[str, str]) -> dict[str, str]:
    return {f"DAYPASS_{name.upper()}": text for name, text in values.items()}


def refused(values: Mapping[str, str], *, file: Path | None = None) -> tuple[Problem, ...]:
    with pytest.raises(SettingInvalid) as caught:
        Settings.read(environ(values), file=file)
    problems = caught.value.facts["problems"]
    assert isinstance(problems, tuple)
    assert all(isinstance(problem, Problem) for problem in problems)
    first = problems[0]
    facts = caught.value.facts
    assert (facts["file"], facts["key"], facts["reason"]) == (first.file, first.key, first.reason)
    for problem in problems:
        assert str(problem) in caught.value.message
        assert problem.advice
    return problems


def test_least_settings_are_enough(good: dict[str, str], tmp_path: Path) -> None:
    read = Settings.read(environ(good))
    assert str(read.issuer) == ISSUER
    assert read.data_folder == tmp_path / "data"
    assert read.listen == Address("127.0.0.1", 8443)
    assert read.signing_algorithms == ("RS256", "ES256")
    assert (read.token_lifetime_seconds, read.token_lifetime_max_seconds) == (None, 3600)
    assert (read.subject_max_length, read.body_max_bytes) == (127, 65536)
    assert (read.log_level, read.log_format) == (LogLevel.INFO, LogFormat.TEXT)
    assert not read.behind_proxy


def test_the_file_has_the_same_keys_and_the_environment_wins(good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text(
        f"""
issuer = "https://other.example.com"
listen = "[::1]:9443"
tls_certificate = "chain.pem"
tls_private_key = "key.pem"
proxy_hops = 2
signing_algorithms = ["ES256", "RS256"]
token_lifetime_seconds = 120
log_format = "json"
data_folder = "{good["data_folder"]}"
"""
    )
    read = Settings.read({"DAYPASS_ISSUER": ISSUER, "PATH": "/bin"}, file=file, given={"listen": "127.0.0.1:0"})
    assert str(read.issuer) == ISSUER
    assert read.listen == Address("127.0.0.1", 0)
    assert read.tls_certificate == tmp_path / "chain.pem", "a relative path counts from the file that names it"
    assert read.proxy_hops == 2
    assert read.signing_algorithms == ("ES256", "RS256")
    assert read.token_lifetime_seconds == 120
    assert read.log_format is LogFormat.JSON


def test_what_a_workload_holds_is_no_setting(good: dict[str, str]) -> None:
    Settings.read(environ(good) | {"DAYPASS_URL": ISSUER, "DAYPASS_TOKEN": "x", "DAYPASS_CA_BUNDLE": "ca.pem"})


# Each row breaks one key and tells what the reason says. `None` in place of a text leaves the key out.
BROKEN: list[tuple[str, str, str]] = [
    ("issuer", "http://idp.example.com", "it must start with https://"),
    ("issuer", "https://idp.example.com/", "must not end in a slash"),
    ("issuer", "https://idp.example.com?x=1", "must not have a query"),
    ("issuer", "", "it is empty"),
    ("data_folder", "{file}", "is not a folder"),
    ("data_folder", "a\0b", "NUL"),
    ("listen", "8443", "not HOST:PORT"),
    ("listen", "127.0.0.1:70000", "its port is not a number"),
    ("listen", "127.0.0.1:٤٤٣", "its port is not a number"),
    ("listen", "[::1:8443", "its host is not a name"),
    ("listen", "[idp]:8443", "not an IPv6 address"),
    ("tls_certificate", "{missing}", "cannot be read: no such file"),
    ("tls_certificate", "{file}", "cannot be used"),
    ("tls_private_key", "{missing}", "cannot be read: no such file"),
    ("tls_private_key", "{open_key}", "has mode 0644, so others can open it"),
    ("tls_certificate", "{pipe}", "is a pipe"),
    ("tls_private_key", "{pipe}", "is a pipe"),
    ("key_file", "{pipe}", "is a pipe"),
    ("tls_private_key", "{foreign_key}", "it is not the key of"),
    ("behind_proxy", "yes", "neither true nor false"),
    ("proxy_hops", "-1", "not a whole number from 0 to 10"),
    ("proxy_hops", "11", "not a whole number from 0 to 10"),
    ("signing_algorithms", "RS256,HS256", "`HS256` is not one of"),
    ("signing_algorithms", "RS256,none", "`none` is not one of"),
    ("signing_algorithms", "RS256,RS256", "twice"),
    ("signing_algorithms", "ES256", "lacks RS256"),
    ("published_elsewhere", "yes", "neither true nor false"),
    ("published_authorities", "{foreign_key}", "for an issuer that is published elsewhere"),
    ("published_private_hosts", "https://idp.example.com", "not the name or address of a host"),
    ("key_file", "{missing}", "cannot be read"),
    ("key_file", "{open_key}", "others can open it"),
    ("passphrase_file", "{open_key}", "others can open it"),
    ("database_url", "mysql://db/daypass", "does not begin with postgresql://"),
    ("database_url_file", "{missing}", "cannot be read"),
    ("database_url_file", "{open_key}", "others can open it"),
    ("database_url_file", "{foreign_key}", "does not begin with postgresql://"),
    ("signer", "vault", "not one of file, aws-kms, pkcs11"),
    ("aws_kms_region", "europe", "not an AWS region"),
    ("aws_kms_region", "eu-central-1", "it is for the signer aws-kms"),
    ("exchange_private_hosts", "gitlab.internal:8443", "not the name or address of a host alone"),
    ("exchange_private_hosts", "*.internal.example", "not the name or address of a host alone"),
    ("aws_kms_endpoint", "http://kms.example.com", "neither an https URL nor"),
    ("pkcs11_library", "{missing}", "it is for the signer pkcs11"),
    ("pkcs11_token", "x" * 33, "longer than the 32 bytes"),
    ("pkcs11_pin_file", "{open_key}", "it is for the signer pkcs11"),
    ("key_rotation_days", "-1", "not a whole number from 0 to 3650"),
    ("key_publish_before_seconds", "419", "the new key would sign while caches lack it"),
    ("key_keep_after_seconds", "4079", "a key would leave the key set while its tokens live"),
    ("key_set_max_age_seconds", "29", "not a whole number from 30"),
    ("token_lifetime_seconds", "59", "not a whole number from 60 to 3600"),
    ("token_lifetime_seconds", "3601", "not a whole number from 60 to 3600"),
    ("token_lifetime_max_seconds", "1e3", "not a whole number from 60 to 3600"),
    ("subject_max_length", "126", "not a whole number from 127 to 255"),
    ("subject_max_length", "256", "not a whole number from 127 to 255"),
    ("body_max_bytes", "1023", "not a whole number from 1024"),
    ("limit_workload_tokens_per_minute", "-1", "not a whole number from 0 to 1000000"),
    ("limit_organization_tokens_per_minute", "many", "not a whole number from 0 to 1000000"),
    ("limit_source_requests_per_minute", "1000001", "not a whole number from 0 to 1000000"),
    ("limit_source_failures_per_minute", "0.5", "not a whole number from 0 to 1000000"),
    ("log_level", "loud", "not one of debug, info, warning, error"),
    ("log_format", "xml", "not one of text, json"),
]


@pytest.mark.parametrize(("key", "text", "reason"), BROKEN)
def test_each_broken_key_is_named_with_its_reason(
    key: str, text: str, reason: str, good: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("not PEM")
    foreign = trustme.CA().issue_cert("idp.example.com").private_key_pem.bytes()
    for name, mode in (("open_key", 0o644), ("foreign_key", 0o600)):
        (tmp_path / name).write_bytes(foreign)
        (tmp_path / name).chmod(mode)
    os.mkfifo(tmp_path / "pipe", 0o600)
    places = {name: str(tmp_path / name) for name in ("file", "missing", "open_key", "foreign_key", "pipe")}
    (problem,) = refused(good | {key: text.format(**places)})
    assert problem.key == f"DAYPASS_{key.upper()}"
    assert problem.file == "environment"
    assert reason in problem.reason


SECRET_URL = "postgresql://daypass:hunter2@db.example.com/daypass?sslmode=verify-full"


def test_a_password_of_the_database_is_taken_from_the_environment_alone(good: dict[str, str], tmp_path: Path) -> None:
    """Others read command lines in the list of processes, and settings files get copied and committed."""
    read = Settings.read(environ(good | {"database_url": SECRET_URL}))
    assert read.database_url == Secret(SECRET_URL)
    assert "hunter2" not in repr(read)
    file = tmp_path / "daypass.toml"
    for url in (SECRET_URL, "postgresql://db/daypass?user=daypass&password=hunter2", "postgresql://[hunter2:password"):
        file.write_text(f'database_url = "{url}"\n')
        for said, named in (({"database_url": url}, None), ({}, file)):
            with pytest.raises(SettingInvalid) as caught:
                Settings.read(environ(good), file=named, given=said)
            assert "hunter2" not in str(caught.value.facts) + caught.value.message + str(caught.value.advice)
    free = "postgresql://daypass@db.example.com/daypass?passfile=/etc/daypass/pgpass"
    assert Settings.read(environ(good), given={"database_url": free}).database_url == Secret(free)


def test_a_file_may_hold_the_url_of_the_database(good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(f"{SECRET_URL}\n")
    file.chmod(0o600)
    read = Settings.read(environ(good | {"database_url_file": str(file)}))
    assert database_url(read) == Secret(SECRET_URL)
    problems = refused(good | {"database_url_file": str(file), "database_url": SECRET_URL})
    assert [problem.reason for problem in problems] == ["it contradicts `database_url`"]


@pytest.mark.parametrize(
    ("signer", "needed"),
    [("aws-kms", {"aws_kms_region"}), ("pkcs11", {"pkcs11_library", "pkcs11_token", "pkcs11_pin_file"})],
)
def test_a_signer_needs_its_settings(signer: str, needed: set[str], good: dict[str, str]) -> None:
    assert {problem.setting for problem in refused(good | {"signer": signer})} == needed


def test_no_key_is_without_a_broken_row() -> None:
    assert {key for key, _, _ in BROKEN} == set(NAMES)


@pytest.mark.parametrize("missing", ["issuer", "tls_certificate", "tls_private_key"])
def test_what_is_required_is_named(missing: str, good: dict[str, str]) -> None:
    del good[missing]
    (problem,) = refused(good)
    assert (problem.file, problem.key) == ("daypass.toml", missing)
    assert "required" in problem.reason or "missing" in problem.reason


def test_there_is_no_plain_http_unless_it_is_asked_for(good: dict[str, str]) -> None:
    del good["tls_certificate"], good["tls_private_key"]
    (problem,) = refused(good)
    assert "there is no plain HTTP" in problem.reason
    assert Settings.read(environ(good | {"behind_proxy": "true"})).behind_proxy


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        ({"behind_proxy": "true"}, "DAYPASS_TLS_CERTIFICATE", "contradicts `behind_proxy`"),
        (
            {"published_elsewhere": "true", "published_authorities": "/dev/null"},
            "DAYPASS_PUBLISHED_AUTHORITIES",
            "not a regular file",
        ),
        (
            {"published_elsewhere": "true", "published_authorities": "{key}"},
            "DAYPASS_PUBLISHED_AUTHORITIES",
            "it holds no PEM certificate",
        ),
        ({"published_private_hosts": "idp.example.com"}, "DAYPASS_PUBLISHED_PRIVATE_HOSTS", "published elsewhere"),
        (
            {"token_lifetime_seconds": "600", "token_lifetime_max_seconds": "300"},
            "DAYPASS_TOKEN_LIFETIME_SECONDS",
            "more than `token_lifetime_max_seconds`",
        ),
        ({"key_file": "{key}", "passphrase_file": "{key}"}, "DAYPASS_PASSPHRASE_FILE", "contradicts `key_file`"),
    ],
)
def test_settings_that_contradict_each_other(
    change: dict[str, str], key: str, reason: str, good: dict[str, str], tls: tuple[Path, Path]
) -> None:
    problems = refused(good | {name: text.format(key=tls[1]) for name, text in change.items()})
    assert any(problem.key == key and reason in problem.reason for problem in problems)


def test_plain_http_does_not_listen_on_a_public_address(good: dict[str, str]) -> None:
    del good["tls_certificate"], good["tls_private_key"]
    (problem,) = refused(good | {"behind_proxy": "true", "listen": "8.8.8.8:80"})
    assert problem.key == "DAYPASS_LISTEN"
    assert "public address" in problem.reason


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_passphrase(good: dict[str, str]) -> None:
    from cryptography.hazmat.primitives import serialization

    path = Path(good["tls_private_key"])
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    (problem,) = refused(good)
    assert "it is encrypted" in problem.reason


def test_an_unknown_key_is_refused_with_the_nearest_known_one(good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text('lissten = "127.0.0.1:1"\nxyzzy = 1\n')
    problems = refused(good | {"issuers": "x"}, file=file)
    assert [(problem.file, problem.key) for problem in problems] == [
        (str(file), "lissten"),
        (str(file), "xyzzy"),
        ("environment", "DAYPASS_ISSUERS"),
    ]
    assert problems[0].advice == "Did you mean `listen`?"
    assert problems[1].advice == "Remove it."
    assert problems[2].advice == "Did you mean `DAYPASS_ISSUER`?"


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text('listen = "nowhere"\nproxy_hops = true\ntypo = 1\n')
    problems = refused({"log_level": "loud"}, file=file)
    assert {(problem.file, problem.key) for problem in problems} == {
        (str(file), "listen"),
        (str(file), "proxy_hops"),
        (str(file), "typo"),
        ("environment", "DAYPASS_LOG_LEVEL"),
        (str(file), "issuer"),
        (str(file), "tls_certificate"),
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('behind_proxy = "true"', "it is not true or false"),
        ('proxy_hops = "1"', "it is not a whole number"),
        ("proxy_hops = true", "it is not a whole number"),
        ("proxy_hops = 1.0", "it is not a whole number"),
        ("listen = 8443", "it is not text"),
        ("signing_algorithms = [1]", "it is not a list of texts"),
        ('signing_algorithms = "RS256"', "it is not a list of texts"),
        ("signing_algorithms = []", "it is empty"),
        ("[listen]\nhost = 'x'", "it is not text"),
    ],
)
def test_the_file_holds_each_setting_in_its_type(line: str, reason: str, good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text(line)
    (problem,) = refused(good, file=file)
    assert problem.file == str(file)
    assert problem.reason == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x = 1\nlisten = = 2", "line 2"), (b'log_level = "\xff"', "it is not TOML"), (None, "cannot be read")],
)
def test_a_file_that_is_not_toml(content: bytes | None, reason: str, good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    if content is not None:
        file.write_bytes(content)
    for others in (good, {}):  # what is not there may well stand in the file, so nothing else is told
        (problem,) = refused(others, file=file)
        assert problem.file == str(file)
        assert reason in problem.reason


def test_a_bad_value_is_told_even_when_a_stronger_one_hides_it(good: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "daypass.toml"
    file.write_text('log_level = "loud"')
    (problem,) = refused(good | {"log_level": "info"}, file=file)
    assert problem.file == str(file)


def test_the_reference_tells_of_every_setting() -> None:
    assert [each.name for each in config.SETTINGS] == NAMES
    for each in config.SETTINGS:
        assert each.variable == f"DAYPASS_{each.name.upper()}"
        assert each.words
        assert each.about.endswith(".")
    defaults = {each.name: each.default_text for each in config.SETTINGS}
    assert defaults["issuer"] == "required"
    assert defaults["key_file"] == "none"
    assert defaults["behind_proxy"] == "false"
    assert defaults["signing_algorithms"] == "RS256,ES256"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(name=st.sampled_from(NAMES), text=st.text(max_size=40))
def test_any_text_is_read_or_refused(name: str, text: str, good: dict[str, str]) -> None:
    with suppress(SettingInvalid):
        Settings.read(environ(good | {name: text}))


@settings(max_examples=200, deadline=None)
@given(host=st.ip_addresses(), port=st.integers(0, 65535))
def test_an_address_is_read_as_it_is_written(host: object, port: int) -> None:
    address = Address(str(host), port)
    assert Address.parse(str(address)) == address


def test_tls_begins_at_1_2(tls: tuple[Path, Path]) -> None:
    import ssl

    assert config.tls_context(*tls).minimum_version is ssl.TLSVersion.TLSv1_2
