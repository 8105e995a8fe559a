"""The trust policy with the least that admits given tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.names import ProviderArn
    from daypass.tokens.strict_json import JsonValue


def generate(
    tokens: Sequence[Mapping[str, JsonValue]],
    *,
    provider: ProviderArn,
    audience: str | None = None,
    any_ref: bool = False,
) -> dict[str, JsonValue]:
    """A policy document.

    Args:
        tokens: the claims of each; at least one.
        provider: the IAM OIDC provider of all of them.
        audience: that of the tokens by default.
        any_ref: leave branch, tag and event open, where the issuer's grammar is known.

    Raises:
        RequestInvalid: no token, a token of another issuer, or one without `sub` or `aud`.
    """
    raise NotImplementedError
