"""The real command, on issuers of the laboratory, with the account read from the local IAM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from support.laboratory import specimens
from support.sarif import SARIF

if TYPE_CHECKING:
    from pathlib import Path

    from support.laboratory import Laboratory, Specimen
    from support.laboratory.sts import Sts

CASES = {vector["id"]: vector for vector in specimens()}


class Command:
    """`daypass doctor` for one case."""

    def __init__(self, laboratory: Laboratory, sts: Sts, folder: Path) -> None:
        self.laboratory, self.sts, self.folder = laboratory, sts, folder

    def prepared(self, name: str) -> Specimen:
        specimen = self.laboratory.start(CASES[name])
        self.sts.prepare(specimen)
        return specimen

    def of(self, specimen: Specimen, *options: str) -> subprocess.CompletedProcess[str]:
        token = self.folder / "token"
        token.write_text(specimen.token)
        places = [
            part
            for (host, port), (to, at) in specimen.connect_to.items()
            for part in ("--connect-to", f"{host}:{port}={to}:{at}")
        ]
        return self.run(
            specimen.issuer, "--token", str(token), "--role-arn", specimen.case.role_arn, "--ca-file",
            str(self.laboratory.ca_file), "--time-limit", str(self.laboratory.budget), *places, *options,
        )  # fmt: skip

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "daypass", "doctor", *arguments],
            env={**os.environ, **self.sts.environment()},
            capture_output=True,
            text=True,
            timeout=60,
            input=given,
            check=False,
        )


@pytest.fixture
def command(laboratory: Laboratory, sts: Sts, tmp_path: Path) -> Command:
    return Command(laboratory, sts, tmp_path)


@pytest.mark.parametrize(
    ("name", "ends"),
    [("healthy-path", 0), ("chain-reversed", 1), ("stall-after-headers", 1), ("provider-with-slash", 1),
     ("policy-wildcard-in-equals", 1), ("cache-a-year", 0)],
)  # fmt: skip
def test_the_command_says_what_the_api_says(command: Command, name: str, ends: int) -> None:
    specimen = command.prepared(name)
    done = command.of(specimen, "--json")
    assert done.returncode == ends, done.stderr
    said = json.loads(done.stdout)
    jsonschema.validate(said, json.loads(files("daypass.doctor").joinpath("diagnosis.schema.json").read_text("utf-8")))
    assert sorted({finding["code"] for finding in said["findings"]}) == sorted(specimen.expect["findings"])
    assert specimen.token not in done.stdout + done.stderr


def test_reports_are_written_and_a_bundle_is_judged_without_asking_anybody(command: Command, tmp_path: Path) -> None:
    specimen = command.prepared("intermediate-missing")
    page, log, bundle = tmp_path / "report.html", tmp_path / "report.sarif", tmp_path / "bundle.json"
    done = command.of(specimen, "--html", str(page), "--sarif", str(log), "--bundle", str(bundle))
    assert done.returncode == 1
    for report in (page, log, bundle):
        assert specimen.token.rpartition(".")[2] not in report.read_text()
        assert report.stat().st_mode & 0o077 == 0
    assert "An intermediate certificate is not sent" in page.read_text()
    jsonschema.validate(json.loads(log.read_text()), SARIF)
    before = specimen.requests.copy()
    again = command.run("--judge", str(bundle))
    told = [line for line in again.stdout.splitlines() if not line.startswith(("from ", "        "))]
    assert told == [line for line in done.stdout.splitlines() if not line.startswith("        ")]
    assert f"the bundle `{bundle.name}`" in again.stdout
    assert (again.returncode, again.stderr) == (1, "")
    assert specimen.requests == before


def test_a_bundle_that_was_judged_otherwise_is_told(command: Command, tmp_path: Path) -> None:
    specimen, bundle = command.prepared("cache-a-year"), tmp_path / "bundle.json"
    command.of(specimen, "--bundle", str(bundle))
    bundle.write_text(bundle.read_text().replace('"cache_too_long"', '"something_of_another_version"'))
    done = command.run("--judge", str(bundle))
    assert "judged it otherwise: something_of_another_version" in done.stderr


@pytest.mark.parametrize("more", [("https://idp.example.com",), ("--role-arn", "arn:aws:iam::210045678901:role/x")])
def test_judging_and_examining_are_two_things(command: Command, tmp_path: Path, more: tuple[str, ...]) -> None:
    (tmp_path / "b").write_text("{}")
    done = command.run("--judge", str(tmp_path / "b"), *more)
    assert done.returncode == 2
    assert "nothing else is examined" in done.stderr


def test_no_bundle(command: Command, tmp_path: Path) -> None:
    (tmp_path / "b").write_text("{}")
    done = command.run("--judge", str(tmp_path / "b"))
    assert done.returncode == 2
    assert "not a bundle" in done.stderr


def test_a_printed_error_is_explained_and_its_causes_are_tested(command: Command) -> None:
    specimen = command.prepared("policy-wildcard-in-equals")
    text = "An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation:\nNot authorized to"
    done = command.of(specimen, "--json", "--from-error", f"{text} perform sts:AssumeRoleWithWebIdentity")
    said: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == 1
    assert said["error"] == "not-authorized"
    assert said["causes"][0]["standing"] == "found"
    assert "StringEquals" in said["causes"][0]["why"]
    assert said["diagnosis"]["findings"][0]["code"] == "trust_denies"


def test_a_printed_error_alone_is_explained(command: Command) -> None:
    done = command.run("--from-error", "-", given="boto: Incorrect token audience\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Incorrect token audience\n")
    assert "client IDs" in done.stdout


def test_the_issuer_in_the_sentence_is_examined(command: Command) -> None:
    specimen = command.prepared("healthy-ec")
    text = f"Please check .well-known/openid-configuration of provider: {specimen.issuer} is valid"
    places = [f"{host}:{port}={to}:{at}" for (host, port), (to, at) in specimen.connect_to.items()]
    done = command.run(
        "--from-error",
        text,
        "--json",
        "--no-aws",
        "--ca-file",
        str(command.laboratory.ca_file),
        "--connect-to",
        places[0],
    )
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert said["facts"]["issuer"] == specimen.issuer
    assert {cause["standing"] for cause in said["causes"]} == {"not_found"}


def test_an_error_that_nobody_knows(command: Command) -> None:
    done = command.run("--from-error", "it couldn't get the verification key of the identity provider")
    assert done.returncode == 3
    assert "not known here" in done.stdout
    assert "Couldn't retrieve verification key" in done.stdout
