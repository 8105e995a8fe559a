"""The administration commands as real processes, against a server that keeps the contract of the admin API."""

from __future__ import annotations

import json
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from support.processes import DAYPASS, clean_environment
from support.services import ADMIN_SECRET, Reply, Seen, Service, https_service, json_reply, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW_SECRET = "dpw_the-new-secret"
ORGANIZATION = {
    "id": "org_1",
    "slug": "acme",
    "name": "Acme\x1b[31m",
    "token_format": "daypass",
    "subject_claims": [],
    "audiences": ["sts.amazonaws.com", "b"],
    "created_at": "2026-01-02T03:04:05Z",
}


def admin_api(seen: Seen) -> Reply:
    if seen.headers.get("Authorization") != f"Bearer {ADMIN_SECRET}":
        return problem(401, "credential_unknown", "the bearer credential is not known")
    if seen.method == "GET" and seen.path.startswith("/v1/organizations?"):
        if "after=org_1" in seen.path:
            return json_reply({"items": [ORGANIZATION | {"id": "org_2", "slug": "b"}], "next": None})
        return json_reply({"items": [ORGANIZATION], "next": "org_1"})
    if seen.method == "GET" and "?" in seen.path:
        return json_reply({"items": [], "next": None})
    if seen.path.endswith("/workloads") or seen.path == "/v1/admin-tokens":
        return json_reply({"id": "wsp_1", "name": "n", "secret": NEW_SECRET}, 201)
    if seen.path == "/v1/organizations/absent":
        return problem(404, "not_found", "there is no organization `absent`")
    return json_reply(ORGANIZATION, 201 if seen.method == "POST" else 200)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, admin_api) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    return clean_environment(
        tmp_path,
        {
            "DAYPASS_URL": service.url,
            "DAYPASS_ADMIN_TOKEN": ADMIN_SECRET,
            "DAYPASS_CA_BUNDLE": str(service.authority),
        },
    )


def daypass(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DAYPASS, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


PROJECTS = "/v1/organizations/acme/projects"
REQUESTS: list[tuple[str, str, str, Any]] = [
    ("org create acme", "POST", "/v1/organizations", {"slug": "acme"}),
    (
        "org create acme --name A --token-format gitpod --subject-claim x --subject-claim y --audience=a",
        "POST",
        "/v1/organizations",
        {"slug": "acme", "name": "A", "token_format": "gitpod", "subject_claims": ["x", "y"], "audiences": ["a"]},
    ),
    (
        "org update acme --subject-claim x --allow-subject-claim x --yes",
        "PATCH",
        "/v1/organizations/acme",
        {"subject_claims": ["x"], "allow_subject_claims": ["x"]},
    ),
    ("org update acme --audience a --audience b", "PATCH", "/v1/organizations/acme", {"audiences": ["a", "b"]}),
    ("org show a/../b", "GET", "/v1/organizations/a%2F..%2Fb", None),
    ("org list", "GET", "/v1/organizations?limit=1000", None),
    ("project create acme shop --name S", "POST", PROJECTS, {"slug": "shop", "name": "S"}),
    ("project list acme", "GET", PROJECTS + "?limit=1000", None),
    ("project show acme shop", "GET", PROJECTS + "/shop", None),
    (
        "workload create acme shop --kind job --attribute repository=a/b=c --expires-in-seconds 60",
        "POST",
        PROJECTS + "/shop/workloads",
        {"kind": "job", "attributes": {"repository": "a/b=c"}, "expires_in_seconds": 60},
    ),
    ("workload list acme shop", "GET", PROJECTS + "/shop/workloads?limit=1000", None),
    ("workload show wsp_1", "GET", "/v1/workloads/wsp_1", None),
    ("workload revoke wsp_1", "POST", "/v1/workloads/wsp_1/revoke", None),
    ("key list", "GET", "/v1/keys?limit=1000", None),
    ("key create --algorithm ES256", "POST", "/v1/keys", {"algorithm": "ES256"}),
    ("key list --organization acme", "GET", "/v1/keys?limit=1000&organization=acme", None),
    (
        "key create --algorithm ES256 --organization acme",
        "POST",
        "/v1/keys",
        {"algorithm": "ES256", "organization": "acme"},
    ),
    ("audit list", "GET", "/v1/audit?limit=1000", None),
    ("audit verify", "GET", "/v1/audit/verify", None),
    ("key activate k1", "POST", "/v1/keys/k1/activate", None),
    ("key activate k1 --at-once", "POST", "/v1/keys/k1/activate?at_once=true", None),
    (
        "admin-token create --name ci --scope workloads:write --scope workloads:read --org acme",
        "POST",
        "/v1/admin-tokens",
        {"name": "ci", "scopes": ["workloads:write", "workloads:read"], "organization": "acme"},
    ),
    ("admin-token list", "GET", "/v1/admin-tokens?limit=1000", None),
    ("admin-token revoke adm_1", "POST", "/v1/admin-tokens/adm_1/revoke", None),
]


@pytest.mark.parametrize(("line", "method", "path", "body"), REQUESTS, ids=[line for line, *_ in REQUESTS])
def test_each_command_makes_its_request(
    environ: dict[str, str], service: Service, line: str, method: str, path: str, body: object
) -> None:
    done = daypass(environ, *line.split(), "--json")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    seen = service.seen[0]
    assert (seen.method, seen.path) == (method, path)
    assert (seen.json if seen.body else None) == body
    assert ADMIN_SECRET not in done.stdout + done.stderr


def test_a_list_goes_over_all_pages_and_a_pipe_gets_tabs(environ: dict[str, str]) -> None:
    done = daypass(environ, "org", "list")
    assert done.stdout == (
        "org_1\tacme\tAcme\\x1b[31m\tdaypass\tsts.amazonaws.com b\t-\n"
        "org_2\tb\tAcme\\x1b[31m\tdaypass\tsts.amazonaws.com b\t-\n"
    )
    assert len(json.loads(daypass(environ, "org", "list", "--json").stdout)) == 2


def test_one_thing_is_printed_field_by_field_without_control_characters(environ: dict[str, str]) -> None:
    done = daypass(environ, "org", "show", "acme")
    assert "slug            acme\n" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\x1b" not in daypass(environ, "org", "show", "acme", "--json").stdout


def test_the_secret_goes_into_the_file_and_nowhere_else(environ: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "new" / "token"
    done = daypass(environ, "workload", "create", "acme", "shop", "--kind", "job", "--token-file", str(path))
    assert done.returncode == 0, done.stderr
    assert path.read_text() == NEW_SECRET + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert NEW_SECRET not in done.stdout + done.stderr
    assert f"export DAYPASS_TOKEN_FILE={path}" in done.stderr


def test_without_a_file_the_secret_is_printed_once(environ: dict[str, str]) -> None:
    done = daypass(environ, "admin-token", "create", "--name", "n", "--scope", "*")
    assert done.stdout.count(NEW_SECRET) == 1
    assert NEW_SECRET not in done.stderr


def test_a_secret_that_cannot_be_kept_is_revoked_again(
    environ: dict[str, str], service: Service, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    done = daypass(
        environ, "workload", "create", "acme", "shop", "--kind", "job", "--token-file", str(tmp_path / "folder")
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "revoked again" in done.stderr
    assert NEW_SECRET not in done.stderr
    assert service.seen[-1].path == "/v1/workloads/wsp_1/revoke"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("org update acme", "nothing to change"),
        ("org show", "ORG"),
        ("project show acme ..", "`..`"),
        ("workload create acme shop --kind robot", "robot"),
        ("workload create acme shop --kind job --attribute x", "NAME=VALUE"),
        ("workload create acme shop --kind job --attribute x=1 --attribute x=2", "twice"),
        ("workload create acme shop --kind job --expires-in-seconds soon", "soon"),
        ("admin-token create --name x", "--scope"),
    ],
)
def test_wrong_usage_asks_nobody(environ: dict[str, str], service: Service, line: str, words: str) -> None:
    done = daypass(environ, *line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert service.seen == []


@pytest.mark.parametrize("missing", ["DAYPASS_URL", "DAYPASS_ADMIN_TOKEN"])
def test_a_missing_setting_names_the_line_to_add(environ: dict[str, str], missing: str) -> None:
    del environ[missing]
    done = daypass(environ, "org", "list")
    assert done.returncode == 2
    assert f"Add: export {missing}" in done.stderr


def test_refusals_have_their_statuses(environ: dict[str, str]) -> None:
    assert daypass(environ, "org", "show", "absent").returncode == 2
    assert daypass(environ | {"DAYPASS_ADMIN_TOKEN": "dpa_wrong"}, "org", "list").returncode == 1
    assert daypass(environ | {"DAYPASS_URL": "https://localhost:1"}, "org", "list").returncode == 3


def test_a_list_that_never_ends_is_refused(environ: dict[str, str], service: Service) -> None:
    service.answer = lambda seen: json_reply({"items": [], "next": "x"})
    assert daypass(environ, "key", "list").returncode == 3
    service.answer = lambda seen: json_reply({"items": "x"})
    assert daypass(environ, "key", "list").returncode == 3
