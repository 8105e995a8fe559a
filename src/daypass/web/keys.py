"""`/v1/keys`: the signing keys of every issuer. A caller bound to one organization has no say in them."""

import asyncio
import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from daypass.idp.caller import Caller, Scope
from daypass.idp.key_life import next_step_at
from daypass.idp.key_rings import Issuing
from daypass.idp.model import SigningKey
from daypass.web.administration import AdminRoute, name_of, needs, the_caller
from daypass.web.answers import Answer, Listed, Page, Time, instant, reply, reply_page
from daypass.web.bodies import Body
from daypass.web.services import Services

_DATE_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2})")

# FastAPI reads the annotations of handlers when they are defined, so they are not postponed in this module.


class KeyAnswer(Answer):
    """A signing key's public half, and where it is in its life. `organization_id` is null for the root issuer.

    `next_step_at` is when that goes on by itself; `waits_for` why a key that is next may not sign yet, where strangers
    are served by somebody else.
    """

    kid: str
    organization_id: str | None
    issuer: str
    algorithm: str
    state: str
    public_jwk: dict[str, str]
    created_at: Time
    published_at: Time | None
    activate_at: Time | None
    activated_at: Time | None
    retiring_at: Time | None
    retired_at: Time | None
    revoked_at: Time | None
    next_step_at: Time | None
    waits_for: str | None


class NewKey(Body):
    """A new signing key: of an organization's own issuer (id or slug), or of the root issuer."""

    algorithm: str
    organization: str | None = None


class Rotation(Body):
    """Which keys are to be followed by others: those of one algorithm, or all active ones of the issuer.

    `soon` is as soon as caches that keep the key set no longer than they are told can have the new key.
    """

    algorithm: str | None = None
    organization: str | None = None
    soon: bool = False


class Activation(BaseModel):
    """The query. With `at_once`, relying parties may refuse the key's first tokens."""

    model_config = ConfigDict(extra="forbid")

    at_once: bool = False


class Revocation(Body):
    """Why the key must not be trusted any more; for the audit log."""

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RevocationAnswer(Answer):
    """What was done. Caches that are told how long to keep the key set have lost the key at `caches_until`."""

    revoked: KeyAnswer
    replacement: KeyAnswer | None
    caches_until: Time


class OfIssuer(Page):
    """The query: whose keys. Without `organization`, the root issuer's."""

    organization: Annotated[str, Field(max_length=64)] | None = None


def _date_time(text: object) -> object:
    """A time as RFC 3339 writes it; pydantic itself would take a number for seconds since 1970 as well."""
    if not isinstance(text, str) or not _DATE_TIME.fullmatch(text):
        raise ValueError("it is not a time such as 2026-01-02T03:04:05Z")
    return text


class SignedPage(BaseModel):
    """The query: tokens issued `since` then, behind the audit log's sequence number `after`."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[AwareDatetime, BeforeValidator(_date_time)] | None = None
    after: Annotated[int, Field(ge=0, le=2**62)] = 0
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class SignedTokenAnswer(Answer):
    """A token that the key has signed, as the audit log has it."""

    sequence: int
    at: Time
    issuer: str | None
    subject: str | None
    audience: list[str]
    jti: str | None
    expires_at: Time | None
    organization_id: str | None
    project_id: str | None
    workload_id: str | None
    source_ip: str | None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=AdminRoute, tags=["keys"], generate_unique_id_function=name_of)
    rings = services.key_rings

    def shown(issuing: Issuing, key: SigningKey) -> KeyAnswer:
        step_at = next_step_at(key, rings.times)
        return KeyAnswer.of(
            key,
            issuer=str(issuing.url),
            next_step_at=None if step_at is None else instant(step_at),
            waits_for=issuing.key_ring.waits_for(key),
        )

    @routes.get("/v1/keys", response_model=Listed[KeyAnswer], **needs(Scope.KEYS_READ))
    async def list_keys(of: Annotated[OfIssuer, Query()], caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """List an issuer's signing keys, oldest first. They are few: there is one page."""
        caller.require_everywhere(Scope.KEYS_READ)
        issuing = await rings.named(of.organization)
        return reply_page([shown(issuing, key) for key in issuing.key_ring.keys], limit=0, key="kid")

    @routes.post("/v1/keys", status_code=201, response_model=KeyAnswer, **needs(Scope.KEYS_WRITE))
    async def create_key(body: NewKey, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Create a key and publish it at once; it does not sign before it is activated or a rotation takes it."""
        caller.require_everywhere(Scope.KEYS_WRITE)
        issuing = await rings.named(body.organization)
        return reply(shown(issuing, await issuing.key_ring.create(caller, body.algorithm)), 201)

    @routes.post("/v1/keys/rotate", response_model=Listed[KeyAnswer], **needs(Scope.KEYS_WRITE))
    async def rotate_keys(body: Rotation, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Begin a rotation: publish the keys that follow, which sign by themselves later. Twice makes no second."""
        caller.require_everywhere(Scope.KEYS_WRITE)
        issuing = await rings.named(body.organization)
        ring = issuing.key_ring
        algorithms = ring.algorithms if body.algorithm is None else (body.algorithm,)
        following = [await ring.rotate(caller, algorithm, soon=body.soon) for algorithm in algorithms]
        return reply_page([shown(issuing, key) for key in following], limit=0, key="kid")

    @routes.post("/v1/keys/{kid}/activate", response_model=KeyAnswer, **needs(Scope.KEYS_WRITE))
    async def activate_key(
        kid: str, how: Annotated[Activation, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """Sign with this key from now on; the one before stays published until its last token has died.

        Refused until caches of the key set can have it, some minutes after it was made; unless `at_once`.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)
        issuing = await rings.find(kid)
        return reply(shown(issuing, await issuing.key_ring.activate(caller, kid, at_once=how.at_once)))

    @routes.post("/v1/keys/{kid}/revoke", response_model=RevocationAnswer, **needs(Scope.KEYS_WRITE))
    async def revoke_key(kid: str, body: Revocation, caller: Annotated[Caller, Depends(the_caller)]) -> Response:
        """Take a leaked key out of the key set at once; another signs in its place at once. There is no way back."""
        caller.require_everywhere(Scope.KEYS_WRITE)
        issuing = await rings.find(kid)
        revoked, replacement = await issuing.key_ring.revoke(caller, kid, reason=body.reason)
        assert revoked.revoked_at is not None, "it was revoked"
        answer = RevocationAnswer(
            revoked=shown(issuing, revoked),
            replacement=None if replacement is None else shown(issuing, replacement),
            caches_until=instant(revoked.revoked_at + rings.times.least_publish),
        )
        return reply(answer)

    @routes.get("/v1/keys/{kid}/tokens", response_model=Listed[SignedTokenAnswer], **needs(Scope.AUDIT_READ))
    async def list_signed_tokens(
        kid: str, page: Annotated[SignedPage, Query()], caller: Annotated[Caller, Depends(the_caller)]
    ) -> Response:
        """List what a key has signed, oldest first, out of the audit log."""
        caller.require_everywhere(Scope.AUDIT_READ)
        found = await asyncio.to_thread(rings.signed, caller, kid, since=page.since, after=page.after, limit=page.limit)
        items = [SignedTokenAnswer.of(record.entry, sequence=record.sequence) for record in found]
        return reply_page(items, page.limit, key="sequence")

    return routes
