"""`daypass connection`: take other platforms' tokens in exchange for ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

    from daypass.tokens.strict_json import JsonObject

__all__ = ["parser", "run"]

_COLUMNS: Final = ("id", "name", "preset", "issuer", "audience", "mode", "rules")
_REFUSALS: Final = ("at", "request_id", "reason", "rule", "claim", "expected", "received")
_COMPARISONS: Final = {"=": "equals", "+=": "contains", "~": "matches"}
_WITHOUT: Final = "NONE: ANY SERVICE THAT SEES A TOKEN CAN USE IT"
_WARNING: Final = (
    "Warning: this connection takes tokens that name nobody they are for. Whoever sees such a token, also another"
    " service that it is sent to, can bring it here until it expires."
)


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass connection", description="Take other platforms' tokens in exchange for ours.")
    create = group.command(
        "create",
        "take tokens of an issuer for a project",
        _create,
        details=(
            "rules, all of which must hold:\n"
            "  --rule ref=main              the claim is exactly this text\n"
            "  --rule 'ref~release/*'       text of this pattern; * never crosses / or :\n"
            "  --rule 'runner_id:=7'        JSON: a number, true or false; an array is any one of its values\n"
            "  --rule 'groups+=platform'    an array that has this text\n"
            "  --rule 'kubernetes.io>namespace=prod'  a claim within a claim"
        ),
    )
    create.add_argument("name", metavar="NAME")
    create.add_argument("--project", required=True, metavar="PROJECT", help="the project that what comes in belongs to")
    update = group.command("update", "change some of a connection's terms, or switch it off or on", _update)
    for command in (create, update):
        _add_terms(command, new=command is create)
    switch = update.add_mutually_exclusive_group()
    switch.add_argument("--enable", dest="enabled", action="store_const", const=True, help="switch it on")
    switch.add_argument("--disable", dest="enabled", action="store_const", const=False, help="switch it off, at once")
    listed = group.command("list", "list an organization's connections", _list)
    show = group.command("show", "show a connection", _show)
    delete = group.command("delete", "take a connection away", _delete)
    test = group.command("test", "tell what a connection makes of a token; nothing is given out", _test)
    test.add_argument("--token-file", required=True, metavar="FILE", help="the token's file, - for standard input")
    refusals = group.command("refusals", "list whom a connection turned away, newest first, and why", _refused)
    for command in (show, update, delete, test, refusals):
        command.add_argument("name", metavar="CONNECTION", help="id or name")
    for command in (create, update, listed, show, delete, test, refusals):
        command.add_argument("--org", required=True, metavar="ORG", help="the organization, id or slug")
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _add_terms(command: argparse.ArgumentParser, *, new: bool) -> None:
    if new:
        command.add_argument("--preset", metavar="PRESET", help="the platform: gitlab, github, kubernetes, aws, …")
        command.add_argument("--issuer", required=True, metavar="URL", help="the tokens' iss, byte for byte")
    keys = command.add_mutually_exclusive_group()
    keys.add_argument("--keys-file", metavar="FILE", help="the issuer's key set, for one that cannot be reached")
    keys.add_argument("--keys-url", metavar="URL", help="where the key set is, without discovery")
    keys.add_argument("--discovery-url", metavar="URL", help="the issuer's URL for discovery, where iss is not it")
    command.add_argument("--authorities", metavar="FILE", help="PEM: trust these certificate authorities alone for it")
    command.add_argument("--allow-private-address", action="store_true", help="the issuer's host may be a private one")
    audience = command.add_mutually_exclusive_group()
    audience.add_argument("--audience", metavar="AUDIENCE", help="what the tokens' aud must be, alone")
    audience.add_argument(
        "--accept-tokens-without-audience",
        action="store_true",
        help="dangerous: take tokens that have no aud; whoever sees one can bring it here",
    )
    command.add_argument("--rule", action="append", metavar="RULE", help="what a claim must be; repeatable")
    command.add_argument("--identity", action="append", metavar="CLAIM", help="a claim that says what a workload is")
    command.add_argument(
        "--attribute", action="append", metavar="NAME=CLAIM", help="a workload attribute and the claim it is taken from"
    )
    command.add_argument(
        "--allow-context", action="append", metavar="CONTEXT", help="let in an untrusted context: pull_request, …"
    )
    command.add_argument("--for", dest="audiences", action="append", metavar="AUDIENCE", help="who tokens may be for")
    command.add_argument("--algorithm", action="append", metavar="ALGORITHM", help="of the tokens' signatures")
    command.add_argument("--lifetime-seconds", type=int, metavar="N", help="the longest life of a token from here")
    command.add_argument("--mode", choices=("enforce", "audit"), help="audit: give out nothing, only write it down")


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    terms = _terms(arguments) | admin_api.given(preset=arguments.preset, issuer=arguments.issuer)
    terms.setdefault("audiences", ["sts.amazonaws.com"])
    terms.setdefault("rules", [])
    body = {"name": arguments.name, "project": arguments.project, "terms": terms}
    return _print(arguments, admin_api.connect().post(_place(arguments), body))


def _update(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api
    from daypass.errors import UsageInvalid

    changed = _terms(arguments)
    if not changed and arguments.enabled is None:
        raise UsageInvalid("nothing to change is named", advice="See: daypass connection update --help")
    service, place = admin_api.connect(), _place(arguments, arguments.name)
    body = admin_api.given(enabled=arguments.enabled)
    if changed:
        found = service.get(place).get("terms")
        terms: dict[str, Any] = dict(found) if isinstance(found, dict) else {}
        if {"audience", "accept_without_audience"} & changed.keys():
            terms.pop("audience", None)
            terms.pop("accept_without_audience", None)
        body["terms"] = terms | changed
    return _print(arguments, service.patch(place, body))


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api, output

    found = list(admin_api.items(admin_api.connect(), _place(arguments)))
    shown = found if arguments.json else [_flat(each) for each in found]
    status = admin_api.print_list(arguments, iter(shown), _COLUMNS)
    if any(_open(each) for each in found):
        output.note(_WARNING)
    return status


def _show(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    return _print(arguments, admin_api.connect().get(_place(arguments, arguments.name)))


def _delete(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    admin_api.connect().delete(_place(arguments, arguments.name))
    return 0


def _test(arguments: argparse.Namespace) -> int:
    """Refused is status 1, as it would be for the workload."""
    from daypass.cli import admin_api, output
    from daypass.cli.exchanging import read_token

    token = read_token(arguments.token_file)
    place = _place(arguments, arguments.name, "try")
    verdict = admin_api.connect().post(place, {"token": token.reveal()})
    unmet = verdict.get("unmet")
    if not arguments.json and isinstance(unmet, list):
        verdict = {**verdict, "unmet": []}
    admin_api.print_one(arguments, verdict)
    if not arguments.json and isinstance(unmet, list):
        for each in unmet:
            if isinstance(each, dict):
                output.note(f"{each.get('rule')}: received {each.get('received')}")
    return 0 if verdict.get("accepted") is True else 1


def _refused(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    found = list(admin_api.items(admin_api.connect(), _place(arguments, arguments.name, "refusals")))
    if not arguments.json:
        found = [each | (detail if isinstance(detail := each.get("detail"), dict) else {}) for each in found]
    return admin_api.print_list(arguments, iter(found), _REFUSALS)


def _place(arguments: argparse.Namespace, *behind: str) -> str:
    from daypass.cli import admin_api

    return admin_api.path("organizations", arguments.org, "connections", *behind)


def _print(arguments: argparse.Namespace, connection: JsonObject) -> int:
    from daypass.cli import admin_api, output

    status = admin_api.print_one(arguments, connection if arguments.json else _flat(connection))
    if _open(connection):
        output.note(_WARNING)
    return status


def _open(connection: JsonObject) -> bool:
    terms = connection.get("terms")
    return isinstance(terms, dict) and terms.get("accept_without_audience") is True


def _flat(connection: JsonObject) -> JsonObject:
    terms = connection.get("terms")
    known = {name: value for name, value in connection.items() if name != "terms"}
    told = {**known, **(terms if isinstance(terms, dict) else {})}
    if told.pop("accept_without_audience", False):
        told["audience"] = _WITHOUT
    return told


def _terms(arguments: argparse.Namespace) -> dict[str, Any]:
    """The terms that the options name."""
    from daypass.cli import admin_api

    return admin_api.given(
        keys=_keys(arguments),
        audience=arguments.audience,
        accept_without_audience=arguments.accept_tokens_without_audience or None,
        rules=None if arguments.rule is None else [_rule(text) for text in arguments.rule],
        identity=None if arguments.identity is None else [_path(text) for text in arguments.identity],
        attributes=None if arguments.attribute is None else dict(_attribute(text) for text in arguments.attribute),
        contexts=arguments.allow_context,
        audiences=arguments.audiences,
        algorithms=arguments.algorithm,
        lifetime_seconds=arguments.lifetime_seconds,
        mode=arguments.mode,
    )


def _keys(arguments: argparse.Namespace) -> dict[str, Any] | None:
    from daypass.cli import admin_api

    jwks = None if arguments.keys_file is None else _json(_read(arguments.keys_file), arguments.keys_file)
    keys = admin_api.given(
        jwks=jwks,
        url=arguments.keys_url,
        discovery=arguments.discovery_url,
        authorities=None if arguments.authorities is None else _certificates(arguments.authorities),
        private=arguments.allow_private_address or None,
    )
    return keys or None


def _certificates(file: str) -> list[str]:
    """The certificates of a PEM file, as JSON has them: base64 in one line."""
    from daypass.errors import UsageInvalid

    between = r"-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----"
    found = ["".join(one.split()) for one in re.findall(between, _read(file))]
    if not found:
        raise UsageInvalid(f"`{file}` holds no certificate", advice="It is PEM: -----BEGIN CERTIFICATE-----")
    return found


def _rule(text: str) -> dict[str, Any]:
    from daypass.errors import UsageInvalid

    parts = re.fullmatch(r"([^=~]+?)(:=|\+=|=|~)(.*)", text, re.DOTALL)
    if parts is not None:
        claim, sign, value = parts.groups()
        if sign != ":=":
            return {"claim": _path(claim), _COMPARISONS[sign]: value}
        given = _json(value, text)
        return {"claim": _path(claim), "one_of" if isinstance(given, list) else "equals": given}
    raise UsageInvalid(f"`{text}` is not a rule", advice="See: daypass connection create --help")


def _attribute(text: str) -> tuple[str, str | list[str]]:
    from daypass.errors import UsageInvalid

    name, found, claim = text.partition("=")
    if not found:
        raise UsageInvalid(f"`{text}` is not an attribute and a claim", advice="Write NAME=CLAIM.")
    return name, _path(claim)


def _path(text: str) -> str | list[str]:
    """A claim's name, or names: `kubernetes.io>namespace`."""
    return text.split(">") if ">" in text else text


def _json(text: str, told: str) -> Any:
    import json

    from daypass.errors import UsageInvalid

    try:
        return json.loads(text)
    except ValueError:
        raise UsageInvalid(f"`{told}` does not hold JSON", advice='Text needs quotes there: ref:="main".') from None


def _read(file: str) -> str:
    from pathlib import Path

    from daypass.errors import FileUnavailable

    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as fault:
        raise FileUnavailable(f"`{file}` cannot be read", advice="Look at its path.") from fault
