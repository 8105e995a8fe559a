"""What may be in a name, a slug, an attribute, an audience, an id, a secret."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import pytest

from daypass.errors import RequestInvalid
from daypass.idp import credentials, ids, rules
from daypass.secret import Secret
from daypass.subjects.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@pytest.mark.parametrize("text", ["a", "a-b", "0", "a" * 63, "a--b"])
def test_slugs(text: str) -> None:
    assert rules.slug(text) == text


@pytest.mark.parametrize("text", ["", "A", "-a", "a-", "a" * 64, "a_b", "a.b", "a\n", "é", "а", "org_x"])
def test_what_is_not_a_slug(text: str) -> None:
    with pytest.raises(RequestInvalid):
        rules.slug(text)


def test_a_name_is_kept_in_normal_form_c() -> None:
    assert rules.name("Cafe\u0301 Nº 1") == "Café Nº 1"


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 201, "a\x00", "a\nb", "\u202eevil", "a\u200bb", "\ud800", "a\u2028b", "\x7f"]
)
def test_names_with_what_is_not_shown_are_refused(text: str) -> None:
    with pytest.raises(RequestInvalid):
        rules.name(text)


@pytest.mark.parametrize(
    "given",
    [
        {"Ref": "x"},
        {"": "x"},
        {"1a": "x"},
        {"a-b": "x"},
        {"a" * 65: "x"},
        {"ref\n": "x"},
        {"ref": "a\x1b[31m"},
        {"ref": "\ud800"},
        {"ref": "x" * 2049},
        {f"a{n}": "x" for n in range(65)},
    ],
)
def test_attributes_outside_the_rules_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        rules.attributes(given)


def test_attributes_are_taken() -> None:
    given = {f"a{n:02}": "é👩‍💻" for n in range(63)} | {"a" * 64: "x" * 2048}
    assert rules.attributes(given) == given


@pytest.mark.parametrize(
    "given", [[], [""], ["a b"], ["a\n"], ["é"], ["a" * 256], ["a", "a"], [f"a{n}" for n in range(101)]]
)
def test_audiences_outside_the_rules_are_refused(given: Sequence[str]) -> None:
    with pytest.raises(RequestInvalid):
        rules.audiences(given)


@pytest.mark.parametrize(
    ("check", "allowed"),
    [
        (lambda: rules.audiences([]), "1 to 100 audiences of 1 to 255 printable ASCII characters"),
        (lambda: rules.kind("pipeline"), ["workspace", "environment", "job"]),
        (lambda: rules.subject_claims("nobody", []), list(FORMATS)),
        (lambda: rules.subject_claims("gitpod", ["jti"]), None),
    ],
)
def test_a_refusal_lists_what_is_allowed(check: Callable[[], object], allowed: object) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        check()
    assert refusal.value.facts["allowed"]
    assert allowed in (None, refusal.value.facts["allowed"])


@pytest.mark.parametrize("seconds", [0, -1, 10 * 365 * 24 * 3600 + 1])
def test_expiries_out_of_range_are_refused(seconds: int) -> None:
    with pytest.raises(RequestInvalid):
        rules.expires_in(seconds)


def test_ids_tell_their_kind_and_use_all_their_random_bits() -> None:
    made = {ids.new_id("org", secrets.token_bytes) for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"org_[a-z2-7]{20}", each) for each in made)
    lowest, highest = (ids.new_id("job", lambda n, b=byte: bytes([b]) * n) for byte in (0, 255))  # type: ignore[misc]  # a default that binds
    assert (lowest, highest) == ("job_" + "a" * 20, "job_" + "7" * 20)


def test_secrets_have_256_bits_and_are_known_by_their_hash_alone() -> None:
    secret = credentials.new_secret(credentials.WORKLOAD, lambda n: b"\xff" * n)
    assert secret == Secret("dpw_" + "_" * 42 + "8")
    # sha256sum of that text
    assert credentials.presented_hash(secret, credentials.WORKLOAD) == credentials.secret_hash(secret)
    assert credentials.presented_hash(secret, credentials.ADMIN) is None
