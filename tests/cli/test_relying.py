"""Logins to relying parties as real processes: what is written, what the parties' own clients read, what is told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
import yaml

from daypass.tokens.key_set import KeySet
from daypass.tokens.peek import peek
from daypass.tokens.verify import verify
from support.processes import DAYPASS, bash, clean_environment
from support.relying import Recorded, recorded
from support.services import (
    CLAIMS,
    WORKLOAD_SECRET,
    Reply,
    Seen,
    Service,
    https_service,
    identity_token,
    json_reply,
    platform,
    problem,
)
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PROVIDER = recorded("gcp", "exchanged")["ask"]["provider"]
CLIENT, TENANT = (recorded("azure", "granted")["ask"][name] for name in ("client_id", "tenant_id"))
VAULT_TOKEN = "hvs.CAESIEXAMPLEEXAMPLEEXAMPLE"
AZURE = "api://AzureADTokenExchange"
GENERATE = "/v1/projects/-/serviceAccounts/deploy@demo.iam.gserviceaccount.com:generateAccessToken"
needs_gcloud = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")


def fresh(audience: str) -> str:
    """An identity token of now, with the two times that a life is counted by."""
    now = int(time.time())
    return identity_token(aud=audience, iat=now, exp=now + 3600)


class World:
    """The identity provider, and the relying parties' recorded answers, on one server."""

    def __init__(self) -> None:
        self.party: Callable[[Seen], Reply] = lambda _: Reply(404)
        self.minted = 0

    def answer(self, seen: Seen) -> Reply:
        if seen.path != "/idp/v1/id-tokens":
            return self.party(seen)
        self.minted += 1
        allowed = platform(seen)
        if allowed.status != 200:
            return allowed
        (audience,) = seen.json["audience"]
        return json_reply({"token": fresh(audience), "token_type": "urn:ietf:params:oauth:token-type:id_token"})

    def records(self, party: str, *names: str) -> Recorded:
        """Let a party answer as in these cases, one after the other."""
        found = [exchange for name in names for exchange in recorded(party, name)["exchanges"]]
        server = self.party = Recorded(found, token=None)
        return server


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def service(tmp_path: Path, world: World) -> Iterator[Service]:
    with https_service(tmp_path, world.answer) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    secret = home / "secret"
    secret.write_text(WORKLOAD_SECRET)
    secret.chmod(0o600)
    return clean_environment(
        home,
        {
            "DAYPASS_URL": service.url + "/idp",
            "DAYPASS_TOKEN_FILE": str(secret),
            "DAYPASS_CA_BUNDLE": str(service.authority),
            "VAULT_ADDR": service.url,
            "VAULT_CACERT": str(service.authority),
            "REQUESTS_CA_BUNDLE": str(service.authority),
        },
    )


def daypass(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*DAYPASS, "idp", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert WORKLOAD_SECRET not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def worked(environ: Mapping[str, str], *arguments: str) -> str:
    done = daypass(environ, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kept_tokens(environ: Mapping[str, str], party: str) -> list[Path]:
    """The token files of a party that nobody named."""
    return sorted((Path(environ["HOME"]) / ".cache" / "daypass" / party).glob("*.token"))


@pytest.fixture
def client_environment(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of a client library in this process is the one that daypass was run in."""
    for name in list(os.environ):
        if name.startswith(("GOOGLE_", "AZURE_", "VAULT_", "BAO_", "DAYPASS_", "KUBE", "CLOUDSDK_", "GCLOUD_", "GCE_")):
            monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


# ------------------------------------------------------------------------------------------------------------ vault


def test_vault_keeps_the_token_where_vault_does(environ: dict[str, str], world: World) -> None:
    server = world.records("vault", "granted")
    shown = json.loads(worked(environ, "login", "vault", "--role", "demo", "--json"))
    path = Path(environ["HOME"]) / ".vault-token"
    assert server.wrong == []
    assert (path.read_text(), mode(path)) == (VAULT_TOKEN, 0o600)
    assert shown["token_policies"] == ["default", "deploy"]
    assert (shown["token_duration"], shown["token_renewable"]) == ("2764800s", "yes")
    assert "token" not in shown


def test_vault_asks_for_the_audience_of_gitpods_login(environ: dict[str, str], world: World, service: Service) -> None:
    world.records("vault", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    sent = next(seen.json["jwt"] for seen in service.seen if seen.path == "/v1/auth/jwt/login")
    assert peek(sent).claims["aud"] == "vault.hashicorp.com"


@pytest.mark.parametrize("options", [["--token-only"], ["--no-store", "--field", "token"]])
def test_vault_prints_the_token_alone_and_keeps_nothing(
    environ: dict[str, str], world: World, options: list[str]
) -> None:
    world.records("vault", "granted")
    assert worked(environ, "login", "vault", "--role", "demo", *options) == VAULT_TOKEN + "\n"
    assert not (Path(environ["HOME"]) / ".vault-token").exists()


@pytest.mark.parametrize("options", [["--token-only"], ["--no-store", "--json"], ["--field", "token"]])
def test_vault_has_github_mask_a_token_that_is_printed(
    environ: dict[str, str], world: World, options: list[str]
) -> None:
    world.records("vault", "granted")
    job = {**environ, "GITHUB_ACTIONS": "true"}
    done = daypass(job, "login", "vault", "--role", "demo", *options)
    assert f"::add-mask::{VAULT_TOKEN}\n" in done.stderr
    assert "::" not in done.stdout
    assert VAULT_TOKEN in done.stdout
    world.records("vault", "granted")
    done = daypass(job, "login", "vault", "--role", "demo")
    assert VAULT_TOKEN not in done.stdout + done.stderr
    world.records("vault", "granted")
    done = daypass({**environ, "GITLAB_CI": "true"}, "login", "vault", "--token-source", "daypass", *options)
    assert "GitLab masks nothing" in done.stderr


def test_many_logins_to_vault_leave_a_token_that_a_logout_knows(environ: dict[str, str], world: World) -> None:
    """The token and the mark that it is ours go together."""
    number = iter(range(1000))
    world.party = lambda seen: (
        Reply(204)
        if seen.path.endswith("revoke-self")
        else json_reply({"auth": {"client_token": f"hvs.{next(number):040d}", "lease_duration": 60}})
    )
    command = [*DAYPASS, "idp", "login", "vault", "--role", "demo"]
    for _ in range(2):
        started = [subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) for _ in range(8)]
        assert {process.wait(60) for process in started} == {0}
        assert "Vault ended the token." in daypass(environ, "logout", "vault").stderr
        assert not (Path(environ["HOME"]) / ".vault-token").exists()


def test_vault_namespace_mount_and_openbao_variables(environ: dict[str, str], world: World, service: Service) -> None:
    server = world.records("vault", "namespace-and-mount")
    del environ["VAULT_ADDR"], environ["VAULT_CACERT"]
    environ |= {"BAO_ADDR": service.url, "BAO_CACERT": str(service.authority), "BAO_NAMESPACE": "team/a/"}
    worked(environ | {"IDP_VAULT_ROLE": "demo"}, "login", "vault", "--path", "auth/ci/gitlab/")
    assert server.wrong == []


def test_vault_tries_again_what_passes_with_a_fresh_token(environ: dict[str, str], world: World) -> None:
    server = world.records("vault", "sealed", "quota", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    assert (server.served, world.minted) == (3, 3)


def test_vault_refuses_and_it_is_explained(environ: dict[str, str], world: World) -> None:
    server = world.records("vault", "audience")
    done = daypass(environ, "login", "vault", "--role", "demo")
    assert (done.returncode, done.stdout) == (1, "")
    assert server.served == 1
    assert "audience claim does not match any expected audience" in done.stderr
    assert "bound_audiences" in done.stderr
    assert "  aud  vault.hashicorp.com" in done.stderr
    assert f"  sub  {CLAIMS['sub']}" in done.stderr
    told = json.loads(daypass(environ, "login", "vault", "--role", "demo", "--json").stdout)
    assert (told["error"], told["claims"]["iss"]) == ("relying_party_refused", CLAIMS["iss"])
    assert not (Path(environ["HOME"]) / ".vault-token").exists()


def test_vault_without_certificates_is_refused(environ: dict[str, str], world: World, service: Service) -> None:
    done = daypass(environ | {"VAULT_SKIP_VERIFY": "1"}, "login", "vault", "--role", "demo")
    assert done.returncode == 2
    assert "VAULT_SKIP_VERIFY" in done.stderr
    assert service.seen == []
    done = daypass(environ | {"VAULT_SKIP_VERIFY": "false", "VAULT_CACERT": ""}, "login", "vault", "--role", "demo")
    assert done.returncode == 3
    assert "VAULT_CACERT" in done.stderr
    assert world.minted == 1


def test_vault_logout_ends_the_token_at_the_server_that_gave_it(
    environ: dict[str, str], world: World, service: Service
) -> None:
    world.records("vault", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    before = len(service.seen)
    world.party = lambda _: Reply(204)
    worked(environ | {"VAULT_ADDR": "https://elsewhere.example.com"}, "logout", "vault")
    assert [(seen.path, seen.headers["X-Vault-Token"]) for seen in service.seen[before:]] == [
        ("/v1/auth/token/revoke-self", VAULT_TOKEN)
    ]
    assert not (Path(environ["HOME"]) / ".vault-token").exists()


def test_a_token_that_cannot_be_kept_is_ended(environ: dict[str, str], world: World, service: Service) -> None:
    world.party = lambda seen: (
        Reply(204)
        if seen.path.endswith("revoke-self")
        else json_reply({"auth": {"client_token": VAULT_TOKEN, "lease_duration": 60}})
    )
    (Path(environ["HOME"]) / ".vault-token").mkdir()
    done = daypass(environ, "login", "vault", "--role", "demo")
    assert (done.returncode, done.stdout) == (3, "")
    assert (service.seen[-1].path, service.seen[-1].headers["X-Vault-Token"]) == (
        "/v1/auth/token/revoke-self",
        VAULT_TOKEN,
    )
    assert VAULT_TOKEN not in done.stderr


def test_what_a_login_replaces_is_told(environ: dict[str, str], world: World) -> None:
    path = Path(environ["HOME"]) / ".vault-token"
    path.write_text("hvs.of-a-person")
    for told in (True, False):
        world.records("vault", "granted")
        done = daypass(environ, "login", "vault", "--role", "demo")
        assert (done.returncode, mode(path), path.read_text()) == (0, 0o600, VAULT_TOKEN)
        assert ("not one of Daypass's" in done.stderr, "of-a-person" in done.stderr) == (told, False)
    account = ("--service-account", "deploy@demo.iam.gserviceaccount.com")
    for more, told in (((), False), ((), False), (account, True)):
        done = daypass(environ, "login", "gcp", "--provider", PROVIDER, *more)
        assert (done.returncode, "Another configuration was in" in done.stderr) == (0, told)


def test_vault_logout_leaves_a_token_of_somebody_else(environ: dict[str, str], service: Service) -> None:
    path = Path(environ["HOME"]) / ".vault-token"
    path.write_text("hvs.of-a-person")
    path.chmod(0o600)
    assert daypass(environ, "logout", "vault").returncode == 0
    assert path.read_text() == "hvs.of-a-person"
    assert service.seen == []


@pytest.mark.parametrize("unset", [["logout", "vault"], ["login", "vault", "--unset"]])
def test_vault_logout_goes_on_when_vault_does_not_know_the_token(
    environ: dict[str, str], world: World, unset: list[str]
) -> None:
    world.records("vault", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    told = "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"
    world.party = lambda _: json_reply({"errors": [told]}, 403)
    done = daypass(environ, *unset)
    assert (done.returncode, done.stderr) == (0, "The token had ended before.\n")
    assert not (Path(environ["HOME"]) / ".vault-token").exists()
    assert daypass(environ, *unset).stderr == "Nothing was there.\n"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Reply(400, b'{"errors": ["no"]}'), 1),
        # So it is for a role with token_no_default_policy: the token lives.
        (Reply(403, b'{"errors": ["1 error occurred:\\n\\t* permission denied\\n\\n"]}'), 1),
        (Reply(503, b""), 3),
    ],
)
def test_vault_logout_says_that_the_token_lasts(
    environ: dict[str, str], world: World, answer: Reply, status: int
) -> None:
    world.records("vault", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    world.party = lambda _: answer
    done = daypass(environ, "logout", "vault")
    assert done.returncode == status
    assert "lasts at Vault until its lease ends" in done.stderr
    assert not (Path(environ["HOME"]) / ".vault-token").exists()


def test_vault_logout_asks_nobody_of_a_batch_token_or_when_told_not_to(
    environ: dict[str, str], world: World, service: Service
) -> None:
    for case, more in (("granted-batch", []), ("granted", ["--no-revoke"])):
        world.records("vault", case)
        worked(environ, "login", "vault", "--role", "demo")
        before = len(service.seen)
        worked(environ, "logout", "vault", *more)
        assert len(service.seen) == before


def test_vault_says_what_keeps_vault_from_the_token(environ: dict[str, str], world: World) -> None:
    world.records("vault", "granted")
    (Path(environ["HOME"]) / ".vault").write_text('token_helper = "/usr/local/bin/helper"\n')
    done = daypass(environ | {"VAULT_TOKEN": "hvs.other"}, "login", "vault", "--role", "demo")
    assert done.returncode == 0
    assert "VAULT_TOKEN is set here" in done.stderr
    assert "token helper" in done.stderr
    assert "hvs." not in done.stderr


WRONG = {
    "vault --json --field token": "--json",
    "vault --audience=": "audience",
    "vault --path a/../b": "path",
    "vault --wait 0": "time to wait",
    "gcp": "--provider",
    f"gcp --provider {PROVIDER} --lifetime 600": "--service-account",
    f"gcp --provider {PROVIDER} --watch": "--source file",
    f"gcp --provider {PROVIDER} --sts-url http://sts.example.com": "--sts-url",
    f"gcp --provider {PROVIDER} --service-account me": "service account",
    f"azure --client-id {CLIENT}": "--tenant-id",
    "azure --client-id x --tenant-id y": "id of an application",
    "kubernetes --cluster demo": "--server",
    "kubernetes --cluster demo --server https://k.example.com --merge --kubeconfig f": "--merge",
    "kubernetes --cluster demo --server https://k.example.com --merge --exec-version v1": "--exec-version",
    "kubernetes --cluster demo --server https://k.example.com --namespace A": "namespace",
    "kubernetes --cluster demo --server https://[k.example.com": "cannot be read",
    "kubernetes --cluster demo --server https://k.example.com:port": "cannot be read",
    "kubernetes --cluster demo --server https://k.example.com/?a=b": "query",
    f"azure --client-id {CLIENT} --tenant-id {TENANT} --authority-host https://[a": "authority host",
    f"azure --client-id {CLIENT} --tenant-id {TENANT} --authority-host https://a#b": "authority host",
    f"gcp --provider {PROVIDER} --sts-url https://sts.example.com/?a=b": "--sts-url",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_told_before_anybody_is_asked(environ: dict[str, str], service: Service, words: str) -> None:
    done = daypass(environ, "login", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert WRONG[words] in done.stderr
    assert service.seen == []


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("vault --role demo", Reply(200, b"<html>", "text/html")),
        ("vault --role demo", json_reply({"auth": None})),
        ("vault --role demo", json_reply({"auth": {"client_token": "two words"}})),
        ("gcp --check", json_reply({"access_token": ""})),
        ("azure --check", json_reply(["access_token"])),
        ("kubernetes --check", json_reply({"status": {}}, 201)),
    ],
)
def test_an_answer_of_something_else_is_no_login(
    environ: dict[str, str], world: World, service: Service, words: str, answer: Reply
) -> None:
    world.party = lambda _: answer
    party, *rest = words.split()
    where = {
        "vault": [],
        "gcp": ["--provider", PROVIDER, "--sts-url", service.url],
        "azure": ["--client-id", CLIENT, "--tenant-id", TENANT, "--authority-host", service.url],
        "kubernetes": ["--cluster", "demo", "--server", service.url, "--ca", str(service.authority)],
    }[party]
    done = daypass(environ, "login", party, *where, *rest)
    assert (done.returncode, done.stdout) == (3, "")
    assert {path.name for path in Path(environ["HOME"]).iterdir()} <= {"secret", ".cache"}


def test_hvac_reads_the_token(
    environ: dict[str, str], world: World, service: Service, client_environment: pytest.MonkeyPatch
) -> None:
    hvac = pytest.importorskip("hvac", reason="hvac is not installed")
    world.records("vault", "granted")
    worked(environ, "login", "vault", "--role", "demo")
    answer = {"data": {"id": VAULT_TOKEN, "policies": ["default", "deploy"], "ttl": 2764000}}
    world.party = lambda _: json_reply(answer)
    client = hvac.Client(url=service.url, verify=str(service.authority))
    assert client.auth.token.lookup_self()["data"]["policies"] == ["default", "deploy"]
    assert service.seen[-1].headers["X-Vault-Token"] == VAULT_TOKEN


# -------------------------------------------------------------------------------------------------------------- gcp


def gcp_login(environ: Mapping[str, str], service: Service, *more: str) -> dict[str, Any]:
    urls = ("--sts-url", service.url, "--iam-credentials-url", service.url)
    shown: dict[str, Any] = json.loads(worked(environ, "login", "gcp", "--provider", PROVIDER, *urls, "--json", *more))
    return shown


def test_gcp_points_to_google_and_holds_no_secret(environ: dict[str, str], service: Service) -> None:
    shown = worked(environ, "login", "gcp", "--provider", f"//iam.googleapis.com/{PROVIDER}")
    path = Path(environ["HOME"]) / ".config" / "daypass" / "gcp.json"
    document = json.loads(path.read_text())
    assert str(path) in shown
    assert mode(path) == 0o600
    assert document["token_url"] == "https://sts.googleapis.com/v1/token"
    assert document["audience"] == f"//iam.googleapis.com/{PROVIDER}"
    command = document["credential_source"]["executable"]["command"]
    assert command.endswith(f"idp credentials gcp --audience https://iam.googleapis.com/{PROVIDER}")
    assert service.seen == []


@pytest.mark.parametrize("source", ["executable", "file"])
@pytest.mark.parametrize("account", [[], ["--service-account", "deploy@demo.iam.gserviceaccount.com"]])
def test_google_auth_reads_it(
    environ: dict[str, str],
    world: World,
    service: Service,
    client_environment: pytest.MonkeyPatch,
    source: str,
    account: list[str],
) -> None:
    google_auth = pytest.importorskip("google.auth", reason="google-auth is not installed")
    requests = pytest.importorskip("google.auth.transport.requests")
    shown = gcp_login(environ, service, "--source", source, *account)
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"):
        if name in shown:
            client_environment.setenv(name, shown[name])
    client_environment.setenv("GOOGLE_CLOUD_PROJECT", "demo")
    asked: list[Seen] = []

    def google(seen: Seen) -> Reply:
        asked.append(seen)
        end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if seen.path == "/v1/token":
            found = recorded("gcp", "exchanged")["exchanges"][0]["answer"]["body"]
            return json_reply(found)
        return json_reply({"accessToken": "ya29.c.EXAMPLE-account", "expireTime": end})

    world.party = google
    credentials, _ = google_auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    with requests.requests.Session() as session:
        credentials.refresh(requests.Request(session))
    wanted = recorded("gcp", "impersonated" if account else "exchanged")["exchanges"]
    form = asked[0].form
    token = form.pop("subject_token")
    assert peek(token).claims["aud"] == f"https://iam.googleapis.com/{PROVIDER}"
    ours = {name: value for name, value in wanted[0]["request"]["form"].items() if name != "subject_token"}
    assert {name: form[name] for name in ours if name != "scope"} == {
        name: value for name, value in ours.items() if name != "scope"
    }
    assert [seen.path for seen in asked] == [exchange["request"]["path"] for exchange in wanted]
    assert credentials.token == ("ya29.c.EXAMPLE-account" if account else "ya29.d.EXAMPLE-federated")


@needs_gcloud
def test_gcloud_reads_it(environ: dict[str, str], world: World, service: Service) -> None:
    shown = gcp_login(environ, service, "--service-account", "deploy@demo.iam.gserviceaccount.com")
    asked: list[str] = []

    def google(seen: Seen) -> Reply:
        asked.append(seen.path)
        if seen.path == "/v1/token":
            return json_reply(recorded("gcp", "exchanged")["exchanges"][0]["answer"]["body"])
        end = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json_reply({"accessToken": "ya29.c.EXAMPLE-account", "expireTime": end})

    world.party = google
    settings = {
        **{name: value for name, value in shown.items() if name.isupper()},
        "CLOUDSDK_CONFIG": f"{environ['HOME']}/gcloud",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": str(service.authority),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1",
    }
    done = subprocess.run(
        ["gcloud", "auth", "print-access-token"],
        env={**environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ya29.c.EXAMPLE-account\n"), done.stderr
    assert asked[-2:] == ["/v1/token", GENERATE]


def test_gcp_check_tells_what_to_do(environ: dict[str, str], world: World, service: Service) -> None:
    urls = ("--sts-url", service.url, "--iam-credentials-url", service.url)
    account = ("--service-account", "deploy@demo.iam.gserviceaccount.com")
    server = world.records("gcp", "account-denied")
    done = daypass(environ, "login", "gcp", "--provider", PROVIDER, *urls, *account, "--check")
    assert (done.returncode, server.wrong) == (1, [])
    assert "roles/iam.workloadIdentityUser" in done.stderr
    assert not (Path(environ["HOME"]) / ".config").exists()
    server = world.records("gcp", "provider-gone", "impersonated")
    shown = gcp_login(environ, service, *account, "--check", "--wait", "20")
    assert (shown["checked"], server.wrong) == ("Google gives access tokens of 3600 seconds", [])


def test_gcp_program_answers_a_library_in_its_own_form(environ: dict[str, str], world: World) -> None:
    audience = f"https://iam.googleapis.com/{PROVIDER}"
    library = environ | {"GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE": "urn:ietf:params:oauth:token-type:jwt"}
    done = daypass(library, "credentials", "gcp", "--audience", audience)
    response = json.loads(done.stdout)
    claims = peek(response["id_token"]).claims
    assert (done.stderr, response["version"], response["success"]) == ("", 1, True)
    assert (claims["aud"], claims["exp"]) == (audience, response["expiration_time"])
    for name in ("DAYPASS_URL", "DAYPASS_TOKEN_FILE"):
        del library[name]
    done = daypass(library, "credentials", "gcp", "--audience", audience)
    failure = json.loads(done.stdout)
    assert (done.stderr, done.returncode, failure["success"]) == ("", 3, False)
    assert failure["code"] == "no_token_source"
    assert failure["message"]


def test_gcp_leaves_other_files_alone(environ: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account"}')
    done = daypass(environ, "login", "gcp", "--provider", PROVIDER, "--output", str(key))
    assert done.returncode == 2
    assert daypass(environ, "logout", "gcp", "--output", str(key)).returncode == 2
    assert key.read_text() == '{"type": "service_account"}'


def test_gcp_leaves_the_external_accounts_of_others(environ: dict[str, str], tmp_path: Path) -> None:
    """A configuration that gcloud or another tool made, whatever its source is."""
    for source in ({"file": "/run/token"}, {"executable": {"command": "/opt/other idp token"}}, {"url": "http://x"}):
        other = tmp_path / "other.json"
        content = json.dumps({"type": "external_account", "audience": "//iam", "credential_source": source})
        other.write_text(content)
        done = daypass(environ, "login", "gcp", "--provider", PROVIDER, "--output", str(other))
        assert (done.returncode, "is not a configuration that Daypass wrote" in done.stderr) == (2, True)
        assert daypass(environ, "logout", "gcp", "--output", str(other)).returncode == 2
        assert other.read_text() == content


def test_gcp_logout_takes_the_token_that_the_configuration_names(environ: dict[str, str], tmp_path: Path) -> None:
    token, config = tmp_path / "token", tmp_path / "gcp.json"
    where = ("--output", str(config))
    worked(environ, "login", "gcp", "--provider", PROVIDER, "--source", "file", "--token-file", str(token), *where)
    assert mode(token) == 0o600
    worked(environ, "logout", "gcp", *where)
    assert list(tmp_path.glob("*token*")) == []


def test_gcp_file_and_its_logout(environ: dict[str, str], tmp_path: Path) -> None:
    chosen = tmp_path / "gcp.json"
    where = ("--output", str(chosen))
    shown = worked(environ, "login", "gcp", "--provider", PROVIDER, "--source", "file", *where)
    (token,) = kept_tokens(environ, "gcp")
    assert "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES" not in shown
    assert json.loads(chosen.read_text())["credential_source"]["file"] == str(token)
    assert mode(token) == 0o600
    assert worked(environ, "login", "gcp", "--unset", *where).splitlines() == [str(chosen), str(token)]
    assert not chosen.exists()
    assert not token.exists()
    assert worked(environ, "logout", "gcp", *where) == ""


def test_gcp_passes_on_where_the_token_is_from(environ: dict[str, str]) -> None:
    worked(environ, "login", "gcp", "--provider", PROVIDER, "--token-source", "daypass", "--scope", "org")
    document = json.loads((Path(environ["HOME"]) / ".config" / "daypass" / "gcp.json").read_text())
    assert document["credential_source"]["executable"]["command"].endswith(" --token-source daypass --scope org")


def test_gcp_env_and_logout(environ: dict[str, str]) -> None:
    lines = worked(environ, "env", "gcp", "--provider", PROVIDER, "--shell", "fish").splitlines()
    path = Path(environ["HOME"]) / ".config" / "daypass" / "gcp.json"
    assert lines == [
        f"set -gx GOOGLE_APPLICATION_CREDENTIALS '{path}'",
        f"set -gx CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE '{path}'",
        "set -gx GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES '1'",
    ]
    assert worked(environ, "env", "gcp", "--unset").startswith("unset GOOGLE_APPLICATION_CREDENTIALS\n")
    worked(environ, "logout", "gcp")
    assert not path.exists()


@pytest.mark.parametrize(
    "provider",
    [
        "projects/my-project/locations/global/workloadIdentityPools/ci-pool/providers/daypass",
        "ci-pool",
        PROVIDER + "/x",
    ],
)
def test_gcp_refuses_what_is_no_provider(environ: dict[str, str], provider: str) -> None:
    assert daypass(environ, "login", "gcp", "--provider", provider).returncode == 2


# ------------------------------------------------------------------------------------------------------------ azure


def azure_login(environ: Mapping[str, str], service: Service, *more: str) -> dict[str, Any]:
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--authority-host", service.url)
    shown: dict[str, Any] = json.loads(worked(environ, "login", "azure", *ids, "--json", *more))
    return shown


def entra(service: Service, seen: Seen) -> Reply:
    """Entra, as far as Microsoft's own library looks at it before it asks for a token."""
    base = f"{service.url}/{TENANT}"
    if seen.path.startswith(f"/{TENANT}/v2.0/.well-known/openid-configuration"):
        return json_reply(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        )
    if seen.path == f"/{TENANT}/oauth2/v2.0/token":
        return json_reply(recorded("azure", "granted")["exchanges"][0]["answer"]["body"])
    return Reply(404, b"{}")


def test_azure_identity_reads_it(
    environ: dict[str, str], world: World, service: Service, client_environment: pytest.MonkeyPatch
) -> None:
    identity = pytest.importorskip("azure.identity", reason="azure-identity is not installed")
    shown = azure_login(environ, service)
    token_file = Path(shown["AZURE_FEDERATED_TOKEN_FILE"])
    assert mode(token_file) == 0o600
    assert peek(token_file.read_text()).claims["aud"] == "api://AzureADTokenExchange"
    for name, value in shown.items():
        if name.startswith("AZURE_"):
            client_environment.setenv(name, value)
    world.party = lambda seen: entra(service, seen)
    with identity.WorkloadIdentityCredential(disable_instance_discovery=True) as credential:
        assert (
            credential.get_token("https://management.azure.com/.default").token == "eyJ0eXAiOiJKV1Qi.EXAMPLE.signature"
        )
    asked = next(seen for seen in service.seen if seen.path.endswith("/oauth2/v2.0/token"))
    wanted = recorded("azure", "granted")["exchanges"][0]["request"]["form"]
    form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
    assert {name: form[name] for name in wanted} == {**wanted, "client_assertion": token_file.read_text()}


def test_azure_check_tells_what_to_do(environ: dict[str, str], world: World, service: Service) -> None:
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--authority-host", service.url)
    server = world.records("azure", "subject-case")
    done = daypass(environ, "login", "azure", *ids, "--check")
    assert (done.returncode, server.wrong) == (1, [])
    assert "AADSTS7002138" in done.stderr
    assert "upper and lower case" in done.stderr
    assert f"  sub  {CLAIMS['sub']}" in done.stderr
    server = world.records("azure", "subject", "granted")
    assert azure_login(environ, service, "--check", "--wait")["checked"].endswith("86399 seconds")
    assert server.wrong == []


def test_azure_env_in_a_national_cloud(environ: dict[str, str], service: Service) -> None:
    ids = {"AZURE_CLIENT_ID": CLIENT, "AZURE_TENANT_ID": TENANT, "AZURE_AUTHORITY_HOST": "login.microsoftonline.us"}
    lines = worked(environ | ids, "env", "azure").splitlines()
    assert f"export AZURE_TENANT_ID={TENANT}" in lines
    assert "export AZURE_AUTHORITY_HOST=https://login.microsoftonline.us/" in lines
    assert service.seen[0].json["audience"] == ["api://AzureADTokenExchangeUSGov"]
    (path,) = kept_tokens(environ, "azure")
    worked(environ, "logout", "azure")
    assert not path.exists()


def test_azure_unset_takes_variables_and_file(environ: dict[str, str], tmp_path: Path) -> None:
    token = tmp_path / "token"
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--token-file", str(token))
    worked(environ, "env", "azure", *ids)
    assert mode(token) == 0o600
    lines = worked(environ, "env", "azure", "--unset", "--shell", "powershell").splitlines()
    assert lines[0] == "Remove-Item -ErrorAction Ignore Env:AZURE_CLIENT_ID"
    assert len(lines) == 4
    assert daypass(environ, "env", "azure", "--unset", "--github-env").returncode == 2
    assert worked(environ, "login", "azure", "--unset", "--token-file", str(token)) == f"{token}\n"
    assert daypass(environ, "logout", "azure", "--token-file", str(token)).stderr.startswith("Nothing was there.")


def test_a_file_that_holds_no_token_is_not_taken_for_one(environ: dict[str, str], tmp_path: Path) -> None:
    key = tmp_path / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--token-file", str(key))
    for words in (("login", "azure", *ids), ("logout", "azure", "--token-file", str(key))):
        assert daypass(environ, *words).returncode == 2
        assert key.read_text().startswith("-----BEGIN")


@pytest.mark.parametrize(
    "words",
    [
        "login vault --role demo",
        f"login azure --client-id {CLIENT} --tenant-id {TENANT} --authority-host {{url}} --check",
        f"env azure --client-id {CLIENT} --tenant-id {TENANT}",
        f"login gcp --provider {PROVIDER} --sts-url {{url}} --check",
        "login kubernetes --cluster demo --server {url} --check",
        "credentials kubernetes --audience https://k.example.com",
        f"credentials gcp --audience https://iam.googleapis.com/{PROVIDER}",
    ],
)
@pytest.mark.parametrize("source", ["file", "gitlab", "gitlab-by-hand"])
def test_a_token_for_aws_goes_to_nobody_else(
    environ: dict[str, str], service: Service, tmp_path: Path, words: str, source: str
) -> None:
    """Whoever runs that Vault, or that cluster, could be us at AWS with it."""
    token = fresh("sts.amazonaws.com")
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)
    job = {name: value for name, value in environ.items() if not name.startswith("DAYPASS_")}
    job |= {"GITLAB_CI": "true", "CI_SERVER_URL": str(CLAIMS["iss"]), "AWS_ID_TOKEN": token}
    by_hand = {"file": f"file:{file}", "gitlab": "auto", "gitlab-by-hand": "gitlab:AWS_ID_TOKEN"}[source]
    done = daypass(job, *words.format(url=service.url).split(), "--token-source", by_hand)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is for `sts.amazonaws.com`" in done.stderr
    assert "--audience" in done.stderr
    assert token.split(".")[1] not in done.stderr
    assert service.seen == []


def test_two_jobs_of_one_user_have_files_of_their_own(environ: dict[str, str]) -> None:
    """One job's Azure SDK does not act with the other's identity, and its logout leaves the other's token."""
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT)
    worked(environ | {"CI_JOB_ID": "1"}, "login", "azure", *ids)
    (first,) = kept_tokens(environ, "azure")
    worked(environ | {"CI_JOB_ID": "2"}, "login", "azure", *ids)
    (second,) = set(kept_tokens(environ, "azure")) - {first}
    worked(environ | {"CI_JOB_ID": "2", "AZURE_FEDERATED_TOKEN_FILE": str(second)}, "logout", "azure")
    assert kept_tokens(environ, "azure") == [first]


def test_azure_watch_ends_with_its_parent_and_leaves_the_file(environ: dict[str, str], tmp_path: Path) -> None:
    token = tmp_path / "token"
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--token-file", str(token))
    with subprocess.Popen(["sleep", "1"]) as parent:
        worked(environ, "login", "azure", *ids, "--watch", "--parent", str(parent.pid))
    assert peek(token.read_text()).claims["aud"] == "api://AzureADTokenExchange"


def test_azure_env_gives_to_the_next_steps_of_a_job(environ: dict[str, str], tmp_path: Path) -> None:
    target = tmp_path / "github_env"
    target.touch()
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--github-env")
    assert worked(environ | {"GITHUB_ENV": str(target)}, "env", "azure", *ids) == ""
    assert f"\n{CLIENT}\n" in target.read_text()


def test_the_token_is_kept_fresh_until_the_parent_ends(environ: dict[str, str], service: Service) -> None:
    """A token of 2 seconds is replaced again and again, and no process is left behind."""

    def short(seen: Seen) -> Reply:
        now = int(time.time())
        return json_reply({"token": identity_token(aud=AZURE, iat=now, exp=now + 2, jti=str(time.time_ns()))})

    service.answer = short
    with subprocess.Popen(["sleep", "60"]) as parent:
        try:
            worked(
                environ,
                "env",
                "azure",
                "--client-id",
                CLIENT,
                "--tenant-id",
                TENANT,
                "--background",
                "--parent",
                str(parent.pid),
            )
            (path,) = kept_tokens(environ, "azure")
            seen = {path.read_text()}
            end = time.monotonic() + 20
            while len(seen) < 4 and time.monotonic() < end:
                time.sleep(0.1)
                seen.add(path.read_text())
        finally:
            parent.kill()
    assert len(seen) >= 4
    end = time.monotonic() + 20
    while _of(environ) and time.monotonic() < end:
        time.sleep(0.1)
    assert _of(environ) == []


def test_who_keeps_a_token_says_why_it_gave_up_and_ends_with_a_logout(
    environ: dict[str, str], service: Service, tmp_path: Path
) -> None:
    """The issuer refuses for good: the reason is in a file. The token was taken away: it does not come back."""
    answers = [200]

    def short(_: Seen) -> Reply:
        now = int(time.time())
        if answers[0] != 200:
            return problem(401, "credential_unknown", "the workload is \x1b[2Jgone")
        return json_reply({"token": identity_token(aud=AZURE, iat=now, exp=now + 2, jti=str(time.time_ns()))})

    service.answer = short
    token, failure = tmp_path / "token", tmp_path / "token.failed"
    ids = ("--client-id", CLIENT, "--tenant-id", TENANT, "--token-file", str(token))
    with subprocess.Popen(["sleep", "60"]) as parent:
        try:
            background = ("--background", "--parent", str(parent.pid))
            shown = daypass(environ, "login", "azure", *ids, *background)
            assert (shown.returncode, str(failure) in shown.stderr) == (0, True)
            answers[0] = 403
            assert patiently(failure.exists)
            assert "gone" in failure.read_text()
            assert "\x1b" not in failure.read_text()
            assert mode(failure) == 0o600
            assert patiently(lambda: _of(environ) == [])

            answers[0] = 200
            worked(environ, "login", "azure", *ids, *background)
            assert not failure.exists()
            worked(environ, "logout", "azure", "--token-file", str(token))
            assert patiently(lambda: _of(environ) == [])
            assert list(tmp_path.glob("token*")) == []
        finally:
            parent.kill()


@pytest.mark.parametrize("behind", ["", "2>/dev/null", "|| exit 4"])
def test_a_shell_has_a_fresh_token_until_it_ends(environ: dict[str, str], tmp_path: Path, behind: str) -> None:
    ids = f"--client-id {CLIENT} --tenant-id {TENANT}"
    script = f"""
        eval "$({sys.executable} -m daypass idp env azure {ids} --background {behind})"
        sleep 0.5
        test "$(grep -lz "^HOME=$HOME$" /proc/[0-9]*/environ 2>/dev/null | wc -l)" -ge 2  # this shell, and who keeps it
        cat "$AZURE_FEDERATED_TOKEN_FILE"
        {sys.executable} -c 'import sys; sys.exit(3)'
    """
    done = bash(script, environment=environ, folder=tmp_path)
    assert (done.returncode, peek(done.stdout).claims["aud"]) == (3, "api://AzureADTokenExchange")
    end = time.monotonic() + 20
    while _of(environ) and time.monotonic() < end:
        time.sleep(0.1)
    assert _of(environ) == []


def patiently(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something comes to hold in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _of(environ: Mapping[str, str]) -> list[str]:
    """The processes that have this home."""
    mark, found = f"HOME={environ['HOME']}\0".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            found += [path.parent.name] if mark in path.read_bytes() else []
    return found


# ------------------------------------------------------------------------------------------------------- kubernetes


class ApiServer:
    """An API server's front: it takes our tokens for its own address, by the key set, and lists one namespace."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = KeySet.parse(KeySet([private_key().public]).document())
        self.refused = threading.Event()

    def __call__(self, seen: Seen) -> Reply:
        headers = {name.lower(): value for name, value in seen.headers.items()}
        token = headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = verify(
                token,
                keys=self.keys,
                issuer=CLAIMS["iss"],
                audience=self.url,
                algorithms={"ES256"},
                now=datetime.now(UTC),
            )
        except Exception:  # noqa: BLE001 - whatever is wrong, nobody gets in
            self.refused.set()
            return json_reply(
                {
                    "kind": "Status",
                    "apiVersion": "v1",
                    "status": "Failure",
                    "reason": "Unauthorized",
                    "message": "Unauthorized",
                    "code": 401,
                },
                401,
            )
        match seen.path.partition("?")[0]:
            case "/apis/authentication.k8s.io/v1/selfsubjectreviews":
                info = {"username": f"daypass:{claims['sub']}", "groups": ["system:authenticated"]}
                return json_reply(
                    {
                        "kind": "SelfSubjectReview",
                        "apiVersion": "authentication.k8s.io/v1",
                        "status": {"userInfo": info},
                    },
                    201,
                )
            case "/api/v1/namespaces":
                names = [{"metadata": {"name": "payments"}, "spec": {}, "status": {"phase": "Active"}}]
                return json_reply({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": names})
            case "/api":
                return json_reply({"kind": "APIVersions", "versions": ["v1"]})
            case "/apis":
                return json_reply({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
            case "/api/v1":
                resource = {
                    "name": "namespaces",
                    "singularName": "namespace",
                    "namespaced": False,
                    "kind": "Namespace",
                    "verbs": ["get", "list"],
                }
                return json_reply({"kind": "APIResourceList", "groupVersion": "v1", "resources": [resource]})
        return json_reply(
            {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}, 404
        )


def kubernetes_login(environ: Mapping[str, str], service: Service, *more: str) -> dict[str, Any]:
    where = ("--cluster", "demo", "--server", service.url, "--ca", str(service.authority))
    shown: dict[str, Any] = json.loads(worked(environ, "login", "kubernetes", *where, "--json", *more))
    return shown


def kubectl(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["kubectl", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


@needs_kubectl
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_kubectl_gets_in(environ: dict[str, str], world: World, service: Service, version: str) -> None:
    world.party = ApiServer(service.url)
    shown = kubernetes_login(environ, service, "--check", "--exec-version", version, "--namespace", "payments")
    assert shown["username"] == f"daypass:{CLAIMS['sub']}"
    assert mode(Path(shown["kubeconfig"])) == 0o600
    minted = world.minted
    for _ in range(3):
        done = kubectl(environ, "--kubeconfig", shown["kubeconfig"], "get", "namespaces", "-o", "name")
        assert (done.returncode, done.stdout) == (0, "namespace/payments\n"), done.stderr
    assert world.minted == minted + 1
    (kept,) = (Path(environ["HOME"]) / ".cache" / "daypass" / "kubernetes").glob("*.json")
    assert mode(kept) == 0o600
    worked(environ, "logout", "kubernetes", "--cluster", "demo")
    assert not kept.exists()
    assert not Path(shown["kubeconfig"]).exists()


@needs_kubectl
def test_kubectl_puts_it_among_other_entries(environ: dict[str, str], world: World, service: Service) -> None:
    world.party = ApiServer(service.url)
    config = Path(environ["HOME"]) / ".kube" / "config"
    config.parent.mkdir()
    before: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "work", "cluster": {"server": "https://work.example.com"}}],
        "users": [{"name": "me", "user": {"token": "of a person"}}],
        "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
        "current-context": "work",
    }
    config.write_text(yaml.safe_dump(before))
    kubernetes_login(environ, service, "--merge", "--context", "pay.ments")
    after = yaml.safe_load(config.read_text())
    for kind in ("clusters", "users", "contexts"):
        assert before[kind][0] in after[kind]
        assert len(after[kind]) == 2
    assert after["current-context"] == "work"
    done = kubectl(environ, "--context", "pay.ments", "get", "namespaces", "-o", "name")
    assert (done.returncode, done.stdout) == (0, "namespace/payments\n"), done.stderr
    shown = worked(environ, "logout", "kubernetes", "--cluster", "demo", "--merge").splitlines()
    assert shown == ["context pay.ments", "user daypass-demo", "cluster demo"]
    final = yaml.safe_load(config.read_text())
    assert {kind: final[kind] for kind in before} == before


@needs_kubectl
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], "the context `demo`"),
        (["--context", "mine", "--user", "me"], "the user `me`"),
        (["--context", "mine"], "the cluster `demo`"),
    ],
)
def test_entries_of_somebody_else_are_not_written_over(
    environ: dict[str, str], service: Service, options: list[str], told: str
) -> None:
    config = Path(environ["HOME"]) / ".kube" / "config"
    config.parent.mkdir()
    before = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "demo", "cluster": {"server": "https://prod.example.com"}}],
            "users": [{"name": "me", "user": {"token": "of a person"}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "me"}}],
        }
    )
    config.write_text(before)
    where = ("--cluster", "demo", "--server", service.url, "--merge")
    done = daypass(environ, "login", "kubernetes", *where, *options)
    assert (done.returncode, told in done.stderr) == (2, True)
    assert config.read_text() == before


@needs_kubectl
def test_kubectl_takes_each_word_of_the_plugin_as_one(environ: dict[str, str], service: Service) -> None:
    source = 'command:token --for "a, b"'
    for _ in range(2):  # the second time the entries are ours
        kubernetes_login(environ, service, "--merge", "--token-source", source, "--audience", "a,b")
    document = yaml.safe_load((Path(environ["HOME"]) / ".kube" / "config").read_text())
    args = document["users"][0]["user"]["exec"]["args"]
    assert args[-7:] == ["idp", "credentials", "kubernetes", "--audience", "a,b", "--token-source", source]


def test_clusters_with_like_names_have_files_of_their_own(environ: dict[str, str]) -> None:
    for number, name in enumerate(("a/b", "a:b", "a_b"), start=1):
        worked(environ, "login", "kubernetes", "--cluster", name, "--server", "https://k.example.com")
        assert len(list((Path(environ["HOME"]) / ".kube").iterdir())) == number
    worked(environ, "logout", "kubernetes", "--cluster", "a/b")
    assert len(list((Path(environ["HOME"]) / ".kube").iterdir())) == 2


def test_without_kubectl_nothing_is_merged(environ: dict[str, str], tmp_path: Path) -> None:
    alone = {**environ, "PATH": str(tmp_path)}
    where = ("--cluster", "demo", "--server", "https://k.example.com", "--merge")
    for words in (("login", "kubernetes", *where), ("logout", "kubernetes", "--cluster", "demo", "--merge")):
        done = daypass(alone, *words)
        assert (done.returncode, done.stderr.splitlines()[0]) == (3, "daypass: kubectl is not here")


@needs_kubectl
def test_a_kubeconfig_that_kubectl_cannot_read_is_left_to_its_owner(environ: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "broken"
    config.write_text("users: [\n")
    where = ("--cluster", "demo", "--server", "https://k.example.com", "--merge")
    done = daypass({**environ, "KUBECONFIG": str(config)}, "login", "kubernetes", *where)
    assert done.returncode == 3
    assert "kubectl config view failed" in done.stderr
    assert config.read_text() == "users: [\n"


def test_a_kubeconfig_that_is_no_yaml_stays(environ: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "broken"
    config.write_text("users: [\n")
    where = ("--cluster", "demo", "--server", "https://k.example.com", "--kubeconfig", str(config))
    assert daypass(environ, "login", "kubernetes", *where).returncode == 2
    assert config.read_text() == "users: [\n"
    assert daypass(environ, "login", "kubernetes", *where, "--unset").returncode == 2


def test_the_python_client_gets_in(
    environ: dict[str, str], world: World, service: Service, client_environment: pytest.MonkeyPatch
) -> None:
    client = pytest.importorskip("kubernetes", reason="the Kubernetes client is not installed")
    world.party = ApiServer(service.url)
    shown = kubernetes_login(environ, service)
    api = client.config.new_client_from_config(config_file=shown["kubeconfig"])
    try:
        names = client.client.CoreV1Api(api).list_namespace(_preload_content=False)
        assert json.loads(names.data)["items"][0]["metadata"]["name"] == "payments"
    finally:
        api.rest_client.pool_manager.clear()
        api.close()


def test_an_api_server_that_knows_nobody_is_explained(environ: dict[str, str], world: World, service: Service) -> None:
    server = world.party = ApiServer("https://another.example.com")
    where = ("--cluster", "demo", "--server", service.url, "--ca", str(service.authority))
    done = daypass(environ, "login", "kubernetes", *where, "--check")
    assert done.returncode == 1
    assert server.refused.is_set()
    assert "AuthenticationConfiguration" in done.stderr
    assert f"  aud  {service.url}" in done.stderr
    assert not (Path(environ["HOME"]) / ".kube").exists()


def test_many_plugins_ask_for_one_token(environ: dict[str, str], world: World) -> None:
    command = [*DAYPASS, "idp", "credentials", "kubernetes", "--audience", "https://k8s.example.com"]
    running = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(12)]
    answers = {process.communicate(timeout=60)[0] for process in running}
    assert {process.returncode for process in running} == {0}
    assert len({json.loads(answer)["status"]["token"] for answer in answers}) == 1
    assert world.minted == 1
    left = datetime.fromisoformat(json.loads(answers.pop())["status"]["expirationTimestamp"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < left < timedelta(minutes=56)


def test_another_job_gets_no_kept_token(environ: dict[str, str], world: World) -> None:
    command = ("credentials", "kubernetes", "--audience", "https://k8s.example.com")
    worked(environ, *command)
    worked(environ | {"CI_JOB_ID": "4712"}, *command)
    worked(environ, *command, "--no-cache")
    worked(environ, "credentials", "kubernetes", "--audience", "https://other.example.com")
    assert world.minted == 4


def test_a_client_that_asks_for_another_version_is_refused(environ: dict[str, str], world: World) -> None:
    command = ("credentials", "kubernetes", "--audience", "https://k8s.example.com")
    for asked in ('{"apiVersion": "client.authentication.k8s.io/v1alpha1"}', "[]", "{"):
        assert daypass(environ | {"KUBERNETES_EXEC_INFO": asked}, *command).returncode == 2
    assert world.minted == 0


def test_a_kubeconfig_of_somebody_else_stays(environ: dict[str, str], service: Service, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("users: [{name: me, user: {token: mine}}]\n")
    where = ("--cluster", "demo", "--server", service.url, "--kubeconfig", str(config))
    assert daypass(environ, "login", "kubernetes", *where).returncode == 2
    assert daypass(environ, "logout", "kubernetes", "--cluster", "demo", "--kubeconfig", str(config)).returncode == 2
    assert config.read_text() == "users: [{name: me, user: {token: mine}}]\n"


def test_no_party_is_loaded_by_a_login_to_aws() -> None:
    code = (
        "import sys; import daypass.cli.idp as i; i.parser().parse_args(['login', 'aws']);"
        "print([m for m in sys.modules if 'relying' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
