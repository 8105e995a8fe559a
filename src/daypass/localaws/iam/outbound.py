"""Outbound web identity federation, switched on and off for an account. Texts as observed on AWS, September 2026."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from daypass.localaws.faults import AwsError
from daypass.sts.outbound import issuer_url

if TYPE_CHECKING:
    from daypass.localaws.iam.state import Call


def enable_outbound_web_identity_federation(call: Call) -> dict[str, Any] | AwsError:
    """EnableOutboundWebIdentityFederation. The issuer of an account stays the same when it is enabled again."""
    account = call.account
    if account.outbound_enabled:
        text = f"Outbound identity federation is already enabled for account {account.number}"
        return AwsError("FeatureEnabled", 409, text)
    account.outbound_enabled = True
    account.outbound_id = account.outbound_id or str(uuid.uuid4())
    return {"IssuerIdentifier": issuer_url(account.outbound_id)}


def disable_outbound_web_identity_federation(call: Call) -> dict[str, Any] | AwsError:
    """DisableOutboundWebIdentityFederation. What the issuer publishes stays."""
    account = call.account
    if not account.outbound_enabled:
        text = f"Outbound identity federation is already disabled for account {account.number}"
        return AwsError("FeatureDisabled", 404, text)
    account.outbound_enabled = False
    return {}


def get_outbound_web_identity_federation_info(call: Call) -> dict[str, Any] | AwsError:
    """GetOutboundWebIdentityFederationInfo."""
    account = call.account
    if not account.outbound_enabled or account.outbound_id is None:
        text = f"Outbound identity federation is disabled for account {account.number}"
        return AwsError("FeatureDisabled", 404, text)
    return {"IssuerIdentifier": issuer_url(account.outbound_id), "JwtVendingEnabled": True}
