"""`daypass local-aws why|reset|clock|fault|token`: speak to a local AWS that runs, below its `/_daypass/`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from daypass.cli import output

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser
    from daypass.tokens.strict_json import JsonObject, JsonValue

_DEFAULT_ENDPOINT: Final = "http://127.0.0.1:4566"
_DURATION: Final = re.compile(r"(-?)([0-9]+(?:\.[0-9]+)?)([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_MEMBERS: Final = 1_000_000


def add(local: Parser) -> None:
    """Declare the subcommands."""
    why = local.command("why", "tell why a request was refused", _why)
    why.add_argument("request_id", nargs="?", metavar="REQUEST-ID", help="as the answer names it (default: the last)")
    why.add_argument("--list", action="store_true", help="list the last refusals, newest first")
    reset = local.command("reset", "make a running local AWS as it began", _reset)
    clock = local.command("clock", "tell the local AWS's time, or move it", _clock)
    moves = clock.add_mutually_exclusive_group()
    moves.add_argument("--set", metavar="TIME", help="such as 2026-01-01T00:00:00Z")
    moves.add_argument(
        "--advance", metavar="DURATION", help="such as 12h, 15m or 90 (seconds); back with --advance=-1d"
    )
    moves.add_argument("--real", action="store_true", help="the real time again")
    clock.add_argument("--freeze", action="store_true", help="stand still from now on")
    clock.add_argument("--go", action="store_true", help="go on from where it stands")
    fault = local.command("fault", "let the next calls of an operation fail, or list the faults that wait", _fault)
    fault.add_argument("--operation", metavar="OPERATION", help="such as sts:AssumeRoleWithWebIdentity, or sts:*")
    fault.add_argument(
        "--code",
        metavar="CODE",
        help="such as Throttling, InternalFailure, IDPCommunicationError, RegionDisabledException",
    )
    fault.add_argument("--times", type=int, default=1, metavar="N", help="how many calls (default: 1)")
    fault.add_argument("--region", metavar="REGION", help="only calls that ask this region")
    fault.add_argument("--message", metavar="TEXT", help="instead of AWS's text")
    fault.add_argument("--clear", action="store_true", help="let no fault wait any more")
    token = local.command("token", "print a token of an issuer that is played with --as-issuer", _token)
    token.add_argument("--issuer", required=True, metavar="ISSUER", help="such as gitlab.com")
    token.add_argument(
        "--claim",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a claim; a value that is JSON (a number, true, an array, an object) is taken as that; repeatable",
    )
    token.add_argument("--audience", metavar="AUDIENCE", help="`aud` (default: sts.amazonaws.com)")
    token.add_argument("--lifetime", default="1h", metavar="DURATION", help="until `exp` (default: 1h)")
    for command in (why, reset, clock, fault, token):
        command.add_argument(
            "--endpoint", metavar="URL", help=f"the local AWS (default: AWS_ENDPOINT_URL, or {_DEFAULT_ENDPOINT})"
        )
        command.add_argument("--json", action="store_true", help="print JSON")


def _why(arguments: argparse.Namespace) -> int:
    from daypass.errors import NotFound, UsageInvalid

    if arguments.list and arguments.request_id:
        raise UsageInvalid("`--list` goes without a request id")
    if arguments.list or not arguments.request_id:
        newest = cast("list[dict[str, str]]", _ask(arguments, "GET", "why")["refusals"])
        if arguments.list:
            return _print_list(arguments, newest)
        if not newest:
            raise NotFound("the local AWS has refused nothing since it began, or was reset")
        request_id = newest[0]["id"]
    else:
        request_id = arguments.request_id.rpartition("/")[2]
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", request_id):
            raise UsageInvalid(
                "that is not a request id", advice="It is in the answer, and in its header x-daypass-why."
            )
    told = _ask(arguments, "GET", f"why/{request_id}")
    if arguments.json:
        output.as_json(told)
        return 0
    output.fields({name: str(told[name]) for name in ("id", "time", "asked", "code", "message")})
    behind = told.get("words") or told.get("detail")
    if behind:
        output.line()
        for line in str(behind).splitlines():
            output.line(line)
    return 0


def _print_list(arguments: argparse.Namespace, refusals: list[dict[str, str]]) -> int:
    if arguments.json:
        output.as_json(refusals)
    else:
        rows = [[one["time"], one["id"], one["asked"], one["code"], one["line"] or one["message"]] for one in refusals]
        output.table(["time", "request id", "asked", "code", "why"], rows)
    return 0


def _reset(arguments: argparse.Namespace) -> int:
    told = _ask(arguments, "POST", "reset")
    if arguments.json:
        output.as_json(told)
    return 0


def _clock(arguments: argparse.Namespace) -> int:
    from daypass.errors import UsageInvalid

    if arguments.freeze and (arguments.go or arguments.real):
        raise UsageInvalid("`--freeze` goes with neither `--go` nor `--real`")
    asked: dict[str, object] = {}
    if arguments.set is not None:
        asked["set"] = arguments.set
    if arguments.advance is not None:
        asked["advance"] = _seconds(arguments.advance)
    if arguments.freeze or arguments.go:
        asked["freeze"] = bool(arguments.freeze)
    if arguments.real:
        asked["real"] = True
    told = _ask(arguments, "POST", "clock", asked) if asked else _ask(arguments, "GET", "clock")
    if arguments.json:
        output.as_json(told)
    else:
        state = "stands still" if told["frozen"] else f"moved; really {told['real']}" if told["moved"] else "real"
        output.line(f"{told['now']}  ({state})")
    return 0


def _fault(arguments: argparse.Namespace) -> int:
    from daypass.errors import UsageInvalid

    asked = {
        name: value
        for name in ("operation", "code", "region", "message")
        if (value := getattr(arguments, name)) is not None
    }
    if arguments.clear:
        if asked:
            raise UsageInvalid("`--clear` goes with nothing else")
        told = _ask(arguments, "POST", "faults", {"clear": True})
    elif asked:
        if "operation" not in asked or "code" not in asked:
            raise UsageInvalid("`--operation` and `--code` go together", advice="Such as --code Throttling")
        told = _ask(arguments, "POST", "faults", {**asked, "times": arguments.times})
    else:
        told = _ask(arguments, "GET", "faults")
    if arguments.json:
        output.as_json(told)
    else:
        faults = cast("list[dict[str, object]]", told["faults"])
        rows = [[str(one[name] or "") for name in ("operation", "code", "times", "region")] for one in faults]
        output.table(["operation", "code", "times", "region"], rows)
    return 0


def _token(arguments: argparse.Namespace) -> int:
    claims: dict[str, JsonValue] = {}
    if arguments.audience is not None:
        claims["aud"] = arguments.audience
    for text in arguments.claim:
        name, value = _claim(text)
        claims[name] = value
    asked = {"issuer": arguments.issuer, "claims": claims, "lifetime_seconds": int(_seconds(arguments.lifetime))}
    told = _ask(arguments, "POST", "tokens", asked)
    if arguments.json:
        output.as_json(told)
    else:
        output.line(str(told["token"]))
    return 0


def _claim(text: str) -> tuple[str, JsonValue]:
    from daypass.errors import UsageInvalid

    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageInvalid(f"`--claim {text}` is not NAME=VALUE", advice="Such as --claim ref=main")
    try:
        return name, cast("JsonValue", json.loads(value))
    except ValueError:
        return name, value


def _seconds(text: str) -> float:
    from daypass.errors import UsageInvalid

    match = _DURATION.fullmatch(text)
    if match is None:
        raise UsageInvalid(f"`{text}` is not a duration", advice="It looks like 12h, 15m, 90 (seconds).")
    return float(match[2]) * _SECONDS[match[3]] * (-1 if match[1] else 1)


def _ask(arguments: argparse.Namespace, method: str, path: str, content: dict[str, object] | None = None) -> JsonObject:
    """What the local AWS says.

    Raises:
        DaypassError: its refusal: `NotFound`, `RequestInvalid`, or that it could not be carried out.
        ServiceUnreachable: when there is no answer.
        ServiceAnswerInvalid: when what answers is no local AWS of Daypass.
    """
    from daypass import calling
    from daypass.errors import JsonMalformed, NotFound, RequestInvalid, ServiceAnswerInvalid, ServiceUnreachable
    from daypass.tokens import strict_json

    endpoint = (arguments.endpoint or os.environ.get("AWS_ENDPOINT_URL") or _DEFAULT_ENDPOINT).rstrip("/")
    bundle = os.environ.get("AWS_CA_BUNDLE")
    answer = calling.call(
        method,
        f"{endpoint}/_daypass/{path}",
        headers={"x-daypass-control": "1", "Accept": "application/json"},
        body=None if content is None else json.dumps(content).encode("ascii"),
        timeout_seconds=60,
        ca_bundle=Path(bundle) if bundle else None,
        ca_setting="AWS_CA_BUNDLE",
        max_bytes=_MAX_BYTES,
    )
    try:
        told = strict_json.parse(answer.body, max_bytes=_MAX_BYTES, max_members=_MAX_MEMBERS, control_characters=True)
    except JsonMalformed:
        told = None
    if not isinstance(told, dict) or (answer.status != 200 and "code" not in told):
        raise ServiceAnswerInvalid(
            f"{endpoint} is not a local AWS of Daypass", advice="Name one with --endpoint, or start: daypass local-aws"
        )
    if answer.status != 200:
        kinds = {404: NotFound, 400: RequestInvalid}
        advice = told.get("advice")
        raise kinds.get(answer.status, ServiceUnreachable)(
            str(told.get("message")), advice=str(advice) if advice else None
        )
    return told
