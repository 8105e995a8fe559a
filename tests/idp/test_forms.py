"""Two forms of tokens for a period after a change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from daypass.errors import FormNotOffered, RequestInvalid, SubjectTooLong, SubjectUnsafe
from daypass.idp.forms import Form
from daypass.tokens.peek import peek
from idp.test_issue import House, asked
from support.registry import OPERATOR

DAY = timedelta(days=1)


class Story:
    """An organization whose form is changed."""

    def __init__(self) -> None:
        self.house = House()

    async def change(self, **change: Any) -> None:
        self.house.organization = await self.house.office.registry.update_organization(OPERATOR, "acme", **change)

    async def subject(self, form: Form | None = None) -> str:
        claims = peek((await self.house.issue(asked(form=form))).token.reveal()).claims
        return str(claims["sub"]).partition(":")[0]


def test_who_asks_for_nothing_gets_what_they_got_until_the_period_ends() -> None:
    async def run() -> None:
        story = Story()
        await story.house.furnish(token_format="gitpod")
        clock = story.house.office.clock
        assert await story.subject() == "https"
        await story.change(token_format="daypass", either_until=clock() + DAY)
        assert [await story.subject(form) for form in (None, Form.PREVIOUS, Form.CURRENT)] == [
            "https",
            "https",
            "organization",
        ]
        clock.advance(24 * 3600 - 1)
        assert await story.subject() == "https"
        clock.advance(1)
        assert [await story.subject(form) for form in (None, Form.CURRENT)] == ["organization", "organization"]
        with pytest.raises(FormNotOffered) as caught:
            await story.subject(Form.PREVIOUS)
        assert "`gitpod`" in caught.value.message
        assert story.house.office.audit.records[-1].entry.reason == "form_not_offered"

    asyncio.run(run())


def test_a_switch_within_the_period_leaves_the_old_form_to_whoever_names_it() -> None:
    async def run() -> None:
        story = Story()
        await story.house.furnish(token_format="gitpod")
        until = story.house.office.clock() + DAY
        await story.change(token_format="daypass", either_until=until)
        await story.change(switched=True)
        assert [await story.subject(form) for form in (None, Form.PREVIOUS)] == ["organization", "https"]
        await story.change(switched=False, either_until=until + DAY)
        story.house.office.clock.advance(24 * 3600)
        assert await story.subject() == "https"
        detail = story.house.office.audit.records
        changes = [each.entry.detail for each in detail if each.entry.event == "organization.updated"]
        assert [each["usual_form"] for each in changes] == ["previous", "current", "previous"]

    asyncio.run(run())


def test_a_change_without_a_period_holds_at_once_and_ends_the_one_before() -> None:
    async def run() -> None:
        story = Story()
        await story.house.furnish(token_format="gitpod")
        await story.change(token_format="daypass", either_until=story.house.office.clock() + DAY)
        await story.change(subject_claims=["organization", "project", "kind"])
        assert await story.subject() == "organization"
        with pytest.raises(FormNotOffered):
            await story.subject(Form.PREVIOUS)

    asyncio.run(run())


def test_a_second_change_in_the_period_keeps_what_callers_got() -> None:
    async def run() -> None:
        story = Story()
        await story.house.furnish(token_format="gitpod")
        until = story.house.office.clock() + DAY
        await story.change(token_format="daypass", either_until=until)
        await story.change(subject_claims=["organization", "project", "kind"], either_until=until)
        assert await story.subject() == "https"

    asyncio.run(run())


@pytest.mark.parametrize(
    "change",
    [
        {"token_format": "daypass", "either_until": timedelta(0)},
        {"token_format": "daypass", "either_until": -DAY},
        {"token_format": "daypass", "either_until": 367 * DAY},
        {"either_until": DAY},
        {"switched": True},
        {"name": "Acme", "switched": False},
    ],
)
def test_a_period_that_cannot_be_is_refused(change: dict[str, Any]) -> None:
    async def run() -> None:
        story = Story()
        await story.house.furnish(token_format="gitpod")
        if "either_until" in change:
            change["either_until"] += story.house.office.clock()
        with pytest.raises(RequestInvalid):
            await story.change(**change)
        assert await story.subject() == "https"

    asyncio.run(run())


def test_threats_44_and_45_what_a_change_must_not_be_is_refused_in_its_preview_too() -> None:
    """Chosen text first, evaluated templates, personal claims, subjects too long: nothing of it is shown or set."""

    async def run() -> None:
        story = Story()
        await story.house.furnish()
        registry = story.house.office.registry
        refused: list[tuple[dict[str, Any], type[Exception]]] = [
            ({"subject_claims": ["ref", "organization", "project"]}, RequestInvalid),
            ({"subject_claims": ["organization", "project", "{0.__class__}"]}, RequestInvalid),
            ({"subject_claims": ["organization", "project", "${x}"]}, RequestInvalid),
            ({"subject_claims": ["organization", "project", "ref"]}, SubjectUnsafe),
            ({"token_format": "github"}, SubjectUnsafe),
            ({"token_format": "gitpod", "subject_claims": ["org_id", "email"]}, SubjectUnsafe),
            ({"token_format": "no-such"}, RequestInvalid),
        ]
        for change, error in refused:
            for use_case in (registry.preview_form, registry.update_organization):
                with pytest.raises(error):
                    await use_case(OPERATOR, "acme", **change)

    asyncio.run(run())


def test_a_subject_that_cannot_be_short_enough_is_refused_when_it_is_configured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daypass.idp.rules.AWS_SUBJECT_LIMIT", 0)
    monkeypatch.setattr("daypass.subjects.safety.AWS_SUBJECT_LIMIT", 80)

    async def run() -> None:
        story = Story()
        await story.house.furnish()
        for use_case in (story.house.office.registry.preview_form, story.house.office.registry.update_organization):
            with pytest.raises(SubjectTooLong):
                await use_case(OPERATOR, "acme", subject_claims=["organization", "project", "kind", "workload"])

    asyncio.run(run())
