"""Trust policies out of the files that people keep them in, with their places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from daypass.trust.lint.run import lint_found
from daypass.trust.sources.find import find_policies
from daypass.trust.unknown import has_unknown, shown

if TYPE_CHECKING:
    from daypass.trust.sources.found import FoundPolicy

GITLAB = "arn:aws:iam::210987654321:oidc-provider/gitlab.com"
STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Federated": GITLAB},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {"gitlab.com:aud": "https://gitlab.com"}},
}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}


def codes(name: str, text: str) -> list[tuple[str, str, int, int]]:
    located = lint_found(find_policies(name, text.encode()))
    return [(each.finding.code, each.resource, each.line, each.column) for each in located]


def test_a_policy_is_a_file() -> None:
    [found] = find_policies("trust.json", json.dumps(POLICY).encode())
    assert found.policy is not None
    assert found.whole_file
    assert codes("trust.json", json.dumps(POLICY, indent=2)) == [("DP020", "", 4, 5)]


def test_a_policy_that_is_not_json_has_its_fault() -> None:
    text = json.dumps(POLICY, indent=2).replace('"2012-10-17",', '"2012-10-17"')
    [found] = find_policies("trust.json", text.encode())
    assert found.policy is None
    assert found.error is not None
    assert found.error.facts["line"] == 2
    assert [(code, line) for code, _, line, _ in codes("trust.json", text)] == [("DP001", 2)]


@pytest.mark.parametrize("document", [POLICY, json.dumps(POLICY), quote(json.dumps(POLICY))])
def test_an_answer_of_iam(document: object) -> None:
    role = {"RoleName": "deploy", "Arn": "arn:aws:iam::333344445555:role/deploy", "AssumeRolePolicyDocument": document}
    for answer in ({"Role": role}, {"Roles": [role, role]}, {"RoleDetailList": [role]}, role):
        found = find_policies("answer.json", json.dumps(answer).encode())
        assert len(found) == (2 if "Roles" in answer else 1)
        assert all(each.policy is not None and each.role.account == "333344445555" for each in found)
    assert {code for code, *_ in codes("a.json", json.dumps({"Role": role}))} == {"DP013", "DP020"}


TEMPLATE = """\
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Provider:
    Type: AWS::IAM::OIDCProvider
    Properties:
      Url: https://gitlab.com
      ClientIdList: [https://gitlab.com]
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      MaxSessionDuration: 3600
      ManagedPolicyArns: [arn:aws:iam::aws:policy/ReadOnlyAccess]
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal:
              Federated: PRINCIPAL
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringLike:
                gitlab.com:aud: https://gitlab.com
                gitlab.com:sub: SUBJECT
"""


@pytest.mark.parametrize(
    "principal",
    [
        "!Ref Provider",
        "!GetAtt Provider.Arn",
        "!GetAtt [Provider, Arn]",
        "!Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/gitlab.com",
        "!Sub '${Provider.Arn}'",
        "!Join [':', [arn, aws, iam, '', !Ref AWS::AccountId, oidc-provider/gitlab.com]]",
        "{Ref: Provider}",
    ],
)
def test_a_template_in_yaml_keeps_what_is_not_known_apart(principal: str) -> None:
    text = TEMPLATE.replace("PRINCIPAL", principal).replace("SUBJECT", "'*'")
    [found] = find_policies("stack.yaml", text.encode())
    assert found.policy is not None
    assert found.policy.version == "2012-10-17"
    assert has_unknown(found.policy.statements[0].principals[0].value)
    assert "{AWS::AccountId}" in shown(found.policy.statements[0].principals[0].value)
    assert codes("stack.yaml", text) == [("DP021", "Deploy", 23, 17), ("DP025", "Deploy", 22, 17)]


@pytest.mark.parametrize("subject", ["!Ref Subject", "!Sub 'project_path:${Group}/*'", "!If [Wide, '*', x]"])
def test_what_is_not_known_raises_no_alarm(subject: str) -> None:
    text = TEMPLATE.replace("PRINCIPAL", "!Ref Provider").replace("SUBJECT", subject)
    assert {code for code, *_ in codes("stack.yaml", text)} <= {"DP025"}
    assert not codes("stack.yaml", TEMPLATE.replace("PRINCIPAL", "!ImportValue Gitlab").replace("SUBJECT", "'*'"))


def test_a_template_in_json_says_what_is_wrong_with_the_provider() -> None:
    resources = {
        "P": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"Url": "http://gitlab.com", "ClientIdList": ["x"]}},
        "R": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": POLICY
                | {"Statement": [STATEMENT | {"Principal": {"Federated": {"Ref": "P"}}}]}
            },
        },
    }
    text = json.dumps({"Resources": resources}, indent=1)
    found = [(code, line) for code, _, line, _ in codes("cdk.template.json", text)]
    assert {code for code, _ in found} == {"DP020", "DP042", "DP045", "DP046"}
    assert text.splitlines()[dict(found)["DP045"] - 1].strip().startswith('"Url"')


def plan(role: dict[str, object], unknown: object, *others: Any, configuration: object = None) -> str:
    changes = [
        {"address": "aws_iam_role.deploy", "type": "aws_iam_role", "change": {"after": role, "after_unknown": unknown}},
        *others,
    ]
    return json.dumps({"format_version": "1.2", "resource_changes": changes, "configuration": configuration})


def test_a_plan_with_the_policy_as_text() -> None:
    text = plan({"name": "deploy", "assume_role_policy": json.dumps(POLICY)}, {})
    assert [(code, where) for code, where, _, _ in codes("plan.json", text)] == [("DP020", "aws_iam_role.deploy")]


def test_a_plan_whose_policy_is_read_on_apply() -> None:
    data = {
        "address": "data.aws_iam_policy_document.trust",
        "type": "aws_iam_policy_document",
        "change": {
            "after": {
                "statement": [
                    {
                        "actions": ["sts:AssumeRoleWithWebIdentity"],
                        "principals": [{"type": "Federated", "identifiers": [None]}],
                        "condition": [
                            {"test": "StringLike", "variable": "gitlab.com:sub", "values": ["a"]},
                            {"test": "StringLike", "variable": "gitlab.com:sub", "values": ["b", "&{aws:username}"]},
                        ],
                    }
                ]
            },
            "after_unknown": {"json": True, "statement": [{"principals": [{"identifiers": [True]}]}]},
        },
    }
    reference = {"references": ["data.aws_iam_policy_document.trust.json", "data.aws_iam_policy_document.trust"]}
    root = {"resources": [{"address": "aws_iam_role.deploy", "expressions": {"assume_role_policy": reference}}]}
    text = plan({"name": "deploy"}, {"assume_role_policy": True}, data, configuration={"root_module": root})
    [found] = find_policies("plan.json", text.encode())
    assert found.policy is not None
    [statement] = found.policy.statements
    assert statement.conditions[0].values == ("a", "b", "${aws:username}")
    assert has_unknown(statement.principals[0].value)


def test_a_plan_that_does_not_know_the_policy_says_so() -> None:
    [found] = find_policies("plan.json", plan({"name": "deploy"}, {"assume_role_policy": True}).encode())
    assert found.policy is None
    assert found.error is not None
    assert found.error.facts["later"] is True


HCL = (
    '${jsonencode({ Version = "2012-10-17", Statement = [{\n  Effect = "Allow" # comment\n'
    "  Principal = { Federated = aws_iam_openid_connect_provider.gitlab.arn }\n"
    '  Action = "sts:AssumeRoleWithWebIdentity"\n'
    '  Condition = { StringLike = { "gitlab.com:sub" = "project_path:${var.group}/*",\n'
    '    "${local.host}:aud" : "x" } } }] })}'
)


@pytest.mark.parametrize(
    "policy",
    [HCL, json.dumps(POLICY), json.dumps(POLICY).replace(GITLAB, "${aws_iam_openid_connect_provider.gitlab.arn}")],
)
def test_terraform_in_json(policy: str) -> None:
    document = {
        "resource": {
            "aws_iam_openid_connect_provider": {"gitlab": {"url": "https://gitlab.com", "client_id_list": ["x"]}},
            "aws_iam_role": {"deploy": {"name": "deploy", "assume_role_policy": policy}},
        }
    }
    [found] = find_policies("main.tf.json", json.dumps(document).encode())
    assert found.policy is not None, found.error
    assert found.policy.statements[0].principals[0].value.endswith(":oidc-provider/gitlab.com")
    assert found.where.resource == "aws_iam_role.deploy"
    if policy is HCL:
        assert [shown(each.key) for each in found.policy.statements[0].conditions] == [
            "gitlab.com:sub",
            "{local.host}:aud",
        ]
        assert "DP020" not in str(codes("main.tf.json", json.dumps(document)))


def test_terraform_in_json_with_a_data_source() -> None:
    statement = {
        "actions": ["sts:AssumeRoleWithWebIdentity"],
        "principals": {"type": "Federated", "identifiers": [GITLAB]},
        "condition": [{"test": "StringLike", "variable": "gitlab.com:sub", "values": ["${var.subject}"]}],
    }
    document = {
        "data": {"aws_iam_policy_document": {"trust": {"statement": statement}}},
        "resource": {"aws_iam_role": {"r": {"assume_role_policy": "${data.aws_iam_policy_document.trust.json}"}}},
    }
    [found] = find_policies("main.tf.json", json.dumps(document).encode())
    assert found.policy is not None
    assert shown(found.policy.statements[0].conditions[0].values[0]) == "{var.subject}"


def _with_locals(values: dict[str, Any], policy: str) -> FoundPolicy:
    provider = {"url": "https://gitlab.com", "client_id_list": ["x"]}
    document = {
        "locals": values,
        "data": {"aws_iam_openid_connect_provider": {"gitlab": {"url": "https://gitlab.com"}}},
        "resource": {
            "aws_iam_openid_connect_provider": {"gitlab": provider},
            "aws_iam_role": {"r": {"assume_role_policy": policy}},
        },
    }
    [found] = find_policies("main.tf.json", json.dumps(document).encode())
    return found


def test_local_values_of_terraform_are_followed() -> None:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "${local.arn}"},
        "Condition": {"StringLike": {"${local.host}:sub": "project_path:${local.group}/*:${var.x}:$${aws:userid}"}},
    }
    made = "aws_iam_openid_connect_provider.gitlab[0].arn"
    values = {
        "arn": f"${{var.exists ? data.{made} : {made}}}",
        "host": "gitlab.com",
        "group": "${local.name}",
        "name": "tidewater",
        "trust": {"Version": "2012-10-17", "Statement": [statement]},
    }
    for policy in ("${jsonencode(local.trust)}", "${local.text}"):
        found = _with_locals({**values, "text": "${jsonencode(local.trust)}"}, policy)
        assert found.policy is not None, found.error
        [read] = found.policy.statements
        assert read.principals[0].value.endswith(":oidc-provider/gitlab.com")
        assert (read.conditions[0].key, shown(read.conditions[0].values[0])) == (
            "gitlab.com:sub",
            "project_path:tidewater/*:{var.x}:${aws:userid}",
        )


@pytest.mark.parametrize(
    "values",
    [
        {"a": "${local.a}"},
        {"a": ["${local.b}"], "b": {"x": "${local.a}"}},
        {"a": "${local.b}${local.b}", **{f"b{n}": f"${{local.b{n + 1}}}" * 9 for n in range(40)}},
        {f"{'a' if n == 0 else f'a{n}'}": [f"${{local.a{n + 1}}}"] * 9 for n in range(40)},
        {f"{'a' if n == 0 else f'a{n}'}": f"${{local.a{n + 1}}}" * 9 for n in range(40)},
    ],
)
def test_local_values_that_grow_without_end_are_not_followed(values: dict[str, Any]) -> None:
    found = _with_locals(values, "${jsonencode(local.a)}")
    assert found.policy is None
    assert found.error is not None


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "a: 1\na: 2",
        "&a [*a, *a]",
        "x: !Foo {",
        "- " * 5000 + "x",
        "\x00",
        "Resources: {R: {Type: x, Properties: *x}}",
    ],
)
def test_yaml_that_cannot_be_read_is_an_error_and_no_crash(text: str) -> None:
    assert all(each.error is not None for each in find_policies("x.yaml", text.encode()))


def test_aliases_do_not_blow_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    [found] = find_policies("bomb.yaml", "\n".join(lines).encode())
    assert found.error is not None
    assert "too large" in found.error.message


def test_bytes_that_are_no_text() -> None:
    [found] = find_policies("x.json", b"\xff\xfe")
    assert found.error is not None


def test_terraform_takes_an_array_of_objects_at_every_level() -> None:
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'
    document = {"resource": [{"aws_iam_role": [{"first": [{"assume_role_policy": policy}]}]}, {"aws_iam_role": {}}]}
    [found] = find_policies("main.tf.json", json.dumps(document).encode())

    assert found.policy is not None
    assert found.where.resource == "aws_iam_role.first"
