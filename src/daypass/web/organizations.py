"""`/v1/organizations`."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, Field
from starlette.responses import Response

from daypass.errors import Invalid, Refused
from daypass.idp import forms, rules
from daypass.idp.caller import Caller, Scope
from daypass.idp.forms import ChosenForm
from daypass.idp.model import Organization, Project, Workload
from daypass.subjects import safety
from daypass.subjects.registry import format_named
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class PreviousFormAnswer(Answer):
    """The form of tokens before the last change. `usual`: it is what those get who ask for none, until it ends."""

    token_format: str
    subject_claims: list[str]
    until: Time
    usual: bool


class AwsClaimsAnswer(Answer):
    """What workloads may ask to be told to AWS: a fact for each session tag's key; keys that are transitive."""

    tags: dict[str, str]
    transitive: list[str]
    source_identity: str | None


class OrganizationAnswer(Answer):
    """An organization."""

    id: str
    slug: str
    name: str
    token_format: str
    subject_claims: list[str]
    audiences: list[str]
    created_at: Time
    own_issuer: bool
    issuer: str
    aws_claims: AwsClaimsAnswer
    previous: PreviousFormAnswer | None


class NewOrganization(Body):
    """A new organization. What is left out, or null, takes its usual value."""

    slug: str
    name: str | None = None
    token_format: str | None = None
    subject_claims: list[str] | None = None
    allow_subject_claims: list[str] | None = None
    audiences: list[str] | None = None
    own_issuer: bool | None = None


class OrganizationChange(Body):
    """What is to change; the rest stays. `own_issuer` can be switched on, which changes `iss`, and never off.

    Until `either_until` tokens of the form before the change can be asked for, and are what those get who ask for none,
    until it is `switched`.
    """

    name: str | None = None
    token_format: str | None = None
    subject_claims: list[str] | None = None
    allow_subject_claims: list[str] | None = None
    audiences: list[str] | None = None
    own_issuer: bool | None = None
    either_until: Annotated[AwareDatetime, Field(strict=False)] | None = None
    switched: bool | None = None


class FormChange(Body):
    """A change of the form of tokens. `limit` is of how many workloads it is shown, the last made ones."""

    token_format: str | None = None
    subject_claims: list[str] | None = None
    allow_subject_claims: list[str] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 20


class FormAnswer(Answer):
    """A form of tokens."""

    token_format: str
    subject_claims: list[str]


class FilledFormAnswer(Answer):
    """The claims of a workload's token; or why there would be none."""

    subject: str | None
    claims: dict[str, Any] | None
    refused: str | None
    reason: str | None


class ReformedWorkloadAnswer(Answer):
    """A workload's token as it is, and as it would be."""

    workload_id: str
    workload_name: str
    project_slug: str
    old: FilledFormAnswer
    new: FilledFormAnswer


class FormPreviewAnswer(Answer):
    """What a change of form would change. `warnings` are sentences about the new one."""

    old: FormAnswer
    new: FormAnswer
    warnings: list[str]
    workloads: list[ReformedWorkloadAnswer]


class AwsClaimsChange(Body):
    """All of it anew: a fact for each session tag's key, the keys that are transitive, the source identity's fact."""

    tags: dict[str, str]
    transitive: list[str] | None = None
    source_identity: str | None = None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["organizations"], generate_unique_id_function=name_of)
    registry, rings = services.registry, services.key_rings

    def shown(organization: Organization) -> OrganizationAnswer:
        own = organization.own_issuer
        offered, previous = organization.aws_claims, organization.previous
        return OrganizationAnswer.of(
            organization,
            issuer=str(rings.url_of(organization.slug) if own else rings.root.url),
            aws_claims=AwsClaimsAnswer.of(offered, tags=dict(offered.tags)),
            previous=None if previous is None else PreviousFormAnswer.of(previous),
        )

    def filled(workload: Workload, project: Project, organization: Organization, form: ChosenForm) -> FilledFormAnswer:
        try:
            claims = services.issuer.imagined(workload, project, organization, form)
        except (Refused, Invalid) as refusal:
            return FilledFormAnswer(subject=None, claims=None, refused=refusal.code, reason=refusal.message)
        return FilledFormAnswer(subject=str(claims["sub"]), claims=claims, refused=None, reason=None)

    @routes.post(
        "/v1/organizations",
        status_code=201,
        response_model=OrganizationAnswer,
        **needs(Scope.ORGANIZATIONS_WRITE),
    )
    async def create_organization(body: NewOrganization, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Create an organization."""
        if body.own_issuer:
            rings.url_of(rules.slug(body.slug))
        made = await registry.create_organization(caller, **body.model_dump(exclude_none=True))
        if made.own_issuer:
            await rings.open(made)
        return reply(shown(made), 201)

    @routes.get("/v1/organizations", response_model=Listed[OrganizationAnswer], **needs(Scope.ORGANIZATIONS_READ))
    async def list_organizations(
        page: Annotated[Page, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List the organizations that the caller sees."""
        found = await registry.organizations(caller, after=page.after, limit=page.limit)
        return reply_page([shown(one) for one in found], page.limit)

    @routes.get(
        "/v1/organizations/{organization}", response_model=OrganizationAnswer, **needs(Scope.ORGANIZATIONS_READ)
    )
    async def show_organization(organization: str, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Show one organization, by id or slug."""
        return reply(shown(await registry.organization(caller, organization)))

    @routes.patch(
        "/v1/organizations/{organization}", response_model=OrganizationAnswer, **needs(Scope.ORGANIZATIONS_WRITE)
    )
    async def change_organization(
        organization: str, body: OrganizationChange, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Change an organization."""
        if body.own_issuer and caller.organization_id is None:
            await rings.demand_url(organization)
        changed = await registry.update_organization(caller, organization, **body.model_dump(exclude_none=True))
        if changed.own_issuer:
            await rings.open(changed)
        return reply(shown(changed))

    @routes.post(
        "/v1/organizations/{organization}/form-preview",
        response_model=FormPreviewAnswer,
        **needs(Scope.WORKLOADS_READ),
    )
    async def preview_form(
        organization: str, body: FormChange, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Show what another form of tokens would change, with old and new claims of workloads. Nothing is changed."""
        preview = await registry.preview_form(caller, organization, **body.model_dump(exclude_none=True))
        before, after = forms.usual(preview.old, services.clock()), forms.current(preview.new)
        return reply(
            FormPreviewAnswer(
                old=FormAnswer.of(before),
                new=FormAnswer.of(after),
                warnings=list(safety.warnings(format_named(after.token_format), after.subject_claims)),
                workloads=[
                    ReformedWorkloadAnswer(
                        workload_id=workload.id,
                        workload_name=workload.name,
                        project_slug=project.slug,
                        old=filled(workload, project, preview.old, before),
                        new=filled(workload, project, preview.new, after),
                    )
                    for workload, project in preview.workloads
                ],
            )
        )

    @routes.post(
        "/v1/organizations/{organization}/aws-claims",
        response_model=OrganizationAnswer,
        **needs(Scope.ORGANIZATIONS_WRITE),
    )
    async def offer_aws_claims(
        organization: str, body: AwsClaimsChange, caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Set what workloads may ask to be told to AWS."""
        changed = await registry.offer_aws_claims(caller, organization, **body.model_dump(exclude_none=True))
        return reply(shown(changed))

    return routes
