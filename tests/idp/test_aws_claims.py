"""What a token tells AWS beside its subject, when its caller asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import AwsClaimsRefused, RequestInvalid
from daypass.idp.aws_claims import FACTS, MAX_ROLES, AwsRequest, checked, claims_asked
from daypass.idp.model import AwsClaims
from daypass.sts.decide import packed_policy_size
from daypass.subjects.facts import WorkloadFacts, WorkloadKind
from daypass.trust.session import SessionTags, read_source_identity, read_tags

ROLE = "arn:aws:iam::111122223333:role/ci/deploy"
SUBJECT = "organization:org_a:project:prj_b:job:job_c"
OFFERED = checked(
    {"Project": "project_slug", "Organization": "organization_id", "Branch": "attributes.ref"},
    ["Project", "Branch"],
    "workload_id",
)


def facts(**attributes: str) -> WorkloadFacts:
    return WorkloadFacts("org_a", "acme", "Acme", "prj_b", "shop", "Shop", "job_c", WorkloadKind.JOB, "n", attributes)


def test_nothing_that_was_not_asked_for_is_told() -> None:
    assert claims_asked(AwsRequest(), OFFERED, facts(ref="main"), SUBJECT) == {}


def test_tags_that_are_asked_for_are_written_as_aws_reads_them() -> None:
    asked = AwsRequest(tags=("Branch", "Project"), source_identity=True, roles=(ROLE,))
    assert claims_asked(asked, OFFERED, facts(ref="main"), SUBJECT) == {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Branch": ["main"], "Project": ["shop"]},
            "transitive_tag_keys": ["Project", "Branch"],
        },
        "https://aws.amazon.com/source_identity": "job_c",
        "https://aws.amazon.com/roles": [ROLE],
    }
    only = claims_asked(AwsRequest(tags=("Organization",)), OFFERED, facts(), SUBJECT)
    assert only == {"https://aws.amazon.com/tags": {"principal_tags": {"Organization": ["org_a"]}}}


def test_all_tags_are_those_that_the_workload_has_facts_for() -> None:
    claims = claims_asked(AwsRequest(every_tag=True), OFFERED, facts(), SUBJECT)
    assert claims == {
        "https://aws.amazon.com/tags": {
            "principal_tags": {"Organization": ["org_a"], "Project": ["shop"]},
            "transitive_tag_keys": ["Project"],
        }
    }


@pytest.mark.parametrize(
    ("asked", "attributes", "said"),
    [
        (AwsRequest(tags=("project",)), {}, "`project` is not offered"),
        (AwsRequest(tags=("Branch",)), {}, "`attributes.ref`, and this workload has none"),
        (AwsRequest(tags=("Branch",)), {"ref": ""}, "this workload has none"),
        (AwsRequest(tags=("Branch",)), {"ref": "x" * 257}, "257 characters"),
        (AwsRequest(tags=("Branch",)), {"ref": "a#b"}, "a character that tags cannot have"),
        (AwsRequest(every_tag=True), {"ref": "a\u200bb"}, "a character that tags cannot have"),
        (AwsRequest(tags=("Project", "Project")), {}, "twice"),
        (AwsRequest(tags=tuple(map(str, range(51)))), {}, "51 session tags"),
        (AwsRequest(roles=("arn:aws:iam::111122223333:role/*",)), {}, "does not end in a role name"),
        (AwsRequest(roles=("arn:aws:iam::111122223333:role/a?/b",)), {}, "wildcard"),
        (AwsRequest(roles=("arn:aws:iam::111122223333:user/a",)), {}, "not the ARN of an IAM role"),
        (AwsRequest(roles=(ROLE, ROLE)), {}, "each named once"),
        (AwsRequest(roles=tuple(f"{ROLE}{n}" for n in range(MAX_ROLES + 1))), {}, "at most 25 roles"),
    ],
)
def test_what_aws_would_not_take_is_refused_before_it_is_signed(
    asked: AwsRequest, attributes: dict[str, str], said: str
) -> None:
    with pytest.raises(AwsClaimsRefused) as caught:
        claims_asked(asked, OFFERED, facts(**attributes), SUBJECT)
    assert said in caught.value.message


@pytest.mark.parametrize("name", ["x", "a" * 65, "aé", "a b", "a/b"])
def test_a_source_identity_that_aws_would_not_take_is_refused(name: str) -> None:
    offered = checked({}, (), "attributes.user_id")
    with pytest.raises(AwsClaimsRefused):
        claims_asked(AwsRequest(source_identity=True), offered, facts(user_id=name), SUBJECT)
    good = claims_asked(AwsRequest(source_identity=True), offered, facts(user_id="mara@acme"), SUBJECT)
    assert good == {"https://aws.amazon.com/source_identity": "mara@acme"}


def test_nothing_is_offered_until_an_administrator_has_said_so() -> None:
    for asked in (AwsRequest(tags=("A",)), AwsRequest(every_tag=True), AwsRequest(source_identity=True)):
        with pytest.raises(AwsClaimsRefused) as caught:
            claims_asked(asked, AwsClaims(), facts(), SUBJECT)
        assert "daypass org aws-tags" in str(caught.value.advice)


@pytest.mark.parametrize(
    ("tags", "transitive", "source_identity"),
    [
        ({"A": "secret_hash"}, [], None),
        ({"A": "attributes.nobody_reads_this"}, [], None),
        ({"A": "ref"}, [], None),
        ({"A": "{0.__class__}"}, [], None),
        ({}, [], "name"),
        ({"aws:a": "project_id"}, [], None),
        ({"": "project_id"}, [], None),
        ({"a" * 129: "project_id"}, [], None),
        ({"a*": "project_id"}, [], None),
        ({"a": "project_id", "A": "project_id"}, [], None),
        ({str(n): "project_id" for n in range(51)}, [], None),
        ({"a": "project_id"}, ["b"], None),
        ({"a": "project_id"}, ["a", "a"], None),
        ({}, ["a"], None),
    ],
)
def test_a_map_that_aws_could_not_take_is_not_set(
    tags: dict[str, str], transitive: list[str], source_identity: str | None
) -> None:
    with pytest.raises(RequestInvalid):
        checked(tags, transitive, source_identity)


def test_a_session_that_would_be_too_full_names_the_tags_to_leave_out() -> None:
    attributes = {"repository": "r" * 256, "commit": "c" * 256, "ref": "b" * 256, "user_id": "u" * 256}
    attributes |= dict.fromkeys(("environment", "workflow", "actor", "event_name", "job_id", "base_ref"), "x" * 256)
    offered = checked({f"Tag-{name}": f"attributes.{name}" for name in attributes}, (), None)
    with pytest.raises(AwsClaimsRefused) as caught:
        claims_asked(AwsRequest(every_tag=True), offered, facts(**attributes), SUBJECT)
    drop = caught.value.facts["drop"]
    assert isinstance(drop, list)
    left = tuple(key for key, _ in offered.tags if key not in drop)
    assert drop
    assert left
    claims_asked(AwsRequest(tags=left), offered, facts(**attributes), SUBJECT)
    with pytest.raises(AwsClaimsRefused):
        claims_asked(AwsRequest(tags=(*left, drop[-1])), offered, facts(**attributes), SUBJECT)


@given(
    st.dictionaries(st.sampled_from(sorted(each for each in FACTS if each.startswith("attributes."))), st.text()),
    st.text(),
)
def test_whatever_the_facts_are_what_is_told_can_be_read_by_aws(values: dict[str, str], subject: str) -> None:
    names = [fact.removeprefix("attributes.") for fact in values]
    known = facts(**{name: values[f"attributes.{name}"] for name in names})
    offered = AwsClaims(tuple((f"T{number}", fact) for number, fact in enumerate(values)), (), next(iter(values), None))
    try:
        claims = claims_asked(AwsRequest(every_tag=True, source_identity=True), offered, known, subject)
    except AwsClaimsRefused:
        return
    tags, identity = read_tags(claims), read_source_identity(claims)
    assert isinstance(tags, SessionTags)
    assert isinstance(identity, str)
    assert packed_policy_size(subject, identity, tags) <= 100
