"""SSM Parameter Store (Service Authorization Reference, AWS Systems Manager).

A parameter's ARN has one slash after `parameter`, whether or not its name begins with one (Systems Manager User Guide,
"Restricting access to Parameter Store parameters using IAM policies").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, of, tag_keys, text_keys, texts

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body, Here

_ONE: Final = frozenset(
    {
        *("GetParameter", "PutParameter", "DeleteParameter", "GetParameterHistory"),
        *("LabelParameterVersion", "UnlabelParameterVersion"),
    }
)
_SEVERAL: Final = frozenset({"GetParameters", "DeleteParameters"})
_OF_TAGS: Final = frozenset({"AddTagsToResource", "RemoveTagsFromResource", "ListTagsForResource"})
_SELECTED: Final = frozenset({"GetParameter", "GetParameters"})
_NAME: Final = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_PATH: Final = re.compile(r"/|/[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?")
_SELECTOR: Final = re.compile(r":[A-Za-z0-9_.-]+\Z")
_PUBLIC: Final = "/aws/service/"
# Such a name gives a secret of Secrets Manager, and needs what reading that needs (Systems Manager User Guide,
# "Referencing AWS Secrets Manager secrets from Parameter Store parameters"). Which secret, is not known here.
_SECRETS: Final = "aws/reference/secretsmanager/"
_OF_SECRET: Final = Need(
    "secretsmanager:GetSecretValue", None, "*", unknown=frozenset({"secretsmanager:", "aws:resourcetag/"})
)


def needs(operation: str, body: Body, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for an operation."""
    action = f"ssm:{operation}"
    keys = _keys(body)
    if operation == "GetParametersByPath":
        path = body.get("Path")
        if not isinstance(path, str) or not _PATH.fullmatch(path):
            return Unreadable("`Path` is not a path of parameters")
        # As sent, a slash at its end too (observed in AWS's refusals).
        arn = here.arn("ssm", f"parameter{path}")
        return (Need(action, arn, arn, keys),)
    if operation in _ONE:
        return _on(operation, [body.get("Name")], keys, here)
    if operation in _SEVERAL:
        return _on(operation, list(texts(body.get("Names")) or (None,)), keys, here)
    if operation in _OF_TAGS and body.get("ResourceType") == "Parameter":
        return _on(operation, [body.get("ResourceId")], keys, here)
    if operation == "DescribeParameters":
        return (Need(action, "*", here.arn("ssm", "*"), keys),)
    return (Need(action, None, here.arn("ssm", "*"), keys, TAG_KEYS, unknown=frozenset({"ssm:", "aws:resourcetag/"})),)


def _on(operation: str, names: list[object], keys: Keys, here: Here) -> tuple[Need, ...] | Unreadable:
    needed: list[Need] = []
    for name in names:
        bare = _bare(name, here, selected=operation in _SELECTED)
        if bare is None:
            return Unreadable("a name is not that of a parameter of this account and region")
        arn = _arn(bare, here)
        found = here.find(bare)
        actions = [operation]
        if operation == "PutParameter" and "aws:TagKeys" in keys:
            actions.append("AddTagsToResource")
        needed += [of(Need(f"ssm:{one}", arn, arn, keys, TAG_KEYS), found, "ssm") for one in actions]
        if bare.removeprefix("/").startswith(_SECRETS):
            needed.append(_OF_SECRET)
    return tuple(needed)


def _bare(name: object, here: Here, *, selected: bool) -> str | None:
    """The name without ARN and selector (`:3`, `:label`); None when it is of no form that is known."""
    if not isinstance(name, str):
        return None
    if name.startswith("arn:"):
        resource = here.local("ssm", name)
        if resource is None or not resource.startswith("parameter/"):
            return None
        name = resource.removeprefix("parameter")
    if selected:
        name = _SELECTOR.sub("", name)
    return name if _NAME.fullmatch(name) else None


def _arn(name: str, here: Here) -> str:
    slashed = name if name.startswith("/") else f"/{name}"
    if slashed.startswith(_PUBLIC):
        return f"arn:aws:ssm:{here.region}::parameter{slashed}"
    return here.arn("ssm", f"parameter{slashed}")


def _keys(body: Body) -> Keys:
    removed = texts(body.get("TagKeys")) or ()
    return {
        **text_keys(body, {"ssm:Overwrite": "Overwrite", "ssm:Recursive": "Recursive"}),
        **tag_keys(body.get("Tags")),
        **({"aws:TagKeys": removed} if removed else {}),
    }
