"""Secrets Manager: the secret is a member of the body (Service Authorization Reference, AWS Secrets Manager)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daypass.localaws import model
from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, tag_keys, text_keys, texts

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body, Here

_MEMBER: Final = "SecretId"
# The suffix of six is not known before the secret is there: only a wildcard fits it.
_ARN: Final = "secret:{name}-??????"
_KEYS: Final = {
    f"secretsmanager:{member}": member for member in (_MEMBER, "Name", "VersionId", "VersionStage", "KmsKeyId")
}

_BESIDES: Final = {"Tags": "TagResource", "AddReplicaRegions": "ReplicateSecretToRegions"}


def needs(operation: str, body: Body, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for an operation."""
    action = f"secretsmanager:{operation}"
    keys = _keys(body)
    if operation == "BatchGetSecretValue":
        each = "secretsmanager:GetSecretValue"
        listed = texts(body.get("SecretIdList") or [])
        if listed is None:
            return Unreadable("`SecretIdList` is not a list of texts")
        one_by_one = [_on(Need(each, None, name, keys, TAG_KEYS), name, here) for name in listed]
        return (Need(action, "*", "*", keys, TAG_KEYS), *(one_by_one or [Need(each, None, "*", keys, TAG_KEYS)]))
    created = operation == "CreateSecret"
    member = "Name" if created else _MEMBER
    described = model.operation("secretsmanager", operation)
    if described is None or described.input_shape is None or member not in described.input_shape.members:
        return (Need(action, "*", "*", keys, TAG_KEYS),)
    name = body.get(member)
    if name is None:
        return (Need(action, None, "*", keys, TAG_KEYS),)
    if not isinstance(name, str):
        return Unreadable(f"`{member}` is not a text")
    if created:
        here = replace(here, find=lambda _: None)
    # A secret with tags or replicas is made by operations of their own, too (API Reference, CreateSecret).
    besides = [each for member, each in _BESIDES.items() if created and body.get(member)]
    actions = (action, *(f"secretsmanager:{each}" for each in besides))
    return tuple(_on(Need(each, None, name, keys, TAG_KEYS), name, here) for each in actions)


def _on(need: Need, name: str, here: Here) -> Need:
    """The need, of the secret that the body calls `name`."""
    found = here.find(name)
    if found is None:
        arn = name if name.startswith("arn:") else here.arn("secretsmanager", _ARN.format(name=name))
        return replace(need, resource=arn)
    tags = {f"{one}:ResourceTag/{key}": (value,) for key, value in found.tags for one in ("aws", "secretsmanager")}
    shown = found.arn if name.startswith("arn:") else name
    keys = {**need.keys, **tags, f"secretsmanager:{_MEMBER}": (found.arn,)}
    return replace(need, resource=found.arn, shown=shown, keys=keys)


def _keys(body: Body) -> Keys:
    removed = texts(body.get("TagKeys")) or ()
    return {
        **text_keys(body, _KEYS),
        **tag_keys(body.get("Tags")),
        **({"aws:TagKeys": removed} if removed else {}),
    }
