"""`vectors/iam/`: what IAM answers, by unmodified boto3 over the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.iam_account import PERMISSIONS, TRUST
from support.vectors import VECTORS, cases, documents

if TYPE_CHECKING:
    from support.local_aws import LocalAws


@pytest.fixture
def iam(aws: LocalAws) -> Any:
    return aws.client("iam", config=Config(parameter_validation=False, retries={"max_attempts": 0}))


@pytest.mark.parametrize("case", cases("iam"))
def test_iam_answers_as_aws_does(iam: Any, case: dict[str, Any]) -> None:
    for before in case.get("before", ()):
        _call(iam, before)
    wanted = case["expect"]
    if "answer" in wanted:
        _includes(_call(iam, case), wanted["answer"], case["operation"])
        return
    with pytest.raises(ClientError) as caught:
        _call(iam, case)
    answer = caught.value.response
    found = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"])
    assert found == (wanted["code"], wanted["status"], wanted["message"])


def _call(iam: Any, asked: dict[str, Any]) -> Any:
    stand_for = {"{trust}": TRUST, "{permissions}": PERMISSIONS}
    given = {
        name: stand_for.get(value, value) if isinstance(value, str) else value for name, value in asked["input"].items()
    }
    return iam._make_api_call(asked["operation"], given)


def _includes(found: Any, wanted: Any, path: str) -> None:
    if isinstance(wanted, dict) and wanted:
        assert isinstance(found, dict), path
        assert wanted.keys() <= found.keys(), path
        for name, value in wanted.items():
            _includes(found[name], value, f"{path}.{name}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), f"{path}: {found}"
        for index, value in enumerate(wanted):
            _includes(found[index], value, f"{path}[{index}]")
    else:
        assert found == wanted, path


def test_the_vectors_have_their_schemas_form() -> None:
    schema = json.loads((VECTORS / "iam" / "schema.json").read_bytes())
    for _, document in documents("iam"):
        jsonschema.validate(document, schema)
