"""Service accounts of Kubernetes, EKS among them."""

from __future__ import annotations

from typing import Final

from daypass.subjects.issuers.common import named
from daypass.subjects.shapes import ChosenBy, Grammar, Shape

_SERVICE_ACCOUNT: Final = (
    Shape(
        "service account",
        (
            "system:serviceaccount:",
            named("namespace", "namespace", ChosenBy.OWNER),
            ":",
            named("service_account", "service account", ChosenBy.OWNER),
        ),
        "service account",
        ("namespace",),
        "system:serviceaccount:billing:invoices",
    ),
)
EKS: Final = Grammar(
    name="eks",
    about="this EKS cluster",
    issuer=r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/[0-9A-F]+",
    shared=False,
    audience="sts.amazonaws.com",
    tenant=None,
    shapes=_SERVICE_ACCOUNT,
    source="Amazon EKS User Guide, IAM roles for service accounts",
)
KUBERNETES: Final = Grammar(
    name="kubernetes",
    about="this cluster",
    issuer=None,
    shared=False,
    audience=None,
    tenant=None,
    shapes=_SERVICE_ACCOUNT,
    source="Kubernetes documentation, service accounts",
)
