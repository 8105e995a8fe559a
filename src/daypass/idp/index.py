"""Who has which secret, in memory: a workload with its project and organization, by the hash of its secret."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from daypass.idp.model import Organization, Project, Workload

if TYPE_CHECKING:
    from typing import TypeAlias

    from daypass.idp.model import Holder

MAX_ENTRIES: Final = 100_000

Changed: TypeAlias = Organization | Project | Workload


class SecretIndex:
    """Filled on first use; bounded, the entry that was put in first goes first.

    Exact as long as every change goes through `forget`: one process owns the data. Where several do, there is none of
    it (`max_entries` 0): a revocation at one must hold at all others at once. A look-up in the store that began before
    a change and ends after it is kept out by `generation`, or a revoked secret could stay in for good.
    """

    def __init__(self, max_entries: int = MAX_ENTRIES) -> None:
        self._entries: OrderedDict[str, Holder] = OrderedDict()
        self._max_entries = max_entries
        self.generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, secret_hash: str) -> Holder | None:
        """The holder of that secret, when it is known here."""
        return self._entries.get(secret_hash)

    def put(self, holder: Holder, *, generation: int) -> None:
        """Remember a holder that was looked up when the generation was `generation`."""
        if generation != self.generation or not self._max_entries:
            return
        if len(self._entries) >= self._max_entries:
            self._entries.popitem(last=False)
        self._entries[holder.workload.secret_hash] = holder

    def forget(self, changed: Changed) -> None:
        """Forget a workload, or all who belong to a project or an organization.

        Workloads come and go all the time, so theirs takes no walk through the others.
        """
        self.generation += 1
        if isinstance(changed, Workload):
            self._entries.pop(changed.secret_hash, None)
            return
        gone = [
            secret_hash
            for secret_hash, holder in self._entries.items()
            if changed.id in (holder.project.id, holder.organization.id)
        ]
        for secret_hash in gone:
            del self._entries[secret_hash]
