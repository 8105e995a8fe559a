"""An account as JSON and back, by its dataclasses alone: a field that is added there is kept here without a word.

Policies, ARNs and URLs are kept as their text and read again by the parsers that took them the first time.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, get_args, get_origin, get_type_hints

import orjson

from daypass.errors import DaypassError
from daypass.localaws.iam.state import Account
from daypass.names import IssuerUrl, ProviderArn, RoleArn
from daypass.permissions.document import PermissionsPolicy
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# How what is no plain value is written and read.
_TEXTS: Final[Mapping[type, tuple[Callable[[Any], str], Callable[[str], Any]]]] = {
    datetime: (datetime.isoformat, datetime.fromisoformat),
    IssuerUrl: (str, IssuerUrl.parse),
    ProviderArn: (str, ProviderArn.parse),
    RoleArn: (str, RoleArn.parse),
    Policy: (lambda policy: policy.text, Policy.parse),
    PermissionsPolicy: (lambda policy: policy.text, PermissionsPolicy.parse),
}
_NAMES: Final = {kind.__name__: kind for kind in _TEXTS}


class Unreadable(ValueError):
    """What was saved is not an account, or one of a newer Daypass; the text says where."""


def saved(account: Account) -> bytes:
    """An account as JSON."""
    return orjson.dumps(_plain(account), option=orjson.OPT_SORT_KEYS)


def opened(data: bytes) -> Account:
    """The account of `saved`.

    Raises:
        Unreadable: when it is not one, whole and of this version.
    """
    try:
        found: Account = _read(Account, orjson.loads(data), "")
    except Unreadable:
        raise
    except (DaypassError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable(f"it cannot be read: {error}") from None
    return found


def _plain(value: Any) -> Any:
    if (text := _TEXTS.get(type(value))) is not None:
        return text[0](value)
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value) if each.init}
    if isinstance(value, dict):
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
    if origin is dict:
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
