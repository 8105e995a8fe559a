"""A local AWS in the process of the tests, on a loopback port of its own.

    from daypass.testing import gitlab_token, local_aws

    def test_deploys() -> None:
        with local_aws() as aws:
            aws.provider("gitlab.com")
            role = aws.role("deploy", trust_policy=Path("infra/deploy-role-trust.json").read_text())
            job = aws.login(role, aws.mint(gitlab_token(project="mygroup/app")))
            assert job.client("sts").get_caller_identity()["Arn"].endswith("assumed-role/deploy/test")

IAM and STS of several such servers are apart. The services behind them (S3, Secrets Manager, …) are moto's, which keeps
one state per process: the second server that needs them says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from daypass.errors import PartMissing, RequestInvalid

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from daypass.localaws.app import Front
    from daypass.tokens.strict_json import JsonValue

ACCOUNT: Final = "000000000000"
"""The account of everything that names none."""
REGION: Final = "us-east-1"
ISSUERS: Final = (
    "gitlab.com",
    "token.actions.githubusercontent.com",
    "app.gitpod.io",
    "services.gitpod.io/idp",
)
"""The issuers that are played when no others are named."""
_AUDIENCE: Final = "sts.amazonaws.com"
_START_SECONDS: Final = 30


@contextlib.contextmanager
def local_aws(
    *,
    as_issuers: Sequence[str] = ISSUERS,
    clock: datetime | None = None,
    data: str | Path | None = None,
    init: Sequence[str | Path] = (),
    trust_ca: Sequence[str | Path] = (),
    port: int = 0,
) -> Iterator[LocalAws]:
    """Run a local AWS until the end of the block.

    Args:
        as_issuers: issuers that it plays, with or without `https://`.
        clock: the time that it begins at; the real one when None.
        data: a folder in which everything is kept; in memory when None.
        init: seed files.
        trust_ca: PEM files of authorities to trust when real issuers are asked for their keys.
        port: 0 takes a free one.

    Raises:
        IssuerUrlInvalid: one of `as_issuers` is none.
        RequestInvalid: a seed file is not one, or what it says is refused.
        FileUnsafe, FileUnavailable: a file cannot be used, or another process has the folder.
        SettingInvalid: the port or a file of `trust_ca` cannot be used.
    """
    from daypass.bootstrap.local_aws import LocalAwsOptions, held
    from daypass.localaws.stand_ins import stand_in

    options = LocalAwsOptions(
        port=port,
        trust=tuple(map(Path, trust_ca)),
        as_issuers=tuple(map(stand_in, as_issuers)),
        init=tuple(map(Path, init)),
        port_setting="port",
    )
    with contextlib.ExitStack() as stack:
        folder = None if data is None else stack.enter_context(held(Path(data)))
        running = _Running(options, folder)
        stack.callback(running.stop)
        running.start()
        aws = LocalAws(running, clock)
        stack.callback(aws.close_clients)
        yield aws


@final
class LocalAws:
    """A running local AWS. Made by `local_aws`.

    Attributes:
        endpoint_url: what clients set as `endpoint_url` or AWS_ENDPOINT_URL.
    """

    def __init__(self, running: _Running, clock: datetime | None) -> None:
        self.endpoint_url = running.url
        self._running = running
        self._instance = running.front.instance
        self._began_at = clock
        self._clients: list[Any] = []
        self._loaders: list[Any] = []
        self._administrators: dict[tuple[str, str], Any] = {}
        if clock is not None:
            self.set_clock(clock)

    def session(
        self, account: str = ACCOUNT, *, region: str = REGION, credentials: Mapping[str, Any] | None = None
    ) -> Any:
        """A boto3 session whose clients speak to this server; as the account's administrator, or with credentials.

        Args:
            account: twelve digits.
            region: of the clients.
            credentials: `Credentials` as STS answers them.

        Raises:
            PartMissing: when boto3 is not installed.
        """
        given = credentials or {"AccessKeyId": account, "SecretAccessKey": "test"}
        return _boto3_session(self.endpoint_url, given, region, self._clients, self._loaders)

    def client(self, service: str, account: str = ACCOUNT, **options: Any) -> Any:
        """A boto3 client of the account's administrator, the same one each time. Raises as `session` does."""
        if options:
            return self.session(account).client(service, **options)
        if (service, account) not in self._administrators:
            self._administrators[service, account] = self.session(account).client(service)
        return self._administrators[service, account]

    def login(
        self, role_arn: str, token: str, *, session_name: str = "test", region: str = REGION, **options: Any
    ) -> Any:
        """A boto3 session of the role, bought with a web identity token.

        Args:
            role_arn: the role.
            token: from `mint`, or of an issuer that this server asks.
            session_name: RoleSessionName.
            region: of the clients.
            **options: more of AssumeRoleWithWebIdentity, such as `DurationSeconds=900`.

        Raises:
            botocore.exceptions.ClientError: when it is refused; `why()` tells why.
        """
        sts = self.client("sts")
        answer = sts.assume_role_with_web_identity(
            RoleArn=role_arn, RoleSessionName=session_name, WebIdentityToken=token, **options
        )
        return self.session(region=region, credentials=answer["Credentials"])

    def mint(
        self,
        token: Mapping[str, JsonValue] | None = None,
        *,
        issuer: str | None = None,
        lifetime_seconds: int = 3600,
        **claims: JsonValue,
    ) -> str:
        """A signed token of an issuer that this server plays.

        Args:
            token: claims, such as a `gitlab_token(…)`.
            issuer: whose it is; of `token` when None.
            lifetime_seconds: until `exp`, by this server's clock.
            **claims: claims, which go before those of `token`; None leaves one out.

        Raises:
            RequestInvalid: the issuer is not played here, or there is none.
        """
        said = {**(token or {}), **claims}
        whose = issuer or said.get("iss")
        if not isinstance(whose, str):
            raise RequestInvalid("a token needs an issuer", advice='Such as: mint(issuer="gitlab.com")')
        if issuer is not None and token is not None:
            said.pop("iss", None)
        minted = self._instance.stand_ins.mint(
            whose, said, now=self._instance.clock(), lifetime_seconds=lifetime_seconds
        )
        return minted.reveal()

    def provider(
        self, issuer: str, *, client_ids: Sequence[str] = (_AUDIENCE,), account: str = ACCOUNT, **options: Any
    ) -> str:
        """Make an IAM OIDC provider; its ARN."""
        url = issuer if "://" in issuer else f"https://{issuer}"
        made = self.client("iam", account).create_open_id_connect_provider(
            Url=url, ClientIDList=list(client_ids), **options
        )
        return str(made["OpenIDConnectProviderArn"])

    def role(
        self,
        name: str,
        *,
        trust_policy: str | Mapping[str, Any],
        policies: Mapping[str, str | Mapping[str, Any]] | None = None,
        account: str = ACCOUNT,
        **options: Any,
    ) -> str:
        """Make a role; its ARN.

        Args:
            name: RoleName.
            trust_policy: the document, or its text.
            policies: inline policies by name.
            account: twelve digits.
            **options: more of CreateRole, such as `MaxSessionDuration=43200`.
        """
        iam = self.client("iam", account)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_text(trust_policy), **options)
        for policy, document in (policies or {}).items():
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=_text(document))
        return str(made["Role"]["Arn"])

    def why(self, request_id: str | None = None) -> dict[str, Any]:
        """The refusal of a request, the last one without an id: its `code` and `message`, and what is behind them.

        Raises:
            RequestInvalid: when none is kept.
        """
        if request_id is None:
            refusals = self.refusals()
            request_id = str(refusals[0]["id"]) if refusals else ""
        found = self._running.call(_at_once(lambda: self._instance.whys.find(request_id)))
        if found is None:
            raise RequestInvalid("the local AWS keeps no such refusal")
        return dict(found)

    def refusals(self) -> list[dict[str, Any]]:
        """The last refusals, newest first, each in a few words."""
        return list(self._running.call(_at_once(lambda: self._instance.whys.newest(100))))

    def fault(
        self, operation: str, code: str, *, times: int = 1, region: str | None = None, message: str | None = None
    ) -> None:
        """Let the next calls of an operation fail, to see what the client does then.

        Args:
            operation: such as `sts:AssumeRoleWithWebIdentity`, or `sts:*`.
            code: such as `Throttling`, `InternalFailure`, `RegionDisabledException`.
            times: how many calls.
            region: only calls that ask this region.
            message: instead of AWS's text.

        Raises:
            RequestInvalid: for an operation or code that there is not.
        """
        from daypass.localaws.arranged import Arranged

        arranged = Arranged(operation, code, times, region, message)
        self._running.call(_at_once(lambda: self._instance.arranged.arrange(arranged)))

    @property
    def now(self) -> datetime:
        """The time by this server."""
        return self._instance.clock()

    def set_clock(self, moment: datetime) -> None:
        """Let it be this time now; aware."""
        self._running.call(_at_once(lambda: self._instance.clock.set(moment)))

    def advance(
        self, duration: timedelta | None = None, *, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move the clock on, so that what ends then has ended."""
        ahead = hours * 3600 + minutes * 60 + seconds + (duration.total_seconds() if duration is not None else 0)
        self._running.call(_at_once(lambda: self._instance.clock.advance(ahead)))

    def freeze(self) -> None:
        """Let the clock stand still."""
        self._running.call(_at_once(self._instance.clock.freeze))

    def reset(self) -> None:
        """As it began: without roles, secrets and refusals; no session of before is known, the clock is as it was."""
        self._running.call(self._instance.reset())
        if self._began_at is not None:
            self.set_clock(self._began_at)

    def close_clients(self) -> None:
        """Close the connections of all clients that were made here."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._administrators.clear()


class _Running:
    """The server, in a thread with an event loop of its own."""

    def __init__(self, options: Any, folder: Any) -> None:
        from daypass.bootstrap.local_aws import local_aws as application

        self.front: Front = application(options, folder, log=None)
        self.url = ""
        self._options = options
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None
        self._ready = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="daypass-local-aws", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the local AWS did not start")
        if self._fault is not None:
            raise self._fault

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Carry out in the server's loop."""
        import asyncio

        assert self._loop is not None, "it runs"
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    def stop(self) -> None:
        if self._loop is not None and self._stopped is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stopped.set)
        if self._thread.ident is not None:
            self._thread.join()
        self.front.instance.close()

    def _main(self) -> None:
        from daypass.bootstrap.server import run

        try:
            run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to whoever started it
            self._fault = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        import asyncio

        from daypass.bootstrap.local_aws import endpoint_url, furnish, local_aws_server

        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        await furnish(self.front, self._options.init)
        server = local_aws_server(self._options, self.front)
        await server.start()
        self.url = endpoint_url(server, self._options)
        self._ready.set()
        await self._stopped.wait()
        await server.stop()


async def _at_once(function: Callable[[], Any]) -> Any:
    return function()


def _text(document: str | Mapping[str, Any]) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _boto3_session(
    endpoint_url: str, credentials: Mapping[str, Any], region: str, clients: list[Any], loaders: list[Any]
) -> Any:
    try:
        import boto3
        from botocore.loaders import create_loader
        from botocore.session import Session
    except ImportError:
        raise PartMissing(
            "boto3 is not installed",
            advice="Install it with: pip install boto3; or use any other client with `endpoint_url`.",
        ) from None

    class LocalSession(boto3.Session):  # type: ignore[misc]  # boto3 has no types
        """A boto3 session whose clients speak to the local AWS, and which sees nothing of the person's settings."""

        def client(self, *arguments: Any, **options: Any) -> Any:
            made = super().client(*arguments, **{"endpoint_url": endpoint_url, **options})
            clients.append(made)
            return made

        def resource(self, *arguments: Any, **options: Any) -> Any:
            made = super().resource(*arguments, **{"endpoint_url": endpoint_url, **options})
            clients.append(made.meta.client)
            return made

    own = Session()
    for name, value in (("config_file", os.devnull), ("credentials_file", os.devnull), ("profile", None)):
        own.set_config_variable(name, value)
    if not loaders:
        loaders.append(create_loader())
    # AWS's models are large: what one session has read, the next need not read again.
    own.register_component("data_loader", loaders[0])
    return LocalSession(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        region_name=region,
        botocore_session=own,
    )
