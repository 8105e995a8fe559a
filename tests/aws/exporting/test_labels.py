"""Names in the files: none is two things', and two files of one account name no stack alike."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daypass.aws.exporting.blueprint import ExportedProvider, blueprint
from daypass.aws.exporting.formats import export
from daypass.aws.exporting.labels import Labels
from daypass.aws.provisioning.desired_file import read_desired
from support.exports import FILE

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint


def of_issuers(of: Blueprint, *issuers: str) -> Blueprint:
    """A blueprint of several providers, with a role for each."""
    providers = tuple(ExportedProvider(each, ("a",), (), ()) for each in issuers)
    roles = tuple(
        replace(of.roles[0], name=f"role-{index}", issuer=each, trust={"Version": "2012-10-17", "Statement": []})
        for index, each in enumerate(issuers)
    )
    return replace(of, providers=providers, roles=roles)


@pytest.mark.parametrize(
    ("format_name", "file"), [("cdk-python", "daypass_stack.py"), ("pulumi-python", "__main__.py")]
)
def test_an_issuer_named_like_the_arn_of_another_is_another_variable(
    of: Blueprint, format_name: str, file: str
) -> None:
    two = of_issuers(of, "https://gitlab.example", "https://gitlab.example/arn")
    if format_name == "cdk-python":
        two = replace(two, roles=())
    tree = ast.parse(export(two, format_name)[file])
    values = [
        (name.id, ast.unparse(each.value))
        for each in ast.walk(tree)
        if isinstance(each, ast.Assign)
        for name in each.targets
        if isinstance(name, ast.Name)
    ]
    made = {name for name, value in values if re.search(r"\b(OpenIdConnectProvider|OidcProviderNative)\(", value)}
    asked = {name for name, value in values if re.search(r"config\.get|try_get_context", value)}
    assert len(made) == len(asked) == 2
    assert not made & asked


def test_no_logical_id_is_the_parameters(of: Blueprint) -> None:
    template = export(of_issuers(of, "https://arn"), "cloudformation")["arn.template.yaml"]
    names = Counter(re.findall(r"^  (Provider\w+|Role\w+):", template.partition("Outputs:")[0], re.MULTILINE))
    assert {*names.values()} == {1}


def test_a_stack_begins_with_a_letter(of: Blueprint) -> None:
    """CloudFormation takes `[a-zA-Z][-a-zA-Z0-9]*`, and issuers and files may begin with a digit."""
    digits = replace(of_issuers(of, "https://1st.example"), stack="2.shop")
    assert Labels.stacks(digits).provider("https://1st.example") == "stack-2-shop-idp-1st-example"
    assert next(iter(export(digits, "stackset"))) == "idp-1st-example.template.yaml"
    assert "DaypassStack-stack-2-shop" in export(replace(digits, roles=()), "cdk-typescript")["app.ts"]


def test_two_files_of_one_issuer_make_two_stacks() -> None:
    """Deployed under one name, the roles of the first would be deleted by the second."""
    one, other = (
        blueprint(read_desired(FILE.replace("stack: shop", f"stack: {name}")), "daypass-aws.yaml")
        for name in ("shop", "billing")
    )
    for of, name in ((one, "shop"), (other, "billing")):
        assert f"--stack-name {name}-gitlab-com " in export(of, "cloudformation")["gitlab-com.template.yaml"]
        files = export(of, "stackset")
        for each in ("stack-set", "stack-instances"):
            assert json.loads(files[f"gitlab-com.{each}.json"])["StackSetName"] == f"{name}-gitlab-com"
        assert f'DaypassStack(app, "DaypassStack-{name}")' in export(of, "cdk-python")["app.py"]
        assert f'new DaypassStack(app, "DaypassStack-{name}");' in export(of, "cdk-typescript")["app.ts"]
        assert f"name: daypass-{name}\n" in export(of, "pulumi-python")["Pulumi.yaml"]
