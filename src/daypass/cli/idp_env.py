"""`daypass idp env aws`: credentials as environment variables, for a shell or a CI platform."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.cli import output
from daypass.errors import FileUnavailable, SettingInvalid, UsageInvalid

if TYPE_CHECKING:
    import argparse


def print_environment(arguments: argparse.Namespace) -> int:
    """Print assignments, or append to the file of a platform."""
    from daypass.aws.endpoint import region_from
    from daypass.aws.holding import age, shapes, shells
    from daypass.aws.holding.environment import CREDENTIALS, credentials_in
    from daypass.cli.idp_holding import hold_or_tell, wish

    shell = shells.Shell(arguments.shell)
    if sum((arguments.unset, arguments.github_env, arguments.gitlab_dotenv is not None)) > 1:
        raise UsageInvalid("--unset, --github-env and --gitlab-dotenv exclude each other")
    if arguments.unset:
        sys.stdout.write(
            shells.assignments(shell, {}, unset=dict.fromkeys([*CREDENTIALS, *credentials_in(os.environ)]))
        )
        return 0
    wanted = wish(arguments, os.environ)
    target = github_file() if arguments.github_env else None
    held = hold_or_tell(wanted, os.environ)
    if isinstance(held, int):
        return held
    values = shapes.variables(held, age.now(), wanted.region or region_from(os.environ))
    if target is not None:
        import secrets

        # First the masks: from here on the runner hides the values wherever a step prints them.
        hidden = [values[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
        sys.stdout.write(shells.github_masks(hidden))
        sys.stdout.flush()
        append(target, shells.github_env(values, f"daypass_{secrets.token_hex(16)}"))
        output.note(f"The next steps of this job have the credentials until {values['AWS_CREDENTIAL_EXPIRATION']}.")
    elif arguments.gitlab_dotenv is not None:
        from daypass import files

        files.write_atomic(Path(arguments.gitlab_dotenv), shells.gitlab_dotenv(values).encode("ascii"))
        output.note("GitLab keeps a dotenv report as an artifact, and masks none of its variables in any log.")
        output.note(
            "Everybody who can read the artifacts of this job can use them until "
            f"{values['AWS_CREDENTIAL_EXPIRATION']}. Better: log in with daypass in each job that needs it."
        )
    else:
        sys.stdout.write(shells.assignments(shell, values, unset=credentials_in(os.environ)))
    return 0


def github_file() -> Path:
    """The file of `GITHUB_ENV`, which the runner made."""
    text = os.environ.get("GITHUB_ENV")
    if not text:
        raise SettingInvalid(
            "GITHUB_ENV is not set, so this is no step of a GitHub job",
            advice='In a shell: eval "$(daypass idp env aws --role-arn ARN)"',
            key="GITHUB_ENV",
            reason="not set",
        )
    return Path(text)


def append(path: Path, text: str) -> None:
    """Append to a regular file that is there. Other steps have written to it, and it is the runner's."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise FileUnavailable(
            f"`{path}` cannot be written: {(error.strerror or 'unknown error').lower()}",
            advice="GITHUB_ENV names the file that the runner made for this step.",
            path=str(path),
        ) from None
