"""`daypass doctor`: an issuer, a token and a role looked at as AWS does, each fault with its remedy."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Final

from daypass.cli import doctor_reports
from daypass.cli.arguments import connection, path
from daypass.cli.parsing import Parser

if TYPE_CHECKING:
    from daypass.doctor.examine import Question
    from daypass.doctor.facts import Facts
    from daypass.doctor.judge import Diagnosis
    from daypass.names import RoleArn
    from daypass.secret import Secret

_LEVELS: Final = ("error", "warning", "note")
_DEFAULT_AUDIENCE: Final = "sts.amazonaws.com"
_ROLE_VARIABLES: Final = ("IDP_AWS_ROLE_ARN", "AWS_ROLE_ARN")


def parser() -> Parser:
    """The command line of `daypass doctor`."""
    doctor = Parser(
        prog="daypass doctor",
        formatter_class=argparse.HelpFormatter,
        description="Examine an issuer as AWS does: name, connection, certificates, discovery, keys, time. With a token"
        " and a role also these, and then say what STS would answer. Without ISSUER and --token the token is the one"
        " that this job's platform gives. The token is sent nowhere.",
        epilog="Exit status: 0 no finding at the level of --fail-on, 1 findings, 2 wrong usage, 3 could not find out.",
    )
    doctor.add_argument("issuer", nargs="?", metavar="ISSUER", help="the issuer's URL; by default the token's `iss`")
    token = doctor.add_mutually_exclusive_group()
    token.add_argument("--token", metavar="FILE", help="a file with the token; - for standard input")
    token.add_argument("--token-env", metavar="NAME", help="the environment variable that holds the token")
    token.add_argument(
        "--token-source",
        metavar="SOURCE",
        help="the platform that gives the token: auto, github, gitlab:AWS_ID_TOKEN, …",
    )
    doctor.add_argument(
        "--role-arn", metavar="ARN", help="the role that is to be assumed; IAM is asked when there are AWS credentials"
    )
    doctor.add_argument("--policy", metavar="FILE", help="where the role's trust policy is, instead of asking IAM")
    doctor.add_argument("--role", metavar="NAME", help="which role, when that file has several trust policies")
    doctor.add_argument("--audience", metavar="AUDIENCE", help="that the token should have")
    doctor.add_argument(
        "--duration-seconds",
        type=_duration,
        metavar="SECONDS",
        help="how long the session is to last, which the role may not allow",
    )
    doctor.add_argument("--no-aws", action="store_true", help="do not ask IAM, even where there are credentials")
    doctor.add_argument(
        "--ca-file",
        type=path,
        action="append",
        default=[],
        metavar="FILE",
        help="a PEM file of an authority that counts as trusted by AWS; repeatable",
    )
    doctor.add_argument(
        "--connect-to",
        type=connection,
        action="append",
        default=[],
        metavar="HOST:PORT=ADDRESS:PORT",
        help="ask HOST:PORT at another address: its name and certificate stay; repeatable",
    )
    doctor.add_argument(
        "--allow-private",
        action="append",
        default=[],
        metavar="HOST",
        help="a host that may lead to a private address, because a local AWS will ask it; repeatable",
    )
    doctor.add_argument(
        "--repeat", type=_repetitions, default=3, metavar="N", help="how often each document is fetched (default: 3)"
    )
    doctor.add_argument(
        "--time-limit", type=_seconds, default=5.0, metavar="SECONDS", help="that AWS waits (default: 5)"
    )
    doctor.add_argument(
        "--fail-on", choices=_LEVELS, default="error", help="the lowest severity that gives status 1 (default: error)"
    )
    doctor.add_argument("--json", action="store_true", help="print JSON: findings, verdict and all facts")
    doctor.add_argument(
        "--from-error",
        metavar="TEXT",
        help="the sentence that was printed, with whatever is around it; - for standard input. Says what causes it, and"
        " tests the causes with all that is named besides",
    )
    doctor_reports.add_arguments(doctor)
    return doctor


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when no finding reaches the level, 1 when one does, 3 when too little could be found out to say so.
    """
    from daypass.doctor.judge import judge

    if arguments.from_error is not None:
        return _from_error(arguments)
    facts = _examined(arguments) if arguments.judge is None else doctor_reports.facts_of(arguments)
    diagnosis = judge(facts)
    doctor_reports.write(arguments, facts, diagnosis)
    if arguments.json:
        from daypass.cli import output

        output.as_json({"schema": "daypass-doctor/1", **diagnosis.to_json(), "facts": facts.to_json()})
    else:
        from daypass.cli.doctor_screen import show

        show(facts, diagnosis)
    return status(facts, diagnosis, arguments.fail_on)


def _from_error(arguments: argparse.Namespace) -> int:
    """What a printed sentence means; its causes are tested as far as there is something to examine.

    Returns:
        As `run`; 0 for a sentence that is known where there is nothing to examine, 3 for one that is not known.
    """
    from daypass.cli import doctor_error
    from daypass.doctor.from_error import Recognised, recognise
    from daypass.doctor.judge import judge
    from daypass.errors import UsageInvalid

    found = recognise(doctor_error.read(arguments.from_error))
    if not isinstance(found, Recognised):
        doctor_error.show(found, None, None, in_json=arguments.json)
        return 3
    facts = diagnosis = None
    if arguments.judge is not None:
        facts = doctor_reports.facts_of(arguments)
    else:
        if arguments.issuer is None and arguments.token is None and arguments.token_env is None:
            arguments.issuer = found.issuer
        try:
            facts = _examined(arguments)
        except UsageInvalid as fault:
            if not fault.facts.get("nothing_to_examine"):
                raise
    if facts is not None:
        diagnosis = judge(facts)
        doctor_reports.write(arguments, facts, diagnosis)
    doctor_error.show(found, facts, diagnosis, in_json=arguments.json)
    if facts is None or diagnosis is None:
        return 0
    if not arguments.json:
        from daypass.cli.doctor_screen import show
        from daypass.cli.output import line

        line()
        show(facts, diagnosis)
    return status(facts, diagnosis, arguments.fail_on)


def status(facts: Facts, diagnosis: Diagnosis, level: str) -> int:
    """The exit status for a diagnosis."""
    from daypass.doctor.finding import Severity
    from daypass.doctor.judge import was_answered

    if diagnosis.at_least(Severity[level.upper()]):
        return 1
    return 0 if was_answered(facts) else 3


def _examined(arguments: argparse.Namespace) -> Facts:
    import asyncio
    from datetime import UTC, datetime

    from daypass.cli.doctor_screen import watching
    from daypass.doctor.examine import examine

    question = _question(arguments)
    with watching(quiet=arguments.json) as progress:
        return asyncio.run(examine(question, lambda: datetime.now(UTC), progress=progress))


def _question(arguments: argparse.Namespace) -> Question:
    from daypass.cli.trust import claims
    from daypass.doctor.examine import Question
    from daypass.errors import UsageInvalid
    from daypass.fetching import Limits

    for argument in (arguments.issuer, arguments.token_env, arguments.audience, arguments.role_arn):
        claims.demand_no_token(argument or "")
    if arguments.issuer is not None and "://" not in arguments.issuer:
        raise UsageInvalid(
            f"`{arguments.issuer}` is not the URL of an issuer",
            advice="It starts with https://, and is the `iss` of its tokens letter for letter.",
        )
    role_arn = _role(arguments)
    token, source, fault = _token(arguments)
    policy = None if arguments.policy is None else _policy(arguments.policy, arguments.role)
    if arguments.issuer is None and token is None and policy is None and role_arn is None:
        raise UsageInvalid(
            "there is nothing to examine: no issuer, no token, no role" + (f" ({fault})" if fault else ""),
            advice="Name an issuer's URL, or give a token with --token FILE.",
            nothing_to_examine=True,
        )
    for file in arguments.ca_file:
        _demand_authority(file)
    return Question(
        issuer=arguments.issuer,
        token=token,
        token_source=source,
        token_fault=fault,
        role_arn=role_arn,
        policy=policy,
        audience=arguments.audience,
        duration_seconds=arguments.duration_seconds,
        ask_aws=not arguments.no_aws,
        ca_files=tuple(arguments.ca_file),
        connect_to=dict(arguments.connect_to),
        allow_private=frozenset(arguments.allow_private),
        repeat=arguments.repeat,
        limits=Limits(total_seconds=arguments.time_limit),
    )


def _role(arguments: argparse.Namespace) -> RoleArn | None:
    """The role of the option; in a job that examines itself, the one that its logins take from the environment."""
    from daypass.names import RoleArn

    if arguments.role_arn is not None:
        return RoleArn.parse(arguments.role_arn)
    if arguments.issuer is not None or arguments.policy is not None:
        return None
    named = next((os.environ[name] for name in _ROLE_VARIABLES if os.environ.get(name)), None)
    return None if named is None else RoleArn.parse(named)


def _token(arguments: argparse.Namespace) -> tuple[Secret | None, str, str | None]:
    """The token, where it is from, and why there is none though one was looked for."""
    from daypass.ambient import find
    from daypass.cli.trust import claims
    from daypass.errors import DaypassError, UsageInvalid
    from daypass.secret import Secret

    if arguments.token is not None:
        name = "standard input" if arguments.token == "-" else arguments.token  # noqa: S105 (no secret)
        return Secret(claims.text_of_token(arguments.token)), name, None
    if arguments.token_env is not None:
        if not os.environ.get(arguments.token_env):
            raise UsageInvalid(f"the environment variable `{arguments.token_env}` is not set")
        return Secret(os.environ[arguments.token_env]), f"environment variable {arguments.token_env}", None
    if arguments.token_source is None and arguments.issuer is not None:
        return None, "", None
    audience = [arguments.audience or _DEFAULT_AUDIENCE]
    insisted = arguments.audience is not None
    try:
        found = find(audience, os.environ, source=arguments.token_source or "auto", insisted=insisted)
    except UsageInvalid:
        raise
    except DaypassError as fault:
        return None, arguments.token_source or "this job's platform", f"{fault.message}. {fault.advice or ''}".strip()
    if found is None:
        return None, "this job's platform", "no platform that gives tokens is recognized here"
    return found.token, found.source, None


def _policy(name: str, role: str | None) -> str:
    """The text of a trust policy. One that IAM would not take is examined, too."""
    from daypass.cli.trust import policies
    from daypass.errors import Invalid
    from daypass.trust.sources.choose import choose

    found = policies.found(name)
    try:
        chosen = choose(name, found, role=role)
    except Invalid:
        faulty = [each for each in found if each.error is not None and each.text]
        if len(found) == len(faulty) == 1:
            return faulty[0].text
        raise
    return next(each.text for each in found if each.policy is chosen)


def _demand_authority(file: os.PathLike[str]) -> None:
    import ssl

    from daypass.errors import UsageInvalid

    try:
        ssl.create_default_context().load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError) as error:
        told = isinstance(error, ssl.SSLError) or not error.strerror
        reason = "it holds no PEM certificate" if told else str(error.strerror).lower()
        raise UsageInvalid(f"`--ca-file`: `{os.fspath(file)}` cannot be used: {reason}") from None


def _repetitions(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 20:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number from 1 to 20")
    return int(text)


def _duration(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 900 <= int(text[:6]) <= 43_200:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds from 900 to 43200")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.1 <= value <= 60:
        raise argparse.ArgumentTypeError(f"`{text}` is not a number of seconds from 0.1 to 60")
    return value
