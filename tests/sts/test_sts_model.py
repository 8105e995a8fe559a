"""Limits, patterns, codes and statuses are those of AWS's own model of STS, as botocore ships it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader

from daypass.sts import request
from daypass.sts.answers import Answer
from daypass.sts.constraints import NumberConstraint, TextConstraint

MODEL: dict[str, Any] = Loader().load_service_model("sts", "service-2")
SHAPES = MODEL["shapes"]
OPERATION = MODEL["operations"]["AssumeRoleWithWebIdentity"]
INPUT = SHAPES[OPERATION["input"]["shape"]]


@pytest.mark.parametrize(
    ("name", "constraint"),
    [
        ("RoleArn", request._ROLE_ARN),
        ("RoleSessionName", request._SESSION_NAME),
        ("WebIdentityToken", request._TOKEN),
        ("ProviderId", request._PROVIDER_ID),
        ("Policy", request._POLICY),
    ],
)
def test_a_text_has_the_models_limits(name: str, constraint: TextConstraint) -> None:
    shape = SHAPES[INPUT["members"][name]["shape"]]
    assert constraint.name == name[0].lower() + name[1:]
    assert constraint.min_length == shape["min"]
    assert constraint.required is (name in INPUT["required"])
    assert constraint.sensitive is shape.get("sensitive", False)
    # The model of a session policy no longer has its maximum; the API reference does.
    assert constraint.max_length == shape.get("max", 2048)
    assert (constraint.pattern_text or None) == shape.get("pattern")


def test_a_number_has_the_models_range() -> None:
    shape = SHAPES[INPUT["members"]["DurationSeconds"]["shape"]]
    assert NumberConstraint("durationSeconds", shape["min"], shape["max"]) == request._DURATION


def test_the_codes_of_the_model_have_the_models_statuses() -> None:
    wanted = {
        SHAPES[error["shape"]]["error"]["code"]: SHAPES[error["shape"]]["error"]["httpStatusCode"]
        for error in OPERATION["errors"]
    }
    ours = {answer.code: answer.http_status for answer in Answer}
    shared = wanted.keys() & ours.keys()
    assert {code: ours[code] for code in shared} == {code: wanted[code] for code in shared}
    assert wanted.keys() == shared
