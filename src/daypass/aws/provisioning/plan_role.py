"""What to change about one role. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from daypass.aws.provisioning.changes import Blocked, Call, Change, Kind
from daypass.aws.provisioning.desired import filled_in
from daypass.aws.provisioning.ownership import ADOPTED_BY, BOUNDARY, INLINE, MADE_BY, MANAGED, POLICIES, is_ours
from daypass.aws.provisioning.same import allows_no_more, same_form
from daypass.aws.provisioning.tag_changes import Held, TagChanges, tag_changes, tags_of_new
from daypass.errors import DaypassError
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.aws.provisioning.account import Seen, SeenRole
    from daypass.aws.provisioning.desired import DesiredRole

_NOT_COMPARED = "what permissions allow is not compared, so this counts as more"
_TAGS_NOT_COMPARED = "a role's tags are its sessions' `aws:PrincipalTag`, which policies test, so this counts as more"


def plan_role(
    desired: DesiredRole, there: SeenRole | None, trust: str, *, seen: Seen, stack: str, adopt: bool
) -> list[Change] | Blocked:
    """The changes of a role, in order; none when it is as it should be.

    Args:
        desired: what the file wants.
        there: what the account has by that name.
        trust: the trust policy's text that it should have.
        seen: the account.
        stack: whose the file is.
        adopt: take over a role that no stack made.
    """
    wanted = _Wanted(desired, trust, seen, stack)
    if there is None:
        return wanted.create()
    maker, adopter = there.tags.get(MADE_BY), there.tags.get(ADOPTED_BY)
    if (maker or adopter or stack) != stack:
        return Blocked(
            there.arn,
            f"it belongs to the stack `{maker or adopter}`",
            "Choose another name, or change it where it is made.",
        )
    if maker is None and adopter is None and not adopt:
        return Blocked(
            there.arn,
            "there is a role of that name, and Daypass did not make it",
            "Choose another name, or take it over with --adopt.",
        )
    if there.path != desired.path:
        return Blocked(
            there.arn,
            f"its path is `{there.path}`, and AWS changes no role's path",
            "Write its path, or choose another name.",
        )
    return wanted.change(there)


class _Wanted:
    """A role as it should be in one account."""

    def __init__(self, desired: DesiredRole, trust: str, seen: Seen, stack: str) -> None:
        def arn_of(text: str) -> str:
            return filled_in(text, account=seen.account, partition=seen.partition)

        self._role = desired
        self._trust = trust
        self._stack = stack
        self._arn = f"arn:{seen.partition}:iam::{seen.account}:role{desired.path}{desired.name}"
        self._managed = tuple(map(arn_of, desired.managed_policies))
        self._inline = {policy.name: policy.document for policy in desired.inline_policies}
        self._boundary = None if desired.boundary is None else arn_of(desired.boundary)

    @property
    def _held(self) -> list[str]:
        boundary = [] if self._boundary is None else [BOUNDARY + self._boundary]
        texts = [_text_of(name, document) for name, document in self._inline.items()]
        return [
            *(MANAGED + arn for arn in self._managed),
            *(INLINE + name for name in self._inline),
            *texts,
            *boundary,
        ]

    def create(self) -> list[Change]:
        parameters: dict[str, Any] = {
            "RoleName": self._role.name,
            "Path": self._role.path,
            "AssumeRolePolicyDocument": self._trust,
            "MaxSessionDuration": self._role.max_session_seconds,
            "Tags": tags_of_new(self._role.tags, constant={MADE_BY: self._stack}, records={POLICIES: self._held}),
        }
        if self._role.description:
            parameters["Description"] = self._role.description
        if self._boundary is not None:
            parameters["PermissionsBoundary"] = self._boundary
        made = Change(
            Kind.CREATE_ROLE,
            self._arn,
            f"create the role; sessions last up to {_hours(self._role.max_session_seconds)}",
            (Call("CreateRole", parameters),),
            after=self._trust,
        )
        return [made, *map(self._attach, self._managed), *map(self._put, self._inline)]

    def change(self, there: SeenRole) -> list[Change]:
        boundary = [] if there.boundary is None else [BOUNDARY + there.boundary]
        present = [
            *(MANAGED + arn for arn in there.managed_policies),
            *(INLINE + policy.name for policy in there.inline_policies),
            *(_text_of(policy.name, policy.document) for policy in there.inline_policies),
            *boundary,
        ]
        held = Held.of(self._held, present, there.tags.get(POLICIES))
        constant = {} if MADE_BY in there.tags else {ADOPTED_BY: self._stack}
        tags = tag_changes(there.tags, self._role.tags, constant=constant, records={POLICIES: held})
        return [
            *self._first_tags(tags, there),
            *self._trust_change(there),
            *self._boundary_change(there, held),
            *self._settings(there),
            *self._removals(held),
            *self._additions(there),
            *self._last_tags(tags),
        ]

    # ------------------------------------------------------------------------------------------------ trust

    def _trust_change(self, there: SeenRole) -> Iterator[Change]:
        if same_form(there.trust_policy, self._trust):
            return
        call = Call("UpdateAssumeRolePolicy", {"RoleName": self._role.name, "PolicyDocument": self._trust})
        try:
            difference = diff(Policy.parse(there.trust_policy), Policy.parse(self._trust))
        except DaypassError as fault:
            why = f"not decided: the trust policy that is there cannot be compared: {fault.message}"
            words = "replace the trust policy"
            yield Change(
                *(Kind.REPLACE_TRUST, self._arn, words, (call,), why, None),
                before=there.trust_policy,
                after=self._trust,
            )
            return
        match difference.verdict:
            case Verdict.EQUIVALENT:
                return
            case Verdict.NARROWER:
                kind, words, wider = Kind.TIGHTEN_TRUST, "tighten the trust policy: it admits less", None
            case Verdict.WIDER:
                kind, words = Kind.WIDEN_TRUST, "widen the trust policy: it admits more"
                wider = "it would let more in"
            case Verdict.BOTH:
                kind, words = Kind.REPLACE_TRUST, "replace the trust policy: it admits some others, and some no more"
                wider = "it would let others in"
            case _:
                kind, words = Kind.REPLACE_TRUST, "replace the trust policy"
                wider = f"not decided whether it would let more in: {difference.undecided}"
        yield Change(
            *(kind, self._arn, words, (call,), wider, difference), before=there.trust_policy, after=self._trust
        )

    # ------------------------------------------------------------------------------------------------ settings

    def _settings(self, there: SeenRole) -> Iterator[Change]:
        """Session length and description, which one call sets together, and resets when it is not told."""
        seconds, description = self._role.max_session_seconds, self._role.description or there.description
        call = Call(
            "UpdateRole",
            {"RoleName": self._role.name, "MaxSessionDuration": seconds, "Description": description},
        )
        before = there.max_session_seconds
        if seconds != before:
            words = f"sessions last up to {_hours(seconds)} instead of {_hours(before)}"
            wider = "sessions would last longer" if seconds > before else None
            yield Change(Kind.SET_SESSION, self._arn, words, (call,), wider=wider)
        elif description != there.description:
            yield Change(Kind.SET_DESCRIPTION, self._arn, f"describe it as “{description}”", (call,))

    def _boundary_change(self, there: SeenRole, held: Held) -> Iterator[Change]:
        name = {"RoleName": self._role.name}
        if self._boundary is not None and self._boundary != there.boundary:
            call = Call("PutRolePermissionsBoundary", {**name, "PermissionsBoundary": self._boundary})
            words = f"bound its permissions by {self._boundary}"
            wider = None if there.boundary is None else f"{there.boundary} would no longer bound it"
            yield Change(Kind.SET_BOUNDARY, self._arn, words, (call,), wider=wider)
        elif self._boundary is None and there.boundary is not None and BOUNDARY + there.boundary in held.going:
            call = Call("DeleteRolePermissionsBoundary", name)
            words = f"no longer bound its permissions by {there.boundary}"
            yield Change(Kind.REMOVE_BOUNDARY, self._arn, words, (call,), wider="nothing would bound its permissions")

    # ------------------------------------------------------------------------------------------------ permissions

    def _removals(self, held: Held) -> Iterator[Change]:
        name = {"RoleName": self._role.name}
        for each in held.going:
            if each.startswith(MANAGED):
                arn = each.removeprefix(MANAGED)
                call = Call("DetachRolePolicy", {**name, "PolicyArn": arn})
                yield Change(Kind.DETACH_POLICY, self._arn, f"detach {arn}", (call,))
            elif each.startswith(INLINE):
                policy = each.removeprefix(INLINE)
                call = Call("DeleteRolePolicy", {**name, "PolicyName": policy})
                yield Change(Kind.DELETE_POLICY, self._arn, f"delete the inline policy {policy}", (call,))

    def _additions(self, there: SeenRole) -> Iterator[Change]:
        promised = Held.of((), self._held, there.tags.get(POLICIES)).going
        for arn in self._managed:
            if arn not in there.managed_policies:
                yield self._attach(arn, wider=None if MANAGED + arn in promised else _NOT_COMPARED)
        present = {policy.name: policy.document for policy in there.inline_policies}
        for name, document in self._inline.items():
            before = present.get(name)
            if before is None:
                yield self._put(name, wider=None if _text_of(name, document) in promised else _NOT_COMPARED)
            elif not same_form(before, document):
                wider = None if allows_no_more(before, document) else _NOT_COMPARED
                yield self._put(name, before=before, wider=wider)

    def _attach(self, arn: str, wider: str | None = None) -> Change:
        call = Call("AttachRolePolicy", {"RoleName": self._role.name, "PolicyArn": arn})
        return Change(Kind.ATTACH_POLICY, self._arn, f"attach {arn}", (call,), wider=wider)

    def _put(self, name: str, *, before: str | None = None, wider: str | None = None) -> Change:
        document = json.dumps(json.loads(self._inline[name]), indent=2)
        call = Call(
            "PutRolePolicy", {"RoleName": self._role.name, "PolicyName": name, "PolicyDocument": self._inline[name]}
        )
        verb = "write" if before is None else "change"
        was = None if before is None else json.dumps(json.loads(before), indent=2)
        words = f"{verb} the inline policy {name}"
        return Change(Kind.PUT_POLICY, self._arn, words, (call,), wider=wider, before=was, after=document)

    # ------------------------------------------------------------------------------------------------ tags

    def _first_tags(self, tags: TagChanges, there: SeenRole) -> Iterator[Change]:
        if not tags.first:
            return
        adopting = MADE_BY not in there.tags and ADOPTED_BY not in there.tags
        kind = Kind.ADOPT_ROLE if adopting else Kind.TAG
        words = "take over the role, which is never removed" if adopting else f"tag {', '.join(sorted(tags.first))}"
        wider = None if all(map(is_ours, tags.first)) else _TAGS_NOT_COMPARED
        yield Change(kind, self._arn, words, (self._tag(tags.first),), wider=wider)

    def _last_tags(self, tags: TagChanges) -> Iterator[Change]:
        if tags.remove:
            call = Call("UntagRole", {"RoleName": self._role.name, "TagKeys": [*tags.remove]})
            wider = None if all(map(is_ours, tags.remove)) else _TAGS_NOT_COMPARED
            yield Change(Kind.UNTAG, self._arn, f"untag {', '.join(tags.remove)}", (call,), wider=wider)
        if tags.last:
            yield Change(Kind.TAG, self._arn, f"tag {', '.join(sorted(tags.last))}", (self._tag(tags.last),))

    def _tag(self, tags: Mapping[str, str]) -> Call:
        listed = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        return Call("TagRole", {"RoleName": self._role.name, "Tags": listed})


def _text_of(name: str, document: str) -> str:
    """What stands in the record for an inline policy's text: leave to put it is no leave to put another."""
    return f"text:{name}:{document}"


def _hours(seconds: int) -> str:
    hours, left = divmod(seconds, 3600)
    minutes, rest = divmod(left, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)
