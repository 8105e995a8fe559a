"""What a token tells AWS beside its subject, when its caller asks: session tags, source identity, roles.

Never unasked: a token with tags fails at every role that does not allow `sts:TagSession`. Which facts may become tags
is the organization's reviewed map; what AWS would not take is refused before anything is signed.
Sources: IAM User Guide, "Pass session tags in AWS STS", "Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import ArnInvalid, AwsClaimsRefused, RequestInvalid
from daypass.idp.model import AwsClaims
from daypass.names import RoleArn
from daypass.sts.decide import packed_policy_size
from daypass.subjects.formats import Attribute, Source
from daypass.subjects.registry import FORMATS
from daypass.trust.session import (
    MAX_TAGS,
    ROLES_CLAIM,
    SOURCE_IDENTITY_CLAIM,
    TAGS_CLAIM,
    ClaimFault,
    SessionTags,
    read_source_identity,
    read_tags,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.tokens.strict_json import JsonValue

MAX_ROLES: Final = 25
"""Ours: AWS tells no limit, and a longer list is a sign that one token is to open everything."""
MAX_PACKED_PERCENT: Final = 100
ATTRIBUTE: Final = "attributes."
"""Before the name of an attribute, so that none is taken for a fact of the registry."""
_OWN: Final = (
    *(Source.ORGANIZATION_ID, Source.ORGANIZATION_SLUG, Source.PROJECT_ID, Source.PROJECT_SLUG),
    *(Source.WORKLOAD_ID, Source.WORKLOAD_KIND, Source.WORKLOAD_NAME),
)
FACTS: Final = frozenset(
    {
        *(source.value for source in _OWN),
        *(
            f"{ATTRIBUTE}{name}"
            for each in FORMATS.values()
            for name in (
                *each.published_attributes,
                *(claim.source.name for claim in each.claims if isinstance(claim.source, Attribute)),
            )
        ),
    }
)
"""Everything that a tag or the source identity may be: what the registry knows, and what token formats read."""


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """What of it a caller asks for.

    `tags` are tag keys; `every_tag` stands for all of the organization's map that this workload has facts for. `roles`
    are ARNs: the token is good for these alone.
    """

    tags: tuple[str, ...] = ()
    every_tag: bool = False
    source_identity: bool = False
    roles: tuple[str, ...] = ()

    @property
    def told(self) -> dict[str, str]:
        """For the audit row; of what a caller sent, a little is enough."""
        found = {}
        if self.tags or self.every_tag:
            found["aws_session_tags"] = "*" if self.every_tag else " ".join(self.tags)[:1000]
        if self.source_identity:
            found["aws_source_identity"] = "true"
        if self.roles:
            found["aws_roles"] = " ".join(self.roles)[:1000]
        return found


def checked(tags: Mapping[str, str], transitive: Sequence[str], source_identity: str | None) -> AwsClaims:
    """An organization's map, once it is seen to be one that AWS can take.

    Args:
        tags: a fact for each tag key.
        transitive: keys among them.
        source_identity: a fact.

    Raises:
        RequestInvalid: a fact that is not in `FACTS`; a key that AWS does not take, or two that differ only in letter
            case; too many; a transitive key that is not among the tags.
    """
    for fact in (*tags.values(), *(() if source_identity is None else (source_identity,))):
        if fact not in FACTS:
            raise RequestInvalid(
                f"`{fact[:255]}` is not a fact that can be told to AWS",
                advice="Choose one of the registry's own, or an attribute that token formats know, written"
                f" `{ATTRIBUTE}NAME`.",
                allowed=sorted(FACTS),
            )
    # A value of one character stands for those that workloads will have.
    read = read_tags(_tags_claim(dict.fromkeys(tags, "x"), transitive))
    if isinstance(read, ClaimFault):
        raise RequestInvalid(read.detail, advice="AWS would refuse every token with these tags.")
    return AwsClaims(tuple(sorted(tags.items())), tuple(transitive), source_identity)


def claims_asked(request: AwsRequest, offered: AwsClaims, facts: WorkloadFacts, subject: str) -> dict[str, JsonValue]:
    """The claims of a token for what its caller asks.

    Args:
        request: what that is.
        offered: the organization's map.
        facts: about the workload.
        subject: the token's `sub`, which takes room in the session too.

    Raises:
        AwsClaimsRefused: what is asked is not offered; the workload lacks a fact; AWS would not take it, or the session
            would be fuller than AWS lets it: `drop` among the facts then names the tags that are too many.
    """
    claims: dict[str, JsonValue] = {}
    if request.tags or request.every_tag:
        tags = _tags(request, offered, facts)
        claims |= _tags_claim(tags, [key for key in offered.transitive if key in tags])
    if request.source_identity:
        claims[SOURCE_IDENTITY_CLAIM] = _source_identity(offered, facts)
    if request.roles:
        claims[ROLES_CLAIM] = list(_roles(request.roles))
    tags_read, identity = read_tags(claims), read_source_identity(claims)
    for read in (tags_read, identity):
        if isinstance(read, ClaimFault):
            raise AwsClaimsRefused(
                f"AWS would refuse the token: {read.detail}", advice="Give the workload another value, or leave it out."
            )
    assert isinstance(tags_read, SessionTags)
    assert not isinstance(identity, ClaimFault)
    _demand_room(subject, identity, tags_read)
    return claims


def _tags(request: AwsRequest, offered: AwsClaims, facts: WorkloadFacts) -> dict[str, str]:
    known, asked = dict(offered.tags), request.tags
    if not known:
        raise AwsClaimsRefused(
            "the organization offers no session tags",
            advice="An administrator offers them: daypass org aws-tags ORG --tag KEY=FACT",
            offered=[],
        )
    if request.every_tag:
        return {key: value for key, fact in known.items() if (value := _value(fact, facts))}
    if len(set(asked)) != len(asked):
        raise AwsClaimsRefused("a session tag is asked for twice", offered=list(known))
    if len(asked) > MAX_TAGS:
        raise AwsClaimsRefused(f"{len(asked)} session tags are asked for, and AWS takes {MAX_TAGS}")
    tags = {}
    for key in asked:
        if key not in known:
            raise AwsClaimsRefused(
                f"the session tag `{key[:128]}` is not offered",
                advice=f"Offered: {', '.join(known)}.",
                offered=list(known),
            )
        tags[key] = _value(known[key], facts) or _none(f"the session tag `{key}`", known[key])
    return tags


def _source_identity(offered: AwsClaims, facts: WorkloadFacts) -> str:
    if offered.source_identity is None:
        raise AwsClaimsRefused(
            "the organization offers no source identity",
            advice="An administrator offers one: daypass org aws-tags ORG --source-identity FACT",
        )
    return _value(offered.source_identity, facts) or _none("the source identity", offered.source_identity)


def _value(fact: str, facts: WorkloadFacts) -> str | None:
    if fact.startswith(ATTRIBUTE):
        return facts.attributes.get(fact.removeprefix(ATTRIBUTE))
    return Source(fact).fact(facts)


def _none(what: str, fact: str) -> str:
    raise AwsClaimsRefused(
        f"{what} is the workload's `{fact}`, and this workload has none",
        advice="Create the workload with it, or do not ask for it.",
        fact=fact,
    )


def _roles(asked: Sequence[str]) -> Sequence[str]:
    if len(asked) > MAX_ROLES or len(set(asked)) != len(asked):
        raise AwsClaimsRefused(f"a token is for at most {MAX_ROLES} roles, each named once", found=len(asked))
    for text in asked:
        try:
            RoleArn.parse(text)
        except ArnInvalid as error:
            raise AwsClaimsRefused(error.message, advice=error.advice) from None
        if "*" in text or "?" in text:
            raise AwsClaimsRefused(
                f"`{text[:255]}` has a wildcard, and AWS compares roles whole", advice="Name each role by its full ARN."
            )
    return asked


def _tags_claim(tags: Mapping[str, str], transitive: Sequence[str]) -> dict[str, JsonValue]:
    if not tags and not transitive:
        return {}
    nested: dict[str, JsonValue] = {"principal_tags": {key: [value] for key, value in tags.items()}}
    if transitive:
        nested["transitive_tag_keys"] = list(transitive)
    return {TAGS_CLAIM: nested}


def _demand_room(subject: str, source_identity: str | None, tags: SessionTags) -> None:
    percent = packed_policy_size(subject, source_identity, tags)
    if percent <= MAX_PACKED_PERCENT:
        return
    left, drop = dict(tags.principal_tags), []
    while left and packed_policy_size(subject, source_identity, SessionTags(left)) > MAX_PACKED_PERCENT:
        longest = max(left, key=lambda key: (len(key) + len(left[key]), key))
        drop.append(longest)
        del left[longest]
    raise AwsClaimsRefused(
        f"the session would be {percent} percent full, as far as can be told: AWS lets it be {MAX_PACKED_PERCENT}",
        advice=f"Do not ask for {', '.join(f'`{key}`' for key in drop)}.",
        percent=percent,
        drop=drop,
    )
