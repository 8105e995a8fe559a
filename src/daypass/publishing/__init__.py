"""An issuer's discovery document and key set where strangers get them: a bucket, a folder that a web server serves.

For a provider that nobody outside can reach, our own or another's. `publication` judges what may be published at all
and in which order, `sources` read it, `targets` take it, `publish` brings the one to the other and loses nobody's
write, `outside` looks at what is really served and `findings` compares, `watch` keeps it so. `KeysSeenOutside` tells
the key ring what is seen, so that no key signs that strangers do not get.
"""

from __future__ import annotations

from daypass.publishing.findings import Finding, Gravity
from daypass.publishing.outside import look
from daypass.publishing.publication import Publication, PublishedObject, publication
from daypass.publishing.publish import Published, publish
from daypass.publishing.seen_outside import KeysSeenOutside

__all__ = [
    "Finding",
    "Gravity",
    "KeysSeenOutside",
    "Publication",
    "Published",
    "PublishedObject",
    "look",
    "publication",
    "publish",
]
