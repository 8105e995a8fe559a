"""`daypass up`: both servers in one process on this machine, and in them all that a first journey needs."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.bootstrap.demo_account import furnish
from daypass.bootstrap.identity_provider import identity_provider, identity_server
from daypass.bootstrap.local_aws import LocalAwsOptions, endpoint_url, local_aws_server
from daypass.bootstrap.server import free_port, harden, run, stop_signal, tell, utc_now
from daypass.config import Address, LogLevel, Settings
from daypass.errors import CallerRefused, FileUnavailable, FileUnsafe, NotFound, PartMissing
from daypass.local_authority import local_certificate
from daypass.names import IssuerUrl
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.idp.model import Organization
    from daypass.idp.registry import Registry

ORGANIZATION: Final = "demo"
PROJECT: Final = "shop"
OTHER_PROJECT: Final = "billing"
_OURS: Final = frozenset({"up.lock", "authority", "identity-provider"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """A demo workspace: its project, and the file with its secret."""

    name: str
    project_id: str
    token_file: Path


def up(folder: Path, *, issuer_port: int, aws_port: int) -> int:
    """Run both until SIGTERM or SIGINT; the exit status. Everything is kept in `folder`; port 0 takes a free one.

    Raises:
        PartMissing: when the services behind the local AWS are not installed.
        DaypassError: when the folder, a port or the store cannot be used.
    """
    if find_spec("moto") is None:
        raise PartMissing(
            "the services behind the local AWS are not installed",
            advice="Install them with: pip install 'daypass[local-aws]'",
        )
    harden()
    with _taken(folder):
        environments = [folder / f"{name}.env" for name in ("workspace", "stranger")]
        # They say that both servers answer, so they are there no earlier and no longer.
        for file in environments:
            files.remove(file)
        try:
            run(_up(folder, issuer_port, aws_port))
        finally:
            for file in environments:
                files.remove(file)
    return 0


@contextlib.contextmanager
def _taken(folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone, before anything in it is touched."""
    found = set()
    with contextlib.suppress(OSError):  # told by those who need it
        found = {entry.name for entry in folder.iterdir()}
    if found and not found & _OURS:
        # The folder is closed to others and filled; a home folder named by mistake must not be.
        raise FileUnsafe(
            f"the folder `{folder}` holds something else already",
            advice="Name a new or empty folder with --data-folder.",
            path=str(folder),
        )
    files.private_folder(folder)
    try:
        with files.locked(folder / "up", timeout_seconds=0):
            yield
    except FileUnavailable as error:
        if not error.facts.get("locked") or error.facts.get("path") != str(folder / "up"):
            raise
        raise FileUnavailable(
            f"another `daypass up` runs on `{folder}`",
            advice="Use that one, stop it, or name another folder with --data-folder and other ports.",
            path=str(folder),
        ) from None


async def _up(folder: Path, issuer_port: int, aws_port: int) -> None:
    from daypass.web import logs

    begun = time.monotonic()
    stopped = stop_signal()
    certificate = local_certificate(folder / "authority", now=utc_now())
    port = issuer_port or free_port()
    settings = Settings(
        issuer=IssuerUrl.parse(f"https://localhost:{port}"),
        data_folder=folder / "identity-provider",
        listen=Address("127.0.0.1", port),
        tls_certificate=certificate.certificate,
        tls_private_key=certificate.private_key,
        log_level=LogLevel.WARNING,
    )
    options = LocalAwsOptions(
        port=aws_port,
        trust=(certificate.authority,),
        certificate=certificate.certificate,
        private_key=certificate.private_key,
        port_setting="--aws-port",
    )
    logs.configure(settings.log_level, settings.log_format)
    async with identity_provider(settings) as services:
        issuing, aws = identity_server(services, setting="--issuer-port"), local_aws_server(options)
        await issuing.start()
        await aws.start()
        endpoint = endpoint_url(aws, options)
        organization, workspace, stranger = await _demo(services.registry, folder)
        role = await asyncio.to_thread(
            furnish,
            endpoint,
            certificate.authority,
            issuer=settings.issuer,
            subjects=f"organization:{organization.id}:project:{workspace.project_id}:*",
        )
        for one in (stranger, workspace):  # the workspace last: its file says that everything is there
            _write_environment(
                folder, one, issuer=settings.issuer, endpoint=endpoint, authority=certificate.authority, role=role
            )
        tell(_welcome(folder, settings.issuer, endpoint, role, time.monotonic() - begun))
        await stopped.wait()
        await aws.stop()
        await issuing.stop()


async def _demo(registry: Registry, folder: Path) -> tuple[Organization, Workspace, Workspace]:
    """The demo organization with two projects and a workspace in each; made when missing, kept when there."""
    from daypass.idp.caller import Caller

    caller = Caller.operator(request_id="up")
    try:
        organization = await registry.organization(caller, ORGANIZATION)
    except NotFound:
        organization = await registry.create_organization(caller, slug=ORGANIZATION, name="Demo")
    workspaces = []
    for slug, name in ((PROJECT, "workspace"), (OTHER_PROJECT, "stranger")):
        try:
            project = await registry.project(caller, organization.id, slug)
        except NotFound:
            project = await registry.create_project(caller, organization.id, slug=slug)
        token_file = folder / f"{name}.token"
        if not await _is_good(registry, token_file):
            attributes = {"context_url": f"https://git.example.com/demo/{slug}"}
            made = await registry.create_workload(
                caller, organization.id, project.id, kind="workspace", name=name, attributes=attributes
            )
            files.write_atomic(token_file, f"{made.secret.reveal()}\n".encode())
        workspaces.append(Workspace(name, project.id, token_file))
    return organization, workspaces[0], workspaces[1]


async def _is_good(registry: Registry, token_file: Path) -> bool:
    try:
        secret = Secret(files.read_private(token_file, max_bytes=4096).decode().strip())
        await registry.authenticate_workload(secret, request_id="up")
    except (FileUnavailable, CallerRefused, UnicodeDecodeError):
        return False
    return True


def _write_environment(
    folder: Path, workspace: Workspace, *, issuer: IssuerUrl, endpoint: str, authority: Path, role: str
) -> None:
    """What a platform puts into a workload's environment, as a file for the shell."""
    aws = folder / workspace.name / "aws"
    variables = {
        "DAYPASS_URL": str(issuer),
        "DAYPASS_TOKEN_FILE": str(workspace.token_file),
        "DAYPASS_CA_BUNDLE": str(authority),
        "IDP_AWS_ROLE_ARN": role,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CA_BUNDLE": str(authority),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        # A try must not touch the person's own AWS files.
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_CONFIG_FILE": str(aws / "config"),
    }
    lines = ["unset AWS_PROFILE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN DAYPASS_TOKEN"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    if sys.prefix != sys.base_prefix:
        lines.append(f'export PATH={shlex.quote(str(Path(sys.prefix) / "bin"))}:"$PATH"')
    files.write_atomic(folder / f"{workspace.name}.env", ("\n".join(lines) + "\n").encode())


def _welcome(folder: Path, issuer: IssuerUrl, endpoint: str, role: str, seconds: float) -> str:
    workspace, stranger = (shlex.quote(str(folder / f"{name}.env")) for name in ("workspace", "stranger"))
    return f"""
daypass: ready in {seconds:.1f} s

  identity provider   {issuer}
  local AWS           {endpoint}   administrator: test / test
  role                {role}
                      trusts the workspaces of project `{PROJECT}` of organization `{ORGANIZATION}`

In a second terminal, be one of them:

  . {workspace}
  daypass idp token --audience sts.amazonaws.com --decode
  daypass idp login aws --role-arn "$IDP_AWS_ROLE_ARN"
  aws sts get-caller-identity
  aws secretsmanager get-secret-value --secret-id database_connection_string
  aws secretsmanager get-secret-value --secret-id payments_signing_key      # denied: the role may read one secret

A workspace of another project is refused, and told why:

  . {stranger}
  daypass idp login aws --role-arn "$IDP_AWS_ROLE_ARN"

Ctrl-C stops both.
"""
