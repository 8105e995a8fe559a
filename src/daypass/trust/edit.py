"""The smallest safe edit of a trust policy that lets a token in, or why there is none.

An edit names this token's own values: it never adds a pattern, never takes a condition away that could still guard,
and is proposed only when the evaluator allows the token with the edited document. A token that is somebody else's is
not let in by any edit, and neither is the subject of pull requests, which anybody who opens one has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.subjects.grammars import grammar_for
from daypass.trust import tenancy, text_edit, token_claims
from daypass.trust.context import subject
from daypass.trust.decision import Reason, Request
from daypass.trust.document import Policy
from daypass.trust.evaluate import evaluate
from daypass.trust.explain import shown
from daypass.trust.recognisers import Case
from daypass.trust.recognisers.subjects import MERGE_REQUESTS
from daypass.trust.repairs import repair
from daypass.trust.role_trust import check_role_trust
from daypass.trust.statement import Effect
from daypass.trust.steps import Kind, Verdict
from daypass.trust.tenancy import Belonging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daypass.trust.decision import StatementResult
    from daypass.trust.steps import Explanation
    from daypass.trust.text_edit import Operation

_MAX_STATEMENTS: Final = 16
"""So many statements are tried to be repaired."""
_MAX_OPERATIONS: Final = 12


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit that lets the token in.

    Attributes:
        operations: in order; each fits the document after those before it.
        before: the document as it was.
        after: the document after all of them, formatting kept.
        admits: who comes in by it that did not before, in words.
        caution: what only the reader can know, None when there is nothing.
    """

    operations: tuple[Operation, ...]
    before: str
    after: str
    admits: str
    caution: str | None = None

    def to_json(self) -> dict[str, object]:
        """As plain values; `operations` are those of RFC 6902 with `before` besides."""
        return {
            "safe": True,
            "operations": [operation.to_json(text) for text, operation in self._applied()],
            "admits": self.admits,
            "caution": self.caution,
            "document": self.after,
        }

    def lines(self) -> Iterator[str]:
        """In words."""
        yield "if it should get in, the smallest safe edit:"
        for text, operation in self._applied():
            yield from (f"  {line}" for line in _described(text, operation))
        yield f"it admits {shown(self.admits)}"
        if self.caution:
            yield f"caution: {shown(self.caution)}"

    def _applied(self) -> Iterator[tuple[str, Operation]]:
        """Each operation with the document that it changes."""
        text = self.before
        for operation in self.operations:
            yield text, operation
            text = text_edit.apply(text, operation)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no edit is proposed.

    Attributes:
        code: `foreign_issuer`, `foreign_customer`, `pull_request`, `denied_on_purpose`, `other_guard`,
            `token_at_fault` or `no_safe_edit`; the first four say that the token should not be allowed.
        reason: a sentence without full stop.
        advice: what to do instead, as a sentence; None without.
    """

    code: str
    reason: str
    advice: str | None = None

    @property
    def hostile(self) -> bool:
        """Whether this token should not be allowed, rather than only not by an edit of this policy."""
        return self.code in {"foreign_issuer", "foreign_customer", "pull_request", "denied_on_purpose"}

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "safe": False,
            "code": self.code,
            "should_not_be_allowed": self.hostile,
            "reason": self.reason,
            "advice": self.advice,
        }

    def lines(self) -> Iterator[str]:
        """In words."""
        verdict = "this token should not be allowed" if self.hostile else "no edit of this policy is proposed"
        yield f"{verdict}: {shown(self.reason)}"
        if self.advice:
            yield shown(self.advice)


def smallest_edit(explanation: Explanation) -> Edit | Refusal | None:
    """What would let the token in; None when it is allowed already. Never raises."""
    if explanation.allowed:
        return None
    refusal = _refused_outright(explanation) or _token_at_fault(explanation)
    if refusal is not None:
        return refusal
    ways = [_repaired(explanation, result) for result in _candidates(explanation)]
    edits = sorted((way for way in ways if isinstance(way, tuple)), key=lambda way: len(way[0]))
    if edits:
        operations, after = edits[0]
        admits, caution = _admits(explanation, operations), _caution(explanation)
        return Edit(operations, explanation.policy.text, after, admits, caution)
    return next((way for way in ways if isinstance(way, Refusal)), None) or Refusal(
        "no_safe_edit",
        "no statement of this policy is meant for such a token",
        "Write a statement for it: see daypass trust generate.",
    )


def _refused_outright(explanation: Explanation) -> Refusal | None:
    """What no edit makes right: another issuer, another customer, pull requests, a Deny that was written for it."""
    attempt = explanation.attempt
    if attempt.claims.get("iss") != attempt.provider.issuer_url:
        return Refusal("foreign_issuer", "it is of another issuer than the policy's provider stands for")
    own = subject(attempt.claims) or ""
    grammar = tenancy.grammar_of(attempt.provider.issuer, own)
    whose = Belonging.SAME if grammar is None else tenancy.belonging(grammar, own, _wanted_subjects(explanation.policy))
    if whose is Belonging.FOREIGN:
        return Refusal("foreign_customer", "it is of another customer of the issuer than the policy trusts")
    if _is_pull_request(explanation, own):
        return Refusal(
            "pull_request",
            "it is a pull request's: whoever opens one would get in, with code that nobody has reviewed",
            "Use the token of a branch or of a protected environment.",
        )
    for decision in explanation.decisions:
        for result in decision.denied_by:
            return Refusal("denied_on_purpose", f"statement {result.index + 1} denies it, and an edit would undo that")
    if grammar is not None and grammar.shared and whose is Belonging.UNKNOWN:
        return Refusal(
            "no_safe_edit",
            f"{grammar.about} serves many customers, and the policy does not tell that this token is of the right one",
            "Write a policy that names its subject: see daypass trust generate.",
        )
    return None


def _token_at_fault(explanation: Explanation) -> Refusal | None:
    """Faults that lie outside the policy."""
    for step in explanation.steps:
        if step.kind in {Kind.TOKEN, Kind.AUDIENCE, Kind.PROVIDER, Kind.ROLES_CLAIM} and step.verdict is Verdict.NO:
            return Refusal("token_at_fault", step.detail or "the token cannot be used", _ADVICE[step.kind])
    return None


_ADVICE: Final = {
    Kind.TOKEN: "Get a new token, or mend what issues it.",
    Kind.AUDIENCE: "Ask for a token with one of the provider's client ids as audience, or register this one with it.",
    Kind.PROVIDER: "Create an IAM OIDC provider for the issuer in the role's account.",
    Kind.ROLES_CLAIM: "Ask for a token for this role.",
}


def _candidates(explanation: Explanation) -> Sequence[StatementResult]:
    """The Allow statements, those that need the fewest repairs first."""
    failed = next((decision for decision in explanation.decisions if not decision.allowed), None)
    if failed is None:
        return ()
    # What a token brings besides the login is allowed where the login is.
    login = explanation.decisions[0]
    preferred = {result.index for result in login.allowed_by} if failed is not login else set()
    allows = [result for result in failed.statements if result.effect is Effect.ALLOW]
    if preferred:
        allows = [result for result in allows if result.index in preferred]
    return sorted(allows, key=lambda result: len(result.reasons))[:_MAX_STATEMENTS]


def _repaired(explanation: Explanation, start: StatementResult) -> tuple[tuple[Operation, ...], str] | Refusal:
    """Repair one statement part by part until the evaluator lets the token in."""
    policy, attempt = explanation.policy, explanation.attempt
    operations: list[Operation] = []
    principal = explanation.decisions[0].request.principal
    while len(operations) < _MAX_OPERATIONS:
        decisions = [
            evaluate(policy, Request(principal, decision.request.action, attempt.context))
            for decision in explanation.decisions
        ]
        failed = next((decision for decision in decisions if not decision.allowed), None)
        if failed is None:
            return _checked(tuple(operations), policy)
        case = Case.of(failed, policy, attempt)
        result = failed.statements[start.index]
        step = repair(case, policy, result) if not failed.denied_by else None
        if step is None:
            return _stuck(result)
        for operation in step:
            operations.append(operation)
            try:
                policy = Policy.parse(text_edit.apply(policy.text, operation))
            except DaypassError:
                return _stuck(result)
    return _stuck(start)


def _checked(operations: tuple[Operation, ...], policy: Policy) -> tuple[tuple[Operation, ...], str] | Refusal:
    """The edit, when IAM takes the document that it makes."""
    try:
        check_role_trust(policy)
    except DaypassError as fault:
        return Refusal("no_safe_edit", f"IAM would not take the edited policy: {fault.message}", fault.advice)
    return operations, policy.text


def _stuck(result: StatementResult) -> Refusal:
    guard = next((each for each in result.conditions if not each.matched), None)
    if guard is not None and result.principal is Reason.MATCHED:
        if guard.key.lower().endswith(":aud") and guard.found:
            return Refusal(
                "token_at_fault",
                f"it is for another audience, {guard.found[0]}",
                f"Ask for a token with the audience {guard.wanted[0]}." if guard.wanted else None,
            )
        return Refusal(
            "other_guard",
            f"{guard.operator} {guard.key} is a guard that an edit would take away",
            "Meet the condition, or let whoever wrote it decide.",
        )
    return Refusal("no_safe_edit", f"statement {result.index + 1} is not meant for such a token")


def _is_pull_request(explanation: Explanation, own: str) -> bool:
    claims = explanation.attempt.claims
    if claims.get("pipeline_source") in MERGE_REQUESTS or claims.get("event_name") == "pull_request":
        return True
    grammar = grammar_for(explanation.attempt.provider.issuer)
    shape = None if grammar is None else grammar.shape_of(own)
    if shape is None:
        return False
    return shape.leaf == "pull request" or (
        "pull request" in shape.leaf and any(word in own for word in ("/pull/", "/merge_requests/"))
    )


def _wanted_subjects(policy: Policy) -> Iterator[str]:
    """Every value that an Allow statement wants of a subject, whatever is wrong with the key."""
    for statement in policy.statements:
        if statement.effect is Effect.ALLOW:
            for condition in statement.conditions:
                if condition.key.lower().endswith(":sub") and not condition.parsed.negated:
                    yield from condition.values


def _admits(explanation: Explanation, operations: Sequence[Operation]) -> str:
    """Who comes in by an edit, as exactly as the operations tell."""
    claims = explanation.attempt.claims
    number = int(operations[0].path[1]) + 1
    keys = {str(operation.path[4]).rpartition(":")[2].lower() for operation in operations if len(operation.path) > 4}
    if any(operation.op is text_edit.Op.MOVE or len(operation.path) < 5 for operation in operations):
        if explanation.decisions[0].allowed:
            return f"nobody new: whom statement {number} lets in may bring what this token brings"
        return f"whoever meets the conditions of statement {number}, and this token does"
    if "aud" in keys:
        found = token_claims.effective_audience(claims)
        also = f"the subject {subject(claims)}, and " if "sub" in keys else ""
        return f"{also}the audience {found}, for the subjects that statement {number} names"
    return f"the subject {subject(claims)}, on the other conditions of statement {number}"


def _caution(explanation: Explanation) -> str | None:
    own = subject(explanation.attempt.claims) or ""
    grammar = tenancy.grammar_of(explanation.attempt.provider.issuer, own)
    if grammar is not None and grammar.parse(own) is not None:
        return None
    return "the issuer's subjects are not known here; make sure that this one is yours"


def _described(text: str, operation: Operation) -> Iterator[str]:
    place = text_edit.pointer(text, operation.path)
    match operation.op:
        case text_edit.Op.MOVE:
            yield f"rename {shown(place)}"
            yield f"  - {shown(str(operation.path[-1]))}"
            yield f"  + {shown(str(operation.value))}"
        case text_edit.Op.ADD:
            yield f"add {shown(place)}"
            yield f"  + {shown(text_edit.dumped(operation.value))}"
        case text_edit.Op.REMOVE:
            yield f"remove {shown(place)}"
            yield f"  - {shown(text_edit.dumped(operation.before))}"
        case text_edit.Op.REPLACE:
            yield f"change {shown(place)}"
            yield f"  - {shown(text_edit.dumped(operation.before))}"
            yield f"  + {shown(text_edit.dumped(operation.value))}"
