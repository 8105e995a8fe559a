"""What must not happen to subjects, one test per published attack, through registry and issuer."""

from __future__ import annotations

import asyncio

import pytest

from daypass.errors import ClaimUnavailable, NotFound, RequestInvalid
from daypass.subjects.pairs import decode_pairs
from idp.test_subject_ledger import GITHUB, House
from support.registry import OPERATOR


@pytest.mark.parametrize("ref", ["x:project:prj_evil", "a%3Aproject%3Ab", "refs/heads/ä", "*", "main:kind:job"])
def test_threats_42_a_value_never_becomes_a_component(ref: str) -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization(
            "acme", subject_claims=["organization", "project", "ref"], allow_subject_claims=["ref"]
        )
        made = await house.workload(acme, ref=ref)
        subject = (await house.issue(made)).subject
        assert decode_pairs(subject) == (("organization", acme.id), ("project", made.project.id), ("ref", ref))
        assert "*" not in subject
        assert subject.isascii()

    asyncio.run(story())


def test_threats_46_a_pull_request_has_a_subject_of_its_own() -> None:
    """The pattern that a role for deployments from `main` has does not match it."""

    async def story() -> None:
        house = House()
        acme = await house.organization("acme", token_format="github", own_issuer=True)
        branch = await house.issue(await house.workload(acme, **GITHUB))
        request = await house.issue(await house.workload(acme, **GITHUB | {"event_name": "pull_request"}))
        assert branch.subject == "repo:tidewater@73105/invoices@50883127:ref:refs/heads/main"
        assert request.subject == "repo:tidewater@73105/invoices@50883127:pull_request"

    asyncio.run(story())


def test_threats_47_letter_case_neither_makes_a_second_thing_nor_finds_another() -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization("acme")
        made = await house.workload(acme)
        for name in ("Acme", "ACME", acme.id.upper()):
            with pytest.raises(NotFound):
                await house.office.registry.organization(OPERATOR, name)
            with pytest.raises(RequestInvalid):
                await house.office.registry.create_organization(OPERATOR, slug=name)
        assert (await house.issue(made)).subject == (await house.issue(made)).subject

    asyncio.run(story())


@pytest.mark.parametrize("name", ["ac%", "ac_e", "ac?e", "ac*", "[a]cme", "a.me", "acme'--"])
def test_threats_48_names_are_looked_up_whole(name: str) -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization("acme")
        await house.workload(acme)
        with pytest.raises(NotFound):
            await house.office.registry.organization(OPERATOR, name)
        with pytest.raises(NotFound):
            await house.office.registry.projects(OPERATOR, name)
        with pytest.raises(NotFound):
            await house.office.registry.project(OPERATOR, "acme", name)

    asyncio.run(story())


def test_threats_49_names_have_one_form_and_hide_nothing() -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization("acme", name="Cafe\u0301")
        assert acme.name == "Caf\u00e9"
        for text in ("\u0440aypal", "e\u0301"):
            with pytest.raises(RequestInvalid):
                await house.office.registry.create_organization(OPERATOR, slug=text)
            with pytest.raises(RequestInvalid):
                await house.office.registry.update_organization(OPERATOR, "acme", audiences=[text])
        for text in ("a\u202eb", "a\u200bb"):
            with pytest.raises(RequestInvalid):
                await house.office.registry.update_organization(OPERATOR, "acme", name=text)

    asyncio.run(story())


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\x1b[31mb", "a\x01b", "a\u2028b", "a\ud800b"])
def test_threats_50_control_characters_are_refused_at_the_door(text: str) -> None:
    async def story() -> None:
        house = House()
        acme = await house.organization("acme", token_format="gitpod")
        with pytest.raises(RequestInvalid):
            await house.workload(acme, context_url=f"https://git.example/{text}")
        with pytest.raises(RequestInvalid):
            await house.office.registry.update_organization(OPERATOR, "acme", name=text)
        with pytest.raises(ClaimUnavailable):
            await house.issue(await house.workload(acme, context_url="no url", user_id="u"))

    asyncio.run(story())
