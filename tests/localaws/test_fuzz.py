"""Whatever comes over the wire, the local AWS says what is wrong with it: never a 5xx of its own, in the same process.

Every request follows from a seed, which a failure names: `DAYPASS_FUZZ_SEED` starts there, `DAYPASS_FUZZ_SECONDS` says
how long it goes on (`make soak` does so at length).
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

from daypass.tokens import base64url
from support.operations import PERMISSIONS, TRUST, good_form, leaves, operations
from support.processes import DAYPASS, clean_environment, running
from support.wire import FORM, NAUGHTY, Wire, form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.model import OperationModel

    from support.local_aws import Raw

    Chance = random.Random

SECONDS: Final = float(os.environ.get("DAYPASS_FUZZ_SECONDS", "8"))
FIRST_SEED: Final = int(os.environ.get("DAYPASS_FUZZ_SEED", "1"))
GROWTH_BYTES: Final = 24 * 1024 * 1024
"""What memory may grow by after the first third: stores of bounded size may still be filling."""
NOT_OURS: Final = {"Unknown error validating third-party token"}
"""The 500 that AWS itself was observed to answer: `sub` is null."""
# What would make state that stays, in numbers that only the fuzzer's patience bounds.
GROWING: Final = ("Create", "Put", "Tag", "Upload", "Add", "Enable", "Generate")
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "post", "X")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Port and process id of `daypass local-aws`."""
    folder = tmp_path_factory.mktemp("fuzz")
    ready = folder / "ready"
    command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
    with running(command, environment=clean_environment(folder), ready=ready, log=folder / "log") as process:
        yield int(ready.read_text().strip().rpartition(":")[2]), process.pid


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ------------------------------------------------------------------------------------------------ the requests


def noise(chance: Chance, most: int = 200) -> bytes:
    return bytes(chance.choices(range(256), k=chance.randint(0, most)))


def a_value(chance: Chance) -> bytes:
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(NAUGHTY)
    if kind < 0.7:
        return noise(chance, 40)
    if kind < 0.8:
        return chance.choice([TRUST, PERMISSIONS]).encode()
    if kind < 0.9:
        return mangled(chance, chance.choice([TRUST, PERMISSIONS]).encode())
    return deep(chance)


def deep(chance: Chance) -> bytes:
    depth = chance.choice([10, 100, 5000])
    opening = chance.choice([b"[", b'{"a":', b'{"Statement":'])
    return opening * depth + b"1" + (b"]" if opening == b"[" else b"}") * chance.choice([depth, 0])


def mangled(chance: Chance, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        changed[at : at + chance.randint(0, 5)] = (
            noise(chance, 4) if chance.random() < 0.5 else chance.choice(NAUGHTY)[:50]
        )
    return bytes(changed)


def a_token(chance: Chance) -> bytes:
    claims: dict[str, Any] = {"iss": "https://idp.example.com", "sub": "a", "aud": "b", "iat": 1, "exp": 2}
    for name in chance.sample([*claims, "azp", "amr", "https://aws.amazon.com/tags"], chance.randint(0, 3)):
        claims[name] = chance.choice([None, 1, 1.5, 1e308, True, [], {}, [[]], "x", {"principal_tags": 1}, 10**30])
    header: dict[str, Any] = {
        "alg": chance.choice(["RS256", "none", "HS256", 1, None]),
        "kid": chance.choice(["k", 1, None]),
    }
    parts = [json.dumps(part).encode() for part in (header, claims)]
    if chance.random() < 0.3:
        parts[chance.randrange(2)] = chance.choice([deep(chance), noise(chance), mangled(chance, parts[1])])
    token = b".".join(base64url.encode(part) for part in [*parts, noise(chance, 64)])
    return mangled(chance, token) if chance.random() < 0.2 else token


def an_operation(chance: Chance) -> OperationModel:
    return chance.choice(_OPERATIONS)


_OPERATIONS: Final = operations()


def a_form(chance: Chance) -> tuple[str, list[tuple[str, bytes]]]:
    """A form of an operation with some members changed, added, doubled or left out: the service and the pairs."""
    operation = an_operation(chance)
    given = {name: text.encode() for name, text in good_form(operation).items()}
    places = [] if operation.input_shape is None else [path for path, _, _ in leaves(operation.input_shape)]
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        name = chance.choice([*places, *given, "Tags.member.1.Key", "Nope"])
        change = chance.random()
        if change < 0.15:
            given.pop(name, None)
        elif change < 0.3:
            given[name + chance.choice([".member.1", ".1", ".", ".member.99999", ".x.y", ".member.-1"])] = a_value(
                chance
            )
        elif operation.name.startswith(GROWING) and name.endswith(("Name", "Url", ".Key")):
            given[name] = chance.choice([b"deploy", b"other", b"https://idp.example.com"])
        else:
            given[name] = a_token(chance) if name == "WebIdentityToken" else a_value(chance)
    pairs = list(given.items())
    if pairs and chance.random() < 0.05:
        pairs += [chance.choice(pairs)]
    if chance.random() < 0.03:
        pairs += [(f"Tags.member.{number}.Key", b"a") for number in range(chance.choice([60, 990, 5000]))]
    chance.shuffle(pairs)
    return str(operation.service_model.service_name), pairs


def signed_form(chance: Chance, wire: Wire) -> Raw:
    service, pairs = a_form(chance)
    return wire.signed(service, form(pairs))


def unsigned_form(chance: Chance, wire: Wire) -> Raw:
    _, pairs = a_form(chance)
    body = form(pairs)
    if chance.random() < 0.3:
        return wire.send(chance.choice(METHODS), f"/?{body.decode()}"[:30_000])
    return wire.send("POST", "/", body, {"content-type": FORM})


def login(chance: Chance, wire: Wire) -> Raw:
    pairs = [
        ("Action", b"AssumeRoleWithWebIdentity"),
        ("Version", b"2011-06-15"),
        ("RoleArn", b"arn:aws:iam::111122223333:role/deploy"),
        ("RoleSessionName", b"job"),
        ("WebIdentityToken", a_token(chance)),
    ]
    if chance.random() < 0.3:
        pairs.append(
            (chance.choice(["Policy", "DurationSeconds", "ProviderId", "PolicyArns.member.1.arn"]), a_value(chance))
        )
    return wire.send("POST", "/", form(pairs), {"content-type": FORM})


def raw_body(chance: Chance, wire: Wire) -> Raw:
    kinds = [
        FORM,
        "application/json",
        "application/x-amz-json-1.1",
        "application/xml",
        "",
        "multipart/form-data",
        "\xff",
    ]
    body = chance.choice([noise(chance, 3000), deep(chance), b"&" * 3000, b"=" * 3000, b"a=%&" * 900, a_value(chance)])
    if chance.random() < 0.02:
        body *= 200
    headers = {"content-type": chance.choice(kinds)}
    if chance.random() < 0.5:
        return wire.signed(chance.choice(["sts", "iam"]), body, **headers)
    return wire.send(chance.choice(METHODS), "/", body, headers)


def broken_signature(chance: Chance, wire: Wire) -> Raw:
    """A good signature with something changed after it was made."""
    names = [
        "authorization",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "host",
        "date",
        "x-amz-target",
    ]
    scope = chance.choice(["20260101/us-east-1/iam/aws4_request", "//", "20260101/x/s3/aws4_request", "é/é/é/é"])
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={chance.choice(['test', '111122223333', 'ASIALOCAL', ''])}/{scope},"
        f" SignedHeaders={chance.choice(['host', 'host;x-amz-date', ';;', 'content-type;host;x-amz-date'])},"
        f" Signature={chance.choice(['0' * 64, 'zz', '', 'é'])}"
    )
    headers = {
        "content-type": FORM,
        "authorization": authorization,
        "x-amz-date": chance.choice(["20261120T000000Z", "20269999T999999Z", "now", ""]),
    }
    for _ in range(chance.randint(0, 3)):
        text = mangled(chance, chance.choice([authorization.encode(), *NAUGHTY])).decode("latin-1")
        headers[chance.choice(names)] = text.translate(dict.fromkeys(range(32)))[:2000]
    target = chance.choice(
        ["/", "/bucket/key", "/bucket?uploads", "/?Action=ListRoles&Version=2010-05-08", "//", "/%2e%2e/"]
    )
    return wire.send(
        chance.choice(METHODS), target, chance.choice([b"", b"Action=ListRoles&Version=2010-05-08"]), headers
    )


def presigned(chance: Chance, wire: Wire) -> Raw:
    fields = {
        "Action": chance.choice(["GetCallerIdentity", "ListRoles", ""]),
        "Version": chance.choice(["2011-06-15", "2010-05-08", "1"]),
        "X-Amz-Algorithm": chance.choice(["AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", ""]),
        "X-Amz-Credential": chance.choice(["test/20260101/us-east-1/sts/aws4_request", "test", "////", "\xff/a/b/c/d"]),
        "X-Amz-Date": chance.choice(["20261120T000000Z", "20261120", "T", "99999999T999999Z"]),
        "X-Amz-Expires": chance.choice(["60", "-1", "99999999999999999999", "1e3", "", "٣"]),
        "X-Amz-SignedHeaders": chance.choice(["host", "", "a;b;c"]),
        "X-Amz-Signature": chance.choice(["0" * 64, "", "zz"]),
    }
    for name in chance.sample(list(fields), chance.randint(0, 2)):
        fields[name] = chance.choice(NAUGHTY).decode("latin-1")
    for name in chance.sample(list(fields), chance.choice([0, 0, 1])):
        del fields[name]
    query = "&".join(f"{name}={quote(value, safe='%')}" for name, value in fields.items())
    return wire.send(chance.choice(METHODS), f"{chance.choice(['/', '/bucket/key'])}?{query}"[:30_000])


def control(chance: Chance, wire: Wire) -> Raw:
    name = quote(chance.choice(NAUGHTY)[:500], safe="")
    path = chance.choice(
        [
            f"/_daypass/why/{name}",
            f"/_daypass/{name}",
            f"/{name}",
            f"/_daypass/why/?{name}",
            "/_daypass",
            "/_daypass/clock",
        ]
    )
    return wire.send(chance.choice(METHODS), path, a_value(chance), {"content-type": "application/json"})


def elsewhere(chance: Chance, wire: Wire) -> Raw:
    """Services behind, by someone who may not ask them; and strange heads."""
    name = chance.choice(
        ["origin", "sec-fetch-site", "host", "expect", "range", "x-amz-target", "accept-encoding", "cookie"]
    )
    text = chance.choice([b"secretsmanager.GetSecretValue", b"DynamoDB_20120810.Scan", b"cross-site", *NAUGHTY])
    headers = {name: text.decode("latin-1").translate(dict.fromkeys((*range(32), 127)))[:2000]}
    return wire.send(chance.choice(METHODS), "/", chance.choice([b"", b"{}", deep(chance)]), headers)


KINDS: Final[tuple[Callable[[Chance, Wire], Raw], ...]] = (
    *(signed_form, signed_form, signed_form, unsigned_form, login, login, raw_body),
    *(broken_signature, presigned, control, elsewhere),
)


def not_http(chance: Chance, port: int) -> None:
    """Bytes that are no request: the server may say or close what it likes, and goes on."""
    head = chance.choice(
        [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -5\r\n\r\n"]
    )
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(head + noise(chance, 300))


def demand_no_failure(seed: int, kind: str, answer: Raw) -> None:
    if answer.status < 500:
        return
    text = answer.body.decode("utf-8", "replace")
    documented = answer.status == 501 and "NotImplemented" in text
    assert documented or (answer.status == 501 and not text) or any(each in text for each in NOT_OURS), (
        f"seed {seed} ({kind}): {answer.status} {text[:500]}"
    )


def test_no_request_makes_it_fail_or_grow(server: tuple[int, int]) -> None:
    port, pid = server
    seed, begin, warm, hung_up = FIRST_SEED, time.monotonic(), 0, 0
    with Wire(port) as wire:
        while (passed := time.monotonic() - begin) < SECONDS:
            chance = random.Random(seed)
            kind = chance.choice(KINDS)
            try:
                demand_no_failure(seed, kind.__name__, kind(chance, wire))
            except ConnectionError:  # it does not hear a head or a body out that is too large
                hung_up += 1
            if seed % 50 == 0:
                not_http(chance, port)
            if not warm and passed > SECONDS / 3:
                warm = resident_bytes(pid)
            seed += 1
        assert wire.signed("sts", b"Action=GetCallerIdentity&Version=2011-06-15").status == 200
    assert seed - FIRST_SEED > 100 * SECONDS
    assert hung_up < 0.01 * (seed - FIRST_SEED)
    assert resident_bytes(pid) - warm < GROWTH_BYTES, f"{seed - FIRST_SEED} requests, from {warm} bytes"


def test_long_texts_that_are_refused_are_not_kept(server: tuple[int, int]) -> None:
    port, pid = server
    wrong = [
        ("Action", b"AssumeRoleWithWebIdentity"),
        ("Version", b"2011-06-15"),
        ("RoleSessionName", b"a" * 1_000_000),
    ]
    with Wire(port) as wire:
        before = 0
        for number in range(45):
            assert wire.send("POST", "/", form(wrong), {"content-type": FORM}).status == 400
            before = before or (resident_bytes(pid) if number == 10 else 0)
    assert resident_bytes(pid) - before < GROWTH_BYTES
