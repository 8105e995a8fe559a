"""What is installed is all that is in the package: a file that is data is as much of it as a module is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_every_file_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    sources = (ROOT / "src").rglob("*")
    ours = {
        str(path.relative_to(ROOT / "src")) for path in sources if path.is_file() and path.parent.name != "__pycache__"
    }
    schemas = {"aws/holding/roles", "aws/provisioning/desired", "localaws/seed/seed"}
    assert {"daypass/py.typed", *(f"daypass/{name}.schema.json" for name in schemas)} <= ours
    assert ours <= set(wheel.namelist())


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


DESIRED = """
providers: [{issuer: "https://gitlab.com", audiences: ["https://gitlab.com"]}]
roles: {shop: {who: [{gitlab: {project: tidewater/shop, project_id: 42, branch: main}}]}}
"""
ISSUER = "https://keys.example.com"
DISCOVERY = {
    "issuer": ISSUER,
    "jwks_uri": f"{ISSUER}/keys",
    "response_types_supported": ["id_token"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["ES256"],
}
KEY = {
    "kty": "EC",
    "crv": "P-256",
    "kid": "one",
    "alg": "ES256",
    "use": "sig",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",  # RFC 7515, appendix A.3
}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("doctor --from-error", "is not among the provider's client IDs"),
        ("aws export --format cloudformation", "AWS::IAM::OIDCProvider"),
        ("aws export --format boto3", "ensure_provider"),
        ("aws export --format aws-cli", "ensure_role"),
        ("publish site --from-file discovery.json keys.json --no-verify", "1 key (one)\nwritten: site/keys"),
        ("local-aws --help", "--init"),
    ],
)
def test_what_reads_its_own_data_works_from_the_wheel(installed: Path, tmp_path: Path, words: str, says: str) -> None:
    (tmp_path / "daypass-aws.yaml").write_text(DESIRED)
    (tmp_path / "discovery.json").write_text(json.dumps(DISCOVERY))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [KEY]}))
    more = ["Incorrect token audience"] if words.endswith("--from-error") else []
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    whence = [sys.executable, "-c", "import daypass; print(daypass.__file__)"]
    found = subprocess.run(whence, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert Path(found.stdout.strip()).is_relative_to(installed)
    command = [sys.executable, "-m", "daypass", *words.split(), *more]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_the_doctor_reports_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    words = ["doctor", "https://127.0.0.1:1", "--html", "page.html", "--sarif", "page.sarif"]
    environment = {**os.environ, "PYTHONPATH": str(installed), "HOME": str(tmp_path), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "daypass", *words]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "connect_refused" in (tmp_path / "page.html").read_text("utf-8")
    rules = json.loads((tmp_path / "page.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert "connect_refused" in {each["ruleId"] for each in rules}


def test_the_schema_of_the_roles_file_is_one(wheel: zipfile.ZipFile) -> None:
    schema = json.loads(wheel.read("daypass/aws/holding/roles.schema.json"))
    jsonschema.validators.validator_for(schema).check_schema(schema)
    role = {"profile": "ci", "role_arn": "arn:aws:iam::111122223333:role/ci"}
    jsonschema.validate({"role": [role]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"role": [role | {"profil": "x"}]}, schema)
