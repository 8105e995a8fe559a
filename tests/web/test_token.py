"""`POST /token`: what it answers, in the words of RFC 6749, 7523 and 8693; and junk."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daypass.config import Settings
from daypass.errors import StoreUnavailable
from daypass.tokens.key_set import KeySet
from daypass.tokens.mint import mint
from daypass.tokens.peek import peek
from support.identity_provider import ISSUER, World
from support.tokens import private_key

if TYPE_CHECKING:
    import httpx

UPSTREAM = "https://gitlab.northwind.example"
AUDIENCE = "https://idp.example.com"
STS = "sts.amazonaws.com"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT = "urn:ietf:params:oauth:token-type:jwt"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
FORM = "application/x-www-form-urlencoded"


@dataclass
class House:
    """A world with a connection to `UPSTREAM`."""

    world: World

    def __post_init__(self) -> None:
        self.world.workload()
        self.key = private_key("RS256")
        self.terms: dict[str, Any] = {
            "preset": "gitlab",
            "issuer": UPSTREAM,
            "keys": {"jwks": json.loads(KeySet([self.key.public]).document())},
            "audience": AUDIENCE,
            "rules": [{"claim": "project_id", "equals": "52017"}],
            "audiences": [STS],
        }
        self.connect("gitlab", "acme")

    def connect(self, name: str, organization: str, **terms: Any) -> None:
        body = {"name": name, "project": "shop", "terms": self.terms | terms}
        answer = self.world.call("POST", f"/v1/organizations/{organization}/connections", self.world.root, json=body)
        assert answer.status_code == 201, answer.text

    def token(self, **claims: Any) -> str:
        now = int(self.world.clock().timestamp())
        usual = {
            "iss": UPSTREAM,
            "sub": "project_path:northwind/ledger:ref_type:branch:ref:main",
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + 3600,
            "jti": secrets.token_hex(8),
            "project_id": "52017",
            "job_project_id": "52017",
            "pipeline_source": "push",
            "ref": "main",
            "ref_type": "branch",
        }
        kept = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return mint(kept, self.key).reveal()

    def form(self, token: str | None = None, **fields: str | None) -> dict[str, str]:
        usual = {
            "grant_type": EXCHANGE,
            "subject_token": self.token() if token is None else token,
            "subject_token_type": JWT,
            "audience": STS,
        }
        return {name: value for name, value in {**usual, **fields}.items() if value is not None}

    def post(self, form: dict[str, str] | None = None, path: str = "/token", **options: Any) -> httpx.Response:
        if "content" not in options:
            options["content"] = urlencode(self.form() if form is None else form)
        options.setdefault("headers", {"content-type": FORM})
        return self.world.call("POST", path, **options)


@pytest.fixture
def house(world: World) -> House:
    return House(world)


def refused(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, the RFC's error, and ours, of an answer that is whole."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert document.keys() == {"error", "error_description", "code", "request_id"}
    assert document["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, document["error"], document["code"]


@pytest.mark.parametrize("asked", [JWT, ID_TOKEN])
def test_a_token_is_exchanged_as_rfc_8693_has_it(asked: str, house: House) -> None:
    answer = house.post(house.form(requested_token_type=asked))
    assert answer.status_code == 200
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    document = answer.json()
    assert document.keys() == {"access_token", "issued_token_type", "token_type", "expires_in"}
    assert (document["issued_token_type"], document["token_type"], document["expires_in"]) == (asked, "N_A", 300)
    claims = peek(document["access_token"]).claims
    assert (claims["iss"], claims["aud"]) == (str(ISSUER), STS)
    assert "act" not in claims


def test_an_assertion_is_exchanged_as_rfc_7523_has_it(house: House) -> None:
    form = {"grant_type": BEARER, "assertion": house.token(), "audience": STS}
    assert house.post(form).status_code == 200
    again = house.post(form)
    assert refused(again) == (400, "invalid_grant", "token_replayed"), "the grants share what was used"
    other = house.post(house.form(form["assertion"]))
    assert refused(other) == (400, "invalid_request", "token_replayed")


@pytest.mark.parametrize(
    ("fields", "error", "code"),
    [
        ({"grant_type": None}, "invalid_request", "request_invalid"),
        ({"grant_type": ""}, "invalid_request", "request_invalid"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type", "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type", "unsupported_grant_type"),
        ({"subject_token": None}, "invalid_request", "request_invalid"),
        ({"subject_token": "junk"}, "invalid_request", "token_malformed"),
        ({"subject_token": "a.b.c.d.e"}, "invalid_request", "token_malformed"),
        ({"subject_token": "a" * 20_000}, "invalid_request", "token_too_large"),
        ({"subject_token_type": None}, "invalid_request", "request_invalid"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request", "request_invalid"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, "invalid_request", "request_invalid"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request", None),
        ({"actor_token": "x"}, "invalid_request", "request_invalid"),
        ({"resource": "https://x.example"}, "invalid_request", "request_invalid"),
        ({"audience": "https://elsewhere.example"}, "invalid_target", "audience_not_offered"),
        ({"audience": None}, "invalid_request", "request_invalid"),
        ({"lifetime_seconds": "5"}, "invalid_request", "request_invalid"),
        ({"lifetime_seconds": "x"}, "invalid_request", "request_invalid"),
        ({"lifetime_seconds": "٣٠٠"}, "invalid_request", "request_invalid"),
        ({"algorithm": "none"}, "invalid_request", "algorithm_not_offered"),
        ({"organization": "nobody"}, "invalid_request", "exchange_refused"),
        ({"connection": "other"}, "invalid_request", "exchange_refused"),
        ({"organization": "\0"}, "invalid_request", "exchange_refused"),
    ],
)
def test_errors_are_those_of_the_rfcs(
    fields: dict[str, str | None], error: str, code: str | None, house: House
) -> None:
    told = refused(house.post(house.form(**fields)))
    assert told[:2] == (400, error)
    assert code is None or told[2] == code


class TestThreats63Smuggling:
    """A request that two readers could read in two ways."""

    @pytest.mark.parametrize("name", ["grant_type", "subject_token", "subject_token_type", "connection"])
    def test_a_parameter_given_twice(self, name: str, house: House) -> None:
        twice = urlencode([*house.form().items(), (name, "x"), (name, "y")])
        answer = house.post(content=twice)
        assert refused(answer) == (400, "invalid_request", "request_invalid")
        assert f"the parameter '{name}' is given twice" in answer.json()["error_description"].replace("`", "'")

    def test_a_token_in_the_query_is_refused_and_not_logged(
        self, house: House, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        token = house.token()
        for form in (house.form(subject_token=None), house.form()):
            answer = house.post(form, path=f"/token?subject_token={token}")
            assert refused(answer) == (400, "invalid_request", "request_invalid")
            assert token not in answer.text
        printed = capsys.readouterr()
        assert token not in caplog.text + printed.out + printed.err

    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            ("application/json", b'{"grant_type": "x"}'),
            ("multipart/form-data; boundary=x", b"--x--"),
            (f"{FORM}; charset=utf-16", b"grant_type=x"),
            ("", b"grant_type=x"),
        ],
    )
    def test_a_body_that_is_no_form(self, media_type: str, body: bytes, house: House) -> None:
        answer = house.post(content=body, headers={"content-type": media_type} if media_type else {})
        assert refused(answer)[:2] == (415, "invalid_request")

    @pytest.mark.parametrize(
        "body", [b"\xff", b"grant_type", b"a=%ff", "grant_type=é".encode(), b"a=1&" * 100 + b"b=1"]
    )
    def test_a_form_that_cannot_be_read(self, body: bytes, house: House) -> None:
        assert refused(house.post(content=body)) == (400, "invalid_request", "request_invalid")

    def test_threats_11_a_body_that_is_too_large(self, house: House) -> None:
        assert refused(house.post(content=b"a=" + b"b" * 70_000))[:2] == (413, "invalid_request")

    def test_a_method_that_is_not_post(self, house: House) -> None:
        assert house.world.call("GET", "/token").status_code == 405


def test_threats_9_no_token_of_ours_is_an_upstream_one(house: House) -> None:
    """Every kind of token that this service makes, at the token endpoint."""
    secret = house.world.call(
        "POST", "/v1/organizations/acme/projects/shop/workloads", house.world.root, json={"kind": "job"}
    )
    made = secret.json()["secret"]
    ours = house.world.call("POST", "/v1/id-tokens", made, json={"audience": STS}).json()["token"]
    exchanged = house.post().json()["access_token"]
    for token in (ours, exchanged, made, house.world.root):
        assert refused(house.post(house.form(token)))[0] == 400
    answer = house.post(house.form(ours))
    assert answer.json()["code"] == "exchange_refused", "no connection names our issuer"


def test_threats_61_a_chain_ends_after_one_exchange(house: House) -> None:
    """A connection may name our own issuer; what came out of an exchange is still refused."""
    jwks = house.world.call("GET", "/keys").json()
    rule = {"claim": "organization_slug", "equals": "acme"}
    own = {"preset": "daypass", "issuer": str(ISSUER), "keys": {"jwks": jwks}, "audience": STS, "rules": [rule]}
    house.connect("own", "acme", **own, algorithms=["ES256"])
    made = house.world.workload(name="another")
    ours = house.world.call("POST", "/v1/id-tokens", made["secret"], json={"audience": STS}).json()["token"]
    assert house.post(house.form(ours)).status_code == 200
    first = house.post().json()["access_token"]
    assert refused(house.post(house.form(first)))[2] == "token_chained"


def test_threats_18_and_62_two_organizations_share_an_issuer_and_nothing_else(house: House) -> None:
    world = house.world
    world.workload("globex")
    house.connect("gitlab", "globex")
    assert refused(house.post())[2] == "connection_ambiguous"
    subjects = set()
    for slug in ("acme", "globex"):
        answer = house.post(house.form(organization=slug))
        assert answer.status_code == 200
        subjects.add(peek(answer.json()["access_token"]).claims["sub"])
    assert len(subjects) == 2
    reader = world.admin("connections:read", organization=world.store.organization("globex").id)  # type: ignore[union-attr]  # made above
    answer = world.call("GET", "/v1/organizations/acme/connections", reader)
    assert answer.status_code == 404


def test_threats_76_without_the_store_of_used_tokens_there_is_no_token(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise StoreUnavailable("the database did not answer")

    monkeypatch.setattr("daypass.idp.memory.MemoryReplayStore.use_once", broken)
    answer = house.post()
    assert refused(answer) == (503, "temporarily_unavailable", "store_unavailable")
    assert "database" not in answer.text
    assert answer.headers["retry-after"]


def test_claims_that_are_new_are_told_to_the_owner_and_used_by_nothing(house: House) -> None:
    answer = house.post(house.form(house.token(brand_new="x")))
    assert "brand_new" not in peek(answer.json()["access_token"]).claims
    entry = house.world.audit.records[-1].entry
    assert (entry.outcome, entry.detail["unknown_claims"]) == ("issued", "brand_new")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("fuzz")
    return House(World(Settings(issuer=ISSUER, data_folder=folder, limit_source_failures_per_minute=0)))


names = st.sampled_from(
    ["grant_type", "subject_token", "assertion", "subject_token_type", "audience", "connection", "organization"]
) | st.text(max_size=8)
junk = st.sampled_from([EXCHANGE, BEARER, JWT, STS, "acme", "gitlab", "e30.e30.e30", "\0", "", "é"]) | st.text(
    max_size=40
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.lists(st.tuples(names, junk), max_size=8),
    raw=st.none() | st.binary(max_size=60),
    path=st.sampled_from(["/token", "/o/acme/token"]),
)
def test_threats_81_junk_is_never_a_5xx(
    shared: House, fields: list[tuple[str, str]], raw: bytes | None, path: str
) -> None:
    form = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in fields]
    answer = shared.post(content=urlencode(form) if raw is None else raw, path=path)
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
claim_names = st.sampled_from(
    ["sub", "aud", "exp", "iat", "jti", "project_id", "ref", "ref_type", "job_project_id", "pipeline_source", "kid"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(claims=st.dictionaries(claim_names, json_values, max_size=4))
def test_threats_81_signed_junk_is_never_a_5xx(shared: House, claims: dict[str, Any]) -> None:
    try:
        token = shared.token(**claims)
    except (ValueError, TypeError):  # JSON has no form for it
        return
    answer = shared.post(shared.form(token))
    assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize("value", [10**30, -(2**63) - 1, 2**64, 1.5, True, 2**53])
def test_a_rule_of_any_number_is_kept_or_refused(value: float, house: House) -> None:
    terms = house.terms | {"rules": [*house.terms["rules"], {"claim": "runner_id", "equals": value}]}
    body = {"name": "numbers", "project": "shop", "terms": terms}
    answer = house.world.call("POST", "/v1/organizations/acme/connections", house.world.root, json=body)
    assert answer.status_code == (400 if abs(value) >= 2**63 else 201), answer.text


def test_threats_80_tokens_that_are_not_accepted_are_limited_and_good_ones_still_pass(house: House) -> None:
    bad = house.token(project_id="1")
    for _ in range(20):
        assert house.post(house.form(bad)).status_code == 400
    rows = len(house.world.audit.records)
    for _ in range(5):
        answer = house.post(house.form(bad))
        assert refused(answer) == (429, "temporarily_unavailable", "rate_limited")
        assert answer.headers["retry-after"] == "1"
    assert len(house.world.audit.records) == rows
    assert house.post().status_code == 200
