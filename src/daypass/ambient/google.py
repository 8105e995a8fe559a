"""Google Cloud: the metadata server of a machine, of Cloud Run or of a GKE pod signs a token for any audience.

Source: Google Cloud docs, "View and query VM metadata" and "Verify the identity of a VM". The server is at a link-local
address, in plain HTTP, and says who it is with a header; requests must have that header, too, so that a server-side
request forgery cannot get at it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass import __version__, calling
from daypass.ambient.wish import Given, compact, incomplete, one_audience
from daypass.calling.target import METADATA_ADDRESS
from daypass.errors import RequestInvalid, ServiceUnreachable, TokenSourceFailed

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

HOST: Final = "GCE_METADATA_HOST"
_FLAVOR: Final = "Google"
_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience="
_SECONDS: Final = 5.0


def find(wish: Wish) -> Given:
    """A new token of the machine's default service account.

    Raises:
        TokenSourceIncomplete: when it has no service account.
        TokenSourceFailed: when what answers is not Google's metadata server.
        ServiceUnreachable: when nothing answers, or it has a fault that may pass.
    """
    audience = one_audience(wish, "Google Cloud")
    host = wish.environ.get(HOST) or METADATA_ADDRESS
    try:
        answer = calling.call(
            "GET",
            f"http://{host}{_PATH}{quote(audience, safe='')}",
            headers={"Metadata-Flavor": _FLAVOR, "User-Agent": f"daypass/{__version__}"},
            timeout_seconds=_SECONDS,
            max_bytes=64 * 1024,
            environ={},
            metadata=True,
        )
    except RequestInvalid as error:
        raise incomplete(error.message, f"Check {HOST}: it is a link-local or loopback address.") from None
    if answer.headers.get("metadata-flavor") != _FLAVOR:
        raise TokenSourceFailed(
            f"what answers at {host} is not Google's metadata server",
            advice="Name another source with --token-source.",
        )
    if answer.status == 404:
        raise incomplete(
            "this machine of Google Cloud has no service account",
            "Give it one: gcloud compute instances set-service-account NAME --service-account EMAIL",
        )
    if answer.status == 429 or answer.status >= 500:
        raise ServiceUnreachable(
            f"Google's metadata server could not give a token: status {answer.status}",
            advice="Run the same command again in a while.",
            transient=True,
        )
    if answer.status != 200:
        raise TokenSourceFailed(
            f"Google's metadata server gave no token: status {answer.status}",
            advice="Check the machine's service account.",
            http_status=answer.status,
        )
    return Given(compact(answer.body.decode("ascii", "replace").strip(), "Google's metadata server"), host)
