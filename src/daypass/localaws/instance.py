"""What one local AWS has, taken together: how it is emptied, saved, and opened again."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

from daypass.localaws.arranged import ArrangedFaults
from daypass.localaws.behind_state import BehindState
from daypass.localaws.cloudformation.state import CloudFormationState
from daypass.localaws.iam.state import IamState
from daypass.localaws.services.behind import Services
from daypass.localaws.sessions import KEY_BYTES, Sessions
from daypass.localaws.stand_ins import StandIns
from daypass.localaws.why import Whys

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping
    from typing import Any

    from daypass.localaws.clock import LocalClock
    from daypass.localaws.data_folder import DataFolder
    from daypass.names import IssuerUrl

    Message = MutableMapping[str, Any]
    Send = Callable[[Message], Awaitable[None]]

_SESSIONS: Final = "sessions"


class Instance:
    """The parts of one local AWS.

    Args:
        clock: its time.
        as_issuers: the issuers it plays.
        folder: where it keeps what it has; None to forget it all at the end.

    Raises:
        FileUnsafe, FileUnavailable: when the folder cannot be read, or is not as it was written.
    """

    def __init__(
        self, clock: LocalClock, *, as_issuers: Iterable[IssuerUrl] = (), folder: DataFolder | None = None
    ) -> None:
        self.clock = clock
        self._folder = folder
        self.iam = IamState()
        self.stacks = CloudFormationState()
        self.behind = BehindState(folder)
        self.services = Services(self.behind)
        self.whys = Whys()
        self.arranged = ArrangedFaults()
        if folder is None:
            self.sessions = Sessions()
            self.stand_ins = StandIns(as_issuers)
        else:
            self.iam.restore(folder.open_accounts())
            self.stacks.restore(folder.open_stacks() or CloudFormationState())
            self.sessions = Sessions(folder.secret(_SESSIONS, _new_keys))
            self.stand_ins = StandIns(as_issuers, folder.secret)
        self._furnish: Callable[[], Awaitable[None]] | None = None

    async def furnish(self, furnish: Callable[[], Awaitable[None]]) -> None:
        """Put things in now, and again after each `reset`."""
        self._furnish = furnish
        await furnish()

    async def reset(self) -> None:
        """As it began: nothing but what `furnish` puts in, the real time, and no session of before is known.

        Keys of stand-in issuers stay, as the keys of issuers do.
        """
        self.clock.restore()
        self.iam.restore(())
        self.stacks.restore(CloudFormationState())
        self.whys.clear()
        self.arranged.clear()
        self.behind.reset()
        if self._folder is None:
            self.sessions.renew(_new_keys())
        else:
            self._folder.forget_secret(_SESSIONS)
            self.sessions.renew(self._folder.secret(_SESSIONS, _new_keys))
            self._folder.empty()
        if self._furnish is not None:
            await self._furnish()

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Secret bytes that stay for as long as what is here is kept: those of a name, made now when there are none."""
        return make() if self._folder is None else self._folder.secret(name, make)

    def save(self) -> None:
        """Have on disk what IAM and CloudFormation know now; to be called before an answer leaves.

        Raises:
            FileUnavailable: when the system does not take it.
        """
        if self._folder is not None and self.iam.touched:
            self._folder.save_accounts(self.iam, sorted(self.iam.touched))
        if self._folder is not None and self.stacks.touched:
            self._folder.save_stacks(self.stacks)
        self.iam.touched.clear()
        self.stacks.touched = False

    def saving(self, service: str, send: Send) -> Send:
        """`send`, which has the service's state on disk before its answer begins."""
        if self._folder is None:
            return send

        async def saved_first(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self.behind.save(service)
            await send(message)

        return saved_first

    def close(self) -> None:
        """Let go of what the process holds."""
        self.services.close()
        self.behind.release()


def _new_keys() -> bytes:
    return secrets.token_bytes(KEY_BYTES)
