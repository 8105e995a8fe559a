"""Tokens and programs as platforms give them to jobs. Nothing is signed: who finds a token does not verify it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

AWS = "sts.amazonaws.com"


def token(audience: object = AWS, **claims: object) -> str:
    """A compact JWT with these claims."""
    parts = ({"alg": "RS256", "kid": "k", "typ": "JWT"}, {"iss": "https://idp.example.com", "aud": audience, **claims})
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + ".c2ln"
    )


def program(folder: Path, name: str, *, prints: str = "", says: str = "", status: int = 0) -> Path:
    """A program in `folder` that keeps its arguments in `<name>.arguments`, one in a line."""
    path = folder / name
    path.write_text(
        "#!/bin/sh\n"
        f'printf "%s\\n" "$@" > "{folder}/{name}.arguments"\n'
        f'printf "%s" "$DAYPASS_AUDIENCE" > "{folder}/{name}.audience"\n'
        f"cat <<'END' >&2\n{says}\nEND\n"
        f"cat <<'END'\n{prints}\nEND\n"
        f"exit {status}\n"
    )
    path.chmod(0o755)
    return path


def arguments(folder: Path, name: str) -> list[str]:
    """What the program was called with."""
    return (folder / f"{name}.arguments").read_text().splitlines()
