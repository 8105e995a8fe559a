"""`daypass key`: manage signing keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

    from daypass.tokens.strict_json import JsonObject

__all__ = ["parser", "run"]

_COLUMNS: Final = ("kid", "algorithm", "state", "created_at", "activated_at", "next_step_at", "waits_for")
_SIGNED: Final = ("at", "issuer", "subject", "audience", "jti", "expires_at", "workload_id")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass key", description="Manage signing keys.")
    create = group.command("create", "create a key; it is published at once and signs when it is activated", _create)
    create.add_argument("--algorithm", required=True, metavar="ALGORITHM", help="RS256, ES256, …")
    rotate = group.command("rotate", "publish new keys now; they take their turn by themselves later", _rotate)
    rotate.add_argument("--algorithm", metavar="ALGORITHM", help="only the key of this algorithm")
    rotate.add_argument(
        "--soon",
        action="store_true",
        help="as soon as caches that keep the key set no longer than they are told can have the new key",
    )
    activate = group.command("activate", "sign with this key from now on; the one before stays published", _activate)
    activate.add_argument("kid", metavar="KID")
    activate.add_argument("--at-once", action="store_true", help="do not wait until caches of the key set can have it")
    revoke = group.command("revoke", "a key has leaked: out of the key set at once, and another signs", _revoke)
    revoke.add_argument("kid", metavar="KID")
    revoke.add_argument("--reason", required=True, metavar="TEXT", help="for the audit log")
    revoke.add_argument(
        "--signed-since", metavar="TIME", help="list what it signed since then (RFC 3339); without it, all there is"
    )
    listed = group.command("list", "list keys, and when their next steps are", _list)
    for command in (create, rotate, listed):
        command.add_argument(
            "--organization", metavar="ORG", help="of this organization's own issuer, instead of the root issuer"
        )
    for command in (create, rotate, activate, revoke, listed):
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    body = admin_api.given(algorithm=arguments.algorithm, organization=arguments.organization)
    return admin_api.print_one(arguments, admin_api.connect().post("/v1/keys", body))


def _rotate(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api
    from daypass.errors import ServiceAnswerInvalid

    body = admin_api.given(
        algorithm=arguments.algorithm, organization=arguments.organization, soon=arguments.soon or None
    )
    items = admin_api.connect().post("/v1/keys/rotate", body).get("items")
    if not isinstance(items, list):
        raise ServiceAnswerInvalid("the identity provider answered with something that is not a list")
    return admin_api.print_list(arguments, (item for item in items if isinstance(item, dict)), _COLUMNS)


def _activate(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("keys", arguments.kid, "activate")
    return admin_api.print_one(
        arguments, admin_api.connect().post(f"{place}?at_once=true" if arguments.at_once else place)
    )


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    query = admin_api.given(organization=arguments.organization)
    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), "/v1/keys", **query), _COLUMNS)


def _revoke(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api, output

    service = admin_api.connect()
    done = service.post(admin_api.path("keys", arguments.kid, "revoke"), {"reason": arguments.reason})
    # After the revocation: however long the list is, the key is out of use.
    query = admin_api.given(since=arguments.signed_since)
    signed = list(admin_api.items(service, admin_api.path("keys", arguments.kid, "tokens"), **query))
    if arguments.json:
        output.as_json({**done, "signed": signed})
        return 0
    for line in _words(arguments.kid, done):
        output.note(line)
    since = f" since {arguments.signed_since}" if arguments.signed_since else ""
    output.note(f"It signed {len(signed)} tokens{since}:")
    output.table(
        [name.replace("_", " ") for name in _SIGNED],
        [[admin_api.shown(item.get(name)) for name in _SIGNED] for item in signed],
    )
    return 0


def _words(kid: str, done: JsonObject) -> list[str]:
    """What was done, who may still accept the key, and what accounts must do."""
    replacement = done.get("replacement")
    new = replacement.get("kid") if isinstance(replacement, dict) else None
    lost = done.get("caches_until")
    return [
        f"The key {kid} is out of the key set, for good.",
        f"New tokens are signed by {new}." if new else "It was not the one that signs, so none takes its place.",
        f"Relying parties that keep the key set no longer than they are told lose it by {lost}.",
        "Until then they accept what it signs, and may refuse a new key that they have not fetched.",
        "AWS does not say how long STS keeps a key set. Where a token of that key would do harm, do not wait:",
        "  - delete the IAM OIDC provider, or let the trust policies of its roles deny, until caches have lost it;",
        "  - end sessions that were begun with it: in IAM, on each role, Revoke active sessions (aws:TokenIssueTime);",
        "  - look in CloudTrail for AssumeRoleWithWebIdentity with a subject or time that is not in this list:",
        "    whoever has the key makes tokens that no audit log here has seen.",
    ]
