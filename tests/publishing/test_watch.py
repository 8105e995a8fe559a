"""What is published is kept as it should be: drift is found within one check, outages are survived."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import PublishingRefused, ServiceUnreachable
from daypass.publishing.watch import Watch
from support.identity_provider import FakeClock
from support.publications import Changing, MemoryTarget, made
from support.tokens import private_key

if TYPE_CHECKING:
    from daypass.fetching import Fetcher
    from daypass.publishing.publication import PublishedObject
    from support.shown import Served

CODES = "outside_key_missing", "outside_key_unknown"


class World:
    """A source, a bucket, a web server in front of the bucket, and the watch."""

    def __init__(self, outside: Served, fetcher: Fetcher, *, target: bool = True) -> None:
        self.outside = outside
        self.clock = FakeClock()
        self.source = Changing(self.documents("issuer"))
        self.target = MemoryTarget()
        self.served_from_target = True
        self.events: list[tuple[str, bool, dict[str, Any]]] = []
        self.watch = Watch(
            self.source,
            self.target if target else None,
            fetcher,
            self.report,
            interval_seconds=60,
            monotonic=self.clock.monotonic,
            random=lambda: 0.5,
        )

    def documents(self, *names: str) -> Any:
        return made(*names, issuer=self.outside.issuer.text)

    def report(self, event: str, *, alarm: bool, **facts: object) -> None:
        self.events.append((event, alarm, dict(facts)))

    def serve(self) -> None:
        self.outside.server.documents = {f"/t/{path}": each.body for path, each in self.target.objects.items()}
        self.outside.server.headers |= {"cache-control": "max-age=300"}

    def check(self, *, seconds: float = 60) -> list[tuple[str, bool]]:
        """One check, with what the web server has before it; the events."""
        self.clock.advance(seconds)
        self.events.clear()
        before = self.target.put

        def put(wanted: PublishedObject) -> None:
            before(wanted)
            if self.served_from_target:
                self.serve()

        self.target.put = put  # type: ignore[method-assign]  # the web server follows the bucket
        try:
            asyncio.run(self.watch.check())
        finally:
            self.target.put = before  # type: ignore[method-assign]  # likewise
        return [(name, alarm) for name, alarm, _ in self.events]


@pytest.fixture
def world(outside: Served, fetcher: Fetcher) -> World:
    return World(outside, fetcher)


def test_what_is_new_is_published_within_one_check(world: World) -> None:
    assert world.check() == [("published", False), ("well", False)]
    assert world.check() == []
    world.source.publications = [world.documents("issuer", "next")]
    assert world.check() == [("published", False)]
    assert world.check() == []


def test_a_stale_bucket_is_found_within_one_check(outside: Served, fetcher: Fetcher) -> None:
    world = World(outside, fetcher, target=False)
    outside.show(world.documents("issuer"))
    assert world.check() == [("well", False)]
    world.source.publications = [world.documents("issuer", "next")]
    assert world.check() == [("drift", True)]
    assert world.events[0][2]["code"] == "outside_key_missing"


def test_a_cache_that_still_shows_what_was_is_no_alarm_until_it_should_have_ended(world: World) -> None:
    world.check()
    world.served_from_target = False
    world.source.publications = [world.documents("issuer", "next")]
    assert world.check() == [("published", False), ("not_seen_yet", False)]
    assert world.check(seconds=299) == [("not_seen_yet", False)]
    assert world.check(seconds=2) == [("drift", True)]
    world.serve()
    assert world.check() == [("well", False)]


def test_a_key_that_was_never_ours_is_an_alarm_at_once(world: World) -> None:
    world.check()
    world.source.publications = [world.documents("issuer", "next")]
    world.served_from_target = False
    world.outside.show(world.documents("issuer", "next", "attacker"))
    assert world.check() == [("published", False), ("drift", True)]
    assert world.events[1][2]["kid"] == private_key(name="attacker").kid


def test_a_key_under_the_name_of_one_that_was_ours_is_an_alarm_at_once(world: World) -> None:
    world.source.publications = [world.documents("issuer", "next")]
    world.check()
    world.source.publications = [world.documents("issuer")]
    world.served_from_target = False
    world.outside.show(world.documents("issuer", "next"))
    assert world.check() == [("published", False), ("not_seen_yet", False)], "a cache has it still"
    entries = [private_key(name="issuer").public.to_jwk(), private_key(name="attacker").public.to_jwk()]
    entries[1]["kid"] = private_key(name="next").kid
    world.outside.server.documents["/t/keys"] = json.dumps({"keys": entries}).encode()
    assert world.check() == [("drift", True)]


def test_whoever_writes_into_the_bucket_is_overwritten_and_told_of(world: World) -> None:
    world.check()
    world.target.put(world.documents("issuer", "attacker").objects[0])
    world.serve()
    assert world.check() == [("changed_by_another", True), ("published", False)]
    assert world.events[0][2]["paths"] == ["keys"]
    assert world.target.objects["keys"].body == world.documents("issuer").keys.document()
    assert world.check() == [("well", False)]


def test_another_publisher_of_the_same_is_no_alarm(world: World) -> None:
    world.check()
    world.source.publications = [world.documents("issuer", "next")]
    world.target.put(world.documents("issuer", "next").objects[0])
    world.serve()
    assert world.check() == []


def test_outages_are_survived(world: World) -> None:
    world.check()
    world.source.fault = ServiceUnreachable("the database is down")
    assert world.check() == [("not_published", True)]
    world.source.fault = None
    assert world.check() == [("well", False)]

    def refuse(_: PublishedObject) -> None:
        raise PublishingRefused("AccessDenied")

    world.target.before_write = refuse
    world.source.publications = [world.documents("issuer", "next")]
    assert world.check(seconds=600) == [("not_published", True), ("drift", True)], "what is served is looked at still"
    world.target.before_write = lambda _: None
    assert world.check() == [("published", False), ("well", False)]


def test_a_place_that_is_closed_to_one_issuer_is_told_and_no_thief(world: World) -> None:
    world.check()

    def closed(wanted: PublishedObject) -> None:
        raise PublishingRefused("AccessDenied")

    world.target.before_write = closed
    world.source.publications = [world.documents("issuer", "next")]
    assert world.check()[0] == ("not_published", True)
    world.target.before_write = lambda _: None
    assert world.check() == [("published", False), ("well", False)], "what we could not write nobody has changed"


def test_a_fault_of_ours_does_not_end_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch that has ended finds no thief."""

    async def story() -> None:
        stopped = asyncio.Event()
        read, times = world.source.read, 0

        async def stumble() -> Any:
            nonlocal times
            times += 1
            if times == 1:
                raise ValueError("whatever was read, a secret perhaps")
            stopped.set()
            return await read()

        monkeypatch.setattr(world.source, "read", stumble)
        world.watch._interval = 0.01
        await asyncio.wait_for(world.watch.run(stopped), 5)

    asyncio.run(story())
    assert world.events[0] == ("fault", True, {"reason": "ValueError"})
    assert ("published", False) in [(name, alarm) for name, alarm, _ in world.events]


def test_a_web_server_that_is_down_is_told_of(world: World) -> None:
    world.check()
    world.outside.server.documents.clear()
    assert world.check(seconds=600) == [("drift", True)]
    assert world.events[0][2]["code"] == "outside_not_served"


def test_it_ends_when_it_is_told_and_not_before_a_check_is_done(world: World) -> None:
    async def story() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop(_: PublishedObject) -> None:
            loop.call_soon_threadsafe(stopped.set)

        world.target.before_write = stop
        await asyncio.wait_for(world.watch.run(stopped), 5)

    asyncio.run(story())
    assert len(world.target.objects) == 2, "the discovery document, too"


def test_it_ends_although_somebody_does_not_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from daypass.publishing import watch as room

    monkeypatch.setattr(room, "STOP_SECONDS", 0.05)

    async def never() -> Any:
        stopped.set()
        await asyncio.Event().wait()

    async def story() -> None:
        world.source.read = never  # type: ignore[method-assign]  # a database that hangs
        await asyncio.wait_for(world.watch.run(stopped), 5)

    stopped = asyncio.Event()
    asyncio.run(story())


def test_a_check_that_hangs_is_an_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A credential process, say, that waits for somebody at a keyboard."""
    from daypass.publishing import watch as room

    monkeypatch.setattr(room, "SLOW_SECONDS", 0.02)
    monkeypatch.setattr(room, "STOP_SECONDS", 0.02)

    async def story() -> None:
        stopped = asyncio.Event()

        async def never() -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(world.source, "read", never)
        running = asyncio.create_task(world.watch.run(stopped))
        await asyncio.sleep(0.2)
        stopped.set()
        await asyncio.wait_for(running, 5)

    asyncio.run(story())
    assert world.events[0] == ("slow", True, {"seconds": 0.02})


def test_checks_are_spread(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that many publishers do not ask at once."""
    waits: list[float] = []
    wait = asyncio.wait

    async def story() -> None:
        numbers = iter([0.0, 0.5, 1.0])
        world.watch._random = lambda: next(numbers)
        stopped = asyncio.Event()

        async def waited(tasks: Any, **options: Any) -> Any:
            if "return_when" in options or "timeout" not in options:
                return await wait(tasks, **options)
            waits.append(options["timeout"])
            if len(waits) == 3:
                stopped.set()
            return await wait(tasks, timeout=1 if stopped.is_set() else 0.001)

        monkeypatch.setattr(asyncio, "wait", waited)
        await world.watch.run(stopped)

    asyncio.run(story())
    assert waits == pytest.approx([54, 60, 66])
