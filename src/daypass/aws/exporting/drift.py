"""Whether a file, an account and a committed export say the same; if not, which differs, where, and who gets in. Pure.

The account is exported as well, in the words of the file: where the committed export is that text, the two agree.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from daypass.aws.exporting.blueprint import Open, ProviderReference, blueprint, seen_blueprint
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.exporting.formats import export, is_beginning
from daypass.aws.exporting.reading import read_trust
from daypass.aws.provisioning.trust_policies import provider_arn
from daypass.errors import DaypassError, ExportImpossible
from daypass.trust.diff import Verdict, diff
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.aws.exporting.blueprint import AccountText, Blueprint, ExportedProvider, ExportedRole
    from daypass.aws.provisioning.account import Seen
    from daypass.aws.provisioning.desired import Desired
    from daypass.trust.diff import Difference


class Differs(StrEnum):
    """Which of the three is not as the others."""

    NOTHING = "nothing"
    FILE = "file"
    ACCOUNT = "account"
    EXPORT = "export"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Trust:
    """How another trust policy compares with the file's: `difference`, or why that was not decided."""

    difference: Difference | None
    undecided: str | None = None

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        return Verdict.UNDECIDED if self.difference is None else self.difference.verdict

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        if self.difference is not None:
            return self.difference.to_json()
        return {"verdict": self.verdict.value, "undecided": self.undecided}


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that is not as the file says.

    Attributes:
        where: `account` or `export`.
        resource: an issuer, a role's name, or a file's name.
        aspect: what of it, such as `client_ids`; `existence` when it is not there, `text` for lines of a file.
        file: what the file says, None for text.
        found: what is there.
        lines: of a unified diff, for text: `-` is what the file comes to, `+` what is there.
        trust: for trust policies.
    """

    where: Differs
    resource: str
    aspect: str
    file: Any = None
    found: Any = None
    lines: tuple[str, ...] = ()
    trust: Trust | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "where": self.where.value,
            "resource": self.resource,
            "aspect": self.aspect,
            "file": self.file,
            "found": self.found,
            "lines": list(self.lines),
            "trust": None if self.trust is None else self.trust.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Drift:
    """What came of it for one account."""

    account: str
    differs: Differs
    deviations: tuple[Deviation, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "account": self.account,
            "differs": self.differs.value,
            "deviations": [each.to_json() for each in self.deviations],
        }


@dataclass(frozen=True, slots=True)
class Committed:
    """An export as it is kept: its format, and the texts of its files by name, without those that only begin it."""

    format_name: str
    files: Mapping[str, str]


def drift(desired: Desired, seen: Seen, source: str, committed: Committed | None = None) -> Drift:
    """Compare a file with an account, and with an export when there is one.

    Args:
        desired: with thumbprints that are known.
        seen: what the account has.
        source: the file's name, as the export has it.
        committed: the export.

    Raises:
        ExportImpossible: the file cannot be exported in that format.
    """
    file, account = blueprint(desired, source), seen_blueprint(desired, seen, source)
    arns = {str(each.issuer): str(provider_arn(each, seen.account, seen.partition)) for each in desired.providers}
    deviations = [*_in_account(file, account, arns)]
    account_differs = bool(deviations)
    if committed is None:
        return Drift(seen.account, Differs.ACCOUNT if account_differs else Differs.NOTHING, tuple(deviations))
    wanted = compared_files(file, committed.format_name)
    in_export = [*_in_export(file, wanted, committed, arns)]
    differs = Differs.NOTHING
    if account_differs and in_export:
        differs = Differs.FILE if _exported(account, committed.format_name) == dict(committed.files) else Differs.ALL
    elif account_differs or in_export:
        differs = Differs.ACCOUNT if account_differs else Differs.EXPORT
    return Drift(seen.account, differs, (*deviations, *in_export))


def compared_files(of: Blueprint, format_name: str) -> dict[str, str]:
    """The files of an export that are compared. Raises as `export` does."""
    return {name: text for name, text in export(of, format_name).items() if not is_beginning(name)}


def _exported(account: Blueprint, format_name: str) -> dict[str, str] | None:
    """What the account comes to in a format; None when the format has no words for it."""
    try:
        return compared_files(account, format_name)
    except ExportImpossible:
        return None


def _in_account(file: Blueprint, account: Blueprint, arns: Mapping[str, str]) -> Iterator[Deviation]:
    for provider in file.providers:
        yield from _deviations(
            provider.issuer, provider, _find(account.providers, "issuer", provider.issuer), arns[provider.issuer]
        )
    for role in file.roles:
        yield from _deviations(role.name, role, _find(account.roles, "name", role.name), arns[role.issuer])


def _find(among: tuple[Any, ...], name: str, value: str) -> Any:
    return next((each for each in among if getattr(each, name) == value), None)


def _deviations(resource: str, wanted: ExportedProvider | ExportedRole, there: Any, arn: str) -> Iterator[Deviation]:
    if there is None:
        yield Deviation(Differs.ACCOUNT, resource, "existence", "there", "not there")
        return
    for field in fields(wanted):
        one, other = getattr(wanted, field.name), getattr(there, field.name)
        if one == other:
            continue
        trust = _compared(_text(one, arn), _text(other, arn)) if field.name == "trust" else None
        yield Deviation(Differs.ACCOUNT, resource, field.name, _plain(one, arn), _plain(other, arn), trust=trust)


def _in_export(
    file: Blueprint, wanted: Mapping[str, str], committed: Committed, arns: Mapping[str, str]
) -> Iterator[Deviation]:
    changed = False
    for name, text in wanted.items():
        there = committed.files.get(name)
        if there is None:
            yield Deviation(Differs.EXPORT, name, "existence", "there", "not there")
        elif there != text:
            lines = difflib.unified_diff(text.splitlines(), there.splitlines(), "file", "export", lineterm="", n=1)
            yield Deviation(Differs.EXPORT, name, "text", lines=tuple(lines) or ("only ends of lines differ",))
            changed = True
    for name in sorted({*committed.files} - {*wanted}):
        yield Deviation(Differs.EXPORT, name, "existence", "not there", "there")
    for role in file.roles if changed else ():
        found = read_trust(committed.format_name, committed.files, role, file, arns[role.issuer])
        if found is None:
            undecided = Trust(None, "the trust policy is not in the export as Daypass writes it")
            yield Deviation(Differs.EXPORT, role.name, "trust", trust=undecided)
            continue
        trust = _compared(_text(role.trust, arns[role.issuer]), found)
        if trust.verdict is not Verdict.EQUIVALENT:
            ours = _plain(role.trust, arns[role.issuer])
            yield Deviation(Differs.EXPORT, role.name, "trust", ours, json.loads(found), trust=trust)


def _compared(file: str, found: str) -> Trust:
    try:
        return Trust(diff(Policy.parse(file), Policy.parse(found)))
    except DaypassError as fault:
        return Trust(None, fault.message)


def _text(document: Any, arn: str) -> str:
    return json.dumps(referring(document, arn), indent=2)


def _plain(value: Any, arn: str) -> Any:
    """As plain values."""
    if isinstance(value, dict):
        return {key: _plain(each, arn) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, arn) for each in value]
    if isinstance(value, ProviderReference):
        return arn
    return _arn(value) if hasattr(value, "parts") else value


def _arn(text: AccountText) -> str:
    return "".join(f"{{{part.name}}}" if isinstance(part, Open) else part for part in text.parts)
