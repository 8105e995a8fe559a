"""Accounts and stacks as JSON and back, by their dataclasses alone: a field that is added is kept without a word here.

Policies, ARNs and URLs are kept as their text and read again by the parsers that took them the first time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

import orjson

from daypass.errors import DaypassError
from daypass.localaws.cloudformation.state import CloudFormationState
from daypass.localaws.iam.state import Account
from daypass.names import IssuerUrl, ProviderArn, RoleArn
from daypass.permissions.document import PermissionsPolicy
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

# How what is no plain value is written and read.
_TEXTS: Final[Mapping[type, tuple[Callable[[Any], str], Callable[[str], Any]]]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    IssuerUrl: (str, IssuerUrl.parse),
    ProviderArn: (str, ProviderArn.parse),
    RoleArn: (str, RoleArn.parse),
    Policy: (lambda policy: policy.text, Policy.parse),
    PermissionsPolicy: (lambda policy: policy.text, PermissionsPolicy.parse),
}
# Names in annotations that are imported for types only; what is JSON stays as it is.
_NAMES: Final[dict[str, Any]] = {kind.__name__: kind for kind in _TEXTS} | {"Mapping": Mapping, "JsonValue": object}


class Unreadable(ValueError):
    """What was saved is not what it should be, or that of a newer Daypass; the text says where."""


def saved(account: Account) -> bytes:
    """An account as JSON."""
    return orjson.dumps(_plain(account), option=orjson.OPT_SORT_KEYS)


def opened(data: bytes) -> Account:
    """The account of `saved`.

    Raises:
        Unreadable: when it is not one, whole and of this version.
    """
    found: Account = _opened(Account, orjson.loads, data)
    return found


def saved_stacks(stacks: CloudFormationState) -> bytes:
    """What CloudFormation knows, as JSON. Numbers of templates may be longer than orjson takes them."""
    return json.dumps(_plain(stacks), sort_keys=True).encode()


def opened_stacks(data: bytes) -> CloudFormationState:
    """The stacks of `saved_stacks`.

    Raises:
        Unreadable: when it is not them, whole and of this version.
    """
    found: CloudFormationState = _opened(CloudFormationState, json.loads, data)
    return found


def _opened(kind: Any, loads: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return _read(kind, loads(data), "")
    except Unreadable:
        raise
    except (DaypassError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from None


def _plain(value: Any) -> Any:
    if (text := _TEXTS.get(type(value))) is not None:
        return text[0](value)
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.init}
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(one) for one in value)
    return value


def _read(kind: Any, value: Any, at: str) -> Any:
    if (text := _TEXTS.get(kind)) is not None:
        return text[1](value)
    if is_dataclass(kind):
        return _read_fields(kind, value, at)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        return _read(next(one for one in arguments if one is not NoneType), value, at)
    if origin in (dict, Mapping):
        return {key: _read(arguments[1], one, f"{at}/{key}") for key, one in value.items()}
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(_read(one, item, at) for one, item in zip(arguments, value, strict=True))
    if origin in (tuple, list, set, frozenset):
        return origin(_read(arguments[0], item, f"{at}/{index}") for index, item in enumerate(value))
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Unreadable(f"`{at}` is not what belongs there")
    return value


def _read_fields(kind: Any, value: Any, at: str) -> Any:
    known = {each.name: each for each in fields(kind) if each.init}
    if not isinstance(value, dict):
        raise Unreadable(f"`{at}` is not an object")
    if unknown := sorted(value.keys() - known.keys()):
        raise Unreadable(f"`{at}/{unknown[0]}` is not known to this version of Daypass")
    missing = [
        name
        for name, each in known.items()
        if name not in value and each.default is MISSING and each.default_factory is MISSING
    ]
    if missing:
        raise Unreadable(f"`{at}/{missing[0]}` is missing")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], one, f"{at}/{name}") for name, one in value.items()})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, localns=_NAMES)
