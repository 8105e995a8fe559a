"""GetWebIdentityToken: the caller's identity as a token that others can verify."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from daypass.localaws.sessions import Session
from daypass.localaws.sts.call import wire_error
from daypass.sts.outbound import DEFAULT_DURATION_SECONDS, Subject, issue, issuer_url
from daypass.sts.refusal import Refusal

if TYPE_CHECKING:
    from daypass.localaws.faults import AwsError
    from daypass.localaws.sts.call import Call


def get_web_identity_token(call: Call) -> dict[str, Any] | AwsError:
    """GetWebIdentityToken."""
    account = call.sts.iam.to_read(call.caller.account)
    outbound_id = account.outbound_id if account.outbound_enabled else None
    algorithm = call.given["SigningAlgorithm"]
    issued = issue(
        _subject(call),
        issuer=None if outbound_id is None else issuer_url(outbound_id),
        audiences=call.given["Audience"],
        algorithm=algorithm,
        duration_seconds=call.given.get("DurationSeconds", DEFAULT_DURATION_SECONDS),
        tags={tag["Key"]: tag["Value"] for tag in call.given.get("Tags", ())},
        jti=str(uuid.uuid4()),
        now=call.now,
    )
    if isinstance(issued, Refusal):
        return wire_error(issued)
    assert outbound_id is not None, "nothing is issued without an issuer"
    token = call.sts.issuers.sign(outbound_id, issued.claims, algorithm)
    return {"WebIdentityToken": token.reveal(), "Expiration": issued.expires_at}


def _subject(call: Call) -> Subject:
    who = call.caller
    if not isinstance(who, Session):
        return Subject(who.arn, who.account, call.region)
    prefix = "aws:PrincipalTag/"
    tags = call.sts.authorizer.identity(who).keys
    return Subject(
        principal=who.role,
        account=who.account,
        region=call.region,
        tags={key.removeprefix(prefix): value[0] for key, value in tags.items() if key.startswith(prefix)},
        source_identity=who.source_identity,
        session_expires_at=who.expires_at,
        provider=who.provider,
    )
