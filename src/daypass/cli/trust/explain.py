"""`daypass trust explain`: may this token assume the role, why not, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from daypass.cli.parsing import Parser
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.attempt import Attempt
    from daypass.trust.document import Policy

ALLOWED: Final = 0
DENIED: Final = 1


def add(group: Parser) -> None:
    """Declare the subcommand."""
    from daypass.cli.trust import claims

    command = group.command(
        "explain",
        "find out whether a token may assume a role, why not, and which edit would help",
        run,
        details="Exit status: 0 allowed, 1 denied, 2 wrong usage or a malformed policy, 3 unreadable.",
    )
    command.add_argument(
        "--policy", required=True, metavar="FILE", help="where the trust policy is; - for standard input"
    )
    command.add_argument("--role", metavar="NAME", help="which role, when the file has several trust policies")
    claims.add(command)
    command.add_argument("--provider-arn", metavar="ARN", help="the IAM OIDC provider; from policy and token otherwise")
    command.add_argument(
        "--client-id", action="append", metavar="ID", dest="client_ids", help="registered with the provider; repeatable"
    )
    command.add_argument("--role-arn", metavar="ARN", help="the role, for its account and the token's roles claim")
    command.add_argument(
        "--action", metavar="ACTION", dest="asked", help="only this action, instead of all that the token needs"
    )
    command.add_argument("--session-name", default="daypass", metavar="NAME", help="as it will be requested")
    command.add_argument("--source-ip", metavar="ADDRESS", help="the caller's address, where the policy asks for it")
    command.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 allowed, 1 denied.
    """
    from daypass.cli import output
    from daypass.cli.trust import claims, policies
    from daypass.trust.edit import smallest_edit
    from daypass.trust.explain import narrate
    from daypass.trust.steps import explain

    policy = policies.one(arguments.policy, role=arguments.role)
    explanation = explain(policy, _attempt(arguments, policy, claims.read(arguments)))
    remedy = smallest_edit(explanation)
    if arguments.json:
        output.as_json(explanation.to_json() | {"edit": None if remedy is None else remedy.to_json()})
    else:
        for line in narrate(explanation, remedy).splitlines():
            output.line(line, explains=True)
    return ALLOWED if explanation.allowed else DENIED


def _attempt(arguments: argparse.Namespace, policy: Policy, found: Mapping[str, JsonValue] | None) -> Attempt:
    from datetime import UTC, datetime

    from daypass.cli.trust.claims import DEFAULT_AUDIENCE
    from daypass.names import ProviderArn, RoleArn, parse_session_name
    from daypass.trust.attempt import Attempt, likely_audience, likely_provider

    role = None if arguments.role_arn is None else RoleArn.parse(arguments.role_arn)
    issuer = None if found is None else found.get("iss")
    provider = (
        likely_provider(policy, issuer if isinstance(issuer, str) else None, role=role)
        if arguments.provider_arn is None
        else ProviderArn.parse(arguments.provider_arn)
    )
    if found is None:
        audience = (arguments.client_ids or [likely_audience(policy, provider) or DEFAULT_AUDIENCE])[0]
        found = {"iss": provider.issuer_url, "sub": arguments.subject, "aud": audience}
    return Attempt.imagine(
        found,
        provider=provider,
        now=datetime.now(UTC),
        client_ids=arguments.client_ids,
        role=role,
        action=arguments.asked,
        session_name=parse_session_name(arguments.session_name),
        source_ip=arguments.source_ip,
        judge_times=arguments.token is not None or arguments.token_env is not None,
    )
