"""OIDC providers: the operations on them, with AWS's list rules and texts (observed on AWS, September 2026).

One rule differs. A URL with a port other than 443 is refused, as AWS documents it, except when its host is loopback:
AWS could never reach such an issuer, and an issuer on this machine seldom gets port 443.

Without thumbprints the issuer is contacted, as AWS does, and its thumbprint is taken. With one, nobody is asked.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import ArnInvalid, IssuerUrlInvalid, Unavailable
from daypass.fetching.thumbprint import thumbprint
from daypass.localaws.faults import AwsError
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, OidcProvider
from daypass.localaws.iam.tags import shown_tags, with_tags, without_tags
from daypass.names import IssuerUrl, ProviderArn, is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daypass.localaws.iam.state import Account, Call

_HTTPS_PORT: Final = 443
_MOST_PROVIDERS: Final = 100
_MOST_CLIENT_IDS: Final = 100
_MOST_THUMBPRINTS: Final = 5
_TAG_QUOTA: Final = "TagsPerOpenIdConnectProvider"
# What IAM says when it could not fetch the documents; reported by users of AWS, not observed by us.
_NO_CONNECTION: Final = "Could not connect to openid configuration of provider: {url}"
_NO_CONFIGURATION: Final = "Please check .well-known/openid-configuration of provider: {url} is valid"
_ANSWERED: Final = frozenset({"discovery", "size", "http"})


async def create_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """CreateOpenIDConnectProvider."""
    provider = _new(call)
    if isinstance(provider, AwsError):
        return provider
    if not provider.thumbprints:
        found = await _thumbprint(provider.issuer, call)
        if isinstance(found, AwsError):
            return found
        provider = replace(provider, thumbprints=(found,))
        if fault := _occupied(provider.arn, call):
            return fault  # by somebody who was faster
    call.account.providers[str(provider.arn)] = provider
    return {"OpenIDConnectProviderArn": str(provider.arn), "Tags": shown_tags(provider.tags)}


def get_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """GetOpenIDConnectProvider."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    return {
        "Url": provider.arn.issuer,
        "ClientIDList": provider.client_ids,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created_at,
        "Tags": shown_tags(sorted(provider.tags)),
    }


def list_open_id_connect_providers(call: Call) -> dict[str, Any] | AwsError:
    """ListOpenIDConnectProviders."""
    return {"OpenIDConnectProviderList": [{"Arn": arn} for arn in call.account.providers]}


def delete_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """DeleteOpenIDConnectProvider. Roles that name it stay as they are, and let nobody in through it."""
    arn = call.given["OpenIDConnectProviderArn"]
    if (fault := _arn_fault(arn)) is not None:
        return fault
    if call.account.providers.pop(arn, None) is None:
        return AwsError("NoSuchEntity", 404, f"OpenId connect Provider {arn} cannot be found.")
    return {}


def add_client_id_to_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """AddClientIDToOpenIDConnectProvider: doing it twice is doing it once."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    client_ids = _distinct([*provider.client_ids, call.given["ClientID"]])
    if fault := _client_ids_fault(client_ids):
        return fault
    return _put(call.account, replace(provider, client_ids=client_ids))


def remove_client_id_from_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """RemoveClientIDFromOpenIDConnectProvider: doing it twice is doing it once."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    rest = tuple(client_id for client_id in provider.client_ids if client_id != call.given["ClientID"])
    return _put(call.account, replace(provider, client_ids=rest))


def update_open_id_connect_provider_thumbprint(call: Call) -> dict[str, Any] | AwsError:
    """UpdateOpenIDConnectProviderThumbprint: the list replaces the one before."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    thumbprints = call.given["ThumbprintList"]
    if not thumbprints:
        return AwsError("InvalidInput", 400, "Thumbprint list must contain at least one entry.")
    if fault := _thumbprints_fault(thumbprints):
        return fault
    return _put(call.account, replace(provider, thumbprints=tuple(text.lower() for text in thumbprints)))


def tag_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """TagOpenIDConnectProvider: a key that is there gets the new value. Keys that differ in letter case are two."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    tags = with_tags(provider.tags, call.given["Tags"], quota=_TAG_QUOTA)
    return tags if isinstance(tags, AwsError) else _put(call.account, replace(provider, tags=tags))


def untag_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """UntagOpenIDConnectProvider: keys that are not there do not matter."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    return _put(call.account, replace(provider, tags=without_tags(provider.tags, call.given["TagKeys"])))


def list_open_id_connect_provider_tags(call: Call) -> dict[str, Any] | AwsError:
    """ListOpenIDConnectProviderTags, sorted by key."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    return page("Tags", shown_tags(sorted(provider.tags)), call.given, key=lambda tag: tag["Key"])


def _new(call: Call) -> OidcProvider | AwsError:
    """The provider that is to be made, by what was given alone."""
    issuer = issuer_part(call.given["Url"])
    if isinstance(issuer, AwsError):
        return issuer
    arn = ProviderArn(partition=PARTITION, account=call.account.number, issuer=issuer)
    if fault := _occupied(arn, call):
        return fault
    client_ids = _distinct(call.given.get("ClientIDList", ()))
    thumbprints = call.given.get("ThumbprintList", ())
    if fault := _client_ids_fault(client_ids) or _thumbprints_fault(thumbprints):
        return fault
    tags = with_tags((), call.given.get("Tags", ()), quota=_TAG_QUOTA)
    if isinstance(tags, AwsError):
        return tags
    return OidcProvider(
        arn=arn,
        issuer=IssuerUrl.parse(arn.issuer_url),
        client_ids=client_ids,
        thumbprints=tuple(text.lower() for text in thumbprints),
        tags=tags,
        created_at=call.now,
    )


def _occupied(arn: ProviderArn, call: Call) -> AwsError | None:
    if str(arn) in call.account.providers:
        return AwsError("EntityAlreadyExists", 409, f"Provider with url {call.given['Url']} already exists.")
    if len(call.account.providers) >= _MOST_PROVIDERS:
        return _quota("OpenIdConnectProvidersPerAccount", _MOST_PROVIDERS)
    return None


async def _thumbprint(issuer: IssuerUrl, call: Call) -> str | AwsError:
    """What the issuer itself shows."""
    try:
        met = await call.issuers.meet(issuer)
    except Unavailable as fault:
        told = _NO_CONFIGURATION if fault.facts.get("phase") in _ANSWERED else _NO_CONNECTION
        detail = f"{fault.message}\nWith a ThumbprintList the issuer is not contacted."
        text = told.format(url=call.given["Url"])
        return AwsError("OpenIdIdpCommunicationError", 400, text, detail=detail)
    return thumbprint(met.chain)


def issuer_part(url: str) -> str | AwsError:
    """The part of a provider's ARN that its URL makes: no scheme, no port 443, else as typed."""
    if "?" in url or "#" in url:
        return AwsError("InvalidInput", 400, "Unknown")
    try:
        issuer = IssuerUrl.parse(url)
    except IssuerUrlInvalid as fault:
        return AwsError("InvalidInput", 400, f"Invalid Open ID Connect Provider URL: {fault.facts['reason']}")
    if issuer.port == _HTTPS_PORT:
        return issuer.host + issuer.path
    if issuer.port is not None and not is_loopback_host(issuer.host):
        return AwsError(
            "InvalidInput",
            400,
            "Invalid Open ID Connect Provider URL: AWS takes no port number; here only a loopback host may have one",
        )
    return issuer.without_scheme


def _find(call: Call) -> OidcProvider | AwsError:
    arn = call.given["OpenIDConnectProviderArn"]
    missing = AwsError("NoSuchEntity", 404, f"OpenIDConnect Provider not found for arn {arn}")
    return _arn_fault(arn) or call.account.providers.get(arn) or missing


def _arn_fault(arn: str) -> AwsError | None:
    try:
        ProviderArn.parse(arn)
    except ArnInvalid:
        return AwsError("ValidationError", 400, f"Invalid ARN: {arn}")
    return None


def _put(account: Account, provider: OidcProvider) -> dict[str, Any]:
    account.providers[str(provider.arn)] = provider
    return {}


def _client_ids_fault(client_ids: Sequence[str]) -> AwsError | None:
    if len(client_ids) > _MOST_CLIENT_IDS:
        return _quota("ClientIdsPerOpenIdConnectProvider", _MOST_CLIENT_IDS)
    return None


def _thumbprints_fault(thumbprints: Sequence[str]) -> AwsError | None:
    """Five are taken, whatever AWS's text says."""
    if len(thumbprints) > _MOST_THUMBPRINTS:
        return AwsError("InvalidInput", 400, "Thumbprint list must contain fewer than 5 entries.")
    return None


def _quota(name: str, most: int) -> AwsError:
    return AwsError("LimitExceeded", 409, f"Cannot exceed quota for {name}: {most}")


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
