"""Carrying out a plan: late news, half failures, people who do the same at the same moment, and being stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.aws.provisioning.apply import PROPAGATION_SECONDS, Step, apply
from daypass.errors import (
    AwsPermissionMissing,
    AwsQuotaReached,
    AwsUnavailable,
    ProvisioningIncomplete,
    ProvisioningRefused,
)
from support.provisioning import FILE

if TYPE_CHECKING:
    from support.provisioning import Bench

WIDER = FILE.replace("branch: main", "branch: '*'")


def test_what_lets_more_in_is_refused_before_anything_is_changed(bench: Bench) -> None:
    bench.apply()
    bench.iam.asked.clear()
    with pytest.raises(ProvisioningRefused) as refused:
        bench.apply(WIDER)
    assert refused.value.facts["reasons"] == ["it would let more in"]
    assert bench.iam.writes == []
    bench.apply(WIDER, allow_wider=True)
    assert bench.plan(WIDER).empty


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("AttachRolePolicy", "AccessDenied"),
        ("AttachRolePolicy", "NoSuchEntity"),
        ("CreateRole", "MalformedPolicyDocument"),
    ],
)
def test_what_was_made_a_moment_ago_is_waited_for(bench: Bench, operation: str, code: str) -> None:
    bench.iam.fail(operation, code, times=3)
    bench.apply()
    assert bench.plan().empty
    assert bench.time.slept == [0.25, 0.5, 1.0]  # the longest that full jitter may draw
    assert [event.step for event in bench.events].count(Step.WAITING) == 3


def test_waiting_ends(bench: Bench) -> None:
    bench.iam.fail("AttachRolePolicy", "AccessDenied", times=1000)
    with pytest.raises(ProvisioningIncomplete) as incomplete:
        bench.apply()
    assert bench.time.now == pytest.approx(PROPAGATION_SECONDS)
    assert incomplete.value.facts["code"] == "aws_permission_missing"


def test_a_permission_that_is_missing_from_the_start_is_told_at_once(bench: Bench) -> None:
    bench.iam.fail("CreateOpenIDConnectProvider", "AccessDenied", times=9)
    with pytest.raises(AwsPermissionMissing) as missing:
        bench.apply()
    assert missing.value.facts["action"] == "iam:CreateOpenIDConnectProvider"
    assert bench.time.slept == []


def test_a_policy_that_is_not_there_is_not_waited_for(bench: Bench) -> None:
    text = WIDER.replace("arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::{account}:policy/none").replace(
        "[arn:aws:iam::{account}:policy/none]", "['arn:aws:iam::{account}:policy/none']"
    )
    with pytest.raises(ProvisioningIncomplete) as incomplete:
        bench.apply(text)
    assert bench.time.slept == []
    assert incomplete.value.facts["code"] == "not_found"


def test_half_a_failure_tells_what_was_done_and_is_taken_up_again(bench: Bench) -> None:
    bench.iam.fail("AttachRolePolicy", "LimitExceeded")
    with pytest.raises(ProvisioningIncomplete) as incomplete:
        bench.apply()
    facts = incomplete.value.facts
    assert facts["code"] == "aws_quota_reached"
    assert facts["done"] == [
        "create_provider arn:aws:iam::111122223333:oidc-provider/gitlab.com",
        "create_role arn:aws:iam::111122223333:role/shop-deploy",
    ]
    assert facts["failed"] == "attach_policy arn:aws:iam::111122223333:role/shop-deploy"
    assert facts["left"] == []
    rest = bench.plan()
    assert [change.kind.value for change in rest.changes] == ["attach_policy"]
    assert rest.wider == ()  # it was promised when the role was made
    bench.apply()
    assert bench.plan().empty


def test_a_quota_that_is_reached_at_once_is_told_as_it_is(bench: Bench) -> None:
    bench.iam.fail("CreateOpenIDConnectProvider", "LimitExceeded")
    with pytest.raises(AwsQuotaReached):
        bench.apply()


def test_a_fault_of_aws_is_not_taken_for_a_refusal(bench: Bench) -> None:
    bench.iam.fail("CreateOpenIDConnectProvider", "ServiceFailure")
    with pytest.raises(AwsUnavailable):
        bench.apply()


def test_somebody_who_was_faster_is_no_error(bench: Bench) -> None:
    """Two people apply the same file: the one who comes second plans again with what is there now."""
    planned = bench.plan()
    bench.apply()
    bench.events.clear()
    made = apply(bench.iam, planned, plan_again=bench.plan, patience=bench.time.patience, progress=bench.events.append)
    assert made == ()
    assert [event.step for event in bench.events if event.step is Step.PLANNED_AGAIN] == [Step.PLANNED_AGAIN]
    assert bench.plan().empty


def test_a_role_that_appears_meanwhile_and_is_not_ours_is_not_touched(bench: Bench) -> None:
    planned = bench.plan()
    bench.apply()
    bench.iam.untag_role(RoleName="shop-deploy", TagKeys=["daypass:made-by"])
    bench.iam.delete_open_id_connect_provider(
        OpenIDConnectProviderArn="arn:aws:iam::111122223333:oidc-provider/gitlab.com"
    )
    with pytest.raises(ProvisioningIncomplete) as incomplete:
        apply(bench.iam, planned, plan_again=bench.plan, patience=bench.time.patience)
    assert incomplete.value.facts["code"] == "provisioning_refused"


def test_being_stopped_leaves_no_half_told_state(bench: Bench) -> None:
    stop = iter((False, True))
    with pytest.raises(ProvisioningIncomplete) as incomplete:
        bench.apply(stopped=lambda: next(stop))
    facts = incomplete.value.facts
    assert facts["code"] == "interrupted"
    assert len(facts["done"]) == 1  # type: ignore[arg-type]  # facts are objects to the type checker
    assert facts["failed"] is None
    assert len(facts["left"]) == 2  # type: ignore[arg-type]  # likewise
    bench.apply()
    assert bench.plan().empty


def test_a_trust_policy_that_somebody_locked_after_the_plan_is_not_opened_again(bench: Bench) -> None:
    """What was planned as narrower is wider than what is there by now."""
    bench.apply(FILE.replace("branch: main", "branch: [main, dev]"))
    narrower = bench.plan()
    locked = bench.trust()
    locked["Statement"][0]["Condition"]["StringEquals"]["gitlab.com:sub"] = "project_path:tidewater/shop:none"
    bench.set_trust(locked)
    with pytest.raises(ProvisioningRefused):
        apply(bench.iam, narrower, plan_again=bench.plan, patience=bench.time.patience)
    assert bench.trust() == locked
