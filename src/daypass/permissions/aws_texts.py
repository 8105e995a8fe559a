"""What IAM says about a permissions policy it does not take, and what a service says when the answer is no.

Texts are AWS's own, as reported in public; what trust policies share with these is in `trust.aws_texts`.
"""

from __future__ import annotations

from typing import Final

PRINCIPAL: Final = "Policy document should not specify a principal."
NO_RESOURCE: Final = "Policy statement must contain resources."
RESOURCE_FORM: Final = 'Resource {resource} must be in ARN format or "*".'
RESOURCE_VENDOR: Final = "Resource vendor must be fully qualified and cannot contain regexes."

DENIED: Final = "User: {user} is not authorized to perform: {action} on resource: {resource} {because}"
"""IAM User Guide, "Troubleshoot access denied error messages"."""
DENIED_WITHOUT_RESOURCE: Final = "User: {user} is not authorized to perform: {action} {because}"
EXPLICITLY: Final = "with an explicit deny in {layer}"
IMPLICITLY: Final = "because no {layer} allows the {action} action"
