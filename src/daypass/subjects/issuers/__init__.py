"""Known issuers and their tokens, as data: one module each. A new one is a module here and a vector in `vectors/`."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers import (
    azure_devops,
    bitbucket,
    buildkite,
    circleci,
    daypass,
    github,
    gitlab,
    gitpod,
    google,
    hcp_terraform,
    jenkins,
    kubernetes,
    ona,
    spiffe,
)

GRAMMARS: Final = (
    gitlab.GITLAB,
    github.GITHUB,
    github.GITHUB_ENTERPRISE,
    gitpod.GITPOD,
    gitpod.GITPOD_DEDICATED,
    ona.ONA,
    circleci.CIRCLECI,
    circleci.CIRCLECI_ROOT,
    buildkite.BUILDKITE,
    bitbucket.BITBUCKET,
    azure_devops.AZURE_DEVOPS,
    hcp_terraform.HCP_TERRAFORM,
    kubernetes.EKS,
    google.GOOGLE,
    gitlab.GITLAB_SELF_MANAGED,
    jenkins.JENKINS,
    daypass.DAYPASS,
    kubernetes.KUBERNETES,
    spiffe.SPIFFE,
)
"""Every grammar; the first that an issuer's URL fits is the one."""

FORMATS: Final = (
    daypass.DAYPASS_FORMAT,
    gitpod.GITPOD_FORMAT,
    ona.ONA_V2,
    ona.ONA_V3,
    gitlab.GITLAB_FORMAT,
    gitlab.GITLAB_JWT_V2,
    gitlab.GITLAB_JWT_V1,
    github.GITHUB_FORMAT,
    azure_devops.AZURE_DEVOPS_FORMAT,
    circleci.CIRCLECI_FORMAT,
    buildkite.BUILDKITE_FORMAT,
    bitbucket.BITBUCKET_FORMAT,
    hcp_terraform.HCP_TERRAFORM_FORMAT,
    jenkins.JENKINS_FORMAT,
    kubernetes.KUBERNETES_FORMAT,
    spiffe.SPIFFE_FORMAT,
)
"""Every token format; a token is of the first that it fits."""
