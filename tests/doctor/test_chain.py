"""Chains of certificates: the right order is found, whatever the wrong one was."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from daypass.doctor.checks import certificates
from daypass.doctor.facts import ProviderFacts, TlsFacts
from daypass.doctor.judge import judge
from daypass.fetching.thumbprint import thumbprint
from support.healthy import changed

if TYPE_CHECKING:
    from daypass.doctor.facts import Facts

HOST = "idp.example.com"
ROOT = trustme.CA()
MIDDLE = ROOT.create_child_ca()
LOWER = MIDDLE.create_child_ca()
LEAF = LOWER.issue_cert(HOST)
OWN, *_ = [blob.bytes().decode() for blob in LEAF.cert_chain_pems]
PATH = [OWN, *(ca.cert_pem.bytes().decode() for ca in (LOWER, MIDDLE, ROOT))]
NOW = datetime.now(UTC)
NOWHERE, SELF_SIGNED = 20, 18  # X509_verify_cert(3)


def seen(*chain: str, **tls: object) -> Facts:
    """Healthy facts of today with this chain."""
    facts = changed({})
    host = facts.hosts[0]
    assert host.tls is not None
    return replace(
        facts,
        examined_at=NOW,
        token=None,
        hosts=(replace(host, tls=replace(host.tls, chain=chain, **tls)),),  # type: ignore[arg-type]  # by name
        discovery=tuple(replace(each, headers=each.headers[:2]) for each in facts.discovery),
        keys=tuple(replace(each, headers=each.headers[:2]) for each in facts.keys),
    )


def codes(facts: Facts) -> list[str]:
    return [each.code for each in judge(facts).findings]


@given(st.permutations(range(1, 4)))
def test_the_right_order_is_found_from_every_order(order: list[int]) -> None:
    chain = certificates.read((OWN, *(PATH[index] for index in order)), HOST)
    assert chain is not None
    assert [each.public_bytes(Encoding.PEM).decode() for each in chain.path] == PATH
    wrong = next((place for place, index in enumerate(order, start=1) if index != place), None)
    assert chain.first_wrong == wrong


@given(st.lists(st.sampled_from(PATH), min_size=1, max_size=8))
def test_any_chain_can_be_read(chain: list[str]) -> None:
    found = certificates.read(tuple(chain), HOST)
    assert found is not None
    assert len(found.duplicates) + len(found.extra) + len(found.path) == len(chain)


def test_a_good_chain_has_no_finding() -> None:
    assert codes(seen(*PATH[:3])) == []


def test_the_first_wrong_position_and_the_right_order_are_named() -> None:
    (found,) = judge(seen(PATH[0], PATH[2], PATH[1])).findings
    assert found.code == "chain_order"
    assert found.seen.startswith("certificate 2 of 3 is ")
    assert "the right order is 1. " in found.seen
    assert " → 3. " in found.seen


def test_what_cannot_be_read_is_not_judged() -> None:
    assert certificates.read(("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",), HOST) is None
    assert certificates.read((), HOST) is None


def test_a_certificate_that_expires_soon_and_one_that_lives_shortly() -> None:
    soon = ROOT.issue_cert(HOST, not_after=NOW + timedelta(days=3)).cert_chain_pems[0].bytes().decode()
    assert codes(seen(soon)) == ["chain_expires_soon"]
    six_days = ROOT.issue_cert(HOST, not_before=NOW - timedelta(days=3), not_after=NOW + timedelta(days=3))
    assert codes(seen(six_days.cert_chain_pems[0].bytes().decode())) == []


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["idp.example.com"], "IDP.example.com", True),
        (["*.example.com"], "idp.example.com", True),
        (["*.example.com"], "a.idp.example.com", False),
        (["*.example.com"], "example.com", False),
        (["other.example.com"], "idp.example.com", False),
        (["192.0.2.1"], "192.0.2.1", True),
        (["192.0.2.1"], "192.0.2.2", False),
    ],
)
def test_a_name_fits_as_rfc_6125_has_it(names: list[str], host: str, *, fits: bool) -> None:
    pem = ROOT.issue_cert(*names).cert_chain_pems[0].bytes()
    assert certificates.names_host(x509.load_pem_x509_certificate(pem), host) is fits


def own_making() -> str:
    """A certificate that signed itself."""
    return ROOT.cert_pem.bytes().decode()


def test_a_private_authority_is_told_with_its_thumbprint() -> None:
    facts = seen(*PATH[:3], trusted=False, trust_code=NOWHERE)
    (found,) = judge(facts).findings
    assert found.code == "chain_untrusted"
    assert thumbprint([ssl.PEM_cert_to_DER_cert(PATH[2])]) in found.seen


def _with_thumbprints(facts: Facts, *prints: str) -> Facts:
    assert facts.account is not None
    assert facts.account.providers is not None
    arn = facts.account.providers[0].arn
    provider = ProviderFacts(arn, ("sts.amazonaws.com",), prints)
    return replace(facts, account=replace(facts.account, providers=(provider,)))


def test_a_thumbprint_of_the_provider_vouches_and_another_does_not() -> None:
    facts = seen(*PATH[:3], trusted=False, trust_code=NOWHERE)
    right = thumbprint([ssl.PEM_cert_to_DER_cert(PATH[2])])
    assert codes(_with_thumbprints(facts, right)) == []
    assert codes(_with_thumbprints(facts, "0" * 40)) == ["thumbprint_mismatch"]


def test_the_lonely_leaf_lacks_its_intermediate_whatever_the_thumbprints_are() -> None:
    facts = seen(PATH[0], trusted=False, trust_code=NOWHERE)
    assert codes(facts) == ["chain_intermediate_missing"]
    assert codes(_with_thumbprints(facts, "0" * 40)) == ["chain_intermediate_missing"]


def test_a_certificate_of_ones_own_making() -> None:
    facts = seen(own_making(), trusted=False, trust_code=SELF_SIGNED)
    assert set(codes(facts)) == {"chain_self_signed", "chain_name_mismatch"}


def test_what_openssl_refuses_for_another_reason_is_told_in_its_words() -> None:
    (found,) = judge(seen(*PATH[:3], trusted=False, trust_code=66, trust_fault="EE certificate key too weak")).findings
    assert found.code == "chain_refused"
    assert "too weak" in found.seen


def test_no_tls_no_chain() -> None:
    assert codes(replace(seen(), hosts=(replace(seen().hosts[0], tls=TlsFacts(negotiated="TLSv1.3")),))) == []
