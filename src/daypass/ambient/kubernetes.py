"""Kubernetes: a token file that the kubelet keeps fresh, on EKS put there by its webhook.

Sources: Kubernetes docs, "Configure Service Accounts for Pods" (projected volumes); EKS user guide, "IAM roles for
service accounts".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from daypass.ambient.token_file import read
from daypass.ambient.wish import Given, incomplete
from daypass.errors import DaypassError, FileUnavailable
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.ambient.wish import Wish
    from daypass.secret import Secret

VARIABLE: Final = "AWS_WEB_IDENTITY_TOKEN_FILE"
SECRETS: Final = "/var/run/secrets"
# Where EKS's webhook and the examples of Kubernetes' pages put projected tokens.
_PLACES: Final = ("eks.amazonaws.com/serviceaccount/token", "sts.amazonaws.com/serviceaccount/token")
_FOLDER: Final = "tokens"
_OWN: Final = "kubernetes.io/serviceaccount/token"


def find(wish: Wish, *, secrets: str = SECRETS) -> Given:
    """The token of the file that AWS's own tools would take, else of a projected one for the audience.

    Args:
        wish: what is wanted.
        secrets: the folder below which Kubernetes puts secrets.

    Raises:
        TokenSourceIncomplete: when there is none; the advice is the volume to add.
        FileUnavailable: when AWS_WEB_IDENTITY_TOKEN_FILE cannot be read.
    """
    if path := wish.environ.get(VARIABLE):
        return Given(read(path, wish.environ), f"the file {path}")
    for path in _projected(secrets):
        try:
            token = read(path, wish.environ)
        except FileUnavailable:
            continue
        if set(wish.audience) <= _audiences(token):
            return Given(token, f"the file {path}")
    raise incomplete(
        f"this pod has no token for `{' '.join(wish.audience)}`",
        "On EKS annotate its service account with eks.amazonaws.com/role-arn; elsewhere add to the pod:\n"
        "  volumes:\n    - name: aws-token\n      projected:\n        sources:\n          - serviceAccountToken:\n"
        f"              audience: {wish.audience[0]}\n              expirationSeconds: 3600\n"
        "              path: aws-token\n"
        "and to the container:\n  volumeMounts:\n    - name: aws-token\n      mountPath: /var/run/secrets/tokens",
    )


def _projected(secrets: str) -> Iterator[str]:
    for place in _PLACES:
        yield os.path.join(secrets, place)
    folder = os.path.join(secrets, _FOLDER)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    for name in names:
        path = os.path.join(folder, name)
        if not name.startswith("..") and os.path.isfile(path):
            yield path
    yield os.path.join(secrets, _OWN)


def _audiences(token: Secret) -> set[str]:
    try:
        audience = peek(token.reveal(), duplicates="last").claims.get("aud")
    except DaypassError:
        return set()
    return {str(each) for each in audience} if isinstance(audience, list) else {str(audience)}
