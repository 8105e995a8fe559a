"""Service accounts of Kubernetes, EKS among them."""

from __future__ import annotations

from typing import Final

from daypass.subjects.formats import (
    AWS_SUBJECT_LIMIT,
    AudienceForm,
    Certainty,
    Claim,
    Source,
    Standing,
    TokenFormat,
)
from daypass.subjects.identity import Identity
from daypass.subjects.issuers.common import fact, named
from daypass.subjects.phrases import Phrase
from daypass.subjects.shaped import Form, ShapedSubject
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

_KUBERNETES: Final = "kubernetes.io"


def _inner(name: str, attribute: str, *within: str, required: bool = False) -> Claim:
    return fact(name, claim_from=attribute, within=(_KUBERNETES, *within), required=required)


KUBERNETES_FORMAT: Final = TokenFormat(
    name="kubernetes",
    about="A projected token of a service account of Kubernetes, as EKS has it too",
    noun="Kubernetes service account token",
    typ=None,
    audience_form=AudienceForm.ALWAYS_ARRAY,
    lifetime_seconds=3600,
    claims=(
        Claim("aud", Source.AUDIENCE),
        Claim("exp", Source.EXPIRES_AT),
        Claim("iat", Source.ISSUED_AT),
        Claim("iss", Source.ISSUER),
        Claim("jti", Source.JTI),
        _inner("namespace", "namespace", required=True),
        _inner("name", "node_name", "node"),
        _inner("uid", "node_uid", "node"),
        _inner("name", "pod_name", "pod"),
        _inner("uid", "pod_uid", "pod"),
        _inner("name", "service_account", "serviceaccount", required=True),
        _inner("uid", "service_account_uid", "serviceaccount", required=True),
        Claim("nbf", Source.NOT_BEFORE),
        Claim("sub", Source.SUBJECT),
    ),
    subject=ShapedSubject(always=(Form(_SERVICE_ACCOUNT[0]),)),
    subject_limit=AWS_SUBJECT_LIMIT,
    standing=Standing("Kubernetes documentation, configure service accounts for pods, 2026", Certainty.DOCUMENTED),
    issuers=(EKS, KUBERNETES),
    identity=(Identity("service_account_uid"),),
    marks=("kubernetes.io/namespace",),
    phrases=(
        Phrase("of the service account {}", "kubernetes.io/serviceaccount/name"),
        Phrase("in the namespace {}", "kubernetes.io/namespace"),
        Phrase(", for the pod {}", "kubernetes.io/pod/name"),
        Phrase("on the node {}", "kubernetes.io/node/name"),
    ),
)
