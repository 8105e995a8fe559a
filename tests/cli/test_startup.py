"""What a command that jobs wait for may load: these modules of ours, and nothing that takes long."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.command_line import answering, daypass, workload_environment
from support.services import ROLE, Service, https_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CODE = """
import sys
sys.path[:0] = sys.argv.pop(1).split(":")
import daypass.cli
status = daypass.cli.main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(status)
"""
# Each takes longer to load than what it would do here.
NEVER = {
    *("alembic", "boto3", "botocore", "cryptography", "fastapi", "httpx", "joserfc", "orjson", "sqlalchemy"),
    *("starlette", "structlog", "uvicorn", "uvloop", "urllib3", "requests", "rich", "click"),
    *("argparse", "ast", "asyncio", "concurrent", "dataclasses", "email", "gettext", "hashlib", "hmac", "http"),
    *("inspect", "ipaddress", "locale", "logging", "multiprocessing", "pathlib", "random", "shutil", "stringprep"),
    *("subprocess", "tempfile", "threading", "typing", "urllib", "uuid", "_strptime"),
}
NETWORK = {"datetime", "signal", "socket", "ssl", "xml"}
EVERY = {
    *("daypass", "daypass.cli", "daypass.cli.main", "daypass.cli.output", "daypass.errors", "daypass.files"),
    "daypass.light_typing",
}
DECLARED = {"daypass.cli.exchanging", "daypass.cli.idp", "daypass.cli.idp_holding", "daypass.cli.plain"}
CACHED = {
    *(
        "daypass.aws",
        "daypass.aws.config_glance",
        "daypass.aws.holding",
        "daypass.aws.holding.age",
        "daypass.aws.holding.cache",
    ),
    *("daypass.aws.holding.shapes", "daypass.aws.holding.single_flight", "daypass.aws.holding.wanted"),
    *("daypass.cli.idp_credentials", "daypass.secret"),
}
TOKEN = {
    *("daypass.ambient", "daypass.ambient.daypass", "daypass.ambient.platforms", "daypass.ambient.service"),
    *("daypass.ambient.wish", "daypass.calling", "daypass.calling.answer", "daypass.calling.target"),
    *("daypass.calling.trusted", "daypass.cli.token_source", "daypass.names", "daypass.secret", "daypass.tokens"),
    *("daypass.tokens.base64url", "daypass.tokens.peek", "daypass.tokens.strict_json"),
}
SESSION = {
    *(
        "daypass.aws",
        "daypass.aws.config_glance",
        "daypass.aws.credentials",
        "daypass.aws.endpoint",
        "daypass.aws.fate",
        "daypass.aws.form",
    ),
    *("daypass.aws.login", "daypass.calling.persist", "daypass.aws.sts_answer", "daypass.aws.sts_client"),
    "daypass.cli.clocks",
    "daypass.cli.sts",
}
PROFILE = {
    *("daypass.aws.credentials_file", "daypass.aws.profile_login", "daypass.aws.sections", "daypass.cli.arguments"),
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, answering) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    return workload_environment(tmp_path, service)


def loaded(environ: dict[str, str], *words: str) -> set[str]:
    environ.pop("COVERAGE_PROCESS_CONFIG", None)  # measuring loads modules of its own
    path = ":".join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", CODE, path, *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def ours(modules: set[str]) -> set[str]:
    return {name for name in modules if name.split(".")[0] == "daypass"}


def tops(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def test_a_session_from_the_cache(environ: dict[str, str]) -> None:
    command = ("idp", "credentials", "aws", "--role-arn", ROLE)
    assert daypass(environ, *command).returncode == 0
    found = loaded(environ, *command)
    assert ours(found) == EVERY | CACHED
    assert not (NEVER | NETWORK | {"configparser"}) & tops(found)


def test_a_token(environ: dict[str, str]) -> None:
    found = loaded(environ, "idp", "token", "--audience", "a")
    assert ours(found) == EVERY | DECLARED | TOKEN
    assert not (NEVER | {"configparser", "xml", "datetime"}) & tops(found)


def test_a_new_session(environ: dict[str, str]) -> None:
    found = loaded(environ, "idp", "credentials", "aws", "--no-cache", "--role-arn", ROLE)
    assert ours(found) == EVERY | DECLARED | CACHED | TOKEN | SESSION | {"daypass.aws.holding.obtain"}
    assert not (NEVER | {"configparser"}) & tops(found)
    assert "xml.etree" not in found


def test_a_login(environ: dict[str, str]) -> None:
    found = loaded(environ, "idp", "login", "aws", "--role-arn", ROLE)
    assert ours(found) == EVERY | DECLARED | TOKEN | SESSION | PROFILE
    assert not NEVER & tops(found)
    assert "xml.etree" not in found
