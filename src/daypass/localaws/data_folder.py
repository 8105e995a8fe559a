"""The folder in which a local AWS keeps what it knows, so that a restart, and a kill, lose nothing.

    format.json            which version wrote the folder
    secrets.json           keys of this instance: whoever reads it can forge sessions of it
    accounts/<number>.json one account of IAM
    stacks.json            what CloudFormation knows, of all accounts
    services/…             what the services behind keep, see `behind_state`

Every file is whole or the old one (`files.write_atomic`), the folder is its owner's alone, and one process has it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import re
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.errors import FileUnavailable, FileUnsafe
from daypass.localaws.saved import Unreadable, opened, opened_stacks, saved, saved_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from daypass.localaws.cloudformation.state import CloudFormationState
    from daypass.localaws.iam.state import Account, IamState

FORMAT: Final = 1
_MAX_ACCOUNT_BYTES: Final = 256 * 1024 * 1024
_MAX_SMALL_BYTES: Final = 1024 * 1024
_OURS: Final = frozenset({"format.json", "secrets.json", "accounts", "stacks.json", "services", "local-aws.lock"})
_STACKS: Final = "stacks.json"


class DataFolder:
    """A folder that is held by this process. Made by `held`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._secrets: dict[str, str] = {}
        self._written: dict[Path, bytes] = {}

    @classmethod
    @contextlib.contextmanager
    def held(cls, path: Path) -> Iterator[DataFolder]:
        """The folder, made when it is not there, for this process until the end of the block.

        Raises:
            FileUnsafe: it is another user's, shared, or holds something else.
            FileUnavailable: another process has it, it cannot be read, or a newer Daypass wrote it.
        """
        found = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        strange = sorted(name for name in found - _OURS if not name.endswith(".tmp"))
        if strange:
            raise FileUnsafe(
                f"the folder `{path}` holds something else already: `{strange[0]}`",
                advice="Name a new or empty folder with --data.",
                path=str(path),
            )
        files.private_folder(path)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(files.locked(path / "local-aws", timeout_seconds=0))
            except FileUnavailable as error:
                if not error.facts.get("locked"):
                    raise
                raise FileUnavailable(
                    f"another local AWS runs on `{path}`",
                    advice="Use that one, stop it, or name another folder with --data.",
                    path=str(path),
                    locked=True,
                ) from None
            folder = cls(path)
            folder._open(new=not found - {"local-aws.lock"})
            yield folder

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The secret bytes that are kept under a name, made now when there are none."""
        if name not in self._secrets:
            self._secrets[name] = base64.b64encode(make()).decode()
            self._write_json("secrets.json", self._secrets)
        return base64.b64decode(self._secrets[name])

    def forget_secret(self, name: str) -> None:
        """Let a secret go; the next that is kept under its name is another."""
        if self._secrets.pop(name, None) is not None:
            self._write_json("secrets.json", self._secrets)

    def open_accounts(self) -> list[Account]:
        """The accounts that are kept.

        Raises:
            FileUnsafe, FileUnavailable: a file cannot be read, or is not what was written here.
        """
        found = []
        for file in sorted(self._folder("accounts").iterdir()):
            if not re.fullmatch(r"[0-9]{12}\.json", file.name):
                continue
            data = files.read_private(file, max_bytes=_MAX_ACCOUNT_BYTES)
            try:
                account = opened(data)
            except Unreadable as error:
                raise self._broken(file, str(error)) from None
            self._written[file] = hashlib.sha256(data).digest()
            found.append(account)
        return found

    def save_accounts(self, iam: IamState, numbers: Iterable[str]) -> None:
        """Write those of the accounts that are not on disk as they are now.

        Raises:
            FileUnavailable: when the system does not take it.
        """
        for number in numbers:
            self.write(self._folder("accounts") / f"{number}.json", saved(iam.to_read(number)))

    def open_stacks(self) -> CloudFormationState | None:
        """What CloudFormation knew, None when nothing is kept.

        Raises:
            FileUnsafe, FileUnavailable: the file cannot be read, or is not what was written here.
        """
        file = self.path / _STACKS
        if not file.exists():
            return None
        data = files.read_private(file, max_bytes=_MAX_ACCOUNT_BYTES)
        try:
            stacks = opened_stacks(data)
        except Unreadable as error:
            raise self._broken(file, str(error)) from None
        self._written[file] = hashlib.sha256(data).digest()
        return stacks

    def save_stacks(self, stacks: CloudFormationState) -> None:
        """Write what CloudFormation knows, unless it is on disk.

        Raises:
            FileUnavailable: when the system does not take it.
        """
        self.write(self.path / _STACKS, saved_stacks(stacks))

    def write(self, file: Path, data: bytes) -> None:
        """Write a file of the folder, unless that is what was written last."""
        digest = hashlib.sha256(data).digest()
        if self._written.get(file) != digest:
            files.write_atomic(file, data)
            self._written[file] = digest

    def services(self) -> Path:
        """Where the services behind keep what they have."""
        return self._folder("services")

    def empty(self) -> None:
        """Take away all but the secrets."""
        for folder in (self._folder("accounts"), self._folder("services")):
            for file in folder.iterdir():
                files.remove(file)
        files.remove(self.path / _STACKS)
        self._written.clear()

    def _open(self, *, new: bool) -> None:
        if new:
            self._write_json("format.json", {"format": FORMAT})
            self._write_json("secrets.json", {})
        found = self._read_json("format.json").get("format")
        if found != FORMAT:
            raise FileUnavailable(
                f"`{self.path}` has the format {json.dumps(found)}, and this Daypass reads {FORMAT}",
                advice="Run the version of Daypass that wrote it, or name another folder with --data.",
                path=str(self.path),
            )
        secrets = self._read_json("secrets.json")
        try:
            for text in secrets.values():
                base64.b64decode(str(text), validate=True)
        except binascii.Error:
            raise self._broken(self.path / "secrets.json", "a secret in it is not base64") from None
        self._secrets = {name: str(text) for name, text in secrets.items()}

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        files.private_folder(folder)
        return folder

    def _read_json(self, name: str) -> dict[str, object]:
        file = self.path / name
        try:
            found = json.loads(files.read_private(file, max_bytes=_MAX_SMALL_BYTES))
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._broken(file, "it is not a JSON object")
        return found

    def _write_json(self, name: str, value: object) -> None:
        files.write_atomic(self.path / name, json.dumps(value, indent=1).encode())

    def _broken(self, file: Path, reason: str) -> FileUnavailable:
        return FileUnavailable(
            f"`{file}` is not as it was written: {reason}",
            advice="Put it back from a copy, or start with another folder; nothing was changed in this one.",
            path=str(file),
        )
