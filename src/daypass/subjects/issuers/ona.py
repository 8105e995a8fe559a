"""Ona, once Gitpod Flex: versions 2 and 3 of its tokens."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    Attribute,
    AudienceForm,
    Certainty,
    Claim,
    Marking,
    Source,
    Standing,
    TokenFormat,
    When,
)
from daypass.subjects.issuers.common import ANY_ID, FURTHER, fact, given, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Escape, Form, InClaim, ShapedSubject, pair
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_ORGANIZATION_ID: Final = given("organization_id", "organization", ANY_ID)
_PROJECT_ID: Final = given("project_id", "project", ANY_ID)
_ONA_ORG: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a11"
_ONA_PROJECT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a12"
_ONA_ENVIRONMENT: Final = "0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a13"


def _ona_v2(leaf: str, word: str) -> Shape:
    return Shape(
        f"v2 {leaf}",
        ("org:", _ORGANIZATION_ID, f"/{word}:", given(f"{leaf}_id", leaf, ANY_ID)),
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
            ("organization_id:", _ORGANIZATION_ID, ":environment_id:", given("environment_id", "environment", ANY_ID)),
            "environment",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:environment_id:{_ONA_ENVIRONMENT}",
        ),
        Shape(
            "v3 user",
            ("organization_id:", _ORGANIZATION_ID, ":user_id:", given("user_id", "user", ANY_ID)),
            "user",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:user_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a14",
        ),
        Shape(
            "v3 runner",
            ("organization_id:", _ORGANIZATION_ID, ":runner_id:", given("runner_id", "runner", ANY_ID)),
            "runner",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:runner_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a17",
        ),
        Shape(
            "v3 service account",
            (
                "organization_id:",
                _ORGANIZATION_ID,
                ":service_account_id:",
                given("service_account_id", "service account", ANY_ID),
            ),
            "service account",
            ("organization_id",),
            f"organization_id:{_ONA_ORG}:service_account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a15",
        ),
        Shape(
            "v3 account",
            ("account_id:", given("account_id", "account", ANY_ID)),
            "account",
            ("account_id",),
            "account_id:0193d7a2-41c6-7e80-a5b9-6c0d2e4f8a16",
        ),
        Shape(
            "v3 project with further fields",
            ("organization_id:", _ORGANIZATION_ID, ":project_id:", _PROJECT_ID, ":", FURTHER),
            "environment",
            ("organization_id", "project_id"),
            f"organization_id:{_ONA_ORG}:project_id:{_ONA_PROJECT}:creator_email:nils.berg@tidewater.example",
        ),
        Shape(
            "v2 environment in a project",
            ("org:", _ORGANIZATION_ID, "/prj:", _PROJECT_ID, "/env:", given("environment_id", "environment", ANY_ID)),
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

_TENANT: Final = {"organization_id": Source.ORGANIZATION_ID, "project_id": Source.PROJECT_ID}
_OF_ENVIRONMENT: Final = When("principal", ("environment",), otherwise="environment")
_IN_PROJECT: Final = When("without_project", ("true",), negated=True)
_OUTSIDE: Final = When("without_project", ("true",))
_OF_USER: Final = When("principal", ("user",))
_OF_ACCOUNT: Final = When("principal", ("account",))
_OF_SERVICE_ACCOUNT: Final = When("principal", ("service_account",))
_OF_RUNNER: Final = When("principal", ("runner",))


def _form(name: str, *when: When, **sources: Source | Attribute) -> Form:
    return Form(ONA.shape_named(name), {**_TENANT, **sources}, when)


_V2_FORMS: Final = (
    _form("v2 environment in a project", _OF_ENVIRONMENT, _IN_PROJECT, environment_id=Source.WORKLOAD_ID),
    _form("v2 environment", _OF_ENVIRONMENT, _OUTSIDE, environment_id=Source.WORKLOAD_ID),
    _form("v2 user", _OF_USER),
    _form("v2 runner", _OF_RUNNER),
)
ONA_V2: Final = TokenFormat(
    name="ona-v2",
    about="Ona's version 2: `sub` is the environment, the user or the runner",
    noun="Ona ID token (version 2)",
    typ="JWT",
    audience_form=AudienceForm.STRING_WHEN_ONE,
    lifetime_seconds=3600,
    claims=(
        Claim("aud", Source.AUDIENCE),
        Claim("exp", Source.EXPIRES_AT),
        Claim("iat", Source.ISSUED_AT),
        Claim("iss", Source.ISSUER),
        Claim("org", Source.ORGANIZATION_ID),
        Claim("sub", Source.SUBJECT),
    ),
    subject=ShapedSubject(always=_V2_FORMS),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "Ona documentation, OIDC and AWS, with a published sample token, 2026",
        Certainty.DOCUMENTED,
        (
            "The settings page shows another form, `environment:<org>:<env>`; which of them is version 1 is not known.",
            "The ids are this issuer's; Ona's are UUIDs.",
        ),
    ),
    issuers=(ONA,),
    marks=("org",),
    phrases=(Phrase("of the organization {}", "org"), Phrase(", for {}", "sub")),
)

_OF_PERSON: Final = ("user", "account")
_PERSON: Final = When("principal", _OF_PERSON)
_ENVIRONMENT_FORM: Final = _form(
    "v3 environment without a project", _OF_ENVIRONMENT, _OUTSIDE, environment_id=Source.WORKLOAD_ID
)
_FURTHER_FIELDS: Final = (
    *(
        (name, Marking.IMMUTABLE)
        for name in (
            *("account_id", "user_id", "organization_id", "project_id", "runner_id", "environment_id", "creator_id"),
            *("creator_principal", "service_account_id"),
        )
    ),
    *((name, Marking.PERSONAL) for name in ("creator_email", "creator_name", "creator_idp", "email", "name", "idp")),
    *(
        (name, Marking.TENANT_CHOSEN)
        for name in (
            "runner_name",
            "environment_initializers.git.remote_uri",
            "environment_initializers.git.upstream_remote_uri",
            "environment_initializers.context_url",
        )
    ),
)
ONA_V3: Final = TokenFormat(
    name="ona-v3",
    about="Ona's version 3: `sub` is organization and project, the user, the service account; further fields behind",
    noun="Ona ID token (version 3)",
    typ="JWT",
    audience_form=AudienceForm.ALWAYS_ARRAY,
    lifetime_seconds=3600,
    claims=(
        Claim("iss", Source.ISSUER),
        Claim("sub", Source.SUBJECT),
        Claim("aud", Source.AUDIENCE),
        Claim("exp", Source.EXPIRES_AT),
        Claim("iat", Source.ISSUED_AT),
        Claim("environment_id", Source.WORKLOAD_ID, when=(_OF_ENVIRONMENT,)),
        fact("account_id", when=(_PERSON,), required=True),
        fact("user_id", when=(_OF_USER,), required=True),
        fact("service_account_id", when=(_OF_SERVICE_ACCOUNT,), required=True),
        Claim("organization_id", Source.ORGANIZATION_ID),
        Claim("project_id", Source.PROJECT_ID, when=(_OF_ENVIRONMENT, _IN_PROJECT)),
        fact("runner_id", when=(_OF_ENVIRONMENT,)),
        fact("runner_id", when=(_OF_RUNNER,), required=True),
        fact("runner_name", when=(_OF_RUNNER,)),
        *(
            fact(name, when=(_OF_ENVIRONMENT,))
            for name in ("creator_principal", "creator_id", "creator_email", "creator_name", "creator_idp")
        ),
        fact("creator_idp_claims", ClaimType.OBJECT, when=(_OF_ENVIRONMENT,)),
        fact("environment_initializers", ClaimType.OBJECTS, when=(_OF_ENVIRONMENT,)),
        fact("email", claim_from="user_email", when=(_PERSON,)),
        fact("name", claim_from="user_name", when=(_PERSON,)),
        fact("name", claim_from="service_account_name", when=(_OF_SERVICE_ACCOUNT,)),
        fact("idp", when=(_PERSON,)),
        fact("idp_claims", ClaimType.OBJECT, when=(_PERSON,)),
    ),
    subject=ShapedSubject(
        always=(
            _form("v3 project", _OF_ENVIRONMENT, _IN_PROJECT),
            _ENVIRONMENT_FORM,
            _form("v3 user", _OF_USER),
            _form("v3 service account", _OF_SERVICE_ACCOUNT),
            Form(ONA.shape_named("v3 account"), when=(_OF_ACCOUNT,)),
            _form("v3 runner", _OF_RUNNER),
        ),
        parts=tuple(
            pair(
                name,
                named(name, name.replace("_", " "), ChosenBy.CONTRIBUTOR),
                InClaim(tuple(name.split("."))),
                marking=marking,
                optional=True,
                escape=Escape.ALL,
            )
            for name, marking in _FURTHER_FIELDS
        ),
        families=("creator_idp_claims.", "idp_claims."),
    ),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing(
        "Ona documentation, OIDC; gitpod-io/terraform-provider-ona, docs/resources/oidc_config.md, 2026",
        Certainty.PARTLY,
        (
            "Claims and subject of a runner's token are not published; these are guessed from the list of fields.",
            "Values of further fields are percent-encoded here; that Ona escapes them is not known.",
            "A further field that is no text is left out, as the settings page's preview does.",
            "An account's subject does not name the organization, so it needs an issuer of the organization's own.",
            "The ids of organization, project and environment are this issuer's; Ona's are UUIDs.",
        ),
    ),
    issuers=(ONA,),
    marks=("organization_id",),
    marks_absent=("workload_id", "org", "pipeline_slug", "terraform_run_id"),
    phrases=(
        Phrase("of the environment {}", "environment_id"),
        Phrase("of the user {}", "user_id"),
        Phrase("of the service account {}", "service_account_id"),
        Phrase("in the project {}", "project_id"),
        Phrase("of the organization {}", "organization_id"),
        Phrase(", on the runner {}", "runner_id"),
        Phrase(", created by {}", "creator_id"),
        Phrase(", account {}", "account_id"),
    ),
)
