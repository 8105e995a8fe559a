"""DP001 to DP006: the document itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from daypass.trust import mend
from daypass.trust.lint.edits import removed, replaced
from daypass.trust.lint.examples import GITHUB, MAIN, OWN, PROVIDER, SOUND, policy, statement, text
from daypass.trust.lint.model import Finding, Rule, Severity
from daypass.trust.lint.subject import value_at
from daypass.trust.lint.view import OidcArn, statements
from daypass.trust.locate import position
from daypass.trust.reading import OLD_VERSION, VERSION
from daypass.trust.role_trust import DEFAULT_CHARACTERS, RAISED_CHARACTERS, sid_faults
from daypass.trust.unknown import has_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.errors import JsonMalformed
    from daypass.trust.lint.model import LintSubject, Path
    from daypass.trust.reading import Fault

_TWICE: Final = "comes twice"
_ONE_NAME: Final = "differ only in letter case"
_NO_OPERATOR: Final = "is not a condition operator"
_NO_KEY: Final = "is not a condition key"
_PLACEHOLDER: Final = re.compile(r"<[A-Za-z][A-Za-z0-9 _-]*>|\$\{[A-Z][A-Z0-9_]*\}")
_SHOWN_ACCOUNTS: Final = frozenset({"123456789012", "111122223333", "444455556666"})


def fault_code(fault: Fault) -> str:
    """The rule that speaks of a fault of the grammar."""
    last = fault.path[-1] if fault.path else ""
    if last == "NotPrincipal":
        return "DP010"
    if _NO_OPERATOR in fault.message or _ONE_NAME in fault.message:
        return "DP004"
    return "DP029" if _NO_KEY in fault.message else "DP003"


def faults(subject: LintSubject, code: str) -> Iterator[Finding]:
    """The grammar's faults that one rule speaks of, but for those that a template leaves open."""
    for fault in subject.faults:
        if not fault.known and fault_code(fault) == code and not has_unknown(_shown(subject, fault.path)):
            index = fault.path[1] if len(fault.path) > 1 and fault.path[0] == "Statement" else None
            yield Finding(
                code,
                Severity.ERROR,
                fault.message,
                fault.path,
                fault.advice or "Write it as IAM's policy grammar has it.",
                statement=index if isinstance(index, int) else None,
            )


def _shown(subject: LintSubject, path: Path) -> str:
    value = value_at(subject.document, path)
    return f"{value} {path}" if isinstance(value, str | list) else str(path)


def _offset(fault: JsonMalformed) -> int:
    return int(str(fault.facts["offset"]))


def _is_duplicate(fault: JsonMalformed | None) -> bool:
    return fault is not None and _TWICE in str(fault.facts["reason"])


def _not_json(subject: LintSubject) -> Iterator[Finding]:
    fault = subject.not_json
    if fault is None or _is_duplicate(fault):
        return
    found = mend.find(subject.text, _offset(fault))
    offset = _offset(fault) if found is None else found.offset
    yield Finding(
        "DP001",
        Severity.ERROR,
        f"the policy is not JSON: {fault.facts['reason'] if found is None else found.missing}",
        (),
        found.advice if found else "Look at the place that is shown.",
        found=(mend.excerpt(subject.text, offset),),
        place=position(subject.text, offset),
    )


def _mended(subject: LintSubject, _finding: Finding) -> str | None:
    if subject.not_json is None:
        return None
    found = mend.find(subject.text, _offset(subject.not_json))
    return None if found is None or "it is a file name" in found.missing else found.text


def _version(subject: LintSubject) -> Iterator[Finding]:
    document = subject.document
    if isinstance(document, dict) and document.get("Version", OLD_VERSION) == OLD_VERSION and "Statement" in document:
        there = "Version" in document
        yield Finding(
            "DP002",
            Severity.WARNING,
            f"the version is {OLD_VERSION}, in which `${{…}}` stays literal text"
            if there
            else f"there is no version, which means {OLD_VERSION}: `${{…}}` stays literal text",
            ("Version",) if there else (),
            f'Write "Version": "{VERSION}".',
            wanted=(VERSION,),
            found=(OLD_VERSION,) if there else (),
        )


def _with_version(subject: LintSubject, finding: Finding) -> str | None:
    if "${" in subject.text or subject.not_json is not None:
        return None  # `${…}` would begin to mean something
    if finding.found:
        return replaced(subject, ("Version",), VERSION)
    start = subject.text.index("{") + 1
    blank = subject.text[start : len(subject.text) - len(subject.text[start:].lstrip())]
    return f'{subject.text[:start]}{blank}"Version": "{VERSION}",{subject.text[start:]}'


def _elements(subject: LintSubject) -> Iterator[Finding]:
    yield from faults(subject, "DP003")
    for index, message, _ in sid_faults(statements(subject)):
        yield Finding(
            "DP003",
            Severity.ERROR,
            message,
            ("Statement", index, "Sid"),
            "Use a Sid of A-Z a-z 0-9 that no other statement has, or none.",
            statement=index,
        )


def _without_element(subject: LintSubject, finding: Finding) -> str | None:
    return removed(subject, finding.path) if finding.path[-1] in {"Resource", "NotResource", "Sid"} else None


def _names(subject: LintSubject) -> Iterator[Finding]:
    if _is_duplicate(subject.not_json) and subject.not_json is not None:
        yield Finding(
            "DP004",
            Severity.ERROR,
            f"{subject.not_json.facts['reason']}: readers keep the last one, and a guard disappears",
            (),
            "Write one member, with a list of values where both are meant.",
            place=position(subject.text, _offset(subject.not_json)),
        )
    yield from faults(subject, "DP004")


def _size(subject: LintSubject) -> Iterator[Finding]:
    size = len("".join(subject.text.split()))
    if size > DEFAULT_CHARACTERS and not has_unknown(subject.text):
        raised = size <= RAISED_CHARACTERS
        yield Finding(
            "DP005",
            Severity.WARNING if raised else Severity.ERROR,
            f"the policy has {size} characters without white space; a role takes {DEFAULT_CHARACTERS}"
            + (f", {RAISED_CHARACTERS} with a raised quota" if raised else f", {RAISED_CHARACTERS} at most"),
            (),
            "Split the role in two, or name projects by an id that one pattern covers.",
            wanted=(str(DEFAULT_CHARACTERS),),
            found=(str(size),),
        )


def _placeholders(subject: LintSubject) -> Iterator[Finding]:
    for index, each in statements(subject):
        for principal in each.principals:
            arn = OidcArn.of(principal.value)
            if arn is None or has_unknown(arn.account):
                continue
            path = ("Statement", index, "Principal", principal.kind.value)
            if not re.fullmatch(r"[0-9]{12}", arn.account) or _PLACEHOLDER.search(principal.value):
                yield Finding(
                    "DP006",
                    Severity.ERROR,
                    f"`{arn.account}` is not an account: it has not been filled in"
                    if not re.fullmatch(r"[0-9]{12}", arn.account)
                    else f"`{principal.value}` has not been filled in",
                    path,
                    "Write the twelve digits of the account that the role is in.",
                    statement=index,
                    found=(principal.value,),
                )
            elif arn.account in _SHOWN_ACCOUNTS:
                yield Finding(
                    "DP006",
                    Severity.WARNING,
                    f"account {arn.account} is the one that documentation shows",
                    path,
                    "Write the twelve digits of the account that the role is in.",
                    statement=index,
                    found=(arn.account,),
                )
        for condition in each.conditions:
            for value in condition.values:
                if not has_unknown(value) and (match := _PLACEHOLDER.search(value)):
                    yield Finding(
                        "DP006",
                        Severity.ERROR,
                        f"`{match[0]}` has not been filled in",
                        ("Statement", index, "Condition", condition.operator, condition.key),
                        "Write the value that is meant.",
                        statement=index,
                        found=(value,),
                    )


_TEXT_SOUND: Final = SOUND.text

RULES: Final = (
    Rule(
        "DP001",
        "not-json",
        Severity.ERROR,
        "The policy is not JSON",
        "IAM answers only `This policy contains invalid Json`. A parser notices a missing comma at the token behind"
        " it, so the place is shown where the edit goes.",
        "Make the edit that is shown.",
        text(_TEXT_SOUND.replace('"sts.amazonaws.com",', '"sts.amazonaws.com"')),
        SOUND,
        _not_json,
        _mended,
        repairs=True,
    ),
    Rule(
        "DP002",
        "old-version",
        Severity.WARNING,
        "The policy has the old version, or none",
        f"Without `Version` a policy has version {OLD_VERSION}, in which policy variables stay literal text.",
        f'Write `"Version": "{VERSION}"`.',
        policy(statement(), Version=None),
        SOUND,
        _version,
        _with_version,
    ),
    Rule(
        "DP003",
        "element",
        Severity.ERROR,
        "An element is missing, unknown or forbidden",
        "IAM refuses the document. A trust policy has no `Resource`: it belongs to the role.",
        "Remove the element, or write its name as the grammar has it.",
        policy(statement(Resource="*")),
        SOUND,
        _elements,
        _without_element,
        repairs=True,
    ),
    Rule(
        "DP004",
        "operator-or-duplicate",
        Severity.ERROR,
        "An operator that is not one, or a name that comes twice",
        "IAM refuses an unknown operator. Of two members with one name a reader keeps the last, so a guard disappears"
        " without a word.",
        "Write the operator's name, and one member with a list of values.",
        policy(statement(sub=None, more={"StringEqual": {f"{GITHUB}:sub": MAIN}})),
        SOUND,
        _names,
    ),
    Rule(
        "DP005",
        "size",
        Severity.WARNING,
        "The policy is longer than a role takes",
        f"A trust policy has {DEFAULT_CHARACTERS} characters, white space not counted; the quota can be raised to"
        f" {RAISED_CHARACTERS}.",
        "Split the role in two, or name projects by an id that one pattern covers.",
        policy(
            statement(
                issuer=OWN,
                aud="sts",
                sub=[f"organization:tidewater:project:invoices-{n:02}:job:deploy" for n in range(45)],
            )
        ),
        SOUND,
        _size,
    ),
    Rule(
        "DP006",
        "placeholder",
        Severity.ERROR,
        "A placeholder was left in place",
        "`AWS_ACCOUNT`, `<account-id>` and the account ids of documentation name nobody: IAM refuses the ARN, or the"
        " role trusts a provider that is not there.",
        "Write the real account id.",
        policy(statement(Principal={"Federated": PROVIDER.replace("210987654321", "AWS_ACCOUNT") + GITHUB})),
        SOUND,
        _placeholders,
    ),
)
