"""Session credentials: sealed, bound to their key id, worth nothing elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from daypass.localaws.sessions import Administrator, Credentials, Session, Sessions

SESSION = Session(
    account="111122223333",
    arn="arn:aws:sts::111122223333:assumed-role/deploy/job",
    user_id="AROAEXAMPLEEXAMPLE123:job",
    expires_at=datetime(2026, 1, 1, 1, tzinfo=UTC),
    issued_at=datetime(2026, 1, 1, tzinfo=UTC),
    role="arn:aws:iam::111122223333:role/ci/deploy",
    provider="arn:aws:iam::111122223333:oidc-provider/idp.example.com",
    federated=(("idp.example.com:sub", ("ü",)), ("idp.example.com:amr", ("pwd", "mfa"))),
    source_identity="me",
    tags=(("team", "shop"),),
    policy='{"Version":"2012-10-17"}',
    policy_arns=("arn:aws:iam::111122223333:policy/limit",),
)
SESSIONS = Sessions()
ISSUED = SESSIONS.issue(SESSION)


def caller(given_to: Credentials, token: str) -> Administrator | Session | None:
    return SESSIONS.caller(given_to.access_key_id, token)


def test_what_was_issued_is_recognised() -> None:
    assert caller(ISSUED, ISSUED.session_token.reveal()) == SESSION
    assert SESSIONS.secret(ISSUED.access_key_id) == ISSUED.secret_access_key
    assert len(ISSUED.secret_access_key.reveal()) == 40
    assert ISSUED.access_key_id.startswith("ASIALOCAL")
    assert len(ISSUED.access_key_id) == 20


def test_no_two_are_alike() -> None:
    other = SESSIONS.issue(SESSION)
    assert other.access_key_id != ISSUED.access_key_id
    assert other.secret_access_key != ISSUED.secret_access_key
    assert caller(other, ISSUED.session_token.reveal()) is None


def test_another_instance_knows_nothing_of_it() -> None:
    other = Sessions()
    assert other.caller(ISSUED.access_key_id, ISSUED.session_token.reveal()) is None
    assert other.secret(ISSUED.access_key_id) != ISSUED.secret_access_key


@given(st.integers(min_value=0, max_value=10_000), st.integers(min_value=1, max_value=127))
def test_no_altered_token_is_recognised(place: int, change: int) -> None:
    token = ISSUED.session_token.reveal()
    place %= len(token)
    altered = token[:place] + chr(ord(token[place]) ^ change) + token[place + 1 :]
    assert caller(ISSUED, altered) is None


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    assert caller(ISSUED, text) is None
    assert caller(ISSUED, "DAYPASS-LOCAL-AWS-" + text) is None


def test_administrators() -> None:
    assert SESSIONS.caller("test", None) == Administrator("000000000000")
    assert SESSIONS.caller("111122223333", None) == Administrator("111122223333")
    assert SESSIONS.caller("test", "") is None
    for key in ("test\n", "١١١١٢٢٢٢٣٣٣٣", "111122223333\n", "root", "ASIALOCAL", "ASIALOCAL11111111111"):
        assert SESSIONS.secret(key) is None


def test_nothing_secret_is_printed() -> None:
    assert ISSUED.secret_access_key.reveal() not in repr(ISSUED)
    assert ISSUED.session_token.reveal() not in repr(ISSUED)
