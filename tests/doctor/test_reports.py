"""The page, the SARIF log and the bundle of a diagnosis."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.doctor.checks import CHECKS
from daypass.doctor.facts import (
    ConnectionFacts,
    DnsFacts,
    DocumentFacts,
    Facts,
    FetchFacts,
    HostFacts,
    TlsFacts,
    TokenFacts,
    Verdict,
)
from daypass.doctor.finding import Finding, Severity
from daypass.doctor.judge import Diagnosis, judge
from daypass.doctor.redaction import without_secrets
from daypass.doctor.reports import bundle
from daypass.doctor.reports.html import as_html, headline
from daypass.doctor.reports.sarif import as_sarif
from daypass.doctor.way import steps
from daypass.errors import RequestInvalid
from support.laboratory.certificates import authority, leaf
from support.sarif import SARIF

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 20, 22, 40, tzinfo=UTC)
ISSUER = "https://idp.example.com"
VERSION = "1.2.3"


def finding(code: str, severity: Severity, where: str = ISSUER, seen: str = "it is `so`") -> Finding:
    return Finding(
        code, severity, f"title of {code}", seen, "why it matters", "mend it", f"reference/doctor.md#{code}", where
    )


def facts(**changes: object) -> Facts:
    chain = (leaf("good", ["idp.example.com"], "top").pem.decode(), authority("top").pem.decode(), "no certificate")
    host = HostFacts(
        "idp.example.com",
        443,
        DnsFacts("idp.example.com", ("203.0.113.7",)),
        (ConnectionFacts("203.0.113.7", 443, 0.02),),
        TlsFacts(negotiated="TLSv1.3", chain=chain, trusted=True),
    )
    answer = DocumentFacts(
        f"{ISSUER}/keys", NOW, status=200, size=10, tcp_seconds=0.1, tls_seconds=9.0, total_seconds=9.5
    )
    made = Facts(
        ISSUER,
        NOW,
        hosts=(host,),
        discovery=(answer, dataclasses.replace(answer, status=None, fault="timeout", fault_phase="first_byte")),
        keys=(answer,),
        fetch=FetchFacts(1.0, keys=2),
        token=TokenFacts(
            "file", 800, {"alg": "RS256"}, {"iss": ISSUER, "sub": "one", "exp": 1_795_200_000, "x": [1, {"y": 2}]}
        ),
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]  # a test names what it changes


DIAGNOSIS = Diagnosis(
    (
        finding("tls_a", Severity.ERROR),
        finding("token_b", Severity.WARNING, "token"),
        finding("dns_c", Severity.NOTE, "idp.example.com"),
    ),
    Verdict(
        allowed=False,
        code="AccessDenied",
        message="Not authorized",
        http_status=403,
        detail="because",
        words="wanted\nfound",
    ),
)


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def attributes(self, *names: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags for name in names if name in attributes]


def test_the_page_tells_every_finding_and_the_verdict() -> None:
    page = Page(as_html(facts(), DIAGNOSIS, version=VERSION))
    text = " ".join(" ".join(page.text).split())
    for each in DIAGNOSIS.findings:
        assert each.title[1:] in text
        assert each.remedy[1:] in text
        assert each.code in text
    assert "AWS would refuse this login" in text
    assert "Not authorized" in text
    assert "tls a" in text
    assert "CN=Laboratory Intermediate" in text
    assert "it cannot be read" in text
    assert VERSION in text


def test_the_page_has_no_script_and_nothing_from_elsewhere() -> None:
    page = Page(as_html(facts(), DIAGNOSIS, version=VERSION))
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "iframe", "img", "link", "object", "embed", "form", "base"}
    )
    assert page.attributes("src", "srcset", "style", "action") == []
    assert page.attributes("href") == ["#findings"]
    assert [name for _, given in page.tags for name in given if name.startswith("on")] == []


def test_the_pages_policy_allows_its_own_style_and_nothing_else() -> None:
    page = as_html(facts(), DIAGNOSIS, version=VERSION)
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy}"' in page
    assert "url(" not in style[1]
    assert "@import" not in style[1]


@pytest.mark.parametrize(
    "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "`<b>`", "{{ 7*7 }}"]
)
def test_what_servers_and_tokens_say_stays_text(hostile: str) -> None:
    """An issuer under examination is a stranger (CWE-79)."""
    token = TokenFacts("file", 10, {}, {"sub": hostile, hostile: hostile})
    said = Diagnosis(
        (finding("tls_a", Severity.ERROR, hostile, hostile),),
        Verdict(allowed=False, code=hostile, message=hostile, detail=hostile, words=hostile),
    )
    given = facts(
        issuer=hostile, from_where=hostile, token=token, discovery=(DocumentFacts(hostile, NOW, fault=hostile),)
    )
    page = Page(as_html(given, said, version=hostile))
    plain = Page(as_html(facts(), DIAGNOSIS, version=VERSION))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"code"}
    assert hostile.replace("`", "") in "".join(page.text).replace("`", "")


def test_the_page_is_accessible_by_its_structure() -> None:
    page = Page(as_html(facts(), DIAGNOSIS, version=VERSION))
    assert page.tags[0] == ("html", {"lang": "en"})
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [value for value in page.attributes("id") if value]
    assert len(set(ids)) == len(ids)
    assert {value for value in page.attributes("aria-labelledby") if value} <= set(ids)
    assert all("aria-label" in given for tag, given in page.tags if tag == "svg")


def _luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colours() -> list[Mapping[str, str]]:
    """The variables of the light and of the dark style."""
    page = as_html(facts(), DIAGNOSIS, version=VERSION)
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)[:2]
    return [dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("colours", _colours(), ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(colours: Mapping[str, str]) -> None:
    """WCAG 2.2, success criterion 1.4.3: 4.5 to 1."""
    pairs = [
        ("text", "ground"),
        ("text", "card"),
        ("soft", "ground"),
        ("soft", "card"),
        ("error", "card"),
        ("good", "card"),
    ]
    pairs += [(word, f"{word}-ground") for word in ("good", "warning", "error", "note")]
    assert {
        pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2)
        for pair in pairs
        if contrast(colours[pair[0]], colours[pair[1]]) < 4.5
    } == {}


@pytest.mark.parametrize(
    ("diagnosis", "headed"),
    [
        (Diagnosis((), None), ("good", "Nothing is wrong with this issuer")),
        (Diagnosis((), Verdict(allowed=True)), ("good", "AWS would accept this login")),
        (Diagnosis((finding("a_b", Severity.NOTE),), Verdict(allowed=True)), ("fair", "AWS would accept this login")),
        (Diagnosis((finding("a_b", Severity.ERROR),), None), ("bad", "One fault must be put right")),
        (DIAGNOSIS, ("bad", "AWS would refuse this login")),
    ],
)
def test_headlines(diagnosis: Diagnosis, headed: tuple[str, str]) -> None:
    assert headline(facts(), diagnosis) == headed


def test_a_healthy_page_says_so() -> None:
    assert "There is nothing to put right." in as_html(facts(), Diagnosis((), None), version=VERSION)


def test_a_page_of_nothing_at_all() -> None:
    assert "no issuer" in as_html(Facts(None, NOW), Diagnosis((), None), version=VERSION)


def test_steps_that_nobody_took_are_unseen() -> None:
    states = {step.name: step.state for step in steps(facts(), DIAGNOSIS)}
    assert states == {
        "Name": "note", "Connection": "good", "TLS": "error", "Discovery": "good", "Keys": "good", "Token": "warning",
        "Account": "unseen",
    }  # fmt: skip


def test_every_check_belongs_to_a_step() -> None:
    from daypass.doctor.way import step_of

    assert [check.code for check in CHECKS if step_of(check.code) is None] == []


def test_sarif_is_of_its_schema() -> None:
    log = as_sarif(facts(), DIAGNOSIS, version=VERSION)
    jsonschema.validate(log, SARIF)
    runs = json.loads(json.dumps(log))["runs"]
    assert [rule["id"] for rule in runs[0]["tool"]["driver"]["rules"]] == [check.code for check in CHECKS]
    assert all(rule["help"]["text"] for rule in runs[0]["tool"]["driver"]["rules"])
    results = runs[0]["results"]
    assert [result["level"] for result in results] == ["error", "warning", "note"]
    assert all(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == ISSUER for result in results)
    assert results[1]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "token"}]
    assert len({result["partialFingerprints"]["daypassFinding/v1"] for result in results}) == 3


def test_a_fingerprint_outlives_what_was_seen() -> None:
    def fingerprint(seen: str) -> object:
        log = json.loads(
            json.dumps(
                as_sarif(facts(), Diagnosis((finding("tls_a", Severity.ERROR, seen=seen),), None), version=VERSION)
            )
        )
        return log["runs"][0]["results"][0]["partialFingerprints"]

    assert fingerprint("2.9 s") == fingerprint("3.1 s")


def test_a_bundle_is_judged_alike_elsewhere() -> None:
    given = facts()
    found = bundle.read(bundle.write(given, judge(given), version=VERSION))
    assert found.facts == given
    assert judge(found.facts) == judge(given)
    assert found.found == tuple(each.code for each in judge(given).findings)
    assert found.made_by["daypass"] == VERSION


SECRETS = [
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlLmNvbSJ9.c2lnbmF0dXJlLW9mLXRoZS10b2tlbg",
    "ASIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----",
    "Bearer c2VjcmV0LXNlY3JldC1zZWNyZXQ=",
    "glpat-abcdefghijklmnopqrst",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret[:8])
def test_what_looks_like_a_secret_does_not_leave(secret: str) -> None:
    answer = DocumentFacts(
        f"{ISSUER}/x", NOW, status=500, excerpt=f"<html>debug: {secret} end</html>", headers=(("x", secret),)
    )
    token = TokenFacts("file", 10, {}, {"nested": [{"deep": secret}], secret: 1})
    written = bundle.write(facts(discovery=(answer,), token=token), Diagnosis((), None), version=VERSION).decode()
    body = max(secret.split("\n"), key=len).split(" ")[-1]
    assert body not in written
    assert "removed" in written
    assert isinstance(bundle.read(written.encode()).facts, Facts)


@given(st.text())
def test_ordinary_text_stays(text: str) -> None:
    if not re.search("eyJ|A[KS]IA|-----BEGIN|bearer|basic|gh[pousr]_|gl(pat|cbt)-", text, re.IGNORECASE):
        assert without_secrets(text) == text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format": "daypass-doctor-bundle", "version": 2}',
        b'{"format": "daypass-doctor-bundle", "version": 1}',
        b'{"format": "daypass-doctor-bundle", "version": 1, "made_by": {}, "found": [], "facts": {"version": 1}}',
        b'{"format": "daypass-doctor-bundle", "version": 1, "made_by": {}, "found": [], "facts": {"version": 99}}',
        b"\xff",
    ],
)
def test_what_is_no_bundle_is_refused(content: bytes) -> None:
    with pytest.raises(RequestInvalid):
        bundle.read(content)
