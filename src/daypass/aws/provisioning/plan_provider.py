"""What to change about one provider. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.provisioning.changes import Call, Change, Kind
from daypass.aws.provisioning.desired import AutomaticThumbprints
from daypass.aws.provisioning.ownership import MADE_BY, audiences_key, stacks_using
from daypass.aws.provisioning.same import admits_audience
from daypass.aws.provisioning.tag_changes import Held, tag_changes, tags_of_new

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.aws.provisioning.account import SeenProvider, TrustingRole
    from daypass.aws.provisioning.desired import DesiredProvider

_MOST_NAMED: Final = 10


def plan_provider(
    desired: DesiredProvider,
    seen: SeenProvider | None,
    *,
    arn: str,
    stack: str,
    others: Sequence[TrustingRole] = (),
) -> list[Change]:
    """The changes of a provider, in order; none when it is as it should be.

    Args:
        desired: what the file wants.
        seen: what the account has.
        arn: its ARN.
        stack: whose the file is.
        others: the roles that name it in their trust policies, and that the file does not name.
    """
    assert not isinstance(desired.thumbprints, AutomaticThumbprints), "resolved before planning"
    if seen is None:
        return [_create(desired, desired.thumbprints, arn, stack, others)]
    key = audiences_key(stack)
    clients = Held.of(desired.client_ids, seen.client_ids, seen.tags.get(key))
    ours = seen.tags.get(MADE_BY) == stack
    # Another stack found the audience there, and so has no record of its own that it needs it.
    needed = any(other != stack for other in stacks_using(seen.tags))
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
            f"take tokens for the audience {client}",
            (Call("AddClientIDToOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "ClientID": client}),),
            wider=_opened(others, arn, (client,)),
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
        if not needed
    ]
    if desired.thumbprints and {*desired.thumbprints} != {*seen.thumbprints}:
        changes.append(_thumbprints(desired.thumbprints, seen, arn))
    if tags.remove:
        untag = Call("UntagOpenIDConnectProvider", {"OpenIDConnectProviderArn": arn, "TagKeys": [*tags.remove]})
        changes.append(Change(Kind.UNTAG, arn, _named("untag", tags.remove), (untag,)))
    if tags.last:
        changes.append(Change(Kind.TAG, arn, _named("tag", tags.last), (_tag(arn, tags.last),)))
    return changes


def _create(
    desired: DesiredProvider, thumbprints: tuple[str, ...], arn: str, stack: str, others: Sequence[TrustingRole]
) -> Change:
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
        wider=_opened(others, arn, desired.client_ids),
    )


def _opened(others: Sequence[TrustingRole], arn: str, audiences: Sequence[str]) -> str | None:
    """Which roles that the file does not name would be entered with tokens for audiences that were not taken before."""
    names = [role.name for role in others if admits_audience(role.trust_policy, arn, audiences)]
    if not names:
        return None
    told = ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if names[_MOST_NAMED:] else "")
    return f"tokens for {', '.join(audiences)} would get into roles that are not in the file: {told}"


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
