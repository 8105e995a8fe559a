"""Private keys in a PKCS #11 token (an HSM): made there, and not extractable (OASIS PKCS #11 v3.1).

Both halves of a key carry its `kid` as CKA_ID, and as CKA_LABEL whose installation's it is and its algorithm.

python-pkcs11 initializes the library with `C_Initialize(NULL)`, which promises that one thread calls it at a time
(section 5.4.1); SoftHSM crashed when two did. So one thread does all the work, and a lock holds back other signers.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar, final

from daypass.errors import KeyUnavailable, PartMissing
from daypass.signers.public_halves import demand_algorithm, is_ours, missing, namespace, new_key
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.jwk import MIN_RSA_BITS, PublicKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection
    from pathlib import Path

    from daypass.idp.model import SigningKey
    from daypass.idp.ports import Clock
    from daypass.secret import Secret

T = TypeVar("T")

_CURVES: Final = {"P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1"}
# Never tried again: a token locks itself after a few wrong PINs.
_PIN: Final = frozenset({"PinIncorrect", "PinLocked", "PinExpired", "PinInvalid", "PinLenRange"})


_CALLING: Final = threading.Lock()
"""Held by whoever calls a PKCS #11 library."""


@final
class Pkcs11Signer:
    """A `Signer` whose keys are in a PKCS #11 token. `close` it at the end.

    Raises:
        PartMissing: when python-pkcs11 is not installed.
        KeyUnavailable: when the library cannot be loaded, there is no such token, or the PIN is not its user's.
    """

    def __init__(self, *, issuer: str, library: Path, token: str, pin: Secret, clock: Clock) -> None:
        """Log in.

        Args:
            issuer: the root issuer; keys of other installations in the same token are not touched.
            library: the shared library of the token's maker.
            token: the token's label.
            pin: of the token's user.
            clock: now.
        """
        self._prefix = f"daypass {namespace(issuer)} "
        self._where = f"the PKCS #11 token `{token}`"
        self._label = token
        self._pin = pin
        self._clock = clock
        self._session: Any = None
        self._keys: dict[str, tuple[Any, str]] = {}
        self._pin_refused: KeyUnavailable | None = None
        self._pkcs11: Any = _import()
        self._library = self._load(library)
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daypass-pkcs11")
        try:
            self._in_thread(lambda _: None)
        except BaseException:
            self.close()
            raise

    def create_key(self, algorithm: str) -> SigningKey:
        """See `Signer`."""
        demand_algorithm(algorithm)
        public = self._in_thread(lambda session: self._generate(session, algorithm))
        return new_key(public, algorithm, self._clock())

    def kids(self) -> Collection[str]:
        """See `Signer`."""
        attribute, kind = self._pkcs11.Attribute, self._pkcs11.ObjectClass.PRIVATE_KEY

        def look(session: Any) -> set[str]:
            found: set[str] = set()
            for algorithm in BY_NAME:
                wanted = {attribute.CLASS: kind, attribute.LABEL: self._prefix + algorithm}
                found.update(key[attribute.ID].decode("ascii", "replace") for key in session.get_objects(wanted))
            return {kid for kid in found if is_ours(kid)}

        return self._in_thread(look)

    def discard_key(self, kid: str) -> None:
        """See `Signer`. Both halves are destroyed in the token, for good."""
        attribute = self._pkcs11.Attribute

        def destroy(session: Any) -> None:
            for key in list(session.get_objects({attribute.ID: kid.encode()})):
                if str(key[attribute.LABEL]).startswith(self._prefix):
                    key.destroy()

        if is_ours(kid):
            self._in_thread(destroy)

    def sign(self, kid: str, signing_input: bytes) -> Awaitable[bytes]:
        """See `Signer`."""
        return asyncio.get_running_loop().run_in_executor(
            self._executor, self._held, lambda session: self._sign(session, kid, signing_input)
        )

    def close(self) -> None:
        """Let what is under way end, and close the sessions. Doing it twice is harmless."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        with _CALLING:
            self._drop()

    # ------------------------------------------------------------------------------------------- in the thread

    def _generate(self, session: Any, algorithm: str) -> PublicKey:
        p = self._pkcs11
        curve = BY_NAME[algorithm].curve
        templates = {
            "public_template": {p.Attribute.VERIFY: True},
            "private_template": {
                p.Attribute.SIGN: True,
                p.Attribute.SENSITIVE: True,
                p.Attribute.EXTRACTABLE: False,
                p.Attribute.PRIVATE: True,
            },
            "capabilities": p.MechanismFlag.SIGN | p.MechanismFlag.VERIFY,
            "store": True,
        }
        while True:
            if curve is None:
                halves = session.generate_keypair(p.KeyType.RSA, MIN_RSA_BITS, **templates)
                der = p.util.rsa.encode_rsa_public_key(halves[0])
            else:
                named = p.util.ec.encode_named_curve_parameters(_CURVES[curve])
                parameters = session.create_domain_parameters(p.KeyType.EC, {p.Attribute.EC_PARAMS: named}, local=True)
                halves = parameters.generate_keypair(**templates)
                der = p.util.ec.encode_ec_public_key(halves[0])
            public = PublicKey.from_der(der, algorithm=algorithm)
            if not public.kid.startswith("-"):  # it would be an option on the command line of an emergency
                break
            for half in halves:
                half.destroy()
        for half in halves:
            half[p.Attribute.ID] = public.kid.encode()
            half[p.Attribute.LABEL] = self._prefix + algorithm
        return public

    def _sign(self, session: Any, kid: str, signing_input: bytes) -> bytes:
        key, algorithm = self._keys.get(kid) or self._find(session, kid)
        mechanism = self._pkcs11.Mechanism
        bits = algorithm[-3:]
        if BY_NAME[algorithm].curve is None:
            signature: bytes = key.sign(signing_input, mechanism=mechanism[f"SHA{bits}_RSA_PKCS"])
        else:
            # r and s side by side, as RFC 7518 wants them.
            signature = key.sign(hashlib.new(f"sha{bits}", signing_input).digest(), mechanism=mechanism.ECDSA)
        return signature

    def _find(self, session: Any, kid: str) -> tuple[Any, str]:
        attribute, kind = self._pkcs11.Attribute, self._pkcs11.ObjectClass.PRIVATE_KEY
        if is_ours(kid):
            for key in list(session.get_objects({attribute.CLASS: kind, attribute.ID: kid.encode()})):
                algorithm = str(key[attribute.LABEL]).removeprefix(self._prefix)
                if algorithm in BY_NAME:
                    self._keys[kid] = (key, algorithm)
                    return key, algorithm
        raise missing(kid, self._where)

    # ------------------------------------------------------------------------------------------------- session

    def _in_thread(self, work: Callable[[Any], T]) -> T:
        return self._executor.submit(self._held, work).result()

    def _held(self, work: Callable[[Any], T]) -> T:
        """Work with the session; once more with a new one, should the token have dropped it."""
        errors = self._pkcs11.exceptions
        with _CALLING:
            try:
                if self._session is not None:
                    try:
                        return work(self._session)
                    except errors.PKCS11Error:
                        self._drop()
                self._open()
                return work(self._session)
            except errors.PKCS11Error as error:
                self._drop()
                raise self._unavailable(error) from None

    def _open(self) -> None:
        errors = self._pkcs11.exceptions
        if self._pin_refused is not None:
            raise self._pin_refused
        token = self._library.get_token(token_label=self._label)
        try:
            self._session = token.open(rw=True, user_pin=self._pin.reveal())
        except errors.UserAlreadyLoggedIn:  # by another signer of this process
            self._session = token.open(rw=True)
        except errors.PKCS11Error as error:
            if type(error).__name__ in _PIN:
                self._pin_refused = self._unavailable(error)
            raise

    def _drop(self) -> None:
        session, self._session = self._session, None
        self._keys.clear()
        if session is not None:
            with suppress(self._pkcs11.exceptions.PKCS11Error):
                session.close()

    def _load(self, library: Path) -> Any:
        try:
            return self._pkcs11.lib(str(library))
        except (RuntimeError, OSError) as error:
            raise KeyUnavailable(
                f"`{library}` cannot be loaded as a PKCS #11 library: {type(error).__name__}",
                advice="Name the shared library of the token's maker, for this machine's architecture.",
            ) from None

    def _unavailable(self, error: Exception) -> KeyUnavailable:
        kind = type(error).__name__
        if kind in _PIN:
            advice = "Correct the PIN before the next start: a token locks itself after a few wrong ones."
            return KeyUnavailable(f"{self._where} does not take the PIN: {kind}", advice=advice, reason=kind)
        if kind == "NoSuchToken":
            return KeyUnavailable(f"{self._where} is not there", advice="Name its label.", reason=kind)
        return KeyUnavailable(f"{self._where} cannot be used: {kind}", advice="Look at the token.", reason=kind)


def _import() -> Any:
    try:
        import pkcs11  # noqa: PLC0415 - an optional part
    except ImportError:
        raise PartMissing(
            "a PKCS #11 token cannot be asked: python-pkcs11 is not installed", advice="Install `daypass[pkcs11]`."
        ) from None
    return pkcs11
