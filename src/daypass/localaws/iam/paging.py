"""Pages of a list: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out (AWS IAM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DEFAULT_ITEMS: Final = 100


def page(
    name: str, items: Sequence[dict[str, Any]], given: Mapping[str, Any], *, key: Callable[[dict[str, Any]], str]
) -> dict[str, Any]:
    """The page that a call asks for, of `items` sorted by `key`; the marker is the key of the page's last item."""
    rest = [item for item in items if key(item) > given.get("Marker", "")]
    shown = rest[: given.get("MaxItems", _DEFAULT_ITEMS)]
    truncated = len(shown) < len(rest)
    return {name: shown, "IsTruncated": truncated, **({"Marker": key(shown[-1])} if truncated else {})}
