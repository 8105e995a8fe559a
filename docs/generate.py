"""Write the reference pages from the code: commands, settings, error codes, token formats, lint rules.

`python docs/generate.py` writes them, `--check` fails when one is not what the code says.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import re
import sys
from functools import partial
from importlib.resources import files as resources
from pathlib import Path
from typing import TYPE_CHECKING

from daypass import config, errors
from daypass.cli.main import COMMANDS
from daypass.cli.parsing import Parser
from daypass.doctor.checks import AREAS, BY_CODE
from daypass.doctor.known_errors import KnownError, known_errors
from daypass.subjects.formats import Attribute, TokenFormat
from daypass.subjects.registry import FORMATS
from daypass.web import problems as _http_codes  # noqa: F401 - the codes of HTTP alone join the tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.finding import Check
from daypass.trust.lint.model import Example, Known, Rule
from daypass.trust.lint.rules import RULES
from daypass.trust.lint.run import lint_text

DOCS = Path(__file__).parent
NOTE = "<!-- Written by docs/generate.py; change the code instead. -->\n"


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    return "\n".join(lines) + "\n"


def _how(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    takes = "" if action.nargs == 0 else " " + str(action.metavar or action.dest.upper())
    return ", ".join(f"`{name}{takes}`" for name in action.option_strings)


def _command(parser: argparse.ArgumentParser, depth: int) -> Iterator[str]:
    if isinstance(parser, Parser):
        parser.declare()
    yield f"{'#' * depth} `{parser.prog}`\n"
    if parser.description:
        yield parser.description.strip() + "\n"
    rows = []
    children: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            children |= action.choices
        elif action.dest != "help" and action.help != argparse.SUPPRESS:
            rows.append([_how(action), _cell((action.help or "") % vars(action) if action.help else "")])
    if rows:
        yield _table(["argument", "meaning"], rows)
    if parser.epilog:
        yield parser.epilog.strip() + "\n"
    for child in children.values():
        yield from _command(child, depth + 1)


def commands() -> str:
    """Every command, from its own parser."""
    parts = ["# Commands\n", "Exit statuses: 0 done, 1 refused, 2 wrong usage, 3 could not find out.\n"]
    for name in COMMANDS:
        module = importlib.import_module(COMMANDS[name][0])
        parts += _command(module.parser(), 2)
    return "\n".join(parts)


def _leaves(kind: type[errors.DaypassError]) -> Iterator[type[errors.DaypassError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _leaves(child)


def error_codes() -> str:
    """Every error code, in the order of the tree."""
    rows = [[f"`{kind.code}`", _cell((kind.__doc__ or "").split("\n\n")[0])] for kind in _leaves(errors.DaypassError)]
    return "# Error codes\n\nThe code is stable; the sentence beside it may change.\n\n" + _table(
        ["code", "meaning"], rows
    )


def settings() -> str:
    """Every setting of the identity provider."""
    rows = [
        [f"`{setting.name}`", f"`{setting.variable}`", _cell(setting.default_text), _cell(setting.about)]
        for setting in config.SETTINGS
    ]
    return (
        "# Settings\n\n"
        "`daypass serve` reads them from the environment and from `daypass.toml`; the environment wins.\n\n"
        + _table(["key", "variable", "default", "meaning"], rows)
    )


def token_formats() -> str:
    """Every token format that can be issued."""
    parts = [
        "# Token formats\n",
        "An organization names one; it decides the claims, `sub` and `aud` of all its tokens.\n",
        "The same entries tell whose a token is: `daypass idp token --decode --token-file FILE` describes any token.\n",
        _table(
            ["format", "what it is", "on an issuer that organizations share"],
            [
                [f"[`{form.name}`](#{form.name})", _cell(form.about), "yes" if form.shareable else "no"]
                for form in FORMATS.values()
            ],
        ),
        "Where it says no, `sub` does not hold the organization's id: another organization could have the same.\n",
    ]
    for form in FORMATS.values():
        parts += [f"## `{form.name}`\n", form.about.strip() + "\n", _format_facts(form)]
        parts += [_subject_parts(form), _table(*_claims(form))]
    return "\n".join(part for part in parts if part)


def _format_facts(form: TokenFormat) -> str:
    required = ", ".join(f"`{name}`" for name in form.required_attributes) or "none"
    longest = form.subject.longest(())
    bound = "nothing bounds it" if longest is None else f"it has at most {longest}"
    doubts = "".join(f"- known and not known: {doubt}\n" for doubt in form.standing.doubts)
    return (
        f"- lifetime: {form.lifetime_seconds} seconds when none is asked for\n"
        f"- `aud`: {str(form.audience_form).replace('_', ' ')}\n"
        f"- header `typ`: {form.typ or 'left out'}; `alg` of the vendor's own: {', '.join(form.algorithms)}\n"
        f"- `sub`: at most {form.subject_limit} characters are issued; by default {bound}\n"
        f"- attributes that a workload must have: {required}\n"
        f"- source: {form.standing.source} ({form.standing.certainty})\n"
        f"{doubts}"
    )


def _subject_parts(form: TokenFormat) -> str:
    """The forms that `sub` has in trust policies, and what may be chosen for it."""
    examples = dict.fromkeys(shape.example for grammar in form.issuers for shape in grammar.shapes)
    text = "Subjects of this kind of issuer read:\n\n```text\n" + "\n".join(examples) + "\n```\n"
    rows = []
    for name in form.subject.allowed:
        part = None if name.endswith("*") else form.subject.part(name)
        rows.append([f"`{name}`", "personal" if part is None else part.marking.replace("_", " ")])
    if rows:
        text += "\nWhat may be chosen for `sub`; all that is not immutable must be allowed by name:\n\n"
        text += _table(["component", "kind"], rows)
    return text


def _claims(form: TokenFormat) -> tuple[list[str], list[list[str]]]:
    rows = []
    for claim in form.claims:
        plain = str(claim.source).replace("_", " ")
        source = f"attribute `{claim.source.name}`" if isinstance(claim.source, Attribute) else plain
        name = " > ".join((*claim.within, claim.name))
        required = "yes" if claim.required else ""
        rows.append([f"`{name}`", claim.written.value, _cell(source), required])
    return ["claim", "type", "from", "required"], rows


def rules() -> str:
    """Every lint rule, with a page of its own."""
    rows = [
        [f"[{rule.code}](../{rule.page}.md)", rule.severity.word, _cell(rule.title), _FIXES[_fix_of(rule)]]
        for rule in RULES
    ]
    pages = "\n".join(f"../{rule.page}" for rule in RULES)
    return (
        "# Lint rules\n\n"
        "`daypass trust lint` looks at trust policies by these rules. What it calls open comes with a token that the"
        " policy lets in.\n\n"
        + _table(["code", "severity", "what is found", "`--fix`"], rows)
        + f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    )


_FIXES = {"none": "", "narrows": "yes", "repairs": "when nothing opens"}


def _fix_of(rule: Rule) -> str:
    return "none" if rule.fix is None else "repairs" if rule.repairs else "narrows"


def rule_page(rule: Rule) -> str:
    """One rule, with what it says about its own examples."""
    located = [finding for finding in lint_text(rule.fails.text, rule.fails.known) if finding.code == rule.code]
    said = [f"{finding.severity.word} {finding.code}: {finding.message}" for finding in located]
    said += [f"    lets in: {finding.witness.subject}" for finding in located if finding.witness is not None]
    fixes = {
        "none": "There is no automatic fix.",
        "narrows": "`--fix` does it.",
        "repairs": "`--fix` does it when the policy has no new error afterwards.",
    }
    return "\n".join(
        [
            f"# {rule.code}: {rule.title}\n",
            f"Severity: {rule.severity.word}. Name: `{rule.slug}`.\n",
            rule.why + "\n",
            "## What to do\n",
            f"{rule.remedy} {fixes[_fix_of(rule)]}\n",
            "## Fails\n",
            _policy_block(rule.fails),
            "```text\n" + "\n".join(said) + "\n```\n",
            "## Passes\n",
            _policy_block(rule.passes),
        ]
    )


def _policy_block(example: Example) -> str:
    try:
        json.loads(example.text)
        language = "json"
    except ValueError:
        language = "text"
    defaults = dataclasses.asdict(Known())
    facts = {name: value for name, value in dataclasses.asdict(example.known).items() if value != defaults[name]}
    known = "".join(
        f"Known beside it, {name.replace('_', ' ')}: `{_plain(value)}`\n\n" for name, value in facts.items()
    )
    return f"{known}```{language}\n{example.text}\n```\n"


def _plain(value: object) -> str:
    """A value without what is not known in it."""
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each not in (None, (), "")}
    if isinstance(value, tuple | list):
        value = [json.loads(_plain(each)) for each in value]
    return json.dumps(value)


def seed_schema() -> str:
    """The schema of seed files."""
    return _schema(
        "Seed files of the local AWS",
        "What `daypass local-aws --init FILE` takes, as YAML or JSON",
        "daypass.localaws.seed",
        "seed.schema.json",
    )


def desired_schema() -> str:
    """The schema of `daypass-aws.yaml`."""
    return _schema(
        "daypass-aws.yaml",
        "What [`daypass aws`](../provisioning.md) reads, as YAML or JSON",
        "daypass.aws.provisioning",
        "desired.schema.json",
    )


def roles_schema() -> str:
    """The schema of the file of several roles."""
    return _schema(
        "Files of several roles",
        "What [`daypass idp login aws --roles FILE`](../holding-credentials.md) takes, as TOML",
        "daypass.aws.holding",
        "roles.schema.json",
    )


def _schema(title: str, about: str, package: str, name: str) -> str:
    """A page with a schema that is in the package."""
    shown = resources(package).joinpath(name).read_text("utf-8").rstrip()
    where = f"{package.replace('.', '/')}/{name}"
    return f"# {title}\n\n{about}: a JSON Schema (draft 2020-12), in the package at `{where}`.\n\n```json\n{shown}\n```"


def doctor_checks() -> str:
    """Every check of the doctor, in the order of the way that AWS takes."""
    parts = [
        "# What the doctor finds\n",
        "Every finding of `daypass doctor`, in the order of the way that AWS takes. The code is stable.\n",
        "An *error* stops AWS, or lets strangers in; a *warning* may; a *note* is good to know.\n",
    ]
    for area, checks in AREAS.items():
        parts += [f"## {area}\n", *map(_check, checks)]
    return "\n".join(parts)


def _check(check: Check) -> str:
    source = f"<{check.source}>" if check.source.startswith("https://") else check.source
    return (
        f"### `{check.code}`\n\n*{check.severity.word}*: {check.title}\n\n{check.why}\n\n"
        f"**Remedy.** {check.remedy}\n\nSource: {source}\n"
    )


TROUBLESHOOTING = """# When a login fails

Each sentence that people meet on the way from a token to an AWS session, what it means, and what leads to it, likeliest
first. The doctor reads the sentence as it was printed, whatever is around it, and tests the causes with all that it is
given besides:

```sh
daypass doctor --from-error "Incorrect token audience" --role-arn arn:aws:iam::123456789012:role/deploy
```

With `-` in place of the sentence a whole log is read from standard input.

![The sentence, and which of its causes was found](screens/doctor-error.svg)

What it asks, and every finding by its code, is on [its own page](reference/doctor.md). `--html report.html` writes a
page for people, `--sarif report.sarif` alerts for code hosts. For somebody who cannot reach your issuer or your account
`daypass doctor --bundle bundle.json` writes what was seen into a file without secrets, and
`daypass doctor --judge bundle.json` judges it where they are.

![The report of an issuer whose certificates are in the wrong order](screens/doctor-report.png)

"""


def troubleshooting() -> str:
    """Every error that is known, with what leads to it."""
    return TROUBLESHOOTING + "\n".join(map(_error, known_errors()))


def _error(error: KnownError) -> str:
    """One error, under an anchor that stays."""
    printed = "\n".join(dict.fromkeys(re.sub(r"\{([a-z_]+)\}", r"<\1>", text) for text in error.texts))
    causes = []
    for number, cause in enumerate(error.causes, 1):
        codes = ", ".join(f"[`{code}`]({BY_CODE[code].link})" for code in cause.found_by)
        shown = f" Found by {codes}." if codes else ""
        causes.append(f"{number}. {cause.why} *{cause.remedy}*{shown}")
    return (
        f"({error.id})=\n## {error.title.replace('*', chr(92) + '*')}\n\n{error.meaning}\n\n```text\n{printed}\n```\n\n"
        + "\n".join(causes)
        + f"\n\nSource: {error.source}.\n"
    )


PAGES = {
    "reference/cli": commands,
    "reference/errors": error_codes,
    "reference/settings": settings,
    "reference/token-formats": token_formats,
    "reference/lint-rules": rules,
    "reference/daypass-aws-file": desired_schema,
    "reference/roles-file": roles_schema,
    "reference/local-aws-seed": seed_schema,
    "reference/doctor": doctor_checks,
    "troubleshooting": troubleshooting,
    **{rule.page: partial(rule_page, rule) for rule in RULES},
}


def main() -> int:
    """Write or compare; the exit status says whether anything differed."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / f"{name}.md", NOTE + make().rstrip() + "\n"
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(path.name)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    if stale:
        print(f"{'stale' if check else 'wrote'}: {', '.join(stale)}" + ("; run: make format" if check else ""))
    return int(check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
