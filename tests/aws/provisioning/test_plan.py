"""What a plan holds, change by change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from daypass.aws.provisioning.changes import Kind
from daypass.errors import ProvisioningRefused
from daypass.trust.diff import Verdict
from support.memory_iam import ACCOUNT
from support.provisioning import FILE

if TYPE_CHECKING:
    from daypass.aws.provisioning.changes import Change, Plan
    from support.provisioning import Bench

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
INLINE = "    inline_policies: {p: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: %s, Resource: '*'}]}}\n"


def kinds(bench: Bench, text: str = FILE, **options: bool) -> list[str]:
    return [change.kind.value for change in bench.plan(text, **options).changes]


def put(plan: Plan) -> Change:
    """The only change beside the records."""
    (change,) = (each for each in plan.changes if each.kind not in {Kind.TAG, Kind.UNTAG})
    return change


def test_an_empty_account_gets_all_in_order(bench: Bench) -> None:
    assert kinds(bench) == ["create_provider", "create_role", "attach_policy"]
    assert bench.plan().wider == ()
    bench.apply()
    assert bench.plan().empty
    assert bench.plan().summary() == "nothing to do"


def test_an_existing_provider_of_the_same_issuer_is_used_and_keeps_what_others_put(bench: Bench) -> None:
    bench.iam.create_open_id_connect_provider(Url="https://gitlab.com", ClientIDList=["theirs"])
    assert kinds(bench)[:2] == ["adopt_provider", "add_client_id"]
    bench.apply()
    provider = bench.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    assert provider["ClientIDList"] == ["theirs", "https://gitlab.com"]
    other = FILE.replace("audiences: [https://gitlab.com]", "audiences: [other]")
    removed = [change.words for change in bench.plan(other).changes if change.kind is Kind.REMOVE_CLIENT_ID]
    assert removed == ["no longer take tokens for the audience https://gitlab.com, which this stack had added"]


def test_an_audience_that_was_there_before_is_never_removed(bench: Bench) -> None:
    bench.iam.create_open_id_connect_provider(Url="https://gitlab.com", ClientIDList=["https://gitlab.com"])
    bench.apply()
    other = FILE.replace("audiences: [https://gitlab.com]", "audiences: [other]")
    assert "remove_client_id" not in kinds(bench, other)


def test_the_same_policy_in_another_form_is_no_change(bench: Bench) -> None:
    bench.apply()
    document = bench.trust()
    statement = document["Statement"][0]
    statement["Action"] = [statement["Action"]]
    statement["Principal"]["Federated"] = [statement["Principal"]["Federated"]]
    statement["Condition"] = {
        "StringEquals": {key: [value] for key, value in reversed(statement["Condition"]["StringEquals"].items())}
    }
    bench.set_trust(document)
    assert bench.plan().empty


def test_a_policy_that_admits_the_same_by_other_conditions_is_no_change(bench: Bench) -> None:
    bench.apply()
    document = bench.trust()
    condition = document["Statement"][0]["Condition"]
    sub = condition["StringEquals"].pop("gitlab.com:sub")
    condition["StringLike"] = {"gitlab.com:sub": sub}
    bench.set_trust(document)
    assert bench.plan().empty


@pytest.mark.parametrize(
    ("before", "after", "kind", "verdict", "wider"),
    [
        ("branch: [main, dev]", "branch: main", Kind.TIGHTEN_TRUST, Verdict.NARROWER, False),
        ("branch: main", "branch: [main, dev]", Kind.WIDEN_TRUST, Verdict.WIDER, True),
        ("branch: main", "branch: dev", Kind.REPLACE_TRUST, Verdict.BOTH, True),
        ("branch: main", "tag: v*", Kind.REPLACE_TRUST, Verdict.BOTH, True),
    ],
)
def test_a_changed_trust_policy_has_a_verdict_and_a_witness(
    bench: Bench, before: str, after: str, kind: Kind, verdict: Verdict, wider: object
) -> None:
    bench.apply(FILE.replace("branch: main", before))
    (change,) = bench.plan(FILE.replace("branch: main", after)).changes
    assert change.kind is kind
    assert change.difference is not None
    assert change.difference.verdict is verdict
    assert (change.wider is not None) is wider
    assert (change.difference.wider is not None) is wider


def test_what_cannot_be_compared_counts_as_wider(bench: Bench) -> None:
    bench.apply()
    document = bench.trust()
    document["Statement"][0]["Condition"]["DateLessThan"] = {"aws:CurrentTime": "2026-10-01T00:00:00Z"}
    document["Statement"][0]["Condition"]["StringNotLike"] = {"gitlab.com:user_login": "${gitlab.com:sub}"}
    bench.set_trust(document)
    (change,) = bench.plan().changes
    assert change.wider is not None


def test_a_role_that_nobody_here_made_is_left_alone_until_it_is_taken_over(bench: Bench) -> None:
    bench.apply()
    bench.iam.untag_role(RoleName="shop-deploy", TagKeys=["daypass:made-by", "daypass:policies"])
    (blocked,) = bench.plan().blocked
    assert blocked.reason == "there is a role of that name, and Daypass did not make it"
    assert kinds(bench, adopt=True) == ["adopt_role"]
    bench.apply(adopt=True)
    assert bench.plan().empty


def test_a_role_of_another_stack_cannot_be_taken_over(bench: Bench) -> None:
    bench.apply()
    (blocked,) = bench.plan(FILE.replace("stack: shop", "stack: other"), adopt=True).blocked
    assert blocked.reason == "it belongs to the stack `shop`"


def test_a_path_cannot_be_changed(bench: Bench) -> None:
    bench.apply()
    (blocked,) = bench.plan(FILE.replace("    who:", "    path: /ci/\n    who:")).blocked
    assert "path" in blocked.reason


def test_a_longer_session_is_wider_and_a_shorter_one_is_not(bench: Bench) -> None:
    long = FILE + "    max_session: 2h\n"
    bench.apply()
    (longer,) = bench.plan(long).changes
    assert longer.words == "sessions last up to 2 h instead of 1 h"
    assert longer.wider == "sessions would last longer"
    bench.apply(long, allow_wider=True)
    (shorter,) = bench.plan().changes
    assert shorter.wider is None


def test_changing_the_length_of_sessions_keeps_the_description_that_is_there(bench: Bench) -> None:
    bench.apply(FILE + "    description: for the shop\n")
    bench.apply(FILE + "    max_session: 2h\n", allow_wider=True)
    assert bench.iam.get_role(RoleName="shop-deploy")["Role"]["Description"] == "for the shop"


def test_permissions_that_are_added_or_changed_later_count_as_wider(bench: Bench) -> None:
    bench.apply()
    added = bench.plan(FILE + INLINE % "'s3:GetObject'")
    assert [change.kind for change in added.wider] == [Kind.PUT_POLICY]
    bench.apply(FILE + INLINE % "'s3:GetObject'", allow_wider=True)
    assert [change.kind for change in bench.plan(FILE + INLINE % "'s3:*'").wider] == [Kind.PUT_POLICY]


def test_an_inline_policy_with_a_statement_less_is_not_wider(bench: Bench) -> None:
    two = INLINE.replace("}]}}", "}, {Effect: Allow, Action: 's3:PutObject', Resource: '*'}]}}") % "'s3:GetObject'"
    bench.apply(FILE + two)
    change = put(bench.plan(FILE + INLINE % "'s3:GetObject'"))
    assert change.kind is Kind.PUT_POLICY
    assert change.wider is None


def test_taking_away_a_statement_that_denies_is_wider(bench: Bench) -> None:
    two = INLINE.replace("}]}}", "}, {Effect: Deny, Action: 's3:PutObject', Resource: '*'}]}}") % "'s3:*'"
    bench.apply(FILE + two)
    change = put(bench.plan(FILE + INLINE % "'s3:*'"))
    assert change.wider is not None


def test_policies_of_others_stay_and_ours_go(bench: Bench) -> None:
    bench.apply()
    bench.iam.attach_role_policy(RoleName="shop-deploy", PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    without = FILE.replace("    managed_policies: [arn:aws:iam::aws:policy/ReadOnlyAccess]\n", "")
    words = [change.words for change in bench.plan(without).changes]
    assert words[0] == "detach arn:aws:iam::aws:policy/ReadOnlyAccess"
    assert not any("AmazonS3ReadOnlyAccess" in each for each in words)


def test_a_boundary_that_others_set_stays_and_ours_is_removed_only_as_wider(bench: Bench) -> None:
    bench.apply()
    bound = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    bench.iam.put_role_permissions_boundary(RoleName="shop-deploy", PermissionsBoundary=bound)
    assert bench.plan().empty
    other = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    bench.apply(FILE + f"    boundary: {other}\n", allow_wider=True)
    assert [change.kind for change in bench.plan().wider] == [Kind.REMOVE_BOUNDARY]


def test_thumbprints_are_set_as_a_whole_and_a_new_one_is_wider(bench: Bench) -> None:
    bench.apply()
    text = FILE.replace("    audiences:", f"    thumbprints: ['{'A' * 40}']\n    audiences:")
    (change,) = bench.plan(text).changes
    assert change.kind is Kind.SET_THUMBPRINTS
    assert change.wider is not None
    bench.apply(text, allow_wider=True)
    assert bench.plan(text).empty
    assert bench.plan().empty  # a list cannot be emptied; without one it is left


def test_accounts_and_partitions_are_put_into_arns(bench: Bench) -> None:
    text = FILE.replace("arn:aws:iam::aws:policy/ReadOnlyAccess", "'arn:{partition}:iam::{account}:policy/mine'")
    (attach,) = [change for change in bench.plan(text).changes if change.kind is Kind.ATTACH_POLICY]
    assert attach.calls[0].parameters["PolicyArn"] == f"arn:aws:iam::{ACCOUNT}:policy/mine"


def test_a_plan_as_json_can_be_read_back(bench: Bench) -> None:
    found = json.loads(json.dumps(bench.plan().to_json()))
    assert found["empty"] is False
    assert found["summary"] == "2 to create"
    assert found["changes"][0]["calls"][0]["operation"] == "CreateOpenIDConnectProvider"


def trusting(bench: Bench, name: str, conditions: dict[str, object]) -> None:
    """A role that somebody made by hand."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"gitlab.com:sub": "project_path:g/p:ref_type:branch:ref:main", **conditions}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    bench.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)


@pytest.mark.parametrize(
    ("conditions", "wider"),
    [({}, True), ({"gitlab.com:aud": "theirs"}, False), ({"gitlab.com:aud": ["theirs", "https://gitlab.com"]}, True)],
)
def test_an_audience_that_would_open_a_role_of_others_is_wider(
    bench: Bench, conditions: dict[str, object], *, wider: bool
) -> None:
    bench.iam.create_open_id_connect_provider(Url="https://gitlab.com", ClientIDList=["theirs"])
    trusting(bench, "nightly", conditions)
    added = next(change for change in bench.plan().changes if change.kind is Kind.ADD_CLIENT_ID)
    assert (added.wider is not None) is wider
    assert not wider or "nightly" in str(added.wider)
    if wider:
        with pytest.raises(ProvisioningRefused):
            bench.apply()
        assert "shop-deploy" not in bench.iam.account.roles
    bench.apply(allow_wider=wider)
    assert bench.plan().empty


def test_a_provider_made_again_opens_the_roles_that_still_name_it(bench: Bench) -> None:
    """Deleting the provider is how somebody shuts them all at once."""
    bench.iam.create_open_id_connect_provider(Url="https://gitlab.com", ClientIDList=["https://gitlab.com"])
    trusting(bench, "nightly", {"gitlab.com:aud": "https://gitlab.com"})
    bench.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    (created,) = (change for change in bench.plan().changes if change.kind is Kind.CREATE_PROVIDER)
    assert "nightly" in str(created.wider)


def test_a_role_that_is_no_longer_in_the_file_is_told(bench: Bench) -> None:
    bench.apply()
    renamed = FILE.replace("shop-deploy", "shop-release")
    (note,) = bench.plan(renamed).notes["shop-deploy"]
    assert "no longer in the file" in note
    assert "daypass aws destroy --left-over" in note
    assert "shop-deploy" not in bench.plan().notes


def test_an_audience_that_another_stack_may_need_stays(bench: Bench) -> None:
    """The second stack found it there, and no record says that it needs it."""
    bench.apply()
    second = FILE.replace("stack: shop", "stack: second").replace("shop-deploy", "second-deploy")
    bench.apply(second)
    bench.apply(FILE.replace("audiences: [https://gitlab.com]", "audiences: [other]"), allow_wider=True)
    found = bench.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)["ClientIDList"]
    assert {*found} == {"https://gitlab.com", "other"}
    assert bench.plan(second).empty


@pytest.mark.parametrize("tags", ["    tags: {team: admin}\n", ""])
def test_tags_of_a_role_that_is_there_count_as_wider(bench: Bench, tags: str) -> None:
    """`aws:PrincipalTag/team` decides in policies that are not read here."""
    bench.apply(FILE + "    tags: {team: shop}\n")
    assert bench.plan(FILE + tags).wider
    with pytest.raises(ProvisioningRefused):
        bench.apply(FILE + tags)
    bench.apply(FILE + tags, allow_wider=True)
    assert bench.plan(FILE + tags).empty


def test_an_inline_policy_that_somebody_took_away_is_not_put_back_with_another_text(bench: Bench) -> None:
    bench.apply(FILE + INLINE % "'s3:GetObject'")
    bench.iam.delete_role_policy(RoleName="shop-deploy", PolicyName="p")
    assert not bench.plan(FILE + INLINE % "'s3:GetObject'").wider
    assert bench.plan(FILE + INLINE % "'*'").wider
