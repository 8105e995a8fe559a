"""Schemathesis asks the API what its own OpenAPI document promises: every operation, and calls that follow from others.

`DAYPASS_API_EXAMPLES` is how many requests each operation gets of each sort; 12 without it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import schemathesis
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from daypass.config import Settings
from support.identity_provider import ISSUER, World

EXAMPLES: Final = int(os.environ.get("DAYPASS_API_EXAMPLES", "12"))
# The document describes shapes. What a value must be beside its shape (a slug, an audience that is offered, a text
# without control characters) is told by the refusal.
NOT_PROMISED: Final = [positive_data_acceptance]


def described() -> Any:
    """The API of a new identity provider, asked as its administrator."""
    world = World(
        Settings(
            issuer=ISSUER,
            data_folder=Path("unused"),
            limit_source_requests_per_minute=0,
            limit_source_failures_per_minute=0,
        )
    )
    schema = schemathesis.openapi.from_asgi("/idp/v1/openapi.json", world.application)

    @schema.auth()
    class Administrator:
        def get(self, case: Any, context: Any) -> str:
            return world.root

        def set(self, case: Any, data: str, context: Any) -> None:
            case.headers["authorization"] = f"Bearer {data}"

    return schema


def checked(case: Any, response: Any, **more: Any) -> None:
    case.validate_response(response, excluded_checks=NOT_PROMISED, **more)


def examples(**more: Any) -> hypothesis_settings:
    return hypothesis_settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), **more)


@described().parametrize()  # type: ignore[untyped-decorator]  # the schema is made at run time
@examples()
def test_threats_81_every_operation_keeps_its_promise(case: Any) -> None:
    checked(case, case.call())


def test_threats_81_calls_in_a_row_keep_their_promise() -> None:
    machine = described().as_state_machine()
    machine.validate_response = lambda self, response, case, *_, **__: checked(case, response)
    machine.run(settings=examples(stateful_step_count=8))
