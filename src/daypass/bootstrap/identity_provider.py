"""Joins the identity provider: store, signer, key ring, registry, issuer, and HTTP in front of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.bootstrap.outside import opened_signer, opened_store
from daypass.bootstrap.server import Server, harden, run, stop_signal, tell, utc_now
from daypass.config import tls_context
from daypass.errors import DaypassError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from daypass.config import Settings
    from daypass.idp.exchange.exchange import Exchange
    from daypass.idp.key_rings import KeyRings
    from daypass.idp.ports import Clock, SeenOutside
    from daypass.idp.refusals import Refusals
    from daypass.idp.registry import Registry
    from daypass.idp.steady_clock import SteadyClock
    from daypass.web.services import Services

HOUSEKEEPING_SECONDS: Final = 60
FIRST_CREDENTIAL: Final = "admin-token"


@contextlib.asynccontextmanager
async def identity_provider(
    settings: Settings, *, clock: Clock = utc_now, monotonic: Callable[[], float] = time.monotonic
) -> AsyncIterator[Services]:
    """The identity provider, opened on its data folder and ready to issue.

    Without `database_url` the folder is this process's alone until the context ends. On the first start the signing
    keys are made, and an admin token that may do everything, in the file `admin-token` of the folder.

    Raises:
        FileUnavailable, FileUnsafe: when the folder, or a file in it, cannot be used; also when another process has it.
        StoreUnavailable, KeyUnavailable, PartMissing: when the database or the signing keys cannot be used.
        SettingInvalid: when a file with a passphrase, PIN or URL is empty or not text.
    """
    from daypass.idp.exchange.connections import Connections
    from daypass.idp.exchange.directory import Directory
    from daypass.idp.exchange.exchange import Exchange
    from daypass.idp.exchange.upstream import FetchedUpstreamKeys
    from daypass.idp.issue import Issuer
    from daypass.idp.key_rings import KeyRings
    from daypass.idp.limits import Limits
    from daypass.idp.registry import Registry
    from daypass.idp.steady_clock import SteadyClock
    from daypass.idp.subject_ledger import SubjectLedger
    from daypass.idp.watched_audit import WatchedAuditLog
    from daypass.web.services import Services

    folder = settings.data_folder
    files.private_folder(folder)
    with opened_store(settings) as store, contextlib.ExitStack() as closing:
        audit = WatchedAuditLog(store.audit)
        steady = SteadyClock(clock, monotonic)
        directory = Directory(store.registry, store.connections, shared=store.shared)
        limits = Limits(settings.limits, monotonic)
        registry = Registry(
            store.registry, audit, clock, os.urandom, shared=store.shared, changed=directory.forget, limits=limits
        )
        with store.starting():
            signer = closing.enter_context(opened_signer(settings, clock))
            key_rings = KeyRings(
                settings.issuer,
                store.keys,
                store.registry,
                signer,
                steady,
                audit,
                algorithms=settings.signing_algorithms,
                times=settings.key_times,
                monotonic=monotonic,
                outside=_seen_outside(settings, monotonic),
            )
            await key_rings.load()
            if not store.registry.admin_tokens(limit=1) or _unfinished(folder).exists():
                await _first_admin_token(registry, folder)
        subjects = SubjectLedger(store.subjects, store.registry, audit, clock)
        issuer = Issuer(
            key_rings,
            audit,
            clock,
            os.urandom,
            subjects=subjects,
            algorithms=settings.signing_algorithms,
            usual_lifetime_seconds=settings.token_lifetime_seconds,
            max_lifetime_seconds=settings.token_lifetime_max_seconds,
            subject_limit=settings.subject_max_length,
            limits=limits,
        )
        exchange = Exchange(
            directory=directory,
            keys=FetchedUpstreamKeys(steady, private_hosts=settings.exchange_private_hosts),
            issuer=issuer,
            audit=audit,
            clock=clock,
            limits=limits,
        )
        connections = Connections(
            registry=store.registry,
            connections=store.connections,
            exchange=exchange,
            directory=directory,
            audit=audit,
            clock=clock,
            random_bytes=os.urandom,
            private_hosts=settings.exchange_private_hosts,
        )
        housekeeping = asyncio.create_task(_keep_house(key_rings, registry.refusals, exchange, steady))
        refreshing = asyncio.create_task(_keep_fresh(key_rings))
        try:
            yield Services(settings, registry, issuer, subjects, exchange, connections, key_rings, audit, clock, limits)
        finally:
            housekeeping.cancel()
            refreshing.cancel()
            await registry.refusals.write_counted()


def _seen_outside(settings: Settings, monotonic: Callable[[], float]) -> SeenOutside | None:
    """Who looks at the issuers' URLs before a key signs; None when we ourselves are what is there."""
    if not settings.published_elsewhere:
        return None
    from daypass.fetching import Fetcher
    from daypass.publishing import KeysSeenOutside

    authorities = settings.published_authorities
    fetcher = Fetcher(
        trust=() if authorities is None else (authorities,), allow_private=settings.published_private_hosts
    )
    return KeysSeenOutside(fetcher, monotonic)


async def _keep_fresh(key_rings: KeyRings) -> None:
    """Read again, often, what other processes may have changed of the keys."""
    from daypass.idp.key_times import REFRESH_SECONDS
    from daypass.web.logs import logger

    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await key_rings.refresh()
        except DaypassError as error:
            logger().warning("keys_not_read", code=error.code, reason=error.message)


async def _keep_house(key_rings: KeyRings, refusals: Refusals, exchange: Exchange, clock: SteadyClock) -> None:
    """What is due by the clock: steps of keys, private keys that nobody needs, refusals only counted, used tokens."""
    from daypass.web.logs import logger

    while True:
        await asyncio.sleep(HOUSEKEEPING_SECONDS)
        try:
            await refusals.write_counted()
            for key in await key_rings.advance():
                logger().info("key_advanced", kid=key.kid, state=key.state.value)
            if clock.jumped:
                logger().warning("wall_clock_jumped", ahead_seconds=round(clock.jumped))
            for kid in await key_rings.clean():
                logger().info("private_key_destroyed", kid=kid)
            await exchange.forget_expired(clock())
        except DaypassError as error:
            logger().warning("housekeeping_failed", code=error.code, reason=error.message)
        except Exception:  # noqa: BLE001 (unheard, one fault would end all steps of all keys for good)
            logger().exception("housekeeping_failed", code="fault")


async def _first_admin_token(registry: Registry, folder: Path) -> None:
    """Make the first admin token, and leave it where only the owner of the folder finds it.

    A crash between the database and the file would lock everybody out; the mark tells the next start to try again.
    """
    from daypass.idp.caller import Caller, Scope

    files.write_atomic(_unfinished(folder), b"")
    caller = Caller.operator(request_id="first-start")
    made = await registry.create_admin_token(caller, name="first start", scopes=[Scope.ALL])
    path = folder / FIRST_CREDENTIAL
    files.write_atomic(path, f"{made.secret.reveal()}\n".encode())
    _unfinished(folder).unlink()
    tell(f"daypass: an admin token that may do everything is in {path}")


def _unfinished(folder: Path) -> Path:
    return folder / f".{FIRST_CREDENTIAL}.unfinished"


def identity_server(services: Services, *, setting: str = "listen") -> Server:
    """The identity provider's server, as its settings have it; `setting` names what chose the address."""
    from daypass.web.application import application

    settings = services.settings
    tls = None
    if not settings.behind_proxy:
        assert settings.tls_certificate is not None, "checked with the settings"
        assert settings.tls_private_key is not None, "checked with the settings"
        tls = tls_context(settings.tls_certificate, settings.tls_private_key)
    return Server(
        application(services),
        host=settings.listen.host,
        port=settings.listen.port,
        tls=tls,
        # A proxy keeps its connections for longer than a client does (nginx: 60 s), and must be the one to close them.
        keep_alive_seconds=75 if settings.behind_proxy else 5,
        setting=setting,
        direct=not settings.behind_proxy and not settings.proxy_hops,
    )


def serve(settings: Settings) -> int:
    """Run the identity provider until SIGTERM or SIGINT; the exit status.

    Raises:
        DaypassError: see `identity_provider` and `Server.start`.
    """
    harden()
    run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    from daypass.web import logs

    logs.configure(settings.log_level, settings.log_format)
    stopped = stop_signal()
    async with identity_provider(settings) as services:
        server = identity_server(services)
        await server.start()
        scheme = "http" if settings.behind_proxy else "https"
        address = type(settings.listen)(settings.listen.host, server.port)
        tell(f"daypass: ready at {scheme}://{address} for the issuer {settings.issuer}")
        await stopped.wait()
        tell("daypass: stopping")
        await server.stop()
