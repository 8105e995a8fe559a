"""What every Signer promises: the same suite for memory and encrypted files."""

from __future__ import annotations

import inspect
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


class SignerContract:
    """Every Signer keeps these promises."""

    @pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
    def test_a_new_key_signs_what_its_public_half_verifies(self, signer: Signer, algorithm: str) -> None:
        key = signer.create_key(algorithm)
        assert (key.algorithm, key.state, key.created_at) == (algorithm, KeyState.NEXT, StoppedClock().now)
        public = PublicKey.from_jwk(key.public_jwk)
        assert (public.kid, public.thumbprint, public.algorithm) == (key.kid, key.kid, algorithm)
        signature = signer.sign(key.kid, b"content")
        assert not inspect.isawaitable(signature)
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
            signer.sign(kid, b"content")

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
