"""What servers and files of strangers may do: the doctor comes to an end, says so, and passes nothing on."""

from __future__ import annotations

import asyncio
import base64
import errno
import io
import json
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from daypass.aws.role_reading import read_role
from daypass.cli.doctor import status
from daypass.cli.doctor_screen import verdict_sentence
from daypass.cli.main import main
from daypass.doctor.checks.certificates import MOST
from daypass.doctor.examine import Question, examine
from daypass.doctor.facts import Facts
from daypass.doctor.from_error import Recognised, recognise
from daypass.doctor.judge import judge
from daypass.doctor.probes import account, tcp
from daypass.doctor.redaction import without_secrets
from daypass.doctor.reports.html import as_html, headline
from daypass.doctor.reports.sarif import as_sarif
from daypass.doctor.way import steps
from daypass.errors import RequestInvalid
from daypass.fetching import Limits
from daypass.names import RoleArn
from daypass.secret import Secret
from support.healthy import changed
from support.https_issuer import HttpsIssuer, https_issuer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme


_NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "all the same")])
_ALTERNATIVE = x509.ObjectIdentifier("2.5.29.17")


@pytest.fixture
def issuer(ca: trustme.CA) -> Iterator[HttpsIssuer]:
    with https_issuer(ca) as found:
        yield found


def _codes(changes: dict[str, Any]) -> set[str]:
    return {each.code for each in judge(changed(changes)).findings}


def _ask(issuer: HttpsIssuer, ca_file: Path) -> Facts:
    question = Question(
        issuer=issuer.url, ca_files=(ca_file,), allow_private=frozenset({"localhost"}), limits=Limits(total_seconds=2.0)
    )
    return asyncio.run(examine(question, lambda: datetime.now(UTC)))


def _certificate(
    key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
) -> bytes:
    made = (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 9, 1, tzinfo=UTC))
        .not_valid_after(datetime(2026, 12, 1, tzinfo=UTC))
    )
    for each in extensions:
        made = made.add_extension(each, critical=False)
    return made.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


_KEY = ec.generate_private_key(ec.SECP256R1())
_GOOD = _certificate(_KEY, _KEY, x509.SubjectAlternativeName([x509.DNSName("idp.example.com")]))
_TWO = _certificate(
    _KEY,
    _KEY,
    x509.SubjectAlternativeName([x509.DNSName("idp.example.com")]),
    x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]),
)
_ODD = {
    "version 5": _GOOD.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020104")),
    "an extension twice": _TWO.replace(bytes.fromhex("0603551d25"), bytes.fromhex("0603551d11")),
    "an EDI party's name": _certificate(
        _KEY, _KEY, x509.UnrecognizedExtension(_ALTERNATIVE, bytes.fromhex("3004a3020500"))
    ),
    "names that are no ASN.1": _certificate(_KEY, _KEY, x509.UnrecognizedExtension(_ALTERNATIVE, b"\xff")),
    "a subject that is not UTF-8": _GOOD.replace(b"all the same", b"all the \xff\xff\xff\xff"),
    "a month 99": _GOOD.replace(b"260901000000Z", b"269901000000Z"),
    "a curve that nobody knows": _GOOD.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030199")),
    "a signature that nobody knows": _GOOD.replace(
        bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040399")
    ),
    "cut short": _GOOD[:-20],
}


@pytest.mark.parametrize("name", _ODD)
@pytest.mark.parametrize("first", [True, False])
def test_a_certificate_that_breaks_the_rules_breaks_nothing_here(name: str, *, first: bool) -> None:
    assert _ODD[name] != _GOOD
    chain = [ssl.DER_cert_to_PEM_cert(each) for each in (_ODD[name], _GOOD)]
    facts = changed({"hosts.0.tls.chain": chain if first else chain[::-1]})
    diagnosis = judge(facts)
    assert {each.code for each in diagnosis.findings} & {"chain_unreadable", "chain_extra", "chain_order"}
    assert "Certificates" in as_html(facts, diagnosis, version="1")


def test_a_thousand_certificates_of_one_name_take_no_time_to_judge() -> None:
    """Each could have signed each other, so their order is found by trying."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(301)]
    line = [_certificate(keys[index], keys[index + 1]) for index in range(300)]
    served = [line[0], *reversed(line[1:])]
    began = time.process_time()
    codes = _codes({"hosts.0.tls.chain": [ssl.DER_cert_to_PEM_cert(each) for each in served]})
    assert time.process_time() - began < 1
    assert "chain_too_many" in codes
    assert "chain_too_many" not in _codes(
        {"hosts.0.tls.chain": [ssl.DER_cert_to_PEM_cert(each) for each in served[:MOST]]}
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "9" * 5000),
        ("age", "\u0661"),
        ("cache-control", "max-age=" + "9" * 5000),
        ("date", "Mon, 21 Sep 99999999999 14:13:20 GMT"),
        ("date", "Mon, 21 Sep 2026 14:13:20 +99999999999999999999"),
        ("date", "Mon, 21 Sep " + "9" * 5000 + " 14:13:20 GMT"),
        ("date", ", ,"),
    ],
)
def test_a_header_with_any_number_is_read_as_none(name: str, value: str) -> None:
    own = {"content-type": "application/json", "date": "Mon, 21 Sep 2026 14:13:20 GMT", name: value}
    assert _codes({"discovery.*.headers": [[*each] for each in own.items()]}) <= {"cache_too_long"}


@pytest.mark.parametrize(
    "path", ["/" + "k" * 70_000, "/?" + "k" * 70_000, "/a b", '/"<>\\^`{|}', "/\x1b[31m", "/#keys", "/%zz"]
)
def test_an_address_of_keys_that_cannot_be_asked_is_a_finding(issuer: HttpsIssuer, ca_file: Path, path: str) -> None:
    metadata = {"issuer": issuer.url, "jwks_uri": f"https://localhost:{issuer.port}{path}"}
    issuer.documents["/t/.well-known/openid-configuration"] = json.dumps(metadata).encode()
    codes = {each.code for each in judge(_ask(issuer, ca_file)).findings}
    assert codes & {"jwks_uri_invalid", "http_status", "body_not_json"}
    assert "sts_refuses" not in codes


@pytest.mark.parametrize(
    "body",
    [
        b'{"n": "AQAB", "e": "AQAB", "d": "the-very-private-exponent"}',
        b'{"kid": "a", "k": "the-very-private-exponent"}',
        b'{"keys": [{"kty": "RSA", "d": "the-very-private-exponent"}], "keys": []}',
        b'{"keys": [{"kty": "RSA", "d": "the-very-private-exponent"',
    ],
)
@pytest.mark.parametrize("where", ["/t/.well-known/openid-configuration", "/keys"])
def test_a_private_key_is_left_out_wherever_it_is_published(
    issuer: HttpsIssuer, ca_file: Path, body: bytes, where: str
) -> None:
    issuer.documents[where] = body
    facts = _ask(issuer, ca_file)
    assert facts.discovery[0].status == 200
    assert "the-very-private" not in json.dumps(facts.to_json())


def test_keys_that_aws_does_not_use_do_not_matter() -> None:
    """Beside the key that signs: one to encrypt with, as short as it likes, and one of an algorithm of others."""
    own = json.loads(changed({}).keys[0].body)["keys"][0]
    short = "AQAB" * 32
    others = [
        {"kty": "RSA", "use": "enc", "kid": "two", "n": short, "e": "AQAB", "key_ops": ["encrypt"]},
        {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "three", "key_ops": ["verify"]},
        {**own, "alg": "ES256"},  # the same key again, with its algorithm
    ]
    assert _codes({"keys.*.body": json.dumps({"keys": [own, *others]})}) == set()
    other = {**own, "x": "AAAA"}
    assert "key_kid_twice" in _codes({"keys.*.body": json.dumps({"keys": [own, other]})})


_TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlc2lnbmF0dXJl"


def test_a_token_in_a_page_of_an_issuer_gets_nowhere(issuer: HttpsIssuer, ca_file: Path) -> None:
    issuer.documents["/t/.well-known/openid-configuration"] = f"<p>{_TOKEN}</p>".encode()
    facts = _ask(issuer, ca_file)
    diagnosis = judge(facts)
    for text in (json.dumps(facts.to_json()), repr(facts), as_html(facts, diagnosis, version="1")):
        assert _TOKEN.rpartition(".")[2] not in text
    assert "body_html" in {each.code for each in diagnosis.findings}


def test_what_looks_like_many_tokens_takes_no_time() -> None:
    began = time.process_time()
    without_secrets("eyJ" * 100_000)
    without_secrets("eyJhbGciOiJ" * 30_000 + ".")
    without_secrets("bearer " * 50_000 + "https://" * 30_000 + "-----BEGIN " * 20_000)
    assert time.process_time() - began < 1


def test_the_password_in_an_issuers_url_is_left_out() -> None:
    facts = asyncio.run(
        examine(Question(issuer="https://me:pass-word@idp.example.com", ask_aws=False), lambda: datetime.now(UTC))
    )
    assert "pass-word" not in repr(facts)
    assert {each.code for each in judge(facts).findings} == {"issuer_url_invalid"}


_LONG = "k" * 90_000


@pytest.mark.parametrize(
    "changes",
    [
        {"keys.*.body.{}.keys.0.kid": _LONG, "keys.*.body.{}.keys.0.n": "AQAB", "keys.*.body.{}.keys.0.kty": "RSA"},
        {"discovery.*.body.{}.issuer": _LONG},
        {"token.claims.aud": _LONG},
        {"discovery.*.body.{}.jwks_uri": "http://" + _LONG, "keys_url": "http://" + _LONG, "keys": []},
    ],
)
def test_a_name_of_ninety_thousand_characters_does_not_fill_the_screen(changes: dict[str, Any]) -> None:
    findings = judge(changed(changes)).findings
    assert findings
    assert all(len(each.seen) <= 1500 and len(each.where) <= 500 for each in findings)


def test_nothing_in_a_report_turns_the_text_or_is_a_link_to_elsewhere() -> None:
    evil = "\u202egnihsihp\u200b [all is well](https://evil.example.net) <script>"
    facts = changed({"discovery.*.body.{}.issuer": evil, "token.claims.sub": f"{evil}\x1b[31m"})
    diagnosis = judge(facts)
    page = as_html(facts, diagnosis, version="1")
    assert not {"\u202e", "\u200b", "\x1b"} & set(page)
    assert r"\u202egnihsihp" in page
    results = as_sarif(facts, diagnosis, version="1")["runs"][0]["results"]  # type: ignore[index]  # plain JSON
    texts = [each["message"]["text"] for each in results]
    assert any("all is well" in text for text in texts)
    assert not any("](" in text or "\u202e" in text for text in texts)


def test_every_place_in_sarif_is_a_uri() -> None:
    facts = changed({"issuer": 'no <url>\n"at all"', "issuer_fault": "it is none", "hosts": []})
    results = as_sarif(facts, judge(facts), version="1")["runs"][0]["results"]  # type: ignore[index]  # plain JSON
    assert results
    for each in results:
        assert set(each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]).isdisjoint(' <>"\n')


_WAYS = st.sampled_from(
    [
        "limit_seconds", "examined_at", "hosts.0.tls.chain", "hosts.0.dns.ipv4", "hosts.0.connections.0.fault",
        "discovery.0.headers", "discovery.0.body", "discovery.0.total_seconds", "discovery.0.size", "keys.0.body",
        "keys_url", "token.claims", "token.header", "token.claims.exp", "token.claims.aud", "account.providers.0.arn",
        "account.role.trust_policy", "account.role_arn", "verdict.reasons", "verdict.words", "issuer", "fetch.phase",
    ]
)  # fmt: skip
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(_WAYS, _PLAIN, min_size=1, max_size=3))
def test_a_bundle_that_was_changed_is_refused_or_judged(changes: dict[str, Any]) -> None:
    try:
        facts = changed(changes)
    except (RequestInvalid, TypeError, IndexError, KeyError, ValueError):
        return  # refused; or there is no place any more that could be changed
    diagnosis = judge(facts)
    as_html(facts, diagnosis, version="1").encode()
    json.dumps(as_sarif(facts, diagnosis, version="1"))
    json.dumps(diagnosis.to_json())


@pytest.mark.parametrize(
    "changes", [{"limit_seconds": 0}, {"discovery.0.total_seconds": -1}, {"examined_at": "0001-01-01T00:00:00+14:00"}]
)
def test_numbers_that_no_examination_gives_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        changed(changes)


def test_a_bundle_that_holds_nothing_does_not_speak_of_health() -> None:
    facts = Facts("https://idp.example.com", datetime(2026, 11, 20, tzinfo=UTC))
    diagnosis = judge(facts)
    assert verdict_sentence(facts, diagnosis) == ("What STS would answer cannot be told.", "yellow")
    assert headline(facts, diagnosis) == ("fair", "Too little was found out")
    assert status(facts, diagnosis, "error") == 3


_IPV6 = {"hosts.0.dns.ipv6": ["2606:2800:21f:cb07::1"]}
_ONE = {"address": "93.184.215.14", "port": 443, "seconds": 0.01}
_SIX = {"address": "2606:2800:21f:cb07::1", "port": 443, "fault": "no_route"}


def test_a_machine_without_ipv6_says_nothing_of_a_host_that_has_it() -> None:
    """As hosted runners are, and gitlab.com has both."""
    assert _codes({**_IPV6, "hosts.0.connections": [_ONE, _SIX]}) == set()
    assert _codes({**_IPV6, "hosts.0.connections": [_ONE, {**_SIX, "fault": "timeout"}]}) == {"connect_one_address"}


def test_a_host_to_which_this_machine_has_no_way_is_unknown() -> None:
    changes = {
        **_IPV6,
        "hosts.0.connections": [_SIX],
        "hosts.0.tls": None,
        "discovery": [],
        "keys": [],
        "keys_url": None,
        "fetch": {"phase": "connect", "fault": "no connection"},
        "token": None,
        "verdict": None,
    }
    facts = changed(changes)
    diagnosis = judge(facts)
    assert {each.code for each in diagnosis.findings} == {"connect_unknown"}
    assert status(facts, diagnosis, "error") == 3
    assert "could not be found out" in verdict_sentence(facts, diagnosis)[0]


def test_an_address_without_a_route_is_told_from_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreachable(*_: object, **__: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(asyncio, "open_connection", unreachable)
    assert asyncio.run(tcp.connect("2001:db8::1", 443, seconds=1)).fault == "no_route"


def test_credentials_whose_token_file_is_missing_are_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """botocore opens that file itself, long after it said that there are credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::482916370154:role/deploy")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    role = RoleArn.parse("arn:aws:iam::482916370154:role/deploy")
    found = account.ask(role, "https://idp.example.com")
    assert found is not None
    assert any("FileNotFoundError" in each for each in found.unread)
    assert read_role(role, None).unread is not None


@pytest.mark.parametrize("arguments", [[_TOKEN], ["--token", _TOKEN], ["--token-env", _TOKEN], ["--role-arn", _TOKEN]])
def test_a_token_on_the_command_line_is_not_repeated(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """Nor in a message: a job's log is read by many."""
    assert main(["doctor", *arguments]) == 2
    told = capfd.readouterr()
    assert _TOKEN.rpartition(".")[2] not in told.out + told.err
    assert "does not belong on the command line" in told.err


def test_the_end_of_a_log_of_any_bytes_is_recognised(capfd: pytest.CaptureFixture[str]) -> None:
    log = b"\xff\xfe line of a job\n" * 50_000 + b"Error: Incorrect token audience\n"
    with mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(log))):
        assert main(["doctor", "--from-error", "-", "--json", "--no-aws"]) in (0, 1)
    assert json.loads(capfd.readouterr().out)["error"] == "incorrect-audience"


def test_what_a_sentence_said_is_told_without_the_token_in_it() -> None:
    found = recognise(f"WebIdentityErr: failed fetching WebIdentity token: {_TOKEN}")
    assert isinstance(found, Recognised)
    assert _TOKEN.rpartition(".")[2] not in repr(found.said)


def test_a_provider_in_another_account_is_told_as_such() -> None:
    policy = json.loads(changed({}).to_json()["account"]["role"]["trust_policy"])
    policy["Statement"][0]["Principal"]["Federated"] = "arn:aws:iam::593027481266:oidc-provider/idp.example.com"
    changes = {
        "account.role.trust_policy": json.dumps(policy),
        "verdict": {"allowed": False, "code": "AccessDenied", "message": "no"},
    }
    (finding,) = judge(changed(changes)).findings
    assert finding.code == "trust_provider_differs"
    assert "account 593027481266" in finding.seen


def test_a_step_of_the_way_names_its_worst_finding() -> None:
    facts = changed({"keys.*.body.{}.keys.0.key_ops": ["verify"], "token.signature": "no_key"})
    told = {step.name: (step.state, step.told) for step in steps(facts, judge(facts))}
    assert told["Keys"] == ("error", "key operations")
    assert told["Connection"] == ("good", "1 of 1 taken")


def test_the_verdict_on_a_token_of_another_issuer_is_by_that_issuers_keys(
    issuer: HttpsIssuer, ca: trustme.CA, ca_file: Path
) -> None:
    """STS asks whom the token names, whatever was examined."""
    with https_issuer(ca, "/other") as other:
        token = other.token(now=time.time())
        verdicts = []
        for sent in (token, token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB")):
            question = Question(
                issuer=issuer.url,
                token=Secret(sent),
                ca_files=(ca_file,),
                allow_private=frozenset({"localhost"}),
                limits=Limits(total_seconds=2.0),
            )
            facts = asyncio.run(examine(question, lambda: datetime.now(UTC)))
            assert "token_issuer_differs" in {each.code for each in judge(facts).findings}
            assert facts.verdict is not None
            verdicts.append(facts.verdict.allowed)
    assert verdicts == [True, False]


def _number(value: int, length: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(length, "big")).rstrip(b"=").decode()


def test_key_sets_and_documents_as_platforms_have_them_are_healthy() -> None:
    """Long RSA keys, other curves beside, certificates beside keys, no `use`, members that nobody knows."""
    own = json.loads(changed({}).keys[0].body)["keys"][0]
    long = rsa.generate_private_key(65537, 4096)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "signs tokens")])
    beside = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(long.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2028, 1, 1, tzinfo=UTC))
        .sign(long, hashes.SHA256())
    )
    numbers = long.public_key().public_numbers()
    third = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    keys = [
        {name: value for name, value in own.items() if name != "use"},
        {
            "kty": "RSA",
            "alg": "RS512",
            "use": "sig",
            "kid": "long",
            "n": _number(numbers.n, 512),
            "e": "AQAB",
            "x5t": "qfEB3kZ0cD9H",
            "x5c": [base64.b64encode(beside.public_bytes(Encoding.DER)).decode()],
        },
        {
            "kty": "EC",
            "crv": "P-384",
            "alg": "ES384",
            "kid": "curve",
            "x": _number(third.x, 48),
            "y": _number(third.y, 48),
            "issuer": "https://idp.example.com",
        },
    ]
    addresses = [f"93.184.215.{last}" for last in range(10, 18)]
    changes = {
        "keys.*.body": json.dumps({"keys": keys}),
        "keys.*.headers": [
            ["content-type", "application/jwk-set+json"],
            ["cache-control", "public, max-age=15, stale-while-revalidate=15, stale-if-error=86400"],
        ],
        "discovery.*.headers": [
            ["content-type", "application/json; charset=utf-8"],
            ["cache-control", "public, max-age=86400, must-revalidate"],
        ],
        "discovery.*.body.{}.authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "discovery.*.body.{}.mtls_endpoint_aliases": {"token_endpoint": "https://idp.example.com/mtls"},
        "discovery.*.body.{}.check_session_iframe": None,
        "hosts.0.dns.ipv4": addresses,
        "hosts.0.connections": [{"address": each, "port": 443} for each in addresses],
    }
    assert _codes(changes) == set()


def test_a_session_that_is_longer_than_the_role_allows() -> None:
    assert _codes({"duration_seconds": 3600}) == set()
    assert _codes({"duration_seconds": 7200}) == {"role_session_long"}


def test_the_verdict_knows_how_long_the_session_is_to_last(issuer: HttpsIssuer, ca_file: Path) -> None:
    verdicts = []
    for seconds in (3600, 7200):
        question = Question(
            token=Secret(issuer.token(now=time.time())),
            duration_seconds=seconds,
            ca_files=(ca_file,),
            allow_private=frozenset({"localhost"}),
            limits=Limits(total_seconds=2.0),
        )
        facts = asyncio.run(examine(question, lambda: datetime.now(UTC)))
        assert facts.verdict is not None
        verdicts.append((facts.verdict.allowed, facts.verdict.code))
    assert verdicts == [(True, None), (False, "ValidationError")]
