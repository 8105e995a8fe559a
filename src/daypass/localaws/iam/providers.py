"""OIDC providers: the operations on them, with AWS's list rules and texts (observed on AWS, September 2026).

One rule differs. A URL with a port other than 443 is refused, as AWS documents it, except when its host is loopback:
AWS could never reach such an issuer, and an issuer on this machine seldom gets port 443. No host is contacted when a
provider is made, so without thumbprints the list stays empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from daypass.errors import ArnInvalid, IssuerUrlInvalid
from daypass.localaws.faults import AwsError
from daypass.localaws.iam.paging import page
from daypass.localaws.iam.state import PARTITION, OidcProvider
from daypass.names import IssuerUrl, ProviderArn, is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daypass.localaws.iam.state import Account, Call

_HTTPS_PORT: Final = 443
_MOST_PROVIDERS: Final = 100
_MOST_CLIENT_IDS: Final = 100
_MOST_THUMBPRINTS: Final = 5
_MOST_TAGS: Final = 50


def create_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """CreateOpenIDConnectProvider."""
    issuer = _issuer(call.given["Url"])
    if isinstance(issuer, AwsError):
        return issuer
    arn = ProviderArn(partition=PARTITION, account=call.account.number, issuer=issuer)
    client_ids = _distinct(call.given.get("ClientIDList", ()))
    thumbprints = call.given.get("ThumbprintList", ())
    tags = _tags(call.given.get("Tags", ()))
    if str(arn) in call.account.providers:
        return AwsError("EntityAlreadyExists", 409, f"Provider with url {call.given['Url']} already exists.")
    if len(call.account.providers) >= _MOST_PROVIDERS:
        return _quota("OpenIdConnectProvidersPerAccount", _MOST_PROVIDERS)
    if fault := _client_ids_fault(client_ids) or _thumbprints_fault(thumbprints):
        return fault
    call.account.providers[str(arn)] = OidcProvider(
        arn=arn,
        issuer=IssuerUrl.parse(arn.issuer_url),
        client_ids=client_ids,
        thumbprints=tuple(text.lower() for text in thumbprints),
        tags=tags,
        created_at=call.now,
    )
    return {"OpenIDConnectProviderArn": str(arn), "Tags": _shown(tags)}


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
        "Tags": _shown(sorted(provider.tags)),
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
    tags = tuple({**dict(provider.tags), **dict(_tags(call.given["Tags"]))}.items())
    if len(tags) > _MOST_TAGS:
        return _quota("TagsPerOpenIdConnectProvider", _MOST_TAGS)
    return _put(call.account, replace(provider, tags=tags))


def untag_open_id_connect_provider(call: Call) -> dict[str, Any] | AwsError:
    """UntagOpenIDConnectProvider: keys that are not there do not matter."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    return _put(
        call.account, replace(provider, tags=tuple(tag for tag in provider.tags if tag[0] not in call.given["TagKeys"]))
    )


def list_open_id_connect_provider_tags(call: Call) -> dict[str, Any] | AwsError:
    """ListOpenIDConnectProviderTags, sorted by key."""
    provider = _find(call)
    if isinstance(provider, AwsError):
        return provider
    return page("Tags", _shown(sorted(provider.tags)), call.given, key=lambda tag: tag["Key"])


def _issuer(url: str) -> str | AwsError:
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


def _tags(given: Iterable[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((tag["Key"], tag["Value"]) for tag in given)


def _shown(tags: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags]
