"""`daypass up` and `daypass local-aws` as a newcomer starts, stops, repeats and mistypes them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import trustme
from botocore.config import Config
from botocore.exceptions import ClientError

from support.processes import DAYPASS, clean_environment, running, shell_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.journey

READY_SECONDS = 5.0
"""The promise for `daypass up`; measured as processor time, since other tests may share the machine."""


def up_command(folder: Path, *more: str) -> list[str]:
    return [*DAYPASS, "up", "--data-folder", str(folder), "--issuer-port", "0", "--aws-port", "0", *more]


@contextmanager
def up(base: Path) -> Iterator[subprocess.Popen[bytes]]:
    folder = base / "data"
    ready, log = folder / "workspace.env", base / "up.log"
    with running(up_command(folder), environment=clean_environment(base), ready=ready, log=log) as process:
        yield process


def typed(home: Path, *command: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What a person types and sees; a server that should have refused to start is not waited for."""
    return subprocess.run(
        [*DAYPASS, *command],
        env=clean_environment(home, more),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def in_workspace(base: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return typed(base, *command, more=shell_variables(base / "data" / "workspace.env"))


def processor_seconds(pid: int) -> float:
    """What a process has used so far (proc(5), fields 14 and 15 of stat)."""
    with open(f"/proc/{pid}/stat") as stream:
        fields = stream.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_workspaces_outlive_a_restart(tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        with up(tmp_path) as process:
            used = processor_seconds(process.pid)
            assert used < READY_SECONDS
            done = in_workspace(tmp_path, "idp", "login", "aws")
            assert done.returncode == 0, done.stderr
            claims = in_workspace(tmp_path, "idp", "token", "--audience", "sts.amazonaws.com", "--decode").stdout
            (subject,) = (line.strip() for line in claims.splitlines() if '"sub"' in line)
            seen.append(((tmp_path / "data" / "workspace.token").read_text(), subject))
    assert seen[0] == seen[1]


def test_a_second_one_on_the_folder_is_refused_and_leaves_the_first_alone(tmp_path: Path) -> None:
    with up(tmp_path):
        before = {path: path.read_bytes() for path in (tmp_path / "data").glob("*.*")}
        done = subprocess.run(
            up_command(tmp_path / "data"), env=clean_environment(tmp_path), capture_output=True, text=True, check=False
        )
        assert done.returncode == 3
        told, advice = done.stderr.splitlines()
        assert told == f"daypass: another `daypass up` runs on `{tmp_path / 'data'}`"
        assert "--data-folder" in advice
        assert {path: path.read_bytes() for path in (tmp_path / "data").glob("*.*")} == before
        assert in_workspace(tmp_path, "idp", "login", "aws").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_status_0_and_no_process_is_left(tmp_path: Path, number: signal.Signals) -> None:
    folder, log = tmp_path / "data", tmp_path / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            up_command(folder), env=clean_environment(tmp_path), stdout=output, stderr=output, start_new_session=True
        )
    try:
        while not (folder / "workspace.env").exists():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.05)
        os.killpg(process.pid, number)
        assert process.wait(timeout=20) == 0
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)
        assert "Traceback" not in log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_folder_with_other_things_in_it_is_not_taken(tmp_path: Path) -> None:
    """It would be closed to everybody else: a home folder, by a slip of the hand."""
    folder = tmp_path / "home"
    folder.mkdir(mode=0o755)
    (folder / "thesis.txt").write_text("x")
    done = typed(tmp_path, *up_command(folder)[len(DAYPASS) :])
    assert done.returncode == 3
    assert f"`{folder}` holds something else" in done.stderr
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for folder in (file, file / "below"):
        done = typed(tmp_path, *up_command(folder)[len(DAYPASS) :])
        assert done.returncode == 3
        assert f"`{folder}`" in done.stderr


@pytest.mark.parametrize("option", ["--issuer-port", "--aws-port"])
def test_a_port_that_is_taken_is_named_with_its_option(tmp_path: Path, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = typed(tmp_path, *up_command(tmp_path / "data", option, port)[len(DAYPASS) :])
    assert done.returncode == 2
    told, advice = done.stderr.splitlines()[-2:]
    assert told == f"daypass: `{option}`: `127.0.0.1` port {port} cannot be listened at: address already in use"
    assert advice == "Stop what listens there, or choose another port."


# ---------------------------------------------------------------------------------------------------- local-aws


def client(service: str, endpoint: str, **options: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
        **options,
    )


def account_at(endpoint: str, **options: Any) -> str:
    sts = client("sts", endpoint, **options)
    try:
        return str(sts.get_caller_identity()["Account"])
    finally:
        sts.close()


def test_the_ready_file_holds_the_endpoint_and_an_old_one_is_gone_first(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    ready.write_text("http://127.0.0.1:1\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = typed(tmp_path, "local-aws", "--port", str(taken.getsockname()[1]), "--ready-file", str(ready))
    assert done.returncode == 2
    assert "`--port`" in done.stderr
    assert not ready.exists(), "whoever waits for it must not take the last run's endpoint for this one's"
    command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
    with running(command, environment=clean_environment(tmp_path), ready=ready, log=tmp_path / "log"):
        assert account_at(ready.read_text().strip()) == "000000000000"


def test_it_serves_https_with_a_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    ready = tmp_path / "ready"
    command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
    command += ["--tls-certificate", str(tmp_path / "chain.pem"), "--tls-private-key", str(tmp_path / "key.pem")]
    with running(command, environment=clean_environment(tmp_path), ready=ready, log=tmp_path / "log"):
        endpoint = ready.read_text().strip()
        assert endpoint.startswith("https://127.0.0.1:")
        assert account_at(endpoint, verify=str(tmp_path / "ca.pem")) == "000000000000"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tls-certificate", "chain.pem"], "`--tls-certificate` and `--tls-private-key` go together"),
        (["--trust-ca", "nope.pem"], "`--trust-ca`: `nope.pem` cannot be used: no such file or directory"),
        (["--trust-ca", "empty.pem"], "`--trust-ca`: `empty.pem` cannot be used: it holds no PEM certificate"),
        (["--port", "-1"], "`-1` is not a port, 0 to 65535"),
        (["--prot", "0"], "there is no option `--prot`"),
        (["--ready-file", ""], "argument --ready-file: the path is empty"),
    ],
)
def test_what_it_cannot_do_it_says_before_it_serves(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "empty.pem").write_text("")
    done = typed(tmp_path, "local-aws", "--port", "0", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_it_goes_on_when_whoever_read_its_log_has_left(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)],
        env=clean_environment(tmp_path),
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        assert b"the local AWS answers at" in process.stderr.readline()
        process.stderr.close()  # `2>&1 | head -1`
        endpoint = ready.read_text().strip()
        sts = client("sts", endpoint)
        for _ in range(2):
            with pytest.raises(ClientError) as refused:
                sts.assume_role_with_web_identity(
                    RoleArn="arn:aws:iam::000000000000:role/x", RoleSessionName="ab", WebIdentityToken="no token"
                )
            assert refused.value.response["Error"]["Code"] == "InvalidIdentityToken"
        sts.close()
        process.terminate()
        assert process.wait(timeout=20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


# ------------------------------------------------------------------------------- without the extra `local-aws`

HIDE_MOTO = """
from importlib.machinery import PathFinder

found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] == "moto" else found(name, *more)
"""


@pytest.fixture
def without_moto(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python does not find moto, as after `pip install daypass`."""
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sitecustomize.py").write_text(HIDE_MOTO)
    environment = clean_environment(tmp_path)
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, [str(hiding), environment.get("PYTHONPATH")]))}


def test_without_the_extra_up_says_what_to_install(tmp_path: Path, without_moto: dict[str, str]) -> None:
    done = subprocess.run(
        up_command(tmp_path / "data"), env=without_moto, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 3
    told, advice = done.stderr.splitlines()
    assert told == "daypass: the services behind the local AWS are not installed"
    assert advice == "Install them with: pip install 'daypass[local-aws]'"
    assert not (tmp_path / "data").exists()


def test_without_the_extra_the_local_aws_serves_sts_and_iam(tmp_path: Path, without_moto: dict[str, str]) -> None:
    ready = tmp_path / "ready"
    command = [*DAYPASS, "local-aws", "--port", "0", "--ready-file", str(ready)]
    with running(command, environment=without_moto, ready=ready, log=tmp_path / "log"):
        endpoint = ready.read_text().strip()
        assert account_at(endpoint) == "000000000000"
        iam = client("iam", endpoint)
        iam.create_open_id_connect_provider(Url="https://idp.example.com", ThumbprintList=["0" * 40])
        assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 1
        iam.close()
        secrets = client("secretsmanager", endpoint)
        with pytest.raises(ClientError, match=r"Install `daypass\[local-aws\]`"):
            secrets.list_secrets()
        secrets.close()
