"""Microsoft Entra: workload identity federation with an identity token in a file that Azure's libraries read.

Sources: Microsoft Learn, Workload identity federation; Get a token with a federated credential; Microsoft Entra
authentication error codes; azure-identity, WorkloadIdentityCredential.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import urlencode, urlsplit

from daypass.calling.persist import Fate
from daypass.errors import RequestInvalid, UsageInvalid
from daypass.relying import asking
from daypass.relying.asking import Cause, Party

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from daypass.secret import Secret

AUTHORITY: Final = "https://login.microsoftonline.com"
SCOPE: Final = "https://management.azure.com/.default"
VARIABLES: Final = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST")
"""What `WorkloadIdentityCredential` and its kin read."""
_AUDIENCE: Final = "api://AzureADTokenExchange"
# National clouds take tokens for an audience of their own (Microsoft Learn, Important considerations and restrictions).
_AUDIENCES: Final[Mapping[str, str]] = {
    "login.microsoftonline.us": "api://AzureADTokenExchangeUSGov",
    "login.partner.microsoftonline.cn": "api://AzureADTokenExchangeChina",
    "login.chinacloudapi.cn": "api://AzureADTokenExchangeChina",
}
_CLIENT: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TENANT: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,252}[0-9A-Za-z])?")
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CODE: Final = re.compile(r"AADSTS[0-9]+")
_NO_RECORD: Final = (
    "The application needs a federated credential whose issuer, subject and audience are the token's to the"
)
_WAIT: Final = "A new one takes minutes to be known everywhere."

_CAUSES: Final = (
    Cause(
        "AADSTS7002138",
        "The federated credential's subject differs from the token's in upper and lower case alone; write it as the"
        " token has it.",
    ),
    Cause("AADSTS7002137", f"{_NO_RECORD} letter; its subject is another. {_WAIT}", Fate.PROPAGATION),
    Cause("AADSTS7002121", f"{_NO_RECORD} letter; its audience is another; see --audience."),
    Cause(
        "AADSTS700211", f"{_NO_RECORD} letter; none is of this issuer, a slash at its end included.", Fate.PROPAGATION
    ),
    Cause("AADSTS700212", f"{_NO_RECORD} letter; its audience is another; see --audience."),
    Cause("AADSTS700213", f"{_NO_RECORD} letter; its subject is another. {_WAIT}", Fate.PROPAGATION),
    Cause("AADSTS70021", f"{_NO_RECORD} letter. {_WAIT}", Fate.PROPAGATION),
    Cause(
        "AADSTS700016",
        "There is no such application in this tenant; check --client-id, which is the application's (client) id and not"
        " the object's, and --tenant-id.",
    ),
    Cause("AADSTS700024", "Get a new token, and check the clocks of this machine and of the identity provider."),
    Cause(
        "AADSTS700027",
        "The issuer's published key set does not hold the key that signed the token; Entra reads it anew only after a"
        " while.",
        Fate.TRANSIENT,
    ),
    Cause(
        "AADSTS50166",
        "Entra could not fetch the issuer's discovery document or key set; both must answer from the internet.",
        Fate.TRANSIENT,
    ),
    Cause(
        "AADSTS50027",
        "Entra cannot read the token: it takes RS256 alone, and a token in one line without anything else.",
    ),
    Cause("AADSTS90002", "There is no such tenant in this cloud; check --tenant-id, and --authority-host."),
    Cause("AADSTS900023", "--tenant-id is the tenant's id, or one of its domains."),
    Cause("AADSTS500011", "There is no such resource in this tenant; check --scope."),
    Cause("AADSTS70011", "--scope is a resource's address with /.default behind it."),
    Cause("AADSTS90033", "It passes by itself.", Fate.TRANSIENT),
    Cause("AADSTS90006", "It passes by itself.", Fate.TRANSIENT),
)


class Application(NamedTuple):
    """An application, or user-assigned managed identity, that trusts our tokens, and its tenant and cloud."""

    client_id: str
    tenant_id: str
    authority: str = AUTHORITY

    @classmethod
    def parse(cls, client_id: str, tenant_id: str, authority: str | None) -> Self:
        """Check the three.

        Raises:
            UsageInvalid: when one of them is none.
        """
        if not _CLIENT.fullmatch(client_id):
            raise UsageInvalid(
                f"`{client_id}` is not the id of an application",
                advice="It has the form 00000000-0000-0000-0000-000000000000, on the application's page: client id.",
            )
        if not _TENANT.fullmatch(tenant_id):
            raise UsageInvalid(f"`{tenant_id}` is not a tenant", advice="It is the tenant's id, or one of its domains.")
        host = authority or AUTHORITY
        try:
            host = asking.base_address(host if "://" in host else f"https://{host}", path=False)
        except RequestInvalid:
            host = ""
        if not host.startswith("https://"):
            raise UsageInvalid("the authority host cannot be used", advice=f"It has the form {AUTHORITY}")
        return cls(client_id.lower(), tenant_id, host)

    @property
    def audience(self) -> str:
        """Who the identity token is for, in this cloud."""
        return _AUDIENCES.get(urlsplit(self.authority).hostname or "", _AUDIENCE)

    def variables(self, token_file: Path) -> dict[str, str]:
        """What Azure's libraries need to find the token, and what it is for."""
        values = (self.client_id, self.tenant_id, str(token_file), f"{self.authority}/")
        return dict(zip(VARIABLES, values, strict=True))


def check(party: Party, application: Application, token: Secret, *, scope: str = SCOPE) -> int:
    """Ask for an access token as Azure's libraries do, to see whether the token is taken; for how many seconds.

    Raises:
        RelyingPartyRefused: Entra says no; `facts` hold `party_code` (`AADSTS…`), `http_status` and `fate`.
        ServiceUnreachable, ServiceAnswerInvalid, SettingInvalid, FileUnavailable: see `asking.ask`.
    """
    form = {
        "client_id": application.client_id,
        "scope": scope,
        "client_assertion_type": _ASSERTION,
        "client_assertion": token.reveal(),
        "grant_type": "client_credentials",
    }
    told = asking.ask(
        party,
        "POST",
        f"{application.authority}/{application.tenant_id}/oauth2/v2.0/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode("ascii"),
    )
    if told.status != 200:
        words = asking.text_of(told.document, "error_description")
        code = _CODE.match(words)
        raise asking.refusal(
            party,
            told,
            code=code[0] if code else asking.text_of(told.document, "error"),
            words=words[code.end() :].lstrip(": ") if code else words,
            causes=_CAUSES,
        )
    if not asking.is_secret(asking.text_of(told.document, "access_token")):
        raise asking.strange(party, "no access token")
    seconds = told.document.get("expires_in")
    return seconds if isinstance(seconds, int) else 0
