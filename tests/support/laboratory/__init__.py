"""A fault laboratory: real TLS servers on loopback, each an issuer with one fault.

What each is, what the doctor says of it and what STS answers is data: `vectors/doctor/laboratory.json`. The tokens,
keys and roles in it are written as in `vectors/sts`.
"""

from __future__ import annotations

from support.laboratory.laboratory import Laboratory, Specimen
from support.laboratory.specimens import specimens

__all__ = ["Laboratory", "Specimen", "specimens"]
