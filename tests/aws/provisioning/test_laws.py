"""Laws of planning: what was applied needs nothing more, and what is not ours stays, whatever was there before."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from daypass.aws.provisioning.account import read_account
from daypass.aws.provisioning.apply import Patience, apply
from daypass.aws.provisioning.desired import (
    Desired,
    DesiredProvider,
    DesiredRole,
    Entrance,
    InlinePolicy,
    canonical,
)
from daypass.aws.provisioning.plan import plan
from daypass.errors import DaypassError, ProvisioningRefused
from daypass.names import IssuerUrl
from support.memory_iam import ACCOUNT, MemoryIam

ISSUERS = (IssuerUrl.parse("https://gitlab.com"), IssuerUrl.parse("https://idp.example.com/t"))
AUDIENCES = ("https://gitlab.com", "sts.amazonaws.com", "a b*c", "x")
MANAGED = (
    "arn:aws:iam::aws:policy/ReadOnlyAccess",
    "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    "arn:{partition}:iam::{account}:policy/mine",
)
TAGS = st.dictionaries(st.sampled_from(("team", "cost", "x")), st.sampled_from(("", "a", "b")), max_size=3).map(
    lambda found: tuple(sorted(found.items()))
)
NO_WAITING = Patience(lambda: 0.0, lambda _: None, lambda: 0.0)


def policy(action: str) -> str:
    return canonical({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})


def entrances(issuer: IssuerUrl) -> st.SearchStrategy[Entrance]:
    if issuer.host == "gitlab.com":
        words = st.sampled_from(
            (
                (("project", ("g/a",)), ("branch", ("main",))),
                (("project", ("g/a",)), ("branch", ("main", "dev-*"))),
                (("project", ("g/b",)), ("project_id", ("7",))),
            )
        )
        return words.map(lambda found: Entrance("gitlab", found))
    return st.sampled_from(("a", "b:*", "c${d")).map(lambda subject: Entrance(subject=subject))


@st.composite
def wishes(draw: st.DrawFn) -> Desired:
    issuers = draw(st.lists(st.sampled_from(ISSUERS), min_size=1, max_size=2, unique=True))
    providers = tuple(
        DesiredProvider(
            issuer,
            tuple(draw(st.lists(st.sampled_from(AUDIENCES), min_size=1, max_size=3, unique=True))),
            tuple(draw(st.sampled_from(((), ("a" * 40,), ("b" * 40, "a" * 40))))),
            draw(TAGS),
        )
        for issuer in issuers
    )
    roles = []
    for name in draw(st.lists(st.sampled_from(("deploy", "read")), max_size=2, unique=True)):
        provider = draw(st.sampled_from(providers))
        roles.append(
            DesiredRole(
                name=name,
                entrances=tuple(draw(st.lists(entrances(provider.issuer), min_size=1, max_size=2))),
                provider=provider.issuer,
                description=draw(st.sampled_from(("", "one", "two"))),
                max_session_seconds=draw(st.sampled_from((3600, 7200))),
                managed_policies=tuple(draw(st.lists(st.sampled_from(MANAGED), max_size=3, unique=True))),
                inline_policies=tuple(
                    InlinePolicy(each, policy(draw(st.sampled_from(("s3:GetObject", "s3:PutObject")))))
                    for each in draw(st.lists(st.sampled_from(("one", "two")), max_size=2, unique=True))
                ),
                boundary=draw(st.sampled_from((None, *MANAGED[:2]))),
                tags=draw(TAGS),
            )
        )
    return Desired(providers, tuple(roles), stack=draw(st.sampled_from(("shop", "other"))))


@st.composite
def accounts(draw: st.DrawFn) -> MemoryIam:
    """An account in which people have already done things by hand."""
    iam = MemoryIam()
    iam.create_policy(PolicyName="mine", PolicyDocument=policy("s3:ListBucket"))
    for issuer in draw(st.lists(st.sampled_from(ISSUERS), max_size=2, unique=True)):
        ids = draw(st.lists(st.sampled_from((*AUDIENCES, "by hand")), max_size=3, unique=True))
        iam.create_open_id_connect_provider(Url=str(issuer), ClientIDList=ids, Tags=[{"Key": "team", "Value": "them"}])
    for name in draw(st.lists(st.sampled_from(("deploy", "read")), max_size=2, unique=True)):
        document = json.loads(policy("sts:AssumeRole"))
        document["Statement"][0].pop("Resource")
        document["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document), Tags=[{"Key": "x", "Value": "y"}])
        iam.put_role_policy(RoleName=name, PolicyName="by-hand", PolicyDocument=policy("s3:GetObject"))
        if draw(st.booleans()):
            iam.attach_role_policy(RoleName=name, PolicyArn=MANAGED[0])
    return iam


def planned(iam: MemoryIam, wanted: Desired, *, adopt: bool = True) -> Any:
    return plan(wanted, read_account(iam, wanted, ACCOUNT), adopt=adopt)


def applied(iam: MemoryIam, wanted: Desired, *, allow_wider: bool = True) -> None:
    apply(
        iam,
        planned(iam, wanted),
        plan_again=lambda: planned(iam, wanted),
        patience=NO_WAITING,
        allow_wider=allow_wider,
    )


def held_by_hand(iam: MemoryIam) -> dict[str, Any]:
    return {
        "ids": {arn: "by hand" in provider.client_ids for arn, provider in iam.account.providers.items()},
        "inline": {name: "by-hand" in dict(role.inline_policies) for name, role in iam.account.roles.items()},
        "managed": {name: MANAGED[0] in role.attached for name, role in iam.account.roles.items()},
        "tags": {name: "x" in dict(role.tags) for name, role in iam.account.roles.items()},
    }


@settings(max_examples=60)
@given(accounts(), st.lists(wishes(), min_size=1, max_size=3))
def test_what_was_applied_needs_nothing_more_and_what_others_did_stays(iam: MemoryIam, many: list[Desired]) -> None:
    before = held_by_hand(iam)
    for wanted in many:
        if planned(iam, wanted).blocked:
            continue  # another stack's role
        applied(iam, wanted)
        assert planned(iam, wanted).changes == ()
    after = held_by_hand(iam)
    for sort, things in before.items():
        for name, there in things.items():
            assert after[sort][name] or not there


@settings(max_examples=60)
@given(accounts(), wishes(), st.data())
def test_what_broke_off_anywhere_is_taken_up_again_without_being_wider(
    iam: MemoryIam, wanted: Desired, data: st.DataObject
) -> None:
    """Whatever was allowed once needs no second leave when the same file is applied again."""
    first = planned(iam, wanted)
    calls = sum(len(change.calls) for change in first.changes)
    if calls:
        failing = data.draw(st.integers(1, calls))
        breaks = _Breaking(iam.account, after=failing - 1)
        try:
            applied(breaks, wanted)
        except DaypassError:
            pass
        else:
            raise AssertionError("it was to break")
    rest = planned(iam, wanted)
    began = any(change.kind.startswith("create") for change in first.changes)
    if began and not any(change.wider for change in first.changes):
        assert not rest.wider
    applied(iam, wanted)
    assert planned(iam, wanted).empty


@settings(max_examples=40)
@given(accounts(), wishes())
def test_what_is_refused_changes_nothing(iam: MemoryIam, wanted: Desired) -> None:
    found = plan(wanted, read_account(iam, wanted, ACCOUNT))
    iam.asked.clear()
    if not (found.blocked or found.wider):
        return
    try:
        apply(iam, found, plan_again=lambda: found, patience=NO_WAITING)
    except ProvisioningRefused:
        assert iam.writes == []
    else:
        raise AssertionError("it was to be refused")


class _Breaking(MemoryIam):
    """Takes so many writes, and none after them."""

    def __init__(self, account: Any, *, after: int) -> None:
        super().__init__(account)
        self._left = after

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        if not operation.startswith(("Get", "List")):
            if self._left == 0:
                self.failing[operation] = [("ServiceFailure", "as arranged")]
            else:
                self._left -= 1
        return super()._call(operation, **given)
