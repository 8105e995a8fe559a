"""The conformance suite as anyone runs it: against processes, from a checkout and from a wheel, side by side."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from daypass.testing.conformance import __main__ as conformance
from daypass.testing.conformance import issuers, shapes, vectors
from daypass.testing.conformance.report import Row, ran
from daypass.testing.conformance.run import Result, Verdict
from support.vectors import VECTORS

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


def compare_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compare", ROOT / "docs" / "compare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Compared(NamedTuple):
    status: int
    text: str
    report: dict[str, Any]
    page: str

    def verdict(self, case: str, endpoint: str) -> str:
        found = next(each for each in self.report["cases"] if each["case"] == case)
        return str(found["results"][endpoint]["verdict"])


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    pytest.importorskip("moto.server")
    folder = tmp_path_factory.mktemp("compared")
    compare = compare_module()
    done = compare.compare(folder)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads((folder / "report.json").read_bytes())
    return Compared(done.returncode, done.stdout, report, compare.head() + (folder / "report.md").read_text("utf-8"))


def test_the_local_aws_agrees_with_aws_in_every_case(compared: Compared) -> None:
    summary = compared.report["summary"]["daypass"]
    special = [each for each in vectors.read() if each.content.get("stopped_clock") or each.content.get("settings")]
    assert summary["left out"] == len(special) < 25
    assert summary["agree"] == len(vectors.read()) - len(special)
    assert not any(summary[verdict] for verdict in ("lets in", "keeps out", "differ"))


@pytest.mark.parametrize(
    "case",
    [
        "token_shape::opaque",
        "token_shape::algorithm-none",
        "verification::signature-of-another-key",
        "verification::tampered",
        "verification::audience-not-registered",
        "times::expired",
        "provider::none",
        "trust::role-absent",
        "trust::policy-denies",
        "trust::tags-without-tag-session",
        "trust::duration-over-maximum",
        "parameters::session-name-pattern",
    ],
)
def test_the_report_says_what_moto_lets_in(compared: Compared, case: str) -> None:
    assert compared.verdict(case, "daypass") == "agree"
    assert compared.verdict(case, "moto") == "lets in"
    assert any(line.split() == ["agree", "lets", "in", case] for line in compared.text.splitlines())
    assert compared.status == conformance.DIFFERED


def test_the_page_is_what_the_report_says(compared: Compared) -> None:
    page = (ROOT / "docs" / "reference" / "conformance.md").read_text("utf-8")
    assert page == compared.page, "run: python docs/compare.py"


def test_cases_that_were_all_left_out_agree_with_nothing() -> None:
    left_out = Row(vectors.read()[0], {"one": Result(Verdict.LEFT_OUT, "", left_out="needs another clock")})
    assert not ran([left_out])
    assert ran([left_out, Row(left_out.vector, {"one": Result(Verdict.AGREE, "")})])


def test_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    status = conformance.main(["--endpoint", "http://127.0.0.1:9", "--only", "keys::unavailable"])
    assert status == conformance.COULD_NOT_RUN
    assert "does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["--endpoint", "http://127.0.0.1:9", "--only", "nothing"], ["--endpoint", "x", "--issuer-url", "y"]],
)
def test_what_cannot_be_run_is_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(arguments) == conformance.COULD_NOT_RUN
    assert capsys.readouterr().err


def test_the_wheel_holds_the_cases(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    listed = subprocess.run(
        [sys.executable, "-P", "-m", "daypass.testing.conformance", "--list"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert listed.stdout.split() == [vector.name for vector in vectors.read()]


def test_the_faults_of_the_schema_are_those_of_the_issuers() -> None:
    schema = json.loads((VECTORS / "sts" / "schema.json").read_bytes())
    named = schema["properties"]["cases"]["items"]["properties"]["issuer_fault"]["enum"]
    assert set(named) == issuers.FAULTS
    assert {vector.content["issuer_fault"] for vector in vectors.read() if "issuer_fault" in vector.content} == set(
        named
    )


GRANTED = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAEXAMPLEEXAMPLE12</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-09-12T10:00:00Z</Expiration>
</Credentials><PackedPolicySize>25</PackedPolicySize></AssumeRoleWithWebIdentityResult>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>"""


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", None),
        ("<RequestId>r</RequestId>", "", "there is no ResponseMetadata/RequestId"),
        ("PackedPolicySize>", "PackedSize>", "PackedSize is not a member"),
        ("25", "a quarter", "PackedPolicySize is not a whole number: a quarter"),
        ("<SessionToken>t</SessionToken>", "", "Credentials.SessionToken is not there"),
        ("10:00:00Z", "10:00:00", "Credentials.Expiration is not a UTC time: 2026-09-12T10:00:00"),
        ("ASIAEXAMPLEEXAMPLE12", "ASIA", "Credentials.AccessKeyId has 4 characters"),
        ("AssumeRoleWithWebIdentityResult>", "Result>", "there is no AssumeRoleWithWebIdentityResult"),
        ("</Credentials>", "", "the body is not XML"),
    ],
)
def test_answers_are_held_to_the_model(old: str, new: str, fault: str | None) -> None:
    operation = shapes.sts_model().operation_model("AssumeRoleWithWebIdentity")
    found = shapes.faults(operation, 200, GRANTED.replace(old, new).encode())
    assert [each[: len(fault)] for each in found] == [fault] if fault else found == []
