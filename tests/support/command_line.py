"""The command line as a workload's job has it: its environment, a run of a command, and the profiles that it wrote."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.configloader

from support.processes import DAYPASS, clean_environment
from support.services import WORKLOAD_SECRET, Reply, platform, sts_reply

if TYPE_CHECKING:
    from support.services import Seen, Service


def workload_environment(folder: Path, service: Service, **more: str) -> dict[str, str]:
    """Of a job that has a secret for `service`, which is both its identity provider and STS; its home is new."""
    home = folder / "home"
    home.mkdir()
    secret = home / "secret"
    secret.write_text(WORKLOAD_SECRET)
    secret.chmod(0o600)
    given = {
        "DAYPASS_URL": service.url + "/idp",
        "DAYPASS_TOKEN_FILE": str(secret),
        "DAYPASS_CA_BUNDLE": str(service.authority),
        "AWS_ENDPOINT_URL_STS": service.url,
        "AWS_CA_BUNDLE": str(service.authority),
    }
    return clean_environment(home, given | more)


def daypass(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run([*DAYPASS, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)


def profiles(environ: dict[str, str], name: str = "credentials") -> dict[str, dict[str, str]]:
    """The sections of one of AWS's two files, as botocore reads it."""
    found = botocore.configloader.raw_config_parse(str(Path(environ["HOME"]) / ".aws" / name))
    assert isinstance(found, dict)
    return found


def answering(seen: Seen) -> Reply:
    """A platform, and an STS whose sessions end when they were asked to end."""
    if seen.path != "/":
        return platform(seen)
    form = seen.form
    account, role = form["RoleArn"].split(":")[4], form["RoleArn"].rsplit("/", 1)[1]
    end = datetime.now(UTC) + timedelta(seconds=int(form["DurationSeconds"]))
    arn = f"arn:aws:sts::{account}:assumed-role/{role}/{form['RoleSessionName']}"
    reply = sts_reply(arn, expiration=end.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return Reply(200, reply.body.replace(b"AssumeRoleWithWebIdentity", form["Action"].encode()), "text/xml")


def calls(service: Service) -> int:
    """How often STS was asked."""
    return sum(seen.path == "/" for seen in service.seen)
