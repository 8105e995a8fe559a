"""What to change about one provider. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daypass.aws.provisioning.changes import Call, Change, Kind
from daypass.aws.provisioning.desired import AutomaticThumbprints
from daypass.aws.provisioning.ownership import MADE_BY, audiences_key
from daypass.aws.provisioning.tag_changes import Held, tag_changes, tags_of_new

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.aws.provisioning.account import SeenProvider
    from daypass.aws.provisioning.desired import DesiredProvider


def plan_provider(desired: DesiredProvider, seen: SeenProvider | None, *, arn: str, stack: str) -> list[Change]:
    """The changes of a provider, in order; none when it is as it should be."""
    assert not isinstance(desired.thumbprints, AutomaticThumbprints), "resolved before planning"
    if seen is None:
        return [_create(desired, desired.thumbprints, arn, stack)]
    key = audiences_key(stack)
    clients = Held.of(desired.client_ids, seen.client_ids, seen.tags.get(key))
    ours = seen.tags.get(MADE_BY) == stack
    # The tags of the file are for providers that it made: those of others are theirs to tag.
    tags = tag_changes(
        seen.tags if ours else {name: value for name, value in seen.tags.items() if name == key},
        desired.tags if ours else (),
        constant={},
        records={key: clients},
        kept_empty={key},
    )
    changes: list[Change] = []
    if tags.first:
        adopting = not ours and key not in seen.tags
        changes.append(
            Change(
                Kind.ADOPT_PROVIDER if adopting else Kind.TAG,
                arn,
                "use the provider that is there for the same issuer" if adopting else _named("tag", tags.first),
                (_tag(arn, tags.first),),
            )
        )
    changes += [
        Change(
            Kind.ADD_CLIENT_ID,
            arn,
            f"take tokens for the audience {client}; so do roles that trust it and test no audience",
            (Call("AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "ClientID": client}),),
        )
        for client in desired.client_ids
        if client not in seen.client_ids
    ]
    changes += [
        Change(
            Kind.REMOVE_CLIENT_ID,
            arn,
            f"no longer take tokens for the audience {client}, which this stack had added",
            (Call("RemoveClientIDFromOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "ClientID": client}),),
        )
        for client in clients.going
    ]
    if desired.thumbprints and {*desired.thumbprints} != {*seen.thumbprints}:
        changes.append(_thumbprints(desired.thumbprints, seen, arn))
    if tags.remove:
        untag = Call("UntagOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "TagKeys": [*tags.remove]})
        changes.append(Change(Kind.UNTAG, arn, _named("untag", tags.remove), (untag,)))
    if tags.last:
        changes.append(Change(Kind.TAG, arn, _named("tag", tags.last), (_tag(arn, tags.last),)))
    return changes


def _create(desired: DesiredProvider, thumbprints: tuple[str, ...], arn: str, stack: str) -> Change:
    parameters: dict[str, Any] = {"Url": str(desired.issuer), "ClientIDList": [*desired.client_ids]}
    if thumbprints:
        parameters["ThumbprintList"] = [*thumbprints]
    parameters["Tags"] = tags_of_new(
        desired.tags, constant={MADE_BY: stack}, records={audiences_key(stack): desired.client_ids}
    )
    audiences = ", ".join(desired.client_ids)
    return Change(
        Kind.CREATE_PROVIDER,
        arn,
        f"create the provider; it takes tokens for {audiences}",
        (Call("CreateOpenIDConnectProvider", parameters),),
    )


def _thumbprints(thumbprints: tuple[str, ...], seen: SeenProvider, arn: str) -> Change:
    added = [each for each in thumbprints if each not in seen.thumbprints]
    set_them = Call(
        "UpdateOpenIDConnectProviderThumbprint",
        {"OpenIDConnectProviderArn": arn, "ThumbprintList": [*thumbprints]},
    )
    return Change(
        Kind.SET_THUMBPRINTS,
        arn,
        f"set thumbprints: {', '.join(thumbprints)} instead of {', '.join(seen.thumbprints) or 'none'}",
        (set_them,),
        wider=f"servers with the certificate {added[0]} would be taken for the issuer" if added else None,
    )


def _tag(arn: str, tags: Mapping[str, str]) -> Call:
    listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return Call("TagOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "Tags": listed})


def _named(verb: str, keys: Mapping[str, str] | tuple[str, ...]) -> str:
    return f"{verb} {', '.join(sorted(keys))}"
