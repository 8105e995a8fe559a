"""Entering accounts: who we say we are to CloudTrail, several at once, and being stopped in the middle."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from daypass import __version__
from daypass.aws.provisioning.accounts import Account, entered, in_each
from daypass.aws.provisioning.desired import AccountWay
from daypass.errors import AccountUnexpected, AwsCredentialsUnusable, AwsUnavailable, RequestInvalid
from daypass.testing import local_aws

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def found_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of an account, and no file."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "111122223333",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("found_here")
def test_an_account_is_entered_by_what_is_found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
        monkeypatch.setenv("AWS_REGION", "eu-central-1")  # IAM's own region is us-east-1 all the same
        with entered(AccountWay()) as account:
            assert (account.account, account.partition) == ("111122223333", "aws")
            assert account.iam.list_roles()["Roles"] == []
            agent = account.iam.meta.config.user_agent
            assert f"daypass/{__version__} provisioning" in agent
        with pytest.raises(AccountUnexpected), entered(AccountWay(account="000000000001")):
            pass


@pytest.mark.usefixtures("found_here")
def test_no_way_to_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda _self, _context: 0.0)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(AwsUnavailable), entered(AccountWay()):
        pass


@pytest.mark.usefixtures("found_here")
def test_a_profile_that_there_is_not() -> None:
    with pytest.raises(AwsCredentialsUnusable) as refused, entered(AccountWay(profile="nobody")):
        pass
    assert "nobody" in refused.value.message


@pytest.mark.usefixtures("found_here")
def test_what_fails_in_one_account_is_told_beside_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(account: Account) -> str:
        if account.account == "111122223333":
            raise RequestInvalid("not here")
        return "done"

    with local_aws() as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
        one, other = in_each([AccountWay(), AccountWay(account="1" * 12)], work)
    assert (one.account, one.result, str(one.error)) == ("111122223333", None, "not here")
    assert isinstance(other.error, AccountUnexpected)


@pytest.mark.usefixtures("found_here")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_waits_for_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, status: int
) -> None:
    stopped = threading.Event()
    told: list[int] = []

    def stop(found: int) -> None:
        told.append(found)
        stopped.set()

    def work(_: Account) -> str:
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, number)
        assert stopped.wait(10)
        return "finished its call"

    def ending(_number: int, _frame: object) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, ending)
    try:
        with local_aws() as aws:
            monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint_url)
            (outcome,) = in_each([AccountWay()], work, stop=stop)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (outcome.result, told) == ("finished its call", [status])
