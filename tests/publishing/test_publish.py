"""From a source to a target: the order of writes, a crash between them, two who publish at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.errors import ChangedMeanwhile, DocumentsRefused, PublishingRefused, ServiceUnreachable
from daypass.publishing.publication import PublishedObject
from daypass.publishing.publish import publish
from daypass.publishing.targets.folder import FolderTarget
from daypass.tokens.key_set import KeySet
from support.publications import Changing, MemoryTarget, made
from support.tokens import private_key

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.publishing.targets import Stored

DISCOVERY = ".well-known/openid-configuration"


def test_the_key_set_is_written_before_the_discovery_document() -> None:
    target = MemoryTarget()
    done = asyncio.run(publish(Changing(made()), target))
    assert done.written == ("keys", DISCOVERY)
    assert target.writes == ["keys", DISCOVERY]


def test_nothing_is_written_where_nothing_changes() -> None:
    target, source = MemoryTarget(), Changing(made())
    asyncio.run(publish(source, target))
    assert asyncio.run(publish(source, target)).written == ()
    assert len(target.writes) == 2


def test_a_new_key_changes_the_key_set_alone() -> None:
    target, source = MemoryTarget(), Changing(made())
    asyncio.run(publish(source, target))
    source.publications = [made("issuer", "next")]
    assert asyncio.run(publish(source, target)).written == ("keys",)


def test_other_headers_are_a_change() -> None:
    target = MemoryTarget()
    asyncio.run(publish(Changing(made()), target))
    assert asyncio.run(publish(Changing(replace(made(), max_age_seconds=60)), target)).written == ("keys", DISCOVERY)


class Dead(BaseException):
    """The process is gone."""


@given(st.integers(0, 6), st.booleans())
def test_killed_at_any_write_the_discovery_document_names_a_key_set_that_is_there(at: int, moved: bool) -> None:  # noqa: FBT001
    target = MemoryTarget()
    asyncio.run(publish(Changing(made()), target))
    writes = 0

    def die(_: PublishedObject) -> None:
        nonlocal writes
        if writes == at:
            raise Dead
        writes += 1

    target.before_write = die
    issuer = "https://idp.example.com/idp"
    after = made("issuer", "next", jwks_uri=f"{issuer}/{'jwks' if moved else 'keys'}", claims_supported=["sub"])
    with suppress(Dead):
        asyncio.run(publish(Changing(after), target))
    document = json.loads(target.objects[DISCOVERY].body)
    assert document["jwks_uri"].removeprefix(f"{issuer}/") in target.objects
    target.before_write = lambda _: None
    asyncio.run(publish(Changing(after), target))
    assert {path: stored.body for path, stored in target.objects.items() if path in dict(_bodies(after))} == dict(
        _bodies(after)
    ), "the next run goes on"


def _bodies(publication: object) -> list[tuple[str, bytes]]:
    from daypass.publishing import Publication

    assert isinstance(publication, Publication)
    return [(each.path, each.body) for each in publication.objects]


@pytest.mark.parametrize("read", [1, 2])
def test_whoever_read_older_keys_loses(read: int) -> None:
    """Between our reading and our writing another one wrote the newer key set."""
    target, source = MemoryTarget(), Changing(made())
    asyncio.run(publish(source, target))
    newer = made("issuer", "next", "after")
    source.publications, source.reads = [made("issuer", "next")], 0

    def overtake(number: int) -> None:
        if number == read:
            source.publications = [newer]
            target.put(newer.objects[0])

    source.after_read = overtake
    asyncio.run(publish(source, target))
    assert target.objects["keys"].body == newer.keys.document()
    assert target.writes.count("keys") == 2, "ours of before, and the other one's"


@pytest.mark.parametrize("when", ["read", "write"])
def test_a_place_that_is_closed_to_one_issuer_does_not_stop_the_others(when: str) -> None:
    """Who may make an organization must not be able to stop a revocation at the root issuer."""
    target = MemoryTarget()
    read = target.read

    def closed(path: str) -> None:
        if path.startswith("o/acme/"):
            raise PublishingRefused("AccessDenied")

    def closed_read(path: str) -> Stored | None:
        closed(path)
        return read(path)

    if when == "read":
        target.read = closed_read  # type: ignore[method-assign]  # the place says no
    target.before_write = lambda wanted: closed(wanted.path)
    others = [replace(made(), folder=folder) for folder in ("o/acme/", "", "o/zoo/")]
    done = asyncio.run(publish(Changing(*others), target))
    assert list(done.refused) == ["o/acme/"]
    assert done.written == ("keys", DISCOVERY, "o/zoo/keys", f"o/zoo/{DISCOVERY}")


def test_a_place_that_is_closed_to_all_is_a_refusal() -> None:
    target = MemoryTarget()

    def closed(_: PublishedObject) -> None:
        raise PublishingRefused("AccessDenied")

    target.before_write = closed
    with pytest.raises(PublishingRefused):
        asyncio.run(publish(Changing(made(), replace(made(), folder="o/acme/")), target))


def stored(document: bytes) -> MemoryTarget:
    target = MemoryTarget()
    target.put(PublishedObject("keys", document, 300))
    return target


def test_a_key_under_our_name_is_told_when_it_is_overwritten() -> None:
    """A thief need not choose a `kid` of its own."""
    ours, theirs = private_key(name="issuer").public, private_key(name="attacker").public
    target = stored(json.dumps({"keys": [theirs.to_jwk() | {"kid": ours.kid}]}).encode())
    assert asyncio.run(publish(Changing(made()), target)).taken_out == [ours.kid]
    assert asyncio.run(publish(Changing(made()), target)).taken_out == []


def test_a_name_that_is_there_twice_hides_no_key() -> None:
    """AWS reads such a key set, and takes the last."""
    ours, theirs = private_key(name="issuer").public, private_key(name="attacker").public
    twice = [ours.to_jwk(), ours.to_jwk() | {"alg": "RS256"}, theirs.to_jwk()]
    target = stored(json.dumps({"keys": twice}).encode())
    assert theirs.kid in asyncio.run(publish(Changing(made()), target)).taken_out


def test_whoever_is_overtaken_again_and_again_says_so() -> None:
    target, source = MemoryTarget(), Changing(made("issuer", "next"))
    other = made().objects[0]
    target.before_write = lambda _: target.put(other)
    with pytest.raises(ChangedMeanwhile, match="again and again"):
        asyncio.run(publish(source, target))


def test_two_publishers_at_once_on_a_folder(tmp_path: Path) -> None:
    source = Changing(made())
    newest = made("issuer", "next", "after")

    async def both() -> None:
        async def one() -> None:
            for _ in range(20):
                await publish(source, FolderTarget(tmp_path))

        async def rotate() -> None:
            for names in (("issuer", "next"), ("issuer", "next", "after")):
                await asyncio.sleep(0.01)
                source.publications = [made(*names)]

        await asyncio.gather(one(), one(), rotate())
        await publish(source, FolderTarget(tmp_path))

    asyncio.run(both())
    assert (tmp_path / "keys").read_bytes() == newest.keys.document()


def test_a_source_that_fails_leaves_the_target_as_it_was() -> None:
    target, source = MemoryTarget(), Changing(made())
    asyncio.run(publish(source, target))
    for fault in (ServiceUnreachable("nobody there"), DocumentsRefused("a private key")):
        source.fault = fault
        with pytest.raises(type(fault)):
            asyncio.run(publish(source, target))
    assert len(target.writes) == 2


LOOP = """
import asyncio, sys
from pathlib import Path
from daypass.publishing.publication import PublishedObject
from daypass.publishing.publish import publish
from daypass.publishing.targets.folder import FolderTarget
from support.publications import Changing, made

source, target = Changing(), FolderTarget(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    number += 1
    place = "keys" if number % 2 else "jwks"
    source.publications = [
        made("issuer", jwks_uri=f"https://idp.example.com/idp/{place}", claims_supported=["x" * 5000, str(number)])
    ]
    asyncio.run(publish(source, target))
"""


@pytest.mark.parametrize("moment", range(6))
def test_kill_9_leaves_whole_documents(moment: int, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", LOOP, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        while not (tmp_path / DISCOVERY).exists():
            time.sleep(0.001)
        time.sleep(0.003 * moment)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()
    document = json.loads((tmp_path / DISCOVERY).read_bytes())
    name = document["jwks_uri"].rpartition("/")[2]
    assert len(KeySet.parse((tmp_path / name).read_bytes()).keys) == 1
    asyncio.run(publish(Changing(made("issuer", "next")), FolderTarget(tmp_path)))
    assert (tmp_path / "keys").read_bytes() == made("issuer", "next").keys.document(), "the lock has gone with it"
