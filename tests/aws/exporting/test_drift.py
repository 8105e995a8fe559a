"""A file, an account and an export: which of the three differs, where, and who gets in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.aws.exporting.blueprint import blueprint, seen_blueprint
from daypass.aws.exporting.drift import Committed, Differs, Drift, compared_files, drift
from daypass.aws.exporting.formats import FORMATS, export
from daypass.aws.exporting.reading import read_trust
from daypass.aws.provisioning.account import read_account
from daypass.aws.provisioning.desired_file import read_desired
from daypass.trust.diff import Verdict
from daypass.trust.lint.model import Severity
from daypass.trust.lint.run import lint_found
from daypass.trust.sources.find import find_policies
from support.exports import FILE, arn_of, document, trust_of
from support.memory_iam import ACCOUNT, MemoryIam
from support.provisioning import Bench, Time

SOURCE = "daypass-aws.yaml"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/gitlab.com"
RELEASE = FILE.replace("branch: main}", "branch: release}")


@pytest.fixture
def bench() -> Bench:
    """An account to which the file was applied."""
    bench = Bench(MemoryIam(), Time(), [])
    for name in ("shop", "limits"):
        allowing = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowing]})
        bench.iam.create_policy(PolicyName=name, PolicyDocument=policy)
    bench.apply(FILE)
    return bench


def committed(format_name: str, text: str = FILE) -> Committed:
    return Committed(format_name, compared_files(blueprint(read_desired(text), SOURCE), format_name))


def compared(bench: Bench, export_of: Committed | None = None, text: str = FILE) -> Drift:
    wanted = read_desired(text)
    return drift(wanted, read_account(bench.iam, wanted, ACCOUNT), SOURCE, export_of)


def edited(kept: Committed, old: str, new: str) -> Committed:
    files = {name: text.replace(old, new) for name, text in kept.files.items()}
    assert files != dict(kept.files)
    return Committed(kept.format_name, files)


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_nothing_differs_after_apply(bench: Bench, format_name: str) -> None:
    found = compared(bench, committed(format_name))
    assert (found.differs, found.deviations) == (Differs.NOTHING, ())


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_account_differs(bench: Bench, format_name: str) -> None:
    trust = bench.trust()
    bench.set_trust(json.loads(json.dumps(trust).replace("ref:main", "ref:release")))
    found = compared(bench, committed(format_name))
    assert found.differs is Differs.ACCOUNT
    (deviation,) = found.deviations
    assert (deviation.where, deviation.resource, deviation.aspect) == (Differs.ACCOUNT, "shop-deploy", "trust")
    assert deviation.trust is not None
    assert deviation.trust.verdict is Verdict.BOTH


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_file_differs(bench: Bench, format_name: str) -> None:
    found = compared(bench, committed(format_name), RELEASE)
    assert found.differs is Differs.FILE
    told = {(each.where, each.aspect) for each in found.deviations}
    assert told == {(Differs.ACCOUNT, "trust"), (Differs.EXPORT, "trust"), (Differs.EXPORT, "text")}


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_export_differs(bench: Bench, format_name: str) -> None:
    """Somebody lets every branch in, by hand."""
    found = compared(bench, edited(committed(format_name), "ref:stable", "ref:other"))
    assert found.differs is Differs.EXPORT
    text, trust = (each for each in found.deviations if each.resource != "README.md")
    assert (text.aspect, trust.aspect, trust.resource) == ("text", "trust", "shop-test")
    assert any(line.startswith("-") and "ref:stable" in line for line in text.lines)
    assert trust.trust is not None
    assert trust.trust.verdict is Verdict.BOTH


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_all_three_differ(bench: Bench, format_name: str) -> None:
    bench.iam.update_role(RoleName="shop-deploy", MaxSessionDuration=43200, Description="Deploys the shop")
    found = compared(bench, edited(committed(format_name), "ref:stable", "ref:other"))
    assert found.differs is Differs.ALL


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_trust_policy_is_read_back_from_every_format(format_name: str) -> None:
    of = blueprint(read_desired(FILE), SOURCE)
    for role in of.roles:
        text = read_trust(format_name, export(of, format_name), role, of, arn_of(role.issuer))
        assert text is not None
        assert document(text) == trust_of(role)
        located = lint_found(find_policies("role.json", text.encode()))
        found = {each.finding.code for each in located if each.finding.severity is not Severity.NOTE}
        assert found == (set() if role.name == "shop-deploy" else {"DP036"})  # the file lets any branch in, and says so


@pytest.mark.parametrize("format_name", ["cloudformation", "stackset", "terraform-json"])
def test_the_files_themselves_are_judged(format_name: str) -> None:
    """`daypass trust lint` reads what is committed, and finds the role that lets in any branch."""
    files = export(blueprint(read_desired(FILE), SOURCE), format_name)
    names = [name for name in files if name.endswith((".template.yaml", "daypass.tf.json"))]
    found = [each for name in names for each in find_policies(name, files[name].encode())]
    assert [each.error for each in found] == [None] * 2
    codes = {
        each.finding.code: each.resource for each in lint_found(found) if each.finding.severity is not Severity.NOTE
    }
    assert [*codes] == ["DP036"]
    assert "shop" in codes["DP036"].lower()
    assert "test" in codes["DP036"].lower()


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_the_trust_policy_of_a_long_issuer_is_read_back(format_name: str) -> None:
    issuer = "https://gitlab.com/" + "a-long-name/" * 12 + "x"
    text = f"providers: [{{issuer: {issuer}, audiences: [x]}}]\nroles: {{r: {{who: [{{subject: tidewater}}]}}}}\n"
    of = blueprint(read_desired(text), SOURCE)
    found = read_trust(format_name, export(of, format_name), of.roles[0], of, arn_of(issuer))
    assert found is not None
    assert document(found) == trust_of(of.roles[0])


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_a_trust_policy_that_is_not_written_as_ours_is_not_decided(bench: Bench, format_name: str) -> None:
    kept = committed(format_name)
    files = {
        name: text.replace("AssumeRoleWithWebIdentity", "").replace("shop", "s") for name, text in kept.files.items()
    }
    files = {
        name: text.replace("trust", "t").replace("Role", "R").replace("Resources", "X") for name, text in files.items()
    }
    found = compared(bench, Committed(format_name, files))
    trusts = [each.trust for each in found.deviations if each.trust is not None]
    assert [each.verdict for each in trusts] == [Verdict.UNDECIDED] * 2


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_a_missing_file_is_told(bench: Bench, format_name: str) -> None:
    found = compared(bench, Committed(format_name, {}))
    assert found.differs is Differs.EXPORT
    assert {(each.aspect, each.found) for each in found.deviations} == {("existence", "not there")}


def test_every_sort_of_change_in_the_account_is_told(bench: Bench) -> None:
    iam = bench.iam
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, ClientID="https://evil.example")
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, Tags=[{"Key": "by", "Value": "hand"}])
    iam.update_role(RoleName="shop-deploy", MaxSessionDuration=43200, Description="by hand")
    iam.attach_role_policy(RoleName="shop-deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    iam.put_role_policy(RoleName="shop-test", PolicyName="x", PolicyDocument=_everything())
    iam.delete_role_permissions_boundary(RoleName="shop-deploy")
    iam.untag_role(RoleName="shop-deploy", TagKeys=["team"])
    found = compared(bench)
    assert found.differs is Differs.ACCOUNT
    assert {(each.resource, each.aspect) for each in found.deviations} == {
        ("https://gitlab.com", "client_ids"),
        ("https://gitlab.com", "tags"),
        ("shop-deploy", "max_session_seconds"),
        ("shop-deploy", "description"),
        ("shop-deploy", "managed_policies"),
        ("shop-deploy", "boundary"),
        ("shop-deploy", "tags"),
        ("shop-test", "inline_policies"),
    }
    boundary = next(each for each in found.deviations if each.aspect == "boundary")
    assert (boundary.file, boundary.found) == ("arn:aws:iam::{account}:policy/limits", None)
    json.dumps(found.to_json())


def test_nothing_differs_after_apply_took_over_what_was_there() -> None:
    """Another team's provider and role: what they put beside ours is theirs, and apply leaves it."""
    bench = Bench(MemoryIam(), Time(), [])
    policy = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    )
    for name in ("shop", "limits", "theirs"):
        bench.iam.create_policy(PolicyName=name, PolicyDocument=policy)
    bench.iam.create_open_id_connect_provider(
        Url="https://gitlab.com", ClientIDList=["their-audience"], Tags=[{"Key": "team", "Value": "platform"}]
    )
    bench.iam.create_role(
        RoleName="shop-test",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
        PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/limits",
        Tags=[{"Key": "cost", "Value": "7"}],
    )
    bench.iam.attach_role_policy(RoleName="shop-test", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/theirs")
    bench.iam.put_role_policy(RoleName="shop-test", PolicyName="theirs", PolicyDocument=policy)
    bench.apply(FILE, adopt=True, allow_wider=True)
    assert not bench.plan(FILE).changes
    found = compared(bench, committed("terraform"))
    assert (found.differs, found.deviations) == (Differs.NOTHING, ())

    # What the stack itself once put there, and the file wants no more, is told as ever.
    fewer = FILE.replace("[https://gitlab.com, sts.amazonaws.com]", "[https://gitlab.com]")
    assert ("https://gitlab.com", "client_ids") in {
        (each.resource, each.aspect) for each in compared(bench, text=fewer).deviations
    }
    # And whom they let in beside the file's workloads is no matter of theirs.
    trust = bench.trust("shop-test")
    trust["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    bench.set_trust(trust, "shop-test")
    assert [each.aspect for each in compared(bench).deviations] == ["trust"]


def test_an_audience_of_another_stack_is_no_difference(bench: Bench) -> None:
    other = FILE.replace("stack: shop", "stack: other").replace("[https://gitlab.com, sts.amazonaws.com]", "[other]")
    bench.apply(other.replace("shop-deploy", "other-deploy").replace("shop-test", "other-test"))
    assert compared(bench).differs is Differs.NOTHING
    bench.iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER, ClientID="nobody's")
    (deviation,) = compared(bench).deviations
    assert (deviation.aspect, deviation.found) == (
        "client_ids",
        ["https://gitlab.com", "sts.amazonaws.com", "nobody's"],
    )


def _everything() -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})


def test_an_empty_account_lacks_everything() -> None:
    found = compared(Bench(MemoryIam(), Time(), []))
    assert {each.resource for each in found.deviations} == {"https://gitlab.com", "shop-deploy", "shop-test"}
    assert {each.aspect for each in found.deviations} == {"existence"}


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_a_trust_policy_of_another_kind_is_compared_too(bench: Bench, format_name: str) -> None:
    """One that no WebIdentityPrincipal could say, and that lets a whole account in."""
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    bench.set_trust({"Version": "2012-10-17", "Statement": [statement]})
    found = compared(bench, committed(format_name))
    assert found.differs is Differs.ACCOUNT
    again = compared(bench, edited(committed(format_name), "ref:stable", "ref:other"))
    assert again.differs is Differs.ALL


@given(audiences=st.permutations(["https://gitlab.com", "sts.amazonaws.com"]), listed=st.booleans())
@settings(max_examples=8, deadline=None)
def test_order_and_lists_of_one_are_no_difference(*, audiences: list[str], listed: bool) -> None:
    text = FILE.replace("    boundary: arn:aws:iam::{account}:policy/limits\n", "")
    text = text.replace(', "arn:{partition}:iam::{account}:policy/shop"', "")
    bench = Bench(MemoryIam(), Time(), [])
    bench.apply(text.replace("[https://gitlab.com, sts.amazonaws.com]", json.dumps(audiences)))
    if listed:
        trust = bench.trust()
        for statement in trust["Statement"]:
            statement["Action"] = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        bench.set_trust(trust)
    wanted = read_desired(text)
    assert seen_blueprint(wanted, read_account(bench.iam, wanted, ACCOUNT), SOURCE) == blueprint(wanted, SOURCE)
