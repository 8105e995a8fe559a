"""The pytest plugin: fixtures for trust policies and a local AWS, and explanations in failed assertions.

It is found by pytest itself (entry point `pytest11`). Until a test uses Daypass it loads nothing of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from daypass.testing.local_aws import LocalAws
    from daypass.testing.role_trust import RoleTrust, Verdict

    Loader = Callable[..., RoleTrust]


@pytest.fixture
def load_role_trust(request: pytest.FixtureRequest) -> Loader:
    """`RoleTrust.load`, with relative paths from the folder of the test's file."""
    from daypass.testing.role_trust import RoleTrust

    def load(source: str | Path, **options: Any) -> RoleTrust:
        if isinstance(source, str) and source.lstrip().startswith("{"):
            return RoleTrust.load(source, **options)
        return RoleTrust.load(request.path.parent / source, **options)

    return load


@pytest.fixture(scope="session")
def daypass_local_aws_options() -> dict[str, Any]:
    """What `local_aws` is given for the fixture `daypass_local_aws`; override it in a `conftest.py`."""
    return {}


@pytest.fixture(scope="session")
def _daypass_local_aws(daypass_local_aws_options: dict[str, Any]) -> Iterator[LocalAws]:
    from daypass.testing.local_aws import local_aws

    with local_aws(**daypass_local_aws_options) as aws:
        yield aws


@pytest.fixture
def daypass_local_aws(_daypass_local_aws: LocalAws) -> LocalAws:
    """A local AWS, as it began: one server for the whole run, reset before each test."""
    _daypass_local_aws.reset()
    return _daypass_local_aws


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Add the explanation of every verdict in a failed assertion to its message."""
    try:
        yield
    except AssertionError as failure:
        if "daypass.testing.role_trust" in sys.modules:
            verdicts = _asserted(failure.__traceback__)
            if verdicts:
                message = str(failure.args[0]) if failure.args else ""
                failure.args = ("\n\n".join((message, *map(str, verdicts))), *failure.args[1:])
        raise


def _asserted(trace: TracebackType | None) -> list[Verdict]:
    """The verdicts in the assertion that failed.

    pytest keeps the parts of the running `assert` in variables of the frame, and clears them when it holds.
    """
    from daypass.testing.role_trust import Verdict

    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return []
    parts = [value for name, value in trace.tb_frame.f_locals.items() if name.startswith("@py_assert")]
    return list({id(part): part for part in parts if isinstance(part, Verdict)}.values())
