"""Private keys at rest: sealed, bound to their names, refused when anything is not as it was written."""

from __future__ import annotations

import base64
import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import FileUnsafe, KeyUnavailable
from daypass.secret import Secret
from daypass.signers import EncryptedFileSigner, KeyFile, Passphrase
from daypass.signers.sealing import ScryptParameters
from support.registry import StoppedClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Protection = KeyFile | Passphrase


@pytest.fixture(params=["key file", "passphrase"])
def protection(request: pytest.FixtureRequest, tmp_path: Path) -> Protection:
    if request.param == "key file":
        return KeyFile(tmp_path / "secret" / "wrapping.key")
    return Passphrase(Secret("correct horse"), cost=2**14)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def opened(folder: Path, protection: Protection) -> EncryptedFileSigner:
    return EncryptedFileSigner(folder, protection, StoppedClock())


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    members = json.loads(path.read_bytes())
    change(members)
    path.write_text(json.dumps(members))


def test_a_restart_finds_the_keys(folder: Path, protection: Protection) -> None:
    kid = opened(folder, protection).create_key("RS256").kid
    assert len(opened(folder, protection).sign(kid, b"x")) == 256


@pytest.mark.usefixtures("open_umask")
def test_all_files_are_the_owners_alone_whatever_the_umask(
    tmp_path: Path, folder: Path, protection: Protection
) -> None:
    opened(folder, protection).create_key("ES256")
    for path in (path for path in tmp_path.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_the_key_is_not_in_any_file(tmp_path: Path, folder: Path, protection: Protection) -> None:
    signer = opened(folder, protection)
    kid = signer.create_key("ES256").kid
    der = signer._keys[kid].to_pkcs8()
    scalar = der[36:68]  # the private number, in a P-256 PKCS #8
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        texts = [content]
        if path.suffix == ".json":
            texts += [base64.b64decode(v) for v in json.loads(content).values() if isinstance(v, str) and v[-1] == "="]
        for form in (
            scalar,
            base64.b64encode(scalar)[:-4],
            base64.urlsafe_b64encode(scalar)[:-4],
            scalar.hex().encode(),
        ):
            assert not any(form in text for text in texts), path


@pytest.mark.parametrize("name", ["key", "protection"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_open_is_refused(folder: Path, protection: Protection, name: str, mode: int) -> None:
    kid = opened(folder, protection).create_key("ES256").kid
    (folder / (f"{kid}.json" if name == "key" else "protection.json")).chmod(mode)
    with pytest.raises(FileUnsafe):
        opened(folder, protection).sign(kid, b"x")


def test_a_key_file_that_others_can_open_is_refused(folder: Path, tmp_path: Path) -> None:
    protection = KeyFile(tmp_path / "wrapping.key")
    opened(folder, protection)
    protection.path.chmod(0o644)
    with pytest.raises(FileUnsafe):
        opened(folder, protection)


def test_a_wrong_passphrase_is_told_at_once(folder: Path) -> None:
    opened(folder, Passphrase(Secret("correct horse"), cost=2**14))
    with pytest.raises(KeyUnavailable, match="passphrase is not the one") as refusal:
        opened(folder, Passphrase(Secret("battery staple")))
    assert "battery" not in str(refusal.value) + str(refusal.value.facts) + str(refusal.value.advice)
    with pytest.raises(KeyUnavailable, match="empty"):
        opened(folder.with_name("new"), Passphrase(Secret("")))


def test_another_key_file_is_told_at_once(folder: Path, tmp_path: Path) -> None:
    opened(folder, KeyFile(tmp_path / "one.key"))
    opened(tmp_path / "others", KeyFile(tmp_path / "other.key"))
    with pytest.raises(KeyUnavailable, match="not the one"):
        opened(folder, KeyFile(tmp_path / "other.key"))


def test_a_lost_key_file_is_not_made_anew(folder: Path, tmp_path: Path) -> None:
    protection = KeyFile(tmp_path / "wrapping.key")
    opened(folder, protection)
    protection.path.unlink()
    with pytest.raises(KeyUnavailable, match="cannot be read"):
        opened(folder, protection)
    assert not protection.path.exists()
    protection.path.write_bytes(b"short")
    protection.path.chmod(0o600)
    with pytest.raises(KeyUnavailable, match="32 bytes"):
        opened(folder, protection)


def test_one_kind_of_protection_is_not_taken_for_the_other(folder: Path, tmp_path: Path) -> None:
    passphrase = Passphrase(Secret("correct horse"), cost=2**14)
    key_file = KeyFile(tmp_path / "wrapping.key")
    opened(folder, passphrase)
    with pytest.raises(KeyUnavailable, match="protected by a passphrase"):
        opened(folder, key_file)
    assert not key_file.path.exists()


def test_keys_without_their_protection_are_not_adopted(folder: Path, protection: Protection) -> None:
    opened(folder, protection).create_key("ES256")
    (folder / "protection.json").unlink()
    with pytest.raises(KeyUnavailable, match="missing"):
        opened(folder, protection)


def flip(member: str) -> Callable[[dict[str, Any]], None]:
    def change(members: dict[str, Any]) -> None:
        data = bytearray(base64.b64decode(members[member]))
        data[0] ^= 1
        members[member] = base64.b64encode(data).decode()

    return change


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "sealed bit": flip("sealed"),
    "nonce bit": flip("nonce"),
    "algorithm": lambda members: members.update(algorithm="ES384"),
    "format": lambda members: members.update(format=2),
    "no nonce": lambda members: members.pop("nonce"),
    "sealed is a number": lambda members: members.update(sealed=1),
    "sealed is not base64": lambda members: members.update(sealed="*"),
    "short nonce": lambda members: members.update(nonce="AAAA"),
    "empty nonce": lambda members: members.update(nonce=""),
    "sealed is empty": lambda members: members.update(sealed=""),
}


@pytest.mark.parametrize("change", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_key_is_refused(
    folder: Path, protection: Protection, change: Callable[[dict[str, Any]], object]
) -> None:
    kid = opened(folder, protection).create_key("ES256").kid
    rewrite(folder / f"{kid}.json", change)
    with pytest.raises(KeyUnavailable, match="not as it was written"):
        opened(folder, protection).sign(kid, b"x")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"format":1,"format":1}', b"[" * 60_000])
@pytest.mark.parametrize("name", ["key", "protection"])
def test_what_is_not_our_json_is_refused(folder: Path, protection: Protection, name: str, content: bytes) -> None:
    kid = opened(folder, protection).create_key("ES256").kid
    (folder / (f"{kid}.json" if name == "key" else "protection.json")).write_bytes(content)
    with pytest.raises(KeyUnavailable):
        opened(folder, protection).sign(kid, b"x")


def test_no_key_takes_anothers_place(folder: Path, protection: Protection) -> None:
    signer = opened(folder, protection)
    one, other = (signer.create_key("ES256").kid for _ in range(2))
    (folder / f"{other}.json").replace(folder / f"{one}.json")
    with pytest.raises(KeyUnavailable, match="not as it was written"):
        opened(folder, protection).sign(one, b"x")


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 2**40},
        {"n": 2**13},
        {"n": 2**14 + 1},
        {"n": "16384"},
        {"r": 1},
        {"p": 64},
        {"salt": "AAAA"},
        {"salt": None},
    ],
)
def test_scrypt_parameters_out_of_range_are_refused_before_they_cost(folder: Path, changes: dict[str, Any]) -> None:
    protection = Passphrase(Secret("correct horse"), cost=2**14)
    opened(folder, protection)
    rewrite(folder / "protection.json", lambda members: members["scrypt"].update(changes))
    with pytest.raises(KeyUnavailable, match="not as it was written"):
        opened(folder, protection)


def test_scrypt_parameters_come_back() -> None:
    parameters = ScryptParameters.new(2**14, os.urandom)
    read: Any = json.loads(json.dumps(parameters.members()))
    assert ScryptParameters.read(read) == parameters


def test_a_full_disk_keeps_no_half_key(folder: Path, protection: Protection, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = opened(folder, protection)
    before = sorted(folder.iterdir())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(KeyUnavailable, match="no space left"):
        signer.create_key("ES256")
    monkeypatch.undo()
    assert sorted(folder.iterdir()) == before
    assert signer._keys == {}
