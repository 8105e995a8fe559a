"""Joins the local AWS: its front, the clock, one loopback address."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.bootstrap.server import Server, harden, run, stop_signal, tell, utc_now
from daypass.config import tls_context, why_no_authorities
from daypass.errors import SettingInvalid
from daypass.sts.observed import AS_OBSERVED, Observed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from daypass.localaws.app import Application, Front
    from daypass.localaws.data_folder import DataFolder
    from daypass.names import IssuerUrl

HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalAwsOptions:
    """What `daypass local-aws` is told.

    `port` 0 takes a free one; `trust` are PEM files of authorities, `connect_to` maps an issuer's host and port to the
    address that is asked instead, `allow_private` names issuers' hosts that may lead to a private address. With
    `certificate` and `private_key` (PEM files) it serves HTTPS. The endpoint's URL is written to `ready_file` once it
    answers; an old one is gone before. `observed` are the choices where AWS is not known. `port_setting` is the option
    that `port` was given with. `as_issuers` are played here, `data` is the folder in which everything is kept, and
    `init` are seed files.
    """

    port: int
    trust: tuple[Path, ...] = ()
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    allow_private: frozenset[str] = frozenset()
    certificate: Path | None = None
    private_key: Path | None = None
    ready_file: Path | None = None
    observed: Observed = AS_OBSERVED
    port_setting: str = "--port"
    as_issuers: tuple[IssuerUrl, ...] = ()
    data: Path | None = None
    init: tuple[Path, ...] = ()


def local_aws(
    options: LocalAwsOptions, folder: DataFolder | None = None, log: Callable[[str], object] | None = tell
) -> Front:
    """The local AWS's application; without a folder empty, and with session keys of its own.

    Raises:
        SettingInvalid: when a file of `trust` holds no certificate.
        FileUnsafe, FileUnavailable: when the folder cannot be read, or is not as it was written.
    """
    from daypass.localaws.app import LocalAwsConfig, build
    from daypass.names import LOOPBACK_HOSTS

    for authority in options.trust:
        _demand_authority(authority)
    config = LocalAwsConfig(
        trust=options.trust,
        allow_private=LOOPBACK_HOSTS | options.allow_private | {host for host, _ in options.connect_to},
        connect_to=options.connect_to,
        observed=options.observed,
        log=log,
        as_issuers=options.as_issuers,
        folder=folder,
    )
    return build(config, utc_now)


def local_aws_server(options: LocalAwsOptions, application: Application | None = None) -> Server:
    """The local AWS's server; it listens on this machine only.

    Raises:
        SettingInvalid: when the certificate or its key, or a file of `trust`, cannot be used.
    """
    application = application or local_aws(options)
    return Server(application, host=HOST, port=options.port, tls=_tls(options), setting=options.port_setting)


def endpoint_url(server: Server, options: LocalAwsOptions) -> str:
    """What clients set as AWS_ENDPOINT_URL. An address and not a name, so that S3 puts the bucket into the path."""
    return f"{'https' if options.certificate else 'http'}://{HOST}:{server.port}"


def serve_local_aws(options: LocalAwsOptions) -> int:
    """Run the local AWS until SIGTERM or SIGINT; the exit status.

    Raises:
        SettingInvalid: when the address or the certificate cannot be used.
        FileUnsafe, FileUnavailable: when the data folder cannot be used, or another process has it.
        RequestInvalid: when a seed file is not one.
    """
    harden()
    with contextlib.ExitStack() as stack:
        folder = None if options.data is None else stack.enter_context(held(options.data))
        run(_serve(options, folder))
    return 0


def held(data: Path) -> contextlib.AbstractContextManager[DataFolder]:
    """The data folder, for this process alone; see `DataFolder.held`."""
    from daypass.localaws.data_folder import DataFolder

    return DataFolder.held(data)


async def furnish(front: Front, files_of_seed: Sequence[Path]) -> None:
    """Put into a local AWS what seed files say, now and after each reset.

    Raises:
        RequestInvalid: when a file is no seed, or the local AWS refuses what is in it; the message says where.
        FileUnavailable: when a file cannot be read.
    """
    from daypass.localaws.seed.apply import apply
    from daypass.localaws.seed.document import read_seed

    if files_of_seed:
        seeds = [await asyncio.to_thread(read_seed, file) for file in files_of_seed]
        await front.instance.furnish(lambda: apply(front, seeds))


async def _serve(options: LocalAwsOptions, folder: DataFolder | None) -> None:
    stopped = stop_signal()
    if options.ready_file is not None:
        await asyncio.to_thread(files.remove, options.ready_file)
    front = local_aws(options, folder)
    server = local_aws_server(options, front)
    await furnish(front, options.init)
    await server.start()
    url = endpoint_url(server, options)
    if options.ready_file is not None:
        await asyncio.to_thread(files.write_atomic, options.ready_file, f"{url}\n".encode())
    tell(f"daypass: the local AWS answers at {url}; administrator test/test")
    if options.as_issuers:
        played = ", ".join(issuer.text for issuer in options.as_issuers)
        tell(f"daypass: it plays {played}: for tests only, nothing real may trust this server")
    await stopped.wait()
    await server.stop()
    front.instance.close()


def _demand_authority(file: Path) -> None:
    if reason := why_no_authorities(file):
        raise SettingInvalid(
            f"`--trust-ca`: `{file}` cannot be used: {reason}",
            advice="Name a PEM file of certificate authorities.",
            file=str(file),
            key="--trust-ca",
            reason=reason,
        )


def _tls(options: LocalAwsOptions) -> ssl.SSLContext | None:
    if options.certificate is None or options.private_key is None:
        return None
    try:
        return tls_context(options.certificate, options.private_key)
    except (ssl.SSLError, ValueError, OSError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
        raise SettingInvalid(
            f"the certificate `{options.certificate}` cannot be used with its key: {reason}",
            advice="Both are PEM; the chain starts with the server's own certificate; the key is not encrypted.",
            file=str(options.certificate),
            key="--tls-certificate",
            reason=str(reason),
        ) from None
