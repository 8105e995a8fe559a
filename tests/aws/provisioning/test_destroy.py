"""Removing: what a stack made goes, what others made or need stays, and is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.aws.provisioning.apply import apply
from daypass.aws.provisioning.changes import Kind
from daypass.aws.provisioning.destroy import plan_to_destroy, read_to_destroy
from daypass.errors import AwsPermissionMissing, ProvisioningRefused
from support.memory_iam import ACCOUNT
from support.provisioning import FILE

if TYPE_CHECKING:
    from typing import Any

    from daypass.aws.provisioning.changes import Plan
    from support.provisioning import Bench

OTHER = FILE.replace("stack: shop", "stack: other").replace("shop-deploy", "other-deploy")


def planned(bench: Bench, text: str = FILE) -> Plan:
    wanted = bench.desired(text)
    return plan_to_destroy(wanted, *read_to_destroy(bench.iam, wanted, ACCOUNT))


def destroy(bench: Bench, text: str = FILE) -> None:
    apply(bench.iam, planned(bench, text), plan_again=lambda: planned(bench, text), patience=bench.time.patience)


def test_roles_go_first_with_what_is_attached_and_then_the_provider(bench: Bench) -> None:
    bench.apply()
    bench.iam.attach_role_policy(RoleName="shop-deploy", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    assert [change.kind for change in planned(bench).changes] == [Kind.DELETE_ROLE, Kind.DELETE_PROVIDER]
    destroy(bench)
    assert bench.iam.account.roles == {}
    assert bench.iam.account.providers == {}
    assert planned(bench).empty


def test_a_provider_that_another_stack_uses_stays_until_that_is_gone(bench: Bench) -> None:
    bench.apply()
    bench.apply(OTHER)
    (blocked,) = planned(bench).blocked
    assert "other-deploy (of the stack other)" in blocked.reason
    assert "these stacks use it: other" in blocked.reason
    with pytest.raises(ProvisioningRefused):
        destroy(bench)
    assert {*bench.iam.account.roles} == {"shop-deploy", "other-deploy"}
    destroy(bench, OTHER)
    assert {*bench.iam.account.roles} == {"shop-deploy"}
    assert len(bench.iam.account.providers) == 1
    destroy(bench)
    assert bench.iam.account.providers == {}


def test_a_role_that_was_taken_over_is_not_removed(bench: Bench) -> None:
    bench.apply()
    bench.iam.untag_role(RoleName="shop-deploy", TagKeys=["daypass:made-by"])
    bench.apply(adopt=True)
    found = planned(bench)
    assert found.notes["shop-deploy"] == ("The role was taken over, and is not removed.",)
    assert all(change.kind is not Kind.DELETE_ROLE for change in found.changes)
    assert "shop-deploy (of the stack shop)" in found.blocked[0].reason


def test_a_role_of_somebody_else_with_the_name_in_the_file_is_not_removed(bench: Bench) -> None:
    bench.apply()
    bench.iam.tag_role(RoleName="shop-deploy", Tags=[{"Key": "daypass:made-by", "Value": "theirs"}])
    assert planned(bench).notes["shop-deploy"] == ("The role was not made by this stack, and stays.",)


def test_what_broke_off_is_taken_up_again(bench: Bench) -> None:
    bench.apply()
    bench.iam.fail("DeleteRole", "ServiceFailure")
    with pytest.raises(Exception, match="cannot do DeleteRole"):
        destroy(bench)
    destroy(bench)
    assert bench.iam.account.roles == {}


def test_only_what_the_file_no_longer_names_goes(bench: Bench) -> None:
    bench.apply()
    renamed = FILE.replace("shop-deploy", "shop-release")
    bench.apply(renamed)
    wanted = bench.desired(renamed)
    found = plan_to_destroy(wanted, *read_to_destroy(bench.iam, wanted, ACCOUNT), left_over=True)
    assert [(change.kind, change.resource.rpartition("/")[2]) for change in found.changes] == [
        (Kind.DELETE_ROLE, "shop-deploy")
    ]


def test_a_role_in_an_instance_profile_keeps_its_policies(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """IAM says DeleteConflict only when all policies were taken off, and then an instance has no permissions."""
    bench.apply()
    asked: list[str] = []

    def profiles(**given: Any) -> dict[str, Any]:
        asked.append(given["RoleName"])
        if "Marker" not in given:
            return {"InstanceProfiles": [{"InstanceProfileName": "web"}], "IsTruncated": True, "Marker": "m"}
        return {"InstanceProfiles": [{"InstanceProfileName": "batch"}], "IsTruncated": False}

    monkeypatch.setattr(bench.iam, "list_instance_profiles_for_role", profiles, raising=False)
    before = [*bench.iam.writes]
    found = planned(bench)
    role, provider = found.blocked
    assert role.reason == "it is in the instance profiles batch, web, and AWS deletes no such role"
    assert "--role-name shop-deploy --instance-profile-name batch" in role.advice
    assert "shop-deploy (of the stack shop)" in provider.reason
    assert found.changes == ()
    with pytest.raises(ProvisioningRefused, match="instance profiles batch, web"):
        destroy(bench)
    assert bench.iam.writes == before
    assert {*asked} == {"shop-deploy"}


def test_nothing_is_taken_off_when_instance_profiles_cannot_be_looked_at(bench: Bench) -> None:
    bench.apply()
    before = [*bench.iam.writes]
    bench.iam.fail("ListInstanceProfilesForRole", "AccessDenied")
    with pytest.raises(AwsPermissionMissing, match="iam:ListInstanceProfilesForRole"):
        destroy(bench)
    assert bench.iam.writes == before
