"""What is installed is all that is in the package: a file that is data is as much of it as a module is."""

from __future__ import annotations

import json
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
    assert {"daypass/py.typed", "daypass/aws/holding/roles.schema.json"} <= ours
    assert ours <= set(wheel.namelist())


def test_the_schema_of_the_roles_file_is_one(wheel: zipfile.ZipFile) -> None:
    schema = json.loads(wheel.read("daypass/aws/holding/roles.schema.json"))
    jsonschema.validators.validator_for(schema).check_schema(schema)
    role = {"profile": "ci", "role_arn": "arn:aws:iam::111122223333:role/ci"}
    jsonschema.validate({"role": [role]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"role": [role | {"profil": "x"}]}, schema)
