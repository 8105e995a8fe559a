"""The use cases of the registry."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import (
    AlreadyExists,
    AuditUnavailable,
    CredentialExpired,
    CredentialUnknown,
    NotFound,
    RequestInvalid,
    ScopeMissing,
    StoreUnavailable,
    SubjectUnsafe,
)
from daypass.idp.caller import Caller, Scope
from daypass.idp.index import SecretIndex
from daypass.idp.model import Holder
from daypass.idp.registry import Registry
from daypass.secret import Secret
from support.registry import OPERATOR, Office

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from daypass.idp.model import AuditEntry, Workload


async def furnished(office: Office) -> Registry:
    registry = office.registry
    await registry.create_organization(OPERATOR, slug="acme")
    await registry.create_project(OPERATOR, "acme", slug="shop", name="The Shop")
    return registry


def caller(*scopes: str, organization_id: str | None = None) -> Caller:
    return Caller("adm_x", frozenset(scopes), organization_id, None, "r1", "192.0.2.7")


def test_a_workload_is_found_by_its_secret_and_by_nothing_else() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job", attributes={"ref": "main"})
        secret = made.secret
        workload, project, organization = await registry.authenticate_workload(secret, request_id="r1")
        assert workload == made.workload
        assert workload.id.startswith("job_")
        assert (project.name, organization.name) == ("The Shop", "acme")
        assert secret.reveal().startswith("dpw_")
        assert len(secret.reveal()) == 47
        assert secret.reveal() not in repr(made)
        assert workload.secret_hash not in secret.reveal()
        text = secret.reveal()
        for wrong in ("", text[:-1], text + "A", text.swapcase(), "dpa_" + text[4:], workload.secret_hash, "é" * 47):
            with pytest.raises(CredentialUnknown):
                await registry.authenticate_workload(Secret(wrong), request_id="r1")
        with pytest.raises(CredentialUnknown):
            await registry.authenticate_admin(secret, request_id="r1")

    asyncio.run(story())


def test_a_revoked_secret_is_unknown_at_once() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="workspace")
        await registry.authenticate_workload(made.secret, request_id="r1")
        revoked = await registry.revoke_workload(OPERATOR, made.workload.id)
        assert revoked.revoked_at is not None
        with pytest.raises(CredentialUnknown):
            await registry.authenticate_workload(made.secret, request_id="r1")
        assert await registry.revoke_workload(OPERATOR, made.workload.id) == revoked

    asyncio.run(story())


def test_a_secret_ends_with_its_expiry_also_when_it_is_in_memory() -> None:
    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job", expires_in_seconds=60)
        office.clock.advance(59.999)
        await registry.authenticate_workload(made.secret, request_id="r1")
        office.clock.advance(0.001)
        with pytest.raises(CredentialExpired):
            await registry.authenticate_workload(made.secret, request_id="r1")

    asyncio.run(story())


def test_the_hot_path_asks_the_store_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        await registry.authenticate_workload(made.secret, request_id="r1")

        def down(*_: object) -> None:
            raise StoreUnavailable("down")

        for name in ("holder_by_secret", "organization", "project"):
            monkeypatch.setattr(office.store, name, down)
        await registry.authenticate_workload(made.secret, request_id="r1")
        with pytest.raises(StoreUnavailable):
            await registry.authenticate_workload(Secret("dpw_" + "A" * 43), request_id="r1")

    asyncio.run(story())


def test_a_change_is_seen_by_the_next_authentication() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        await registry.authenticate_workload(made.secret, request_id="r1")
        await registry.update_organization(OPERATOR, "acme", audiences=["vault.example"])
        await registry.update_project(OPERATOR, "acme", "shop", name="Ledger")
        _, project, organization = await registry.authenticate_workload(made.secret, request_id="r1")
        assert (project.name, organization.audiences) == ("Ledger", ("vault.example",))

    asyncio.run(story())


def test_a_look_up_that_a_revocation_overtakes_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a revoked secret would stay good as long as the process lives."""

    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        read = threading.Event()
        go_on = threading.Event()
        real = office.store.holder_by_secret

        def slow(secret_hash: str) -> Holder | None:
            found = real(secret_hash)
            read.set()
            assert go_on.wait(5)
            return found

        monkeypatch.setattr(office.store, "holder_by_secret", slow)
        overtaken = asyncio.create_task(registry.authenticate_workload(made.secret, request_id="r1"))
        await asyncio.to_thread(read.wait, 5)
        await registry.revoke_workload(OPERATOR, made.workload.id)
        go_on.set()
        await overtaken
        with pytest.raises(CredentialUnknown):
            await registry.authenticate_workload(made.secret, request_id="r1")

    asyncio.run(story())


def test_a_caller_who_hangs_up_does_not_cut_a_revocation_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        await registry.authenticate_workload(made.secret, request_id="r1")
        begun = threading.Event()
        go_on = threading.Event()
        real = office.store.update_workload

        def slow(workload: Workload) -> None:
            begun.set()
            assert go_on.wait(5)
            real(workload)

        monkeypatch.setattr(office.store, "update_workload", slow)
        revoking = asyncio.create_task(registry.revoke_workload(OPERATOR, made.workload.id))
        await asyncio.to_thread(begun.wait, 5)
        revoking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await revoking
        # Not revoked yet; memory must hear of it when it is.
        await registry.authenticate_workload(made.secret, request_id="r1")
        go_on.set()
        await registry.create_project(OPERATOR, "acme", slug="next")  # has waited for the lock
        with pytest.raises(CredentialUnknown):
            await registry.authenticate_workload(made.secret, request_id="r1")

    asyncio.run(story())


def test_the_index_is_bounded() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        index = SecretIndex(max_entries=2)
        made = [await registry.create_workload(OPERATOR, "acme", "shop", kind="job") for _ in range(3)]
        for each in made:
            index.put(Holder(*await registry.authenticate_workload(each.secret, request_id="r1")), generation=0)
        assert len(index) == 2
        assert index.get(made[0].workload.secret_hash) is None
        assert index.get(made[2].workload.secret_hash) is not None
        index.forget(made[1].workload)
        assert len(index) == 1
        index.forget(await registry.project(OPERATOR, "acme", "shop"))
        assert len(index) == 0

    asyncio.run(story())


def test_every_change_leaves_a_row_before_it_is_made() -> None:
    class Refusing:
        async def append(self, entry: AuditEntry) -> None:
            raise AuditUnavailable("disk full")

        def entries(self, **_: object) -> list[Any]:
            return []

        def verify(self) -> int:
            return 0

    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        token = await registry.create_admin_token(OPERATOR, name="t", scopes=["*"])
        await registry.update_organization(OPERATOR, "acme", name="ACME")
        await registry.revoke_workload(OPERATOR, made.workload.id)
        await registry.revoke_admin_token(OPERATOR, token.token.id)
        rows = [(each.entry.event, each.entry.outcome) for each in office.audit.entries()]
        assert rows == [
            ("organization.created", "changed"),
            ("project.created", "changed"),
            ("workload.created", "changed"),
            ("admin-token.created", "changed"),
            ("organization.updated", "changed"),
            ("workload.revoked", "changed"),
            ("admin-token.revoked", "changed"),
        ]
        text = repr(office.audit.records)
        assert made.secret.reveal() not in text
        assert made.workload.secret_hash not in text

        deaf = Registry(office.store, Refusing(), office.clock, lambda n: bytes(range(n)))
        before = (len(office.store.organizations()), len(office.store.admin_tokens()))
        changes: list[Callable[[], Awaitable[object]]] = [
            lambda: deaf.create_organization(OPERATOR, slug="other"),
            lambda: deaf.update_organization(OPERATOR, "acme", name="Other"),
            lambda: deaf.create_project(OPERATOR, "acme", slug="other"),
            lambda: deaf.create_workload(OPERATOR, "acme", "shop", kind="job"),
            lambda: deaf.create_admin_token(OPERATOR, name="t", scopes=["*"]),
        ]
        for change in changes:
            with pytest.raises(AuditUnavailable):
                await change()
        assert (len(office.store.organizations()), len(office.store.admin_tokens())) == before
        assert (await registry.organization(OPERATOR, "acme")).name == "ACME"
        assert len(await registry.projects(OPERATOR, "acme")) == 1

    asyncio.run(story())


def test_a_change_that_fails_after_its_row_leaves_a_second_row(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        office = Office()
        registry = await furnished(office)

        def down(_: object) -> None:
            raise StoreUnavailable("down")

        monkeypatch.setattr(office.store, "add_project", down)
        with pytest.raises(StoreUnavailable):
            await registry.create_project(OPERATOR, "acme", slug="other")
        last = office.audit.records[-1].entry
        assert (last.event, last.outcome, last.reason) == ("project.created", "failed", "store_unavailable")

    asyncio.run(story())


SCOPES_OF = {
    "organizations": Scope.ORGANIZATIONS_READ,
    "organization": Scope.ORGANIZATIONS_READ,
    "update_organization": Scope.ORGANIZATIONS_WRITE,
    "preview_form": Scope.WORKLOADS_READ,
    "offer_aws_claims": Scope.ORGANIZATIONS_WRITE,
    "create_project": Scope.PROJECTS_WRITE,
    "projects": Scope.PROJECTS_READ,
    "project": Scope.PROJECTS_READ,
    "update_project": Scope.PROJECTS_WRITE,
    "create_workload": Scope.WORKLOADS_WRITE,
    "workloads": Scope.WORKLOADS_READ,
    "workload": Scope.WORKLOADS_READ,
    "revoke_workload": Scope.WORKLOADS_WRITE,
    "create_admin_token": Scope.ADMIN_TOKENS_WRITE,
    "admin_tokens": Scope.ADMIN_TOKENS_WRITE,
    "revoke_admin_token": Scope.ADMIN_TOKENS_WRITE,
    "create_organization": Scope.ORGANIZATIONS_WRITE,
}


def calls(workload_id: str, token_id: str) -> dict[str, Callable[[Registry, Caller], Awaitable[object]]]:
    return {
        "organizations": lambda r, c: r.organizations(c),
        "organization": lambda r, c: r.organization(c, "acme"),
        "update_organization": lambda r, c: r.update_organization(c, "acme", name="A"),
        "preview_form": lambda r, c: r.preview_form(c, "acme", token_format="gitpod", subject_claims=["org_id"]),
        "offer_aws_claims": lambda r, c: r.offer_aws_claims(c, "acme", tags={"Project": "project_slug"}),
        "create_project": lambda r, c: r.create_project(c, "acme", slug="p2"),
        "projects": lambda r, c: r.projects(c, "acme"),
        "project": lambda r, c: r.project(c, "acme", "shop"),
        "update_project": lambda r, c: r.update_project(c, "acme", "shop", name="S"),
        "create_workload": lambda r, c: r.create_workload(c, "acme", "shop", kind="job"),
        "workloads": lambda r, c: r.workloads(c, "acme", "shop"),
        "workload": lambda r, c: r.workload(c, workload_id),
        "revoke_workload": lambda r, c: r.revoke_workload(c, workload_id),
        "create_admin_token": lambda r, c: r.create_admin_token(
            c, name="t", scopes=["admin-tokens:write"], organization="acme"
        ),
        "admin_tokens": lambda r, c: r.admin_tokens(c),
        "revoke_admin_token": lambda r, c: r.revoke_admin_token(c, token_id),
        "create_organization": lambda r, c: r.create_organization(c, slug="second"),
    }


def test_the_tables_of_this_test_hold_every_use_case() -> None:
    public = {name for name in vars(Registry) if not name.startswith(("_", "authenticate"))}
    assert public == set(SCOPES_OF) == set(calls("", ""))


@pytest.mark.parametrize("name", SCOPES_OF)
def test_each_use_case_needs_its_scope_and_no_other(name: str) -> None:
    async def story() -> None:
        registry = await furnished(Office())
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        token = await registry.create_admin_token(OPERATOR, name="t", scopes=["*"], organization="acme")
        call = calls(made.workload.id, token.token.id)[name]
        others = {scope.value for scope in Scope} - {SCOPES_OF[name], Scope.ALL}
        with pytest.raises(ScopeMissing):
            await call(registry, caller(*others))
        with pytest.raises(ScopeMissing):
            await call(registry, caller())
        await call(registry, caller(SCOPES_OF[name]))

    asyncio.run(story())


@pytest.mark.parametrize("name", SCOPES_OF)
def test_a_token_bound_to_another_organization_sees_nothing(name: str) -> None:
    async def story() -> None:
        registry = await furnished(Office())
        other = await registry.create_organization(OPERATOR, slug="other")
        made = await registry.create_workload(OPERATOR, "acme", "shop", kind="job")
        token = await registry.create_admin_token(OPERATOR, name="t", scopes=["*"], organization="acme")
        call = calls(made.workload.id, token.token.id)[name]
        bound = caller("*", organization_id=other.id)
        if name == "organizations":
            assert await call(registry, bound) == (other,)
        elif name == "admin_tokens":
            assert await call(registry, bound) == []
        else:
            with pytest.raises(ScopeMissing if name == "create_organization" else NotFound):
                await call(registry, bound)

    asyncio.run(story())


def test_nobody_hands_out_more_than_they_hold() -> None:
    async def story() -> None:
        office = Office()
        registry = await furnished(office)
        acme = await registry.organization(OPERATOR, "acme")
        other = await registry.create_organization(OPERATOR, slug="other")
        limited = await registry.create_admin_token(
            OPERATOR, name="t", scopes=["admin-tokens:write", "workloads:write"], organization="acme",
            expires_in_seconds=100,
        )  # fmt: skip
        token = await registry.authenticate_admin(limited.secret, request_id="r1")
        who = Caller.of(token, request_id="r")
        for scopes in (["*"], ["workloads:write", "keys:write"]):
            with pytest.raises(ScopeMissing):
                await registry.create_admin_token(who, name="t", scopes=scopes, organization="acme")
        with pytest.raises(ScopeMissing):
            await registry.create_admin_token(who, name="t", scopes=["workloads:write"])
        with pytest.raises(NotFound):
            await registry.create_admin_token(who, name="t", scopes=["workloads:write"], organization=other.id)
        heir = await registry.create_admin_token(
            who, name="t", scopes=["workloads:write"], organization="acme", expires_in_seconds=5000
        )
        assert heir.token.expires_at == token.expires_at
        assert heir.token.organization_id == acme.id
        forever = await registry.create_admin_token(who, name="t", scopes=["workloads:write"], organization="acme")
        assert forever.token.expires_at == token.expires_at
        await registry.revoke_admin_token(who, heir.token.id)
        with pytest.raises(CredentialUnknown):
            await registry.authenticate_admin(heir.secret, request_id="r1")
        office.clock.advance(100)
        with pytest.raises(CredentialExpired):
            await registry.authenticate_admin(limited.secret, request_id="r1")

    asyncio.run(story())


def test_slugs_are_unique_where_they_must_be() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        with pytest.raises(AlreadyExists):
            await registry.create_organization(OPERATOR, slug="acme")
        with pytest.raises(AlreadyExists):
            await registry.create_project(OPERATOR, "acme", slug="shop")
        await registry.create_organization(OPERATOR, slug="other")
        await registry.create_project(OPERATOR, "other", slug="shop")

    asyncio.run(story())


def test_another_token_format_drops_the_subject_claims_of_the_old_one() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        await registry.update_organization(OPERATOR, "acme", subject_claims=["organization", "project", "kind"])
        changed = await registry.update_organization(OPERATOR, "acme", token_format="gitpod")
        assert (changed.token_format, changed.subject_claims) == ("gitpod", ())
        with pytest.raises(RequestInvalid):
            await registry.update_organization(OPERATOR, "acme", subject_claims=["organization", "project"])

    asyncio.run(story())


def test_subject_claims_that_people_choose_are_switched_on_by_name() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        chosen = ["organization", "project", "ref"]
        for allowed in ([], ["event"]):
            with pytest.raises(SubjectUnsafe):
                await registry.create_organization(
                    OPERATOR, slug="b", subject_claims=chosen, allow_subject_claims=allowed
                )
            with pytest.raises(SubjectUnsafe):
                await registry.update_organization(
                    OPERATOR, "acme", subject_claims=chosen, allow_subject_claims=allowed
                )
        changed = await registry.update_organization(
            OPERATOR, "acme", subject_claims=chosen, allow_subject_claims=["ref"]
        )
        assert changed.subject_claims == tuple(chosen)
        # Once switched on, what else is changed asks no more; another choice asks again.
        assert (await registry.update_organization(OPERATOR, "acme", name="A")).subject_claims == tuple(chosen)
        with pytest.raises(SubjectUnsafe):
            await registry.update_organization(OPERATOR, "acme", subject_claims=[*chosen, "event"])

    asyncio.run(story())


@pytest.mark.parametrize("token_format", ["gitlab", "github", "kubernetes", "spiffe", "buildkite"])
def test_a_format_of_names_is_refused_where_organizations_share_an_issuer(token_format: str) -> None:
    """Even to the administrator of the whole issuer: two organizations would have one subject."""

    async def story() -> None:
        registry = await furnished(Office())
        with pytest.raises(SubjectUnsafe):
            await registry.create_organization(OPERATOR, slug="b", token_format=token_format)
        with pytest.raises(SubjectUnsafe):
            await registry.update_organization(OPERATOR, "acme", token_format=token_format)
        assert (await registry.organization(OPERATOR, "acme")).token_format == "daypass"

    asyncio.run(story())


def test_a_bound_caller_chooses_only_subjects_that_name_their_organization() -> None:
    """Else the administrator of one organization could make a subject that policies expect of another."""

    async def story() -> None:
        registry = await furnished(Office())
        acme = await registry.organization(OPERATOR, "acme")
        bound = caller("*", organization_id=acme.id)
        for subject_claims in ([], ["context", "org_id"]):
            with pytest.raises(ScopeMissing):
                await registry.update_organization(bound, "acme", token_format="gitpod", subject_claims=subject_claims)
        await registry.update_organization(bound, "acme", token_format="gitpod", subject_claims=["org_id", "context"])
        with pytest.raises(ScopeMissing):
            await registry.update_organization(bound, "acme", subject_claims=[])
        await registry.update_organization(OPERATOR, "acme", subject_claims=[])
        assert (await registry.update_organization(bound, "acme", name="Acme")).token_format == "gitpod"

    asyncio.run(story())


def test_lists_come_in_pages() -> None:
    async def story() -> None:
        registry = await furnished(Office())
        made = [await registry.create_workload(OPERATOR, "acme", "shop", kind="job") for _ in range(5)]
        seen: list[str] = []
        while page := await registry.workloads(OPERATOR, "acme", "shop", after=seen[-1] if seen else None, limit=2):
            assert len(page) <= 2
            seen += [each.id for each in page]
        assert seen == sorted(each.workload.id for each in made)
        for limit in (0, 1001, -1):
            with pytest.raises(RequestInvalid):
                await registry.workloads(OPERATOR, "acme", "shop", limit=limit)

    asyncio.run(story())
