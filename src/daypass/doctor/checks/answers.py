"""How the two documents are answered: status, speed, steadiness, headers, and whether the body can be read."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import documents, sources
from daypass.doctor.finding import Check, Seen, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from daypass.doctor.facts import DocumentFacts, Facts

_PHASES: Final = {
    "tcp": "while connecting",
    "tls": "during the TLS handshake",
    "send": "while the request was sent",
    "first_byte": "before the first byte of the answer",
    "body": "in the middle of the body",
}
_NEAR: Final = 0.5
_SKEW_SECONDS: Final = 60
_DAY_SECONDS: Final = 86_400
_TOO_MANY: Final = 429
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)=\"?([0-9]{1,12})", re.IGNORECASE)

_AGE: Final = re.compile("[0-9]{1,9}")


def _agreed(facts: Facts) -> Iterator[tuple[str, DocumentFacts]]:
    for name, answers in documents.groups(facts):
        answer = documents.agreed(answers)
        if answer is not None:
            yield name, answer


def _over(facts: Facts) -> Iterator[Seen]:
    slow = False
    for name, answer in _agreed(facts):
        if answer.fault == "timeout" and answer.fault_phase in ("send", "first_byte", "body"):
            slow = True
            yield Seen(
                f"{name} was not complete within {facts.limit_seconds:g} s; time ran out {_PHASES[answer.fault_phase]}",
                answer.url,
            )
    together = _together(facts)
    if not slow and together is not None and together > facts.limit_seconds:
        yield Seen(f"the two documents take {together:.1f} s together: {_phases(facts)}", facts.discovery[0].url)


def _near(facts: Facts) -> Iterator[Seen]:
    together = _together(facts)
    if together is not None and _NEAR * facts.limit_seconds < together <= facts.limit_seconds:
        text = f"the two documents take {together:.1f} s together, of {facts.limit_seconds:g}: {_phases(facts)}"
        yield Seen(text, facts.discovery[0].url)


def _together(facts: Facts) -> float | None:
    """What both take when it goes well: the quickest answer of each."""
    times = [
        min((each.total_seconds for each in answers if each.complete), default=None)
        for _, answers in documents.groups(facts)
    ]
    return None if not times or None in times else sum(each for each in times if each is not None)


def _phases(facts: Facts) -> str:
    told = []
    for name, answers in documents.groups(facts):
        best = min((each for each in answers if each.complete), key=lambda each: each.total_seconds)
        parts = (("connect", best.tcp_seconds), ("TLS", best.tls_seconds), ("first byte", best.first_byte_seconds))
        shown = ", ".join(f"{label} {seconds:.2f} s" for label, seconds in parts if seconds is not None)
        told.append(f"{name} {best.total_seconds:.2f} s ({shown})")
    return "; ".join(told)


def _broken(facts: Facts) -> Iterator[Seen]:
    # A handshake that is cut is told of TLS, whichever of the two ends of it the system notices first.
    no_tls = any(host.tls is not None and host.tls.fault is not None for host in facts.hosts)
    for name, answer in _agreed(facts):
        if answer.fault in ("reset", "closed", "protocol") and not (no_tls and answer.fault_phase == "tls"):
            where = _PHASES.get(answer.fault_phase or "", "")
            yield Seen(f"the connection for {name} was {_ENDS[answer.fault]} {where}".rstrip(), answer.url)


_ENDS: Final = {"reset": "cut", "closed": "closed before the answer was complete,", "protocol": "not HTTP"}


def _status(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if answer.fault is None and answer.status not in (200, _TOO_MANY, None) and not _is_redirect(answer):
            yield Seen(f"{name} is answered with status {answer.status}", answer.url)


def _is_redirect(answer: DocumentFacts) -> bool:
    return answer.status in (301, 302, 303, 307, 308)


def _redirect(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if _is_redirect(answer):
            to = answer.header("location") or "nowhere"
            yield Seen(
                f"{name} is answered with {answer.status}, a redirect to `{to}`; it was not followed", answer.url
            )


def _rate_limited(facts: Facts) -> Iterator[Seen]:
    for name, answers in documents.groups(facts):
        limited = [each for each in answers if each.status == _TOO_MANY]
        if limited:
            after = limited[0].header("retry-after")
            wait = f", to be asked again after {after}" if after else ""
            text = f"{len(limited)} of {len(answers)} requests for {name} were answered with 429{wait}"
            yield Seen(text, limited[0].url)


def _differ(facts: Facts) -> Iterator[Seen]:
    for name, answers in documents.groups(facts):
        outcomes = [documents.outcome(each) for each in answers]
        if str(_TOO_MANY) in outcomes:
            continue
        # Where no request is answered at all, they fail by chance in one way or another.
        if len(set(outcomes)) > 1 and any(each.status is not None for each in answers):
            yield Seen(f"{len(answers)} requests for {name} came out as {', '.join(outcomes)}", answers[0].url)
        elif name == "the discovery document" and _failed_before(facts):
            yield Seen(
                f"{len(answers)} requests went well, and one before them did not: {_fault(facts)}", answers[0].url
            )
        elif name == "the discovery document" and len({_canonical(each) for each in documents.good(answers)}) > 1:
            yield Seen(f"{len(answers)} requests gave different discovery documents", answers[0].url)


def _failed_before(facts: Facts) -> bool:
    """Whether the fetch that is made as AWS makes it failed by HTTP or time, and all that came after went well."""
    failed = facts.fetch is not None and facts.fetch.phase in ("http", "time", "connect")
    answers = [*facts.discovery, *facts.keys]
    quick = (_together(facts) or 0) <= facts.limit_seconds
    return failed and quick and bool(facts.keys) and len(documents.good(tuple(answers))) == len(answers)


def _fault(facts: Facts) -> str | None:
    return None if facts.fetch is None else facts.fetch.fault


def _canonical(answer: DocumentFacts) -> str:
    value = documents.value_of(answer)
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)


def _too_large(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if answer.fault == "too_large":
            yield Seen(f"{name} is longer than {facts.limit_bytes} bytes", answer.url)


def _compressed(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        coding = (answer.header("content-encoding") or "identity").lower()
        if answer.complete and coding != "identity":
            yield Seen(f"{name} comes with `Content-Encoding: {coding}`, which was not asked for", answer.url)


def _is_html(answer: DocumentFacts) -> bool:
    return answer.excerpt.lstrip("\ufeff \t\r\n").startswith("<")


def _html(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if answer.json_fault is not None and answer.complete and _is_html(answer):
            yield Seen(f"{name} is a web page, not JSON", answer.url)


def _not_json(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if answer.json_fault is not None and answer.complete and not _is_html(answer):
            yield Seen(f"{name} is not JSON: {answer.json_fault}", answer.url)
        elif answer.complete and answer.body and not isinstance(documents.value_of(answer), dict):
            yield Seen(f"{name} is JSON, and not an object", answer.url)


def _ambiguous(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if answer.complete and answer.json_fault is None and answer.json_lenient_fault is not None:
            yield Seen(f"{name}: {answer.json_lenient_fault}", answer.url)


def _media_type(facts: Facts) -> Iterator[Seen]:
    for name, answer in _agreed(facts):
        if not answer.complete or not answer.body:
            continue
        found = (answer.header("content-type") or "").partition(";")[0].strip().lower()
        if found != "application/json" and not (found.startswith("application/") and found.endswith("+json")):
            yield Seen(f"{name} is said to be `{found}`" if found else f"{name} has no `Content-Type`", answer.url)


def _once(facts: Facts, sees: Callable[[str, DocumentFacts], Seen | None]) -> Iterable[Seen]:
    """Of both documents, the first that has it: one header is set in one place."""
    for name, answer in _agreed(facts):
        seen = sees(name, answer) if answer.complete else None
        if seen is not None:
            return (seen,)
    return ()


def _no_store(name: str, answer: DocumentFacts) -> Seen | None:
    control = answer.header("cache-control") or ""
    if "no-store" not in control.lower():
        return None
    return Seen(f"{name} has `Cache-Control: {control}`", answer.url)


def _cached_long(name: str, answer: DocumentFacts) -> Seen | None:
    control = answer.header("cache-control") or ""
    ages = [int(age) for age in _MAX_AGE.findall(control)]
    if not ages or max(ages) <= _DAY_SECONDS:
        return None
    return Seen(f"{name} may be kept for {max(ages)} s (`Cache-Control: {control}`)", answer.url)


def _skewed(facts: Facts) -> Callable[[str, DocumentFacts], Seen | None]:
    def see(_: str, answer: DocumentFacts) -> Seen | None:
        said = _date(answer.header("date"))
        if said is None:
            return None
        ahead = (said - answer.started_at).total_seconds()
        age = _AGE.fullmatch(answer.header("age") or "")
        ahead += 0 if age is None else int(age[0])
        if abs(ahead) <= _SKEW_SECONDS + facts.limit_seconds:
            return None
        way = "ahead of" if ahead > 0 else "behind"
        return Seen(f"the server's clock is {abs(ahead):.0f} s {way} this machine's", answer.url)

    return see


def _date(text: str | None) -> datetime | None:
    try:
        found = None if text is None else parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a server may write any number
        return None
    return found if found is not None and found.tzinfo is not None else None


_NO_KEY: Final = "AWS then answers `Couldn't retrieve verification key from your identity provider`."

CHECKS: Final = (
    Check(
        "time_over_limit",
        Severity.ERROR,
        "the documents take too long",
        f"AWS waits about five seconds for discovery and key set together. {_NO_KEY}",
        "Serve the two documents from memory, a CDN or a bucket; they change only with the keys.",
        sources.INVALID_TOKEN,
        _over,
    ),
    Check(
        "time_near_limit",
        Severity.WARNING,
        "the documents take long",
        "AWS waits about five seconds for discovery and key set together, from wherever it asks.",
        "Serve the two documents from memory, a CDN or a bucket; they change only with the keys.",
        sources.INVALID_TOKEN,
        _near,
    ),
    Check(
        "http_broken",
        Severity.ERROR,
        "the connection ends before the answer does",
        f"Half a document is none. {_NO_KEY}",
        "Look into the logs of the server and of the proxy before it; often a `Content-Length` is wrong.",
        sources.INVALID_TOKEN,
        _broken,
    ),
    Check(
        "http_status",
        Severity.ERROR,
        "a document is answered with an error",
        f"AWS takes a document with status 200. {_NO_KEY}",
        "Serve it at exactly this URL, to everybody, without a login; look into the server's log.",
        sources.DISCOVERY,
        _status,
    ),
    Check(
        "http_redirect",
        Severity.ERROR,
        "a document is answered with a redirect",
        "Whether AWS follows redirects is not documented, so nobody can rely on it.",
        "Serve the document at this URL itself.",
        sources.DISCOVERY,
        _redirect,
    ),
    Check(
        "rate_limited",
        Severity.ERROR,
        "the issuer limits how often it is asked",
        f"AWS fetches the documents for many logins, and does not slow down. {_NO_KEY}",
        "Take the two public documents out of the rate limit, and let a CDN answer for them.",
        sources.INVALID_TOKEN,
        _rate_limited,
    ),
    Check(
        "answers_differ",
        Severity.ERROR,
        "the same request is answered differently",
        "Some logins fail and others do not, as the balancer has it.",
        "Find the server behind the balancer that answers differently.",
        sources.INVALID_TOKEN,
        _differ,
    ),
    Check(
        "body_too_large",
        Severity.ERROR,
        "a document is too long",
        "How much AWS reads is not documented; Daypass reads 100 KiB, and a hundred keys need less.",
        "Take keys out of the set that no token is signed with any more.",
        sources.JWK,
        _too_large,
    ),
    Check(
        "body_compressed",
        Severity.ERROR,
        "a document is compressed though nobody asked for it",
        "A client that said `Accept-Encoding: identity` cannot be expected to unpack it (RFC 9110 section 12.5.3).",
        "Send the two documents as they are, or compress them only for who asks.",
        sources.HTTP,
        _compressed,
    ),
    Check(
        "body_html",
        Severity.ERROR,
        "a web page comes instead of JSON",
        f"Usually it is a login page, or the front page of an application that answers every path. {_NO_KEY}",
        "Let this path reach the issuer itself, without a login before it.",
        sources.DISCOVERY,
        _html,
    ),
    Check(
        "body_not_json",
        Severity.ERROR,
        "a document is not JSON",
        f"AWS cannot read it. {_NO_KEY}",
        "Serve one JSON object in UTF-8, without a byte order mark.",
        sources.JSON,
        _not_json,
    ),
    Check(
        "body_ambiguous",
        Severity.WARNING,
        "a document can be read in two ways",
        "AWS takes the last of two members of one name; other readers take the first, or refuse the document.",
        "Write each member once.",
        sources.JSON,
        _ambiguous,
    ),
    Check(
        "media_type",
        Severity.WARNING,
        "a document has the wrong media type",
        "The standard wants `application/json`; AWS was seen not to mind, and other relying parties do.",
        "Send `Content-Type: application/json`.",
        sources.DISCOVERY,
        _media_type,
    ),
    Check(
        "cache_no_store",
        Severity.NOTE,
        "the documents must not be cached",
        "Every login then waits for the issuer itself, and an outage of a second is an outage of logins.",
        "Send `Cache-Control: public, max-age=300`, or another time that is shorter than a rotation waits.",
        sources.HTTP_CACHING,
        lambda facts: _once(facts, _no_store),
    ),
    Check(
        "cache_too_long",
        Severity.WARNING,
        "the documents may be cached for long",
        "A new key is not seen until caches give up the old set; tokens signed with it are refused until then.",
        "Send a `max-age` of minutes, and publish new keys at least that long before they sign.",
        sources.HTTP_CACHING,
        lambda facts: _once(facts, _cached_long),
    ),
    Check(
        "clock_skew",
        Severity.WARNING,
        "the issuer's clock is wrong",
        "Tokens carry its time, and AWS allows 300 seconds: `Token issued in the future`, or expired too soon.",
        "Let the issuer's machine follow NTP, or this one, whichever is wrong.",
        sources.STS_API,
        lambda facts: _once(facts, _skewed(facts)),
    ),
)
