"""Every role trust policy of a file, whatever kind of file it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError, JsonMalformed, PolicyMalformed
from daypass.trust.locate import locate, position
from daypass.trust.sources import cloudformation, iam_answer, json_file, terraform_json, terraform_plan
from daypass.trust.sources.found import FoundPolicy, RoleFacts, Where, found

if TYPE_CHECKING:
    from collections.abc import Sequence

_YAML: Final = (".yaml", ".yml", ".template")


def find_policies(name: str, text: bytes) -> Sequence[FoundPolicy]:
    """The trust policies of one file.

    A policy itself; a CloudFormation template, JSON or YAML; `terraform show -json`; a `.tf.json` file; the answer of
    `aws iam get-role` or `list-roles`. What is none of them is taken for a policy that is not right yet.

    Args:
        name: the file's, for messages; its ending tells YAML and `.tf.json`.
        text: the file's content.

    Returns:
        In the order of the file. A policy that cannot be read has its `error`.
    """
    try:
        content = text.decode("utf-8-sig" if name.endswith(_YAML) else "utf-8")
    except UnicodeDecodeError:
        fault = PolicyMalformed(f"`{name}` is not UTF-8", aws_message=None, line=1, column=1)
        return [_unreadable(name, fault)]
    if name.endswith(_YAML) and not content.lstrip().startswith("{"):
        return _yaml(name, content)
    try:
        document = json_file.read(content)
    except JsonMalformed as fault:
        return [_bare(name, content) if len(content) < 1_000_000 else _unreadable(name, fault)]
    if not isinstance(document, dict):
        return [_bare(name, content)]
    if "Statement" in document:
        return [_bare(name, content)]
    if cloudformation.is_template(document):
        return list(cloudformation.policies(name, document, lambda path: json_file.below(content, path)))
    if terraform_plan.is_plan(document):
        return list(terraform_plan.policies(name, content, document))
    if terraform_json.is_configuration(name, document):
        return list(terraform_json.policies(name, content, document))
    if iam_answer.is_answer(document):
        return list(iam_answer.policies(name, content, document))
    if "Resources" in document or {"Role", "Roles"} & document.keys():
        return []
    return [_bare(name, content)]


def _bare(name: str, text: str) -> FoundPolicy:
    return found(Where(name), text, lambda path: position(text, locate(text, path)), whole_file=True)


def _unreadable(name: str, fault: DaypassError) -> FoundPolicy:
    place = (int(str(fault.facts.get("line", 1))), int(str(fault.facts.get("column", 1))))
    return FoundPolicy(Where(name), "", None, fault, lambda _path: place, RoleFacts())


def _yaml(name: str, text: str) -> Sequence[FoundPolicy]:
    from daypass.trust.sources import yaml_file  # noqa: PLC0415 - the YAML library is loaded only for YAML

    try:
        root = yaml_file.compose(text)
        document = yaml_file.value(root)
    except PolicyMalformed as fault:
        return [_unreadable(name, fault)]
    if root is None or not isinstance(document, dict):
        return []
    if "Statement" in document:
        return [json_file.embedded(document, Where(name), yaml_file.below(root, ()))]
    return list(cloudformation.policies(name, document, lambda path: yaml_file.below(root, path)))
