"""One examination: every probe, as parallel as it goes, within a bounded time."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from daypass import __version__
from daypass.doctor import verdict
from daypass.doctor.checks import documents
from daypass.doctor.facts import (
    AccountFacts,
    ConnectionFacts,
    DnsFacts,
    DocumentFacts,
    Facts,
    FetchFacts,
    HostFacts,
    RoleFacts,
    TokenFacts,
    Verdict,
)
from daypass.doctor.probes import dns, document, tcp, tls
from daypass.doctor.probes import token as token_probe
from daypass.doctor.probes.place import is_literal, place_of
from daypass.doctor.redaction import cleaned
from daypass.errors import Invalid, IssuerUrlInvalid, TokenRefused, Unavailable
from daypass.fetching import THUMBPRINT_PHASE, Fetcher, Limits, why_forbidden
from daypass.names import IssuerUrl
from daypass.secret import Secret
from daypass.sts.decide import KeysUnavailable
from daypass.tokens.peek import peek
from daypass.trust.attempt import likely_provider
from daypass.trust.document import Policy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from daypass.doctor.facts import TlsFacts
    from daypass.doctor.probes.place import Place
    from daypass.names import RoleArn
    from daypass.tokens.key_set import KeySet

T = TypeVar("T")

_AT_ONCE: Final = 8
"""Questions to one issuer at the same time: enough to be quick, too few to be a burden."""
_MOST_ADDRESSES: Final = 8


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be examined; everything may be left out but one of issuer, token and role.

    Attributes:
        issuer: its URL, as typed; None: the token's `iss`, else the one provider that the trust policy names.
        token: the token itself; it is sent nowhere.
        token_source: where it is from, for people.
        token_fault: why there is none though one was wanted.
        role_arn: which is to be assumed; IAM is asked about it where `ask_aws`.
        policy: the text of its trust policy; then IAM is not asked for it.
        audience: the client id that the provider is expected to have.
        duration_seconds: that the session is to last.
        ask_aws: whether IAM may be asked, with the credentials that AWS's own tools would find.
        ca_files: PEM files of authorities that count as trusted.
        connect_to: as curl's: another address for a host and port. A target is not judged as an address.
        allow_private: hosts that may lead to a private address, because a local AWS will ask them.
        repeat: how often each document is asked for.
        limits: of time (all that AWS fetches, and each answer) and size.
    """

    issuer: str | None = None
    token: Secret | None = None
    token_source: str = "file"  # noqa: S105 (a word, not a secret)
    token_fault: str | None = None
    role_arn: RoleArn | None = None
    policy: str | None = None
    audience: str | None = None
    duration_seconds: int | None = None
    ask_aws: bool = True
    ca_files: tuple[Path, ...] = ()
    connect_to: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    allow_private: frozenset[str] = frozenset()
    repeat: int = 3
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Progress:
    """A probe began (`done` False) or ended; `detail` is a word about what came out."""

    probe: str
    done: bool
    detail: str = ""


async def examine(
    question: Question,
    clock: Callable[[], datetime],
    *,
    progress: Callable[[Progress], object] = lambda _: None,
    account: AccountFacts | None = None,
) -> Facts:
    """Ask, and gather what is seen. Never raises for what the outside world does.

    Args:
        question: what about.
        clock: now, in UTC.
        progress: is told of each probe's begin and end, from the loop's thread.
        account: what is known of the account already; then IAM is not asked.
    """
    return cleaned(await _Examination(question, clock, progress).run(account))


class _Fetched(NamedTuple):
    facts: FetchFacts | None
    keys: KeySet | KeysUnavailable | None


class _Examination:
    """One question on its way."""

    def __init__(
        self, question: Question, clock: Callable[[], datetime], progress: Callable[[Progress], object]
    ) -> None:
        self._question = question
        self._clock = clock
        self._progress = progress
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def run(self, known: AccountFacts | None) -> Facts:
        question = self._question
        facts = Facts(
            issuer=question.issuer or _issuer_of_token(question.token),
            examined_at=self._clock(),
            audience=question.audience,
            duration_seconds=question.duration_seconds,
            daypass=__version__,
            limit_seconds=question.limits.total_seconds,
            limit_bytes=question.limits.body_bytes,
        )
        account_task = asyncio.create_task(self._account(known, facts.issuer))
        if facts.issuer is None:
            facts = replace(facts, issuer=_issuer_of_policy(await account_task, question))
        fetched = _Fetched(None, None)
        if facts.issuer is not None:
            try:
                issuer = IssuerUrl.parse(facts.issuer)
            except IssuerUrlInvalid as fault:
                facts = replace(facts, issuer_fault=str(fault.facts["reason"]))
                fetched = _Fetched(None, KeysUnavailable(fault.message))
            else:
                facts, fetched = await self._issuer(facts, issuer, account_task)
        account = await account_task
        facts = replace(facts, fetch=fetched.facts, account=account)
        if question.token is None:
            if question.token_fault is not None:
                facts = replace(facts, token=TokenFacts(question.token_source, fault=question.token_fault))
            return replace(facts, verdict=verdict.without_token(fetched.keys)) if fetched.facts else facts
        with self._step("the token") as told:
            seen = token_probe.look_at(question.token, question.token_source, fetched.keys)
            told.append(seen.fault or seen.whose or "")
        stripped = Secret(question.token.reveal().strip())
        try:
            said = verdict.answer(
                stripped,
                await self._keys_for(seen, facts, fetched, account_task),
                account,
                role_arn=question.role_arn,
                audience=question.audience,
                duration_seconds=question.duration_seconds,
                now=self._clock(),
            )
        except Invalid as fault:  # a policy that cannot be read is a finding of its own
            said = Verdict(None, detail=fault.message)
        return replace(facts, token=seen, verdict=said)

    async def _keys_for(
        self, seen: TokenFacts, facts: Facts, fetched: _Fetched, account: asyncio.Task[AccountFacts | None]
    ) -> KeySet | KeysUnavailable | None:
        """STS asks whom the token names; the keys of another issuer, which was examined, are nothing to it."""
        if seen.issuer == facts.issuer:
            return fetched.keys
        try:
            issuer = IssuerUrl.parse(seen.issuer or "")
        except IssuerUrlInvalid as fault:
            return KeysUnavailable(fault.message)
        return (await self._fetch(issuer, account, whose=f" of {issuer.text}")).keys

    async def _issuer(
        self, facts: Facts, issuer: IssuerUrl, account: asyncio.Task[AccountFacts | None]
    ) -> tuple[Facts, _Fetched]:
        url = issuer.discovery_url
        place = place_of(url, self._question.connect_to)
        assert place is not None, "an issuer's URL can be asked"
        fetch = asyncio.create_task(self._fetch(issuer, account))
        resolved = await self._resolve(place)
        hosts = [asyncio.create_task(self._host(place, resolved))]
        # Only then: what AWS would see is asked of a server that nobody else asks, as its first request.
        await asyncio.wait([fetch])
        discovery = await self._documents(url, place, resolved, key_set=False)
        keys_url = _jwks_uri(discovery)
        keys: tuple[DocumentFacts, ...] = ()
        keys_place = None if keys_url is None else place_of(keys_url, self._question.connect_to)
        if keys_url is not None and keys_place is not None:
            elsewhere = (keys_place.host.lower(), keys_place.port) != (place.host.lower(), place.port)
            if elsewhere:
                resolved = await self._resolve(keys_place)
                if self._leads_inside(keys_place, resolved):
                    resolved = replace(resolved, asked=False)
                hosts.append(asyncio.create_task(self._host(keys_place, resolved)))
            if resolved.asked:
                keys = await self._documents(keys_url, keys_place, resolved, key_set=True)
        return (
            replace(
                facts,
                hosts=tuple(await asyncio.gather(*hosts)),
                discovery=discovery,
                keys=keys,
                keys_url=keys_url,
            ),
            await fetch,
        )

    def _leads_inside(self, place: Place, resolved: DnsFacts) -> bool:
        """Whether a host that a document named, and not the user, has an address that is not of the internet.

        Such a one is reported and not asked: whoever writes an issuer's document must not choose what a machine
        inside a network asks there.
        """
        if place.asked_instead is not None or place.host.lower() in {
            each.lower() for each in self._question.allow_private
        }:
            return False
        return any(why_forbidden(address) is not None for address in resolved.addresses)

    async def _resolve(self, place: Place) -> DnsFacts:
        with self._step(f"the name {place.asked_host}") as told:
            if is_literal(place.asked_host):
                literal = (place.asked_host,)
                found = (
                    DnsFacts(place.asked_host, ipv6=literal)
                    if ":" in place.asked_host
                    else DnsFacts(place.asked_host, ipv4=literal)
                )
            else:
                found = await dns.resolve(place.asked_host, seconds=self._question.limits.total_seconds)
            told.append(found.fault or ", ".join(found.addresses))
        return found

    async def _host(self, place: Place, resolved: DnsFacts) -> HostFacts:
        seconds = self._question.limits.total_seconds
        with self._step(f"connections to {place.host}") as told:
            connections = await asyncio.gather(
                *(
                    self._gated(tcp.connect(address, place.asked_port, seconds=seconds))
                    for address in (resolved.addresses[:_MOST_ADDRESSES] if resolved.asked else ())
                )
            )
            told.append(", ".join(f"{each.address} {each.fault or 'answers'}" for each in connections))
        open_one = next((each for each in connections if each.fault is None), None)
        return HostFacts(
            host=place.host,
            port=place.port,
            dns=resolved,
            connections=tuple(connections),
            tls=None if open_one is None else await self._tls(place, open_one),
            asked_instead=place.asked_instead,
            private_allowed=place.host.lower() in {each.lower() for each in self._question.allow_private},
        )

    async def _tls(self, place: Place, connection: ConnectionFacts) -> TlsFacts:
        with self._step(f"TLS of {place.host}") as told:
            found = await self._gated(
                tls.inspect(
                    place.host,
                    connection.address,
                    connection.port,
                    ca_files=self._question.ca_files,
                    seconds=self._question.limits.total_seconds,
                )
            )
            told.append(found.fault or f"{found.negotiated}, {len(found.chain)} certificates")
        return found

    async def _documents(
        self, url: str, place: Place, resolved: DnsFacts, *, key_set: bool
    ) -> tuple[DocumentFacts, ...]:
        if not resolved.addresses:
            return ()
        address = await self._answering(place, resolved)
        with self._step("the key set" if key_set else "the discovery document") as told:
            found = await asyncio.gather(
                *(
                    self._gated(
                        document.get(
                            url,
                            place,
                            address,
                            limits=self._question.limits,
                            clock=self._clock,
                        )
                    )
                    for _ in range(self._question.repeat)
                )
            )
            told.append(", ".join(str(each.status or each.fault) for each in found))
        return tuple(found)

    async def _answering(self, place: Place, resolved: DnsFacts) -> str:
        """The first address that takes a connection, as a browser would find it; else the first."""
        addresses = resolved.addresses[:_MOST_ADDRESSES]
        if len(addresses) == 1:
            return addresses[0]
        seconds = self._question.limits.total_seconds
        tries = await asyncio.gather(*(tcp.connect(each, place.asked_port, seconds=seconds) for each in addresses))
        return next((each.address for each in tries if each.fault is None), addresses[0])

    async def _fetch(
        self, issuer: IssuerUrl, account: asyncio.Task[AccountFacts | None], *, whose: str = ""
    ) -> _Fetched:
        """As the local AWS does it, with the thumbprints of the account's provider."""
        thumbprints = _thumbprints(await asyncio.shield(account), issuer)
        with self._step(f"the keys{whose}, as AWS fetches them") as told:
            began = asyncio.get_running_loop().time()
            question = self._question
            try:
                fetcher = Fetcher(
                    question.limits,
                    allow_private=question.allow_private | {host for host, _ in question.connect_to},
                    connect_to=question.connect_to,
                    trust=question.ca_files,
                    duplicates="last",
                    keys_elsewhere=True,
                )
                fetched = await fetcher.key_set(issuer, thumbprints)
            except Unavailable as fault:
                seconds = asyncio.get_running_loop().time() - began
                phase = str(fault.facts.get("phase"))
                told.append(fault.message)
                return _Fetched(
                    FetchFacts(seconds, phase=phase, fault=fault.message),
                    KeysUnavailable(fault.message, thumbprint=phase == THUMBPRINT_PHASE),
                )
            seconds = asyncio.get_running_loop().time() - began
            told.append(f"{len(fetched.keys.entries)} keys in {seconds:.2f} s")
            return _Fetched(FetchFacts(seconds, keys=len(fetched.keys.keys)), fetched.keys)

    async def _account(self, known: AccountFacts | None, issuer: str | None) -> AccountFacts | None:
        question = self._question
        role_arn = None if question.role_arn is None else str(question.role_arn)
        if known is not None:
            return known
        if question.policy is not None:
            return AccountFacts("file", role_arn=role_arn, role=RoleFacts(role_arn, question.policy))
        if question.role_arn is None or not question.ask_aws:
            return None
        from daypass.doctor.probes import account  # noqa: PLC0415 - botocore takes long to load

        with self._step("the account") as told:
            found = await asyncio.to_thread(account.ask, question.role_arn, issuer)
            told.append("no AWS credentials here" if found is None else "; ".join(found.unread) or "read")
        return found or AccountFacts("iam", role_arn=role_arn, unread=("there are no AWS credentials here",))

    async def _gated(self, work: Awaitable[T]) -> T:
        async with self._gate:
            return await work

    @contextmanager
    def _step(self, probe: str) -> Iterator[list[str]]:
        """Tell of a probe's begin and end; what is put into the list is told with the end."""
        self._progress(Progress(probe, done=False))
        told: list[str] = []
        try:
            yield told
        finally:
            self._progress(Progress(probe, done=True, detail=" ".join(told)))


def _issuer_of_token(token: Secret | None) -> str | None:
    if token is None:
        return None
    try:
        return peek(token.reveal().strip(), duplicates="last").issuer
    except TokenRefused:
        return None


def _issuer_of_policy(account: AccountFacts | None, question: Question) -> str | None:
    text = question.policy or (None if account is None or account.role is None else account.role.trust_policy)
    if text is None:
        return None
    try:
        provider = likely_provider(Policy.parse(text), None, role=question.role_arn)
    except Invalid:
        return None
    return provider.issuer_url if provider.issuer else None


def _jwks_uri(answers: tuple[DocumentFacts, ...]) -> str | None:
    for each in answers:
        if each.complete and each.body:
            value = documents.value_of(each)
            uri = value.get("jwks_uri") if isinstance(value, dict) else None
            if isinstance(uri, str):
                return uri
    return None


def _thumbprints(account: AccountFacts | None, issuer: IssuerUrl) -> tuple[str, ...]:
    providers = () if account is None or account.providers is None else account.providers
    return next((each.thumbprints or () for each in providers if each.url == issuer.text), ())
