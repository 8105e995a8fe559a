"""`daypass org format`: another form of tokens, first shown as what it would change, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from daypass.cli.parsing import Parser
    from daypass.tokens.strict_json import JsonObject, JsonValue
    from daypass.trust.decision import StatementResult
    from daypass.trust.sources.found import FoundPolicy


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "format",
        "change what tokens look like: shows old and new subjects, and which trust policies would stop matching",
        run,
        details="Without --yes nothing is changed.",
    )
    command.add_argument("organization", metavar="ORG", help="id or slug")
    command.add_argument("--token-format", metavar="FORMAT", help="what its tokens are to look like, such as daypass")
    command.add_argument(
        "--subject-claim", action="append", metavar="CLAIM", help="a claim that `sub` is made of; repeatable, in order"
    )
    command.add_argument(
        "--allow-subject-claim",
        action="append",
        metavar="CLAIM",
        help="a subject claim that people choose or that is personal, and that is meant nevertheless; repeatable",
    )
    command.add_argument("--dry-run", action="store_true", help="only show what it would change")
    command.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="FILE",
        help="trust policies to ask: a policy, a template, a Terraform plan, an answer of IAM; repeatable",
    )
    command.add_argument("--last", type=int, default=20, metavar="NUMBER", help="of how many workloads (default: 20)")
    command.add_argument(
        "--either-until",
        metavar="TIME",
        help="until then (RFC 3339) jobs may ask for either form, and get the old one when they ask for none",
    )
    command.add_argument(
        "--switch", action="store_true", help="in such a period: from now on the new form is for who asks for none"
    )
    command.add_argument("--yes", action="store_true", help="change it")
    command.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Raises:
        UsageInvalid: when it was not said that it is meant; what it would change was shown then.
    """
    from datetime import UTC, datetime

    from daypass.cli import admin_api, output
    from daypass.errors import UsageInvalid

    form = admin_api.given(
        token_format=arguments.token_format,
        subject_claims=arguments.subject_claim,
        allow_subject_claims=arguments.allow_subject_claim,
    )
    change = form | admin_api.given(either_until=arguments.either_until, switched=arguments.switch or None)
    if not change or (arguments.dry_run and not form):
        raise UsageInvalid("nothing to change is named", advice="See: daypass org format --help")
    place, service = admin_api.path("organizations", arguments.organization), admin_api.connect()
    if arguments.yes and not arguments.dry_run:
        return admin_api.print_one(arguments, service.patch(place, change))
    if form:
        preview = service.post(f"{place}/form-preview", {**form, "limit": arguments.last})
        workloads = [each for each in _list(preview.get("workloads")) if isinstance(each, dict)]
        answers = list(_answers(arguments.policy, workloads, datetime.now(UTC)))
        if arguments.json:
            output.as_json({**preview, "policies": [answer.to_json() for answer in answers]})
        else:
            _show(preview, workloads, answers)
    if arguments.dry_run:
        return 0
    raise UsageInvalid("nothing was changed", advice="When the trust policies are ready, say it with --yes.")


@dataclass(frozen=True, slots=True)
class _Changed:
    """A workload for which a policy's answer changes; `stops` and `begins` are the statements that do."""

    workload_id: str
    workload_name: str
    allowed_before: bool
    allowed_after: bool
    stops: tuple[str, ...]
    begins: tuple[str, ...]

    def words(self) -> Iterator[str]:
        """In lines."""
        match self.allowed_before, self.allowed_after:
            case True, False:
                answer = "STOPS letting in"
            case False, True:
                answer = "BEGINS to let in"
            case True, True:
                answer = "lets in as before"
            case _:
                answer = "refuses as before"
        yield f"{answer} {self.workload_id} {self.workload_name}"
        yield from (f"  stops to match: {name}" for name in self.stops)
        yield from (f"  begins to match: {name}" for name in self.begins)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What becomes of a trust policy; `fault` is why it cannot be asked."""

    where: str
    fault: str | None
    changed: tuple[_Changed, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        from dataclasses import asdict

        return asdict(self)


def _answers(files: Sequence[str], workloads: Sequence[JsonObject], now: datetime) -> Iterator[_Answer]:
    from daypass.cli.trust import policies

    for file in files:
        for found in policies.found(file):
            yield _answer(found, workloads, now)


def _answer(found: FoundPolicy, workloads: Sequence[JsonObject], now: datetime) -> _Answer:
    from daypass.trust.claims_change import claims_change
    from daypass.trust.steps import name_of

    def named(results: Sequence[StatementResult]) -> tuple[str, ...]:
        return tuple(f"{name_of(result)} ({result.effect.value})" for result in results)

    if found.policy is None:
        return _Answer(str(found.where), "cannot be read" if found.error is None else found.error.message)
    changed = []
    for workload in workloads:
        change = claims_change(found.policy, _claims(workload, "old"), _claims(workload, "new"), now=now)
        if change.stops or change.begins or change.allowed_before is not change.allowed_after:
            changed.append(
                _Changed(
                    str(workload.get("workload_id")),
                    str(workload.get("workload_name")),
                    change.allowed_before,
                    change.allowed_after,
                    named(change.stops),
                    named(change.begins),
                )
            )
    return _Answer(str(found.where), None, tuple(changed))


def _show(preview: JsonObject, workloads: Sequence[JsonObject], answers: Sequence[_Answer]) -> None:
    from daypass.cli import output

    output.line(f"old  {_form(preview.get('old'))}")
    output.line(f"new  {_form(preview.get('new'))}")
    for workload in workloads:
        output.line(f"{workload.get('workload_id')} {workload.get('workload_name')}")
        for name in ("old", "new"):
            output.line(f"  {name}  {_outcome(workload.get(name))}")
    if not workloads:
        output.line("There is no workload yet.")
    for answer in answers:
        if not answer.changed:
            output.line(f"{answer.where}: {answer.fault or 'answers all of these workloads as before'}")
        for changed in answer.changed:
            output.line(f"{answer.where}: {next(changed.words())}")
            for line in list(changed.words())[1:]:
                output.line(line)
    for sentence in _list(preview.get("warnings")):
        output.note(str(sentence))


def _form(form: JsonValue) -> str:
    if not isinstance(form, dict):
        return "-"
    claims = _list(form.get("subject_claims"))
    return f"{form.get('token_format')}{': ' if claims else ''}{' '.join(map(str, claims))}"


def _outcome(filled: JsonValue) -> str:
    if not isinstance(filled, dict):
        return "-"
    return str(filled.get("subject") or f"no token: {filled.get('reason')}")


def _claims(workload: JsonObject, name: str) -> JsonObject | None:
    filled = workload.get(name)
    claims = filled.get("claims") if isinstance(filled, dict) else None
    return claims if isinstance(claims, dict) else None


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
