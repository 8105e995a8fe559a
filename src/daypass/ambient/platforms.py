"""How each platform is recognized: by variables that it sets in every job, or by a file on its machines.

What runs the job goes before what the job runs on: a GitLab job in a Kubernetes pod has GitLab's identity, and never,
because its own is missing, the runner's.
"""

from __future__ import annotations

import os.path
from enum import IntEnum

from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final

PRODUCT_NAME: Final = "/sys/class/dmi/id/product_name"
"""What a machine's firmware says that it is. On Google's: `Google` or `Google Compute Engine`."""


class Layer(IntEnum):
    """What a platform says about a job, nearest first."""

    SET_UP = 0
    """Somebody set this up for Daypass."""
    JOB = 1
    """It runs the job."""
    MACHINE = 2
    """The job runs on it."""


class Platform(NamedTuple):
    """A platform.

    Attributes:
        name: as in `--token-source`; the module is called so, too.
        title: what people call it.
        layer: who comes first.
        marks: variables that say so by being set; `NAME=value` only with that value.
        by_hand: what `--token-source` may have behind a colon, or None.
    """

    name: str
    title: str
    layer: Layer
    marks: tuple[str, ...]
    by_hand: str | None = None

    @property
    def module(self) -> str:
        """The module of this room that knows it."""
        return self.name.replace("-", "_")


# In the order in which they are asked.
PLATFORMS: Final = (
    Platform("daypass", "Daypass", Layer.SET_UP, ("DAYPASS_URL", "DAYPASS_TOKEN_FILE", "DAYPASS_TOKEN")),
    Platform("gitlab", "GitLab CI", Layer.JOB, ("GITLAB_CI=true",), "VARIABLE"),
    Platform("github", "GitHub Actions", Layer.JOB, ("GITHUB_ACTIONS=true", "ACTIONS_ID_TOKEN_REQUEST_URL")),
    Platform("circleci", "CircleCI", Layer.JOB, ("CIRCLECI=true",)),
    Platform("buildkite", "Buildkite", Layer.JOB, ("BUILDKITE=true",)),
    Platform("azure-devops", "Azure DevOps", Layer.JOB, ("TF_BUILD=True",), "SERVICE_CONNECTION_ID"),
    Platform("bitbucket", "Bitbucket Pipelines", Layer.JOB, ("BITBUCKET_BUILD_NUMBER",)),
    Platform("hcp-terraform", "HCP Terraform", Layer.JOB, ("TFC_RUN_ID",), "TAG"),
    Platform("ona", "Ona", Layer.JOB, ("GITPOD_ENVIRONMENT_ID",)),
    Platform("gitpod", "Gitpod", Layer.JOB, ("GITPOD_WORKSPACE_ID",)),
    Platform("kubernetes", "Kubernetes", Layer.MACHINE, ("AWS_WEB_IDENTITY_TOKEN_FILE", "KUBERNETES_SERVICE_HOST")),
    Platform("google", "Google Cloud", Layer.MACHINE, ("K_SERVICE", "GCE_METADATA_HOST")),
)
# Only by hand.
_BY_HAND: Final = (
    Platform("file", "a file", Layer.SET_UP, (), "PATH"),
    Platform("command", "a command", Layer.SET_UP, (), "COMMAND"),
)
NAMES: Final = tuple(platform.name for platform in (*PLATFORMS, *_BY_HAND))


def named(name: str) -> Platform | None:
    """The platform that `--token-source` means, or None."""
    return next((platform for platform in (*PLATFORMS, *_BY_HAND) if platform.name == name), None)


def here(environ: Mapping[str, str], *, product_name: str | None = None) -> tuple[Platform, ...]:
    """The platforms that this job runs on, in their order. `product_name`: another file for `PRODUCT_NAME`."""
    found = [platform for platform in PLATFORMS if _is_marked(platform.marks, environ)]
    if not found and _is_google(product_name or PRODUCT_NAME):
        found = [platform for platform in PLATFORMS if platform.name == "google"]
    own_protocol = environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "").startswith(f"{environ.get('DAYPASS_URL', '')}/")
    if own_protocol and found[0].name == "daypass" and environ.get("GITHUB_ACTIONS") != "true":
        # Our own provider speaks GitHub's protocol, too: that is not a second platform.
        found = [platform for platform in found if platform.name != "github"]
    return tuple(found)


def _is_marked(marks: Iterable[str], environ: Mapping[str, str]) -> bool:
    for mark in marks:
        name, equals, value = mark.partition("=")
        text = environ.get(name)
        if text and (not equals or text.lower() == value.lower()):
            return True
    return False


def _is_google(path: str) -> bool:
    if not os.path.exists(path):
        return False
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(100).strip() in ("Google", "Google Compute Engine")
    except OSError:
        return False
