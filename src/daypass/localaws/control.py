"""`/_daypass/`: how tests steer a local AWS, and ask it why.

    GET  /_daypass/health    it answers, and what it plays
    GET  /_daypass/why       the last refusals, newest first
    GET  /_daypass/why/<id>  one of them, whole
    GET  /_daypass/clock     its time
    POST /_daypass/clock     {"set": "2026-01-01T00:00:00Z"}, {"advance": 43200}, {"freeze": true}, {"real": true}
    GET  /_daypass/faults    the faults that wait for a call
    POST /_daypass/faults    {"operation": "sts:AssumeRole", "code": "Throttling", "times": 2}, {"clear": true}
    POST /_daypass/reset     as it began
    POST /_daypass/tokens    {"issuer": "gitlab.com", "claims": {…}}: a token of a stand-in issuer

All stand behind the door: this machine only, loopback names only, no page of another site. What changes something, or
lists refusals, needs the header `x-daypass-control` too, which a page cannot send to another origin without asking
first (Fetch Standard, CORS-preflight), and no such question is answered here. There is no password: whoever may open
the port is the administrator of every account anyway.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from daypass import __version__
from daypass.errors import DaypassError, Invalid, NotFound, Refused, RequestInvalid
from daypass.localaws.arranged import Arranged
from daypass.localaws.stand_ins import LIFETIME_SECONDS
from daypass.localaws.wire import Reply
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from daypass.localaws.instance import Instance
    from daypass.localaws.wire import WireRequest
    from daypass.tokens.strict_json import JsonValue

PREFIX: Final = "/_daypass/"
HEADER: Final = "x-daypass-control"
_WHY: Final = f"{PREFIX}why/"
_MAX_BODY_BYTES: Final = 256 * 1024
_MOST_REFUSALS: Final = 100
_MAX_LIFETIME_SECONDS: Final = 10 * 365 * 24 * 3600
_FAULT: Final = ("operation", "code", "times", "region", "message", "clear")
_CLOCK: Final = ("set", "advance", "freeze", "real")


class Control:
    """Answers requests below `PREFIX`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._routes: Mapping[tuple[str, str], Callable[[WireRequest], Awaitable[object]]] = {
            ("GET", "health"): self._health,
            ("GET", "why"): self._refusals,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._move_clock,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._arrange,
            ("POST", "reset"): self._reset,
            ("POST", "tokens"): self._mint,
        }

    async def answer(self, request: WireRequest) -> Reply:
        """What is said to a request that the door let in."""
        try:
            if request.path.startswith(_WHY) and request.method == "GET":
                return _reply(200, self._refusal(request.path.removeprefix(_WHY)))
            name = request.path.removeprefix(PREFIX)
            handler = self._routes.get((request.method, name))
            if handler is None:
                return _unrouted(name, request.method, {path: method for method, path in self._routes})
            if (request.method == "POST" or name == "why") and request.header(HEADER) is None:
                return _problem(403, "control_header_missing", f"the header `{HEADER}` is missing", "Send it with: 1")
            return _reply(200, await handler(request))
        except DaypassError as error:
            status = 404 if isinstance(error, NotFound) else 400 if isinstance(error, (Invalid, Refused)) else 503
            return _problem(status, error.code, error.message, error.advice)

    async def _health(self, _: WireRequest) -> object:
        return {
            "status": "ok",
            "version": __version__,
            "services": sorted(self._instance.services.started),
            "stand_in_issuers": list(self._instance.stand_ins.issuers),
        }

    def _refusal(self, request_id: str) -> object:
        found = self._instance.whys.find(request_id)
        if found is None:
            raise NotFound("no refusal is kept under this id", advice="The last 1000 are kept, until a reset.")
        return found

    async def _refusals(self, _: WireRequest) -> object:
        return {"refusals": self._instance.whys.newest(_MOST_REFUSALS)}

    async def _clock(self, _: WireRequest) -> object:
        clock = self._instance.clock
        return {"now": _shown(clock()), "real": _shown(clock.real()), "frozen": clock.frozen, "moved": clock.moved}

    async def _move_clock(self, request: WireRequest) -> object:
        asked = _body(request, _CLOCK)
        clock = self._instance.clock
        # All is read before anything is moved: a request that is refused changes nothing.
        moment = None if "set" not in asked else _moment(asked["set"])
        seconds = None if "advance" not in asked else _seconds(asked["advance"])
        freeze, real = (_flag(asked, name) for name in ("freeze", "real"))
        if real and (moment is not None or seconds is not None or freeze):
            raise RequestInvalid("`real` goes with nothing else")
        if not asked:
            raise RequestInvalid("nothing is asked of the clock", advice=f"Give one of {', '.join(_CLOCK)}.")
        if real:
            clock.restore()
        if moment is not None:
            clock.set(moment)
        if seconds is not None:
            clock.advance(seconds)
        if freeze is not None:
            (clock.freeze if freeze else clock.go)()
        return await self._clock(request)

    async def _faults(self, _: WireRequest) -> object:
        return {"faults": [asdict(fault) for fault in self._instance.arranged.waiting()]}

    async def _arrange(self, request: WireRequest) -> object:
        asked = _body(request, _FAULT)
        clear, times = _flag(asked, "clear"), asked.get("times", 1)
        operation, code, region, message = (asked.get(name) for name in ("operation", "code", "region", "message"))
        if clear and len(asked) > 1:
            raise RequestInvalid("`clear` goes with nothing else")
        if clear:
            self._instance.arranged.clear()
            return await self._faults(request)
        if not isinstance(operation, str) or not isinstance(code, str):
            advice = 'Such as {"operation": "sts:AssumeRole", "code": "Throttling"}.'
            raise RequestInvalid("`operation` or `code` is missing", advice=advice)
        if not isinstance(region, str | None) or not isinstance(message, str | None):
            raise RequestInvalid("`region` or `message` is not a text")
        if type(times) is not int:
            raise RequestInvalid("`times` is not a whole number")
        self._instance.arranged.arrange(Arranged(operation, code, times, region, message))
        return await self._faults(request)

    async def _reset(self, request: WireRequest) -> object:
        _body(request, ())
        await self._instance.reset()
        return {"reset": True}

    async def _mint(self, request: WireRequest) -> object:
        asked = _body(request, ("issuer", "claims", "lifetime_seconds"))
        issuer, claims = asked.get("issuer"), asked.get("claims", {})
        lifetime = asked.get("lifetime_seconds", LIFETIME_SECONDS)
        if not isinstance(issuer, str):
            raise RequestInvalid("`issuer` is missing", advice='Such as {"issuer": "gitlab.com"}.')
        if not isinstance(claims, dict):
            raise RequestInvalid("`claims` is not an object")
        if type(lifetime) is not int or not 0 < lifetime <= _MAX_LIFETIME_SECONDS:
            raise RequestInvalid(f"`lifetime_seconds` is not a whole number from 1 to {_MAX_LIFETIME_SECONDS}")
        token = self._instance.stand_ins.mint(issuer, claims, now=self._instance.clock(), lifetime_seconds=lifetime)
        return {"token": token.reveal()}


def _body(request: WireRequest, known: tuple[str, ...]) -> dict[str, JsonValue]:
    """The JSON object of a request, {} for none.

    Raises:
        RequestInvalid: when it is something else, or names what is not known.
        JsonMalformed: when it is no JSON.
    """
    value = strict_json.parse(request.body, max_bytes=_MAX_BODY_BYTES) if request.body.strip() else {}
    if not isinstance(value, dict):
        raise RequestInvalid("the body is not a JSON object")
    for name in value:
        if name not in known:
            raise RequestInvalid(f"`{name}` is not known here", advice=f"It takes {', '.join(known) or 'nothing'}.")
    return dict(value)


def _moment(value: JsonValue) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise RequestInvalid("`set` is not a time", advice="Such as 2026-01-01T00:00:00Z.") from None


def _seconds(value: JsonValue) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RequestInvalid("`advance` is not a number of seconds")
    return value


def _flag(asked: Mapping[str, JsonValue], name: str) -> bool | None:
    value = asked.get(name)
    if value is not None and not isinstance(value, bool):
        raise RequestInvalid(f"`{name}` is not true or false")
    return value


def _shown(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unrouted(name: str, method: str, routes: Mapping[str, str]) -> Reply:
    if name in routes:
        return _problem(405, "method_not_allowed", f"`{PREFIX}{name}` does not take {method}", None)
    return _problem(404, "not_found", "there is no such path", f"There are {', '.join(sorted(set(routes)))}.")


def _problem(status: int, code: str, message: str, advice: str | None) -> Reply:
    told: dict[str, Any] = {"code": code, "message": message}
    return _reply(status, told if advice is None else {**told, "advice": advice})


def _reply(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value).encode(), "application/json")
