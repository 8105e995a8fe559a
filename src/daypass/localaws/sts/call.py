"""One signed call of STS, and what it is carried out with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daypass.localaws.faults import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.localaws.authorize import Authorizer
    from daypass.localaws.iam.state import IamState
    from daypass.localaws.sessions import Administrator, Session, Sessions
    from daypass.localaws.sts.issuer import OutboundIssuers
    from daypass.sts.observed import Observed
    from daypass.sts.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Call:
    """One call: by whom, with what input (by the model's names), when, and the condition keys of the request."""

    caller: Administrator | Session
    given: Mapping[str, Any]
    now: datetime
    region: str
    keys: Mapping[str, tuple[str, ...]]
    sts: Sts


@dataclass(frozen=True, slots=True)
class Sts:
    """What the operations share."""

    iam: IamState
    sessions: Sessions
    authorizer: Authorizer
    issuers: OutboundIssuers
    observed: Observed


def wire_error(refusal: Refusal) -> AwsError:
    """A refusal as it goes over the wire, with what is behind it."""
    answer = refusal.answer
    return AwsError(
        answer.code,
        answer.http_status,
        refusal.message,
        refusal.detail,
        refusal=refusal,
        authorization=refusal.authorization,
    )
