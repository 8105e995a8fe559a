"""Every fault of the laboratory: what the local STS answers, what the doctor names, and that both agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.laboratory import Laboratory, specimens

if TYPE_CHECKING:
    from support.laboratory.sts import Sts

CASES = [pytest.param(vector, id=vector["id"]) for vector in specimens()]


@pytest.mark.parametrize("vector", CASES)
def test_the_local_sts_answers_as_aws_does(laboratory: Laboratory, sts: Sts, vector: dict[str, Any]) -> None:
    specimen = laboratory.start(vector)
    sts.prepare(specimen)
    assert sts.answer(specimen) == specimen.expect["answer"]
