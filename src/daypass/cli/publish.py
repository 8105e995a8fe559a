"""`daypass publish`: put discovery document and key set where strangers get them, and look at what they get."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.cli.arguments import connection, path, wait_seconds
from daypass.cli.parsing import Parser
from daypass.errors import ChangedMeanwhile, UsageInvalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from daypass.config import Settings
    from daypass.fetching import Fetcher
    from daypass.publishing import Finding, Publication, Published
    from daypass.publishing.sources import Source

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LOOK_AGAIN_SECONDS: Final = 2.0

ABOUT: Final = (
    "Publish the discovery document and the key set of an issuer that nobody outside can reach, then look at what is"
    " really served at the issuer's URL."
)
DETAILS: Final = """\
TARGET is s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://ACCOUNT/CONTAINER/PREFIX or a folder; what is in it is to be
served below the issuer's URL. Without --from… it is our own issuer, and those of organizations below it: settings come
from daypass.toml and DAYPASS_… as for `daypass serve`, which may run meanwhile.

Exit status: 0 published and seen, 1 what is seen differs or must not be published, 3 could not find out.
"""


def parser() -> Parser:
    """The command line."""
    made = Parser(prog="daypass publish", description=ABOUT, epilog=DETAILS)
    made.add_argument("target", metavar="TARGET", nargs="?", help="where to publish; not needed with --verify-only")
    source = made.add_argument_group("what is published (without any: our own issuers)")
    source.add_argument("--from", dest="upstream", metavar="URL", help="another issuer, asked at its own URL")
    source.add_argument(
        "--from-file", nargs=2, type=path, metavar=("DISCOVERY", "KEYS"), help="the two documents of an issuer in files"
    )
    source.add_argument("--from-kubernetes", metavar="URL", help="the cluster with this API server")
    source.add_argument(
        "--issuer", metavar="URL", help="the issuer that is published instead of the documents' own (not of a cluster)"
    )
    source.add_argument("--organization", metavar="ORG", help="of ours: this organization's own issuer alone")
    source.add_argument("--config", metavar="FILE", help="of ours: the settings file (TOML)")
    source.add_argument("--data-folder", metavar="FOLDER", help="of ours: the folder with the database")
    source.add_argument("--ca-file", type=path, metavar="FILE", help="a PEM file of authorities to trust at --from…")
    source.add_argument(
        "--connect-to",
        type=connection,
        action="append",
        default=[],
        metavar="HOST:PORT=ADDRESS:PORT",
        help="with --from: ask HOST:PORT at another address, its name and certificate stay; repeatable",
    )
    source.add_argument(
        "--token-file", type=path, metavar="FILE", help="with --from-kubernetes (default: the pod's service account)"
    )
    source.add_argument(
        "--max-age", metavar="SECONDS", help="with --from…: how long caches may keep both (default: 300)"
    )
    source.add_argument(
        "--form",
        choices=("jwks-file", "pem"),
        help="write the keys into the folder TARGET as files to upload: a JWKS for Google, PEM for Vault",
    )
    looking = made.add_argument_group("looking from outside")
    looking.add_argument("--verify-only", action="store_true", help="publish nothing, only look")
    looking.add_argument("--no-verify", action="store_true", help="do not look: nothing serves it yet")
    looking.add_argument("--wait", metavar="SECONDS", help="look again until all is well, for so long (1 to 600)")
    looking.add_argument(
        "--outside-ca-file",
        type=path,
        metavar="FILE",
        help="a PEM file of authorities to trust; AWS trusts public ones",
    )
    looking.add_argument(
        "--outside-connect-to",
        type=connection,
        action="append",
        default=[],
        metavar="HOST:PORT=ADDRESS:PORT",
        help="look at HOST:PORT at another address, its name and certificate stay; repeatable",
    )
    made.add_argument("--watch", action="store_true", help="go on: publish changes, look, tell in JSON lines")
    made.add_argument("--interval", metavar="SECONDS", help="with --watch: between checks (default: 60)")
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def run(arguments: argparse.Namespace) -> int:
    """Publish and look; the exit status.

    Raises:
        PublishingRefused: the first, when all that could be done is done and told.
    """
    from daypass.bootstrap.publishing import keep_published, open_target
    from daypass.cli import output

    _demand_sense(arguments)
    settings = None if any(_foreign(arguments)) else _settings(arguments)
    source = _source(arguments, settings)
    if arguments.form is not None:
        return _upload_forms(arguments, source)
    target = None if arguments.verify_only else open_target(arguments.target, os.environ)
    fetcher = None if arguments.no_verify else _outside(arguments, settings)
    if arguments.watch:
        interval = _seconds("--interval", arguments.interval or "60", 1, 86_400)
        return keep_published(source, target, fetcher, interval_seconds=interval)

    wait = wait_seconds(arguments.wait)

    async def once() -> tuple[Published, Sequence[Finding]]:
        from daypass.publishing import Published, publish

        done = Published(tuple(await source.read()), (), {}) if target is None else await publish(source, target)
        return done, [] if fetcher is None else await _look(fetcher, done.publications, wait)

    try:
        done, findings = asyncio.run(once())
    except ChangedMeanwhile as error:
        output.error(error)  # nothing is wrong with the command, and it may go well in a moment
        return 3
    status = _tell(arguments, done, findings)
    if done.refused:
        raise next(iter(done.refused.values()))
    return status


def _demand_sense(arguments: argparse.Namespace) -> None:
    given = any(_foreign(arguments))
    if sum(_foreign(arguments)) > 1:
        raise UsageInvalid("name one source: --from, --from-file or --from-kubernetes")
    if arguments.target is None and not arguments.verify_only:
        raise UsageInvalid("TARGET is missing", advice="Name a bucket or a folder, or only look with --verify-only.")
    if arguments.verify_only and (arguments.no_verify or arguments.form):
        raise UsageInvalid("`--verify-only` goes with neither `--no-verify` nor `--form`")
    if not given and arguments.issuer is not None:
        raise UsageInvalid(
            "`--issuer` is for other issuers' documents", advice="Ours is `issuer` in the settings: DAYPASS_ISSUER."
        )
    if not given and arguments.max_age is not None:
        # The server's key ring counts on its own settings, and would let a key sign that such caches do not have.
        raise UsageInvalid(
            "`--max-age` is for other issuers' documents",
            advice="Ours is `key_set_max_age_seconds` in the settings, the server's and these.",
        )
    if given and arguments.organization is not None:
        raise UsageInvalid("`--organization` is for our own issuers")
    if arguments.interval is not None and not arguments.watch:
        raise UsageInvalid("`--interval` goes with `--watch`")
    if arguments.watch and (arguments.form or arguments.wait or arguments.json):
        raise UsageInvalid("`--watch` goes with none of `--form`, `--wait` and `--json`")
    if arguments.form and "://" in arguments.target:
        raise UsageInvalid("`--form` writes files: TARGET is a folder")


def _foreign(arguments: argparse.Namespace) -> Sequence[bool]:
    """Which of the sources that are not our own were named."""
    return [each is not None for each in (arguments.upstream, arguments.from_file, arguments.from_kubernetes)]


def _seconds(option: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise UsageInvalid(f"`{option} {text}` is not a number of seconds, {low} to {high}")
    return int(text)


def _source(arguments: argparse.Namespace, settings: Settings | None) -> Source:
    from daypass.bootstrap.publishing import OwnIssuers
    from daypass.fetching import Fetcher
    from daypass.idp.key_times import KEY_SET_MAX_AGE_SECONDS
    from daypass.names import IssuerUrl
    from daypass.publishing.sources import Cluster, FetchedIssuer, FromFiles

    if settings is not None:
        return OwnIssuers(settings, arguments.organization)
    issuer = None if arguments.issuer is None else IssuerUrl.parse(arguments.issuer)
    given = arguments.max_age
    max_age = KEY_SET_MAX_AGE_SECONDS if given is None else _seconds("--max-age", given, 0, 86_400)
    if arguments.upstream is not None:
        upstream = IssuerUrl.parse(arguments.upstream)
        fetcher = Fetcher(
            trust=_authorities("--ca-file", arguments.ca_file),
            allow_private=frozenset({upstream.host}),  # named by whoever runs this, on purpose
            connect_to=dict(arguments.connect_to),
        )
        return FetchedIssuer(fetcher, upstream, issuer, max_age)
    if arguments.from_file is not None:
        discovery, keys = arguments.from_file
        return FromFiles(discovery, keys, issuer, max_age)
    ca_file = arguments.ca_file or next(filter(Path.exists, [SERVICE_ACCOUNT / "ca.crt"]), None)
    token_file = arguments.token_file or SERVICE_ACCOUNT / "token"
    return Cluster(arguments.from_kubernetes, token_file, ca_file, issuer, max_age)


def _settings(arguments: argparse.Namespace) -> Settings:
    """Those of our own issuers."""
    from daypass.cli import output
    from daypass.config import FILE_NAME, Settings

    named = arguments.config or os.environ.get("DAYPASS_CONFIG")
    file = Path(named) if named else Path(FILE_NAME)
    given = {} if arguments.data_folder is None else {"data_folder": arguments.data_folder}
    settings = Settings.read(os.environ, file=file if named or file.exists() else None, given=given)
    if not settings.published_elsewhere:
        output.note("note: `published_elsewhere` is not set: a new key signs although strangers may not get it yet")
    return settings


def _authorities(option: str, file: Path | None) -> tuple[Path, ...]:
    from daypass.config import why_no_authorities

    if file is None:
        return ()
    if reason := why_no_authorities(file):
        raise UsageInvalid(f"`{option} {file}` cannot be used: {reason}", advice="Name a PEM file of authorities.")
    return (file,)


def _outside(arguments: argparse.Namespace, settings: Settings | None) -> Fetcher:
    """Who looks. At our own issuers with the eyes of the server, whose keys wait for what it sees."""
    from daypass.fetching import Fetcher

    ours = None if settings is None else settings.published_authorities
    return Fetcher(
        trust=(*_authorities("--outside-ca-file", arguments.outside_ca_file), *([] if ours is None else [ours])),
        allow_private=frozenset() if settings is None else settings.published_private_hosts,
        connect_to=dict(arguments.outside_connect_to),
    )


async def _look(fetcher: Fetcher, publications: Sequence[Publication], wait: float) -> list[Finding]:
    from daypass.publishing import Gravity, look

    ends = time.monotonic() + wait
    while True:
        findings = [found for each in publications for found in await look(fetcher, each)]
        well = all(found.gravity is Gravity.WARNING for found in findings)
        if well or time.monotonic() + _LOOK_AGAIN_SECONDS > ends:
            return findings
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _tell(arguments: argparse.Namespace, done: Published, findings: Sequence[Finding]) -> int:
    from daypass.cli import output
    from daypass.publishing import Gravity

    if arguments.json:
        issuers = [
            {
                "issuer": each.issuer.text,
                "kids": [key.kid for key in each.keys.keys],
                "paths": [found.path for found in each.objects],
                "notes": list(each.notes),
            }
            for each in done.publications
        ]
        told = [found.to_json() for found in findings]
        output.as_json(
            {
                "issuers": issuers,
                "written": list(done.written),
                "taken_out": done.taken_out,
                "refused": [each.message for each in done.refused.values()],
                "findings": told,
            }
        )
    else:
        for each in done.publications:
            for note in each.notes:
                output.note(output.safe(f"note: {note}"))
            keys = ", ".join(key.kid for key in each.keys.keys)
            count = len(each.keys.keys)
            output.line(f"{each.issuer}: {count} key{'s' * (count != 1)} ({keys})")
        for name in done.written:
            output.line(f"written: {arguments.target.rstrip('/')}/{name}")
        for kid in done.taken_out:
            output.line(f"taken out: the key {kid}, which was there before and is none of the issuer's now")
        if not (done.written or done.refused or arguments.verify_only):
            output.line("nothing to write: it is there already")
        for found in findings:
            output.note(f"{found.gravity}: {found.code}: {found.issuer}: {found.message}")
            output.note(f"  {found.remedy}")
        if not findings and not arguments.no_verify:
            output.line("seen from outside: as it should be")
    gravities = {found.gravity for found in findings}
    return 1 if Gravity.DRIFT in gravities else 3 if Gravity.UNKNOWN in gravities else 0


def _upload_forms(arguments: argparse.Namespace, source: Source) -> int:
    from daypass.cli import output
    from daypass.publishing.uploads import Form, write_upload

    for each in asyncio.run(_read(source)):
        for note in each.notes:
            output.note(f"note: {note}")
        for text in write_upload(Form(arguments.form), each, Path(arguments.target)):
            output.line(text)
    return 0


async def _read(source: Source) -> Sequence[Publication]:
    return await source.read()
