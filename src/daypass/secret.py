"""A value that must not be printed.

Tokens, workload secrets, passphrases and AWS secret keys travel as `Secret`. Its text is asked for by name, so a
search for `.reveal()` finds every place where a secret leaves its wrapping.
"""

from __future__ import annotations

from daypass.light_typing import final

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, NoReturn


@final
class Secret:
    """Text whose `str`, `repr`, format and pickle never show it. Compared in constant time."""

    __slots__ = ("_text",)
    _text: Final[str]

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        import hmac  # noqa: PLC0415 - loads OpenSSL's digests, which a login does not need

        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")
