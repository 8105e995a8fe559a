"""One local AWS that trusts three issuers of CI platforms, and jobs that run the drop-ins as the platforms do."""

from __future__ import annotations

import http.server
import json
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from support.foreign_issuer import ForeignIssuer, foreign_issuer
from support.processes import DAYPASS, bash, clean_environment, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
INTEGRATIONS = ROOT / "integrations"
ACCOUNT = "111122223333"
ISSUERS = {
    "gitlab": "https://gitlab.example.com",
    "github": "https://token.actions.githubusercontent.com",
    # For the platforms of which only the way to the token matters here, not the claims.
    "other": "https://ci.example.com",
}
SUBJECTS = {
    "gitlab": "project_path:mygroup/myproject:ref_type:branch:ref:main",
    "github": "repo:octo-org/octo-repo:ref:refs/heads/main",
    "other": "pipeline:deploy",
}
AUDIENCES = ["sts.amazonaws.com", "api://AzureADTokenExchange"]


def role(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@dataclass(frozen=True, slots=True)
class Platform:
    """The issuers, by name, and the environment of a runner that reaches the local AWS."""

    issuers: dict[str, ForeignIssuer]
    runner: dict[str, str]

    def token(self, name: str, **changes: Any) -> str:
        """An ID token of this issuer, of the shape of its platform, that may enter the roles."""
        now = int(time.time())
        claims = {"iss": ISSUERS[name], "sub": SUBJECTS[name], "aud": AUDIENCES[0], "jti": str(uuid.uuid4())}
        times = {"iat": now, "nbf": now - 5, "exp": now + 3600}
        own: dict[str, dict[str, Any]] = {
            "gitlab": {"project_path": "mygroup/myproject", "pipeline_id": "574", "ref": "main", "ref_type": "branch"},
            "github": {"repository": "octo-org/octo-repo", "ref": "refs/heads/main", "run_id": "1658821493"},
            "other": {},
        }
        return self.issuers[name].sign(claims | times | own[name] | changes)


def _trust(name: str, subject: str) -> dict[str, Any]:
    host = ISSUERS[name].removeprefix("https://")
    equals = {f"{host}:sub": subject, f"{host}:aud": AUDIENCES}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": equals},
    }


@contextmanager
def ci_platforms(base: Path) -> Iterator[Platform]:
    """A local AWS with the roles `deploy` and `audit` for the subjects, and `locked`, which is not theirs."""
    folders = {name: base / name for name in ISSUERS}
    for folder in folders.values():
        folder.mkdir()
    with (
        foreign_issuer(ISSUERS["gitlab"], folders["gitlab"]) as gitlab,
        foreign_issuer(ISSUERS["github"], folders["github"]) as github,
        foreign_issuer(ISSUERS["other"], folders["other"]) as other,
    ):
        issuers = {"gitlab": gitlab, "github": github, "other": other}
        ready = base / "endpoint"
        command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
        for issuer in issuers.values():
            command += ["--trust-ca", str(issuer.ca_file)]
            command += ["--connect-to", f"{issuer.host}:443=127.0.0.1:{issuer.port}"]
        with running(command, environment=clean_environment(base), ready=ready, log=base / "aws.log"):
            runner = {"AWS_ENDPOINT_URL": ready.read_text().strip(), "AWS_DEFAULT_REGION": "us-east-1"}
            _provide(base, runner)
            yield Platform(issuers, runner)


def _provide(folder: Path, runner: dict[str, str]) -> None:
    lines = []
    for name, url in ISSUERS.items():
        provider = folder / f"{name}.json"
        provider.write_text(json.dumps({"Url": url, "ClientIDList": AUDIENCES}))
        lines.append(f"aws iam create-open-id-connect-provider --cli-input-json file://{provider}")
    for name in ("deploy", "audit", "locked"):
        subjects = {issuer: "somebody:else" if name == "locked" else subject for issuer, subject in SUBJECTS.items()}
        policy = folder / f"trust-{name}.json"
        statements = [_trust(issuer, subject) for issuer, subject in subjects.items()]
        policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": statements}))
        lines.append(f"aws iam create-role --role-name {name} --assume-role-policy-document file://{policy}")
    administrator = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = bash("\n".join(lines), environment=clean_environment(folder, runner | administrator), folder=folder)
    assert done.returncode == 0, done.stderr


@dataclass(slots=True)
class TokenService:
    """What a job asks for its token over HTTP; `requests` has the method, the audience and the credential of each."""

    url: str
    requests: list[tuple[str, str, str]]


@contextmanager
def token_service(member: str, mint: Callable[[], str]) -> Iterator[TokenService]:
    """GitHub's and Azure DevOps's protocol: a bearer credential gets a JSON object with the token in `member`."""
    requests: list[tuple[str, str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            credential = self.headers.get("Authorization", "")
            audience = parse_qs(urlsplit(self.path).query).get("audience", [""])[0]
            requests.append((self.command, audience, credential))
            good = credential == "Bearer job-credential"
            body = json.dumps({member: mint()} if good else {}).encode()
            self.send_response(200 if good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield TokenService(f"http://127.0.0.1:{server.server_address[1]}/token?v=1", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
