"""Every fault of the laboratory: what the local STS answers, what the doctor names, and that both agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daypass.doctor.checks import BY_CODE
from daypass.doctor.judge import judge
from daypass.doctor.reports import bundle
from support.laboratory import specimens
from support.laboratory.behaviours import BEHAVIOURS
from support.laboratory.doctor import account, examined
from support.laboratory.sts import NO_THUMBPRINT

if TYPE_CHECKING:
    from support.laboratory import Laboratory
    from support.laboratory.sts import Sts

CASES = [pytest.param(vector, id=vector["id"]) for vector in specimens()]


@pytest.mark.parametrize("vector", CASES)
def test_the_local_sts_answers_as_aws_does(laboratory: Laboratory, sts: Sts, vector: dict[str, Any]) -> None:
    specimen = laboratory.start(vector)
    sts.prepare(specimen)
    assert sts.answer(specimen) == specimen.expect["answer"]


@pytest.mark.parametrize("vector", CASES)
def test_the_doctor_names_each_fault_and_no_other_and_agrees_with_sts(
    laboratory: Laboratory, vector: dict[str, Any]
) -> None:
    """The answer is the one that the local STS was held to above, by code, status and text."""
    specimen = laboratory.start(vector)
    facts = examined(laboratory, specimen, account(specimen, NO_THUMBPRINT))
    diagnosis = judge(facts)
    expect = specimen.expect
    assert sorted({finding.code for finding in diagnosis.findings}) == sorted(expect["findings"])
    verdict = diagnosis.verdict
    assert verdict is not None
    said = {"code": verdict.code, "status": verdict.http_status, "message": verdict.message}
    assert ("granted" if verdict.allowed else said) == expect["answer"]
    assert verdict.assumed == ()
    written = bundle.write(facts, diagnosis, version="1")
    assert judge(bundle.read(written).facts) == diagnosis  # elsewhere, too
    assert specimen.token.rpartition(".")[2].encode() not in written
    assert b"PRIVATE KEY" not in written
    for key in vector["keys"]:  # a private half that the issuer publishes
        assert str(key.get("with", {}).get("d", "PRIVATE KEY")).encode() not in written


def test_there_are_forty_faults_and_some_that_are_healthy() -> None:
    healthy = [vector["id"] for vector in specimens() if not vector["expect"]["findings"]]
    assert all(name.startswith("healthy-") for name in healthy)
    assert len(healthy) >= 5
    assert len(specimens()) - len(healthy) >= 40


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("self-signed", {"chain_self_signed"}),
        ("private-authority", {"chain_untrusted"}),
        ("intermediate-missing", {"chain_intermediate_missing"}),
    ],
)
def test_without_an_account_there_is_no_thumbprint_to_speak_of(
    laboratory: Laboratory, name: str, codes: set[str]
) -> None:
    specimen = laboratory.start(next(vector for vector in specimens() if vector["id"] == name))
    diagnosis = judge(examined(laboratory, specimen, None))
    assert {finding.code for finding in diagnosis.findings} - {"account_unread"} == codes


@pytest.mark.parametrize("name", ["healthy-rsa", "provider-with-slash", "role-missing", "sub-not-matching"])
def test_the_account_as_iam_tells_it(
    laboratory: Laboratory, sts: Sts, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through botocore, over the local AWS's socket, with the credentials that its tools find."""
    specimen = laboratory.start(next(vector for vector in specimens() if vector["id"] == name))
    sts.prepare(specimen)
    sts.as_administrator(monkeypatch)
    facts = examined(laboratory, specimen, None)
    known = account(specimen, NO_THUMBPRINT)
    assert facts.account is not None
    assert facts.account.providers == known.providers
    assert facts.account.role_absent == known.role_absent
    assert facts.account.unread == ()
    assert sorted({finding.code for finding in judge(facts).findings}) == sorted(specimen.expect["findings"])


MEMBERS = {
    "id", "about", "source", "observed", "expect", "server", "serving", "headers", "discovery", "keys", "other_keys",
    "token", "client_ids", "providers", "role", "path", "clock_seconds", "base_claims",
}  # fmt: skip


@pytest.mark.parametrize("vector", CASES)
def test_cases_have_members_that_the_laboratory_knows(vector: dict[str, Any]) -> None:
    """A misspelt fault would be no fault, and the case a healthy one."""
    assert vector.keys() <= MEMBERS
    assert vector["about"]
    assert vector["source"]
    assert set(vector.get("server", {})) <= {"tcp", "chain", "leaf", "signed_by", "most_tls", "least_tls"}
    assert {each["do"] for each in vector.get("serving", ())} <= set(BEHAVIOURS)
    assert {*vector.get("headers", {}), *(each["at"] for each in vector.get("serving", ()))} <= {"discovery", "keys"}
    assert set(vector["expect"]["findings"]) <= set(BY_CODE)
