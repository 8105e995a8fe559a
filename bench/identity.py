"""What our front costs on a signed request, beside moto's own server in the same run.

GetCallerIdentity is answered by Daypass; GetParameter is judged by Daypass and answered by moto behind it. moto's own
server checks neither signature nor permission.

Run: python -m bench.identity
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench import servers
from bench.load import Measured, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

ADMINISTRATOR = {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": None}
NAME = "/bench/parameter"


def signed(port: int, service: str, body: bytes, headers: Mapping[str, str], given: Mapping) -> bytes:
    """The bytes of one signed POST, good for the five minutes of its date."""
    request = AWSRequest("POST", f"http://127.0.0.1:{port}/", data=body, headers=dict(headers))
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4Auth(keys, service, "us-east-1").add_auth(request)
    written = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    start = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n"
    return f"{start}{written}\r\n".encode() + body


def identity(port: int, given: Mapping) -> bytes:
    """The bytes of one GetCallerIdentity, as an SDK sends it."""
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return signed(port, "sts", b"Action=GetCallerIdentity&Version=2011-06-15", form, given)


def parameter(port: int, given: Mapping) -> bytes:
    """The bytes of one GetParameter."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.GetParameter"}
    return signed(port, "ssm", json.dumps({"Name": NAME}).encode(), headers, given)


def _client(port: int, service: str, given: Mapping = ADMINISTRATOR) -> object:
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def _session(port: int, role: str, token: str) -> Mapping:
    policy = {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    _client(port, "iam").put_role_policy(RoleName=role.rpartition("/")[2], PolicyName="read", PolicyDocument=document)
    assume = _client(port, "sts").assume_role_with_web_identity
    return assume(RoleArn=role, RoleSessionName="bench", WebIdentityToken=token)["Credentials"]


def _all(running: servers.Running, given: Mapping, seconds: float) -> dict[str, Measured]:
    _client(running.port, "ssm").put_parameter(Name=NAME, Value="v", Type="String")
    asked = {"GetCallerIdentity": identity(running.port, given), "GetParameter": parameter(running.port, given)}
    return {
        name: measure(running.port, request, pid=running.pid, connections=8, seconds=seconds)
        for name, request in asked.items()
    }


def section(folder: Path, seconds: float) -> list[dict]:
    """Measure both servers and print; the overhead of GetCallerIdentity should stay below 300 us."""
    with servers.local_aws(folder) as (running, role, token):
        ours = _all(running, _session(running.port, role, token), seconds)
    with servers.moto(folder) as running:
        theirs = _all(running, ADMINISTRATOR, seconds)
    rows = []
    for name, mine in ours.items():
        peer = theirs[name]
        over = mine.cpu_us - peer.cpu_us
        print(
            f"  {name:<20} local AWS {mine.cpu_us:>6.0f} us CPU, p50 {mine.p50_ms:.2f} ms;"
            f"  moto {peer.cpu_us:>6.0f} us CPU, p50 {peer.p50_ms:.2f} ms;  over moto {over:>+6.0f} us"
        )
        failures = mine.failures + peer.failures
        rows.append({"what": name, "local_aws_us": mine.cpu_us, "moto_us": peer.cpu_us, "failures": failures})
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print("A signed request of a session, CPU time of the server per request, 8 connections:")
        sys.exit(int(any(row["failures"] for row in section(Path(name), 3.0))))
