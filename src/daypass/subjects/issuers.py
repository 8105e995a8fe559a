"""Known issuers, as data. A new one is an entry here and a vector in `vectors/subjects/`."""

from __future__ import annotations

from typing import Final

from daypass.subjects.shapes import ChosenBy, Component, Grammar, Shape

_UUID: Final = "0123456789abcdef-"
_DIGITS: Final = "0123456789"


def _named(name: str, noun: str, chosen_by: ChosenBy, excluded: str = ":") -> Component:
    return Component(name, noun, chosen_by, excluded)


def _id(name: str, noun: str, allowed: str = _UUID) -> Component:
    return Component(name, noun, ChosenBy.ISSUER, allowed=allowed)


# ------------------------------------------------------------------------------------------------ GitLab

_NO_PATH: Final = ":*? "
_NO_REF: Final = ":*?[\\^~ "
"""What a git ref cannot hold (git-check-ref-format), as far as policies are concerned."""
_PROJECT_PATH: Final = _named("project_path", "project", ChosenBy.STRANGER, _NO_PATH)
_PROJECT_NUMBER: Final = _id("project_id", "project", _DIGITS)
_BRANCH: Final = _named("branch", "branch", ChosenBy.CONTRIBUTOR, _NO_REF)
_TAG: Final = _named("tag", "tag", ChosenBy.CONTRIBUTOR, _NO_REF)
_GITLAB_SHAPES: Final = (
    Shape(
        "branch",
        ("project_path:", _PROJECT_PATH, ":ref_type:branch:ref:", _BRANCH),
        "branch",
        ("project_path",),
        "project_path:tidewater/billing/invoices:ref_type:branch:ref:main",
    ),
    Shape(
        "tag",
        ("project_path:", _PROJECT_PATH, ":ref_type:tag:ref:", _TAG),
        "tag",
        ("project_path",),
        "project_path:tidewater/billing/invoices:ref_type:tag:ref:v2.1.0",
    ),
    Shape(
        "branch by project id",
        ("project_id:", _PROJECT_NUMBER, ":ref_type:branch:ref:", _BRANCH),
        "branch",
        ("project_id",),
        "project_id:60417:ref_type:branch:ref:main",
    ),
    Shape(
        "tag by project id",
        ("project_id:", _PROJECT_NUMBER, ":ref_type:tag:ref:", _TAG),
        "tag",
        ("project_id",),
        "project_id:60417:ref_type:tag:ref:v2.1.0",
    ),
)
_GITLAB_SOURCE: Final = "GitLab documentation, OpenID Connect (OIDC) Authentication Using ID Tokens"
_GITLAB_CUSTOMISED: Final = (
    "a maintainer chooses the components; the first is project_path or project_id (ci_id_token_sub_claim_components)"
)

GITLAB: Final = Grammar(
    name="gitlab",
    about="gitlab.com",
    issuer=r"gitlab\.com",
    shared=True,
    audience=None,
    tenant="project_path",
    shapes=_GITLAB_SHAPES,
    customised=_GITLAB_CUSTOMISED,
    source=_GITLAB_SOURCE,
)
GITLAB_SELF_MANAGED: Final = Grammar(
    name="gitlab-self-managed",
    about="this GitLab",
    issuer=r"gitlab\.[^/]+",
    shared=False,
    audience=None,
    tenant="project_path",
    shapes=_GITLAB_SHAPES,
    customised=_GITLAB_CUSTOMISED,
    source=_GITLAB_SOURCE,
)

# ------------------------------------------------------------------------------------------------ GitHub

_NO_NAME: Final = ":/@*? "
_OWNER: Final = _named("owner", "organization", ChosenBy.STRANGER, _NO_NAME)
_REPOSITORY: Final = _named("repository", "repository", ChosenBy.OWNER, _NO_NAME)
_OWNER_ID: Final = _id("owner_id", "organization id", _DIGITS)
_REPOSITORY_ID: Final = _id("repository_id", "repository id", _DIGITS)
_ENVIRONMENT: Final = _named("environment", "environment", ChosenBy.OWNER)
_WORKFLOW_REF: Final = _named("job_workflow_ref", "workflow", ChosenBy.OWNER)
_BY_NAME: Final = ("repo:", _OWNER, "/", _REPOSITORY)
_BY_ID: Final = ("repo:", _OWNER, "@", _OWNER_ID, "/", _REPOSITORY, "@", _REPOSITORY_ID)
_CONTEXTS: Final[tuple[tuple[str, tuple[str | Component, ...], str], ...]] = (
    ("branch", (":ref:refs/heads/", _BRANCH), ":ref:refs/heads/main"),
    ("tag", (":ref:refs/tags/", _TAG), ":ref:refs/tags/v2.1.0"),
    ("environment", (":environment:", _ENVIRONMENT), ":environment:production"),
    ("pull request", (":pull_request",), ":pull_request"),
)
_GITHUB_SHAPES: Final = (
    *(
        Shape(
            f"{leaf} with ids",
            (*_BY_ID, *parts),
            leaf,
            ("owner", "owner_id", "repository", "repository_id"),
            f"repo:tidewater@73105/invoices@50883127{example}",
        )
        for leaf, parts, example in _CONTEXTS
    ),
    *(
        Shape(leaf, (*_BY_NAME, *parts), leaf, ("owner", "repository"), f"repo:tidewater/invoices{example}")
        for leaf, parts, example in _CONTEXTS
    ),
    Shape(
        "reusable workflow",
        (*_BY_NAME, ":job_workflow_ref:", _WORKFLOW_REF),
        "reusable workflow",
        ("owner", "repository"),
        "repo:tidewater/invoices:job_workflow_ref:tidewater/workflows/.github/workflows/deploy.yml@refs/heads/main",
    ),
    Shape(
        "reusable workflow alone",
        ("job_workflow_ref:", _named("owner", "organization", ChosenBy.STRANGER, _NO_NAME), "/", _WORKFLOW_REF),
        "repository that calls the workflow",
        ("owner", "job_workflow_ref"),
        "job_workflow_ref:tidewater/workflows/.github/workflows/deploy.yml@refs/heads/main",
    ),
    Shape(
        "repository id alone",
        ("repository_id:", _REPOSITORY_ID),
        "job",
        ("repository_id",),
        "repository_id:50883127",
    ),
)
_GITHUB_SOURCE: Final = "GitHub documentation, OpenID Connect reference"
_GITHUB_CUSTOMISED: Final = "an organization or a repository chooses the claims (include_claim_keys)"
_GITHUB_AUDIENCE: Final = "sts.amazonaws.com"

GITHUB: Final = Grammar(
    name="github",
    about="github.com",
    issuer=r"token\.actions\.githubusercontent\.com",
    shared=True,
    audience=_GITHUB_AUDIENCE,
    tenant="owner",
    shapes=_GITHUB_SHAPES,
    customised=_GITHUB_CUSTOMISED,
    source=_GITHUB_SOURCE,
)
GITHUB_ENTERPRISE: Final = Grammar(
    name="github-enterprise",
    about="this GitHub enterprise",
    issuer=r"token\.actions\.githubusercontent\.com/[^/]+|token\.actions\.[^./]+\.ghe\.com|[^/]+/_services/token",
    shared=False,
    audience=_GITHUB_AUDIENCE,
    tenant="owner",
    shapes=_GITHUB_SHAPES,
    customised=_GITHUB_CUSTOMISED,
    source=_GITHUB_SOURCE,
)

# ------------------------------------------------------------------------------------------ Gitpod and Ona

_REPOSITORY_HOST: Final = _named("host", "host", ChosenBy.STRANGER, "/")
_REPOSITORY_OWNER: Final = _named("owner", "owner", ChosenBy.STRANGER, "/")
_REPOSITORY_PATH: Final = _named("repository", "repository", ChosenBy.STRANGER, "/")
_CONTEXT: Final = _named("context", "branch, pull request or issue", ChosenBy.CONTRIBUTOR, "")
_REPOSITORY_URL: Final = ("https://", _REPOSITORY_HOST, "/", _REPOSITORY_OWNER, "/", _REPOSITORY_PATH)
_GITPOD_SHAPES: Final = (
    Shape(
        "repository",
        _REPOSITORY_URL,
        "workspace",
        ("host", "owner", "repository"),
        "https://github.com/tidewater/invoices",
    ),
    Shape(
        "context",
        (*_REPOSITORY_URL, "/", _CONTEXT),
        "branch, pull request or issue",
        ("host", "owner", "repository"),
        "https://github.com/tidewater/invoices/tree/release",
    ),
    Shape(
        "organization, user and context",
        (
            "org_id:",
            _id("org_id", "organization"),
            ":user_id:",
            _id("user_id", "user"),
            ":context:",
            _named("context", "context", ChosenBy.CONTRIBUTOR, ""),
        ),
        "context",
        ("org_id", "user_id"),
        "org_id:2f6a9c10-7d3e-4b58-8a41-90c3d5e7f112:user_id:c81e4d70-52ab-4f09-9b6d-3e5f7a9b1c24"
        ":context:https://github.com/tidewater/invoices",
    ),
    Shape("no context", ("no-context",), "workspace without a repository", (), "no-context"),
)
_GITPOD_SOURCE: Final = "gitpod-io/gitpod, getOIDCSubject of the public API server"
GITPOD: Final = Grammar(
    name="gitpod",
    about="gitpod.io",
    issuer=r"services\.gitpod\.io/idp",
    shared=True,
    audience=None,
    tenant="owner",
    shapes=_GITPOD_SHAPES,
    customised="the claims may be chosen for an organization (idp_claim_keys)",
    source=_GITPOD_SOURCE,
)
GITPOD_DEDICATED: Final = Grammar(
    name="gitpod-dedicated",
    about="this Gitpod",
    issuer=r"services\.[^/]+/idp",
    shared=False,
    audience=None,
    tenant="owner",
    shapes=_GITPOD_SHAPES,
    customised="the claims may be chosen for an organization (idp_claim_keys)",
    source=_GITPOD_SOURCE,
)

_ORGANIZATION_ID: Final = _id("organization_id", "organization")
_PROJECT_ID: Final = _id("project_id", "project")
_ONA_ORG: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a11"
_ONA_PROJECT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a12"
_ONA_ENVIRONMENT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a13"
_FIELDS: Final = _named("fields", "further fields", ChosenBy.CONTRIBUTOR, "")


def _ona_v2(leaf: str, word: str) -> Shape:
    return Shape(
        f"v2 {leaf}",
        ("org:", _ORGANIZATION_ID, f"/{word}:", _id(f"{leaf}_id", leaf)),
        leaf,
        ("organization_id",),
        f"org:{_ONA_ORG}/{word}:{_ONA_ENVIRONMENT}",
    )


ONA: Final = Grammar(
    name="ona",
    about="app.gitpod.io",
    issuer=r"app\.gitpod\.io",
    shared=True,
    audience=None,
    tenant="organization_id",
    shapes=(
        Shape(
            "v3 project",
            ("organization_id:", _ORGANIZATION_ID, ":project_id:", _PROJECT_ID),
            "environment",
            ("organization_id", "project_id"),
            f"organization_id:{_ONA_ORG}:project_id:{_ONA_PROJECT}",
        ),
        Shape(
            "v3 environment without a project",
            ("organization_id:", _ORGANIZATION_ID, ":environment_id:", _id("environment_id", "environment")),
            "environment",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:environment_id:{_ONA_ENVIRONMENT}",
        ),
        Shape(
            "v3 user",
            ("organization_id:", _ORGANIZATION_ID, ":user_id:", _id("user_id", "user")),
            "user",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:user_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a14",
        ),
        Shape(
            "v3 service account",
            (
                "organization_id:",
                _ORGANIZATION_ID,
                ":service_account_id:",
                _id("service_account_id", "service account"),
            ),
            "service account",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:service_account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a15",
        ),
        Shape(
            "v3 account",
            ("account_id:", _id("account_id", "account")),
            "account",
            ("account_id",),
            "account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a16",
        ),
        Shape(
            "v3 project with further fields",
            ("organization_id:", _ORGANIZATION_ID, ":project_id:", _PROJECT_ID, ":", _FIELDS),
            "environment",
            ("organization_id", "project_id"),
            f"organization_id:{_ONA_ORG}:project_id:{_ONA_PROJECT}:creator_email:nils.berg@tidewater.example",
        ),
        Shape(
            "v2 environment in a project",
            ("org:", _ORGANIZATION_ID, "/prj:", _PROJECT_ID, "/env:", _id("environment_id", "environment")),
            "environment",
            ("organization_id", "project_id"),
            f"org:{_ONA_ORG}/prj:{_ONA_PROJECT}/env:{_ONA_ENVIRONMENT}",
        ),
        _ona_v2("environment", "env"),
        _ona_v2("user", "user"),
        _ona_v2("runner", "rnr"),
    ),
    customised="the organization chooses version and further fields",
    source="Ona documentation, OIDC",
)

# ---------------------------------------------------------------------------------------------- Daypass

_DAYPASS_PROJECT: Final = (
    "organization:",
    _named("organization", "organization", ChosenBy.ISSUER),
    ":project:",
    _named("project", "project", ChosenBy.ISSUER),
)
DAYPASS: Final = Grammar(
    name="daypass",
    about="this Daypass",
    issuer=None,
    shared=False,
    audience=None,
    tenant="organization",
    shapes=(
        *(
            Shape(
                kind,
                (*_DAYPASS_PROJECT, f":{kind}:", _named("workload", kind, ChosenBy.ISSUER)),
                kind,
                ("organization", "project"),
                f"organization:org_a1b2:project:prj_c3d4:{kind}:{kind[:3]}_e5f6",
            )
            for kind in ("job", "workspace", "environment")
        ),
        Shape(
            "chosen components",
            (*_DAYPASS_PROJECT, ":", _FIELDS),
            "workload",
            ("organization", "project"),
            "organization:org_a1b2:project:prj_c3d4:ref:main",
        ),
    ),
    customised="the organization chooses the components behind organization and project",
    source="daypass.subjects.daypass_format",
)

# ------------------------------------------------------------------------------------------- other builders

_CIRCLECI_PROJECT: Final = (
    "org/",
    _id("organization", "organization"),
    "/project/",
    _id("project", "project"),
    "/user/",
    _id("user", "user"),
)
_CIRCLECI_EXAMPLE: Final = (
    "org/4d7b1e90-2c3f-4a56-8b17-e09f1a2b3c41/project/8a1f5c27-6d3e-4b90-9c42-10e2f3a4b5c6"
    "/user/b3c9d8e7-1f20-4e3d-8a5b-6c7d8e9f0a12"
)
_CIRCLECI_SHAPES: Final = (
    Shape("project", _CIRCLECI_PROJECT, "user", ("organization", "project"), _CIRCLECI_EXAMPLE),
    Shape(
        "project with ref",
        (
            *_CIRCLECI_PROJECT,
            "/vcs-origin/",
            _named("vcs_origin", "repository", ChosenBy.OWNER, ""),
            "/vcs-ref/",
            _named("vcs_ref", "ref", ChosenBy.CONTRIBUTOR, ""),
        ),
        "ref",
        ("organization", "project"),
        f"{_CIRCLECI_EXAMPLE}/vcs-origin/github.com/tidewater/invoices/vcs-ref/refs/heads/main",
    ),
)
_CIRCLECI_SOURCE: Final = "CircleCI documentation, OpenID Connect tokens in jobs"
CIRCLECI: Final = Grammar(
    name="circleci",
    about="this CircleCI organization",
    issuer=r"oidc\.circleci\.com/org/[0-9a-f-]+",
    shared=False,
    audience=None,
    tenant="organization",
    shapes=_CIRCLECI_SHAPES,
    source=_CIRCLECI_SOURCE,
)
CIRCLECI_ROOT: Final = Grammar(
    name="circleci-root",
    about="oidc.circleci.com",
    issuer=r"oidc\.circleci\.com",
    shared=True,
    audience=None,
    tenant="organization",
    shapes=_CIRCLECI_SHAPES,
    source=_CIRCLECI_SOURCE,
)
BUILDKITE: Final = Grammar(
    name="buildkite",
    about="buildkite.com",
    issuer=r"agent\.buildkite\.com",
    shared=True,
    audience=None,
    tenant="organization",
    shapes=(
        Shape(
            "pipeline",
            (
                "organization:",
                _named("organization", "organization", ChosenBy.STRANGER),
                ":pipeline:",
                _named("pipeline", "pipeline", ChosenBy.OWNER),
                ":ref:",
                _named("ref", "ref", ChosenBy.CONTRIBUTOR),
                ":commit:",
                _named("commit", "commit", ChosenBy.CONTRIBUTOR),
                ":step:",
                _named("step", "step", ChosenBy.CONTRIBUTOR),
            ),
            "step",
            ("organization", "pipeline"),
            "organization:tidewater:pipeline:invoices:ref:refs/heads/main"
            ":commit:9f2c41d07be358a6c1d4e7f80a9b2c3d5e6f7081:step:deploy",
        ),
        Shape(
            "id",
            (_id("id", "id"),),
            "job",
            ("id",),
            "018f5c27-6d3e-4b90-9c42-10e2f3a4b5c6",
        ),
    ),
    customised="a job may ask for one id as its subject (--subject-claim)",
    source="Buildkite documentation, OIDC",
)
_BRACED: Final = ("{", _id("repository_uuid", "repository"), "}:{")
BITBUCKET: Final = Grammar(
    name="bitbucket",
    about="this Bitbucket workspace",
    issuer=r"api\.bitbucket\.org/2\.0/workspaces/[^/]+/pipelines-config/identity/oidc",
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "step",
            (*_BRACED, _id("step_uuid", "step"), "}"),
            "step",
            ("repository_uuid",),
            "{7c0e1d2f-3a4b-4c5d-8e6f-708192a3b4c5}:{e1f20314-2536-4758-9a6b-7c8d9eafb0c1}",
        ),
        Shape(
            "deployment step",
            (
                *_BRACED,
                _id("deployment_environment_uuid", "environment"),
                "}:{",
                _id("step_uuid", "step"),
                "}",
            ),
            "step",
            ("repository_uuid", "deployment_environment_uuid"),
            "{7c0e1d2f-3a4b-4c5d-8e6f-708192a3b4c5}:{50617283-94a5-4b6c-8d7e-8f90a1b2c3d4}"
            ":{e1f20314-2536-4758-9a6b-7c8d9eafb0c1}",
        ),
    ),
    source="Atlassian documentation, Bitbucket Pipelines OpenID Connect",
)


def _azure(leaf: str, scheme: str, chosen_by: ChosenBy) -> Shape:
    return Shape(
        leaf,
        (
            f"{scheme}://",
            _named("organization", "organization", ChosenBy.STRANGER, "/"),
            "/",
            _named("project", "project", ChosenBy.OWNER, "/"),
            "/",
            _named("name", leaf, chosen_by, "/"),
        ),
        leaf,
        ("organization", "project"),
        f"{scheme}://tidewater/billing/invoices-production",
    )


AZURE_DEVOPS: Final = Grammar(
    name="azure-devops",
    about="this Azure DevOps organization",
    issuer=r"vstoken\.dev\.azure\.com/[^/]+|app\.vstoken\.visualstudio\.com/[^/]+",
    shared=False,
    audience="api://AzureADTokenExchange",
    tenant="organization",
    shapes=(
        _azure("service connection", "sc", ChosenBy.OWNER),
        _azure("pipeline", "p", ChosenBy.OWNER),
    ),
    source="Microsoft Learn, workload identity federation for Azure DevOps",
)
HCP_TERRAFORM: Final = Grammar(
    name="hcp-terraform",
    about="app.terraform.io",
    issuer=r"app\.terraform\.io",
    shared=True,
    audience="aws.workload.identity",
    tenant="organization",
    shapes=tuple(
        Shape(
            phase,
            (
                "organization:",
                _named("organization", "organization", ChosenBy.STRANGER),
                ":project:",
                _named("project", "project", ChosenBy.OWNER),
                ":workspace:",
                _named("workspace", "workspace", ChosenBy.OWNER),
                f":run_phase:{phase}",
            ),
            f"{phase} phase",
            ("organization", "project", "workspace"),
            f"organization:tidewater:project:Default Project:workspace:invoices-prod:run_phase:{phase}",
        )
        for phase in ("plan", "apply")
    ),
    source="HCP Terraform documentation, workload identity tokens",
)
JENKINS: Final = Grammar(
    name="jenkins",
    about="this Jenkins",
    issuer=r"[^/]*jenkins[^/]*(?:/[^/]+)*/oidc(?:/.*)?",
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "job",
            (
                "https://",
                _named("host", "host", ChosenBy.OWNER, "/"),
                "/job/",
                _named("job", "job", ChosenBy.OWNER, ""),
            ),
            "job",
            ("host", "job"),
            "https://jenkins.tidewater.example/job/billing/job/invoices/",
        ),
    ),
    customised="claim templates may set another subject",
    source="Jenkins OpenID Connect Provider plugin",
)
_SERVICE_ACCOUNT: Final = (
    Shape(
        "service account",
        (
            "system:serviceaccount:",
            _named("namespace", "namespace", ChosenBy.OWNER),
            ":",
            _named("service_account", "service account", ChosenBy.OWNER),
        ),
        "service account",
        ("namespace",),
        "system:serviceaccount:billing:invoices",
    ),
)
EKS: Final = Grammar(
    name="eks",
    about="this EKS cluster",
    issuer=r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/[0-9A-F]+",
    shared=False,
    audience="sts.amazonaws.com",
    tenant=None,
    shapes=_SERVICE_ACCOUNT,
    source="Amazon EKS User Guide, IAM roles for service accounts",
)
KUBERNETES: Final = Grammar(
    name="kubernetes",
    about="this cluster",
    issuer=None,
    shared=False,
    audience=None,
    tenant=None,
    shapes=_SERVICE_ACCOUNT,
    source="Kubernetes documentation, service accounts",
)
SPIFFE: Final = Grammar(
    name="spiffe",
    about="this trust domain",
    issuer=None,
    shared=False,
    audience=None,
    tenant=None,
    shapes=(
        Shape(
            "workload",
            (
                "spiffe://",
                _named("trust_domain", "trust domain", ChosenBy.OWNER, "/:"),
                "/",
                _named("path", "workload", ChosenBy.OWNER, ""),
            ),
            "workload",
            ("trust_domain", "path"),
            "spiffe://tidewater.example/ns/billing/sa/invoices",
        ),
    ),
    source="SPIFFE, JWT-SVID section 3",
)
GOOGLE: Final = Grammar(
    name="google",
    about="accounts.google.com",
    issuer=r"accounts\.google\.com",
    shared=True,
    audience=None,
    tenant="account",
    shapes=(
        Shape(
            "account",
            (_id("account", "account", _DIGITS),),
            "account",
            ("account",),
            "104417730982651120934",
        ),
    ),
    source="Google Cloud documentation, ID tokens",
)

GRAMMARS: Final = (
    GITLAB,
    GITHUB,
    GITHUB_ENTERPRISE,
    GITPOD,
    GITPOD_DEDICATED,
    ONA,
    CIRCLECI,
    CIRCLECI_ROOT,
    BUILDKITE,
    BITBUCKET,
    AZURE_DEVOPS,
    HCP_TERRAFORM,
    EKS,
    GOOGLE,
    GITLAB_SELF_MANAGED,
    JENKINS,
    DAYPASS,
    KUBERNETES,
    SPIFFE,
)
