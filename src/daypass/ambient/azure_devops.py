"""Azure DevOps Pipelines: a URL of the job, asked with the job's access token.

Source: Microsoft Learn, "Oidctoken - Create" (REST API 7.1). The audience is always `api://AzureADTokenExchange`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.ambient.asking import ask, with_query
from daypass.ambient.wish import Given, incomplete
from daypass.secret import Secret

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

URL: Final = "SYSTEM_OIDCREQUESTURI"
TOKEN: Final = "SYSTEM_ACCESSTOKEN"  # noqa: S105 - the variable's name
AUDIENCE: Final = "api://AzureADTokenExchange"
_LINES: Final = "Add to the step in azure-pipelines.yml:\n  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)"


def find(wish: Wish) -> Given:
    """A new token of the pipeline, or of the service connection whose id stands behind the colon.

    Raises:
        TokenSourceIncomplete: without the access token, which a step gets only when it asks for it; and for another
            audience, which nobody can choose here.
        TokenSourceFailed, ServiceUnreachable: see `asking.ask`.
    """
    if wish.insisted and wish.audience != (AUDIENCE,):
        raise incomplete(
            f"a token of Azure DevOps is always for `{AUDIENCE}`",
            f"Let whoever takes the token expect that audience, and name it: --audience {AUDIENCE}",
        )
    url, credential = wish.environ.get(URL), wish.environ.get(TOKEN)
    if not credential:
        raise incomplete("this step of Azure DevOps has no access token to ask for an ID token with", _LINES)
    if not url:
        raise incomplete(
            f"this job of Azure DevOps has no {URL}",
            "It is there in jobs of Azure DevOps Services; a server of one's own gives no ID tokens.",
        )
    connection = wish.argument or wish.environ.get("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID")
    query = {"api_version": "7.1"} | ({"serviceConnectionId": connection} if connection else {})
    token = ask(
        "POST",
        with_query(url, **query),
        title="Azure DevOps",
        setting=URL,
        member="oidcToken",
        credential=Secret(credential),
        environ=wish.environ,
        denied="Pipelines of forks get no access token that may do this; a service connection must be named in the"
        f" step that uses it. {_LINES}",
    )
    return Given(token, URL)
