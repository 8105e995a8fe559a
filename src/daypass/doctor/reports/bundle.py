"""A bundle: the facts of one examination in a file that may be shown to others, and judged again where they are.

Facts hold no secrets; but they may come from elsewhere than an examination, and a bundle is opened in public. So they
are looked through (`redaction`) before they are written.
"""

from __future__ import annotations

import json
import platform
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.doctor.facts import Facts
from daypass.doctor.redaction import without_secrets
from daypass.errors import JsonMalformed, RequestInvalid
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.doctor.judge import Diagnosis

FORMAT: Final = "daypass-doctor-bundle"
VERSION: Final = 1
MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_MEMBERS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds.

    Attributes:
        facts: to be judged.
        found: codes of the findings where it was made, worst first.
        made_by: versions of Daypass, Python, OpenSSL and the system.
    """

    facts: Facts
    found: tuple[str, ...]
    made_by: Mapping[str, str]


def write(facts: Facts, diagnosis: Diagnosis, *, version: str) -> bytes:
    """The file's content: JSON with a line break at its end.

    Args:
        facts: of one examination.
        diagnosis: what it came to here.
        version: of Daypass.
    """
    made_by = {
        "daypass": version,
        "python": platform.python_version(),
        "openssl": ssl.OPENSSL_VERSION,
        "system": f"{platform.system()} {platform.machine()}",
    }
    content = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": made_by,
        "found": [finding.code for finding in diagnosis.findings],
        "facts": without_secrets(facts.to_json()),
    }
    return (json.dumps(content, indent=1, ensure_ascii=True) + "\n").encode("ascii")


def read(content: bytes) -> Bundle:
    """A bundle as `write` made it.

    Raises:
        RequestInvalid: when it is something else, or of another version.
    """
    try:
        value = strict_json.parse(content, max_bytes=MAX_BYTES, max_members=_MAX_MEMBERS, control_characters=True)
    except JsonMalformed as fault:
        raise RequestInvalid(f"the bundle cannot be read: {fault.message}") from None
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise RequestInvalid("this is not a bundle of the doctor", advice="`daypass doctor --bundle FILE` makes one.")
    if value.get("version") != VERSION:
        raise RequestInvalid(
            f"the bundle is of version `{value.get('version')}`, and this Daypass reads version {VERSION}",
            advice="Judge it with the version of Daypass that made it, or make it again.",
        )
    found, made_by = value.get("found"), value.get("made_by")
    if not isinstance(found, list) or not isinstance(made_by, dict):
        raise RequestInvalid("the bundle lacks what it was made by, or what was found")
    return Bundle(
        facts=Facts.from_json(value.get("facts")),
        found=tuple(map(str, found)),
        made_by={name: str(each) for name, each in made_by.items()},
    )
