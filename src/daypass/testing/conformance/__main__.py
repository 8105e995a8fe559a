"""`python -m daypass.testing.conformance`: ask endpoints what AWS was asked, and compare."""

from __future__ import annotations

import argparse
import fnmatch
import json
import ssl
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from daypass.config import tls_context
from daypass.errors import DaypassError
from daypass.local_authority import local_certificate
from daypass.testing.conformance import issuers, report, vectors
from daypass.testing.conformance.endpoint import Endpoint, administrator
from daypass.testing.conformance.run import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

AGREED: Final = 0
DIFFERED: Final = 1
COULD_NOT_RUN: Final = 3


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m daypass.testing.conformance",
        description="Ask an endpoint for AssumeRoleWithWebIdentity as AWS was asked, and compare the answers. The"
        " issuers of the cases are served on this machine over HTTPS. Providers and roles are made and deleted with"
        " the administrator's credentials of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY; test and test"
        " when they are not set): use an account that holds nothing.",
        epilog="Exit statuses: 0 all agree, 1 something differs, 3 could not be run.",
        allow_abbrev=False,
    )
    found.add_argument(
        "--endpoint",
        action="append",
        default=[],
        metavar="[NAME=]URL",
        help="where STS and IAM answer; two or more are reported side by side",
    )
    found.add_argument("--iam-endpoint", metavar="URL", help="where IAM answers, if not at the endpoint")
    found.add_argument("--ca-bundle", type=Path, metavar="FILE", help="PEM authorities of an HTTPS endpoint")
    found.add_argument(
        "--authority",
        type=Path,
        metavar="FOLDER",
        help="keep the issuers' certificate authority here (ca.pem is what the endpoint must trust); thrown away if"
        " not given",
    )
    found.add_argument("--prepare", action="store_true", help="make the authority, say what to trust, and end")
    found.add_argument(
        "--issuer-port", type=int, default=0, metavar="PORT", help="of the issuers (default: a free one)"
    )
    found.add_argument(
        "--issuer-url",
        metavar="URL",
        help="where the endpoint finds the issuers, if not at https://localhost:PORT; with --issuer-certificate",
    )
    found.add_argument("--issuer-certificate", type=Path, metavar="FILE", help="PEM chain of that URL's host")
    found.add_argument("--issuer-private-key", type=Path, metavar="FILE", help="and its PEM key")
    found.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cases by name, as `keys::*`")
    found.add_argument("--list", action="store_true", help="name the cases, and end")
    found.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="report as JSON, to FILE or in place of text"
    )
    found.add_argument("--markdown", nargs="?", const="-", metavar="FILE", help="report the differences as Markdown")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run; the exit status says what was found."""
    arguments = parser().parse_args(argv)
    chosen = [
        vector
        for vector in vectors.read()
        if not arguments.only or any(fnmatch.fnmatchcase(vector.name, pattern) for pattern in arguments.only)
    ]
    if arguments.list:
        for vector in chosen:
            _print(vector.name)
        return AGREED
    try:
        with ExitStack() as stack:
            return _run(arguments, chosen, stack)
    except DaypassError as error:
        _tell(f"{error.message}" + (f"\n{error.advice}" if error.advice else ""))
    except (OSError, ValueError) as error:
        _tell(f"{error}")
    return COULD_NOT_RUN


def _run(arguments: argparse.Namespace, chosen: Sequence[vectors.Vector], stack: ExitStack) -> int:
    folder = arguments.authority or Path(stack.enter_context(tempfile.TemporaryDirectory()))
    local = local_certificate(folder, now=datetime.now(UTC))
    if arguments.prepare:
        _print(f"trust {local.authority}, for instance: daypass local-aws --trust-ca {local.authority}")
        return AGREED
    if not arguments.endpoint or not chosen:
        _tell("no endpoint is given" if chosen else "no case has such a name")
        return COULD_NOT_RUN
    if (arguments.issuer_url is None) != (arguments.issuer_certificate is None):
        _tell("--issuer-url and --issuer-certificate go together")
        return COULD_NOT_RUN
    certificate = arguments.issuer_certificate or local.certificate
    context = tls_context(certificate, arguments.issuer_private_key or local.private_key)
    served = stack.enter_context(issuers.serve(context, base=arguments.issuer_url, port=arguments.issuer_port))
    _tell(f"the issuers are at {served.base}; the endpoint must trust {local.authority}")
    tls = None if arguments.ca_bundle is None else ssl.create_default_context(cafile=arguments.ca_bundle)
    runners: dict[str, Runner] = {}
    for text in arguments.endpoint:
        name, url = _named(text)
        entered = Endpoint(name, url, administrator(), iam_url=arguments.iam_endpoint, tls=tls)
        runners[name] = Runner(stack.enter_context(entered), served)
    rows = [report.Row(vector, {name: runner.run(vector) for name, runner in runners.items()}) for vector in chosen]
    _report(arguments.json, lambda: json.dumps(report.as_json(rows), indent=2))
    _report(arguments.markdown, lambda: "\n".join(report.as_markdown(rows)))
    if "-" not in (arguments.json, arguments.markdown):
        _print("\n".join(report.as_text(rows)))
    if not report.ran(rows):
        _tell("every case was left out: nothing is known of the endpoint")
        return COULD_NOT_RUN
    return AGREED if report.agreed(rows) else DIFFERED


def _report(place: str | None, make: Callable[[], str]) -> None:
    if place == "-":
        _print(make())
    elif place is not None:
        Path(place).write_text(make() + "\n", "utf-8")


def _named(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    return (name, url) if equals and "/" not in name else ("endpoint", text)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tell(line: str) -> None:
    sys.stderr.write(f"conformance: {line}\n")


if __name__ == "__main__":
    raise SystemExit(main())
