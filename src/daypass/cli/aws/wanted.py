"""What a command line wants AWS to have: a file, or flags that say the same in short."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from daypass.cli.arguments import connection, path

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from daypass.aws.provisioning.desired import AccountWay, Desired
    from daypass.aws.provisioning.thumbprints import IssuerThumbprint
    from daypass.cli.parsing import Parser
    from daypass.fetching import Fetcher
    from daypass.names import IssuerUrl

FILE: Final = Path("daypass-aws.yaml")
# The names of the subject grammars; a test holds them together. Reading them here would load them for every `--help`.
FORMATS: Final = (
    *("gitlab", "github", "gitpod", "ona", "circleci", "buildkite", "bitbucket", "azure-devops", "hcp-terraform"),
    *("kubernetes", "google", "jenkins", "daypass", "spiffe"),
)


def add(command: Parser) -> None:
    """Declare the arguments that say what is wanted, and where."""
    file = command.add_argument_group("from a file")
    file.add_argument("--file", type=path, metavar="FILE", help=f"what AWS should have (default: {FILE})")
    flags = command.add_argument_group("from flags, for one role")
    flags.add_argument("--issuer", metavar="URL", help="whose tokens are trusted")
    flags.add_argument(
        "--audience", action="append", default=[], metavar="AUDIENCE", help="whom the tokens are for; repeatable"
    )
    flags.add_argument("--role", metavar="NAME", help="the role")
    for name in FORMATS:
        flags.add_argument(
            f"--{name}",
            action="append",
            default=[],
            metavar="WORD=VALUE,…",
            help=_EXAMPLES.get(name, f"who may enter, in the words of {name}'s tokens"),
        )
    flags.add_argument(
        "--subject",
        action="append",
        default=[],
        metavar="SUBJECT",
        help="who may enter, by `sub`; * and ? are wildcards",
    )
    flags.add_argument("--managed-policy", action="append", default=[], metavar="ARN", help="to attach; repeatable")
    flags.add_argument(
        "--inline-policy", action="append", default=[], metavar="NAME=FILE", help="a JSON policy to write; repeatable"
    )
    flags.add_argument("--boundary", metavar="ARN", help="the permissions boundary")
    flags.add_argument("--max-session", metavar="LENGTH", help="the longest session, 1h to 12h (default: 1h)")
    flags.add_argument(
        "--tag", action="append", default=[], metavar="KEY=VALUE", help="of provider and role; repeatable"
    )
    flags.add_argument("--stack", metavar="NAME", help="whose these things are (default: daypass)")
    where = command.add_argument_group("where")
    where.add_argument(
        "--profile", action="append", default=[], metavar="NAME", help="a profile of AWS's own files; repeatable"
    )
    where.add_argument(
        "--assume-role",
        action="append",
        default=[],
        metavar="ARN",
        help="a role to assume first, with the profile or what is found here; repeatable",
    )
    add_asking(command)


_EXAMPLES: Final = {
    "gitlab": "who may enter: project=mygroup/app,branch=main; repeatable, as those below",
    "github": "who may enter: repository=acme/app,environment=production",
    "kubernetes": "who may enter: namespace=ci,service_account=runner",
    "daypass": "who may enter: organization=ID,project=ID,kind=job",
}


def add_asking(command: Parser) -> None:
    """Declare how issuers are asked for their certificates."""
    asking = command.add_argument_group("how issuers are asked for their certificates")
    asking.add_argument(
        "--trust-ca",
        type=path,
        action="append",
        default=[],
        metavar="FILE",
        help="a PEM file of a private certificate authority; repeatable",
    )
    asking.add_argument(
        "--connect-to",
        type=connection,
        action="append",
        default=[],
        metavar="HOST:PORT=ADDRESS:PORT",
        help="ask the issuer HOST:PORT at another address; repeatable",
    )


def desired_of(arguments: argparse.Namespace) -> Desired:
    """What the arguments want, with all thumbprints known.

    Raises:
        DesiredStateInvalid, UsageInvalid: it cannot be read, or says two things.
        FileUnavailable: there is no such file.
        IssuerUnreachable, AddressForbidden: thumbprints are wanted, and the issuer could not be asked for them.
    """
    from daypass.aws.provisioning.thumbprints import resolved

    return resolved(read(arguments), lambda issuer: thumbprint_of(issuer, arguments))


def read(arguments: argparse.Namespace) -> Desired:
    """What the arguments want, as read. Raises as `desired_of` does, but asks nobody."""
    from daypass.aws.provisioning.desired_file import desired, read_desired_file
    from daypass.aws.provisioning.places import Placed
    from daypass.errors import UsageInvalid

    given = [name for name in (*_FLAGS, *map(_attribute, FORMATS)) if getattr(arguments, name)]
    if not given:
        return read_desired_file(arguments.file or FILE)
    if arguments.file is not None:
        raise UsageInvalid(
            f"`--file` says all, and `--{given[0].replace('_', '-')}` was given too", advice="Leave one of them out."
        )
    for name in ("issuer", "audience", "role"):
        if not getattr(arguments, name):
            raise UsageInvalid(
                f"`--{name}` is missing", advice="Without a file, --issuer, --audience and --role are needed."
            )
    return desired(Placed("command line", _document(arguments), {}))


_FLAGS: Final = (
    *("issuer", "audience", "role", "subject", "managed_policy", "inline_policy", "boundary", "max_session"),
    *("tag", "stack"),
)


def ways_of(arguments: argparse.Namespace, desired: Desired) -> Sequence[AccountWay]:
    """The accounts: those of the command line, else those of the file, else where the credentials here lead.

    Raises:
        ArnInvalid: a role to assume is none.
        UsageInvalid: several profiles and several roles, which could be joined in many ways.
    """
    from daypass.aws.provisioning.desired import AccountWay
    from daypass.errors import UsageInvalid
    from daypass.names import RoleArn

    roles = [RoleArn.parse(text) for text in arguments.assume_role]
    if len(roles) > 1 and len(arguments.profile) > 1:
        raise UsageInvalid(
            "several profiles and several roles to assume do not say which goes with which",
            advice="Name them together under `accounts` in the file.",
        )
    if roles:
        return [
            AccountWay(profile=profile, assume_role=role) for role in roles for profile in arguments.profile or [None]
        ]
    if arguments.profile:
        return [AccountWay(profile=profile) for profile in arguments.profile]
    return desired.accounts or (AccountWay(),)


def thumbprint_of(issuer: IssuerUrl, arguments: argparse.Namespace) -> IssuerThumbprint:
    """Ask an issuer, with the authorities that the arguments name. Raises as `find_thumbprint` does."""
    import asyncio

    from daypass.aws.provisioning.thumbprints import find_thumbprint

    private = _fetcher(issuer, arguments, arguments.trust_ca) if arguments.trust_ca else None
    return asyncio.run(find_thumbprint(issuer, _fetcher(issuer, arguments, ()), private))


def _fetcher(issuer: IssuerUrl, arguments: argparse.Namespace, trust: Sequence[Path]) -> Fetcher:
    from daypass.fetching import Fetcher

    return Fetcher(
        allow_private=frozenset({issuer.host}),  # the user named it
        connect_to=dict(arguments.connect_to),
        trust=trust,
        duplicates="last",
        keys_elsewhere=True,
    )


def _document(arguments: argparse.Namespace) -> dict[str, Any]:
    import json

    from daypass import files
    from daypass.aws.provisioning.desired_file import MAX_BYTES
    from daypass.errors import JsonMalformed, UsageInvalid
    from daypass.tokens import strict_json

    who: list[dict[str, Any]] = [
        {name: _words(f"--{name}", text)} for name in FORMATS for text in getattr(arguments, _attribute(name))
    ]
    who += [{"subject": subject} for subject in arguments.subject]
    if not who:
        raise UsageInvalid("nobody is named who may enter", advice="Such as: --gitlab project=mygroup/app,branch=main")
    tags = dict(_pair("--tag", text) for text in arguments.tag)
    role: dict[str, Any] = {"who": who, "tags": tags, "managed_policies": arguments.managed_policy}
    for name in ("boundary", "max_session"):
        if getattr(arguments, name):
            role[name] = getattr(arguments, name)
    for text in arguments.inline_policy:
        name, file = _pair("--inline-policy", text)
        content = files.read_bounded(Path(file), MAX_BYTES)
        try:
            document = json.loads(strict_json.dump(strict_json.parse(content, max_bytes=MAX_BYTES, max_members=10_000)))
        except JsonMalformed as fault:
            raise UsageInvalid(f"`{file}` is not JSON: {fault.message}") from None
        role.setdefault("inline_policies", {})[name] = document
    whole: dict[str, Any] = {
        "providers": [{"issuer": arguments.issuer, "audiences": arguments.audience, "tags": tags}],
        "roles": {arguments.role: role},
    }
    if arguments.stack:
        whole["stack"] = arguments.stack
    return whole


def _words(option: str, text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in text.split(","):
        name, value = _pair(option, each)
        found.setdefault(name, []).append(value)
    return found


def _pair(option: str, text: str) -> tuple[str, str]:
    from daypass.errors import UsageInvalid

    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageInvalid(f"`{text}` of `{option}` is not NAME=VALUE")
    return name, value


def _attribute(name: str) -> str:
    return name.replace("-", "_")
