"""Who may sign: administrators as users of emulators know them, and sessions that our STS gave out.

A session is not kept. Its token is sealed (AES-GCM) under a key that this instance made at its start, and holds all
that is known of the session, which STS bounds ("packed policy size"); its secret key follows from the access key id
(HMAC). So sessions cost no memory, a token cannot be altered or moved to another access key, and another instance
refuses it. Only the accounts of the last key ids are kept, for GetAccessKeyInfo. Access key ids and tokens are
recognisably local: AWS would never give out such.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from daypass.secret import Secret
from daypass.tokens import base64url

ADMINISTRATOR_KEY: Final = "test"
ADMINISTRATOR_SECRET: Final = Secret("test")
DEFAULT_ACCOUNT: Final = "000000000000"

KEY_BYTES: Final = 64
_KEY_PREFIX: Final = "ASIALOCAL"
_MARK: Final = "DAYPASS-LOCAL-AWS-"
_KEY_LENGTH: Final = 20
_NONCE_BYTES: Final = 12
_SHORT_BYTES: Final = 1024
_KEYS_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Administrator:
    """The administrator of an account: may do everything in it."""

    account: str

    @property
    def arn(self) -> str:
        """As GetCallerIdentity tells it of an account's own credentials."""
        return f"arn:aws:iam::{self.account}:root"

    @property
    def user_id(self) -> str:
        """Of the account itself: its number."""
        return self.account


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a role, and all of its login that its permissions may depend on.

    Attributes:
        account: twelve digits.
        arn: of the session.
        user_id: `AROA…:<session name>`.
        expires_at: when it ends; whole seconds.
        issued_at: when it began; whole seconds.
        role: the ARN of the role, with its path.
        provider: the ARN of the OIDC provider; None for a session that another one, or an administrator, began.
        federated: the condition keys of the token that a session keeps, such as `idp.example.com:sub`.
        source_identity: None without.
        tags: session tags.
        transitive_tag_keys: which of them go on to a session that this one begins.
        policy: the text of the session policy, None without.
        policy_arns: managed policies that limit the session.
    """

    account: str
    arn: str
    user_id: str
    expires_at: datetime
    issued_at: datetime
    role: str
    provider: str | None = None
    federated: tuple[tuple[str, tuple[str, ...]], ...] = ()
    source_identity: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    transitive_tag_keys: tuple[str, ...] = ()

    @property
    def role_id(self) -> str:
        """The role's unique id, which a role of the same name that is made later does not have."""
        return self.user_id.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What STS gives out."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expires_at: datetime


class Sessions:
    """Issues sessions and recognises them; one per instance of the local AWS.

    Args:
        keys: `KEY_BYTES` secret bytes, by which sessions of an earlier run are recognised; new ones when None.
    """

    def __init__(self, keys: bytes | None = None) -> None:
        self.renew(keys or secrets.token_bytes(KEY_BYTES))

    def renew(self, keys: bytes) -> None:
        """Issue and recognise by other keys from now on; what was issued before is unknown then."""
        assert len(keys) == KEY_BYTES
        self._seal = AESGCM(keys[:32])
        self._secret_key = keys[32:]
        self._accounts: OrderedDict[str, str] = OrderedDict()

    def issue(self, session: Session) -> Credentials:
        """Credentials for a session, good until its expiry (whole seconds)."""
        access_key_id = (_KEY_PREFIX + base64.b32encode(secrets.token_bytes(10)).decode())[:_KEY_LENGTH]
        ends, began = int(session.expires_at.timestamp()), int(session.issued_at.timestamp())
        facts = [
            *(session.account, session.arn, session.user_id, ends, began, session.role, session.provider),
            *(session.federated, session.source_identity, session.tags, session.policy, session.policy_arns),
            session.transitive_tag_keys,
        ]
        self._accounts[access_key_id] = session.account
        while len(self._accounts) > _KEYS_REMEMBERED:
            self._accounts.popitem(last=False)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._seal.encrypt(nonce, _packed(orjson.dumps(facts)), access_key_id.encode())
        return Credentials(
            access_key_id=access_key_id,
            secret_access_key=self._secret_of(access_key_id),
            session_token=Secret(_MARK + base64url.encode(nonce + sealed).decode()),
            expires_at=session.expires_at,
        )

    def secret(self, access_key_id: str) -> Secret | None:
        """The secret key that belongs to an access key id, or None when nobody here has that id."""
        if access_key_id == ADMINISTRATOR_KEY or re.fullmatch("[0-9]{12}", access_key_id):
            return ADMINISTRATOR_SECRET
        if re.fullmatch(f"{_KEY_PREFIX}[A-Z2-7]{{{_KEY_LENGTH - len(_KEY_PREFIX)}}}", access_key_id):
            return self._secret_of(access_key_id)
        return None

    def account_of(self, access_key_id: str) -> str | None:
        """The account of an access key id that was given out here; None for others, and for those of long ago."""
        return self._accounts.get(access_key_id)

    def caller(self, access_key_id: str, session_token: str | None) -> Administrator | Session | None:
        """Who signed, or None when the token is missing, superfluous, altered or of another instance.

        A session is returned whether or not it has expired; that is for the caller of this to judge.
        """
        if not access_key_id.startswith(_KEY_PREFIX):
            if session_token is not None:
                return None
            return Administrator(DEFAULT_ACCOUNT if access_key_id == ADMINISTRATOR_KEY else access_key_id)
        if session_token is None or not session_token.startswith(_MARK):
            return None
        try:
            sealed = base64url.decode(session_token.removeprefix(_MARK))
            opened = self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], access_key_id.encode())
        except (ValueError, InvalidTag):
            return None
        (
            account,
            arn,
            user_id,
            ends,
            began,
            role,
            provider,
            federated,
            source_identity,
            tags,
            policy,
            arns,
            transitive,
        ) = orjson.loads(_unpacked(opened))
        return Session(
            account=account,
            arn=arn,
            user_id=user_id,
            expires_at=datetime.fromtimestamp(ends, UTC),
            issued_at=datetime.fromtimestamp(began, UTC),
            role=role,
            provider=provider,
            federated=tuple((key, tuple(values)) for key, values in federated),
            source_identity=source_identity,
            tags=tuple((key, value) for key, value in tags),
            policy=policy,
            policy_arns=tuple(arns),
            transitive_tag_keys=tuple(transitive),
        )

    def _secret_of(self, access_key_id: str) -> Secret:
        digest = hmac.digest(self._secret_key, access_key_id.encode(), hashlib.sha256)
        return Secret(base64.b64encode(digest).decode()[:40])


def _packed(facts: bytes) -> bytes:
    """Long facts are compressed, so that a session's policies fit into headers; short ones are not worth the time."""
    return b"z" + zlib.compress(facts, 1) if len(facts) > _SHORT_BYTES else b"-" + facts


def _unpacked(packed: bytes) -> bytes:
    return zlib.decompress(packed[1:]) if packed.startswith(b"z") else packed[1:]
