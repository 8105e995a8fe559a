"""The web identity token before its keys are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.sts.refusal import Refusal
    from daypass.tokens.peek import UnverifiedToken


def inspect_token(token: str, *, now: datetime) -> UnverifiedToken | Refusal:
    """Shape, header, required claims and their types, in AWS's order."""
    raise NotImplementedError
