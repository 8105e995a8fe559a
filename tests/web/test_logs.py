"""What is logged, and what never is."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.config import LogFormat, LogLevel
from daypass.web import logs
from daypass.web.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
WORKLOAD = "dpw_j-SyWevOHQGkafdwvyby0HTpMnNSON-tHvgiaVz6074"
ADMIN = "dpa_1AvhyuAAEZnH1siJiFdbA3xUFjmnEBpvf9Gi__-X2IA"


def fail(message: str, *, password: str = "") -> None:
    raise ValueError(message + password[:0])


@pytest.fixture
def _kept() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root, own = logging.getLogger(), logging.getLogger("daypass")
    kept = (root.handlers, root.level, own.level)
    yield
    root.handlers, root.level, own.level = kept[0], kept[1], kept[2]


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize("form", list(LogFormat))
def test_an_event_is_one_line_without_secrets(form: LogFormat) -> None:
    stream = io.StringIO()
    logs.configure(LogLevel.INFO, form, stream)
    log = logs.logger()
    log.info(f"got {TOKEN}", path=f"/x?{WORKLOAD}", nested={"list": [ADMIN], "authorization": "Basic x"}, secret="hush")
    log.warning("asked with Bearer abc.def", line="one\ntwo\r\x1b[31mthree")
    try:
        fail(f"cannot take {WORKLOAD}")
    except ValueError:
        log.exception("failed")
    logging.getLogger("uvicorn.error").warning("odd %s", TOKEN)
    try:
        fail(f"cannot take {ADMIN}")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    log.debug("not at this level")
    logging.getLogger("sqlalchemy").info("not of this logger")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    text = stream.getvalue()
    for secret in (TOKEN, WORKLOAD, ADMIN, "hush", "Basic x", "abc.def"):
        assert secret not in text
    assert text.count("[redacted]") >= 8
    assert "\x1b" not in text
    if form is LogFormat.JSON:
        events = [json.loads(line) for line in lines]
        assert [event["level"] for event in events] == ["info", "warning", "error", "warning", "error"]
        assert all(event["timestamp"].endswith("Z") for event in events)
        assert "ValueError" in events[2]["exception"]
        assert events[1]["line"] == "one\ntwo\r\x1b[31mthree"


def test_no_local_variable_is_told_even_before_logging_is_configured(caplog: pytest.LogCaptureFixture) -> None:
    try:
        fail("x", password=" ".join(("correct", "horse")))
    except ValueError:
        logs.logger().exception("failed")
    (record,) = caplog.records
    assert "ValueError" in str(record.msg)
    assert "correct horse" not in str(record.msg)


@given(before=st.text(alphabet=" .,:;'\"()\n", max_size=3), after=st.text(alphabet=" ,:;'\"()\n", max_size=3))
def test_a_secret_is_found_anywhere(before: str, after: str) -> None:
    for secret in (TOKEN, WORKLOAD, ADMIN, TOKEN.rpartition(".")[0], TOKEN[:30]):
        assert redact(f"{before}{secret}{after}") == f"{before}[redacted]{after}"


@given(st.text(alphabet="abcdefgh ./-", max_size=60))
def test_other_text_stays(text: str) -> None:
    assert redact(text) == text
