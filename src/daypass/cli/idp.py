"""`daypass idp`: get an identity token, and log in to AWS with it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from daypass.cli import exchanging, output
from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

    from daypass.errors import AwsRefused
    from daypass.secret import Secret

__all__ = ["parser", "run"]

DEFAULT_AUDIENCE: Final = "sts.amazonaws.com"
_SUBJECT: Final = (
    "the trust policy's condition on {issuer}:sub must match the sub above, letter case included; only StringLike"
    " knows * and ?"
)
_PRINCIPAL: Final = (
    "its Principal must be Federated, the provider oidc-provider/{issuer} of account {account}, and its Action"
    " sts:AssumeRoleWithWebIdentity"
)
# What an AccessDenied of AssumeRoleWithWebIdentity can mean, most likely first.
_CAUSES: Final = (
    _SUBJECT,
    "its condition on {issuer}:aud must be the aud above",
    _PRINCIPAL,
    "the role must exist in account {account} with exactly this ARN, its path included",
    "a role or policy changed a moment ago takes some seconds to count; try again",
)


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass idp", description="Get an identity token, and log in to AWS with it.")
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
        "--role-arn", metavar="ARN", help="the role to assume (default: IDP_AWS_ROLE_ARN, then AWS_ROLE_ARN)"
    )
    aws.add_argument(
        "-d",
        "--duration-seconds",
        default="3600",
        metavar="SECONDS",
        help="how long the session lasts, 900 to 43200 (default: 3600)",
    )
    aws.add_argument("-p", "--profile", metavar="NAME", help="the profile to write (default: AWS_PROFILE or `default`)")
    aws.add_argument(
        "--role-session-name", metavar="NAME", help="name of the session (default: the workload and the time)"
    )
    aws.add_argument("--audience", default=DEFAULT_AUDIENCE, help=f"who the token is for (default: {DEFAULT_AUDIENCE})")
    aws.add_argument("--region", help="ask STS in this region and write it to the profile (default to ask: AWS_REGION)")
    aws.add_argument("--scope", help="passed to the identity provider")
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
    return group


def _add_form(command: Parser) -> None:
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
    from daypass.ambient import find_token
    from daypass.errors import UsageInvalid

    if not arguments.audience:
        raise UsageInvalid("no audience is named", advice=f"Add: --audience {DEFAULT_AUDIENCE}")
    more = _further(
        tags=arguments.aws_session_tags,
        source_identity=arguments.aws_source_identity,
        roles=arguments.aws_role,
        form=arguments.format,
    )
    return find_token(arguments.audience, os.environ, scope=arguments.scope, more=more)


def _given_token(arguments: argparse.Namespace) -> Secret:
    from daypass.errors import UsageInvalid

    if not arguments.decode or arguments.audience:
        raise UsageInvalid("--token-file only decodes", advice="Write: daypass idp token --decode --token-file FILE")
    return exchanging.read_token(arguments.token_file)


def _exchange(arguments: argparse.Namespace) -> int:
    output.line(exchanging.exchanged(arguments, arguments.audience or [DEFAULT_AUDIENCE]).reveal())
    return 0


def _login_aws(arguments: argparse.Namespace) -> int:
    import random
    import time
    from datetime import UTC, datetime
    from pathlib import Path

    from daypass.ambient import find_token
    from daypass.aws.credentials_file import Locations
    from daypass.aws.endpoint import parse_region, region_from, sts_endpoint
    from daypass.aws.login import LoginRequest, log_in
    from daypass.aws.sts_client import StsClient, Waiting
    from daypass.errors import AwsRefused, UsageInvalid

    environ = os.environ
    role = arguments.role_arn or environ.get("IDP_AWS_ROLE_ARN") or environ.get("AWS_ROLE_ARN")
    if not role:
        raise UsageInvalid("no role is named", advice="Add: --role-arn ARN, or set IDP_AWS_ROLE_ARN.")
    if not arguments.audience:
        raise UsageInvalid("the audience is empty", advice=f"Leave --audience out for {DEFAULT_AUDIENCE}.")
    request = LoginRequest.parse(
        role=role,
        duration_seconds=arguments.duration_seconds,
        profile=arguments.profile or environ.get("AWS_PROFILE") or "default",
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
    bundle = environ.get("AWS_CA_BUNDLE")
    sts = StsClient(
        sts_endpoint(request.region or region_from(environ), request.role.partition, environ),
        environ=environ,
        waiting=Waiting(time.monotonic, time.sleep, random.random),
        clock=lambda: datetime.now(UTC),
        ca_bundle=Path(bundle) if bundle else None,
    )
    if arguments.verbose:
        output.note(f"asking STS at {sts.origin}")
    locations = Locations.of(environ)
    try:
        session = log_in(
            request,
            find_token=lambda: (
                exchanging.exchanged(arguments, [arguments.audience])
                if arguments.exchange
                else find_token([arguments.audience], environ, scope=arguments.scope, more=more)
            ),
            sts=sts,
            locations=locations,
            clock=lambda: datetime.now(UTC),
        )
    except AwsRefused as refused:
        return _refused(refused, arguments, str(request.role))
    facts = {
        "account": session.account,
        "role_arn": str(request.role),
        "session_arn": session.arn,
        "expires_at": session.credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "profile": request.profile,
        "credentials_file": str(locations.credentials),
    }
    if arguments.json:
        output.as_json(facts)
    else:
        output.fields(facts)
    if environ.get("AWS_ACCESS_KEY_ID"):
        output.note("AWS_ACCESS_KEY_ID is set here, and AWS's tools use it before any profile; unset it.")
    elif request.profile not in ("default", environ.get("AWS_PROFILE")):
        output.note(f"To use it: export AWS_PROFILE={request.profile}")
    return 0


def _refused(refused: AwsRefused, arguments: argparse.Namespace, role: str) -> int:
    """Print AWS's sentence, what it saw of the token, and why: explained by the local AWS, else what to look at."""
    claims, words = refused.facts["claims"], refused.facts["words"]
    assert isinstance(claims, dict)
    if arguments.json:
        output.as_json(
            {
                "error": refused.code,
                "aws_code": refused.facts["aws_code"],
                "message": refused.message,
                "role_arn": role,
                "claims": claims,
                "words": words,
            }
        )
    output.error(refused)
    for name, value in {"role": role, **claims}.items():
        output.note(f"  {name.ljust(4)}  {value if isinstance(value, str) else output.compact(value)}")
    if isinstance(words, str):
        for text in words.splitlines():
            output.note(text)
    elif refused.facts["aws_code"] == "AccessDenied":
        issuer = str(claims.get("iss", "")).removeprefix("https://")
        output.note("AWS does not say which of these it was. Look at them in this order:")
        for number, text in enumerate(_CAUSES, start=1):
            output.note(f"  {number}. {text.format(issuer=issuer, account=role.split(':')[4])}")
    return 1
