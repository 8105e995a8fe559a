"""A no, with AWS's words for the caller and ours for its owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.permissions.decision import Authorization
    from daypass.sts.answers import Answer, Text
    from daypass.trust.attempt import Attempt
    from daypass.trust.decision import Decision
    from daypass.trust.document import Policy


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request.

    `message` is AWS's text, byte for byte; `detail` is ours, for the local log and the explanation, and never holds the
    token; `decision` is there when the trust policy said no, of a web identity with `policy` and `attempt` to explain
    it by; `authorization` when the policies of who assumes a role said no.
    """

    answer: Answer
    message: str
    detail: str
    decision: Decision | None = None
    policy: Policy | None = None
    attempt: Attempt | None = None
    authorization: Authorization | None = None


def refuse(text: Text, detail: str, *, decision: Decision | None = None, **fields: object) -> Refusal:
    """A refusal in AWS's words; `fields` fill the text's template."""
    return Refusal(text.answer, text.template.format(**fields), detail, decision)
