"""Every place to publish at keeps the same promises."""

from __future__ import annotations

import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import boto3
import pytest
from azure.core.exceptions import ClientAuthenticationError
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.bootstrap.publishing import open_target
from daypass.errors import (
    ChangedMeanwhile,
    FileUnavailable,
    FileUnsafe,
    PartMissing,
    PublishingRefused,
    ServiceUnreachable,
    UsageInvalid,
)
from daypass.localaws.app import LocalAwsConfig, build
from daypass.publishing.publication import PublishedObject
from daypass.publishing.targets import azure as azure_target
from daypass.publishing.targets import gcs
from daypass.publishing.targets.azure import AzureTarget
from daypass.publishing.targets.folder import FolderTarget
from daypass.publishing.targets.gcs import GcsTarget
from daypass.publishing.targets.s3 import S3Target
from support.asgi import served
from support.azurite import ACCOUNT, azurite
from support.google_storage import GoogleStorage, google_storage
from support.local_aws import Clock
from support.publications import MemoryTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.publishing.targets import Target

NAME = ".well-known/openid-configuration"
BIG = b"x" * (100 * 1024)


def an_object(body: bytes = b'{"keys":[]}', *, name: str = NAME, max_age: int = 300) -> PublishedObject:
    return PublishedObject(name, body, max_age)


class TargetContract:
    """Every `Target` keeps these promises."""

    keeps_headers = True

    def test_what_is_not_there_is_none(self, target: Target) -> None:
        assert target.read(NAME) is None

    def test_what_was_written_is_read(self, target: Target) -> None:
        for name in (NAME, "keys", "o/acme/keys"):
            target.write(an_object(name.encode(), name=name), was=None)
        for name in (NAME, "keys", "o/acme/keys"):
            found = target.read(name)
            assert found is not None
            assert found.body == name.encode()
            assert found.holds(an_object(name.encode(), name=name))
            assert not found.holds(an_object(b"else", name=name))

    def test_headers_are_kept(self, target: Target) -> None:
        target.write(an_object(max_age=60), was=None)
        found = target.read(NAME)
        assert found is not None
        if self.keeps_headers:
            assert (found.content_type, found.cache_control) == ("application/json", "public, max-age=60")
            assert not found.holds(an_object(max_age=61))
        else:
            assert (found.content_type, found.cache_control) == (None, None)

    def test_it_is_replaced_when_it_is_as_it_was(self, target: Target) -> None:
        target.write(an_object(b"one"), was=None)
        target.write(an_object(b"two"), was=target.read(NAME))
        found = target.read(NAME)
        assert found is not None
        assert found.body == b"two"

    def test_the_second_of_two_who_saw_nothing_loses(self, target: Target) -> None:
        target.write(an_object(b"one"), was=None)
        with pytest.raises(ChangedMeanwhile):
            target.write(an_object(b"two"), was=None)
        found = target.read(NAME)
        assert found is not None
        assert found.body == b"one"

    def test_the_second_of_two_who_saw_the_same_loses(self, target: Target) -> None:
        target.write(an_object(b"one"), was=None)
        seen = target.read(NAME)
        target.write(an_object(b"two"), was=seen)
        with pytest.raises(ChangedMeanwhile):
            target.write(an_object(b"three"), was=seen)
        found = target.read(NAME)
        assert found is not None
        assert found.body == b"two"

    def test_of_many_at_once_one_wins(self, target: Target) -> None:
        target.write(an_object(b"first"), was=None)
        seen = target.read(NAME)

        def write(number: int) -> int | None:
            try:
                target.write(an_object(b"writer %d" % number), was=seen)
            except ChangedMeanwhile:
                return None
            return number

        with ThreadPoolExecutor(4) as pool:
            won = [number for number in pool.map(write, range(4)) if number is not None]
        found = target.read(NAME)
        assert found is not None
        assert len(won) == 1
        assert found.body == b"writer %d" % won[0]

    def test_a_whole_document_fits(self, target: Target) -> None:
        target.write(an_object(BIG), was=None)
        found = target.read(NAME)
        assert found is not None
        assert found.body == BIG

    @pytest.mark.parametrize("body", [b"", b"<html>", BIG * 3], ids=["empty", "no JSON", "too large"])
    def test_whatever_somebody_left_there_is_read_and_replaced(self, target: Target, body: bytes) -> None:
        """Else whoever writes there once would keep us out for good."""
        target.write(an_object(body), was=None)
        found = target.read(NAME)
        assert found is not None
        assert len(found.body) <= len(BIG) + 1 or isinstance(target, MemoryTarget)
        assert not found.holds(an_object())
        target.write(an_object(), was=found)
        replaced = target.read(NAME)
        assert replaced is not None
        assert replaced.holds(an_object())


class TestMemory(TargetContract):
    @pytest.fixture
    def target(self) -> MemoryTarget:
        return MemoryTarget()


class TestFolder(TargetContract):
    keeps_headers = False

    @pytest.fixture
    def target(self, tmp_path: Path) -> FolderTarget:
        return FolderTarget(tmp_path / "www" / "idp")

    def test_everybody_may_read(self, target: FolderTarget, tmp_path: Path) -> None:
        target.write(an_object(), was=None)
        place = tmp_path / "www" / "idp" / NAME
        assert stat.S_IMODE(place.stat().st_mode) == 0o644
        for folder in (place.parent, place.parent.parent, place.parent.parent.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o755

    def test_nothing_but_the_documents_can_be_served(self, target: FolderTarget, tmp_path: Path) -> None:
        target.write(an_object(), was=None)
        target.write(an_object(name="keys"), was=None)
        readable = [path for path in (tmp_path / "www").rglob("*") if path.is_file() and path.stat().st_mode & 0o004]
        assert sorted(path.name for path in readable) == ["keys", "openid-configuration"]

    def test_a_link_below_the_folder_does_not_lead_out_of_it(self, target: FolderTarget, tmp_path: Path) -> None:
        """Whoever may write into the web server's folder would choose where we, perhaps root, write."""
        elsewhere = tmp_path / "cron.d"
        elsewhere.mkdir()
        www = tmp_path / "www" / "idp"
        www.mkdir(parents=True)
        (www / ".well-known").symlink_to(elsewhere)
        with pytest.raises(FileUnsafe, match="leads out of"):
            target.write(an_object(), was=None)
        assert not list(elsewhere.iterdir())

    def test_a_link_that_is_the_folder_is_followed(self, tmp_path: Path) -> None:
        (tmp_path / "release-1").mkdir()
        (tmp_path / "current").symlink_to(tmp_path / "release-1")
        FolderTarget(tmp_path / "current").write(an_object(), was=None)
        assert (tmp_path / "release-1" / NAME).exists()

    def test_a_folder_that_cannot_be_written_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(FileUnavailable):
            FolderTarget(tmp_path / "file" / "below").write(an_object(), was=None)


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    application = build(LocalAwsConfig(), Clock())
    with served(application) as port:
        yield f"http://127.0.0.1:{port}"
    application.instance.close()


@pytest.fixture
def aws_environment(s3_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_S3": s3_url,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("aws_environment")
class TestS3(TargetContract):
    """Against the S3 of the local AWS, over a socket."""

    number = 0

    @pytest.fixture
    def target(self, s3_url: str) -> S3Target:
        TestS3.number += 1
        name = f"keys-{self.number}"
        options = {"config": Config(retries={"max_attempts": 0}), "endpoint_url": s3_url}
        boto3.client("s3", region_name="us-east-1", **options).create_bucket(Bucket=name)
        made = open_target(f"s3://{name}/idp/", {})
        assert isinstance(made, S3Target)
        return made

    def test_a_missing_bucket_is_refused(self) -> None:
        with pytest.raises(PublishingRefused, match="NoSuchBucket"):
            open_target("s3://no-such-bucket", {}).write(an_object(), was=None)

    def test_nobody_there_is_not_a_refusal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
        with pytest.raises(ServiceUnreachable):
            open_target("s3://keys-x", {}).read(NAME)

    def test_no_credentials_are_said_and_not_a_refusal(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        with pytest.raises(ServiceUnreachable, match="no AWS credentials were found"):
            open_target("s3://keys-x", {}).read(NAME)
        config = tmp_path / "config"
        config.write_text("[profile robot]\ncredential_process = sh -c 'echo a-secret >&2; exit 1'\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_PROFILE", "robot")
        with pytest.raises(ServiceUnreachable, match="no AWS credentials were found") as fault:
            open_target("s3://keys-x", {}).read(NAME)
        assert "a-secret" not in str(fault.value)
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(ServiceUnreachable, match="profile"):
            open_target("s3://keys-x", {})

    def test_an_endpoint_that_is_no_url_is_said_without_its_password(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "user:a-secret@s3.internal")
        with pytest.raises(ServiceUnreachable, match="its endpoint is not a URL") as fault:
            open_target("s3://keys-x", {})
        assert "a-secret" not in str(fault.value)

    def test_credentials_that_have_expired_are_no_missing_permission(
        self, target: S3Target, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def expired(**_: object) -> None:
            answer = {"Error": {"Code": "ExpiredToken"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
            raise ClientError(answer, "GetObject")

        monkeypatch.setattr(target._s3, "get_object", expired)
        with pytest.raises(ServiceUnreachable, match="ExpiredToken"):
            target.read(NAME)

    def test_no_acl_is_ever_set(self, target: S3Target) -> None:
        sent: list[dict[str, object]] = []
        target._s3.meta.events.register("before-sign.s3.PutObject", lambda request, **_: sent.append(request.headers))
        target.write(an_object(), was=None)
        names = {name.lower() for name in sent[0]}
        assert not {name for name in names if "acl" in name or "grant" in name}
        assert "x-amz-checksum-sha256" in names
        assert "if-none-match" in names


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[GoogleStorage]:
    with google_storage() as state:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", state.url)
        yield state


class TestGoogle(TargetContract):
    """Against a server with the shapes of Google's JSON API, through Google's own library."""

    @pytest.fixture
    def target(self, google: GoogleStorage) -> GcsTarget:
        made = open_target("gs://keys/idp", {})
        assert isinstance(made, GcsTarget)
        return made

    def test_nobody_there_is_not_a_refusal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gcs, "RETRY", gcs.RETRY.with_timeout(0.3))
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
        target = open_target("gs://keys", {})
        with pytest.raises(ServiceUnreachable):
            target.read(NAME)
        with pytest.raises(ServiceUnreachable):
            target.write(an_object(), was=None)

    def test_a_server_in_trouble_is_not_a_refusal(
        self, target: GcsTarget, google: GoogleStorage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gcs, "RETRY", gcs.RETRY.with_timeout(0.3))
        for google.refuses in (503, 429):
            with pytest.raises(ServiceUnreachable):
                target.read(NAME)

    def test_no_permission_is_a_refusal(self, target: GcsTarget, google: GoogleStorage) -> None:
        google.refuses = 403
        with pytest.raises(PublishingRefused, match="403"):
            target.read(NAME)

    def test_a_missing_bucket_is_refused(self, google: GoogleStorage) -> None:
        with pytest.raises(PublishingRefused, match="no such bucket"):
            open_target("gs://others", {}).write(an_object(), was=None)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azurite(tmp_path_factory.mktemp("azurite")) as given:
        yield given


class TestAzure(TargetContract):
    """Against Azurite, through Microsoft's own library."""

    number = 0

    @pytest.fixture
    def target(self, azure: str) -> AzureTarget:
        from azure.storage.blob import BlobServiceClient

        TestAzure.number += 1
        name = f"keys-{self.number}"
        with BlobServiceClient.from_connection_string(azure) as service:
            service.create_container(name).close()
        made = open_target(f"az://{ACCOUNT}/{name}/idp", {"AZURE_STORAGE_CONNECTION_STRING": azure})
        assert isinstance(made, AzureTarget)
        return made

    def test_a_missing_container_is_refused(self, azure: str) -> None:
        target = open_target(f"az://{ACCOUNT}/nowhere", {"AZURE_STORAGE_CONNECTION_STRING": azure})
        with pytest.raises(PublishingRefused, match="ContainerNotFound"):
            target.write(an_object(), was=None)
        with pytest.raises(PublishingRefused, match="ContainerNotFound"):
            target.read(NAME)

    def test_nobody_there_is_not_a_refusal(self, azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(azure_target, "RETRIES", 0)
        nowhere = re.sub(r"127\.0\.0\.1:[0-9]+", "127.0.0.1:1", azure)
        target = open_target(f"az://{ACCOUNT}/keys", {"AZURE_STORAGE_CONNECTION_STRING": nowhere})
        with pytest.raises(ServiceUnreachable):
            target.read(NAME)

    def test_no_credentials_are_said_and_not_a_refusal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nobody(*_: object, **__: object) -> None:
            raise ClientAuthenticationError("DefaultAzureCredential failed to retrieve a token")

        target = open_target("az://another/keys", {})
        assert isinstance(target, AzureTarget)
        monkeypatch.setattr(target._container, "download_blob", nobody)
        with pytest.raises(ServiceUnreachable, match="no Azure credentials"):
            target.read(NAME)

    def test_another_account_is_not_written_to(self, azure: str) -> None:
        with pytest.raises(PublishingRefused, match=ACCOUNT):
            open_target("az://another/keys", {"AZURE_STORAGE_CONNECTION_STRING": azure})


@pytest.mark.parametrize(
    ("text", "module", "library", "extra"),
    [
        ("gs://keys", "gcs", "google.cloud.storage", "daypass[gcs]"),
        ("az://account/keys", "azure", "azure.storage.blob", "daypass[azure]"),
        ("az://account/keys", "azure", "azure.identity", "daypass[azure]"),
    ],
)
def test_a_library_that_is_missing_is_named(
    text: str, module: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, f"daypass.publishing.targets.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(PartMissing, match=library) as refusal:
        open_target(text, {})
    assert extra in str(refusal.value.advice)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://bucket",
        "s3://",
        "s3://[",
        "s3://[::1",
        "s3:///prefix",
        "s3://Bucket",
        "s3://bucket/../other",
        "s3://bucket/a//b",
        "s3://bucket/a?b",
        "s3://bucket/.hidden",
        "az://account",
        "az://account/UPPER",
    ],
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageInvalid):
        open_target(text, {})
