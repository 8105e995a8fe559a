"""All token formats by name. An organization names one of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.subjects import issuers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.subjects.formats import TokenFormat

FORMATS: Final[Mapping[str, TokenFormat]] = MappingProxyType({each.name: each for each in issuers.FORMATS})


def format_named(name: str) -> TokenFormat:
    """The token format of that name.

    Raises:
        RequestInvalid: when there is none; `allowed` among the facts lists those there are.
    """
    found = FORMATS.get(name)
    if found is None:
        raise RequestInvalid(
            f"`{name}` is not a token format", advice=f"Choose from {', '.join(FORMATS)}.", allowed=list(FORMATS)
        )
    return found
