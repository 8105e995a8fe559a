"""KMS: every name of a key is resolved to its key ARN (Service Authorization Reference, AWS Key Management Service).

For identity policies an alias is never the resource of an operation on a key (KMS Developer Guide, "Using aliases to
control access to KMS keys"); only the operations on aliases themselves have both.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from daypass.localaws import model
from daypass.localaws.needs.model import TAG_KEYS, Keys, Need, Unreadable, of, request_tags, text_keys, texts

if TYPE_CHECKING:
    from daypass.localaws.needs.model import Body, Here

_WITHOUT_KEY: Final = frozenset(
    {"CreateKey", "ListKeys", "ListAliases", "GenerateRandom", "ListRetirableGrants", "DescribeCustomKeyStores"}
)
_OF_ALIASES: Final = frozenset({"CreateAlias", "UpdateAlias", "DeleteAlias"})
_MEMBERS: Final = {
    "kms:EncryptionAlgorithm": "EncryptionAlgorithm",
    "kms:SigningAlgorithm": "SigningAlgorithm",
    "kms:MacAlgorithm": "MacAlgorithm",
    "kms:MessageType": "MessageType",
    "kms:DataKeyPairSpec": "KeyPairSpec",
    "kms:ScheduleKeyDeletionPendingWindowInDays": "PendingWindowInDays",
    "kms:BypassPolicyLockoutSafetyCheck": "BypassPolicyLockoutSafetyCheck",
    "kms:GranteePrincipal": "GranteePrincipal",
    "kms:RetiringPrincipal": "RetiringPrincipal",
    "kms:ReplicaRegion": "ReplicaRegion",
    "kms:RotationPeriodInDays": "RotationPeriodInDays",
}
_OF_A_NEW_KEY: Final = {"kms:KeySpec": "KeySpec", "kms:KeyUsage": "KeyUsage", "kms:KeyOrigin": "Origin"}
_DEFAULTS: Final = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT", "Origin": "AWS_KMS"}
_KEY: Final = re.compile(r"[A-Za-z0-9-]{1,256}")
_ALIAS: Final = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}")
_KEY_ID_BYTES: Final = 36
_SYMMETRIC: Final = "SYMMETRIC_DEFAULT"
_MULTIVALUED: Final = TAG_KEYS | {"kms:ResourceAliases", "kms:EncryptionContextKeys", "kms:GrantOperations"}
_UNKNOWN: Final = frozenset({"kms:grantconstrainttype", "kms:grantisforawsresource", "kms:recipientattestation:"})


def needs(operation: str, body: Body, here: Here) -> tuple[Need, ...] | Unreadable:
    """The permissions for an operation."""
    keys = {**_keys(operation, body), "kms:CallerAccount": (here.account,)}
    if operation in _WITHOUT_KEY:
        needed = [Need(f"kms:{operation}", "*", "*", keys, _MULTIVALUED, unknown=_UNKNOWN)]
        if operation == "CreateKey" and body.get("Tags"):
            needed.append(Need("kms:TagResource", "*", "*", keys, _MULTIVALUED, unknown=_UNKNOWN))
        return tuple(needed)
    if operation in _OF_ALIASES:
        return _on_alias(operation, body, keys, here)
    if operation == "ReEncrypt":
        source = _of_ciphertext(body.get("CiphertextBlob"))
        to_context = body.get("DestinationEncryptionContext")
        return _all(
            [
                ("kms:ReEncryptFrom", source, keys | _context(body.get("SourceEncryptionContext"))),
                ("kms:ReEncryptTo", body.get("DestinationKeyId"), keys | _context(to_context)),
                *([("kms:ReEncryptFrom", body["SourceKeyId"], keys)] if "SourceKeyId" in body else []),
            ],
            here,
        )  # fmt: skip
    if operation == "Decrypt":
        named = [body["KeyId"]] if "KeyId" in body else []
        # A symmetric ciphertext tells its key; the one that the request names must be allowed as well.
        source = _of_ciphertext(body.get("CiphertextBlob"))
        of_it = [source] if not named or (source is not None and here.find(source) is not None) else []
        return _all([("kms:Decrypt", name, keys) for name in (*of_it, *named)], here)
    described = model.operation("kms", operation)
    members = {} if described is None or described.input_shape is None else described.input_shape.members
    if "KeyId" not in members or ("KeyId" not in body and operation == "RetireGrant"):
        return (Need(f"kms:{operation}", None, "*", keys, _MULTIVALUED, unknown=_UNKNOWN),)
    return _all([(f"kms:{operation}", body.get("KeyId"), keys)], here)


def _on_alias(operation: str, body: Body, keys: Keys, here: Here) -> tuple[Need, ...] | Unreadable:
    name = body.get("AliasName")
    if not isinstance(name, str) or not _ALIAS.fullmatch(name):
        return Unreadable("`AliasName` is not the name of an alias")
    arn = here.arn("kms", name)
    there = here.find(name)
    on_keys: list[object] = []
    if operation != "CreateAlias":
        on_keys += [there.arn] if there is not None else []
    if operation != "DeleteAlias":
        on_keys.append(body.get("TargetKeyId"))
    others = _all([(f"kms:{operation}", one, keys) for one in on_keys], here)
    if isinstance(others, Unreadable):
        return others
    return (Need(f"kms:{operation}", arn, arn, keys, _MULTIVALUED, unknown=_UNKNOWN), *others)


def _all(wanted: list[tuple[str, object, Keys]], here: Here) -> tuple[Need, ...] | Unreadable:
    needed = []
    for action, name, keys in wanted:
        named = _named(name, here)
        if named is None:
            return Unreadable("the request names no key of this account and region")
        found = here.find(named)
        arn = (
            found.arn if found is not None else None if named.startswith("alias/") else here.arn("kms", f"key/{named}")
        )
        shown = arn or here.arn("kms", named)
        alias = {"kms:RequestAlias": (named,)} if named.startswith("alias/") else {}
        needed.append(of(Need(action, arn, shown, {**keys, **alias}, _MULTIVALUED, unknown=_UNKNOWN), found, ""))
    return tuple(needed)


def _named(name: object, here: Here) -> str | None:
    """The key id or the alias that a request names, without ARN; None for one of elsewhere, or of no known form."""
    if not isinstance(name, str):
        return None
    if name.startswith("arn:"):
        resource = here.local("kms", name)
        if resource is None:
            return None
        if resource.startswith("alias/"):
            return resource if _ALIAS.fullmatch(resource) else None
        if not resource.startswith("key/"):
            return None
        name = resource.removeprefix("key/")
    return name if _KEY.fullmatch(name) or _ALIAS.fullmatch(name) else None


def _of_ciphertext(blob: object) -> str | None:
    """The key that a ciphertext of the service behind was made with: its id stands first."""
    if not isinstance(blob, str):
        return None
    try:
        return base64.b64decode(blob, validate=True)[:_KEY_ID_BYTES].decode("ascii")
    except (binascii.Error, ValueError):
        return None


def _context(given: object) -> Keys:
    """`kms:EncryptionContext:…` and `kms:EncryptionContextKeys`."""
    pairs = {key: value for key, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
    if not pairs:
        return {}
    return {
        **{f"kms:EncryptionContext:{key}": (value,) for key, value in pairs.items()},
        "kms:EncryptionContextKeys": tuple(pairs),
    }


def _keys(operation: str, body: Body) -> Keys:
    tags = body.get("Tags")
    listed = tags if isinstance(tags, list) else []
    given = {tag["TagKey"]: tag.get("TagValue", "") for tag in listed if isinstance(tag, dict) and "TagKey" in tag}
    removed, granted = texts(body.get("TagKeys")) or (), texts(body.get("Operations")) or ()
    found = {
        **text_keys(body, _MEMBERS),
        **_context(body.get("EncryptionContext")),
        **request_tags({str(key): str(value) for key, value in given.items()}),
        **({"aws:TagKeys": removed} if removed else {}),
        **({"kms:GrantOperations": granted} if granted else {}),
    }
    if operation == "CreateKey":
        old_name = {"KeySpec": body["CustomerMasterKeySpec"]} if "CustomerMasterKeySpec" in body else {}
        found |= text_keys({**_DEFAULTS, **old_name, **body}, _OF_A_NEW_KEY)
        found |= text_keys({"MultiRegion": body.get("MultiRegion", False)}, {"kms:MultiRegion": "MultiRegion"})
    if operation in {"Encrypt", "Decrypt", "ReEncrypt"}:
        found.setdefault("kms:EncryptionAlgorithm", (_SYMMETRIC,))
    if operation in {"Sign", "Verify"}:
        found.setdefault("kms:MessageType", ("RAW",))
    return found
