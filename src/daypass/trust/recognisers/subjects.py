"""Subjects of another event, another form or another customer, by the issuer's grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust import tenancy
from daypass.trust.decision import Reason
from daypass.trust.recognisers.case import Case, Hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from daypass.subjects.grammars import Grammar
    from daypass.subjects.shapes import Shape
    from daypass.trust.decision import ConditionResult

Read = tuple["Shape", "Mapping[str, str]"]
"""A form and its components, or what a pattern asks of them."""

MERGE_REQUESTS: Final = ("merge_request_event", "external_pull_request_event")
"""The `pipeline_source` of GitLab's pipelines for code that was proposed."""

_ASKED: Final = (Reason.VALUE_DIFFERS, Reason.CASE_DIFFERS, Reason.WILDCARD_IN_EXACT_OPERATOR)


def immutable_ids(case: Case, condition: ConditionResult) -> Hint | None:
    """The token names owner and repository with their ids, and the policy without, or the other way round."""
    for found, wanted in _pairs(case, condition):
        ours, theirs = set(found[1]), set(wanted[1])
        ids = {name for name in ours ^ theirs if name.endswith("_id")}
        if not ids or not {name.removesuffix("_id") for name in ids} <= ours & theirs:
            continue
        if ids <= ours:
            return Hint(
                "subject_with_ids",
                "the token's subject carries immutable ids (name@id), and the policy wants the form without;"
                " GitHub writes ids for repositories created, renamed or transferred since July 2026",
            )
        return Hint("subject_without_ids", "the policy wants a subject with immutable ids (name@id), and it has none")
    return None


def another_event(case: Case, condition: ConditionResult) -> Hint | None:
    """The subject is of a pull request, an environment, a tag or a branch, and another of these is wanted."""
    pairs = list(_pairs(case, condition))
    if not pairs or any(found[0].leaf == wanted[0].leaf for found, wanted in pairs):
        return None
    found, wanted = pairs[0][0][0].leaf, pairs[0][1][0].leaf
    if any(_is_open(wanted[1], found_shape) for (found_shape, _), wanted in pairs):
        return None
    if found == "environment":
        return Hint(
            "subject_of_environment",
            f"the job has an environment, which takes the place of the {wanted} in the subject",
        )
    if found == "pull request":
        return Hint("subject_of_pull_request", f"this is the subject of pull requests, not that of a {wanted}")
    code = f"subject_of_{found}".replace(" ", "_")
    return Hint(code, f"this is the subject of a {found}, and that of a {wanted} is wanted")


def another_of_its_kind(case: Case, condition: ConditionResult) -> Hint | None:
    """The project and the event are right, and the branch, tag or environment is another one."""
    if condition.reason is not Reason.VALUE_DIFFERS:
        return None
    for (shape, found), (other, wanted) in _pairs(case, condition):
        if shape != other:
            continue
        for name in (name for name in found if name not in shape.scope and "*" not in wanted[name]):
            if found[name] != wanted[name]:
                return Hint(
                    "subject_of_the_same_project",
                    f"the project is the right one; its {name.replace('_', ' ')} is {found[name]}, not {wanted[name]}",
                )
    return None


def merge_request(case: Case, condition: ConditionResult) -> Hint | None:
    """A pipeline of a merge request, which GitLab tells as one of its branch."""
    if not _is_sub(case, condition) or case.claims is None:
        return None
    if case.claims.get("pipeline_source") not in MERGE_REQUESTS:
        return None
    return Hint("subject_of_merge_request", "the pipeline is a merge request's, so the ref is its source branch")


def another_customer(case: Case, condition: ConditionResult) -> Hint | None:
    """The subject is of another organization, group or owner than any that is wanted."""
    if not _is_sub(case, condition) or not condition.found:
        return None
    grammar = _grammar(case, condition)
    if grammar is None:
        return None
    if tenancy.belonging(grammar, condition.found[0], condition.wanted) is not tenancy.Belonging.FOREIGN:
        return None
    return Hint("subject_of_another_customer", f"the token is of another {_noun(grammar)} than the policy trusts")


def unknown_form(case: Case, condition: ConditionResult) -> Hint | None:
    """The wanted subject has no form that this issuer makes, unless its owner customised it."""
    if not _is_sub(case, condition) or not condition.found:
        return None
    grammar = _grammar(case, condition)
    if grammar is None or grammar.issuer is None or not condition.wanted:
        return None
    shape = grammar.shape_of(condition.found[0])
    if shape is None or any(tenancy.asked(grammar, value) is not None for value in condition.wanted):
        return None
    return Hint("subject_form", f"{grammar.about} makes no such subject by default; it makes {shape.example}")


def _is_sub(case: Case, condition: ConditionResult) -> bool:
    return condition.reason in _ASKED and case.claim_of(condition) == "sub"


def _grammar(case: Case, condition: ConditionResult) -> Grammar | None:
    return None if case.issuer is None else tenancy.grammar_of(case.issuer, condition.found[0])


def _pairs(case: Case, condition: ConditionResult) -> Iterator[tuple[Read, Read]]:
    """The found subject with each wanted one of the same project, taken apart."""
    if not _is_sub(case, condition) or not condition.found:
        return
    grammar = _grammar(case, condition)
    shape = None if grammar is None else grammar.shape_of(condition.found[0])
    components = None if shape is None else shape.parse(condition.found[0])
    if grammar is None or shape is None or components is None:
        return
    for value in condition.wanted:
        wanted = tenancy.asked(grammar, value)
        if wanted is not None and _same_project((shape, components), wanted):
            yield (shape, components), wanted


def _same_project(found: Read, wanted: Read) -> bool:
    """Whether what both tell of the project is the same, letter case aside."""
    names = [name for name in found[0].scope if name in wanted[1] and "*" not in wanted[1][name]]
    return bool(names) and all(found[1][name].lower() == wanted[1][name].lower() for name in names)


def _is_open(asked: Mapping[str, str], found: Shape) -> bool:
    """Whether a pattern leaves open all that comes after the project, so that the event is not what differs."""
    rest = [name for name in asked if name not in found.scope]
    return bool(rest) and all(asked[name] == "*" for name in rest)


def _noun(grammar: Grammar) -> str:
    for shape in grammar.shapes:
        for component in shape.components:
            if component.name == grammar.tenant:
                return "group" if component.name == "project_path" else component.noun
    return "customer"


RECOGNISERS: Final[tuple[Callable[[Case, ConditionResult], Hint | None], ...]] = (
    immutable_ids,
    another_event,
    another_of_its_kind,
    merge_request,
    another_customer,
    unknown_form,
)
