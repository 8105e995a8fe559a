"""What every Signer promises: the same suite for memory, encrypted files, AWS KMS and PKCS #11."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from daypass.errors import KeyRefused, KeyUnavailable
from daypass.idp.memory import MemorySigner
from daypass.idp.model import KeyState
from daypass.secret import Secret
from daypass.signers import EncryptedFileSigner, KeyFile, Passphrase
from daypass.tokens.algorithms import ALGORITHMS
from daypass.tokens.jwk import PublicKey
from support.registry import StoppedClock

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.idp.ports import Signer
    from daypass.signers import AwsKmsSigner, Pkcs11Signer


def signed(signer: Signer, kid: str, content: bytes) -> bytes:
    """The signature of a signer that answers at once, or later."""

    async def sign() -> bytes:
        signature = signer.sign(kid, content)
        return signature if isinstance(signature, bytes) else await signature

    return asyncio.run(sign())


class SignerContract:
    """Every Signer keeps these promises."""

    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    def test_a_new_key_signs_what_its_public_half_verifies(self, signer: Signer, algorithm: str) -> None:
        key = signer.create_key(algorithm)
        assert (key.algorithm, key.state, key.created_at) == (algorithm, KeyState.NEXT, StoppedClock().now)
        public = PublicKey.from_jwk(key.public_jwk)
        assert (public.kid, public.thumbprint, public.algorithm) == (key.kid, key.kid, algorithm)
        signature = signed(signer, key.kid, b"content")
        assert public.verifies(b"content", signature, algorithm=algorithm)
        assert not public.verifies(b"other", signature, algorithm=algorithm)

    def test_no_two_keys_are_the_same(self, signer: Signer) -> None:
        assert signer.create_key("ES256").kid != signer.create_key("ES256").kid

    @pytest.mark.parametrize("algorithm", ["HS256", "none", "", "EdDSA"])
    def test_an_algorithm_there_is_not(self, signer: Signer, algorithm: str) -> None:
        with pytest.raises(KeyRefused):
            signer.create_key(algorithm)

    @pytest.mark.parametrize("kid", ["", "unknown", "A" * 43, "../../etc/passwd", "protection", "a\x00b", "x" * 10_000])
    def test_a_key_that_is_not_here(self, signer: Signer, kid: str) -> None:
        with pytest.raises(KeyUnavailable):
            signed(signer, kid, b"content")

    def test_a_long_content(self, signer: Signer) -> None:
        key = signer.create_key("RS256")
        content = b"x" * 20_000
        assert PublicKey.from_jwk(key.public_jwk).verifies(content, signed(signer, key.kid, content), algorithm="RS256")

    def test_keys_are_listed_until_they_are_discarded(self, signer: Signer) -> None:
        one, other = signer.create_key("ES256"), signer.create_key("RS256")
        assert {one.kid, other.kid} <= set(signer.kids())
        signed(signer, one.kid, b"content")
        signer.discard_key(one.kid)
        assert one.kid not in signer.kids()
        assert other.kid in signer.kids()
        with pytest.raises(KeyUnavailable):
            signed(signer, one.kid, b"content")
        for kid in (one.kid, "unknown", "../other", "A" * 43):
            signer.discard_key(kid)

    def test_nothing_prints_a_key(self, signer: Signer) -> None:
        key = signer.create_key("ES256")
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key.public_jwk)
        assert "PRIVATE" not in repr(signer) + repr(vars(signer)) + repr(key)


class TestMemorySigner(SignerContract):
    @pytest.fixture
    def signer(self) -> Signer:
        return MemorySigner(StoppedClock())


class TestKeyFileSigner(SignerContract):
    @pytest.fixture
    def signer(self, tmp_path: Path) -> Signer:
        return EncryptedFileSigner(tmp_path / "keys", KeyFile(tmp_path / "wrapping.key"), StoppedClock())


class TestPassphraseSigner(SignerContract):
    @pytest.fixture
    def signer(self, tmp_path: Path) -> Signer:
        return EncryptedFileSigner(tmp_path / "keys", Passphrase(Secret("correct horse"), cost=2**14), StoppedClock())


class TestAwsKmsSigner(SignerContract):
    @pytest.fixture
    def signer(self, kms: AwsKmsSigner) -> Signer:
        return kms


class TestPkcs11Signer(SignerContract):
    @pytest.fixture
    def signer(self, hsm: Pkcs11Signer) -> Signer:
        return hsm
