"""`daypass idp`: get an identity token, and log in to AWS with it."""

from __future__ import annotations

import os

from daypass.cli import exchanging, output
from daypass.cli.idp_holding import add_commands, add_login_options, tell_beside, wants_holding
from daypass.cli.plain import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Final

    from daypass.aws.login import Assumed
    from daypass.aws.profile_login import LoginRequest
    from daypass.cli.parsing import Parser
    from daypass.cli.plain import Declared
    from daypass.secret import Secret

__all__ = ["declare", "parser", "run"]

DEFAULT_AUDIENCE: Final = "sts.amazonaws.com"


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    from functools import partial

    from daypass.cli.parsing import Parser

    group = Parser(prog="daypass idp", description="Get an identity token, and log in to AWS with it.")
    declare(group)
    for name in ("login", "env", "credentials", "logout"):
        below = group.below(name)
        assert below is not None
        below.declare_later(partial(_add_relying_parties, name))
    return group


def declare(group: Declared) -> None:
    """The commands of the group."""
    token = group.command("token", "print an identity token of this workload", _token)
    token.add_argument(
        "--audience", action="append", default=[], metavar="AUDIENCE", help="who the token is for; repeatable"
    )
    token.add_argument(
        "--decode",
        action="store_true",
        help="print header and claims as JSON instead, without the signature, and what they mean to standard error",
    )
    token.add_argument(
        "--token-file", metavar="FILE", help="decode the token in this file, - for standard input, instead of a new one"
    )
    token.add_argument("--scope", help="passed to the identity provider")
    _add_token_source(token)
    token.add_argument(
        "--aws-session-tags",
        nargs="*",
        metavar="KEY",
        help="carry these session tags, or without KEY all that the organization offers; roles need sts:TagSession",
    )
    token.add_argument(
        "--aws-source-identity", action="store_true", help="carry the source identity; roles need sts:SetSourceIdentity"
    )
    token.add_argument(
        "--aws-role",
        action="append",
        default=[],
        metavar="ARN",
        help="make the token good for this role alone; repeatable",
    )
    _add_form(token)

    exchange = group.command("exchange", "print an identity token for another platform's token", _exchange)
    exchange.add_argument(
        "--audience", action="append", default=[], metavar="AUDIENCE", help="who the token is for; repeatable"
    )
    exchanging.add_arguments(exchange)

    login = group.group("login", "log in to a cloud with an identity token")
    aws = login.command(
        "aws",
        "assume a role with an identity token and write the credentials to a profile",
        _login_aws,
        details=(
            "environment: DAYPASS_URL, DAYPASS_TOKEN_FILE, DAYPASS_CA_BUNDLE; IDP_AWS_ROLE_ARN, AWS_REGION,\n"
            "AWS_ENDPOINT_URL_STS, AWS_CA_BUNDLE, AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, AWS_PROFILE,\n"
            "HTTPS_PROXY, NO_PROXY"
        ),
    )
    aws.add_argument(
        "--role-arn",
        action="append",
        metavar="ARN",
        help="the role to assume (default: IDP_AWS_ROLE_ARN, then AWS_ROLE_ARN); repeatable, each with its --profile",
    )
    aws.add_argument(
        "-d",
        "--duration-seconds",
        default="3600",
        metavar="SECONDS",
        help="how long the session lasts, 900 to 43200 (default: 3600)",
    )
    aws.add_argument(
        "-p",
        "--profile",
        action="append",
        metavar="NAME",
        help="the profile to write (default: AWS_PROFILE or `default`)",
    )
    aws.add_argument(
        "--role-session-name", metavar="NAME", help="name of the session (default: the workload and the time)"
    )
    aws.add_argument(
        "--audience", help=f"who the token is for (default: {DEFAULT_AUDIENCE}, or what the platform gives)"
    )
    aws.add_argument("--region", help="ask STS in this region and write it to the profile (default to ask: AWS_REGION)")
    aws.add_argument("--scope", help="passed to the identity provider")
    _add_token_source(aws)
    aws.add_argument(
        "--expect-account",
        action="append",
        default=[],
        metavar="ID",
        help="refuse a role of any other AWS account; repeatable",
    )
    aws.add_argument(
        "--wait",
        nargs="?",
        const="30",
        metavar="SECONDS",
        help="try a denied login again for so long, for a role that was made a moment ago (without it: not at all)",
    )
    aws.add_argument(
        "--clamp-duration",
        action="store_true",
        help="take the longest session that the role allows when --duration-seconds is longer",
    )
    aws.add_argument("--explain", action="store_true", help="print why, also when the login succeeds")
    aws.add_argument("--policy", metavar="FILE", help="the role's trust policy, to explain a refusal with")
    aws.add_argument(
        "--session-tags",
        nargs="*",
        metavar="KEY",
        help="carry these session tags, or without KEY all that are offered; the role needs sts:TagSession",
    )
    aws.add_argument(
        "--source-identity", action="store_true", help="carry the source identity; the role needs sts:SetSourceIdentity"
    )
    aws.add_argument("--bind-role", action="store_true", help="make the token good for this role alone")
    _add_form(aws)
    aws.add_argument("--exchange", action="store_true", help="exchange another platform's token first")
    exchanging.add_arguments(aws)
    aws.add_argument("-v", "--verbose", action="store_true", help="say which endpoint is asked")
    aws.add_argument("--json", action="store_true", help="print the result as JSON")
    add_login_options(aws)
    add_commands(group)


def _add_relying_parties(name: str, parser: Parser) -> None:
    from daypass.cli import idp_relying

    idp_relying.add_commands(parser, name)


def _add_token_source(command: Declared) -> None:
    command.add_argument(
        "--token-source",
        default="auto",
        metavar="SOURCE",
        help="where the token is from: auto (default), daypass, gitlab[:NAME], github, file:PATH, command:COMMAND, …",
    )


def _add_form(command: Declared) -> None:
    command.add_argument(
        "--format",
        choices=("current", "previous"),
        help="which form of token, in a period in which the organization has two",
    )


def _further(*, tags: list[str] | None, source_identity: bool, roles: list[str], form: str | None) -> dict[str, object]:
    """What is asked of our own identity provider alone; nothing unless it was asked for."""
    aws: dict[str, object] = {}
    if tags is not None:
        aws["session_tags"] = tags or True
    if source_identity:
        aws["source_identity"] = True
    if roles:
        aws["roles"] = roles
    return {**({"aws": aws} if aws else {}), **({} if form is None else {"form": form})}


def _token(arguments: argparse.Namespace) -> int:
    token = _given_token(arguments) if arguments.token_file else _new_token(arguments)
    if not arguments.decode:
        output.line(token.reveal())
        return 0
    from daypass.tokens.peek import peek
    from daypass.trust.token_words import describe_token

    unverified = peek(token.reveal())
    output.as_json({"Header": dict(unverified.header), "Payload": dict(unverified.claims)})
    for sentence in describe_token(unverified.claims):
        output.note(sentence)
    if arguments.token_file:
        output.note("Its signature was not checked.")
    return 0


def _new_token(arguments: argparse.Namespace) -> Secret:
    from daypass.cli.token_source import TokenSource
    from daypass.errors import UsageInvalid

    if not arguments.audience:
        raise UsageInvalid("no audience is named", advice=f"Add: --audience {DEFAULT_AUDIENCE}")
    more = _further(
        tags=arguments.aws_session_tags,
        source_identity=arguments.aws_source_identity,
        roles=arguments.aws_role,
        form=arguments.format,
    )
    source = TokenSource(arguments.token_source, arguments.audience, os.environ, scope=arguments.scope, more=more)
    return source.patiently()


def _given_token(arguments: argparse.Namespace) -> Secret:
    from daypass.errors import UsageInvalid

    if not arguments.decode or arguments.audience:
        raise UsageInvalid("--token-file only decodes", advice="Write: daypass idp token --decode --token-file FILE")
    return exchanging.read_token(arguments.token_file)


def _exchange(arguments: argparse.Namespace) -> int:
    output.line(exchanging.exchanged(arguments, arguments.audience or [DEFAULT_AUDIENCE]).reveal())
    return 0


def _login_aws(arguments: argparse.Namespace) -> int:
    from daypass.aws.credentials_file import Locations, look_beside
    from daypass.aws.endpoint import default_audience, find_region, parse_region, sts_endpoint
    from daypass.aws.login import assume
    from daypass.aws.profile_login import LoginRequest, keep
    from daypass.cli.arguments import accounts, wait_seconds
    from daypass.cli.clocks import utc_now
    from daypass.cli.sts import client
    from daypass.cli.token_source import TokenSource
    from daypass.errors import AwsRefused, UsageInvalid

    environ = os.environ
    if wants_holding(arguments):
        from daypass.cli.idp_login_held import log_in_held

        return log_in_held(arguments)
    role = (arguments.role_arn or [None])[0] or environ.get("IDP_AWS_ROLE_ARN") or environ.get("AWS_ROLE_ARN")
    if not role:
        raise UsageInvalid("no role is named", advice="Add: --role-arn ARN, or set IDP_AWS_ROLE_ARN.")
    if arguments.audience == "":
        raise UsageInvalid("the audience is empty", advice=f"Leave --audience out for {DEFAULT_AUDIENCE}.")
    request = LoginRequest.parse(
        role=role,
        duration_seconds=arguments.duration_seconds,
        profile=(arguments.profile or [None])[0] or environ.get("AWS_PROFILE") or "default",
        session_name=arguments.role_session_name,
        region=None if arguments.region is None else parse_region(arguments.region),
    )
    if not arguments.exchange and (arguments.token_file or arguments.token_env or arguments.connection):
        raise UsageInvalid("another platform's token is named, and is not to be exchanged", advice="Add: --exchange")
    more = _further(
        tags=arguments.session_tags,
        source_identity=arguments.source_identity,
        roles=[str(request.role)] if arguments.bind_role else [],
        form=arguments.format,
    )
    if arguments.exchange and more:
        raise UsageInvalid("what the exchange gives out carries no AWS claims, and has one form")
    expected, wait = accounts(arguments.expect_account), wait_seconds(arguments.wait)
    locations = Locations.of(environ)
    partition = request.role.partition
    sts = client(
        sts_endpoint(
            lambda: request.region or find_region(environ, request.profile, locations),
            partition,
            environ,
            profile=request.profile,
        ),
        environ,
        profile=request.profile,
    )
    source = TokenSource(
        arguments.token_source,
        [arguments.audience or default_audience(partition)],
        environ,
        insisted=arguments.audience is not None,
        scope=arguments.scope,
        more=more,
        verbose=arguments.verbose,
    )

    def find_token() -> Secret:
        if arguments.exchange:
            return exchanging.exchanged(arguments, [arguments.audience or default_audience(partition)])
        return source.token()

    if arguments.verbose:
        output.note(f"asking STS at {sts.origin}")
    try:
        assumed = assume(
            request.role,
            duration_seconds=request.duration_seconds,
            session_name=request.session_name,
            find_token=find_token,
            sts=sts,
            clock=utc_now,
            wait_seconds=wait,
            clamp_duration=arguments.clamp_duration,
            expected_accounts=expected,
        )
    except AwsRefused as refused:
        from daypass.cli.denied import refused as tell

        refused.facts["token_from"] = source.found_at
        return tell(
            refused,
            role=request.role,
            policy=arguments.policy,
            as_json=arguments.json,
        )
    beside = look_beside(request.profile, locations=locations)
    keep(assumed.session, profile=request.profile, region=request.region, locations=locations)
    _report(assumed, request, arguments, locations.credentials)
    tell_beside(beside, request.profile)
    return 0


def _report(assumed: Assumed, request: LoginRequest, arguments: argparse.Namespace, written: str) -> None:
    session = assumed.session
    facts = {
        "account": session.account,
        "role_arn": str(request.role),
        "session_arn": session.arn,
        "expires_at": session.credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "profile": request.profile,
        "credentials_file": written,
    }
    if arguments.json:
        output.as_json(facts)
    else:
        output.fields(facts)
    if assumed.duration_seconds != request.duration_seconds:
        output.note(
            f"The role allows no longer session than {assumed.duration_seconds} seconds, so this is its length;"
            f" {request.duration_seconds} were asked for."
        )
    if arguments.explain:
        from daypass.cli.denied import allowed

        allowed(assumed, role=request.role, policy=arguments.policy)
    if os.environ.get("AWS_ACCESS_KEY_ID"):
        output.note("AWS_ACCESS_KEY_ID is set here, and AWS's tools use it before any profile; unset it.")
    elif request.profile not in ("default", os.environ.get("AWS_PROFILE")):
        output.note(f"To use it: export AWS_PROFILE={request.profile}")
