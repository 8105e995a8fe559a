"""`daypass org`: manage organizations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli import form
from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

    from daypass.tokens.strict_json import JsonObject

__all__ = ["parser", "run"]

_COLUMNS: Final = ("id", "slug", "name", "token_format", "audiences", "issuer")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass org", description="Manage organizations.")
    create = group.command("create", "create an organization", _create)
    create.add_argument("slug", metavar="SLUG", help="its short name")
    update = group.command("update", "change an organization; what is not named stays", _update)
    update.add_argument("organization", metavar="ORG", help="id or slug")
    for command in (create, update):
        command.add_argument("--name", help="its name for people")
        command.add_argument("--token-format", metavar="FORMAT", help="what its tokens look like, such as daypass")
        command.add_argument(
            "--subject-claim",
            action="append",
            metavar="CLAIM",
            help="a claim that `sub` is made of, where the format lets that be chosen; repeatable, in order",
        )
        command.add_argument(
            "--allow-subject-claim",
            action="append",
            metavar="CLAIM",
            help="a subject claim that people choose or that is personal, and that is meant nevertheless; repeatable",
        )
        command.add_argument(
            "--audience", action="append", metavar="AUDIENCE", help="an audience its workloads may ask for; repeatable"
        )
    create.add_argument("--own-issuer", action="store_true", help="give it an issuer and keys of its own, for ever")
    update.add_argument(
        "--own-issuer", action="store_true", help="give it an issuer of its own; tells what changes, unless --yes"
    )
    update.add_argument(
        "--yes", action="store_true", help="change the issuer or the form, and with it `iss` or `sub` of all its tokens"
    )
    form.add(group)
    _add_aws_tags(group)
    show = group.command("show", "show an organization", _show)
    show.add_argument("organization", metavar="ORG", help="id or slug")
    for command in (create, update, show, group.command("list", "list organizations", _list)):
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _add_aws_tags(group: Parser) -> None:
    command = group.command(
        "aws-tags",
        "offer session tags and a source identity to workloads that ask for them; all of it anew",
        _aws_tags,
        details="FACT is organization_id, project_slug, workload_id, … or attributes.NAME.",
    )
    command.add_argument("organization", metavar="ORG", help="id or slug")
    command.add_argument(
        "--tag", action="append", default=[], metavar="KEY=FACT", help="a session tag and what it says; repeatable"
    )
    command.add_argument(
        "--transitive",
        action="append",
        default=[],
        metavar="KEY",
        help="a tag that passes on to chained sessions; repeatable",
    )
    command.add_argument("--source-identity", metavar="FACT", help="what the source identity is")
    command.add_argument("--none", action="store_true", help="offer nothing any more")
    command.add_argument("--json", action="store_true", help="print JSON")


def _aws_tags(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api
    from daypass.errors import UsageInvalid

    pairs = [tag.rpartition("=") for tag in arguments.tag]  # a tag's key may hold `=`, and no fact does
    if not all(key and fact for key, _, fact in pairs):
        raise UsageInvalid("a --tag is not KEY=FACT", advice="Write: --tag Project=project_slug")
    tags = {key: fact for key, _, fact in pairs}
    if len(tags) != len(pairs):
        raise UsageInvalid("a tag is named twice")
    if bool(tags or arguments.source_identity) == arguments.none:
        raise UsageInvalid("nothing to offer is named", advice="Name a --tag or --source-identity, or say --none.")
    body = {"tags": tags, "transitive": arguments.transitive, "source_identity": arguments.source_identity}
    place = admin_api.path("organizations", arguments.organization, "aws-claims")
    return admin_api.print_one(arguments, admin_api.connect().post(place, body))


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    body = admin_api.given(slug=arguments.slug, **_chosen(arguments))
    return _print_chosen(arguments, admin_api.connect().post("/v1/organizations", body))


def _update(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api, output
    from daypass.errors import UsageInvalid

    body = admin_api.given(**_chosen(arguments))
    if not body:
        raise UsageInvalid("nothing to change is named", advice="See: daypass org update --help")
    if (arguments.token_format or arguments.subject_claim) and not arguments.yes:
        raise UsageInvalid(
            "this can change `sub` of all the organization's tokens; nothing was changed",
            advice=f"See what it would change: daypass org format {arguments.organization} --dry-run …"
            " Then do it there, or say it with --yes.",
        )
    place = admin_api.path("organizations", arguments.organization)
    service = admin_api.connect()
    if arguments.own_issuer and not arguments.yes:
        found = service.get(place)
        if not found.get("own_issuer"):
            for line in _issuer_change(str(found.get("issuer")), str(found.get("slug"))):
                output.note(line)
            raise UsageInvalid("nothing was changed", advice="When the accounts are ready, say it with --yes.")
    return _print_chosen(arguments, service.patch(place, body))


def _issuer_change(old: str, slug: str) -> list[str]:
    """What another issuer changes, for whom."""
    new = f"{old.removesuffix('/')}/o/{slug}"
    before, after = (url.removeprefix("https://") for url in (old, new))
    return [
        "Tokens of this organization would change, from their next issue on, and never back:",
        f"  iss                     {old}",
        f"                       -> {new}",
        f"  IAM OIDC provider       arn:aws:iam::ACCOUNT:oidc-provider/{before}",
        f"                       -> arn:aws:iam::ACCOUNT:oidc-provider/{after}",
        f"  condition keys          {before}:sub, {before}:aud",
        f"                       -> {after}:sub, {after}:aud",
        "Make the new provider in each account and let its roles trust both, before you go on. Commands of workloads",
        "stay as they are. Tokens issued before are good until they expire.",
    ]


def _print_chosen(arguments: argparse.Namespace, organization: JsonObject) -> int:
    """Print the organization, and what its choice of subjects means."""
    from daypass.cli import admin_api, output
    from daypass.subjects.registry import FORMATS
    from daypass.subjects.safety import warnings

    status = admin_api.print_one(arguments, organization)
    token_format = FORMATS.get(str(organization.get("token_format")))
    if token_format is not None and (arguments.token_format or arguments.subject_claim):
        chosen = organization.get("subject_claims")
        for sentence in warnings(token_format, [str(name) for name in chosen] if isinstance(chosen, list) else []):
            output.note(sentence)
    return status


def _chosen(arguments: argparse.Namespace) -> dict[str, object]:
    return {
        "name": arguments.name,
        "token_format": arguments.token_format,
        "subject_claims": arguments.subject_claim,
        "allow_subject_claims": arguments.allow_subject_claim,
        "audiences": arguments.audience,
        "own_issuer": arguments.own_issuer or None,
    }


def _show(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.organization)
    return admin_api.print_one(arguments, admin_api.connect().get(place))


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), "/v1/organizations"), _COLUMNS)
