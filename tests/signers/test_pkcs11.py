"""The signer on a PKCS #11 token, beside what every signer promises: against SoftHSM."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING

import pkcs11
import pytest

from daypass.errors import KeyUnavailable
from daypass.secret import Secret
from daypass.signers import Pkcs11Signer
from daypass.tokens.jwk import PublicKey
from support.registry import StoppedClock
from support.softhsm import LABEL, PIN

if TYPE_CHECKING:
    from pathlib import Path

    from support.softhsm import SoftHsm

PRIVATE = pkcs11.Attribute.PRIVATE_EXPONENT, pkcs11.Attribute.VALUE


def another(token: SoftHsm, issuer: str, *, label: str = LABEL, pin: str = PIN) -> Pkcs11Signer:
    return Pkcs11Signer(issuer=issuer, library=token.library, token=label, pin=Secret(pin), clock=StoppedClock())


def sign(signer: Pkcs11Signer, kid: str, *contents: bytes) -> list[bytes]:
    async def ask() -> list[bytes]:
        return list(await asyncio.gather(*(signer.sign(kid, content) for content in contents)))

    return asyncio.run(ask())


def drop_sessions(signer: Pkcs11Signer) -> None:
    """What a token does that was taken out, or restarted: sessions and login are gone."""
    signer._session.close()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_private_half_cannot_be_read(hsm: Pkcs11Signer, token: SoftHsm, algorithm: str) -> None:
    key = hsm.create_key(algorithm)
    with pkcs11.lib(str(token.library)).get_token(token_label=LABEL).open() as session:
        (private,) = session.get_objects(
            {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY, pkcs11.Attribute.ID: key.kid.encode()}
        )
        assert private[pkcs11.Attribute.SENSITIVE]
        assert private[pkcs11.Attribute.NEVER_EXTRACTABLE]
        assert not private[pkcs11.Attribute.EXTRACTABLE]
        for attribute in PRIVATE:
            with pytest.raises((pkcs11.exceptions.AttributeSensitive, pkcs11.exceptions.AttributeTypeInvalid)):
                assert private[attribute]


def test_many_signatures_at_once(hsm: Pkcs11Signer) -> None:
    key = hsm.create_key("ES256")
    contents = [str(number).encode() for number in range(200)]
    public = PublicKey.from_jwk(key.public_jwk)
    signatures = sign(hsm, key.kid, *contents)
    assert all(
        public.verifies(content, signature, algorithm="ES256")
        for content, signature in zip(contents, signatures, strict=True)
    )


def test_sessions_that_the_token_has_dropped_are_opened_again(hsm: Pkcs11Signer) -> None:
    key = hsm.create_key("ES256")
    sign(hsm, key.kid, *[b"x"] * 20)
    drop_sessions(hsm)
    public = PublicKey.from_jwk(key.public_jwk)
    for _ in range(3):
        assert all(public.verifies(b"x", each, algorithm="ES256") for each in sign(hsm, key.kid, *[b"x"] * 20))


def test_keys_of_a_neighbour_are_not_touched(hsm: Pkcs11Signer, token: SoftHsm) -> None:
    key = hsm.create_key("ES256")
    with closing(another(token, "https://neighbour.example")) as neighbour:
        assert key.kid not in neighbour.kids()
        neighbour.discard_key(key.kid)
        with pytest.raises(KeyUnavailable):
            sign(neighbour, key.kid, b"x")
    assert sign(hsm, key.kid, b"x")


def test_a_wrong_pin_is_tried_once(token: SoftHsm, issuer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token locks itself after a few wrong PINs, and a server that tries again and again would lock it."""
    with pytest.raises(KeyUnavailable, match="does not take the PIN") as caught:
        another(token, issuer, pin="11112222")
    assert "11112222" not in caught.value.message + str(caught.value.advice) + str(caught.value.facts)
    signer = another(token, issuer)
    with closing(signer):
        key = signer.create_key("ES256")
        sign(signer, key.kid, b"x")  # python-pkcs11 complains of a search in a session that is gone, not of a signature
        drop_sessions(signer)
        monkeypatch.setattr(signer, "_pin", Secret("11112222"))  # it was changed while we were running
        for _ in range(3):
            with pytest.raises(KeyUnavailable, match="does not take the PIN"):
                sign(signer, key.kid, b"x")
        monkeypatch.setattr(signer, "_pin", Secret(PIN))
        with pytest.raises(KeyUnavailable, match="does not take the PIN"):
            sign(signer, key.kid, b"x")


def test_a_token_or_library_that_is_not_there(token: SoftHsm, issuer: str, tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable, match="`other` is not there"):
        another(token, issuer, label="other")
    (tmp_path / "library.so").write_text("not a library")
    for library in (tmp_path / "library.so", tmp_path / "missing.so"):
        with pytest.raises(KeyUnavailable, match="cannot be loaded"):
            Pkcs11Signer(issuer=issuer, library=library, token=LABEL, pin=Secret(PIN), clock=StoppedClock())
