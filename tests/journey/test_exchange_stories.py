"""The exchange as its users meet it: a server over TLS, real issuers beside it, commands, and a local AWS."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from daypass.testing.local_aws import local_aws
from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from support.https_issuer import https_issuer
from support.processes import BIN, bash, clean_environment
from support.serving import Serving
from support.stage import CommandStage
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

    from support.https_issuer import HttpsIssuer

ACCOUNT = "000000000000"
AUDIENCE = "https://id.northwind.example"
STS = "sts.amazonaws.com"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
JOB = {
    "namespace_id": "72",
    "namespace_path": "northwind",
    "project_id": "52017",
    "project_path": "northwind/ledger",
    "user_id": "1",
    "user_login": "kim",
    "user_email": "kim@northwind.example",
    "pipeline_id": "574",
    "pipeline_source": "push",
    "job_id": "302",
    "ref": "main",
    "ref_type": "branch",
    "ref_protected": "true",
    "sub": "project_path:northwind/ledger:ref_type:branch:ref:main",
}
ID_TOKEN = {
    **JOB,
    "aud": AUDIENCE,
    "job_project_id": "52017",
    "runner_id": 7,
    "runner_environment": "self-hosted",
    "sha": "0" * 40,
    "project_visibility": "private",
    "ci_config_ref_uri": "gitlab/northwind/ledger//.gitlab-ci.yml@refs/heads/main",
    "ci_config_sha": "0" * 40,
    "user_access_level": "maintainer",
    "ref_path": "refs/heads/main",
}


def signed(issuer: HttpsIssuer, claims: dict[str, Any]) -> str:
    """A token of an issuer, that was never used."""
    return issuer.token(now=time.time(), **{"jti": secrets.token_hex(8), **claims})


def sign_as_gitlab_does(issuer: HttpsIssuer) -> None:
    """With RS256, as Kubernetes does too."""
    issuer.key = private_key("RS256")
    issuer.documents["/keys"] = KeySet([issuer.key.public]).document()


@dataclass
class Stage(CommandStage):
    """Everything that takes part."""

    gitlab: HttpsIssuer
    ca_file: Path

    def connect(self, name: str, *options: str, org: str = "northwind") -> Any:
        """A connection of the project `ledger`."""
        return self.said("connection", "create", name, "--org", org, "--project", "ledger", *options)

    def connect_gitlab(self, name: str, *options: str, org: str) -> Any:
        """One to the GitLab on this machine, which has a private address and a private authority."""
        place = ("--issuer", self.gitlab.url, "--authorities", str(self.ca_file), "--allow-private-address")
        return self.connect(name, "--preset", "gitlab", *place, "--audience", AUDIENCE, *options, org=org)

    def organization(self, slug: str, *options: str) -> None:
        self.said("org", "create", slug, *options)
        self.said("project", "create", slug, "ledger")

    def token(self, **claims: object) -> str:
        return signed(self.gitlab, {**ID_TOKEN, **claims})

    def role(self, name: str, issuer: str, **conditions: str) -> str:
        """A role of the local AWS that trusts an issuer on conditions of its keys."""
        host = issuer.removeprefix("https://")
        equals = {f"{host}:{key}": value for key, value in conditions.items()}
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": equals},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        made = self.aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    def logs_in(self, name: str, subject: str, token: str) -> None:
        """A role that trusts that subject of ours, entered by command with the platform's token."""
        role = self.role(name, self.serving.base, sub=subject, aud=STS)
        login = ("idp", "login", "aws", "--exchange", "--token-env", "PLATFORM_TOKEN", "--role-arn", role)
        done = self.run(*login, PLATFORM_TOKEN=token)
        assert done.returncode == 0, done.stderr
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/" in done.stdout

    def exchange(self, token: str, org: str, client: httpx.Client | None = None) -> httpx.Response:
        """The request of RFC 8693, by no client of ours."""
        form = {
            "grant_type": GRANT,
            "subject_token": token,
            "subject_token_type": JWT,
            "audience": STS,
            "organization": org,
        }
        if client is not None:
            return client.post("token", data=form)
        with self.serving.client() as one:
            return one.post("token", data=form)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, ca: trustme.CA, ca_file: Path) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("exchange")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    settings = {
        "issuer": f"https://localhost:{port}/idp",
        "listen": f"127.0.0.1:{port}",
        "exchange_private_hosts": '["localhost"]',
        # Else most of a flood is answered 429 before anybody looks at its tokens, and nothing is shown of the rest.
        "limit_source_failures_per_minute": "0",
    }
    with (
        Serving(folder, signing_algorithms='["RS256", "ES256"]', **settings) as serving,
        https_issuer(ca, "/gitlab") as gitlab,
        local_aws(as_issuers=("ci.example.com",), trust_ca=(folder / "ca.pem", ca_file)) as aws,
    ):
        sign_as_gitlab_does(gitlab)
        found = Stage(folder, serving, aws, gitlab, ca_file)
        found.organization("northwind")
        aws.provider(serving.base)
        yield found


def test_the_authress_story(stage: Stage, tmp_path: Path) -> None:
    """GitLab's first token names no audience: AWS refuses it whatever the policy says. Exchanged, it logs in."""
    iss = stage.gitlab.url.removeprefix("https://")
    token = signed(stage.gitlab, {**JOB, "iss": iss, "aud": None})
    file = tmp_path / "CI_JOB_JWT_V1"
    file.write_text(token)
    stage.aws.provider(stage.gitlab.url, client_ids=(AUDIENCE,))
    direct = stage.role("direct", stage.gitlab.url, sub=JOB["sub"])
    with pytest.raises(ClientError) as refused:
        stage.aws.login(direct, token)
    assert refused.value.response["Error"]["Code"] == "InvalidIdentityToken"
    assert refused.value.response["Error"]["Message"] == "Missing a required claim: aud"

    made = stage.run(
        *("connection", "create", "old-gitlab", "--org", "northwind", "--project", "ledger"),
        *("--preset", "gitlab-jwt-v1", "--issuer", iss, "--accept-tokens-without-audience"),
        *("--authorities", str(stage.ca_file), "--allow-private-address", "--rule", "project_id=52017"),
    )
    assert made.returncode == 0, made.stderr
    assert "Warning: this connection takes tokens that name nobody" in made.stderr
    assert "ANY SERVICE THAT SEES A TOKEN CAN USE IT" in stage.run("connection", "list", "--org", "northwind").stdout

    trial = stage.said("connection", "test", "old-gitlab", "--org", "northwind", "--token-file", str(file))
    assert (trial["accepted"], trial["workload"][-18:]) == (True, ".52017.branch.main")
    first = stage.run("idp", "exchange", "--audience", STS, "--token-file", str(file))
    assert first.returncode == 0, first.stderr
    ours = peek(first.stdout.strip()).claims
    assert ours["iss"] == stage.serving.base
    assert ours["urn:daypass:upstream"] == {
        "iss": iss,
        "sub": JOB["sub"],
        "connection": "old-gitlab",
        "jti": peek(token).claims["jti"],
    }
    role = stage.role("exchanged", stage.serving.base, sub=str(ours["sub"]))
    fresh = signed(stage.gitlab, {**JOB, "iss": iss, "aud": None})
    login = ("idp", "login", "aws", "--exchange", "--token-env", "CI_JOB_JWT", "--role-arn", role)
    done = stage.run(*login, CI_JOB_JWT=fresh)
    assert done.returncode == 0, done.stderr
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/exchanged/" in done.stdout
    again = stage.run(*login, CI_JOB_JWT=fresh)
    assert again.returncode == 1, "a token is exchanged once"
    assert "was exchanged before" in again.stderr
    assert fresh not in again.stderr


def test_the_private_gitlab_story(stage: Stage, tmp_path: Path) -> None:
    """AWS cannot reach that GitLab and trusts Daypass alone; its policy goes on reading GitLab's subject."""
    stage.organization("private", "--token-format", "gitlab", "--own-issuer")
    stage.connect_gitlab("gitlab", "--rule", "project_id=52017", "--rule", "ref=main", org="private")
    issuer = f"{stage.serving.base}/o/private"
    stage.aws.provider(issuer)
    role = stage.role("ledger", issuer, sub=JOB["sub"], aud=STS)
    done = stage.run(
        *("idp", "login", "aws", "--exchange", "--token-env", "ID_TOKEN", "--role-arn", role),
        ID_TOKEN=stage.token(),
        DAYPASS_URL=issuer,
    )
    assert done.returncode == 0, done.stderr
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/ledger/" in done.stdout

    other = stage.run("idp", "exchange", "--token-env", "ID_TOKEN", ID_TOKEN=stage.token(ref="x"), DAYPASS_URL=issuer)
    assert other.returncode == 1
    assert "main" not in other.stderr, "what the rule wants is not for strangers"
    (told,) = stage.said("connection", "refusals", "gitlab", "--org", "private")
    assert told["reason"] == "claim_rules_unmet"
    expected = {"rule": "ref equals `main`", "claim": "ref", "expected": "`main`", "received": "the text `x`"}
    assert {name: told["detail"][name] for name in expected} == expected


def test_a_workload_of_aws_enters_with_its_identity_token(stage: Stage, tmp_path: Path) -> None:
    iam = stage.aws.client("iam")
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    outbound = issuer.removeprefix("https://").partition(".")[0]
    keys = httpx.get(f"{stage.aws.endpoint_url}/_daypass/outbound/{outbound}/.well-known/jwks.json", trust_env=False)
    file = tmp_path / "jwks.json"
    file.write_bytes(keys.content)
    stage.aws.provider("ci.example.com")
    arn = stage.role("worker", "https://ci.example.com", sub="worker")
    may = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"}
    allowed = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="worker", PolicyName="identity", PolicyDocument=allowed)
    session = stage.aws.login(arn, stage.aws.mint(issuer="ci.example.com", sub="worker", aud=STS))
    sts = session.client("sts")

    def token(algorithm: str) -> str:
        answer = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm=algorithm)
        return str(answer["WebIdentityToken"])

    stage.organization("cloud")
    options = ("--issuer", issuer, "--audience", AUDIENCE, "--rule", f"sub={arn}", "--keys-file", str(file))
    stage.connect("aws", "--preset", "aws", *options, org="cloud")
    subjects = set()
    for algorithm in ("RS256", "ES384"):
        answer = stage.exchange(token(algorithm), "cloud")
        assert answer.status_code == 200, answer.text
        claims = peek(answer.json()["access_token"]).claims
        upstream = claims["urn:daypass:upstream"]
        assert isinstance(upstream, dict)
        assert (upstream["iss"], upstream["sub"]) == (issuer, arn)
        subjects.add(str(claims["sub"]))
    (subject,) = subjects
    stage.logs_in("worker-elsewhere", subject, token("RS256"))


def test_a_pod_enters_with_its_projected_token(stage: Stage, ca: trustme.CA) -> None:
    """The cluster's issuer is a name that nobody resolves; its keys are at a URL with a private authority."""
    cluster = "https://kubernetes.default.svc.cluster.local"
    pod = {
        "namespace": "prod-billing",
        "pod": {"name": "ledger-1", "uid": "p-1"},
        "serviceaccount": {"name": "ledger", "uid": "5f1c2f7e"},
    }
    stage.organization("cluster")
    with https_issuer(ca) as keys:
        sign_as_gitlab_does(keys)
        place = ("--keys-url", f"https://localhost:{keys.port}/keys", "--authorities", str(stage.ca_file))
        rules = ("--rule", "kubernetes.io>namespace~prod-*", "--rule", "kubernetes.io>serviceaccount>name=ledger")
        options = ("--preset", "kubernetes", "--issuer", cluster, "--audience", AUDIENCE, "--allow-private-address")
        stage.connect("pods", *options, *place, *rules, org="cluster")

        def token(**changes: object) -> str:
            claims = {"iss": cluster, "aud": [AUDIENCE], "kubernetes.io": pod, **changes}
            return signed(keys, {"sub": "system:serviceaccount:prod-billing:ledger", **claims})

        answer = stage.exchange(token(), "cluster")
        assert answer.status_code == 200, answer.text
        subject = str(peek(answer.json()["access_token"]).claims["sub"])
        assert subject.endswith(".prod-billing.5f1c2f7e")
        again = stage.exchange(token(), "cluster")
        assert peek(again.json()["access_token"]).claims["sub"] == subject, "run after run"
        stage.logs_in("pod", subject, token())
        elsewhere = token(**{"kubernetes.io": {**pod, "namespace": "dev"}})
        refused = stage.exchange(elsewhere, "cluster")
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_threats_19_fifty_uses_of_one_token_at_once_give_one_token(stage: Stage) -> None:
    stage.organization("many")
    stage.connect_gitlab("gitlab", "--rule", "project_id=52017", org="many")
    token = stage.token()
    with stage.serving.client() as client, ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: stage.exchange(token, "many", client), range(50)))
    taken = [answer for answer in answers if answer.status_code == 200]
    assert len(taken) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} == {"token_replayed"}


def test_threats_24_a_thousand_unknown_kids_are_one_fetch_and_others_pass(stage: Stage) -> None:
    """Each token names a `kid` of its own, none of them the issuer's. The set is asked for again once in 30 seconds."""
    stage.organization("flooded")
    stage.connect_gitlab("gitlab", "--rule", "project_id=52017", org="flooded")
    assert stage.exchange(stage.token(), "flooded").status_code == 200
    stranger = load_der_private_key(private_key("RS256", "stranger").to_pkcs8(), password=None)
    assert isinstance(stranger, RSAPrivateKey)
    claims = {**ID_TOKEN, "iss": stage.gitlab.url, "iat": int(time.time()), "exp": int(time.time()) + 300}
    forged = [
        jwt.encode({**claims, "jti": str(n)}, stranger, algorithm="RS256", headers={"kid": f"unknown-{n}"})
        for n in range(1000)
    ]
    assert len({str(peek(token).header["kid"]) for token in forged}) == 1000
    good = [stage.token() for _ in range(20)]
    before = stage.gitlab.fetches
    began = time.monotonic()
    with stage.serving.client() as client, ThreadPoolExecutor(16) as crowd:
        flood = [crowd.submit(stage.exchange, token, "flooded", client) for token in forged]
        passing = [crowd.submit(stage.exchange, token, "flooded", client) for token in good]
        assert {job.result().status_code for job in passing} == {200}
        assert {job.result().status_code for job in flood} == {400}
    assert stage.gitlab.fetches - before <= 1 + (time.monotonic() - began) // 30


def test_the_life_of_a_connection_by_command(stage: Stage) -> None:
    """Made, tried, changed, in audit mode, switched off and on, and taken away; each at once for the next token."""
    stage.organization("changing")
    rules = (
        "--rule",
        "groups_direct+=northwind/platform",
        "--rule",
        "runner_id:=7",
        "--rule",
        'ref:=["main","stable"]',
    )
    stage.connect_gitlab("gitlab", *rules, org="changing")
    here = ("gitlab", "--org", "changing")

    def status(**claims: object) -> int:
        answer = stage.exchange(stage.token(**{"groups_direct": ["northwind/platform", "a"], **claims}), "changing")
        return answer.status_code

    def reason() -> object:
        return stage.said("connection", "refusals", *here)[0]["reason"]

    assert status() == 200
    assert status(ref="stable") == 200
    for unlike in ({"groups_direct": "northwind/platform"}, {"runner_id": "7"}, {"ref": "topic"}):
        assert (status(**unlike), reason()) == (400, "claim_rules_unmet"), "types are compared, never converted"

    changed = stage.said("connection", "update", *here, "--rule", "ref~release/*")
    assert [rule["claim"] for rule in changed["terms"]["rules"]] == ["ref"], "rules are replaced, not added"
    assert changed["terms"]["audience"] == AUDIENCE, "what is not named stays"
    assert (status(), status(ref="release/2"), status(ref="release/2/x")) == (400, 200, 400)

    stage.said("connection", "update", *here, "--mode", "audit")
    assert (status(ref="release/3"), reason()) == (400, "connection_auditing")
    stage.said("connection", "update", *here, "--mode", "enforce")
    assert status(ref="release/3") == 200

    stage.said("connection", "update", *here, "--disable")
    assert status(ref="release/4") == 400
    stage.said("connection", "update", *here, "--enable")
    assert status(ref="release/4") == 200

    stage.said("org", "update", "changing", "--audience", "vault.northwind.example")
    assert status(ref="release/5") == 400, "what the exchange remembers of the organization is forgotten, too"
    stage.said("org", "update", "changing", "--audience", STS)
    assert status(ref="release/5") == 200

    nothing = stage.run("connection", "update", *here)
    assert (nothing.returncode, "nothing to change is named" in nothing.stderr) == (2, True)
    assert stage.run("connection", "delete", *here).returncode == 0
    assert status(ref="release/6") == 400
    assert stage.said("connection", "list", "--org", "changing") == []


def test_the_page_s_commands_are_run_as_they_stand_there(tmp_path: Path, ca: trustme.CA) -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "exchange.md").read_text("utf-8")
    commands = re.findall(r"^    \$ (daypass (?:org|project|connection) (?:.*\\\n)*.*)$", page, re.M)
    assert len(commands) == 13
    for name in ("internal-ca.pem", "cluster-ca.pem"):
        ca.cert_pem.write_to_path(tmp_path / name)
    # What the page tells the operator to write.
    hosts = '["gitlab.internal.example", "10.0.0.1"]'
    with Serving(tmp_path, exchange_private_hosts=hosts) as serving:
        given = {
            "DAYPASS_URL": serving.base,
            "DAYPASS_CA_BUNDLE": str(tmp_path / "ca.pem"),
            "DAYPASS_ADMIN_TOKEN_FILE": str(tmp_path / "data" / "admin-token"),
            "PATH": f"{BIN}:/usr/bin:/bin",
        }
        done = bash("set -e\n" + "\n".join(commands), environment=clean_environment(tmp_path, given), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "audience          NONE: ANY SERVICE THAT SEES A TOKEN CAN USE IT" in done.stdout
