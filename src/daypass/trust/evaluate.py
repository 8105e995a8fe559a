"""Evaluate a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.trust.decision import Decision, Request
    from daypass.trust.document import Policy


def evaluate(policy: Policy, request: Request) -> Decision:
    """Judge a request by every statement of a policy. Deny wins; nothing is allowed that no statement allows."""
    raise NotImplementedError
