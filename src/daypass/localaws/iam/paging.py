"""Pages of a list: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out (AWS IAM)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DEFAULT_ITEMS: Final = 100
_MARKER_WRONG: Final = AwsError("ValidationError", 400, "Invalid Marker.")


def page(
    name: str, items: Sequence[dict[str, Any]], given: Mapping[str, Any], *, key: Callable[[dict[str, Any]], str]
) -> dict[str, Any] | AwsError:
    """The page that a call asks for, of `items` sorted by `key`, which is another one for each.

    The marker is the key of the page's last item, encoded: a key may have characters that no `Marker` may.
    """
    after = _key(given["Marker"]) if "Marker" in given else ""
    if after is None:
        return _MARKER_WRONG
    rest = [item for item in items if key(item) > after]
    shown = rest[: given.get("MaxItems", _DEFAULT_ITEMS)]
    truncated = len(shown) < len(rest)
    return {name: shown, "IsTruncated": truncated, **({"Marker": _marker(key(shown[-1]))} if truncated else {})}


def _marker(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _key(marker: str) -> str | None:
    try:
        return base64.b64decode(marker, altchars=b"-_", validate=True).decode()
    except ValueError:
        return None
