"""What IAM says about a trust policy it does not take: `MalformedPolicyDocument` unless told otherwise.

Texts are AWS's own, byte for byte. Source of each: IAM's answers as reported in public (R), or observed in
September 2026 (O).
"""

from __future__ import annotations

from typing import Final

INVALID_JSON: Final = "This policy contains invalid Json"  # R
SYNTAX: Final = "Syntax errors in policy."  # R
VERSION: Final = "Policy document must be version 2012-10-17 or greater."  # R
SID_FORM: Final = (  # R
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
SID_TWICE: Final = "Statement IDs (SID) in a single policy must be unique."  # R
NO_ACTION: Final = "Policy statement must contain actions."  # R
ACTION_FORM: Final = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."  # R
NOT_AN_STS_ACTION: Final = "AssumeRole policy may only specify STS AssumeRole actions."  # O
RESOURCE: Final = "Has prohibited field Resource"  # R
NO_PRINCIPAL: Final = "Missing required field Principal"  # R
EMPTY_PRINCIPAL: Final = "Missing required field Principal cannot be empty!"  # R
NOT_PRINCIPAL: Final = "AssumeRole policy must not contain NotPrincipal field."  # R
EVERYONE: Final = 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'  # R
FEDERATED: Final = "Federated principals must be valid domain names or SAML metadata ARNs"  # R
SIZE: Final = "Cannot exceed quota for ACLSizePerRole: {limit}"  # R, code LimitExceeded
